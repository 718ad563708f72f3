//! Chunks of `Data.db` that reads of single partitions have decompressed, for the next that need them.
//!
//! Scans and compactions pass it by: they need each chunk once. Source: Cassandra `cache.ChunkCache`,
//! of which the size is `file_cache_size`.

use ahash::RandomState;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What most chunks have, bytes: by it the cache knows for how many it has room.
const USUAL_CHUNK_BYTES: u64 = 16 << 10;
/// Fixed, so that on one machine the same stays in each run. Nobody chooses the keys.
const HASH_SEEDS: [u64; 4] = [1, 2, 3, 4];
/// Memory of a chunk beside its bytes: its key and its places in the cache.
const CHUNK_OVERHEAD_BYTES: u64 = 64;

/// What the chunk cache holds, and how often it was of use. Cassandra: `nodetool info`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ChunkCacheStatistics {
    /// Chunks in it.
    pub entries_count: usize,
    /// Bytes of them and of their places.
    pub size_bytes: u64,
    /// What they may have together, bytes.
    pub capacity_bytes: u64,
    /// Chunks that reads asked for.
    pub requests_count: u64,
    /// Those of them that were not in it.
    pub misses_count: u64,
}

/// Chunks of all SSTables of an engine, whose checksums have been right.
#[derive(Debug)]
pub(crate) struct ChunkCache {
    /// None where nothing is to be kept.
    chunks: Option<Chunks>,
    capacity_bytes: u64,
    last_file: AtomicU64,
    requests_count: AtomicU64,
    misses_count: AtomicU64,
}

type Chunks = Cache<ChunkKey, Arc<[u8]>, ChunkWeighter, RandomState>;

/// A file that is open, and a position in it before compression.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct ChunkKey {
    file: u64,
    position: u64,
}

#[derive(Clone, Debug)]
struct ChunkWeighter;

impl Weighter<ChunkKey, Arc<[u8]>> for ChunkWeighter {
    fn weight(&self, _: &ChunkKey, chunk: &Arc<[u8]>) -> u64 {
        chunk.len() as u64 + CHUNK_OVERHEAD_BYTES
    }
}

/// The part of the cache that belongs to one open file; forgotten when this is dropped.
#[derive(Debug)]
pub(super) struct CachedFile {
    cache: Arc<ChunkCache>,
    file: u64,
    /// Whether anything of it was ever kept.
    has_chunks: AtomicBool,
}

impl ChunkCache {
    /// An empty cache for so many bytes; for 0, one that keeps nothing.
    pub(crate) fn new(capacity_bytes: u64) -> Self {
        let chunks_count = (capacity_bytes / USUAL_CHUNK_BYTES).max(1);
        let chunks_count = usize::try_from(chunks_count).unwrap_or(usize::MAX);
        let [one, two, three, four] = HASH_SEEDS;
        let hasher = RandomState::with_seeds(one, two, three, four);
        let lifecycle = DefaultLifecycle::default();
        let chunks = || Cache::with(chunks_count, capacity_bytes, ChunkWeighter, hasher, lifecycle);
        Self {
            chunks: (capacity_bytes > 0).then(chunks),
            capacity_bytes,
            last_file: AtomicU64::new(0),
            requests_count: AtomicU64::new(0),
            misses_count: AtomicU64::new(0),
        }
    }

    /// What is in it, and what it has done.
    pub(crate) fn statistics(&self) -> ChunkCacheStatistics {
        let chunks = self.chunks.as_ref();
        ChunkCacheStatistics {
            entries_count: chunks.map_or(0, Cache::len),
            size_bytes: chunks.map_or(0, Cache::weight),
            capacity_bytes: self.capacity_bytes,
            requests_count: self.requests_count.load(Ordering::Relaxed),
            misses_count: self.misses_count.load(Ordering::Relaxed),
        }
    }
}

impl CachedFile {
    /// A file of which nothing is in the cache.
    pub(super) fn new(cache: &Arc<ChunkCache>) -> Self {
        Self {
            cache: Arc::clone(cache),
            file: cache.last_file.fetch_add(1, Ordering::Relaxed),
            has_chunks: AtomicBool::new(false),
        }
    }

    /// The chunk that begins at a position, if it is there.
    pub(super) fn get(&self, position: u64) -> Option<Arc<[u8]>> {
        let chunks = self.cache.chunks.as_ref()?;
        self.cache.requests_count.fetch_add(1, Ordering::Relaxed);
        let found = chunks.get(&self.key(position));
        if found.is_none() {
            self.cache.misses_count.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// Keeps the chunk that begins at a position.
    pub(super) fn insert(&self, position: u64, chunk: &[u8]) {
        if let Some(chunks) = &self.cache.chunks {
            self.has_chunks.store(true, Ordering::Relaxed);
            chunks.insert(self.key(position), chunk.into());
        }
    }

    const fn key(&self, position: u64) -> ChunkKey {
        ChunkKey {
            file: self.file,
            position,
        }
    }
}

impl Drop for CachedFile {
    fn drop(&mut self) {
        if let Some(chunks) = &self.cache.chunks
            && *self.has_chunks.get_mut()
        {
            chunks.retain(|key, _| key.file != self.file);
        }
    }
}
