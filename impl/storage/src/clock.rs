//! Time for the engine: the only place where it is read.
//!
//! Rules of `thymbra-durability` get it as a number. Tests turn the hands of a [`ManualClock`].

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Two readings: time of day, which may jump, and a stop watch, which does not go back.
pub trait Clock: Debug + Send + Sync {
    /// Time of day, microseconds since 1970: timestamps of mutations.
    fn now_us(&self) -> u64;

    /// Time since some beginning that stays the same, milliseconds: how old a sync is.
    fn monotonic_ms(&self) -> u64;

    /// Time of day, milliseconds since 1970: ids of segments.
    fn now_ms(&self) -> u64 {
        self.now_us() / 1_000
    }

    /// Time of day, seconds since 1970: expiration and local deletion time.
    fn now_seconds(&self) -> u64 {
        self.now_us() / 1_000_000
    }
}

/// The clocks of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    /// Beginning of the stop watch.
    started: Instant,
}

impl SystemClock {
    /// The stop watch begins now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    /// 0 before 1970.
    fn now_us(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    /// Time of day, microseconds.
    now_us: AtomicU64,
    /// The stop watch, microseconds.
    monotonic_us: AtomicU64,
}

impl ManualClock {
    /// A time of day to begin with; the stop watch shows 0.
    #[must_use]
    pub const fn at_ms(now_ms: u64) -> Self {
        Self {
            now_us: AtomicU64::new(now_ms.saturating_mul(1_000)),
            monotonic_us: AtomicU64::new(0),
        }
    }

    /// Lets microseconds pass on both readings.
    pub fn advance_us(&self, passed_us: u64) {
        self.now_us.fetch_add(passed_us, Ordering::SeqCst);
        self.monotonic_us.fetch_add(passed_us, Ordering::SeqCst);
    }

    /// Lets milliseconds pass on both readings.
    pub fn advance_ms(&self, passed_ms: u64) {
        self.advance_us(passed_ms.saturating_mul(1_000));
    }

    /// Sets the time of day, forward or back; the stop watch does not notice.
    pub fn set_ms(&self, now_ms: u64) {
        self.now_us.store(now_ms.saturating_mul(1_000), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_us(&self) -> u64 {
        self.now_us.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic_us.load(Ordering::SeqCst) / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_watch_ignores_a_time_of_day_that_is_set_back() {
        let clock = ManualClock::at_ms(5_000);
        clock.advance_ms(1_500);
        assert_eq!(
            (clock.now_ms(), clock.now_seconds(), clock.monotonic_ms()),
            (6_500, 6, 1_500)
        );
        clock.set_ms(1);
        assert_eq!(
            (clock.now_us(), clock.now_ms(), clock.monotonic_ms()),
            (1_000, 1, 1_500)
        );
    }

    #[test]
    fn system_clock_reads_a_time_after_this_was_written_and_does_not_go_back() {
        let clock = SystemClock::default();
        assert!(clock.now_seconds() > 1_700_000_000);
        let earlier_ms = clock.monotonic_ms();
        assert!(clock.monotonic_ms() >= earlier_ms);
    }
}
