//! Memtables: what a table has taken in since its last flush, ordered as an SSTable will have it.
//!
//! Writers put updates in behind the commit log, readers look before they look at SSTables, a
//! flush writes all of it out. Most partitions are written once before they are flushed: of those the
//! bytes are kept that the commit log has too, which costs one copy and frees as one block. A second
//! write makes a partition of them. Chapter: `specs/07-memtable-and-flush.md`. Source: Cassandra
//! `db.memtable.SkipListMemtable`, `db.partitions.AtomicBTreePartition`.

mod arena;
mod loader;

pub(crate) use loader::MemtableLoader;

use arena::{Arena, Place};

use crate::column_collector::ColumnCollector;
use crate::read::ClusteringSlice;
use crate::stretch::Stretch;
use crate::sync::{lock, read, write};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hint::black_box;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock, RwLockReadGuard, TryLockError};
use thymbra_durability::{MemtableBounds, MemtableRules as _};
use thymbra_format::mutation::{TableLayout, UpdateDecoder};
use thymbra_format::rows::{EncodingStats, EncodingStatsCollector, SingleRow};
use thymbra_types::{CommitLogPosition, DecoratedKey, Partition, Reference, Timestamp, Token};

/// Shards of a memtable whose tokens are numbers; each holds one stretch of the ring.
const SHARD_COUNT: u32 = 32;
/// Memory of a partition beside its data: its place in the map, and the rows' own.
const PARTITION_OVERHEAD_BYTES: u64 = 400;
/// Memory of a partition of which bytes are kept, beside them: its place in the map.
const PACKED_OVERHEAD_BYTES: u64 = 120;

/// Updates of one table, merged by partition.
///
/// Every position between the bounds that belongs to the table is in this memtable, and no other
/// memtable has it.
#[derive(Debug)]
pub(crate) struct Memtable {
    /// The form of the bytes that are kept.
    layout: Arc<TableLayout>,
    shards: Box<[RwLock<Shard>]>,
    /// Upper bound of the memtable before this one; excluded.
    lower_bound: CommitLogPosition,
    /// Set when the memtable is switched out; included.
    upper_bound: OnceLock<CommitLogPosition>,
    /// The end of the record that a replay visited last, of whatever table, if it was filled by one and is flushed.
    replayed_up_to: OnceLock<CommitLogPosition>,
    created_ms: u64,
    size_bytes: AtomicU64,
    operations_count: AtomicU64,
    /// Whether its memory has been taken for free.
    is_released: AtomicBool,
    claim: Mutex<Option<u64>>,
}

/// One stretch of the ring.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    partitions: BTreeMap<DecoratedKey, Slot>,
    arena: Arena,
    stats: EncodingStatsCollector,
    columns: ColumnCollector,
}

/// What is kept of a partition.
#[derive(Debug)]
enum Slot {
    /// The contents of its only update.
    Packed(Place),
    /// All updates, merged. Boxed: an insertion moves half a node of neighbours.
    Whole(Box<Partition>),
}

/// What a flush is given of a partition.
#[derive(Debug)]
pub(crate) enum Flushed<'m> {
    /// All of it is one row, which can be written without being taken apart.
    SingleRow(&'m SingleRow<'m, 'm>),
    /// All of it, in normal form.
    Partition(&'m Partition),
}

/// How much is copied at once: a partition that reaches either limit is the last, also the first one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimit {
    pub(crate) partitions_count: usize,
    pub(crate) data_bytes: usize,
}

/// Copies of partitions that follow each other.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) partitions: Vec<(DecoratedKey, Partition)>,
    /// Whether a limit was reached, so that there may be more behind the last.
    pub(crate) is_full: bool,
}

/// An update as the commit log has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedUpdate<'a> {
    /// The schema that the bytes follow.
    pub(crate) layout: &'a Arc<TableLayout>,
    /// What follows the key, see [`UpdateDecoder`].
    pub(crate) contents: &'a [u8],
}

impl Shard {
    /// Sees an update for the sake of the header.
    fn collect(&mut self, update: &Partition) {
        self.stats.update_partition(update);
        self.columns.collect(update);
    }

    /// Merges an update in; gives the bytes by which the shard has grown.
    fn put(
        &mut self,
        key: DecoratedKey,
        update: Partition,
        packed: Option<&[u8]>,
        layout: &TableLayout,
    ) -> u64 {
        match self.partitions.entry(key) {
            Entry::Vacant(entry) => match packed {
                Some(contents) => {
                    let place = self.arena.push(contents);
                    let size_bytes = packed_bytes(entry.key(), place);
                    entry.insert(Slot::Packed(place));
                    size_bytes
                }
                None => {
                    let size_bytes = entry.key().key().len() as u64 + whole_bytes(&update);
                    entry.insert(Slot::Whole(Box::new(normal(update))));
                    size_bytes
                }
            },
            Entry::Occupied(mut entry) => {
                let mut decoder = UpdateDecoder::new(layout);
                entry.get_mut().apply(update, &self.arena, &mut decoder)
            }
        }
    }

