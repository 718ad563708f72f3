//! What `bench storage` asks of an engine, and the engines that there are.

use core::fmt::Debug;
use std::error::Error;
use std::path::Path;

/// What an engine says when it fails.
pub(super) type EngineError = Box<dyn Error + Send + Sync>;

/// When a write is on the disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Durability {
    /// Some time after it was acknowledged: as each engine ships.
    Periodic,
    /// Before it is acknowledged.
    Batch,
}

/// An engine that is open; shared by the threads that write.
pub(super) trait Contestant: Sync + Debug {
    /// Writes one key.
    fn write(&self, key: &[u8], value: &[u8], timestamp: i64) -> Result<(), EngineError>;

    /// Whether a key has a value, which is brought into memory.
    fn read(&self, key: &[u8]) -> Result<bool, EngineError>;

    /// Goes over all keys with their values; says how many there are.
    fn scan(&self) -> Result<u64, EngineError>;

    /// Writes out what is in memory; ends when the files are there.
    fn flush(&self) -> Result<(), EngineError>;

    /// Makes one sorted run of all files.
    fn compact(&self) -> Result<(), EngineError>;

    /// Bytes given to the operating system so far.
    fn written_bytes(&self) -> Option<u64>;

    /// Ends; what is in memory is left to the log.
    fn close(self: Box<Self>) -> Result<(), EngineError>;
}

/// The engines of this build.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Engine {
    /// This project's.
    Thymbra,
    /// A log-structured engine in Rust.
    #[cfg(feature = "fjall")]
    Fjall,
    /// The log-structured engine in C++.
    #[cfg(feature = "rocksdb")]
    RocksDb,
}

impl Engine {
    /// All of them.
    pub(super) const ALL: &[Self] = &[
        Self::Thymbra,
        #[cfg(feature = "fjall")]
        Self::Fjall,
        #[cfg(feature = "rocksdb")]
        Self::RocksDb,
    ];

    /// Name in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Thymbra => "thymbra",
            #[cfg(feature = "fjall")]
            Self::Fjall => "fjall",
            #[cfg(feature = "rocksdb")]
            Self::RocksDb => "rocksdb",
        }
    }

    /// Opens or creates one in a directory.
    pub(super) fn open(
        self,
        directory: &Path,
        durability: Durability,
    ) -> Result<Box<dyn Contestant>, EngineError> {
        match self {
            Self::Thymbra => super::thymbra_engine::ThymbraEngine::open(directory, durability),
            #[cfg(feature = "fjall")]
            Self::Fjall => super::fjall_engine::FjallEngine::open(directory, durability),
            #[cfg(feature = "rocksdb")]
            Self::RocksDb => super::rocksdb_engine::RocksDbEngine::open(directory, durability),
        }
    }
}
