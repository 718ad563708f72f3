//! Order-preserving images: byte strings that compare, unsigned, as the values do.
//!
//! Clusterings hold images, so that rows are found and merged without looking at a schema. The
//! image of an ascending text is the text, that of an ascending `int` has its sign bit flipped: most
//! values become comparable in place. A shorter image that begins a longer one sorts first, and
//! each image stands alone; only parts of values that hold other values mark where they end.
//!
//! | type | image of a value |
//! |---|---|
//! | any | none of an empty value, which sorts first |
//! | text, ascii, blob, inet, duration, counter | the value |
//! | of one size n | the value, changed in place; n + 1 bytes `FF` and the value where its size is wrong |
//! | varint, decimal | a header that orders by sign and magnitude, then the digits |
//! | collection, tuple, … | its elements, each with a mark and an end; `FF` and the value where it is cut |
//! | descending, of one size | all bits of the ascending image flipped; n + 1 bytes `FF` when empty |
//! | descending, any other | all bits of the image of an element flipped |
//!
//! Values that Cassandra does not tell apart have one image, and come back as one of them: `1.00` as
//! `1`, a varint in its shortest form, any NaN as Java's, `true` as 1, a tuple with all its fields.
//! Source of the idea: Cassandra `utils.bytecomparable.ByteComparable`; the bytes are our own and
//! never leave memory.

mod element;
mod fixed;
mod number;
#[cfg(test)]
mod tests;

use super::abstract_type::AbstractType;
use super::compare::is_well_formed;
use super::error::MarshalError;
use super::layout::{Fixed, Layout};
use element::{Image, read_body, read_element, write_body, write_element};

/// Begins the image of a value that its type does not allow.
const MALFORMED: u8 = 0xff;

impl AbstractType {
    /// The order-preserving image of a value.
    #[must_use]
    pub fn to_comparable(&self, value: &[u8]) -> Box<[u8]> {
        let mut image = Vec::with_capacity(value.len());
        self.write_comparable(value, &mut image);
        image.into()
    }

    /// The order-preserving image of a value, in the value's own memory where the sizes are equal.
    #[must_use]
    pub fn into_comparable(&self, mut value: Box<[u8]>) -> Box<[u8]> {
        let layout = self.layout();
        if let Layout::Fixed(fixed) = layout
            && value.len() == fixed.size_bytes()
        {
            fixed.encode_in_place(&mut value);
            return value;
        }
        if matches!(layout, Layout::Bytes) {
            return value;
        }
        self.to_comparable(&value)
    }

    /// Appends the order-preserving image of a value.
    pub fn write_comparable(&self, value: &[u8], image: &mut Vec<u8>) {
        match self.layout() {
            Layout::Bytes => image.extend_from_slice(value),
            Layout::Empty => {}
            Layout::Fixed(fixed) => write_fixed(fixed, value, image),
            Layout::Reversed(of) => write_reversed(of, value, image),
            layout @ (Layout::Integer
            | Layout::Decimal
            | Layout::Elements(_)
            | Layout::Entries(..)
            | Layout::Fields(_)
            | Layout::Components(_)
            | Layout::Vector(..)) => {
                if value.is_empty() {
                } else if is_well_formed(layout, value) {
                    write_body(layout, value, image);
                } else {
                    image.push(MALFORMED);
                    image.extend_from_slice(value);
                }
            }
        }
    }

    /// The value of an image.
    ///
    /// # Errors
    /// When no value of the type has this image.
    pub fn from_comparable(&self, image: &[u8]) -> Result<Box<[u8]>, MarshalError> {
        let mut value = Vec::with_capacity(image.len());
        self.write_from_comparable(image, &mut value)?;
        Ok(value.into())
    }

    /// Appends the value of an image.
    ///
    /// # Errors
    /// When no value of the type has this image; something may have been appended.
    pub fn write_from_comparable(&self, image: &[u8], value: &mut Vec<u8>) -> Result<(), MarshalError> {
        match self.layout() {
            Layout::Bytes => value.extend_from_slice(image),
            Layout::Empty if image.is_empty() => {}
            Layout::Fixed(fixed) => return self.read_fixed(fixed, image, value),
            Layout::Reversed(of) => return of.read_reversed(image, value),
            layout @ (Layout::Integer
            | Layout::Decimal
            | Layout::Elements(_)
            | Layout::Entries(..)
            | Layout::Fields(_)
            | Layout::Components(_)
            | Layout::Vector(..)
            | Layout::Empty) => match image {
                [] => {}
                [MALFORMED, malformed @ ..] => value.extend_from_slice(malformed),
                image => {
                    let mut source = Image::new(image);
                    if read_body(layout, &mut source, value).is_err() || !source.is_at_end() {
                        return Err(self.no_image(source.offset(), image.len()));
                    }
                }
            },
        }
        Ok(())
    }