    /// Merges updates in whose keys ascend, some perhaps more than once; gives the bytes by which the
    /// shard has grown beyond [`packed_bytes`] of each.
    ///
    /// Makes the map anew, which is faster than many insertions.
    fn insert_sorted(&mut self, updates: Vec<(DecoratedKey, Place)>, layout: &TableLayout) -> u64 {
        let mut known = core::mem::take(&mut self.partitions).into_iter().peekable();
        let mut merged: Vec<(DecoratedKey, Slot)> = Vec::with_capacity(known.len() + updates.len());
        let mut added_bytes = 0;
        let mut decoder = UpdateDecoder::new(layout);
        for (key, place) in updates {
            while let Some(before) = known.next_if(|(known, _)| *known <= key) {
                merged.push(before);
            }
            match merged.last_mut().filter(|(last, _)| *last == key) {
                None => merged.push((key, Slot::Packed(place))),
                Some((_, slot)) => {
                    let update = Slot::Packed(place)
                        .partition(&self.arena, &mut decoder)
                        .into_owned();
                    let grown_bytes = slot.apply(update, &self.arena, &mut decoder);
                    added_bytes += grown_bytes.saturating_sub(packed_bytes(&key, place));
                }
            }
        }
        merged.extend(known);
        self.partitions = merged.into_iter().collect();
        added_bytes
    }
}

/// Memory of a partition of which bytes are kept, estimated.
fn packed_bytes(key: &DecoratedKey, place: Place) -> u64 {
    key.key().len() as u64 + u64::from(place.length()) + PACKED_OVERHEAD_BYTES
}

/// Memory of a partition beside its key, estimated.
fn whole_bytes(partition: &Partition) -> u64 {
    partition.data_size_bytes() as u64 + PARTITION_OVERHEAD_BYTES
}

impl Slot {
    /// The partition, in normal form.
    fn partition<'s>(&'s self, arena: &Arena, decoder: &mut UpdateDecoder<'_>) -> Cow<'s, Partition> {
        match self {
            Self::Whole(partition) => Cow::Borrowed(partition),
            Self::Packed(place) => {
                let update = decoder.decode(arena.get(*place));
                Cow::Owned(normal(update.expect("the bytes were written with this layout")))
            }
        }
    }

    /// Merges an update in; gives the bytes by which the partition has grown.
    fn apply(&mut self, update: Partition, arena: &Arena, decoder: &mut UpdateDecoder<'_>) -> u64 {
        let added_bytes = whole_bytes(&update);
        if let Self::Whole(known) = self {
            known.apply(update, &Reference);
            return added_bytes;
        }
        let mut known = self.partition(arena, decoder).into_owned();
        let known_bytes = whole_bytes(&known);
        known.apply(update, &Reference);
        *self = Self::Whole(Box::new(known));
        known_bytes + added_bytes
    }
}

/// The normal form of an update.
fn normal(update: Partition) -> Partition {
    let mut partition = Partition::default();
    partition.apply(update, &Reference);
    partition
}

impl Memtable {
    /// An empty memtable that takes what is appended behind `lower_bound`.
    pub(crate) fn new(layout: Arc<TableLayout>, lower_bound: CommitLogPosition, created_ms: u64) -> Self {
        Self {
            layout,
            shards: (0..SHARD_COUNT).map(|_| RwLock::default()).collect(),
            lower_bound,
            upper_bound: OnceLock::new(),
            replayed_up_to: OnceLock::new(),
            created_ms,
            size_bytes: AtomicU64::new(0),
            operations_count: AtomicU64::new(0),
            is_released: AtomicBool::new(false),
            claim: Mutex::new(None),
        }
    }

    /// Merges an update into its partition; gives the bytes by which the memtable has grown.
    ///
    /// `packed` is the same update, if there are bytes of it.
    pub(crate) fn put(&self, key: DecoratedKey, update: Partition, packed: Option<PackedUpdate<'_>>) -> u64 {
        let Some(shard) = self.shards.get(shard_index(key.token())) else {
            unreachable!("every token has a shard")
        };
        let contents = packed.and_then(|packed| self.kept_contents(packed));
        let mut shard = write(shard);
        shard.collect(&update);
        let size_bytes = shard.put(key, update, contents, &self.layout);
        drop(shard);
        self.size_bytes.fetch_add(size_bytes, Ordering::Relaxed);
        self.operations_count.fetch_add(1, Ordering::Relaxed);
        size_bytes
    }

