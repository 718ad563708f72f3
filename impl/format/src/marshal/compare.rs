//! The order of the values of a type.
//!
//! Source: Cassandra `db.marshal.AbstractType.compare`, and `compareCustom` of each type.

use super::abstract_type::AbstractType;
use super::decimal;
use super::integer;
use super::layout::{Fields, Fixed, Layout};
use super::walk::{self, Component};
use core::cmp::Ordering;

/// An empty value sorts before all others, and one that is no value of the type behind them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Class {
    Empty,
    WellFormed,
    Malformed,
}

impl AbstractType {
    /// The order of two values, as Cassandra compares them.
    ///
    /// Values that are not valid for the type, and decimals above 64 KiB, sort behind all others by
    /// their bytes: Cassandra does not compare the former, or by accident. Types that Cassandra refuses to compare (counters) or that
    /// no statement can (durations) order by unsigned bytes.
    #[must_use]
    pub fn compare(&self, left: &[u8], right: &[u8]) -> Ordering {
        let layout = self.layout();
        match layout {
            Layout::Bytes => return left.cmp(right),
            Layout::Empty => return Ordering::Equal,
            Layout::Reversed(of) => return of.compare(right, left),
            Layout::Fixed(_)
            | Layout::Integer
            | Layout::Decimal
            | Layout::Elements(_)
            | Layout::Entries(..)
            | Layout::Fields(_)
            | Layout::Components(_)
            | Layout::Vector(..) => {}
        }
        match (class(layout, left), class(layout, right)) {
            (Class::WellFormed, Class::WellFormed) => compare_well_formed(layout, left, right),
            (Class::Empty, Class::Empty) => Ordering::Equal,
            (Class::Malformed, Class::Malformed) => left.cmp(right),
            (left, right) => left.cmp(&right),
        }
    }

    /// The order of two cells of one column whose elements are cells, by their paths.
    ///
    /// A list orders by time-UUID, a set by element, a map by key, a user-defined type by field.
    /// Cassandra: `ColumnMetadata.cellPathComparator`.
    #[must_use]
    pub fn compare_paths(&self, left: &[u8], right: &[u8]) -> Ordering {
        self.path_type()
            .map_or_else(|| left.cmp(right), |paths| paths.compare(left, right))
    }
}

/// Whether a value, not empty, has the layout; what it holds is not looked at.
pub(super) fn is_well_formed(layout: Layout<'_>, value: &[u8]) -> bool {
    match layout {
        Layout::Bytes | Layout::Integer | Layout::Reversed(_) => true,
        Layout::Empty => false,
        Layout::Fixed(fixed) => value.len() == fixed.size_bytes(),
        Layout::Decimal => {
            value.len() > decimal::SCALE_SIZE_BYTES && value.len() <= decimal::LIMIT_SIZE_BYTES
        }
        Layout::Elements(_) => {
            walk::split_count(value).is_some_and(|(count, rest)| walk::is_filled_by(rest, count))
        }
        Layout::Entries(..) => walk::split_count(value).is_some_and(|(count, rest)| {
            count
                .checked_mul(2)
                .is_some_and(|count| walk::is_filled_by(rest, count))
        }),
        Layout::Fields(fields) => walk::is_filled_by_at_most(value, fields.count()),
        Layout::Components(types) => walk::is_composite(value, types.len()),
        Layout::Vector(elements, dimension_count) => walk::is_vector(elements, dimension_count, value),
    }
}

fn class(layout: Layout<'_>, value: &[u8]) -> Class {
    if value.is_empty() {
        Class::Empty
    } else if is_well_formed(layout, value) {
        Class::WellFormed
    } else {
        Class::Malformed
    }
}

/// The order of two values that are not empty and have the layout.
fn compare_well_formed(layout: Layout<'_>, left: &[u8], right: &[u8]) -> Ordering {
    match layout {
        Layout::Bytes => left.cmp(right),
        Layout::Empty => Ordering::Equal,
        Layout::Fixed(fixed) => compare_fixed(fixed, left, right),
        Layout::Integer => integer::compare(left, right),
        Layout::Decimal => decimal::compare(left, right),
        Layout::Elements(elements) => compare_elements([elements, elements], left, right),
        Layout::Entries(keys, values) => compare_elements([keys, values], left, right),
        Layout::Fields(fields) => compare_fields(fields, left, right),
        Layout::Components(types) => compare_composites(types, left, right),
        Layout::Vector(elements, _) => compare_vectors(elements, left, right),
        Layout::Reversed(of) => of.compare(right, left),
    }
}