    fn read_fixed(&self, fixed: Fixed, image: &[u8], value: &mut Vec<u8>) -> Result<(), MarshalError> {
        let size_bytes = fixed.size_bytes();
        if image.len() == size_bytes {
            let start = value.len();
            value.extend_from_slice(image);
            fixed.decode_in_place(value.get_mut(start..).unwrap_or_default());
        } else if !image.is_empty() {
            let malformed = strip_repeated(MALFORMED, size_bytes + 1, image);
            value.extend_from_slice(malformed.ok_or_else(|| self.no_image(0, image.len()))?);
        }
        Ok(())
    }

    /// Reads the image of a value in the opposite order of this type.
    fn read_reversed(&self, image: &[u8], value: &mut Vec<u8>) -> Result<(), MarshalError> {
        let start = value.len();
        match self.layout() {
            Layout::Empty if image.is_empty() => {}
            Layout::Fixed(fixed) => {
                let size_bytes = fixed.size_bytes();
                if image.len() == size_bytes {
                    value.extend(image.iter().map(|byte| !byte));
                    fixed.decode_in_place(value.get_mut(start..).unwrap_or_default());
                } else if strip_repeated(MALFORMED, size_bytes + 1, image) != Some(&[]) {
                    let malformed = strip_repeated(!MALFORMED, size_bytes + 1, image)
                        .ok_or_else(|| self.no_image(0, image.len()))?;
                    value.extend(malformed.iter().map(|byte| !byte));
                }
            }
            Layout::Bytes
            | Layout::Empty
            | Layout::Integer
            | Layout::Decimal
            | Layout::Elements(_)
            | Layout::Entries(..)
            | Layout::Fields(_)
            | Layout::Components(_)
            | Layout::Vector(..)
            | Layout::Reversed(_) => {
                let mut source = Image::complemented(image);
                let read = read_element(self, &mut source, value);
                if read != Ok(Some(())) || !source.is_at_end() {
                    return Err(self.no_image(source.offset(), image.len()));
                }
            }
        }
        Ok(())
    }

    fn no_image(&self, offset: usize, size_bytes: usize) -> MarshalError {
        MarshalError::Image {
            type_name: self.kind_name(),
            offset,
            size_bytes,
        }
    }
}

fn write_fixed(fixed: Fixed, value: &[u8], image: &mut Vec<u8>) {
    let size_bytes = fixed.size_bytes();
    if value.len() == size_bytes {
        let start = image.len();
        image.extend_from_slice(value);
        fixed.encode_in_place(image.get_mut(start..).unwrap_or_default());
    } else if !value.is_empty() {
        image.resize(image.len() + size_bytes + 1, MALFORMED);
        image.extend_from_slice(value);
    }
}

fn write_reversed(of: &AbstractType, value: &[u8], image: &mut Vec<u8>) {
    let start = image.len();
    match of.layout() {
        Layout::Empty => {}
        Layout::Fixed(fixed) if value.is_empty() => {
            // Behind all others: longer than the greatest image of the ascending order, flipped.
            image.resize(start + fixed.size_bytes() + 1, MALFORMED);
        }
        Layout::Fixed(fixed) => {
            write_fixed(fixed, value, image);
            complement_from(start, image);
        }
        Layout::Bytes
        | Layout::Integer
        | Layout::Decimal
        | Layout::Elements(_)
        | Layout::Entries(..)
        | Layout::Fields(_)
        | Layout::Components(_)
        | Layout::Vector(..)
        | Layout::Reversed(_) => {
            write_element(of, Some(value), image);
            complement_from(start, image);
        }
    }
}

/// Flips all bits of what has been written from `start` on: the order of what marks its end turns.
fn complement_from(start: usize, image: &mut [u8]) {
    for byte in image.get_mut(start..).unwrap_or_default() {
        *byte = !*byte;
    }
}

fn strip_repeated(byte: u8, count: usize, image: &[u8]) -> Option<&[u8]> {
    let (front, rest) = image.split_at_checked(count)?;
    front.iter().all(|found| *found == byte).then_some(rest)
}
