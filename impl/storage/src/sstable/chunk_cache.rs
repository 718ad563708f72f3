//! Chunks of `Data.db` that reads of single partitions have decompressed, for the next that need them.
//!
//! Scans and compactions pass it by: they need each chunk once. Source: Cassandra `cache.ChunkCache`,
//! of which the size is `file_cache_size`.

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Chunks for which places are made at once; the others follow when they come.
const FIRST_CHUNKS_COUNT: usize = 128;
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
    chunks: Option<Cache<ChunkKey, Arc<[u8]>, ChunkWeighter>>,
    last_file: AtomicU64,
    requests_count: AtomicU64,
    misses_count: AtomicU64,
}

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
}

impl ChunkCache {
    /// An empty cache for so many bytes; for 0, one that keeps nothing.
    pub(crate) fn new(capacity_bytes: u64) -> Self {
        let cache = || Cache::with_weighter(FIRST_CHUNKS_COUNT, capacity_bytes, ChunkWeighter);
        Self {
            chunks: (capacity_bytes > 0).then(cache),
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
            capacity_bytes: chunks.map_or(0, Cache::capacity),
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
        }
    }

    /// The chunk that begins at a position, if it is there.
    pub(super) fn get(&self, position: u64) -> Option<Arc<[u8]>> {
        let chunks = self.cache.chunks.as_ref()?;
        self.cache.requests_count.fetch_add(1, Ordering::Relaxed);
        let found = chunks.get(&self.key(position));
        self.cache
            .misses_count
            .fetch_add(u64::from(found.is_none()), Ordering::Relaxed);
        found
    }

    /// Keeps the chunk that begins at a position.
    pub(super) fn insert(&self, position: u64, chunk: &[u8]) {
        if let Some(chunks) = &self.cache.chunks {
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
        if let Some(chunks) = &self.cache.chunks {
            chunks.retain(|key, _| key.file != self.file);
        }
    }
}
