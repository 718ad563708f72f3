//! The flushes of a node in the order of their switches, and what follows each when it has ended.
//!
//! Source: Cassandra `db.ColumnFamilyStore.PostFlush`, whose executor has one thread.

use crate::sync::lock;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use thymbra_durability::{FlushRules as _, FlushState, MemtableBounds};
use thymbra_types::{CommitLogPosition, Reference, TableId};

/// A flush that has begun.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Flush {
    id: u64,
    table: TableId,
    bounds: MemtableBounds,
    state: FlushState,
}

/// What a table's flush lets the commit log forget: after the lower bound, up to the upper.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct CleanInterval {
    pub(crate) table: TableId,
    pub(crate) lower: CommitLogPosition,
    pub(crate) upper: CommitLogPosition,
}

/// All flushes that have begun and whose consequences have not been drawn.
#[derive(Debug, Default)]
pub(crate) struct FlushRegister {
    flushes: Mutex<(u64, VecDeque<Flush>)>,
}

impl FlushRegister {
    /// A memtable has been switched out; the number names its flush.
    pub(crate) fn begin(&self, table: TableId, bounds: MemtableBounds) -> u64 {
        let (last_id, flushes) = &mut *self.lock();
        *last_id += 1;
        flushes.push_back(Flush {
            id: *last_id,
            table,
            bounds,
            state: FlushState::Writing,
        });
        *last_id
    }

    /// A flush has ended; gives what the commit log may forget now, of this flush and of those that
    /// waited for it.
    pub(crate) fn end(&self, id: u64, state: FlushState) -> Vec<CleanInterval> {
        let (_, flushes) = &mut *self.lock();
        if let Some(ended) = flushes.iter_mut().find(|flush| flush.id == id) {
            ended.state = state;
        }
        Self::draw(flushes)
    }

    /// A flush has ended badly; what follows is left to others.
    pub(crate) fn fail(&self, id: u64) {
        let (_, flushes) = &mut *self.lock();
        if let Some(ended) = flushes.iter_mut().find(|flush| flush.id == id) {
            ended.state = FlushState::Failed;
        }
    }

    /// What the commit log may forget of flushes that have ended, and that nobody was told of.
    pub(crate) fn ended(&self) -> Vec<CleanInterval> {
        let (_, flushes) = &mut *self.lock();
        Self::draw(flushes)
    }

    /// All flushes of a table have failed that have not ended; gives the same.
    pub(crate) fn end_all(&self, table: TableId) -> Vec<CleanInterval> {
        let (_, flushes) = &mut *self.lock();
        let is_open = |flush: &&mut Flush| flush.table == table && flush.state == FlushState::Writing;
        for flush in flushes.iter_mut().filter(is_open) {
            flush.state = FlushState::Failed;
        }
        Self::draw(flushes)
    }

    /// Takes out the flushes that have ended, as far as all earlier ones have.
    fn draw(flushes: &mut VecDeque<Flush>) -> Vec<CleanInterval> {
        let mut clean = Vec::new();
        while let Some(first) = flushes.front() {
            if !Reference.may_post_flush(first.state, &[]) {
                break;
            }
            if let Some((lower, upper)) = Reference.clean_after(first.state, first.bounds) {
                clean.push(CleanInterval {
                    table: first.table,
                    lower,
                    upper,
                });
            }
            flushes.pop_front();
        }
        clean
    }

