//! How fast a compaction may write.
//!
//! Source: Cassandra `compaction_throughput`, `db.compaction.CompactionManager.compactionRateLimiterAcquire`.

use crate::engine::Signals;
use crate::storage_error::StorageError;
use std::time::{Duration, Instant};

/// Shortest sleep that is worth its cost.
const MIN_SLEEP: Duration = Duration::from_millis(10);
/// Longest sleep without a look at whether to go on, where nobody gives a signal.
const MAX_SLEEP: Duration = Duration::from_millis(200);

/// Holds a writer back to a number of bytes per second, counted from its beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateLimiter {
    bytes_per_second: u64,
    started: Instant,
}

impl RateLimiter {
    /// A limit that counts from now; 0 is no limit.
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second,
            started: Instant::now(),
        }
    }

    /// Sleeps until so many bytes may have been written, as long as a check passes, which signals wake it for.
    ///
    /// # Errors
    /// That of the check.
    pub(crate) fn wait_for(
        &self,
        written_bytes: u64,
        signals: &Signals,
        check: impl Fn() -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        loop {
            let seen = signals.events_count();
            check()?;
            let early = self.due(written_bytes).saturating_sub(self.started.elapsed());
            if early < MIN_SLEEP {
                return Ok(());
            }
            signals.wait_behind(seen, early.min(MAX_SLEEP));
        }
    }

    /// When so many bytes may have been written, from the beginning on.
    fn due(&self, written_bytes: u64) -> Duration {
        let whole = written_bytes.checked_div(self.bytes_per_second).unwrap_or(0);
        let rest_bytes = written_bytes.checked_rem(self.bytes_per_second).unwrap_or(0);
        let rest_ns = u128::from(rest_bytes) * 1_000_000_000 / u128::from(self.bytes_per_second.max(1));
        Duration::from_secs(whole) + Duration::from_nanos(u64::try_from(rest_ns).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_due_in_proportion_and_at_once_without_a_limit() {
        let limiter = RateLimiter::new(1_000);
        assert_eq!(limiter.due(2_500), Duration::from_millis(2_500));
        assert_eq!(RateLimiter::new(0).due(u64::MAX), Duration::ZERO);
    }
}
