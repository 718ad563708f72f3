//! Values that are damaged, and what is said of them.

use super::arbitrary::{any_pair, any_type};
use super::{AbstractType, MarshalError, UserType};
use proptest::prelude::*;

fn user() -> AbstractType {
    AbstractType::User(Box::new(UserType {
        keyspace: "gen".into(),
        name: b"addr".as_slice().into(),
        fields: vec![
            (b"street".as_slice().into(), AbstractType::Utf8),
            (b"Zip".as_slice().into(), AbstractType::Int32),
        ],
        is_multicell: true,
    }))
}

/// Whether text is JSON; the reader of these tests cannot hold the largest decimals.
fn is_json(text: &str) -> bool {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => true,
        Err(error) => error.to_string().contains("number out of range"),
    }
}

fn parse(name: &str) -> AbstractType {
    AbstractType::parse(name).unwrap()
}

/// Holds refusals against what they should say.
fn check_refusals<const COUNT: usize>(refusals: [(Result<(), MarshalError>, &str); COUNT]) {
    for (found, expected) in refusals {
        assert_eq!(found.expect_err(expected).to_string(), expected);
    }
}

#[test]
fn errors_of_simple_values_name_the_type_and_what_is_wrong() {
    check_refusals([
        (
            AbstractType::Int32.validate(&[1]),
            "int has 1 bytes, expected 0 or 4",
        ),
        (AbstractType::Utf8.validate(&[0xff]), "text is not UTF-8 text"),
        (AbstractType::Ascii.validate(&[0x80]), "ascii has bytes above 7F"),
        (
            AbstractType::Boolean.validate(&[0, 0]),
            "boolean has 2 bytes, expected 0 or 1",
        ),
        (
            AbstractType::TimeUuid.validate(&[0x40; 16]),
            "timeuuid is a UUID of another version than 1",
        ),
        (
            AbstractType::TimeUuid.validate(&[0x20; 16]),
            "timeuuid is a UUID of another version than 1",
        ),
        (
            AbstractType::Duration.validate(&[1, 2, 3]),
            "duration has parts of different signs",
        ),
        (AbstractType::Duration.validate(&[0xff, 0, 0]), "duration is cut"),
    ]);
}

#[test]
fn errors_of_values_with_parts_name_the_type_and_what_is_wrong() {
    let list = parse("ListType(Int32Type)");
    check_refusals([
        (list.validate(&[]), "list has no count"),
        (list.validate(&[0, 0, 0, 1]), "list ends before its last element"),
        (
            list.validate(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]),
            "list has a null element",
        ),
        (
            list.validate(&[0, 0, 0, 1, 0, 0, 0, 1, 7]),
            "element 0 of list: int has 1 bytes, expected 0 or 4",
        ),
        (
            list.validate(&[0, 0, 0, 0, 7]),
            "list has bytes behind its last element",
        ),
        (
            user().validate(&[0, 0, 0, 1]),
            "user-defined type ends inside a field",
        ),
        (
            parse("TupleType(Int32Type)").validate(&[0xff; 5]),
            "tuple has bytes behind its last field",
        ),
        (
            parse("VectorType(FloatType , 2)").validate(&[0; 4]),
            "vector has too few elements",
        ),
    ]);
}

#[test]
fn errors_of_cells_name_the_type_and_what_is_wrong() {
    let list = parse("ListType(Int32Type)");
    let of_cells = |of: &AbstractType, path: Option<&[u8]>, value: &[u8]| of.validate_cell(path, value);
    check_refusals([
        (
            of_cells(&list, None, &[]),
            "list has a cell for each element, and no path is given",
        ),
        (
            of_cells(&list, Some(&[0x10; 16]), &[7]),
            "int has 1 bytes, expected 0 or 4",
        ),
        (
            of_cells(&list, Some(&[1]), &[]),
            "timeuuid has 1 bytes, expected 0 or 16",
        ),
        (
            of_cells(&parse("SetType(Int32Type)"), Some(&[0; 4]), &[1]),
            "empty has 1 bytes, expected 0",
        ),
        (
            of_cells(&user(), Some(&[0, 2]), &[]),
            "user-defined type has no field of this number",
        ),
        (
            of_cells(&AbstractType::Int32, Some(&[]), &[]),
            "int has no cells of its own, and a path is given",
        ),
        (
            of_cells(&AbstractType::CounterColumn, None, &[0, 1, 0]),
            "counter context is cut inside a shard",
        ),
    ]);
    assert_eq!(user().validate_cell(Some(&[0, 1]), &[0, 0, 0, 1]), Ok(()));
    assert_eq!(AbstractType::CounterColumn.validate_cell(None, &[0; 34]), Ok(()));
}