fn compare_fixed(fixed: Fixed, left: &[u8], right: &[u8]) -> Ordering {
    match (fixed, left, right) {
        (Fixed::Unsigned { .. }, left, right) => left.cmp(right),
        (Fixed::Signed { .. }, [left_first, left_rest @ ..], [right_first, right_rest @ ..]) => left_first
            .cast_signed()
            .cmp(&right_first.cast_signed())
            .then_with(|| left_rest.cmp(right_rest)),
        (fixed, left, right) => image(fixed, left).cmp(&image(fixed, right)),
    }
}

/// A value of at most 16 bytes, comparable.
fn image(fixed: Fixed, value: &[u8]) -> [u8; 16] {
    let mut image = [0; 16];
    if let Some(front) = image.get_mut(..value.len()) {
        front.copy_from_slice(value);
        fixed.encode_in_place(front);
    }
    image
}

/// Null sorts before every value.
fn compare_nullable(of: &AbstractType, left: Option<&[u8]>, right: Option<&[u8]>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => of.compare(left, right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    }
}

/// Lists and sets element by element, maps with keys and values in turn; then the shorter first.
fn compare_elements(in_turn: [&AbstractType; 2], left: &[u8], right: &[u8]) -> Ordering {
    let (Some((_, mut left)), Some((_, mut right))) = (walk::split_count(left), walk::split_count(right))
    else {
        return Ordering::Equal;
    };
    for of in in_turn.into_iter().cycle() {
        if left.is_empty() || right.is_empty() {
            break;
        }
        let (Ok(left), Ok(right)) = (walk::take_int_bytes(&mut left), walk::take_int_bytes(&mut right))
        else {
            break;
        };
        let order = compare_nullable(of, left, right);
        if order.is_ne() {
            return order;
        }
    }
    // One of them has ended.
    right.is_empty().cmp(&left.is_empty())
}

/// Field by field; missing fields at the end are null.
fn compare_fields(fields: Fields<'_>, mut left: &[u8], mut right: &[u8]) -> Ordering {
    for of in (0..fields.count()).map_while(|index| fields.get(index)) {
        let (Ok(left), Ok(right)) = (take_field(&mut left), take_field(&mut right)) else {
            break;
        };
        let order = compare_nullable(of, left, right);
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, walk::Cut> {
    if rest.is_empty() {
        Ok(None)
    } else {
        walk::take_int_bytes(rest)
    }
}

/// Static before all others; then component by component, then the shorter first.
fn compare_composites(types: &[AbstractType], left: &[u8], right: &[u8]) -> Ordering {
    let (is_left_static, mut left) = walk::split_static(left);
    let (is_right_static, mut right) = walk::split_static(right);
    if is_left_static != is_right_static {
        return is_right_static.cmp(&is_left_static);
    }
    for of in types {
        if left.is_empty() || right.is_empty() {
            break;
        }
        let (Ok(left), Ok(right)) = (walk::take_component(&mut left), walk::take_component(&mut right))
        else {
            break;
        };
        let order = compare_components(of, left, right);
        if order.is_ne() {
            return order;
        }
    }
    right.is_empty().cmp(&left.is_empty())
}

fn compare_components(of: &AbstractType, left: Component<'_>, right: Component<'_>) -> Ordering {
    of.compare(left.value, right.value)
        .then_with(|| left.end_of_component.cmp(&right.end_of_component))
}

fn compare_vectors(elements: &AbstractType, mut left: &[u8], mut right: &[u8]) -> Ordering {
    while !left.is_empty() && !right.is_empty() {
        let (Ok(left), Ok(right)) = (
            walk::take_vector_element(elements, &mut left),
            walk::take_vector_element(elements, &mut right),
        ) else {
            break;
        };
        let order = elements.compare(left, right);
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}
