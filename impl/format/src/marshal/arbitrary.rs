//! Types and values of property tests.
//!
//! Values are valid for their type, often empty, and near each other, so that comparisons reach
//! what lies behind a common beginning.

use super::abstract_type::{AbstractType, UserType};
use super::integer;
use super::walk::{Component, write_component};
use crate::vint;
use proptest::collection::vec;
use proptest::prelude::*;

/// Types without parameters.
pub(crate) const SIMPLE: [AbstractType; 23] = [
    AbstractType::Ascii,
    AbstractType::Boolean,
    AbstractType::Byte,
    AbstractType::Bytes,
    AbstractType::CounterColumn,
    AbstractType::Date,
    AbstractType::Decimal,
    AbstractType::Double,
    AbstractType::Duration,
    AbstractType::Empty,
    AbstractType::Float,
    AbstractType::InetAddress,
    AbstractType::Int32,
    AbstractType::Integer,
    AbstractType::LexicalUuid,
    AbstractType::Long,
    AbstractType::Short,
    AbstractType::SimpleDate,
    AbstractType::Time,
    AbstractType::TimeUuid,
    AbstractType::Timestamp,
    AbstractType::Utf8,
    AbstractType::Uuid,
];

/// Any type; nested ones are frozen.
pub(crate) fn any_type() -> impl Strategy<Value = AbstractType> {
    let leaf = proptest::sample::select(SIMPLE.to_vec());
    leaf.prop_recursive(3, 12, 3, |inner| {
        let frozen = inner.prop_map(AbstractType::freeze);
        let boxed = frozen.clone().prop_map(Box::new);
        prop_oneof![
            (boxed.clone(), any::<bool>()).prop_map(|(elements, is_multicell)| AbstractType::List {
                elements,
                is_multicell
            }),
            (boxed.clone(), any::<bool>()).prop_map(|(elements, is_multicell)| AbstractType::Set {
                elements,
                is_multicell
            }),
            (boxed.clone(), boxed.clone(), any::<bool>()).prop_map(|(keys, values, is_multicell)| {
                AbstractType::Map {
                    keys,
                    values,
                    is_multicell,
                }
            }),
            vec(frozen.clone(), 1..4).prop_map(AbstractType::Tuple),
            vec(frozen.clone(), 1..4).prop_map(AbstractType::Composite),
            (vec(frozen, 1..4), any::<bool>()).prop_map(|(fields, is_multicell)| {
                AbstractType::User(Box::new(user(fields, is_multicell)))
            }),
            (boxed.clone(), 1_u32..3)
                .prop_map(|(elements, dimension_count)| vector_type(elements, dimension_count)),
            boxed.prop_map(AbstractType::Reversed),
        ]
    })
}

/// A vector has no value where its elements have no bytes.
fn vector_type(elements: Box<AbstractType>, dimension_count: u32) -> AbstractType {
    let elements = if elements.value_length_if_fixed() == Some(0) {
        Box::new(AbstractType::Int32)
    } else {
        elements
    };
    AbstractType::Vector {
        elements,
        dimension_count,
    }
}

fn user(fields: Vec<AbstractType>, is_multicell: bool) -> UserType {
    UserType {
        keyspace: "ks".into(),
        name: b"A type".as_slice().into(),
        fields: fields
            .into_iter()
            .enumerate()
            .map(|(index, field)| (format!("f{index}").into_bytes().into(), field))
            .collect(),
        is_multicell,
    }
}

/// A type and two values of it.
pub(crate) fn any_pair() -> impl Strategy<Value = (AbstractType, Vec<u8>, Vec<u8>)> {
    any_type().prop_flat_map(|of| {
        let values = (value(&of), value(&of));
        (Just(of), values).prop_map(|(of, (left, right))| (of, left, right))
    })
}

