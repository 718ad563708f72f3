//! The components inside of `Statistics.db`, each behind its checksum.
//!
//! Source: Cassandra `io.sstable.metadata.MetadataSerializer`.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::rows::EncodeError;

/// Number of kinds of components.
const TYPE_COUNT: usize = 4;

/// Bytes of the entry of a component in the table of contents.
const ENTRY_SIZE_BYTES: usize = 8;

/// Bytes of a checksum.
const CHECKSUM_SIZE_BYTES: usize = 4;

/// A component of `Statistics.db`, by its number in the file.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum MetadataType {
    /// [`super::ValidationMetadata`].
    Validation = 0,
    /// [`super::HyperLogLogPlus`].
    Compaction = 1,
    /// [`super::StatsMetadata`].
    Stats = 2,
    /// What the rows need to be read: [`crate::rows::SerializationHeader`].
    Header = 3,
}

impl MetadataType {
    /// All of them, in the order of the file.
    pub const ALL: [Self; TYPE_COUNT] = [Self::Validation, Self::Compaction, Self::Stats, Self::Header];

    /// What errors call it.
    const fn name(self) -> &'static str {
        match self {
            Self::Validation => "component VALIDATION",
            Self::Compaction => "component COMPACTION",
            Self::Stats => "component STATS",
            Self::Header => "component HEADER",
        }
    }
}

/// The components of a `Statistics.db`, unread but with their checksums verified.
///
/// | size | field |
/// |---|---|
/// | 4 | number of components, n |
/// | 4 | CRC-32 of those bytes |
/// | 8 each | number of a component, and its offset in the file; ascending |
/// | 4 | CRC-32 of the number of components and this table |
/// | | the components, each behind the other, and behind each its CRC-32 |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MetadataComponents<'a> {
    /// Bytes of each component and where they begin, in the order of [`MetadataType::ALL`].
    components: [Option<(&'a [u8], u64)>; TYPE_COUNT],
}

impl<'a> MetadataComponents<'a> {
    /// Takes the file apart.
    ///
    /// # Errors
    /// When it is cut, a checksum does not fit, or the components do not fill it.
    pub fn read(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let mut cursor = Cursor::new(bytes);
        let table = read_table(&mut cursor)?;
        let table_offset = cursor.offset() - (table.len() + CHECKSUM_SIZE_BYTES) as u64;
        let (entries, _) = table.as_chunks::<ENTRY_SIZE_BYTES>();
        let mut components = [None; TYPE_COUNT];
        let mut next = 0;
        for (index, entry) in entries.iter().enumerate() {
            let (ordinal, offset) = parse_entry(*entry);
            let entry_offset = table_offset + (index * ENTRY_SIZE_BYTES) as u64;
            let ordinal = usize::try_from(ordinal).ok().filter(|ordinal| *ordinal >= next);
            let component_type = ordinal
                .and_then(|ordinal| MetadataType::ALL.get(ordinal))
                .copied();
            let (Some(ordinal), Some(component_type)) = (ordinal, component_type) else {
                let found = format_args!("{entry:02x?}");
                return Err(FormatError::invalid(
                    "number of a component",
                    entry_offset,
                    "0 to 3, ascending",
                    &found,
                ));
            };
            if u64::from(offset) != cursor.offset() {
                let expected = "the end of what is before it";
                return Err(FormatError::invalid(
                    "offset of a component",
                    entry_offset,
                    expected,
                    &offset,
                ));
            }
            let end = entries
                .get(index + 1)
                .map_or(bytes.len() as u64, |next| u64::from(parse_entry(*next).1));
            let content = read_component(&mut cursor, component_type, end)?;
            if let Some(component) = components.get_mut(ordinal) {
                *component = Some((content, u64::from(offset)));
            }
            next = ordinal + 1;
        }
        if cursor.is_at_end() {
            return Ok(Self { components });
        }
        Err(cursor.invalid(
            "end of Statistics.db",
            "no further byte",
            &cursor.remaining().len(),
        ))
    }

    /// The bytes of a component, to be read from their beginning; `None` when the file has none.
    #[must_use]
    pub fn get(&self, component_type: MetadataType) -> Option<Cursor<'a>> {
        let (bytes, offset) = (*self.components.get(usize::from(component_type as u8))?)?;
        Some(Cursor::at(bytes, offset))
    }
}

