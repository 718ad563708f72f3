//! `Digest.crc32` and `CRC.db`: checksums of Data.db.
//!
//! The digest covers the whole file; CRC.db covers slices of a file without compression, whose
//! chunks have no checksums of their own. Both are made while Data.db is written. Chapter:
//! `specs/08-sstable.md`. Source: Cassandra `io.util.ChecksumWriter`,
//! `io.util.DataIntegrityMetadata`.

use crate::cursor::Cursor;
use crate::error::FormatError;

/// The component `Digest.crc32`: CRC-32 of Data.db as it stands on disk, as a decimal number
/// without line end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Digest(
    /// The checksum.
    pub u32,
);

impl Digest {
    /// The digest of a file that is in memory.
    #[must_use]
    pub fn of(file: &[u8]) -> Self {
        Self(crc32fast::hash(file))
    }

    /// Reads the component.
    ///
    /// # Errors
    /// When it is not the decimal form of a number of 32 bits.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let refused = || {
            let found = String::from_utf8_lossy(bytes);
            Cursor::new(bytes).invalid(
                "Digest.crc32",
                "the decimal form of 32 bits",
                &found.escape_debug(),
            )
        };
        let text = core::str::from_utf8(bytes).map_err(|_| refused())?;
        let checksum: u32 = text.parse().map_err(|_| refused())?;
        // Leading zeros and signs parse too, and no writer makes them.
        if checksum.to_string() == text {
            Ok(Self(checksum))
        } else {
            Err(refused())
        }
    }

    /// Appends the component.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.to_string().as_bytes());
    }
}

/// The component `CRC.db`.
///
/// | size | field |
/// |---|---|
/// | 4 | bytes of a slice of Data.db |
/// | 4 each | CRC-32 of a slice; the last slice may be shorter |
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checksums {
    /// Bytes of a slice.
    pub slice_length_bytes: u32,
    /// One checksum a slice.
    pub checksums: Vec<u32>,
}

impl Checksums {
    /// The buffer of Cassandra's writer.
    pub const DEFAULT_SLICE_LENGTH_BYTES: u32 = 64 << 10;

    /// Reads the component.
    ///
    /// # Errors
    /// When it is cut, or its slices have no bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut cursor = Cursor::new(bytes);
        let stored = cursor.i32("length of a slice")?;
        let slice_length_bytes = u32::try_from(stored)
            .ok()
            .filter(|length| *length > 0)
            .ok_or_else(|| Cursor::new(bytes).invalid("length of a slice", "1 or more", &stored))?;
        let mut checksums = Vec::with_capacity(cursor.remaining().len() / 4);
        while !cursor.is_at_end() {
            checksums.push(cursor.u32("checksum of a slice")?);
        }
        Ok(Self {
            slice_length_bytes,
            checksums,
        })
    }

    /// Appends the component.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.slice_length_bytes.to_be_bytes());
        for checksum in &self.checksums {
            out.extend_from_slice(&checksum.to_be_bytes());
        }
    }

    /// Checks one slice of Data.db, given by its index.
    ///
    /// # Errors
    /// When there is no checksum for it, or it is another one.
    pub fn check_slice(&self, index: usize, slice: &[u8]) -> Result<(), FormatError> {
        let offset = u64::from(self.slice_length_bytes).saturating_mul(index as u64);
        let found = *self.checksums.get(index).ok_or_else(|| FormatError::Truncated {
            what: "checksums of Data.db",
            offset: 4 + 4 * self.checksums.len() as u64,
            needed_bytes: 4,
            available_bytes: 0,
        })?;
        let expected = crc32fast::hash(slice);
        if expected == found {
            return Ok(());
        }
        Err(FormatError::Checksum {
            what: "slice of Data.db",
            offset,
            expected,
            found,
        })
    }

    /// Checks a Data.db that is in memory.
    ///
    /// # Errors
    /// When a slice does not fit its checksum, or there are more or fewer checksums than slices.
    pub fn check(&self, file: &[u8]) -> Result<(), FormatError> {
        let slice_length = usize::try_from(self.slice_length_bytes).unwrap_or(usize::MAX);
        for (index, slice) in file.chunks(slice_length).enumerate() {
            self.check_slice(index, slice)?;
        }
        self.check_count(file.len() as u64)
    }

    /// Checks that there is one checksum for each slice of a Data.db of this length.
    ///
    /// A compaction of Cassandra writes one more, that of a slice without bytes.
    ///
    /// # Errors
    /// When there are more or fewer.
    pub fn check_count(&self, file_length_bytes: u64) -> Result<(), FormatError> {
        let slice_count = file_length_bytes.div_ceil(u64::from(self.slice_length_bytes));
        let extra = usize::try_from(slice_count)
            .ok()
            .and_then(|slice_count| self.checksums.get(slice_count..));
        if let Some([] | [0]) = extra {
            return Ok(());
        }
        Err(FormatError::Invalid {
            what: "number of checksums",
            offset: 4,
            expected: "one a slice",
            found: self.checksums.len().to_string().into(),
        })
    }
}

