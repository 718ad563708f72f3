//! Walking the elements of values that hold other values, without trusting a length.
//!
//! | value | bytes |
//! |---|---|
//! | list, set | count of 4, then per element length of 4 and bytes |
//! | map | count of 4, then per entry key and value, each length of 4 and bytes |
//! | tuple, user-defined type | per field length of 4 and bytes; the last fields may be missing |
//! | composite | per component length of 2, bytes and one byte; `FFFF` in front when static |
//! | vector | elements of a fixed size; or each behind a variable length integer |
//!
//! A negative length of 4 is null. Source: Cassandra `serializers.CollectionSerializer`,
//! `db.marshal.TupleType.split`, `AbstractCompositeType.split`, `VectorType`.

use super::abstract_type::AbstractType;
use crate::vint;

/// Bytes of the count of a collection.
pub(super) const COUNT_SIZE_BYTES: usize = 4;
/// Length that begins a static composite.
const STATIC_MARKER: [u8; 2] = [0xff, 0xff];

/// The value ends inside an element.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Cut;

/// Takes bytes behind their length of four bytes; `None` when that is negative.
pub(super) fn take_int_bytes<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Cut> {
    let (length, behind) = rest.split_first_chunk::<4>().ok_or(Cut)?;
    let Ok(size_bytes) = usize::try_from(i32::from_be_bytes(*length)) else {
        *rest = behind;
        return Ok(None);
    };
    let (value, behind) = behind.split_at_checked(size_bytes).ok_or(Cut)?;
    *rest = behind;
    Ok(Some(value))
}

/// Count of a collection, and the bytes behind it; `None` when cut or negative.
pub(super) fn split_count(value: &[u8]) -> Option<(usize, &[u8])> {
    let (count, rest) = value.split_first_chunk::<COUNT_SIZE_BYTES>()?;
    Some((usize::try_from(i32::from_be_bytes(*count)).ok()?, rest))
}

/// Whether `count` elements behind lengths of four bytes fill these bytes.
pub(super) fn is_filled_by(mut rest: &[u8], count: usize) -> bool {
    // Every element takes bytes, so a huge count ends at the first one that is cut.
    (0..count).all(|_| take_int_bytes(&mut rest).is_ok()) && rest.is_empty()
}

/// Whether at most `count` fields fill these bytes.
pub(super) fn is_filled_by_at_most(mut rest: &[u8], count: usize) -> bool {
    let mut taken = 0;
    while !rest.is_empty() {
        if taken == count || take_int_bytes(&mut rest).is_err() {
            return false;
        }
        taken += 1;
    }
    true
}

/// One component of a composite.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Component<'a> {
    /// Its value.
    pub(super) value: &'a [u8],
    /// Zero in a key; less or more in the bounds of old range queries.
    pub(super) end_of_component: i8,
}

/// Whether a composite is static, and the bytes of its components.
pub(super) fn split_static(value: &[u8]) -> (bool, &[u8]) {
    value
        .strip_prefix(&STATIC_MARKER)
        .map_or((false, value), |rest| (true, rest))
}

/// Takes a component.
pub(super) fn take_component<'a>(rest: &mut &'a [u8]) -> Result<Component<'a>, Cut> {
    let (length, behind) = rest.split_first_chunk::<2>().ok_or(Cut)?;
    let (value, behind) = behind
        .split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(Cut)?;
    let ([end], behind) = behind.split_first_chunk::<1>().ok_or(Cut)?;
    *rest = behind;
    Ok(Component {
        value,
        end_of_component: end.cast_signed(),
    })
}

/// Appends a component; `false` when the value is longer than its length can say.
pub(super) fn write_component(component: Component<'_>, out: &mut Vec<u8>) -> bool {
    let Ok(size_bytes) = u16::try_from(component.value.len()) else {
        return false;
    };
    out.extend_from_slice(&size_bytes.to_be_bytes());
    out.extend_from_slice(component.value);
    out.push(component.end_of_component.cast_unsigned());
    true
}

/// Appends what begins a static composite.
pub(super) fn write_static_marker(out: &mut Vec<u8>) {
    out.extend_from_slice(&STATIC_MARKER);
}

/// Whether at most `count` components fill these bytes.
pub(super) fn is_composite(value: &[u8], count: usize) -> bool {
    let (_, mut rest) = split_static(value);
    let mut taken = 0;
    while !rest.is_empty() {
        if taken == count || take_component(&mut rest).is_err() {
            return false;
        }
        taken += 1;
    }
    true
}

/// Takes an element of a vector.
pub(super) fn take_vector_element<'a>(elements: &AbstractType, rest: &mut &'a [u8]) -> Result<&'a [u8], Cut> {
    let (size_bytes, length_size_bytes) = match elements.value_length_if_fixed() {
        Some(size_bytes) => (size_bytes, 0),
        None => {
            let (size_bytes, length_size_bytes) = vint::read_unsigned(rest).ok_or(Cut)?;
            (usize::try_from(size_bytes).map_err(|_| Cut)?, length_size_bytes)
        }
    };
    let (value, behind) = rest
        .get(length_size_bytes..)
        .and_then(|behind| behind.split_at_checked(size_bytes))
        .ok_or(Cut)?;
    *rest = behind;
    Ok(value)
}

/// Whether a value, not empty, has the elements of a vector and nothing else.
pub(super) fn is_vector(elements: &AbstractType, dimension_count: u32, value: &[u8]) -> bool {
    if let Some(size_bytes) = elements.value_length_if_fixed() {
        let expected = usize::try_from(dimension_count).ok();
        return expected.and_then(|count| count.checked_mul(size_bytes)) == Some(value.len());
    }
    let mut rest = value;
    (0..dimension_count).all(|_| take_vector_element(elements, &mut rest).is_ok()) && rest.is_empty()
}
