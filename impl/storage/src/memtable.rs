//! Memtables: what a table has taken in since its last flush, ordered as an SSTable will have it.
//!
//! Writers put updates in behind the commit log, readers look before they look at SSTables, a
//! flush writes all of it out. Chapter: `specs/07-memtable-and-flush.md`. Source: Cassandra
//! `db.memtable.SkipListMemtable`, `db.partitions.AtomicBTreePartition`.

use crate::column_collector::ColumnCollector;
use crate::read::ClusteringSlice;
use crate::sync::{lock, read, write};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, RwLock, RwLockReadGuard};
use thymbra_durability::MemtableBounds;
use thymbra_format::rows::{EncodingStats, EncodingStatsCollector};
use thymbra_types::{CommitLogPosition, DecoratedKey, Partition, Reference, Timestamp, Token};

/// Shards of a memtable whose tokens are numbers; each holds one stretch of the ring.
const SHARD_COUNT: u32 = 16;
/// Memory of a partition beside its data: its place in the map, and the rows' own.
const PARTITION_OVERHEAD_BYTES: u64 = 400;

/// Updates of one table, merged by partition.
///
/// Every position between the bounds that belongs to the table is in this memtable, and no other
/// memtable has it.
#[derive(Debug)]
pub(crate) struct Memtable {
    shards: Box<[RwLock<Shard>]>,
    /// Upper bound of the memtable before this one; excluded.
    lower_bound: CommitLogPosition,
    /// Set when the memtable is switched out; included.
    upper_bound: OnceLock<CommitLogPosition>,
    created_ms: u64,
    size_bytes: AtomicU64,
    operations_count: AtomicU64,
    claim: Mutex<Option<u64>>,
}

/// One stretch of the ring.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    /// Boxed: an insertion moves half a node of neighbours.
    partitions: BTreeMap<DecoratedKey, Box<Partition>>,
    stats: EncodingStatsCollector,
    columns: ColumnCollector,
}

impl Shard {
    /// Sees an update for the sake of the header.
    fn collect(&mut self, update: &Partition) {
        self.stats.update_partition(update);
        self.columns.collect(update);
    }
}

impl Memtable {
    /// An empty memtable that takes what is appended behind `lower_bound`.
    pub(crate) fn new(lower_bound: CommitLogPosition, created_ms: u64) -> Self {
        Self {
            shards: (0..SHARD_COUNT).map(|_| RwLock::default()).collect(),
            lower_bound,
            upper_bound: OnceLock::new(),
            created_ms,
            size_bytes: AtomicU64::new(0),
            operations_count: AtomicU64::new(0),
            claim: Mutex::new(None),
        }
    }

    /// Merges an update into its partition; gives the bytes by which the memtable has grown.
    pub(crate) fn put(&self, key: DecoratedKey, update: Partition) -> u64 {
        let size_bytes = update.data_size_bytes() as u64 + PARTITION_OVERHEAD_BYTES;
        let Some(shard) = self.shards.get(shard_index(key.token())) else {
            unreachable!("every token has a shard")
        };
        let mut shard = write(shard);
        shard.collect(&update);
        match shard.partitions.entry(key) {
            Entry::Vacant(entry) => {
                let mut partition = Partition::default();
                partition.apply(update, &Reference);
                entry.insert(Box::new(partition));
            }
            Entry::Occupied(mut entry) => entry.get_mut().apply(update, &Reference),
        }
        drop(shard);
        self.size_bytes.fetch_add(size_bytes, Ordering::Relaxed);
        self.operations_count.fetch_add(1, Ordering::Relaxed);
        size_bytes
    }

    /// What of a partition concerns a slice; `None` where nothing is known of it.
    pub(crate) fn get(&self, key: &DecoratedKey, slice: &ClusteringSlice) -> Option<Partition> {
        let shard = self.shard(key.token());
        shard.partitions.get(key).map(|partition| slice.cut(partition))
    }

    /// Smallest timestamp near a partition; `None` where nothing is known of it.
    ///
    /// Never above the smallest of the partition itself: it is that of the shard.
    pub(crate) fn min_timestamp(&self, key: &DecoratedKey) -> Option<Timestamp> {
        let shard = self.shard(key.token());
        shard
            .partitions
            .contains_key(key)
            .then(|| shard.stats.finish().min_timestamp)
    }

