//! How often an SSTable is read: a mean in which what is long past counts little.
//!
//! Source: Cassandra `metrics.RestorableMeter`, its rate of two hours.

use crate::sync::lock;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads are counted together for so long.
const TICK_MS: u64 = 5_000;
const TICK_SECONDS: f64 = 5.0;
/// After so long a rate counts for a share of 1/e.
const WINDOW_SECONDS: f64 = 7_200.0;

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

    /// Reads per second at a time of the monotonic clock. Reads count from the look on that ends their tick.
    #[expect(clippy::cast_precision_loss, reason = "a rate by which SSTables are ordered")]
    pub(super) fn rate(&self, now_ms: u64) -> f64 {
        let mut rate = lock(&self.rate);
        let last_tick_ms = *rate.last_tick_ms.get_or_insert(now_ms);
        let ticks_count = now_ms.saturating_sub(last_tick_ms) / TICK_MS;
        if let Some(empty_ticks_count) = ticks_count.checked_sub(1) {
            rate.last_tick_ms = Some(last_tick_ms.saturating_add(ticks_count.saturating_mul(TICK_MS)));
            let read = self.uncounted.swap(0, Ordering::Relaxed) as f64 / TICK_SECONDS;
            let kept = (-TICK_SECONDS / WINDOW_SECONDS).exp();
            let after_first = rate
                .per_second
                .map_or(read, |before| before + (1.0 - kept) * (read - before));
            let empty_ticks = empty_ticks_count as f64;
            rate.per_second = Some(after_first * kept.powf(empty_ticks));
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
        let expected = 2.0 - (-500.0 * TICK_SECONDS / WINDOW_SECONDS).exp();
        assert!(is_about(rate, expected), "{rate}");
    }
}
