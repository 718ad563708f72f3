//! RocksDB in `bench storage`: one column family, LZ4, a filter of ten bits for a key.

use std::path::Path;

use rocksdb::{BlockBasedOptions, DB, DBCompressionType, IteratorMode, Options, WriteOptions};

use super::contestant::{Contestant, Durability, EngineError};
use super::measured::process_written_bytes;

/// The memtable may grow to this, bytes, so that flushes happen when asked for.
const ROOM_BYTES: usize = 8 << 30;
/// Bits of the filter for a key: about one wrong answer of a hundred, as Cassandra's filter.
const FILTER_BITS: f64 = 10.0;

/// A database; compaction begins only when asked for.
pub(super) struct RocksDbEngine {
    database: DB,
    write_options: WriteOptions,
}

impl core::fmt::Debug for RocksDbEngine {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("RocksDbEngine").finish_non_exhaustive()
    }
}

impl RocksDbEngine {
    /// Opens or creates one in a directory.
    pub(super) fn open(directory: &Path, durability: Durability) -> Result<Box<dyn Contestant>, EngineError> {
        let mut blocks = BlockBasedOptions::default();
        blocks.set_bloom_filter(FILTER_BITS, false);
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_block_based_table_factory(&blocks);
        options.set_write_buffer_size(ROOM_BYTES);
        options.set_disable_auto_compactions(true);
        let mut write_options = WriteOptions::default();
        write_options.set_sync(match durability {
            Durability::Periodic => false,
            Durability::Batch => true,
        });
        Ok(Box::new(Self {
            database: DB::open(&options, directory)?,
            write_options,
        }))
    }
}

impl Contestant for RocksDbEngine {
    fn write(&self, key: &[u8], value: &[u8], _timestamp: i64) -> Result<(), EngineError> {
        Ok(self.database.put_opt(key, value, &self.write_options)?)
    }

    fn read(&self, key: &[u8]) -> Result<bool, EngineError> {
        Ok(self.database.get_pinned(key)?.is_some())
    }

    fn scan(&self) -> Result<u64, EngineError> {
        let mut found_count = 0;
        for item in self.database.iterator(IteratorMode::Start) {
            let (key, value) = item?;
            found_count += u64::from(!key.is_empty() && !value.is_empty());
        }
        Ok(found_count)
    }

    fn flush(&self) -> Result<(), EngineError> {
        Ok(self.database.flush()?)
    }

    fn compact(&self) -> Result<(), EngineError> {
        self.database.compact_range(None::<&[u8]>, None::<&[u8]>);
        Ok(())
    }

    fn written_bytes(&self) -> Option<u64> {
        process_written_bytes()
    }

    fn close(self: Box<Self>) -> Result<(), EngineError> {
        Ok(())
    }
}
