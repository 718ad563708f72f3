//! Images of the parts of a value, each of which says where it ends.
//!
//! An element is a mark, and the bytes that the mark announces:
//!
//! | mark | meaning | behind it |
//! |---|---|---|
//! | `00` | no more elements | nothing |
//! | `01` | null | nothing |
//! | `02` | empty value | nothing |
//! | `03` | value | its body |
//! | `04` | bytes that are no value of the type | escaped bytes |
//!
//! | layout | body |
//! |---|---|
//! | bytes | escaped: `00` as `00 FF`, ended by `00 00` |
//! | one size | the value, changed in place |
//! | elements, entries | the elements, then `00` |
//! | fields | the fields up to the last that is not null, then `00` |
//! | components | `00` if static or else `01`; element and changed end byte in turn; then `00` |
//! | vector | the elements |
//! | reversed | the element of the other order, all bits flipped |
//!
//! No body begins another body of its type, so flipping all bits turns the order round.

use super::number;
use crate::marshal::abstract_type::AbstractType;
use crate::marshal::compare::is_well_formed;
use crate::marshal::layout::{Fields, Layout};
use crate::marshal::walk::{self, Component};

const END: u8 = 0x00;
const NULL: u8 = 0x01;
const EMPTY: u8 = 0x02;
const VALUE: u8 = 0x03;
const MALFORMED: u8 = 0x04;
/// Follows a zero byte that is part of the bytes.
const ESCAPED: u8 = 0xff;
const STATIC: u8 = 0x00;
const NOT_STATIC: u8 = 0x01;
/// Turns signed order into unsigned.
const SIGN_BIT: u8 = 0x80;

/// The bytes are not an image; [`Image::offset`] says where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NoImage;

/// A position in an image that is being read, perhaps with all bits flipped.
#[derive(Debug)]
pub(super) struct Image<'a> {
    bytes: &'a [u8],
    position: usize,
    mask: u8,
}

impl<'a> Image<'a> {
    /// Reads the bytes as they are.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            position: 0,
            mask: 0x00,
        }
    }

    /// Reads the bytes with all bits flipped.
    pub(super) const fn complemented(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            position: 0,
            mask: 0xff,
        }
    }

    /// Bytes read so far.
    pub(super) const fn offset(&self) -> usize {
        self.position
    }

    /// Whether nothing is left.
    pub(super) const fn is_at_end(&self) -> bool {
        self.position >= self.bytes.len()
    }

    /// The next byte.
    pub(super) fn next(&mut self) -> Result<u8, NoImage> {
        let byte = self.peek()?;
        self.position += 1;
        Ok(byte)
    }

    fn peek(&self) -> Result<u8, NoImage> {
        self.bytes
            .get(self.position)
            .map(|byte| byte ^ self.mask)
            .ok_or(NoImage)
    }

    /// Appends the next bytes.
    pub(super) fn take(&mut self, size_bytes: usize, out: &mut Vec<u8>) -> Result<(), NoImage> {
        let end = self.position.checked_add(size_bytes).ok_or(NoImage)?;
        let taken = self.bytes.get(self.position..end).ok_or(NoImage)?;
        out.extend(taken.iter().map(|byte| byte ^ self.mask));
        self.position = end;
        Ok(())
    }

    fn flip(&mut self) {
        self.mask = !self.mask;
    }
}

/// Appends the image of an element; `None` is null.
pub(super) fn write_element(of: &AbstractType, value: Option<&[u8]>, image: &mut Vec<u8>) {
    let Some(value) = value else {
        image.push(NULL);
        return;
    };
    let layout = of.layout();
    if let Layout::Reversed(_) = layout {
        // An empty value is the last one of the opposite order.
        image.push(VALUE);
        write_body(layout, value, image);
    } else if value.is_empty() || matches!(layout, Layout::Empty) {
        image.push(EMPTY);
    } else if is_well_formed(layout, value) {
        image.push(VALUE);
        write_body(layout, value, image);
    } else {
        image.push(MALFORMED);
        write_escaped(value, image);
    }
}

