//! Filling a memtable that nobody reads yet.

use super::{Memtable, PackedUpdate, Place, packed_bytes, shard_index};
use crate::sync::write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use thymbra_format::rows::SingleRow;
use thymbra_types::DecoratedKey;

/// Rows that are taken before they are put in for the first time. What two of one partition take
/// together is known, and counted, only then.
const FIRST_STAGED_ROWS_COUNT: usize = 1 << 16;
/// The same later, at most, as long as no two were of one partition.
const STAGED_ROWS_COUNT: usize = 1 << 20;

/// Takes rows in any order, and puts them into their memtable sorted.
///
/// Nothing of them is seen in the memtable before [`MemtableLoader::finish`]. A map that is searched for
/// each key reads another path of its nodes from memory each time; sorted keys find theirs in the
/// cache.
#[derive(Debug)]
pub(crate) struct MemtableLoader {
    memtable: Arc<Memtable>,
    /// For each shard the updates whose bytes it has, but not in its map.
    staged: Vec<Vec<(DecoratedKey, Place)>>,
    staged_rows_count: usize,
    /// Rows that are taken before they are put in.
    wanted_rows_count: usize,
}

impl MemtableLoader {
    /// Nothing is taken yet.
    pub(crate) fn new(memtable: Arc<Memtable>) -> Self {
        Self {
            staged: vec![Vec::new(); memtable.shards.len()],
            staged_rows_count: 0,
            wanted_rows_count: FIRST_STAGED_ROWS_COUNT,
            memtable,
        }
    }

    /// Takes a row; gives the bytes by which the memtable grows. `None`, and nothing is done, where its
    /// bytes cannot be kept.
    pub(crate) fn put(
        &mut self,
        key: DecoratedKey,
        packed: PackedUpdate<'_>,
        row: &SingleRow<'_, '_>,
    ) -> Option<u64> {
        let contents = self.memtable.kept_contents(packed)?;
        let index = shard_index(key.token());
        let mut shard = write(self.memtable.shards.get(index)?);
        shard.stats.update_single_row(row);
        shard.columns.collect_single_row(row);
        let place = shard.arena.push(contents);
        drop(shard);
        let size_bytes = packed_bytes(&key, place);
        self.staged.get_mut(index)?.push((key, place));
        self.staged_rows_count += 1;
        self.memtable.size_bytes.fetch_add(size_bytes, Ordering::Relaxed);
        self.memtable.operations_count.fetch_add(1, Ordering::Relaxed);
        if self.staged_rows_count < self.wanted_rows_count {
            return Some(size_bytes);
        }
        let added_bytes = self.finish();
        self.wanted_rows_count = match added_bytes {
            0 => (2 * self.wanted_rows_count).min(STAGED_ROWS_COUNT),
            _ => FIRST_STAGED_ROWS_COUNT,
        };
        Some(size_bytes + added_bytes)
    }

    /// Puts all that was taken into the memtable, which must come before its flush; gives the bytes by
    /// which it grows more than was said when they were taken.
    pub(crate) fn finish(&mut self) -> u64 {
        self.staged_rows_count = 0;
        let mut added_bytes = 0;
        for (shard, staged) in self.memtable.shards.iter().zip(&mut self.staged) {
            if staged.is_empty() {
                continue;
            }
            staged.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
            added_bytes += write(shard).insert_sorted(core::mem::take(staged), &self.memtable.layout);
        }
        self.memtable.size_bytes.fetch_add(added_bytes, Ordering::Relaxed);
        added_bytes
    }
}