    /// Smallest timestamp of everything; `None` when nothing was put in.
    pub(crate) fn min_timestamp_of_all(&self) -> Option<Timestamp> {
        let shards = self.shards.iter().filter_map(|shard| {
            let shard = read(shard);
            (!shard.partitions.is_empty()).then(|| shard.stats.finish().min_timestamp)
        });
        shards.min()
    }

    /// Up to `limit_count` partitions with keys in a range, in order.
    pub(crate) fn range(
        &self,
        range: (Bound<&DecoratedKey>, Bound<&DecoratedKey>),
        limit_count: usize,
    ) -> Vec<(DecoratedKey, Partition)> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = read(shard);
            let missing = limit_count - found.len();
            found.extend(
                shard
                    .partitions
                    .range::<DecoratedKey, _>(range)
                    .take(missing)
                    .map(|(key, partition)| (key.clone(), (**partition).clone())),
            );
            if found.len() >= limit_count {
                break;
            }
        }
        found
    }

    /// Calls a function with every partition in order; readers may read meanwhile.
    ///
    /// # Errors
    /// The first that the function gives; it is not called any more then.
    pub(crate) fn try_for_each<E>(
        &self,
        mut with: impl FnMut(&DecoratedKey, &Partition) -> Result<(), E>,
    ) -> Result<(), E> {
        for shard in &self.shards {
            let shard = read(shard);
            for (key, partition) in &shard.partitions {
                with(key, partition)?;
            }
        }
        Ok(())
    }

    /// Minima and columns of everything that was ever put in, also of what has been overwritten since.
    pub(crate) fn header(&self) -> (EncodingStats, ColumnCollector) {
        let mut stats = EncodingStats::NO_STATS;
        let mut columns = ColumnCollector::default();
        for shard in &self.shards {
            let shard = read(shard);
            stats = stats.merge(shard.stats.finish());
            columns.merge(&shard.columns);
        }
        (stats, columns)
    }

    /// Partitions in it.
    pub(crate) fn partitions_count(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).partitions.len()).sum()
    }

    /// Whether nothing was put in.
    pub(crate) fn is_clean(&self) -> bool {
        self.operations_count() == 0
    }

    /// Estimate of the memory that the data takes. Overwritten data counts until the flush, as in
    /// the slabs of Cassandra's allocators.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes.load(Ordering::Relaxed)
    }

    /// Updates that were put in.
    pub(crate) fn operations_count(&self) -> u64 {
        self.operations_count.load(Ordering::Relaxed)
    }

    /// When it was made, milliseconds of the monotonic clock.
    pub(crate) const fn created_ms(&self) -> u64 {
        self.created_ms
    }

    /// Upper bound of the memtable before it.
    pub(crate) const fn lower_bound(&self) -> CommitLogPosition {
        self.lower_bound
    }

    /// What it holds of the commit log; nothing yet while it takes updates.
    pub(crate) fn bounds(&self) -> MemtableBounds {
        MemtableBounds {
            lower: self.lower_bound,
            upper: self.upper_bound.get().copied().unwrap_or(self.lower_bound),
        }
    }

    /// Lets one caller at a time write the memtable out; what it holds is the flush that has begun
    /// and not ended, if there is one.
    pub(crate) fn claim(&self) -> MutexGuard<'_, Option<u64>> {
        lock(&self.claim)
    }

    /// Ends the memtable. The write barrier has been passed: no update is on its way to it.
    pub(crate) fn close(&self, upper_bound: CommitLogPosition, flush: u64) {
        *self.claim() = Some(flush);
        let closed = self.upper_bound.set(upper_bound);
        assert!(closed.is_ok(), "a memtable is switched out once");
    }

    fn shard(&self, token: &Token) -> RwLockReadGuard<'_, Shard> {
        let Some(shard) = self.shards.get(shard_index(token)) else {
            unreachable!("every token has a shard")
        };
        read(shard)
    }
}

/// The shard of a token: shards are in the order of tokens.
fn shard_index(token: &Token) -> usize {
    match token {
        Token::Murmur3(token) => {
            let from_minimum = token.cast_unsigned() ^ (1 << (u64::BITS - 1));
            // The first four bits; at most 15.
            usize::try_from(from_minimum >> (u64::BITS - SHARD_COUNT.ilog2())).unwrap_or_default()
        }
        Token::Random(_) | Token::ByteOrdered(_) => 0,
    }
}
