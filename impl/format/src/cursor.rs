//! Reading numbers, lengths and strings from bytes, with an error that says where.

use crate::error::FormatError;
use crate::vint;

/// A position in bytes.
///
/// All numbers are big-endian unless the name says otherwise. A read that fails moves nothing.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    base_offset: u64,
}

impl<'a> Cursor<'a> {
    /// At the beginning of bytes that are a whole file or component.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self::at(bytes, 0)
    }

    /// At the beginning of bytes that stand at an offset in their file.
    #[must_use]
    pub const fn at(bytes: &'a [u8], base_offset: u64) -> Self {
        Self {
            bytes,
            position: 0,
            base_offset,
        }
    }

    /// Offset of the next byte in the file, as errors give it.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.base_offset + self.position as u64
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// All bytes, those that have been read included.
    #[must_use]
    pub(crate) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes not read yet.
    #[must_use]
    pub fn remaining(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.position >= self.bytes.len()
    }

    /// The next `size_bytes` bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn take(&mut self, size_bytes: usize, what: &'static str) -> Result<&'a [u8], FormatError> {
        let taken = self
            .remaining()
            .get(..size_bytes)
            .ok_or_else(|| self.truncated(what, size_bytes as u64))?;
        self.position += size_bytes;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], FormatError> {
        let taken = *self
            .remaining()
            .first_chunk::<N>()
            .ok_or_else(|| self.truncated(what, N as u64))?;
        self.position += N;
        Ok(taken)
    }

    /// One byte.
    ///
    /// # Errors
    /// At the end.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, FormatError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// Two bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, FormatError> {
        self.array(what).map(u16::from_be_bytes)
    }

    /// Four bytes, unsigned: checksums.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, FormatError> {
        self.array(what).map(u32::from_be_bytes)
    }

    /// Four bytes, signed.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn i32(&mut self, what: &'static str) -> Result<i32, FormatError> {
        self.array(what).map(i32::from_be_bytes)
    }

    /// Eight bytes, signed.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn i64(&mut self, what: &'static str) -> Result<i64, FormatError> {
        self.array(what).map(i64::from_be_bytes)
    }

    /// Sixteen bytes: UUIDs.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn u128(&mut self, what: &'static str) -> Result<u128, FormatError> {
        self.array(what).map(u128::from_be_bytes)
    }

    /// Eight bytes, IEEE 754.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn f64(&mut self, what: &'static str) -> Result<f64, FormatError> {
        self.array(what).map(f64::from_be_bytes)
    }

    /// An unsigned variable length integer.
    ///
    /// # Errors
    /// When it is cut.
    pub fn unsigned_vint(&mut self, what: &'static str) -> Result<u64, FormatError> {
        let Some((value, size_bytes)) = vint::read_unsigned(self.remaining()) else {
            let first = self.remaining().first().copied().unwrap_or_default();
            return Err(self.truncated(what, vint::extra_size_bytes(first) as u64 + 1));
        };
        self.position += size_bytes;
        Ok(value)
    }

    /// A signed variable length integer, in zigzag form.
    ///
    /// # Errors
    /// When it is cut.
    pub fn signed_vint(&mut self, what: &'static str) -> Result<i64, FormatError> {
        self.unsigned_vint(what).map(vint::unzigzag)
    }

    /// A variable length integer that counts bytes or items of this file: never more than it has left.
    ///
    /// # Errors
    /// When it is cut, or counts more than the bytes that are left.
    pub fn vint_count(&mut self, what: &'static str) -> Result<usize, FormatError> {
        let begun = self.clone();
        let value = self.unsigned_vint(what)?;
        match usize::try_from(value) {
            Ok(count) if count <= self.remaining().len() => Ok(count),
            Ok(_) | Err(_) => {
                let error = self.truncated(what, value);
                *self = begun;
                Err(error)
            }
        }
    }

    /// Bytes behind their length, a variable length integer.
    ///
    /// # Errors
    /// When they are cut.
    pub fn vint_bytes(&mut self, what: &'static str) -> Result<&'a [u8], FormatError> {
        let begun = self.clone();
        let size_bytes = self.vint_count(what)?;
        self.take(size_bytes, what).inspect_err(|_| *self = begun)
    }

    /// Bytes behind their length of two bytes.
    ///
    /// # Errors
    /// When they are cut.
    pub fn short_bytes(&mut self, what: &'static str) -> Result<&'a [u8], FormatError> {
        let begun = self.clone();
        let size_bytes = self.u16(what)?;
        self.take(usize::from(size_bytes), what)
            .inspect_err(|_| *self = begun)
    }

    /// Bytes behind their length, a signed number of four bytes; `None` when that is negative.
    ///
    /// # Errors
    /// When they are cut.
    pub fn int_bytes(&mut self, what: &'static str) -> Result<Option<&'a [u8]>, FormatError> {
        let begun = self.clone();
        let Ok(size_bytes) = usize::try_from(self.i32(what)?) else {
            return Ok(None);
        };
        self.take(size_bytes, what)
            .map(Some)
            .inspect_err(|_| *self = begun)
    }

    /// UTF-8 text in bytes that have been taken from here.
    ///
    /// # Errors
    /// When the bytes are not UTF-8.
    pub fn text(&self, bytes: &'a [u8], what: &'static str) -> Result<&'a str, FormatError> {
        core::str::from_utf8(bytes).map_err(|_| self.invalid(what, "UTF-8 text", &hexadecimal(bytes)))
    }

    /// The error that something at the next byte is not what the format allows.
    #[must_use]
    pub fn invalid(
        &self,
        what: &'static str,
        expected: &'static str,
        found: &dyn core::fmt::Display,
    ) -> FormatError {
        FormatError::Invalid {
            what,
            offset: self.offset(),
            expected,
            found: found.to_string().into(),
        }
    }

    fn truncated(&self, what: &'static str, needed_bytes: u64) -> FormatError {
        FormatError::Truncated {
            what,
            offset: self.offset(),
            needed_bytes,
            available_bytes: self.remaining().len() as u64,
        }
    }
}

/// Bytes in hexadecimal, two lower-case digits each.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    use core::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