/// Sums Data.db up while it is written without compression.
///
/// Invariant: `filled` is less than the length of a slice between calls.
#[derive(Debug)]
pub struct ChecksumWriter {
    slice_length: usize,
    checksums: Checksums,
    slice: crc32fast::Hasher,
    /// Bytes of the current slice.
    filled: usize,
    digest: crc32fast::Hasher,
}

impl ChecksumWriter {
    /// Before the first byte.
    ///
    /// # Panics
    /// When slices have no bytes.
    #[must_use]
    pub fn new(slice_length_bytes: u32) -> Self {
        assert!(slice_length_bytes > 0, "slices have bytes");
        Self {
            slice_length: usize::try_from(slice_length_bytes).unwrap_or(usize::MAX),
            checksums: Checksums {
                slice_length_bytes,
                checksums: Vec::new(),
            },
            slice: crc32fast::Hasher::new(),
            filled: 0,
            digest: crc32fast::Hasher::new(),
        }
    }

    /// Takes the next bytes of Data.db.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let size = (self.slice_length - self.filled).min(bytes.len());
            let (now, later) = bytes.split_at(size);
            self.slice.update(now);
            self.filled += size;
            bytes = later;
            if self.filled == self.slice_length {
                self.end_slice();
            }
        }
    }

    /// After the last byte.
    #[must_use]
    pub fn finish(mut self) -> (Checksums, Digest) {
        if self.filled > 0 {
            self.end_slice();
        }
        (self.checksums, Digest(self.digest.finalize()))
    }

    fn end_slice(&mut self) {
        // The digest is combined from the slices, so that each byte is looked at once.
        self.digest.combine(&self.slice);
        let slice = core::mem::take(&mut self.slice);
        self.checksums.checksums.push(slice.finalize());
        self.filled = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn summed(slice_length_bytes: u32, pieces: &[Vec<u8>]) -> (Checksums, Digest) {
        let mut writer = ChecksumWriter::new(slice_length_bytes);
        for piece in pieces {
            writer.update(piece);
        }
        writer.finish()
    }

    quickcheck! {
        fn checksums_do_not_depend_on_the_pieces(pieces: Vec<Vec<u8>>, length: u8) -> bool {
            let length = u32::from(length % 16) + 1;
            let file = pieces.concat();
            let (checksums, digest) = summed(length, &pieces);
            let mut out = Vec::new();
            checksums.write(&mut out);
            checksums.check(&file).is_ok()
                && digest == Digest::of(&file)
                && checksums.checksums.len() == file.len().div_ceil(usize::try_from(length).unwrap())
                && Checksums::read(&out) == Ok(checksums)
        }
    }

    #[test]
    fn damage_of_data_is_found_with_its_slice() {
        let file: Vec<u8> = (0..100).collect();
        let (checksums, _) = summed(32, core::slice::from_ref(&file));
        for index in 0..file.len() {
            let mut damaged = file.clone();
            damaged[index] ^= 1;
            let error = checksums.check(&damaged).expect_err("a changed byte");
            let FormatError::Checksum { offset, .. } = error else {
                panic!("{error}");
            };
            assert_eq!(offset, index as u64 / 32 * 32);
        }
        assert!(checksums.check(&file[..96]).is_err(), "a checksum too many");
        assert!(checksums.check(&[&file[..], &[0; 32]].concat()).is_err());
    }

    #[test]
    fn damage_of_the_checksums_is_found() {
        let file: Vec<u8> = (0..100).collect();
        let (checksums, _) = summed(64, core::slice::from_ref(&file));
        let mut bytes = Vec::new();
        checksums.write(&mut bytes);
        let holds =
            |bytes: &[u8]| Checksums::read(bytes).is_ok_and(|checksums| checksums.check(&file).is_ok());
        assert!(holds(&bytes));
        for index in 0..bytes.len() {
            assert!(!holds(&bytes[..index]), "cut at {index}");
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[index] ^= 1 << bit;
                assert!(!holds(&damaged), "byte {index}, bit {bit}");
            }
        }
    }

    #[test]
    fn digest_is_a_decimal_number_and_nothing_else() {
        assert_eq!(Digest::read(b"3908573767"), Ok(Digest(3_908_573_767)));
        assert_eq!(Digest::read(b"0"), Ok(Digest(0)));
        for bad in ["", "-1", "+1", "01", "1\n", "4294967296", "e8f81a47"] {
            assert!(Digest::read(bad.as_bytes()).is_err(), "{bad:?}");
        }
        let mut out = Vec::new();
        Digest(u32::MAX).write(&mut out);
        assert_eq!(out, b"4294967295");
    }
}
