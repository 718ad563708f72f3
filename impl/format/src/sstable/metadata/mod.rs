//! `Statistics.db`: what is in an SSTable, as far as that is known without reading it.
//!
//! Chapter: `specs/08-sstable.md`. Source: Cassandra `io.sstable.metadata`.

mod container;
mod estimated_histogram;
mod hyper_log_log_bytes;
mod hyper_log_log_plus;
mod metadata_collector;
mod murmur_hash2;
mod statistics;
mod stats_metadata;
mod tombstone_histogram;
mod tombstone_histogram_builder;
mod validation_metadata;

pub use container::{MetadataComponents, MetadataType, write_components};
pub use estimated_histogram::EstimatedHistogram;
pub use hyper_log_log_plus::HyperLogLogPlus;
pub use metadata_collector::{MetadataCollector, SSTableOrigin};
pub use statistics::Statistics;
pub use stats_metadata::StatsMetadata;
pub use tombstone_histogram::TombstoneHistogram;
pub use tombstone_histogram_builder::TombstoneHistogramBuilder;
pub use validation_metadata::ValidationMetadata;
