//! Options of tables, with Cassandra's names and defaults.
//!
//! Source: Cassandra `schema.TableParams`, `schema.CompressionParams`, `schema.CompactionParams`,
//! `db.compaction.SizeTieredCompactionStrategyOptions`, `AbstractCompactionStrategy`.

use super::error::SchemaError;
use serde::{Deserialize, Serialize};

const KIBIBYTE: u32 = 1024;
const MEBIBYTE: u64 = 1024 * 1024;
/// Twenty years, the most that a TTL can be.
const MAX_TTL_S: u32 = 630_720_000;
/// Just above the best rate that a Bloom filter of Cassandra can reach.
const LEAST_FP_CHANCE: f64 = 6.71e-5;
/// Longest chunk; the length of every chunk is held in 32 bits.
const LIMIT_OF_CHUNK_LENGTH_BYTES: u32 = 1 << 30;

/// Options of a table.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableParams {
    /// Seconds that a tombstone is kept, so that every replica hears of it.
    pub gc_grace_seconds: u32,
    /// Share of absent keys that a Bloom filter lets through; 1 means no filter.
    pub bloom_filter_fp_chance: f64,
    /// How files are compressed.
    pub compression: CompressionParams,
    /// When files are merged.
    pub compaction: CompactionParams,
    /// TTL in seconds of writes that give none; 0 means that they live for ever.
    #[serde(rename = "default_time_to_live")]
    pub default_time_to_live_s: u32,
    /// Longest time that a write stays in memory only, milliseconds; 0 means any.
    #[serde(rename = "memtable_flush_period_in_ms")]
    pub memtable_flush_period_ms: u32,
    /// Every so many keys, one is held in memory.
    pub min_index_interval: u32,
    /// The same where memory is short.
    pub max_index_interval: u32,
}

impl Default for TableParams {
    fn default() -> Self {
        Self {
            gc_grace_seconds: 864_000,
            bloom_filter_fp_chance: 0.01,
            compression: CompressionParams::default(),
            compaction: CompactionParams::default(),
            default_time_to_live_s: 0,
            memtable_flush_period_ms: 0,
            min_index_interval: 128,
            max_index_interval: 2048,
        }
    }
}

impl TableParams {
    /// Checks every option.
    ///
    /// # Errors
    /// Names the first option that is not possible.
    pub fn validate(&self) -> Result<(), SchemaError> {
        let fp_chance = self.bloom_filter_fp_chance;
        check(
            fp_chance > LEAST_FP_CHANCE && fp_chance <= 1.0,
            "bloom_filter_fp_chance",
            "above 0.0000671 and at most 1",
            &fp_chance,
        )?;
        for (option, value) in [
            ("gc_grace_seconds", self.gc_grace_seconds),
            ("memtable_flush_period_in_ms", self.memtable_flush_period_ms),
            ("max_index_interval", self.max_index_interval),
        ] {
            check(i32::try_from(value).is_ok(), option, "below 2^31", &value)?;
        }
        check(
            self.default_time_to_live_s <= MAX_TTL_S,
            "default_time_to_live",
            "at most 630720000 seconds",
            &self.default_time_to_live_s,
        )?;
        check(
            self.min_index_interval >= 1,
            "min_index_interval",
            "at least 1",
            &self.min_index_interval,
        )?;
        check(
            self.max_index_interval >= self.min_index_interval,
            "max_index_interval",
            "at least min_index_interval",
            &self.max_index_interval,
        )?;
        self.compression.validate()?;
        self.compaction.validate()
    }
}

fn check(
    is_possible: bool,
    option: &'static str,
    expected: &'static str,
    found: &dyn ToString,
) -> Result<(), SchemaError> {
    if is_possible {
        return Ok(());
    }
    Err(SchemaError::Param {
        option,
        expected,
        found: found.to_string().into(),
    })
}

/// How files are compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CompressionParams {
    /// Not at all.
    None,
    /// LZ4, chunk by chunk.
    Lz4 {
        /// Bytes of a chunk before compression, a power of two.
        chunk_length_bytes: u32,
    },
}

impl Default for CompressionParams {
    fn default() -> Self {
        Self::Lz4 {
            chunk_length_bytes: 16 * KIBIBYTE,
        }
    }
}

impl CompressionParams {
    /// Bytes of a chunk before compression; `None` when files are not compressed.
    #[must_use]
    pub const fn chunk_length_bytes(self) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Lz4 { chunk_length_bytes } => Some(chunk_length_bytes),
        }
    }

    fn validate(self) -> Result<(), SchemaError> {
        let Some(chunk_length_bytes) = self.chunk_length_bytes() else {
            return Ok(());
        };
        check(
            chunk_length_bytes.is_power_of_two()
                && (KIBIBYTE..=LIMIT_OF_CHUNK_LENGTH_BYTES).contains(&chunk_length_bytes),
            "chunk_length_in_kb",
            "a power of two up to 2^20",
            &(chunk_length_bytes / KIBIBYTE),
        )
    }
}

