//! fjall in `bench storage`: one keyspace, LZ4 and filters as it ships.

use std::path::Path;
use std::sync::Arc;

use fjall::compaction::Leveled;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::contestant::{Contestant, Durability, EngineError};
use super::measured::process_written_bytes;

/// Memtables and journals may grow to this, bytes, so that flushes happen when asked for.
const ROOM_BYTES: u64 = 8 << 30;

/// A database of one keyspace; compaction begins only when asked for.
pub(super) struct FjallEngine {
    database: Database,
    keyspace: Keyspace,
    durability: Durability,
}

impl core::fmt::Debug for FjallEngine {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("FjallEngine").finish_non_exhaustive()
    }
}

impl FjallEngine {
    /// Opens or creates one in a directory.
    pub(super) fn open(directory: &Path, durability: Durability) -> Result<Box<dyn Contestant>, EngineError> {
        let database = Database::builder(directory)
            .max_journaling_size(ROOM_BYTES)
            .open()?;
        let keyspace = database.keyspace("bench", || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(ROOM_BYTES)
                .compaction_strategy(Arc::new(Leveled::default().with_l0_threshold(u8::MAX)))
        })?;
        Ok(Box::new(Self {
            database,
            keyspace,
            durability,
        }))
    }
}

impl Contestant for FjallEngine {
    /// In batch mode each writer syncs for itself: fjall has no group commit.
    fn write(&self, key: &[u8], value: &[u8], _timestamp: i64) -> Result<(), EngineError> {
        self.keyspace.insert(key, value)?;
        match self.durability {
            Durability::Periodic => Ok(()),
            Durability::Batch => Ok(self.database.persist(PersistMode::SyncData)?),
        }
    }

    fn read(&self, key: &[u8]) -> Result<bool, EngineError> {
        Ok(self.keyspace.get(key)?.is_some())
    }

    fn scan(&self) -> Result<u64, EngineError> {
        let mut found_count = 0;
        for guard in self.keyspace.iter() {
            let (key, value) = guard.into_inner()?;
            found_count += u64::from(!key.is_empty() && !value.is_empty());
        }
        Ok(found_count)
    }

    fn flush(&self) -> Result<(), EngineError> {
        Ok(self.keyspace.rotate_memtable_and_wait()?)
    }

    fn compact(&self) -> Result<(), EngineError> {
        Ok(self.keyspace.major_compact()?)
    }

    fn written_bytes(&self) -> Option<u64> {
        process_written_bytes()
    }

    fn close(self: Box<Self>) -> Result<(), EngineError> {
        Ok(())
    }
}
