//! A hasher that writes derived `Hash` values as few bytes into one buffer, so that the real hash function is
//! called once for a state.
//!
//! Discriminants and lengths take one byte each; a value above 255 is a broken bound and panics.

use std::hash::Hasher;

/// Bytes of a packed state that fit without allocation.
const INLINE_BYTES: usize = 512;

/// Collects the bytes of derived `Hash` implementations.
#[derive(Debug)]
pub struct PackingHasher {
    inline: [u8; INLINE_BYTES],
    length: usize,
    overflow: Vec<u8>,
}

impl PackingHasher {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self { inline: [0; INLINE_BYTES], length: 0, overflow: Vec::new() }
    }

    /// What was packed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        if self.overflow.is_empty() {
            self.inline.get(..self.length).expect("the length never passes the buffer")
        } else {
            &self.overflow
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        if !self.overflow.is_empty() {
            self.overflow.extend_from_slice(bytes);
        } else if let Some(free) = self.inline.get_mut(self.length..self.length + bytes.len()) {
            free.copy_from_slice(bytes);
            self.length += bytes.len();
        } else {
            self.overflow.reserve(2 * INLINE_BYTES);
            self.overflow.extend_from_slice(self.inline.get(..self.length).expect("the length never passes the buffer"));
            self.overflow.extend_from_slice(bytes);
        }
    }

    fn put_small(&mut self, value: usize) {
        let byte = u8::try_from(value).expect("discriminants and lengths of the model's state are below 256");
        self.put(&[byte]);
    }
}

impl Default for PackingHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher for PackingHasher {
    fn finish(&self) -> u64 {
        unreachable!("a packed state is hashed as bytes by the checker's own hasher")
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.put(bytes);
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.put(&[value]);
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.put(&value.to_be_bytes());
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.put(&value.to_be_bytes());
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.put_small(value);
    }

    #[inline]
    fn write_isize(&mut self, value: isize) {
        self.put_small(usize::try_from(value).expect("discriminants are not negative"));
    }
}
