//! The settings of the engine, with Cassandra's names, defaults and old spellings.
//!
//! Source: Cassandra `config.Config`, `config.DatabaseDescriptor.applySimpleConfig`, `conf/cassandra.yaml`.

mod quantity;
#[cfg(test)]
mod tests;

use crate::commit_log::CommitLogConfig;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use thiserror::Error;
use thymbra_durability::SyncMode;
use thymbra_types::Partitioner;

/// Share of all memory that memtables take as shipped, of a heap that this engine does not have.
const DEFAULT_MEMTABLE_SPACE_BYTES: u64 = 2 << 30;
/// Cassandra: `periodic_commitlog_sync_lag_block` is one and a half periods where it is not set.
const DEFAULT_SYNC_PERIOD_MS: u64 = 10_000;

/// What `cassandra.yaml` proposes for `commitlog_sync_group_window`.
const DEFAULT_GROUP_WINDOW_MS: u64 = 1_000;

/// Who does the work that nobody waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Background {
    /// Threads of the engine.
    Threads,
    /// The caller, by calling [`crate::StorageEngine::tick`]: everything happens in a known order.
    Manual,
}

/// Settings of a storage engine.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where tables lie: `data_file_directories`, of which there is one.
    pub data_directory: PathBuf,
    /// Where the commit log lies.
    pub commitlog_directory: PathBuf,
    /// Partitioner of the cluster.
    pub partitioner: Partitioner,
    /// When the commit log is synced, and who waits.
    pub commitlog_sync: SyncMode,
    /// In periodic mode, and in no other: time between two syncs, milliseconds; absent, what
    /// `commitlog_sync` says.
    pub commitlog_sync_period_ms: Option<u64>,
    /// In group mode: time between two syncs, milliseconds; absent, what `commitlog_sync` says.
    pub commitlog_sync_group_window_ms: Option<u64>,
    /// In periodic mode: how old the last sync may be before writes wait, milliseconds; absent, what
    /// `commitlog_sync` says.
    pub periodic_commitlog_sync_lag_block_ms: Option<u64>,
    /// Length of a commit log segment, bytes.
    pub commitlog_segment_size_bytes: u64,
    /// Whether segments are compressed by LZ4.
    pub commitlog_compression: bool,
    /// All segments together, bytes; beyond it the tables in the oldest are flushed.
    pub commitlog_total_space_bytes: u64,
    /// Memory for the data in memtables, bytes.
    pub memtable_heap_space_bytes: u64,
    /// Memory outside the heap, bytes; this engine has one kind of memory, and both limits together hold.
    pub memtable_offheap_space_bytes: u64,
    /// Share of the memory for memtables at which the largest is flushed; absent, 1 / (flush writers + 1).
    pub memtable_cleanup_threshold: Option<f64>,
    /// Flushes at a time.
    pub memtable_flush_writers: u32,
    /// Memory for chunks of data that reads of single partitions have decompressed, bytes; 0 for none.
    pub file_cache_size_bytes: u64,
    /// Whether large files of SSTables are synced while they are written, which a flush has to wait for otherwise.
    pub trickle_fsync: bool,
    /// Bytes that are synced together then.
    pub trickle_fsync_interval_bytes: u64,
    /// Bytes between two entries of the promoted index.
    pub column_index_size_bytes: u64,
    /// What compaction writes at most in a second, bytes; 0 for no limit.
    pub compaction_throughput_bytes_per_second: u64,
    /// Whether compactions begin by themselves.
    pub is_autocompaction_enabled: bool,
    /// Who works in the background.
    pub background: Background,
}

/// A setting that cannot be taken.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ConfigError {
    /// No setting of that name.
    #[error("no setting is called `{name}`")]
    Unknown {
        /// The name that was given.
        name: Box<str>,
    },
    /// The value is not of the kind that the setting has.
    #[error("`{name}: {value}` is not {expected}")]
    Value {
        /// The setting.
        name: Box<str>,
        /// The value that was given.
        value: Box<str>,
        /// What it takes, in words.
        expected: &'static str,
    },
    /// Two settings do not go together.
    #[error("{reason}")]
    Conflict {
        /// What does not go together, in words.
        reason: &'static str,
    },
}

