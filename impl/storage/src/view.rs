//! Which memtables and SSTables of a table are read at a moment.
//!
//! A view never changes; switching memtables, finishing a flush or a compaction makes a new one,
//! and readers keep the one that they began with. Source: Cassandra `db.lifecycle.View`, `Tracker`.

use crate::memtable::Memtable;
use crate::sstable::SSTableReader;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Invariants: flushing memtables are closed, and older first; generations are unique.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// Takes updates.
    pub(crate) current: Arc<Memtable>,
    /// Switched out and not yet replaced by an SSTable, oldest first.
    pub(crate) flushing: Vec<Arc<Memtable>>,
    /// Everything that has been flushed, newest data first.
    pub(crate) sstables: Vec<Arc<SSTableReader>>,
}

impl View {
    /// A table that has just been opened.
    pub(crate) fn new(current: Memtable, sstables: Vec<Arc<SSTableReader>>) -> Self {
        let mut view = Self {
            current: Arc::new(current),
            flushing: Vec::new(),
            sstables,
        };
        view.sort();
        view
    }

    /// All memtables.
    pub(crate) fn memtables(&self) -> impl Iterator<Item = &Arc<Memtable>> {
        self.flushing.iter().chain([&self.current])
    }

    /// The memtable that takes updates becomes one that is flushed.
    pub(crate) fn switch_memtable(&mut self, next: Memtable) -> Arc<Memtable> {
        let switched = std::mem::replace(&mut self.current, Arc::new(next));
        self.flushing.push(Arc::clone(&switched));
        switched
    }

    /// A flush has finished; `None` where there was nothing to write.
    pub(crate) fn replace_flushed(&mut self, memtable: &Arc<Memtable>, flushed: Option<Arc<SSTableReader>>) {
        self.flushing.retain(|other| !Arc::ptr_eq(other, memtable));
        self.sstables.extend(flushed);
        self.sort();
    }

    /// A compaction has finished: its inputs are gone, its outputs are read.
    pub(crate) fn replace_compacted(&mut self, inputs: &BTreeSet<u64>, outputs: Vec<Arc<SSTableReader>>) {
        self.sstables
            .retain(|sstable| !inputs.contains(&sstable.generation()));
        self.sstables.extend(outputs);
        self.sort();
    }

    /// Readers that may stop early look at the newest data first.
    fn sort(&mut self) {
        self.sstables
            .sort_by_key(|sstable| std::cmp::Reverse((sstable.max_timestamp(), sstable.generation())));
    }
}
