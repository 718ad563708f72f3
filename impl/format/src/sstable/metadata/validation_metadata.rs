//! The component VALIDATION of `Statistics.db`: what must fit the table before the rest is read.
//!
//! Source: Cassandra `io.sstable.metadata.ValidationMetadata`.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::rows::EncodeError;
use crate::sstable::compression_info::{utf, write_utf};
use thymbra_types::Partitioner;

/// Package of Cassandra's partitioners.
const PACKAGE: &str = "org.apache.cassandra.dht.";

/// What must fit the table.
///
/// | size | field |
/// |---|---|
/// | 2 + n | length and name of the class of the partitioner |
/// | 8 | accepted share of false positives of the Bloom filter, a double |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValidationMetadata {
    /// How the keys are placed.
    pub partitioner: Partitioner,
    /// Table option `bloom_filter_fp_chance` when the SSTable was written; 1 without a filter.
    pub bloom_filter_fp_chance: f64,
}

impl ValidationMetadata {
    /// Appends the form above.
    ///
    /// # Errors
    /// Never: names of partitioners are short.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_utf(&format!("{PACKAGE}{}", class_name(self.partitioner)), out)?;
        out.extend_from_slice(&self.bloom_filter_fp_chance.to_be_bytes());
        Ok(())
    }

    /// Reads the form above.
    ///
    /// # Errors
    /// When it is cut, or names a partitioner that is not known.
    pub fn read(cursor: &mut Cursor<'_>) -> Result<Self, FormatError> {
        const WHAT: &str = "partitioner";
        let offset = cursor.offset();
        let name = utf(cursor, WHAT)?;
        let partitioner = [
            Partitioner::Murmur3,
            Partitioner::Random,
            Partitioner::ByteOrdered,
        ]
        .into_iter()
        .find(|partitioner| name.strip_prefix(PACKAGE) == Some(class_name(*partitioner)))
        .ok_or_else(|| FormatError::invalid(WHAT, offset, "a partitioner of Cassandra", &name))?;
        Ok(Self {
            partitioner,
            bloom_filter_fp_chance: cursor.f64("false positive chance")?,
        })
    }
}

const fn class_name(partitioner: Partitioner) -> &'static str {
    match partitioner {
        Partitioner::Murmur3 => "Murmur3Partitioner",
        Partitioner::Random => "RandomPartitioner",
        Partitioner::ByteOrdered => "ByteOrderedPartitioner",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitioners_come_back_and_others_are_named() {
        for partitioner in [
            Partitioner::Murmur3,
            Partitioner::Random,
            Partitioner::ByteOrdered,
        ] {
            let validation = ValidationMetadata {
                partitioner,
                bloom_filter_fp_chance: 0.01,
            };
            let mut bytes = Vec::new();
            validation.write(&mut bytes).expect("a short name");
            assert!(bytes.ends_with(&[0x3f, 0x84, 0x7a, 0xe1, 0x47, 0xae, 0x14, 0x7b]));
            assert_eq!(ValidationMetadata::read(&mut Cursor::new(&bytes)), Ok(validation));
            for cut in 0..bytes.len() {
                assert!(
                    ValidationMetadata::read(&mut Cursor::new(&bytes[..cut])).is_err(),
                    "cut at {cut}"
                );
            }
            bytes[30] ^= 0x20;
            let error = ValidationMetadata::read(&mut Cursor::new(&bytes)).expect_err("another class");
            assert!(error.to_string().contains("org.apache.cassandra.dht."), "{error}");
        }
    }
}