/// A valid value.
pub(crate) fn value(of: &AbstractType) -> BoxedStrategy<Vec<u8>> {
    match of {
        AbstractType::Empty => Just(Vec::new()).boxed(),
        AbstractType::List { elements, .. } | AbstractType::Set { elements, .. } => {
            vec(value(elements), 0..4)
                .prop_map(|values| collection(1, values))
                .boxed()
        }
        AbstractType::Map { keys, values, .. } => vec((value(keys), value(values)), 0..3)
            .prop_map(|entries| {
                let halves = entries.into_iter().flat_map(|(key, value)| [key, value]);
                collection(2, halves.collect())
            })
            .boxed(),
        AbstractType::Vector {
            elements,
            dimension_count,
        } => vector(elements, *dimension_count),
        AbstractType::Reversed(of) => value(of),
        AbstractType::Tuple(types) => or_empty(fields(types)),
        AbstractType::User(user) => {
            let types: Vec<_> = user.fields.iter().map(|(_, field)| field.clone()).collect();
            or_empty(fields(&types))
        }
        AbstractType::Composite(types) => or_empty(composite(types)),
        // Cassandra allows no empty value of these.
        AbstractType::Byte
        | AbstractType::Short
        | AbstractType::SimpleDate
        | AbstractType::Time
        | AbstractType::Duration => native_value(of),
        AbstractType::Ascii
        | AbstractType::Boolean
        | AbstractType::Bytes
        | AbstractType::CounterColumn
        | AbstractType::Date
        | AbstractType::Decimal
        | AbstractType::Double
        | AbstractType::Float
        | AbstractType::InetAddress
        | AbstractType::Int32
        | AbstractType::Integer
        | AbstractType::LexicalUuid
        | AbstractType::Long
        | AbstractType::TimeUuid
        | AbstractType::Timestamp
        | AbstractType::Utf8
        | AbstractType::Uuid => or_empty(native_value(of)),
    }
}

fn or_empty(valid: BoxedStrategy<Vec<u8>>) -> BoxedStrategy<Vec<u8>> {
    prop_oneof![8 => valid, 1 => Just(Vec::new())].boxed()
}

/// A valid value of a type that is made of no others, and not empty unless it has no length of its own.
fn native_value(of: &AbstractType) -> BoxedStrategy<Vec<u8>> {
    match of {
        AbstractType::Ascii => vec(few_bytes().prop_map(|byte| byte & 0x7f), 0..6).boxed(),
        AbstractType::Bytes => vec(few_bytes(), 0..6).boxed(),
        AbstractType::Utf8 => "[\u{0}ab\u{7f}ß€\u{10ffff}]{0,5}"
            .prop_map(String::into_bytes)
            .boxed(),
        AbstractType::Boolean | AbstractType::Byte => fixed(1),
        AbstractType::Short => fixed(2),
        AbstractType::Int32 | AbstractType::SimpleDate => fixed(4),
        AbstractType::CounterColumn | AbstractType::Date | AbstractType::Long | AbstractType::Timestamp => {
            fixed(8)
        }
        AbstractType::Time => (0_i64..86_400_000_000_000)
            .prop_map(|nanoseconds| nanoseconds.to_be_bytes().to_vec())
            .boxed(),
        AbstractType::Float => prop_oneof![
            any::<f32>().prop_map(|number| number.to_be_bytes().to_vec()),
            fixed(4)
        ]
        .boxed(),
        AbstractType::Double => prop_oneof![
            any::<f64>().prop_map(|number| number.to_be_bytes().to_vec()),
            fixed(8)
        ]
        .boxed(),
        AbstractType::TimeUuid => fixed(16).prop_map(|value| with_version(value, 1)).boxed(),
        AbstractType::Uuid => (fixed(16), 0_u8..8)
            .prop_map(|(value, version)| with_version(value, version))
            .boxed(),
        AbstractType::LexicalUuid => fixed(16),
        AbstractType::InetAddress => prop_oneof![fixed(4), fixed(16)].boxed(),
        AbstractType::Integer => integer_value(1),
        AbstractType::Decimal => (scale(), integer_value(1))
            .prop_map(|(scale, unscaled)| [scale.to_be_bytes().to_vec(), unscaled].concat())
            .boxed(),
        AbstractType::Duration => (any::<i32>(), any::<i32>(), any::<i64>(), any::<bool>())
            .prop_map(duration)
            .boxed(),
        AbstractType::Empty
        | AbstractType::List { .. }
        | AbstractType::Set { .. }
        | AbstractType::Map { .. }
        | AbstractType::Tuple(_)
        | AbstractType::User(_)
        | AbstractType::Composite(_)
        | AbstractType::Vector { .. }
        | AbstractType::Reversed(_) => panic!("{of:?} is made of other types"),
    }
}

