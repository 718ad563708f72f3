//! What a segment can have in place of records.

/// What stands where a record or marker should be.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SegmentFindingKind {
    /// The marker that would begin the next section is all zero, or there is no room for one.
    NoMarker,
    /// One to three bytes are left in a section: too few for the size of a record.
    RemainderTooSmall,
    /// The size of a record is zero.
    ZeroSize,
    /// The checksum of a marker differs, and the marker is not all zero.
    MarkerChecksum,
    /// A marker with its right checksum gives an end before its section, or beyond the file. In the
    /// latter case this is found behind the records that are there.
    MarkerTarget,
    /// The size of a record is negative, or below that of the smallest mutation.
    SizeTooSmall,
    /// The checksum of a record's size differs.
    SizeChecksum,
    /// A record reaches beyond its section.
    RecordBeyondEnd,
    /// The checksum of a record differs.
    RecordChecksum,
    /// The content of a compressed section cannot be restored.
    SectionUnreadable,
}