    fn lock(&self) -> MutexGuard<'_, (u64, VecDeque<Flush>)> {
        lock(&self.flushes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: TableId = TableId(1);

    fn bounds(lower: u32, upper: u32) -> MemtableBounds {
        let at = |position| CommitLogPosition {
            segment_id: 1,
            position,
        };
        MemtableBounds {
            lower: at(lower),
            upper: at(upper),
        }
    }

    fn clean(lower: u32, upper: u32) -> CleanInterval {
        let MemtableBounds { lower, upper } = bounds(lower, upper);
        CleanInterval {
            table: TABLE,
            lower,
            upper,
        }
    }

    #[test]
    fn consequences_of_a_flush_wait_for_earlier_ones_and_are_drawn_in_order() {
        let register = FlushRegister::default();
        let first = register.begin(TABLE, bounds(0, 5));
        let second = register.begin(TABLE, bounds(5, 9));
        assert_eq!(register.end(second, FlushState::Written), []);
        assert_eq!(
            register.end(first, FlushState::Written),
            [clean(0, 5), clean(5, 9)]
        );
    }

    //= WP-MF-04 check
    #[test]
    fn failed_flush_cleans_nothing_and_holds_nobody_up() {
        let register = FlushRegister::default();
        let first = register.begin(TABLE, bounds(0, 5));
        let second = register.begin(TABLE, bounds(5, 9));
        assert_eq!(register.end(first, FlushState::Failed), []);
        assert_eq!(register.end(second, FlushState::Written), [clean(5, 9)]);
    }

    #[test]
    fn what_waited_for_a_flush_that_was_given_up_is_told_later() {
        let register = FlushRegister::default();
        let first = register.begin(TABLE, bounds(0, 5));
        let second = register.begin(TABLE, bounds(5, 9));
        assert_eq!(register.end(second, FlushState::Written), []);
        assert_eq!(register.ended(), []);
        register.fail(first);
        assert_eq!(register.ended(), [clean(5, 9)]);
        assert_eq!(register.ended(), []);
    }

    /// Every order of these numbers.
    fn orders(numbers: &[usize]) -> Vec<Vec<usize>> {
        if numbers.is_empty() {
            return vec![Vec::new()];
        }
        let begun_with = |first: &usize| {
            let others: Vec<usize> = numbers.iter().copied().filter(|other| other != first).collect();
            let orders = orders(&others).into_iter();
            orders
                .map(|others| [&[*first], &*others].concat())
                .collect::<Vec<_>>()
        };
        numbers.iter().flat_map(begun_with).collect()
    }

    //= WP-MF-04 check
    //= WP-MF-06 check
    #[test]
    fn flushes_that_end_in_any_order_clean_what_they_wrote_in_the_order_of_their_switches() {
        const COUNT: usize = 4;
        for order in orders(&(0..COUNT).collect::<Vec<_>>()) {
            for failed in 0..1 << COUNT {
                let register = FlushRegister::default();
                let table = |number: usize| TableId(u128::from(number % 2 == 1));
                let own_bounds = |number: usize| {
                    let lower = u32::try_from(number * 10).expect("a few flushes");
                    bounds(lower, lower + 10)
                };
                let begun: Vec<u64> = (0..COUNT)
                    .map(|number| register.begin(table(number), own_bounds(number)))
                    .collect();
                let mut has_ended = [false; COUNT];
                let mut drawn_count = 0;
                for number in &order {
                    let is_failed = |number: usize| failed & 1 << number != 0;
                    let state = match is_failed(*number) {
                        true => FlushState::Failed,
                        false => FlushState::Written,
                    };
                    let clean = register.end(begun[*number], state);
                    has_ended[*number] = true;
                    let ended_count = has_ended.iter().take_while(|ended| **ended).count();
                    let written = (drawn_count..ended_count).filter(|number| !is_failed(*number));
                    let expected: Vec<CleanInterval> = written
                        .map(|number| CleanInterval {
                            table: table(number),
                            lower: own_bounds(number).lower,
                            upper: own_bounds(number).upper,
                        })
                        .collect();
                    assert_eq!(clean, expected, "{order:?} {failed:b} {number}");
                    drawn_count = ended_count;
                }
            }
        }
    }

    #[test]
    fn table_that_is_given_up_holds_no_other_up() {
        let register = FlushRegister::default();
        register.begin(TableId(2), bounds(0, 5));
        let written = register.begin(TABLE, bounds(5, 9));
        register.begin(TableId(2), bounds(9, 10));
        let open = register.begin(TABLE, bounds(9, 12));
        assert_eq!(register.end(written, FlushState::Written), []);
        assert_eq!(register.end_all(TableId(2)), [clean(5, 9)]);
        assert_eq!(register.end(open, FlushState::Written), [clean(9, 12)]);
    }
}