fn few_bytes() -> impl Strategy<Value = u8> {
    prop_oneof![
        4 => proptest::sample::select(vec![0x00, 0x01, 0x7f, 0x80, 0xff]),
        1 => any::<u8>()
    ]
}

fn fixed(size_bytes: usize) -> BoxedStrategy<Vec<u8>> {
    vec(few_bytes(), size_bytes).boxed()
}

fn integer_value(least_size_bytes: usize) -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        10 => vec(few_bytes(), least_size_bytes..5),
        2 => vec(few_bytes(), least_size_bytes..20),
        1 => vec(few_bytes(), 110..116),
        5 => any::<i16>().prop_map(|number| integer::minimal(&number.to_be_bytes()).to_vec()),
        2 => (any::<i8>(), 0..6_u32).prop_map(|(number, zeros)| {
            (i64::from(number) * 10_i64.pow(zeros)).to_be_bytes().to_vec()
        }),
    ]
    .boxed()
}

fn scale() -> impl Strategy<Value = i32> {
    prop_oneof![
        10 => -5..5_i32,
        1 => any::<i32>(),
        1 => Just(i32::MIN),
        1 => Just(i32::MAX),
    ]
}

fn with_version(mut value: Vec<u8>, version: u8) -> Vec<u8> {
    value[6] = value[6] & 0x0f | version << 4;
    value
}

fn duration((months, days, nanoseconds, is_negative): (i32, i32, i64, bool)) -> Vec<u8> {
    let sign = |number: i64| {
        let magnitude = number.checked_abs().unwrap_or(i64::MAX);
        if is_negative { -magnitude } else { magnitude }
    };
    let mut value = Vec::new();
    for number in [
        sign(i64::from(months)).clamp(-2_147_483_647, 2_147_483_647),
        sign(i64::from(days)).clamp(-2_147_483_647, 2_147_483_647),
        sign(nanoseconds),
    ] {
        vint::write_signed(number, &mut value);
    }
    value
}

fn write_int_bytes(value: Option<&[u8]>, out: &mut Vec<u8>) {
    let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
    out.extend(length.to_be_bytes());
    out.extend(value.unwrap_or_default());
}

fn collection(values_per_entry: usize, values: Vec<Vec<u8>>) -> Vec<u8> {
    let count = i32::try_from(values.len() / values_per_entry).unwrap();
    let mut out = count.to_be_bytes().to_vec();
    for value in values {
        write_int_bytes(Some(&value), &mut out);
    }
    out
}

fn fields(types: &[AbstractType]) -> BoxedStrategy<Vec<u8>> {
    let fields: Vec<_> = types
        .iter()
        .map(|of| prop_oneof![3 => value(of).prop_map(Some), 1 => Just(None)])
        .collect();
    (fields, 0..=types.len())
        .prop_map(|(fields, count)| {
            let mut out = Vec::new();
            for field in fields.into_iter().take(count) {
                write_int_bytes(field.as_deref(), &mut out);
            }
            out
        })
        .boxed()
}

fn composite(types: &[AbstractType]) -> BoxedStrategy<Vec<u8>> {
    let components: Vec<_> = types.iter().map(value).collect();
    let end = prop_oneof![8 => Just(0_i8), 1 => Just(1), 1 => Just(-1)];
    (components, end, 1..=types.len(), prop::bool::weighted(0.1))
        .prop_map(|(components, end, count, is_static)| {
            let mut out = if is_static { vec![0xff, 0xff] } else { Vec::new() };
            for (index, value) in components.iter().take(count).enumerate() {
                let end_of_component = if index + 1 == count { end } else { 0 };
                assert!(write_component(
                    Component {
                        value,
                        end_of_component
                    },
                    &mut out
                ));
            }
            out
        })
        .boxed()
}

fn vector(elements: &AbstractType, dimension_count: u32) -> BoxedStrategy<Vec<u8>> {
    let count = usize::try_from(dimension_count).unwrap();
    let fixed_size_bytes = elements.value_length_if_fixed();
    let element = value(elements).prop_map(move |mut element| {
        // An element of a fixed size cannot be empty.
        if let Some(size_bytes) = fixed_size_bytes {
            element.resize(size_bytes, 0x11);
            element
        } else {
            let mut out = Vec::new();
            vint::write_unsigned(element.len() as u64, &mut out);
            out.extend(element);
            out
        }
    });
    vec(element, count).prop_map(|elements| elements.concat()).boxed()
}
