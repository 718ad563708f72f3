//! The beginning of a section.

use crate::commitlog::update_with_segment_id;

/// Bytes of a marker.
pub const SYNC_MARKER_SIZE_BYTES: u32 = 8;

/// Says where the section that it begins ends. Cassandra: `CommitLogSegment.writeSyncMarker`.
///
/// Written when all records of the section are; until then it is zero, as is the marker behind the
/// last section. The checksum protects neither the end nor the records.
///
/// | offset | size | field | meaning |
/// |---|---|---|---|
/// | 0 | 4 | end | offset in the file of the end of the section, where the next marker stands |
/// | 4 | 4 | CRC | of the low and then the high word of the segment's id, and the marker's own offset in the file |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SyncMarker {
    /// Offset of the next marker.
    pub section_end: u32,
    /// Checksum as it stands in the file.
    pub checksum: u32,
}

impl SyncMarker {
    /// The marker at an offset of a segment.
    #[must_use]
    pub fn new(segment_id: i64, offset: u32, section_end: u32) -> Self {
        Self {
            section_end,
            checksum: Self::checksum_at(segment_id, offset),
        }
    }

    /// The checksum that a marker at an offset of a segment has.
    #[must_use]
    pub fn checksum_at(segment_id: i64, offset: u32) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        update_with_segment_id(&mut crc, segment_id);
        crc.update(&offset.to_be_bytes());
        crc.finalize()
    }

    /// The bytes of the file.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; SYNC_MARKER_SIZE_BYTES as usize] {
        let [a, b, c, d] = self.section_end.to_be_bytes();
        let [e, f, g, h] = self.checksum.to_be_bytes();
        [a, b, c, d, e, f, g, h]
    }

    /// The marker that bytes are, whatever they are.
    #[must_use]
    pub const fn of_bytes([a, b, c, d, e, f, g, h]: [u8; SYNC_MARKER_SIZE_BYTES as usize]) -> Self {
        Self {
            section_end: u32::from_be_bytes([a, b, c, d]),
            checksum: u32::from_be_bytes([e, f, g, h]),
        }
    }

    /// Whether nothing was written here: the log ends.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.section_end == 0 && self.checksum == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_of_real_segments_are_written() {
        let uncompressed = SyncMarker::new(1_795_245_231_477, 20, 0x0614);
        assert_eq!(
            uncompressed.to_bytes(),
            [0, 0, 0x06, 0x14, 0x4e, 0xf9, 0xca, 0x60]
        );
        let compressed = SyncMarker::new(1_795_245_602_018, 83, 0x3425);
        assert_eq!(compressed.to_bytes(), [0, 0, 0x34, 0x25, 0xb1, 0xc2, 0xdc, 0x50]);
        assert_eq!(SyncMarker::of_bytes(compressed.to_bytes()), compressed);
    }
}
