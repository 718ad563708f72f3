//! The header of a segment, and the name of its file.

use crate::commitlog::update_with_segment_id;
use crate::cursor::Cursor;
use crate::error::FormatError;
use serde_json::{Map, Value};

/// The version of segments, which stands for mutations at messaging version 12.
pub const COMMIT_LOG_VERSION: i32 = 7;

/// Beginning of every file's name.
const FILENAME_PREFIX: &str = "CommitLog-";
/// End of every segment's name.
const FILENAME_EXTENSION: &str = ".log";
/// End of the name of the file that says how far change data capture may read.
const CDC_INDEX_EXTENSION: &str = "_cdc.idx";

/// Name of the compressor in the parameters.
const COMPRESSION_CLASS_KEY: &str = "compressionClass";
/// Its options in the parameters.
const COMPRESSION_PARAMETERS_KEY: &str = "compressionParameters";
/// Says that there is a marker at the end; Cassandra looks for the keys it knows.
const END_MARKER_KEY: &str = "endMarker";
/// What the parameters of encrypted segments begin with.
const ENCRYPTION_KEY_PREFIX: &str = "enc";
/// What the name of a compressor may begin with.
const COMPRESSOR_PACKAGE: &str = "org.apache.cassandra.io.compress.";
/// The one compressor that is read and written.
const LZ4_COMPRESSOR: &str = "LZ4Compressor";

/// How the sections of a segment are compressed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SegmentCompression {
    /// Not at all.
    None,
    /// With Cassandra's `LZ4Compressor`.
    Lz4 {
        /// Options as configured, which do not change how the bytes are read.
        parameters: Option<Map<String, Value>>,
        /// Whether a segment that takes no more records has a marker of zeros behind its last section, so that one that
        /// was cut between two sections is told from one that is whole. Cassandra has none, and reads ours.
        has_end_marker: bool,
    },
}

/// What the header of a segment says. Cassandra: `CommitLogDescriptor`.
///
/// | offset | size | field | meaning |
/// |---|---|---|---|
/// | 0 | 4 | version | 7 |
/// | 4 | 8 | id | segments are numbered in the order of their creation |
/// | 12 | 2 | n | bytes of the parameters |
/// | 14 | n | parameters | a JSON object: `{}`, or class and parameters of the compressor, and `"endMarker": true` in ours |
/// | 14 + n | 4 | CRC | of the version, the low and then the high word of the id, n as four bytes, and the parameters |
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CommitLogDescriptor {
    /// Number of the segment.
    pub segment_id: i64,
    /// How its sections are compressed.
    pub compression: SegmentCompression,
}

impl CommitLogDescriptor {
    /// Appends the header.
    ///
    /// # Panics
    /// When the options of the compressor are 64 KiB or longer; the configuration has no such ones.
    pub fn write(&self, out: &mut Vec<u8>) {
        let parameters = self.parameters();
        let size_bytes =
            u16::try_from(parameters.len()).expect("the options of a compressor are shorter than 64 KiB");
        out.extend_from_slice(&COMMIT_LOG_VERSION.to_be_bytes());
        out.extend_from_slice(&self.segment_id.to_be_bytes());
        out.extend_from_slice(&size_bytes.to_be_bytes());
        out.extend_from_slice(&parameters);
        let crc = self.checksum(COMMIT_LOG_VERSION, &parameters);
        out.extend_from_slice(&crc.to_be_bytes());
    }

    fn parameters(&self) -> Vec<u8> {
        let mut parameters = Map::new();
        match &self.compression {
            SegmentCompression::None => {}
            SegmentCompression::Lz4 {
                parameters: options,
                has_end_marker,
            } => {
                parameters.insert(COMPRESSION_CLASS_KEY.into(), LZ4_COMPRESSOR.into());
                let options = options.clone().map_or(Value::Null, Value::Object);
                parameters.insert(COMPRESSION_PARAMETERS_KEY.into(), options);
                if *has_end_marker {
                    parameters.insert(END_MARKER_KEY.into(), Value::Bool(true));
                }
            }
        }
        Value::Object(parameters).to_string().into_bytes()
    }

