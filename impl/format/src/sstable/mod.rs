//! The components of an SSTable, versions `na` and `nb`, format `big`.
//!
//! An SSTable is a set of files that share a name but for its end. Each module reads and writes
//! one of them from and to bytes; the storage engine opens the files. Chapter:
//! `specs/08-sstable.md`.
//!
//! | component | module | what it holds |
//! |---|---|---|
//! | `Data.db` | [`compressed_data`], [`crate::rows`] | the partitions, in chunks when compressed |
//! | `CompressionInfo.db` | [`compression_info`] | where the chunks begin |
//! | `CRC.db`, `Digest.crc32` | [`digest`] | checksums of Data.db |
//! | `Index.db` | [`row_index_entry`], [`clustering_prefix`], [`place`] | where each partition begins |
//! | `Summary.db` | [`index_summary`] | every 128th key of Index.db |
//! | `TOC.txt` | [`descriptor`], [`sstable_id`] | the list of the components, and their names |
//! | `Statistics.db` | [`metadata`] | what is in the SSTable |
//! | `Filter.db` | [`bloom_filter`], [`bloom_calculations`] | which keys are certainly absent |

pub mod bloom_calculations;
pub mod bloom_filter;
pub mod clustering_prefix;
pub mod compressed_data;
pub mod compression_info;
pub mod compressor;
pub mod descriptor;
pub mod digest;
pub mod index_summary;
pub mod metadata;
pub mod place;
pub mod row_index_entry;
pub mod sstable_id;

pub use bloom_calculations::BloomSpecification;
pub use bloom_filter::BloomFilter;
pub use clustering_prefix::ClusteringPrefix;
pub use compressed_data::{CompressedData, CompressedSequentialWriter};
pub use compression_info::{ChunkLocation, CompressionInfo, CompressionParams};
pub use compressor::Compressor;
pub use descriptor::{Component, Descriptor, FileStem, Toc, Version};
pub use digest::{ChecksumWriter, Checksums, Digest};
pub use index_summary::{IndexRange, IndexSummary, IndexSummaryBuilder};
pub use place::Place;
pub use row_index_entry::{IndexInfo, PromotedIndex, RowIndexEntry, RowIndexWriter};
pub use sstable_id::SSTableId;
