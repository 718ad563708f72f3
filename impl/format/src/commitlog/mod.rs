//! Commit log segments: mutations in the order in which they were accepted.
//!
//! Sits between mutations and the files of the storage engine: it says which bytes a segment has
//! and what is wrong with the bytes of one, and leaves to the engine's rules what that means.
//! Chapter: `specs/06-commit-log.md`. Source: Cassandra `db.commitlog`.
//!
//! A segment is a [`CommitLogDescriptor`], and then sections. Each begins with a [`SyncMarker`],
//! which is written when all of its records are. Uncompressed segments are as long as configured
//! from the beginning and have zeros behind the last section.
//!
//! | module | what it reads and writes |
//! |---|---|
//! | [`descriptor`] | the header, and names of files |
//! | [`sync_marker`] | the beginning of a section |
//! | [`record`] | a mutation with its checksums |
//! | [`compressed_section`] | a section of a compressed segment |
//! | [`segment_reader`], [`finding`] | a whole segment: records, and what is no record |

pub mod compressed_section;
pub mod descriptor;
pub mod finding;
pub mod record;
pub mod segment_reader;
pub mod sync_marker;

pub use compressed_section::write_compressed_section;
pub use descriptor::{CommitLogDescriptor, SegmentCompression};
pub use finding::SegmentFindingKind;
pub use record::{MIN_MUTATION_SIZE_BYTES, RECORD_OVERHEAD_BYTES, write_record};
pub use segment_reader::{LogRecord, SEGMENT_SIZE_UNIT_BYTES, SegmentFinding, SegmentItem, SegmentReader};
pub use sync_marker::{SYNC_MARKER_SIZE_BYTES, SyncMarker};

/// Feeds a segment's id to a checksum: the low word before the high one, as Cassandra does.
fn update_with_segment_id(crc: &mut crc32fast::Hasher, segment_id: i64) {
    let [a, b, c, d, e, f, g, h] = segment_id.to_be_bytes();
    crc.update(&[e, f, g, h, a, b, c, d]);
}
