//! When work that has failed is tried again, and how often that is said.
//!
//! Background work has nobody to whom it answers an error: it tries again until it succeeds, after pauses that grow, so
//! that a full disk is not kept busy and a log of messages not filled.

use crate::sync::lock;
use std::sync::Mutex;

/// The pause after a first failure; each further failure doubles it.
const FIRST_PAUSE_MS: u64 = 200;
/// A failure so long after the one before it is another trouble.
const TROUBLE_END_MS: u64 = 120_000;
/// A trouble that lasts is said so often.
const SAY_AGAIN_MS: u64 = 600_000;

/// The failures of one piece of work since it succeeded last, by the monotonic clock.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Retry {
    failures_count: u32,
    due_ms: u64,
}

impl Retry {
    /// Whether the work may be tried at a time.
    pub(crate) const fn is_due(&self, now_ms: u64) -> bool {
        now_ms >= self.due_ms
    }

    /// The work has failed at a time; it pauses, no longer than so.
    pub(crate) fn failed(&mut self, now_ms: u64, longest_pause_ms: u64) {
        let doubled = 1_u64.checked_shl(self.failures_count).unwrap_or(u64::MAX);
        let pause_ms = FIRST_PAUSE_MS.saturating_mul(doubled).min(longest_pause_ms);
        self.failures_count = self.failures_count.saturating_add(1);
        self.due_ms = now_ms.saturating_add(pause_ms);
    }

    /// The work has succeeded, or there is none.
    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

/// Failures of one kind of work that people are told of: the first of a trouble, and then rarely.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    state: Mutex<Option<Complaint>>,
}

#[derive(Clone, Copy, Debug)]
struct Complaint {
    last_failure_ms: u64,
    said_ms: u64,
    unsaid_count: u64,
}

impl Complaints {
    /// Work has failed at a time of the monotonic clock; if that is to be said, gives how many failures before
    /// were not.
    pub(crate) fn failed(&self, now_ms: u64) -> Option<u64> {
        let mut state = lock(&self.state);
        let before = state.filter(|before| now_ms.saturating_sub(before.last_failure_ms) < TROUBLE_END_MS);
        let is_said = before.is_none_or(|before| now_ms.saturating_sub(before.said_ms) >= SAY_AGAIN_MS);
        let unsaid_count = before.map_or(0, |before| before.unsaid_count);
        *state = Some(Complaint {
            last_failure_ms: now_ms,
            said_ms: before.map_or(now_ms, |before| if is_said { now_ms } else { before.said_ms }),
            unsaid_count: if is_said { 0 } else { unsaid_count + 1 },
        });
        is_said.then_some(unsaid_count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_a_success() {
        let mut retry = Retry::default();
        assert!(retry.is_due(0));
        for pause_ms in [200, 400, 800, 1_600, 2_000, 2_000] {
            retry.failed(1_000, 2_000);
            assert!(
                !retry.is_due(999 + pause_ms) && retry.is_due(1_000 + pause_ms),
                "{pause_ms}"
            );
        }
        for _ in 0..100 {
            retry.failed(1_000, u64::MAX);
        }
        assert!(!retry.is_due(u64::MAX - 1));
        retry.succeeded();
        assert!(retry.is_due(0));
    }

    #[test]
    fn first_failure_of_a_trouble_is_said_and_then_one_in_ten_minutes() {
        let complaints = Complaints::default();
        assert_eq!(complaints.failed(0), Some(0));
        let said: Vec<_> = (1..=130)
            .map(|number| complaints.failed(number * 10_000))
            .collect();
        let said_at: Vec<_> = (1..)
            .zip(&said)
            .filter_map(|(at, said)| Some((at, (*said)?)))
            .collect();
        assert_eq!(said_at, [(60, 59), (120, 59)]);
        assert_eq!(
            complaints.failed(1_300_000 + TROUBLE_END_MS),
            Some(0),
            "another trouble"
        );
    }
}