/// Appends a `Statistics.db` of these components, which come in the order of their types.
///
/// # Errors
/// When they have 4 GiB or more.
pub fn write_components(components: &[(MetadataType, &[u8])], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let count = u32::try_from(components.len()).unwrap_or(u32::MAX).to_be_bytes();
    let table_size = components.len() * ENTRY_SIZE_BYTES;
    let mut offset = count.len() + CHECKSUM_SIZE_BYTES + table_size + CHECKSUM_SIZE_BYTES;
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&count);
    out.extend_from_slice(&count);
    out.extend_from_slice(&checksum.clone().finalize().to_be_bytes());
    for (component_type, content) in components {
        let mut entry = [0; ENTRY_SIZE_BYTES];
        let offset_bytes = u32::try_from(offset).map_err(|_| EncodeError::TooMany {
            what: "bytes of statistics",
            count: offset,
        })?;
        entry[..4].copy_from_slice(&u32::from(*component_type as u8).to_be_bytes());
        entry[4..].copy_from_slice(&offset_bytes.to_be_bytes());
        checksum.update(&entry);
        out.extend_from_slice(&entry);
        offset += content.len() + CHECKSUM_SIZE_BYTES;
    }
    out.extend_from_slice(&checksum.finalize().to_be_bytes());
    for (_, content) in components {
        out.extend_from_slice(content);
        out.extend_from_slice(&crc32fast::hash(content).to_be_bytes());
    }
    Ok(())
}

/// The table of contents, behind the number of its entries; both checksums are verified.
fn read_table<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], FormatError> {
    let (count_bytes, count) = (cursor.clone().remaining(), cursor.u32("number of components")?);
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(count_bytes.get(..4).unwrap_or_default());
    check(cursor, "number of components", 0, checksum.clone().finalize())?;
    let types = usize::try_from(count)
        .ok()
        .and_then(|count| MetadataType::ALL.get(..count));
    let Some(types) = types else {
        return Err(FormatError::invalid(
            "number of components",
            0,
            "at most 4",
            &count,
        ));
    };
    let table = cursor.take(types.len() * ENTRY_SIZE_BYTES, "table of components")?;
    checksum.update(table);
    check(cursor, "table of components", 0, checksum.finalize())?;
    Ok(table)
}

/// Number and offset of a component.
const fn parse_entry([o0, o1, o2, o3, p0, p1, p2, p3]: [u8; ENTRY_SIZE_BYTES]) -> (u32, u32) {
    (
        u32::from_be_bytes([o0, o1, o2, o3]),
        u32::from_be_bytes([p0, p1, p2, p3]),
    )
}

/// The bytes of a component that ends, with its checksum, at an offset.
fn read_component<'a>(
    cursor: &mut Cursor<'a>,
    component_type: MetadataType,
    end: u64,
) -> Result<&'a [u8], FormatError> {
    let what = component_type.name();
    let begin = cursor.offset();
    let size = end
        .checked_sub(begin)
        .and_then(|size| usize::try_from(size).ok())
        .and_then(|size| size.checked_sub(CHECKSUM_SIZE_BYTES))
        .ok_or_else(|| FormatError::invalid(what, begin, "an offset behind it that leaves it room", &end))?;
    let content = cursor.take(size, what)?;
    check(cursor, what, begin, crc32fast::hash(content))?;
    Ok(content)
}

fn check(cursor: &mut Cursor<'_>, what: &'static str, offset: u64, expected: u32) -> Result<(), FormatError> {
    let found = cursor.u32(what)?;
    if expected == found {
        return Ok(());
    }
    Err(FormatError::Checksum {
        what,
        offset,
        expected,
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(components: &[(MetadataType, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        write_components(components, &mut out).expect("a small file");
        out
    }

    const SOME: [(MetadataType, &[u8]); 3] = [
        (MetadataType::Validation, b"first"),
        (MetadataType::Stats, b""),
        (MetadataType::Header, b"the last one"),
    ];

    #[test]
    fn components_come_back_and_absent_ones_are_absent() {
        let bytes = file(&SOME);
        let read = MetadataComponents::read(&bytes).expect("a file just written");
        let content = |component_type| read.get(component_type).map(|cursor| cursor.remaining().to_vec());
        for (component_type, expected) in SOME {
            assert_eq!(content(component_type).as_deref(), Some(expected));
        }
        assert_eq!(content(MetadataType::Compaction), None);
        assert_eq!(
            read.get(MetadataType::Validation).map(|cursor| cursor.offset()),
            Some(36)
        );
        assert_eq!(
            file(&MetadataType::ALL.map(|of| (of, &b""[..])))[12..16],
            [0, 0, 0, 44]
        );
    }

    #[test]
    fn every_truncation_and_flipped_byte_is_an_error() {
        let bytes = file(&SOME);
        for index in 0..bytes.len() {
            assert!(
                MetadataComponents::read(&bytes[..index]).is_err(),
                "cut at {index}"
            );
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[index] ^= 1 << bit;
                assert!(
                    MetadataComponents::read(&damaged).is_err(),
                    "byte {index} bit {bit}"
                );
            }
        }
        assert!(MetadataComponents::read(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn components_out_of_order_are_errors_although_their_checksums_fit() {
        let [first, second, third] = SOME;
        for order in [[second, first, third], [first, first, third]] {
            assert!(MetadataComponents::read(&file(&order)).is_err());
        }
    }
}