/// What a share may be. Cassandra: `DatabaseDescriptor.applySimpleConfig`.
const SHARES: RangeInclusive<f64> = 0.01..=0.99;
/// The same in words.
const EXPECTED_SHARE: &str = "a share from 0.01 to 0.99";
/// Blocks of the promoted index that scans and compactions take at once.
const STRETCH_BLOCKS_COUNT: u64 = 16;

impl Config {
    /// The settings that Cassandra ships, with all files under one directory.
    #[must_use]
    pub fn under(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self {
            data_directory: directory.join("data"),
            commitlog_directory: directory.join("commitlog"),
            partitioner: Partitioner::Murmur3,
            commitlog_sync: SyncMode::periodic(DEFAULT_SYNC_PERIOD_MS),
            commitlog_sync_period_ms: None,
            commitlog_sync_group_window_ms: None,
            periodic_commitlog_sync_lag_block_ms: None,
            commitlog_segment_size_bytes: 32 << 20,
            commitlog_compression: false,
            commitlog_total_space_bytes: 8192 << 20,
            memtable_heap_space_bytes: DEFAULT_MEMTABLE_SPACE_BYTES,
            memtable_offheap_space_bytes: DEFAULT_MEMTABLE_SPACE_BYTES,
            memtable_cleanup_threshold: None,
            memtable_flush_writers: 2,
            file_cache_size_bytes: 512 << 20,
            trickle_fsync: false,
            trickle_fsync_interval_bytes: 10 << 20,
            column_index_size_bytes: 64 << 10,
            compaction_throughput_bytes_per_second: 64 << 20,
            is_autocompaction_enabled: true,
            background: Background::Threads,
        }
    }

