//! Numbers, values and names of types.

use super::choice;
use thymbra_format::{AbstractType, Cursor, vint};

/// Variable length integers: what is read is written in the shortest form, and reads alike.
pub(super) fn vint(bytes: &[u8]) -> bool {
    if let Some((value, size_bytes)) = vint::read_unsigned(bytes) {
        let mut written = Vec::new();
        vint::write_unsigned(value, &mut written);
        assert!(written.len() <= size_bytes, "the shortest form");
        assert_eq!(vint::read_unsigned(&written), Some((value, written.len())));
    }
    if let Ok(value) = Cursor::new(bytes).signed_vint("number") {
        let mut written = Vec::new();
        vint::write_signed(value, &mut written);
        assert_eq!(Cursor::new(&written).signed_vint("number"), Ok(value));
    }
    vint::read_unsigned(bytes).is_some()
}

/// Names of types: those of classes and those of CQL.
pub(super) fn type_name(bytes: &[u8]) -> bool {
    let parsed = std::str::from_utf8(bytes).map(AbstractType::parse);
    let Ok(Ok(parsed)) = parsed else {
        return false;
    };
    let written = parsed.to_string();
    assert_eq!(AbstractType::parse(&written), Ok(parsed), "{written}");
    true
}

/// Types whose values have structure.
const TYPES: [&str; 22] = [
    "AsciiType",
    "BooleanType",
    "ByteType",
    "DecimalType",
    "DoubleType",
    "DurationType",
    "InetAddressType",
    "Int32Type",
    "IntegerType",
    "SimpleDateType",
    "TimeType",
    "TimeUUIDType",
    "TimestampType",
    "UTF8Type",
    "UUIDType",
    "ReversedType(UTF8Type)",
    "FrozenType(ListType(Int32Type))",
    "FrozenType(SetType(UTF8Type))",
    "FrozenType(MapType(UTF8Type,IntegerType))",
    "TupleType(Int32Type,UTF8Type)",
    "CompositeType(UTF8Type,Int32Type)",
    "VectorType(FloatType,2)",
];

/// Values of a type: two of them compare, have images in the same order, and come back from these.
pub(super) fn value(bytes: &[u8]) -> bool {
    let Some((index, values)) = choice(bytes) else {
        return false;
    };
    let name = TYPES.get(index % TYPES.len()).copied().unwrap_or_default();
    let of = AbstractType::parse(name).expect("the names are those of types");
    let (left, right) = values.split_at(values.len() / 2);
    let order = of.compare(left, right);
    assert_eq!(of.compare(right, left), order.reverse(), "{name}");
    let images = (of.to_comparable(left), of.to_comparable(right));
    if order.is_ne() {
        assert_eq!(images.0.cmp(&images.1), order, "{name}: images keep the order");
    }
    if let Ok(restored) = of.from_comparable(&images.0) {
        assert!(
            of.compare(&restored, left).is_eq(),
            "{name}: an image is that of its value"
        );
    }
    if let Ok(restored) = of.from_comparable(values) {
        let image = of.to_comparable(&restored);
        let again = of
            .from_comparable(&image)
            .expect("what was restored once is restored again");
        assert!(
            of.compare(&again, &restored).is_eq(),
            "{name}: an image is that of its value"
        );
    }
    true
}
