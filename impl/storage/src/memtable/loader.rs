//! Filling a memtable that nobody reads yet.

use super::{Memtable, PACKED_OVERHEAD_BYTES, PackedUpdate, Place, shard_index};
use crate::sync::write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use thymbra_format::rows::SingleRow;
use thymbra_types::DecoratedKey;

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
}

impl MemtableLoader {
    /// Nothing is taken yet.
    pub(crate) fn new(memtable: Arc<Memtable>) -> Self {
        Self {
            staged: vec![Vec::new(); memtable.shards.len()],
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
        let size_bytes = (key.key().len() + contents.len()) as u64 + PACKED_OVERHEAD_BYTES;
        self.staged.get_mut(index)?.push((key, place));
        self.memtable.size_bytes.fetch_add(size_bytes, Ordering::Relaxed);
        self.memtable.operations_count.fetch_add(1, Ordering::Relaxed);
        Some(size_bytes)
    }

    /// Puts all that was taken into the memtable.
    pub(crate) fn finish(&mut self) {
        for (shard, staged) in self.memtable.shards.iter().zip(&mut self.staged) {
            let mut staged = core::mem::take(staged);
            staged.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
            write(shard).insert_sorted(staged, &self.memtable.layout);
        }
    }
}