#[test]
fn text_is_taken_as_loosely_as_in_cassandra() {
    // Modified UTF-8 of a zero, and half of a surrogate pair, which no other decoder takes.
    for value in [&[0xc0, 0x80][..], &[0xed, 0xa0, 0x80], &[0xf5, 0x80, 0x80, 0x80]] {
        assert_eq!(AbstractType::Utf8.validate(value), Ok(()), "{value:?}");
        assert!(AbstractType::Utf8.to_json(value).is_err(), "{value:?}");
    }
    for value in [
        &[0xc0, 0x81][..],
        &[0xc1, 0x80],
        &[0xe0, 0x80, 0x80],
        &[0xf8, 0x80],
        &[0xe2, 0x82],
        &[0x80],
    ] {
        assert!(AbstractType::Utf8.validate(value).is_err(), "{value:?}");
    }
}

#[test]
fn json_quotes_names_and_keys() {
    let fields = [&[0, 0, 0, 2, b'"', b'\n'][..], &[0xff; 4]].concat();
    assert_eq!(
        user().to_json(&fields).unwrap(),
        r#"{"street": "\"\n", "\"Zip\"": null}"#
    );
    let map = parse("MapType(ListType(UTF8Type),Int32Type)");
    let entry = [
        0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1, b'k', 0, 0, 0, 4, 0, 0, 0, 5,
    ];
    assert_eq!(map.to_json(&entry).unwrap(), r#"{"[\"k\"]": 5}"#);
    assert_eq!(
        AbstractType::Utf8.to_json(b"\x01\x1f\x7f").unwrap(),
        "\"\\u0001\\u001F\u{7f}\""
    );
}

#[test]
fn cells_and_paths_of_complex_columns_print_by_their_element() {
    assert_eq!(user().text_of_path(&[0, 1]).unwrap(), "Zip");
    assert_eq!(user().json_of_cell(Some(&[0, 1]), &[0, 0, 0, 7]).unwrap(), "7");
    assert!(user().json_of_cell(Some(&[0, 2]), &[]).is_err());
    let map = parse("MapType(Int32Type,UTF8Type)");
    assert_eq!(map.text_of_path(&[0xff; 4]).unwrap(), "-1");
    assert_eq!(map.json_of_cell(Some(&[0xff; 4]), b"v").unwrap(), "\"v\"");
    assert_eq!(
        parse("SetType(Int32Type)")
            .json_of_cell(Some(&[0; 4]), &[])
            .unwrap(),
        "\"\""
    );
    assert!(AbstractType::Int32.text_of_path(&[]).is_err());
}

#[test]
fn numbers_too_long_to_print_are_refused_quickly() {
    let long = vec![0x55; 1 << 24];
    for of in [AbstractType::Integer, AbstractType::Decimal] {
        assert_eq!(of.validate(&long), Ok(()));
        assert!(of.to_text(&long).is_err() && of.to_json(&long).is_err());
        let image = of.to_comparable(&long);
        assert_eq!(&*of.from_comparable(&image).unwrap(), long);
        assert!(of.compare(&long, &long[1..]).is_ne());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_a_panic(of in any_type(), left: Vec<u8>, right: Vec<u8>) {
        let is_valid = of.validate(&left).is_ok();
        let _order = of.compare(&left, &right);
        let _order = of.compare_paths(&left, &right);
        let _text_or_error = (of.to_text(&left), of.text_of_path(&left), of.texts_of_key(&left));
        let _components_or_error = of.split_key(&left);
        let json = of.to_json(&left);
        if let (true, Ok(json)) = (is_valid, json) {
            prop_assert!(is_json(&json), "{of} {left:?} {json}");
        }
    }

    #[test]
    fn valid_values_print_as_json((of, value, _) in any_pair()) {
        prop_assert_eq!(of.validate(&value), Ok(()), "{}", of);
        match of.to_json(&value) {
            Ok(json) => {
                prop_assert!(is_json(&json), "{} {:?} {}", of, value, json);
            }
            // An empty counter is valid, and has no number.
            Err(error) => prop_assert!(of.to_string().contains("Counter"), "{} {}", of, error),
        }
    }

    #[test]
    fn cut_and_flipped_values_are_judged_without_a_panic((of, value, other) in any_pair()) {
        for cut in 0..value.len() {
            let mut damaged = value.clone();
            damaged[cut] ^= 0x81;
            for damaged in [&value[..cut], &damaged] {
                let _error_or_not = of.validate(damaged);
                let _order = of.compare(damaged, &other);
                let _text_or_error = (of.to_text(damaged), of.to_json(damaged));
                let image = of.to_comparable(damaged);
                let back = of.from_comparable(&image).expect("an image has a value");
                prop_assert!(of.compare(&back, damaged).is_eq(), "{} {:?}", of, damaged);
            }
        }
    }
}