    /// Takes a line of `cassandra.yaml`, in its present or its old spelling. The order of lines that set
    /// different things does not matter; whether they go together, [`Config::validate`] says.
    ///
    /// # Errors
    /// When no setting has that name, or it does not take that value; nothing has changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        match name {
            "commitlog_segment_size" | "commitlog_segment_size_in_mb" => {
                self.commitlog_segment_size_bytes = size(name, value)?;
            }
            "commitlog_total_space" | "commitlog_total_space_in_mb" => {
                self.commitlog_total_space_bytes = size(name, value)?;
            }
            "memtable_heap_space" | "memtable_heap_space_in_mb" => {
                self.memtable_heap_space_bytes = size(name, value)?;
            }
            "memtable_offheap_space" | "memtable_offheap_space_in_mb" => {
                self.memtable_offheap_space_bytes = size(name, value)?;
            }
            "file_cache_size" | "file_cache_size_in_mb" => {
                self.file_cache_size_bytes = size(name, value)?;
            }
            "trickle_fsync" => {
                let is_on = value.parse().ok();
                self.trickle_fsync = is_on.ok_or_else(|| wrong(name, value, "true or false"))?;
            }
            "trickle_fsync_interval" | "trickle_fsync_interval_in_kb" => {
                self.trickle_fsync_interval_bytes = size(name, value)?;
            }
            "column_index_size" | "column_index_size_in_kb" => {
                self.column_index_size_bytes = size(name, value)?;
            }
            "compaction_throughput" | "compaction_throughput_mb_per_sec" => {
                self.compaction_throughput_bytes_per_second = rate(name, value)?;
            }
            "memtable_cleanup_threshold" => {
                self.memtable_cleanup_threshold = Some(share(name, value)?);
            }
            "memtable_flush_writers" => {
                let writers = value.parse().ok().filter(|writers| *writers > 0);
                self.memtable_flush_writers =
                    writers.ok_or_else(|| wrong(name, value, "a number from 1 on"))?;
            }
            "commitlog_sync" => self.set_commitlog_sync(name, value)?,
            "commitlog_sync_period" | "commitlog_sync_period_in_ms" => {
                self.commitlog_sync_period_ms = Some(duration(name, value)?);
            }
            "periodic_commitlog_sync_lag_block" | "periodic_commitlog_sync_lag_block_in_ms" => {
                self.periodic_commitlog_sync_lag_block_ms = Some(duration(name, value)?);
            }
            "commitlog_compression" => self.commitlog_compression = is_compressed(name, value)?,
            "commitlog_sync_group_window" | "commitlog_sync_group_window_in_ms" => {
                self.commitlog_sync_group_window_ms = Some(duration(name, value)?);
            }
            _ => return Err(ConfigError::Unknown { name: name.into() }),
        }
        Ok(())
    }

    fn set_commitlog_sync(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        self.commitlog_sync = match (value, self.commitlog_sync) {
            ("periodic", periodic @ SyncMode::Periodic { .. }) => periodic,
            ("periodic", SyncMode::Batch | SyncMode::Group { .. }) => {
                SyncMode::periodic(DEFAULT_SYNC_PERIOD_MS)
            }
            ("batch", _) => SyncMode::Batch,
            ("group", group @ SyncMode::Group { .. }) => group,
            ("group", SyncMode::Periodic { .. } | SyncMode::Batch) => SyncMode::Group {
                window_ms: DEFAULT_GROUP_WINDOW_MS,
            },
            (_, _) => return Err(wrong(name, value, "periodic, batch or group")),
        };
        Ok(())
    }

    /// When the commit log is synced, and who waits how long.
    fn sync_mode(&self) -> SyncMode {
        let mode = match (self.commitlog_sync, self.commitlog_sync_period_ms) {
            (SyncMode::Periodic { .. }, Some(period_ms)) => SyncMode::periodic(period_ms),
            (mode @ (SyncMode::Periodic { .. } | SyncMode::Batch | SyncMode::Group { .. }), _) => mode,
        };
        match mode {
            SyncMode::Periodic {
                period_ms,
                lag_block_ms,
            } => SyncMode::Periodic {
                period_ms,
                lag_block_ms: self.periodic_commitlog_sync_lag_block_ms.unwrap_or(lag_block_ms),
            },
            SyncMode::Batch => SyncMode::Batch,
            SyncMode::Group { window_ms } => SyncMode::Group {
                window_ms: self.commitlog_sync_group_window_ms.unwrap_or(window_ms),
            },
        }
    }

    /// Checks that the engine can work with the settings, alone and together.
    ///
    /// # Errors
    /// When it cannot; the error names the setting.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_sync()?;
        let zero = |name: &str, expected| Err(wrong(name, "0", expected));
        if self.memtable_flush_writers == 0 {
            return zero("memtable_flush_writers", "a number from 1 on");
        }
        if self.memtable_heap_space_bytes == 0 {
            return zero("memtable_heap_space", "a size above 0");
        }
        if self.column_index_size_bytes == 0 {
            return zero("column_index_size", "a size above 0");
        }
        match self.memtable_cleanup_threshold {
            Some(share) if !SHARES.contains(&share) => {
                let value = share.to_string();
                Err(wrong("memtable_cleanup_threshold", &value, EXPECTED_SHARE))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The same for what decides on syncs. A period of 0 is none, as in Cassandra.
    fn validate_sync(&self) -> Result<(), ConfigError> {
        let has_period = self
            .commitlog_sync_period_ms
            .is_some_and(|period_ms| period_ms > 0);
        let conflict = |reason| Err(ConfigError::Conflict { reason });
        match self.sync_mode() {
            SyncMode::Batch if has_period => {
                conflict("`commitlog_sync: batch` and a `commitlog_sync_period` do not go together")
            }
            SyncMode::Group { .. } if has_period => conflict(
                "`commitlog_sync: group` and a `commitlog_sync_period` do not go together: \
                 its period is `commitlog_sync_group_window`",
            ),
            SyncMode::Periodic { period_ms: 0, .. } => {
                conflict("`commitlog_sync: periodic` needs a `commitlog_sync_period` above 0")
            }
            SyncMode::Group { window_ms: 0 } => {
                conflict("`commitlog_sync: group` needs a `commitlog_sync_group_window` above 0")
            }
            SyncMode::Periodic { .. } | SyncMode::Batch | SyncMode::Group { .. } => Ok(()),
        }
    }

    /// Bytes of a partition that scans and compactions take from an SSTable at once, but for its last row.
    pub(crate) const fn stretch_bytes(&self) -> u64 {
        self.column_index_size_bytes.saturating_mul(STRETCH_BLOCKS_COUNT)
    }

    /// Bytes of a file that are synced together before its end; absent, none are.
    pub(crate) fn trickle_fsync_interval(&self) -> Option<u64> {
        self.trickle_fsync.then_some(self.trickle_fsync_interval_bytes)
    }

    /// What the commit log is given; `highest_known_id` is of a segment that files name.
    pub(crate) fn commit_log(&self, highest_known_id: Option<i64>) -> CommitLogConfig {
        CommitLogConfig {
            directory: self.commitlog_directory.clone(),
            sync_mode: self.sync_mode(),
            segment_size_bytes: self.commitlog_segment_size_bytes,
            total_space_bytes: self.commitlog_total_space_bytes,
            is_compressed: self.commitlog_compression,
            has_threads: self.background == Background::Threads,
            highest_known_id,
        }
    }

    /// Bytes in memtables at which the largest is flushed.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a size; a byte decides nothing"
    )]
    pub fn memtable_cleanup_bytes(&self) -> u64 {
        let default = 1.0 / (f64::from(self.memtable_flush_writers) + 1.0);
        let share = self.memtable_cleanup_threshold.unwrap_or(default);
        (self.memtable_space_bytes() as f64 * share) as u64
    }

    /// Bytes in memtables at which writers wait.
    #[must_use]
    pub const fn memtable_space_bytes(&self) -> u64 {
        self.memtable_heap_space_bytes
            .saturating_add(self.memtable_offheap_space_bytes)
    }
}

