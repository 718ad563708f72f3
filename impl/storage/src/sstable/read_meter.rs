//! How often an SSTable is read: a mean in which what is long past counts little.
//!
//! Source: Cassandra `metrics.RestorableMeter`, its rate of two hours.

use crate::sync::lock;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A tick: reads are counted together for so long, and until somebody looks.
const TICK_MS: u64 = 5_000;
/// After so long a rate counts for a share of 1/e.
const WINDOW_MS: f64 = 7_200_000.0;

/// Counts reads, and knows their rate.
#[derive(Debug, Default)]
pub(super) struct ReadMeter {
    /// Reads since the last tick.
    uncounted: AtomicU64,
    rate: Mutex<Rate>,
}

#[derive(Debug, Default)]
struct Rate {
    /// By the monotonic clock; the first look begins the first tick.
    last_tick_ms: Option<u64>,
    /// Absent before the first tick.
    per_second: Option<f64>,
}

impl ReadMeter {
    /// Counts one read.
    pub(super) fn mark(&self) {
        self.uncounted.fetch_add(1, Ordering::Relaxed);
    }

    /// Reads per second at a time of the monotonic clock.
    ///
    /// Reads count from the look on that ends their tick, as if they had come evenly since the look before: when
    /// they came is not kept, and a read takes no look at the clock. Those before the first look do not count.
    #[expect(clippy::cast_precision_loss, reason = "a rate by which SSTables are ordered")]
    pub(super) fn rate(&self, now_ms: u64) -> f64 {
        let mut rate = lock(&self.rate);
        let Some(last_tick_ms) = rate.last_tick_ms else {
            rate.last_tick_ms = Some(now_ms);
            self.uncounted.store(0, Ordering::Relaxed);
            return 0.0;
        };
        let passed_ms = now_ms.saturating_sub(last_tick_ms);
        if passed_ms >= TICK_MS {
            rate.last_tick_ms = Some(now_ms);
            let passed_ms = passed_ms as f64;
            let read = self.uncounted.swap(0, Ordering::Relaxed) as f64 * 1_000.0 / passed_ms;
            let kept = (-passed_ms / WINDOW_MS).exp();
            let before = rate.per_second.unwrap_or(read);
            rate.per_second = Some(read + (before - read) * kept);
        }
        rate.per_second.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_about(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-9
    }

    #[test]
    fn first_tick_is_the_rate_and_two_hours_of_silence_take_most_of_it() {
        let meter = ReadMeter::default();
        assert!(is_about(meter.rate(1_000), 0.0));
        for _ in 0..50 {
            meter.mark();
        }
        assert!(is_about(meter.rate(5_999), 0.0), "the tick is not over");
        assert!(is_about(meter.rate(6_000), 10.0));
        let later = meter.rate(6_000 + 7_200_000);
        assert!(is_about(later, 10.0 * (-1.0_f64).exp()), "{later}");
    }

    /// All of them counted as read within five seconds, which made an SSTable hot that few had looked at.
    #[test]
    fn reads_since_a_look_long_ago_are_spread_over_the_time_since() {
        let meter = ReadMeter::default();
        meter.rate(0);
        (0..3_600).for_each(|_| meter.mark());
        let late = meter.rate(3_600_000);
        assert!(is_about(late, 1.0), "{late}");
        (0..7_200).for_each(|_| meter.mark());
        let risen = meter.rate(3_600_000 + 3_600_000);
        assert!(is_about(risen, 2.0 - (-0.5_f64).exp()), "{risen}");
    }

    /// It is unknown how long ago they were.
    #[test]
    fn reads_before_the_first_look_do_not_count() {
        let meter = ReadMeter::default();
        (0..1_000).for_each(|_| meter.mark());
        meter.rate(0);
        assert!(is_about(meter.rate(TICK_MS), 0.0));
    }

    #[test]
    fn steady_reads_keep_the_rate_and_more_of_them_raise_it_slowly() {
        let meter = ReadMeter::default();
        let mut rate = meter.rate(0);
        for tick in 1..=1_000_u64 {
            for _ in 0..if tick <= 500 { 5 } else { 10 } {
                meter.mark();
            }
            rate = meter.rate(tick * TICK_MS);
            assert!(tick > 500 || is_about(rate, 1.0), "{rate}");
        }
        let expected = 2.0 - (-500.0 * 5_000.0 / WINDOW_MS).exp();
        assert!(is_about(rate, expected), "{rate}");
    }
}