/// Appends the body of a value that is well-formed and not empty.
pub(super) fn write_body(layout: Layout<'_>, value: &[u8], image: &mut Vec<u8>) {
    match layout {
        Layout::Bytes => write_escaped(value, image),
        Layout::Fixed(fixed) => {
            let start = image.len();
            image.extend_from_slice(value);
            fixed.encode_in_place(image.get_mut(start..).unwrap_or_default());
        }
        Layout::Integer => number::write_integer(value, image),
        Layout::Decimal => number::write_decimal(value, image),
        Layout::Empty => {}
        Layout::Elements(elements) => write_elements([elements, elements], value, image),
        Layout::Entries(keys, values) => write_elements([keys, values], value, image),
        Layout::Fields(fields) => write_fields(fields, value, image),
        Layout::Components(types) => write_components(types, value, image),
        Layout::Vector(elements, _) => {
            let mut rest = value;
            while !rest.is_empty() {
                let Ok(element) = walk::take_vector_element(elements, &mut rest) else {
                    break;
                };
                write_element(elements, Some(element), image);
            }
        }
        Layout::Reversed(of) => {
            let start = image.len();
            write_element(of, Some(value), image);
            super::complement_from(start, image);
        }
    }
}

fn write_elements(in_turn: [&AbstractType; 2], value: &[u8], image: &mut Vec<u8>) {
    if let Some((_, mut rest)) = walk::split_count(value) {
        for of in in_turn.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let Ok(element) = walk::take_int_bytes(&mut rest) else {
                break;
            };
            write_element(of, element, image);
        }
    }
    image.push(END);
}

fn write_fields(fields: Fields<'_>, value: &[u8], image: &mut Vec<u8>) {
    let mut rest = value;
    let mut end_of_last = image.len();
    for of in (0..fields.count()).map_while(|index| fields.get(index)) {
        if rest.is_empty() {
            break;
        }
        let Ok(field) = walk::take_int_bytes(&mut rest) else {
            break;
        };
        write_element(of, field, image);
        if field.is_some() {
            end_of_last = image.len();
        }
    }
    image.truncate(end_of_last);
    image.push(END);
}

fn write_components(types: &[AbstractType], value: &[u8], image: &mut Vec<u8>) {
    let (is_static, mut rest) = walk::split_static(value);
    image.push(if is_static { STATIC } else { NOT_STATIC });
    for of in types {
        if rest.is_empty() {
            break;
        }
        let Ok(component) = walk::take_component(&mut rest) else {
            break;
        };
        write_element(of, Some(component.value), image);
        image.push(component.end_of_component.cast_unsigned() ^ SIGN_BIT);
    }
    image.push(END);
}

fn write_escaped(value: &[u8], image: &mut Vec<u8>) {
    for (index, piece) in value.split(|byte| *byte == 0).enumerate() {
        if index > 0 {
            image.extend_from_slice(&[0, ESCAPED]);
        }
        image.extend_from_slice(piece);
    }
    image.extend_from_slice(&[0, END]);
}

/// Reads an element and appends its value; `None` when it is null, and nothing is appended.
pub(super) fn read_element(
    of: &AbstractType,
    image: &mut Image<'_>,
    value: &mut Vec<u8>,
) -> Result<Option<()>, NoImage> {
    match image.next()? {
        NULL => return Ok(None),
        EMPTY => {}
        VALUE => read_body(of.layout(), image, value)?,
        MALFORMED => read_escaped(image, value)?,
        _no_mark => return Err(NoImage),
    }
    Ok(Some(()))
}

/// Reads a body and appends the value.
pub(super) fn read_body(
    layout: Layout<'_>,
    image: &mut Image<'_>,
    value: &mut Vec<u8>,
) -> Result<(), NoImage> {
    match layout {
        Layout::Bytes => read_escaped(image, value),
        Layout::Fixed(fixed) => {
            let start = value.len();
            image.take(fixed.size_bytes(), value)?;
            fixed.decode_in_place(value.get_mut(start..).unwrap_or_default());
            Ok(())
        }
        Layout::Integer => number::read_integer(image, value),
        Layout::Decimal => number::read_decimal(image, value),
        Layout::Empty => Err(NoImage),
        Layout::Elements(elements) => read_elements(&[elements], image, value),
        Layout::Entries(keys, values) => read_elements(&[keys, values], image, value),
        Layout::Fields(fields) => read_fields(fields, image, value),
        Layout::Components(types) => read_components(types, image, value),
        Layout::Vector(elements, dimension_count) => {
            for _ in 0..dimension_count {
                read_vector_element(elements, image, value)?;
            }
            Ok(())
        }
        Layout::Reversed(of) => {
            image.flip();
            let read = read_element(of, image, value);
            image.flip();
            read?.ok_or(NoImage)
        }
    }
}