fn wrong(name: &str, value: &str, expected: &'static str) -> ConfigError {
    ConfigError::Value {
        name: name.into(),
        value: value.into(),
        expected,
    }
}

/// A size with its unit, or the number of units that the name of the setting says.
fn size(name: &str, value: &str) -> Result<u64, ConfigError> {
    let bytes = if name.ends_with("_in_mb") {
        quantity::count_of(value, 1 << 20)
    } else if name.ends_with("_in_kb") {
        quantity::count_of(value, 1 << 10)
    } else {
        quantity::size_bytes(value)
    };
    bytes.ok_or_else(|| wrong(name, value, "a size, such as 32MiB"))
}

fn rate(name: &str, value: &str) -> Result<u64, ConfigError> {
    let bytes = if name.ends_with("_mb_per_sec") {
        quantity::count_of(value, 1 << 20)
    } else {
        quantity::bytes_per_second(value)
    };
    bytes.ok_or_else(|| wrong(name, value, "a rate, such as 64MiB/s"))
}

fn duration(name: &str, value: &str) -> Result<u64, ConfigError> {
    let milliseconds = if name.ends_with("_in_ms") {
        quantity::count_of(value, 1)
    } else {
        quantity::duration_ms(value)
    };
    milliseconds.ok_or_else(|| wrong(name, value, "a duration, such as 10s"))
}

/// A compressor by its class, alone or as the list of one that `cassandra.yaml` has; nothing for none.
fn is_compressed(name: &str, value: &str) -> Result<bool, ConfigError> {
    let list = value
        .trim_start_matches(['[', '-', '{', ' '])
        .trim_end_matches(['}', ']', ' ']);
    let class = list
        .trim_start_matches("class_name:")
        .trim_matches(['"', '\'', ' ']);
    match class.trim_start_matches("org.apache.cassandra.io.compress.") {
        "" | "null" | "~" => Ok(false),
        "LZ4Compressor" => Ok(true),
        _ => Err(wrong(
            name,
            value,
            "LZ4Compressor, the only one there is, or nothing",
        )),
    }
}

fn share(name: &str, value: &str) -> Result<f64, ConfigError> {
    let share: Option<f64> = value.parse().ok();
    share
        .filter(|share| SHARES.contains(share))
        .ok_or_else(|| wrong(name, value, EXPECTED_SHARE))
}
