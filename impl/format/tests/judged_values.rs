//! Names, order, validity and text of values, as Apache Cassandra's own classes judge them.
//!
//! `values/judged.tsv` is what `tests/cassandra/values 0 1 impl/format/tests/values/judged.tsv` writes; `THYMBRA_JUDGED` names
//! another file.

use std::error::Error;
use std::sync::LazyLock;
use thymbra_format::AbstractType;
use thymbra_format::marshal::{MarshalError, push_quoted};

const PACKAGE: &str = "org.apache.cassandra.db.marshal.";
/// Cassandra threw an exception.
const THROWS: &str = "!";
/// There was no valid value to ask about.
const NOT_ASKED: &str = "-";

struct Judged<'a> {
    of: AbstractType,
    line: &'a str,
    left: Vec<u8>,
    right: Vec<u8>,
    name: &'a str,
    cql_name: &'a str,
    is_valid: bool,
    order: &'a str,
    text: &'a str,
    json: &'a str,
}

fn judged() -> impl Iterator<Item = Judged<'static>> {
    static FRESH: LazyLock<Option<String>> = LazyLock::new(|| {
        let path = std::env::var_os("THYMBRA_JUDGED")?;
        Some(std::fs::read_to_string(path).expect("THYMBRA_JUDGED names a file"))
    });
    let text = FRESH.as_deref().unwrap_or(include_str!("values/judged.tsv"));
    text.lines().map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [class, left, right, name, cql_name, is_valid, order, text, json] =
            fields.try_into().expect("a line has nine fields");
        Judged {
            of: AbstractType::parse(class).expect("Cassandra parsed it"),
            line,
            left: bytes(left),
            right: bytes(right),
            name,
            cql_name,
            is_valid: is_valid == "true",
            order,
            text,
            json,
        }
    })
}

fn bytes(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

fn escaped(text: &str) -> String {
    let mut quoted = String::new();
    push_quoted(text, &mut quoted);
    quoted[1..quoted.len() - 1].into()
}

/// Cassandra does not look into composites inside other types, lets a negative count pass, and then
/// fails to read the value or reads none.
fn is_checked_more_strictly(case: &Judged<'_>, error: &MarshalError) -> bool {
    let mut root: &dyn Error = error;
    while let Some(source) = root.source() {
        root = source;
    }
    case.line.contains("CompositeType") || root.to_string().contains("has no count")
}

#[test]
fn types_have_the_names_that_cassandra_gives_them() {
    for case in judged() {
        assert_eq!(
            case.of.to_string().replace(PACKAGE, ""),
            case.name,
            "{}",
            case.line
        );
        // CQL has one name for two types; ours tells them apart.
        let cql_name = case.of.cql_name().to_string().replace(PACKAGE, "");
        let of_cql = cql_name.replace("'DateType'", "timestamp");
        assert_eq!(of_cql, case.cql_name, "{}", case.line);
    }
}

#[test]
fn values_are_valid_where_cassandra_says_so() {
    let mut invalid_count = 0;
    for case in judged() {
        match case.of.validate(&case.left) {
            Ok(()) => assert!(case.is_valid, "{}", case.line),
            Err(error) if case.is_valid => {
                assert!(
                    is_checked_more_strictly(&case, &error),
                    "{}: {error:?}",
                    case.line
                );
            }
            Err(_) => {}
        }
        invalid_count += usize::from(!case.is_valid);
    }
    assert!(invalid_count > 60, "{invalid_count} values are not valid");
}

#[test]
fn values_order_as_cassandra_compares_them() {
    let mut order_counts = [0; 3];
    for case in judged() {
        if [THROWS, NOT_ASKED].contains(&case.order) || case.of.validate(&case.left).is_err() {
            continue;
        }
        let order = case.of.compare(&case.left, &case.right) as i8;
        assert_eq!(order.to_string(), case.order, "{}", case.line);
        let images = [&case.left, &case.right].map(|value| case.of.to_comparable(value));
        assert_eq!(
            images[0].cmp(&images[1]) as i8,
            order,
            "{}: {images:?}",
            case.line
        );
        order_counts[usize::try_from(order + 1).expect("-1 to 1")] += 1;
    }
    assert!(order_counts.iter().all(|count| *count > 20), "{order_counts:?}");
}

#[test]
fn values_print_as_in_cassandra() {
    let mut printed_count = 0;
    for case in judged().filter(|case| case.of.validate(&case.left).is_ok()) {
        if case.text != THROWS {
            let text = case.of.to_text(&case.left).map(|text| escaped(&text));
            assert_eq!(text.as_deref(), Ok(case.text), "{}", case.line);
        }
        if case.json != THROWS {
            let json = case.of.to_json(&case.left).map(|json| escaped(&json));
            assert_eq!(json.as_deref(), Ok(case.json), "{}", case.line);
            printed_count += 1;
        }
    }
    assert!(printed_count > 400, "{printed_count} values are printed");
}
