//! `Statistics.db`: what is in an SSTable, as far as that is known without reading it.
//!
//! Written once, when Data.db is complete, from what a [`MetadataCollector`] has seen. Chapter:
//! `specs/08-sstable.md`. Source: Cassandra `io.sstable.metadata`.
//!
//! | part | type | what it holds |
//! |---|---|---|
//! | | [`MetadataComponents`] | the frame, with its checksums |
//! | VALIDATION | [`ValidationMetadata`] | what must fit the table |
//! | COMPACTION | [`HyperLogLogPlus`] | how many keys there are |
//! | STATS | [`StatsMetadata`] | sizes, times and positions, in two kinds of histograms among others |
//! | HEADER | [`crate::rows::SerializationHeader`] | what the rows need to be read |
//! | all | [`Statistics`] | |

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
