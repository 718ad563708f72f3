//! How the engine of a run is set up: the first line of a script.

use std::fmt;

/// When the commit log is synced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SyncKind {
    /// Before each acknowledgement.
    Batch,
    /// Before each acknowledgement, several at a time.
    Group,
    /// Every ten seconds.
    Periodic,
}

/// Settings of one run.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Setup {
    /// When the commit log is synced.
    pub sync: SyncKind,
    /// Whether segments are compressed.
    pub is_log_compressed: bool,
    /// Length of a segment, bytes.
    pub segment_size_bytes: u64,
    /// Memory for memtables, bytes; the engine flushes by itself when it is used up.
    pub memtable_bytes: u64,
    /// Bytes between two entries of the promoted index; partitions of fewer have none.
    pub column_index_size_bytes: u64,
    /// Memory for chunks that reads have decompressed, bytes.
    pub file_cache_size_bytes: u64,
}

/// Memory that no run of a test uses up.
const ENOUGH_MEMORY_BYTES: u64 = 1 << 30;
/// What Cassandra ships: more than a partition of a test has.
const DEFAULT_COLUMN_INDEX_SIZE_BYTES: u64 = 64 << 10;
/// Room for all chunks of a test.
const DEFAULT_FILE_CACHE_SIZE_BYTES: u64 = 1 << 20;

impl Setup {
    /// Everything is durable when it is acknowledged, and nothing is flushed but by an operation.
    pub const BATCH: Self = Self {
        sync: SyncKind::Batch,
        is_log_compressed: false,
        segment_size_bytes: 8 << 10,
        memtable_bytes: ENOUGH_MEMORY_BYTES,
        column_index_size_bytes: DEFAULT_COLUMN_INDEX_SIZE_BYTES,
        file_cache_size_bytes: DEFAULT_FILE_CACHE_SIZE_BYTES,
    };
    /// Nothing is durable when it is acknowledged.
    pub const PERIODIC: Self = Self {
        sync: SyncKind::Periodic,
        ..Self::BATCH
    };

    /// Whether the engine may flush without being told.
    #[must_use]
    pub const fn flushes_by_itself(&self) -> bool {
        self.memtable_bytes < ENOUGH_MEMORY_BYTES
    }

    /// Reads what [`fmt::Display`] writes.
    ///
    /// # Errors
    /// A sentence about the word that is unknown.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut setup = Self::BATCH;
        let mut words = line.split_whitespace();
        if words.next() != Some("with") {
            return Err(format!("`{line}` does not begin by `with`"));
        }
        for word in words {
            let number = || word.split_once('=').and_then(|(_, number)| number.parse().ok());
            match word.split('=').next().unwrap_or_default() {
                "batch" => setup.sync = SyncKind::Batch,
                "group" => setup.sync = SyncKind::Group,
                "periodic" => setup.sync = SyncKind::Periodic,
                "compressed-log" => setup.is_log_compressed = true,
                "segment" => {
                    setup.segment_size_bytes = number().ok_or_else(|| format!("`{word}` has no number"))?;
                }
                "memtable" => {
                    setup.memtable_bytes = number().ok_or_else(|| format!("`{word}` has no number"))?;
                }
                "column-index" => {
                    setup.column_index_size_bytes =
                        number().ok_or_else(|| format!("`{word}` has no number"))?;
                }
                "file-cache" => {
                    setup.file_cache_size_bytes =
                        number().ok_or_else(|| format!("`{word}` has no number"))?;
                }
                other => return Err(format!("no setting is called `{other}`")),
            }
        }
        Ok(setup)
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sync = match self.sync {
            SyncKind::Batch => "batch",
            SyncKind::Group => "group",
            SyncKind::Periodic => "periodic",
        };
        write!(formatter, "with {sync}")?;
        if self.is_log_compressed {
            formatter.write_str(" compressed-log")?;
        }
        write!(formatter, " segment={}", self.segment_size_bytes)?;
        if self.flushes_by_itself() {
            write!(formatter, " memtable={}", self.memtable_bytes)?;
        }
        if self.column_index_size_bytes != DEFAULT_COLUMN_INDEX_SIZE_BYTES {
            write!(formatter, " column-index={}", self.column_index_size_bytes)?;
        }
        if self.file_cache_size_bytes != DEFAULT_FILE_CACHE_SIZE_BYTES {
            write!(formatter, " file-cache={}", self.file_cache_size_bytes)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
