//! Values of one size, changed in place so that they compare as unsigned bytes, and back.
//!
//! Source: Cassandra `db.marshal`: `compareCustom` of `BooleanType`, `FloatType`, `DoubleType`,
//! `AbstractTimeUUIDType`, `UUIDType`, `LexicalUUIDType`.

use crate::marshal::layout::Fixed;

const SIGN_BIT: u8 = 0x80;
/// Sign bits of eight bytes.
const SIGN_BITS: u64 = 0x8080_8080_8080_8080;
const LONG_SIGN_BIT: u64 = 1 << 63;
/// Version of time-based UUIDs.
const TIME_BASED: u64 = 1;

impl Fixed {
    /// Makes a value, of the size of its type, comparable.
    ///
    /// A boolean becomes 0 or 1, and a number that is none becomes the one that Java writes: values
    /// that Cassandra does not tell apart have one image.
    pub(in crate::marshal) fn encode_in_place(self, value: &mut [u8]) {
        match self {
            Self::Unsigned { .. } => {}
            Self::Signed { .. } => flip_sign_bit(value),
            Self::Boolean => {
                if let [byte] = value {
                    *byte = u8::from(*byte != 0);
                }
            }
            Self::Float => change_u32(value, |bits| {
                let bits = if f32::from_bits(bits).is_nan() {
                    f32::NAN.to_bits()
                } else {
                    bits
                };
                if bits.cast_signed() < 0 {
                    !bits
                } else {
                    bits | 1 << 31
                }
            }),
            Self::Double => change_u64(value, |bits| {
                let bits = if f64::from_bits(bits).is_nan() {
                    f64::NAN.to_bits()
                } else {
                    bits
                };
                if bits.cast_signed() < 0 {
                    !bits
                } else {
                    bits | LONG_SIGN_BIT
                }
            }),
            Self::TimeUuid => change_halves(value, time_first, |low| low ^ SIGN_BITS),
            Self::Uuid => change_halves(
                value,
                |high| match version(high) {
                    TIME_BASED => time_first(high),
                    version => version << 60 | (high >> 4) & 0x0fff_ffff_ffff_f000 | high & 0x0fff,
                },
                |low| low,
            ),
            Self::LexicalUuid => {
                change_halves(value, |high| high ^ LONG_SIGN_BIT, |low| low ^ LONG_SIGN_BIT);
            }
        }
    }

    /// The inverse of [`Self::encode_in_place`].
    pub(in crate::marshal) fn decode_in_place(self, image: &mut [u8]) {
        match self {
            Self::Unsigned { .. } | Self::Boolean => {}
            Self::Signed { .. } => flip_sign_bit(image),
            Self::Float => change_u32(image, |bits| {
                if bits.cast_signed() < 0 {
                    bits & !(1 << 31)
                } else {
                    !bits
                }
            }),
            Self::Double => change_u64(image, |bits| {
                if bits.cast_signed() < 0 {
                    bits & !LONG_SIGN_BIT
                } else {
                    !bits
                }
            }),
            Self::TimeUuid => change_halves(image, time_last, |low| low ^ SIGN_BITS),
            Self::Uuid => change_halves(
                image,
                |high| match high >> 60 {
                    TIME_BASED => time_last(high),
                    version => (high << 4) & 0xffff_ffff_ffff_0000 | version << 12 | high & 0x0fff,
                },
                |low| low,
            ),
            Self::LexicalUuid => {
                change_halves(image, |high| high ^ LONG_SIGN_BIT, |low| low ^ LONG_SIGN_BIT);
            }
        }
    }
}

fn flip_sign_bit(value: &mut [u8]) {
    if let [first, ..] = value {
        *first ^= SIGN_BIT;
    }
}

fn change_u32(value: &mut [u8], change: impl FnOnce(u32) -> u32) {
    if let Some(bytes) = value.first_chunk_mut::<4>() {
        *bytes = change(u32::from_be_bytes(*bytes)).to_be_bytes();
    }
}

fn change_u64(value: &mut [u8], change: impl FnOnce(u64) -> u64) {
    if let Some(bytes) = value.first_chunk_mut::<8>() {
        *bytes = change(u64::from_be_bytes(*bytes)).to_be_bytes();
    }
}

fn change_halves(value: &mut [u8], high: impl FnOnce(u64) -> u64, low: impl FnOnce(u64) -> u64) {
    if let Some((high_bytes, rest)) = value.split_first_chunk_mut::<8>() {
        *high_bytes = high(u64::from_be_bytes(*high_bytes)).to_be_bytes();
        change_u64(rest, low);
    }
}

const fn version(high: u64) -> u64 {
    (high >> 12) & 0xf
}

/// The fields of a time-based UUID in descending order of significance: version and high, mid, low.
const fn time_first(high: u64) -> u64 {
    high << 48 | (high << 16) & 0xffff_0000_0000 | high >> 32
}

/// The inverse of [`time_first`].
const fn time_last(high: u64) -> u64 {
    high << 32 | (high >> 16) & 0xffff_0000 | high >> 48
}
