//! A whole `Statistics.db`.

use super::container::{MetadataComponents, MetadataType, write_components};
use super::hyper_log_log_plus::HyperLogLogPlus;
use super::stats_metadata::StatsMetadata;
use super::validation_metadata::ValidationMetadata;
use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::rows::{EncodeError, SerializationHeader};
use crate::sstable::descriptor::Version;

/// The component `Statistics.db`, see [`MetadataComponents`] for its frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// What must fit the table.
    pub validation: ValidationMetadata,
    /// The number of keys, behind a length of four bytes; files without it can be read.
    pub compaction: Option<HyperLogLogPlus>,
    /// Sizes, times and positions.
    pub stats: StatsMetadata,
    /// What the rows need to be read.
    pub header: SerializationHeader,
}

impl Statistics {
    /// Reads the component.
    ///
    /// # Errors
    /// When it is damaged, or lacks one of its parts but the number of keys.
    pub fn read(bytes: &[u8], version: Version) -> Result<Self, FormatError> {
        let components = MetadataComponents::read(bytes)?;
        let part = |component_type| {
            components.get(component_type).ok_or_else(|| {
                let found = format_args!("no {component_type:?}");
                FormatError::invalid(
                    "parts of Statistics.db",
                    0,
                    "validation, stats and header",
                    &found,
                )
            })
        };
        Ok(Self {
            validation: wholly(part(MetadataType::Validation)?, ValidationMetadata::read)?,
            compaction: components
                .get(MetadataType::Compaction)
                .map(|cursor| wholly(cursor, read_compaction))
                .transpose()?,
            stats: wholly(part(MetadataType::Stats)?, |cursor| {
                StatsMetadata::read(cursor, version)
            })?,
            header: wholly(part(MetadataType::Header)?, SerializationHeader::read_component)?,
        })
    }

    /// Appends the component.
    ///
    /// # Errors
    /// When a clustering value is longer than 65535 bytes.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut validation = Vec::new();
        self.validation.write(&mut validation)?;
        let mut compaction = vec![0; 4];
        if let Some(counter) = &self.compaction {
            counter.clone().write(&mut compaction);
            let size_bytes = u32::try_from(compaction.len() - 4).unwrap_or(u32::MAX);
            compaction.splice(..4, size_bytes.to_be_bytes());
        }
        let mut stats = Vec::new();
        self.stats.write(version, &mut stats)?;
        let mut header = Vec::new();
        self.header.write_component(&mut header);
        let parts = [
            (MetadataType::Validation, &*validation),
            (MetadataType::Compaction, &*compaction),
            (MetadataType::Stats, &*stats),
            (MetadataType::Header, &*header),
        ];
        let is_written = |part: MetadataType| self.compaction.is_some() || part != MetadataType::Compaction;
        let parts: Vec<_> = parts.into_iter().filter(|(part, _)| is_written(*part)).collect();
        write_components(&parts, out)
    }
}

fn read_compaction(cursor: &mut Cursor<'_>) -> Result<HyperLogLogPlus, FormatError> {
    const WHAT: &str = "counter of keys";
    let offset = cursor.offset();
    let bytes = cursor.int_bytes(WHAT)?;
    let bytes = bytes
        .ok_or_else(|| FormatError::invalid(WHAT, offset, "a length of 0 or more", &"a negative one"))?;
    HyperLogLogPlus::read_at(bytes, offset + 4)
}

/// Reads a part, which must have no byte more.
fn wholly<'a, T>(
    mut cursor: Cursor<'a>,
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T, FormatError>,
) -> Result<T, FormatError> {
    let part = read(&mut cursor)?;
    if cursor.is_at_end() {
        return Ok(part);
    }
    let left = cursor.remaining().len();
    Err(cursor.invalid(
        "end of a part of Statistics.db",
        "no further byte",
        &format_args!("{left} bytes"),
    ))
}