/// Reads elements, or entries of as many types, and the count of them.
fn read_elements(
    in_turn: &[&AbstractType],
    image: &mut Image<'_>,
    value: &mut Vec<u8>,
) -> Result<(), NoImage> {
    let start = value.len();
    value.extend_from_slice(&[0; walk::COUNT_SIZE_BYTES]);
    let mut count: i32 = 0;
    while image.peek()? != END {
        for of in in_turn {
            read_int_bytes(of, image, value)?;
        }
        count = count.checked_add(1).ok_or(NoImage)?;
    }
    image.next()?;
    patch(start, count, value)
}

fn read_fields(fields: Fields<'_>, image: &mut Image<'_>, value: &mut Vec<u8>) -> Result<(), NoImage> {
    let mut is_ended = false;
    for of in (0..fields.count()).map_while(|index| fields.get(index)) {
        is_ended = is_ended || image.peek()? == END;
        if is_ended {
            value.extend_from_slice(&(-1_i32).to_be_bytes());
        } else {
            read_int_bytes(of, image, value)?;
        }
    }
    if image.next()? == END {
        Ok(())
    } else {
        Err(NoImage)
    }
}

fn read_components(
    types: &[AbstractType],
    image: &mut Image<'_>,
    value: &mut Vec<u8>,
) -> Result<(), NoImage> {
    match image.next()? {
        STATIC => walk::write_static_marker(value),
        NOT_STATIC => {}
        _no_mark => return Err(NoImage),
    }
    let mut component = Vec::new();
    for of in types {
        if image.peek()? == END {
            break;
        }
        component.clear();
        read_element(of, image, &mut component)?.ok_or(NoImage)?;
        let end_of_component = (image.next()? ^ SIGN_BIT).cast_signed();
        let component = Component {
            value: &component,
            end_of_component,
        };
        if !walk::write_component(component, value) {
            return Err(NoImage);
        }
    }
    if image.next()? == END {
        Ok(())
    } else {
        Err(NoImage)
    }
}

fn read_vector_element(
    elements: &AbstractType,
    image: &mut Image<'_>,
    value: &mut Vec<u8>,
) -> Result<(), NoImage> {
    if let Some(size_bytes) = elements.value_length_if_fixed() {
        let start = value.len();
        read_element(elements, image, value)?.ok_or(NoImage)?;
        return if value.len() == start + size_bytes {
            Ok(())
        } else {
            Err(NoImage)
        };
    }
    let mut element = Vec::new();
    read_element(elements, image, &mut element)?.ok_or(NoImage)?;
    let size_bytes = u64::try_from(element.len()).map_err(|_| NoImage)?;
    crate::vint::write_unsigned(size_bytes, value);
    value.extend_from_slice(&element);
    Ok(())
}

/// Reads an element and appends its length of four bytes and its value.
fn read_int_bytes(of: &AbstractType, image: &mut Image<'_>, value: &mut Vec<u8>) -> Result<(), NoImage> {
    let start = value.len();
    value.extend_from_slice(&[0; 4]);
    let length = match read_element(of, image, value)? {
        Some(()) => i32::try_from(value.len() - start - 4).map_err(|_| NoImage)?,
        None => -1,
    };
    patch(start, length, value)
}

fn patch(start: usize, number: i32, value: &mut [u8]) -> Result<(), NoImage> {
    let place = value.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<4>);
    *place.ok_or(NoImage)? = number.to_be_bytes();
    Ok(())
}

fn read_escaped(image: &mut Image<'_>, value: &mut Vec<u8>) -> Result<(), NoImage> {
    loop {
        match image.next()? {
            0 => match image.next()? {
                END => return Ok(()),
                ESCAPED => value.push(0),
                _no_escape => return Err(NoImage),
            },
            byte => value.push(byte),
        }
    }
}