    fn checksum(&self, version: i32, parameters: &[u8]) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&version.to_be_bytes());
        update_with_segment_id(&mut crc, self.segment_id);
        // The length takes two bytes in the file and four in the checksum.
        crc.update(&[0, 0]);
        let size_bytes = u16::try_from(parameters.len()).unwrap_or(u16::MAX);
        crc.update(&size_bytes.to_be_bytes());
        crc.update(parameters);
        crc.finalize()
    }

    /// Reads the header.
    ///
    /// # Errors
    /// When it is cut or damaged, of another version, or the segment is encrypted or compressed with
    /// a compressor that is not LZ4.
    pub fn read(cursor: &mut Cursor<'_>) -> Result<Self, FormatError> {
        let begin = cursor.offset();
        let version = cursor.i32("version of a commit log segment")?;
        let segment_id = cursor.i64("id of a commit log segment")?;
        let parameters_offset = cursor.offset();
        let parameters = cursor.short_bytes("parameters of a commit log segment")?;
        let found = cursor.u32("checksum of a commit log segment's header")?;
        let mut descriptor = Self {
            segment_id,
            compression: SegmentCompression::None,
        };
        let expected = descriptor.checksum(version, parameters);
        if expected != found {
            return Err(FormatError::Checksum {
                what: "header of a commit log segment",
                offset: begin,
                expected,
                found,
            });
        }
        if version != COMMIT_LOG_VERSION {
            return Err(FormatError::invalid(
                "version of a commit log segment",
                begin,
                "7, as Cassandra 4.0 to 5.0 in compatibility mode write it",
                &version,
            ));
        }
        descriptor.compression = read_compression(parameters, parameters_offset)?;
        Ok(descriptor)
    }

    /// Name of the segment's file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!(
            "{FILENAME_PREFIX}{COMMIT_LOG_VERSION}-{}{FILENAME_EXTENSION}",
            self.segment_id
        )
    }

    /// Name of the file that says how far change data capture may read the segment.
    #[must_use]
    pub fn cdc_index_file_name(&self) -> String {
        format!(
            "{FILENAME_PREFIX}{COMMIT_LOG_VERSION}-{}{CDC_INDEX_EXTENSION}",
            self.segment_id
        )
    }

    /// Version and id in the name of a segment's file; `None` for names of other files.
    #[must_use]
    pub fn parse_file_name(name: &str) -> Option<(i32, i64)> {
        let numbers = name
            .strip_prefix(FILENAME_PREFIX)?
            .strip_suffix(FILENAME_EXTENSION)?;
        let (version, segment_id) = numbers.split_once('-')?;
        // Numbers may have no sign.
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(version) || !is_number(segment_id) {
            return None;
        }
        Some((version.parse().ok()?, segment_id.parse().ok()?))
    }
}