/// The options of compression as CQL has them.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CompressionOptions {
    #[serde(default = "enabled", skip_serializing_if = "Clone::clone")]
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Compressor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_length_in_kb: Option<u32>,
}

/// Compressors that files can be written with.
#[derive(Clone, Copy, Deserialize, Serialize)]
enum Compressor {
    #[serde(
        rename = "LZ4Compressor",
        alias = "org.apache.cassandra.io.compress.LZ4Compressor"
    )]
    Lz4,
}

const fn enabled() -> bool {
    true
}

impl Serialize for CompressionParams {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let chunk_length_in_kb = self.chunk_length_bytes().map(|bytes| bytes / KIBIBYTE);
        CompressionOptions {
            enabled: chunk_length_in_kb.is_some(),
            class: chunk_length_in_kb.map(|_| Compressor::Lz4),
            chunk_length_in_kb,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CompressionParams {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let options = CompressionOptions::deserialize(deserializer)?;
        match (options.enabled, options.class, options.chunk_length_in_kb) {
            (false, None, None) => Ok(Self::None),
            (false, _, _) => Err(D::Error::custom("with enabled false no other option is possible")),
            (true, None, _) => Err(D::Error::custom("compression has no class")),
            (true, Some(Compressor::Lz4), None) => Ok(Self::default()),
            (true, Some(Compressor::Lz4), Some(chunk_length_in_kb)) => chunk_length_in_kb
                .checked_mul(KIBIBYTE)
                .map(|chunk_length_bytes| Self::Lz4 { chunk_length_bytes })
                .ok_or_else(|| D::Error::custom("chunk_length_in_kb is too large")),
        }
    }
}

/// When files are merged.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "class")]
pub enum CompactionParams {
    /// Files of similar size together.
    #[serde(
        rename = "SizeTieredCompactionStrategy",
        alias = "org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy"
    )]
    SizeTiered(SizeTieredParams),
}

impl Default for CompactionParams {
    fn default() -> Self {
        Self::SizeTiered(SizeTieredParams::default())
    }
}

impl CompactionParams {
    fn validate(&self) -> Result<(), SchemaError> {
        let Self::SizeTiered(params) = self;
        params.validate()
    }
}

/// Options of size-tiered compaction.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SizeTieredParams {
    /// Whether files are merged in the background at all.
    pub enabled: bool,
    /// Fewest files that are merged.
    pub min_threshold: u32,
    /// Most files that are merged at once.
    pub max_threshold: u32,
    /// A file is similar to others if it is larger than their average times this.
    pub bucket_low: f64,
    /// A file is similar to others if it is smaller than their average times this.
    pub bucket_high: f64,
    /// Files smaller than this are all similar.
    #[serde(rename = "min_sstable_size")]
    pub min_sstable_size_bytes: u64,
    /// Share of droppable tombstones from which a file is rewritten alone.
    pub tombstone_threshold: f64,
    /// Seconds before a file is looked at for that again.
    #[serde(rename = "tombstone_compaction_interval")]
    pub tombstone_compaction_interval_s: u64,
    /// Rewrites alone even a file that overlaps others.
    pub unchecked_tombstone_compaction: bool,
}

impl Default for SizeTieredParams {
    fn default() -> Self {
        Self {
            enabled: true,
            min_threshold: 4,
            max_threshold: 32,
            bucket_low: 0.5,
            bucket_high: 1.5,
            min_sstable_size_bytes: 50 * MEBIBYTE,
            tombstone_threshold: 0.2,
            tombstone_compaction_interval_s: 86_400,
            unchecked_tombstone_compaction: false,
        }
    }
}

impl SizeTieredParams {
    fn validate(&self) -> Result<(), SchemaError> {
        check(
            self.min_threshold >= 2,
            "min_threshold",
            "at least 2",
            &self.min_threshold,
        )?;
        check(
            self.max_threshold >= self.min_threshold,
            "max_threshold",
            "at least min_threshold",
            &self.max_threshold,
        )?;
        check(
            self.bucket_low.is_finite() && self.bucket_high.is_finite() && self.bucket_high > self.bucket_low,
            "bucket_high",
            "above bucket_low",
            &self.bucket_high,
        )?;
        check(
            self.tombstone_threshold.is_finite() && self.tombstone_threshold >= 0.0,
            "tombstone_threshold",
            "a number that is not below 0",
            &self.tombstone_threshold,
        )
    }
}