    /// The bytes of an update if they can be kept.
    fn kept_contents<'p>(&self, packed: PackedUpdate<'p>) -> Option<&'p [u8]> {
        // The schema may have changed since the memtable was made, or since the bytes were.
        let fits =
            packed.contents.len() <= Arena::MAX_LENGTH_BYTES && Arc::ptr_eq(packed.layout, &self.layout);
        fits.then_some(packed.contents)
    }

    /// What of a partition concerns a slice; `None` where nothing is known of it.
    pub(crate) fn get(&self, key: &DecoratedKey, slice: &ClusteringSlice) -> Option<Partition> {
        let shard = self.shard(key.token());
        let slot = shard.partitions.get(key)?;
        Some(slice.cut(&slot.partition(&shard.arena, &mut self.decoder())))
    }

    /// The same up to so many rows, one at least; in reversed order from the last one.
    pub(crate) fn get_first(
        &self,
        key: &DecoratedKey,
        slice: &ClusteringSlice,
        is_reversed: bool,
        rows_count: usize,
    ) -> Option<Stretch> {
        let shard = self.shard(key.token());
        let slot = shard.partitions.get(key)?;
        let partition = slot.partition(&shard.arena, &mut self.decoder());
        Some(slice.cut_first(&partition, is_reversed, rows_count))
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

    /// The first partitions with keys in a range, in order, as far as a limit allows.
    pub(crate) fn range(
        &self,
        range: (Bound<&DecoratedKey>, Bound<&DecoratedKey>),
        limit: BatchLimit,
    ) -> Batch {
        let mut batch = Batch::default();
        let mut data_bytes = 0;
        let mut decoder = self.decoder();
        for shard in &self.shards {
            let shard = read(shard);
            for (key, slot) in shard.partitions.range::<DecoratedKey, _>(range) {
                let partition = slot.partition(&shard.arena, &mut decoder).into_owned();
                data_bytes += partition.data_size_bytes();
                batch.partitions.push((key.clone(), partition));
                if batch.partitions.len() >= limit.partitions_count || data_bytes >= limit.data_bytes {
                    batch.is_full = true;
                    return batch;
                }
            }
        }
        batch
    }

    /// Calls a function with every partition in order; readers may read meanwhile.
    ///
    /// # Errors
    /// The first that the function gives; it is not called any more then.
    pub(crate) fn try_for_each<E>(
        &self,
        mut with: impl FnMut(&DecoratedKey, Flushed<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut decoder = self.decoder();
        for shard in &self.shards {
            let shard = read(shard);
            black_box(shard.arena.fetch());
            for (key, slot) in &shard.partitions {
                if let Slot::Packed(place) = slot
                    && let Some(row) = decoder.single_row(shard.arena.get(*place))
                {
                    with(key, Flushed::SingleRow(&row))?;
                    continue;
                }
                let partition = slot.partition(&shard.arena, &mut decoder);
                with(key, Flushed::Partition(&partition))?;
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

    /// Takes note that its memory counts as free; false if that has been done.
    pub(crate) fn release(&self) -> bool {
        !self.is_released.swap(true, Ordering::SeqCst)
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

    /// What it holds of the log of earlier lives, if it was filled by a replay.
    pub(crate) fn replayed_bounds(&self) -> Option<MemtableBounds> {
        let last = self.replayed_up_to.get().copied();
        last.map(|last| Reference.replayed_bounds(last))
    }

    /// Notes that everything of its table up to the end of a record has been replayed, and that it will
    /// be flushed before any more is.
    pub(crate) fn end_replayed(&self, last: CommitLogPosition) {
        let noted = self.replayed_up_to.set(last);
        assert!(noted.is_ok(), "what was replayed is flushed once");
    }

    /// Lets one caller at a time write the memtable out; what it holds is the flush that has begun
    /// and not ended, if there is one.
    pub(crate) fn claim(&self) -> MutexGuard<'_, Option<u64>> {
        lock(&self.claim)
    }

    /// Whether it was switched out, and no flush of it is under way or still to come.
    pub(crate) fn has_failed(&self) -> bool {
        // In this order: the claim is set first.
        self.upper_bound.get().is_some()
            && match self.claim.try_lock() {
                Ok(claim) => claim.is_none(),
                // Whoever wrote it has panicked.
                Err(TryLockError::Poisoned(claim)) => claim.get_ref().is_none(),
                Err(TryLockError::WouldBlock) => false,
            }
    }

    /// Ends the memtable. The write barrier has been passed: no update is on its way to it.
    pub(crate) fn close(&self, upper_bound: CommitLogPosition, flush: u64) {
        *self.claim() = Some(flush);
        let closed = self.upper_bound.set(upper_bound);
        assert!(closed.is_ok(), "a memtable is switched out once");
    }

    fn decoder(&self) -> UpdateDecoder<'_> {
        UpdateDecoder::new(&self.layout)
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
            // Its first bits, as many as number the shards.
            usize::try_from(from_minimum >> (u64::BITS - SHARD_COUNT.ilog2())).unwrap_or_default()
        }
        Token::Random(_) | Token::ByteOrdered(_) => 0,
    }
}