/// Takes the compression out of the parameters.
fn read_compression(parameters: &[u8], offset: u64) -> Result<SegmentCompression, FormatError> {
    const WHAT: &str = "parameters of a commit log segment";
    let Ok(Value::Object(object)) = serde_json::from_slice(parameters) else {
        let found = String::from_utf8_lossy(parameters);
        return Err(FormatError::invalid(WHAT, offset, "a JSON object", &found));
    };
    if let Some(key) = object.keys().find(|key| key.starts_with(ENCRYPTION_KEY_PREFIX)) {
        return Err(FormatError::invalid(WHAT, offset, "no encryption", key));
    }
    let class = match object.get(COMPRESSION_CLASS_KEY) {
        None | Some(Value::Null) => return Ok(SegmentCompression::None),
        Some(class) => class,
    };
    let name = class.as_str().unwrap_or_default();
    if name.strip_prefix(COMPRESSOR_PACKAGE).unwrap_or(name) != LZ4_COMPRESSOR {
        return Err(FormatError::invalid(WHAT, offset, "LZ4Compressor", class));
    }
    let parameters = match object.get(COMPRESSION_PARAMETERS_KEY) {
        None | Some(Value::Null) => None,
        Some(Value::Object(options)) => Some(options.clone()),
        Some(other) => return Err(FormatError::invalid(WHAT, offset, "an object of options", other)),
    };
    Ok(SegmentCompression::Lz4 {
        parameters,
        has_end_marker: object.get(END_MARKER_KEY) == Some(&Value::Bool(true)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::hexadecimal;

    fn written(descriptor: &CommitLogDescriptor) -> Vec<u8> {
        let mut out = Vec::new();
        descriptor.write(&mut out);
        out
    }

    /// Headers of the two fixtures.
    const UNCOMPRESSED: &[u8] = b"\0\0\0\x07\0\0\x01\xa1\xfc\xf4\x4d\x75\0\x02{}\x88\xe0\xd7\xe1";
    const LZ4: &[u8] = b"\0\0\0\x07\0\0\x01\xa1\xfc\xf9\xf4\xe3\0\x41\
        {\"compressionClass\":\"LZ4Compressor\",\"compressionParameters\":null}\x35\xf1\xd9\x20";

    #[test]
    fn headers_of_real_segments_are_read_and_written() {
        let plain = CommitLogDescriptor {
            segment_id: 1_795_245_231_477,
            compression: SegmentCompression::None,
        };
        let lz4 = CommitLogDescriptor {
            segment_id: 1_795_245_602_019,
            compression: SegmentCompression::Lz4 {
                parameters: None,
                has_end_marker: false,
            },
        };
        for (descriptor, bytes) in [(plain, UNCOMPRESSED), (lz4, LZ4)] {
            assert_eq!(hexadecimal(&written(&descriptor)), hexadecimal(bytes));
            assert_eq!(CommitLogDescriptor::read(&mut Cursor::new(bytes)), Ok(descriptor));
        }
    }

    #[test]
    fn marker_at_the_end_is_announced_beside_the_compressor() {
        let descriptor = CommitLogDescriptor {
            segment_id: 1,
            compression: SegmentCompression::Lz4 {
                parameters: None,
                has_end_marker: true,
            },
        };
        let bytes = written(&descriptor);
        let parameters = String::from_utf8_lossy(&bytes[14..bytes.len() - 4]);
        assert_eq!(
            parameters,
            r#"{"compressionClass":"LZ4Compressor","compressionParameters":null,"endMarker":true}"#
        );
        assert_eq!(
            CommitLogDescriptor::read(&mut Cursor::new(&bytes)),
            Ok(descriptor)
        );
    }

    #[test]
    fn every_flipped_byte_and_every_cut_of_a_header_is_noticed() {
        for bytes in [UNCOMPRESSED, LZ4] {
            for index in 0..bytes.len() {
                let mut flipped = bytes.to_vec();
                flipped[index] ^= 0x10;
                let read = CommitLogDescriptor::read(&mut Cursor::new(&flipped));
                assert!(read.is_err(), "byte {index} flipped: {read:?}");
                let cut = CommitLogDescriptor::read(&mut Cursor::new(&bytes[..index]));
                assert!(cut.is_err(), "cut at {index}: {cut:?}");
            }
        }
    }

    #[test]
    fn segments_of_others_are_refused() {
        let header = |version: i32, parameters: &str| {
            let descriptor = CommitLogDescriptor {
                segment_id: 1,
                compression: SegmentCompression::None,
            };
            let crc = descriptor.checksum(version, parameters.as_bytes());
            let size_bytes = u16::try_from(parameters.len()).expect("short");
            [
                &version.to_be_bytes()[..],
                &1_i64.to_be_bytes(),
                &size_bytes.to_be_bytes(),
                parameters.as_bytes(),
                &crc.to_be_bytes(),
            ]
            .concat()
        };
        for (version, parameters) in [
            (6, "{}"),
            (8, "{}"),
            (7, "[]"),
            (7, "{"),
            (7, r#"{"encCipher":"AES"}"#),
            (7, r#"{"compressionClass":"ZstdCompressor"}"#),
            (7, r#"{"compressionClass":7}"#),
            (
                7,
                r#"{"compressionClass":"LZ4Compressor","compressionParameters":7}"#,
            ),
        ] {
            let bytes = header(version, parameters);
            let read = CommitLogDescriptor::read(&mut Cursor::new(&bytes));
            assert!(
                matches!(read, Err(FormatError::Invalid { .. })),
                "{version} {parameters}"
            );
        }
        for parameters in [
            r#"{"compressionClass":"org.apache.cassandra.io.compress.LZ4Compressor"}"#,
            r#"{"compressionClass":"LZ4Compressor","compressionParameters":{"lz4_high_compressor_level":"9"}}"#,
        ] {
            assert!(CommitLogDescriptor::read(&mut Cursor::new(&header(7, parameters))).is_ok());
        }
    }

    #[test]
    fn names_of_files_carry_version_and_id() {
        let descriptor = CommitLogDescriptor {
            segment_id: 12,
            compression: SegmentCompression::None,
        };
        assert_eq!(descriptor.file_name(), "CommitLog-7-12.log");
        assert_eq!(descriptor.cdc_index_file_name(), "CommitLog-7-12_cdc.idx");
        assert_eq!(
            CommitLogDescriptor::parse_file_name("CommitLog-7-12.log"),
            Some((7, 12))
        );
        for other in [
            "CommitLog-12.log",
            "CommitLog-7-12_cdc.idx",
            "CommitLog-7-+12.log",
            "CommitLog-7-.log",
            "CommitLog-7-1-2.log",
            "CommitLog-7-99999999999999999999.log",
            "commitlog-7-12.log",
        ] {
            assert_eq!(CommitLogDescriptor::parse_file_name(other), None, "{other}");
        }
    }
}
