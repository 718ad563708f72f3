//! Names of types as CQL writes them: `frozen<list<int>>`.
//!
//! Source: Cassandra `cql3.CQL3Type`, `cql3.ColumnIdentifier.maybeQuote`.

use super::abstract_type::{AbstractType, UserType};
use super::class_name::dimension;
use super::error::TypeNameError;
use super::scanner::Scanner;
use core::fmt;

/// Words of CQL that are no names unless they are quoted.
///
/// Cassandra: `reserved_keywords.txt`.
const RESERVED: [&str; 57] = [
    "add",
    "allow",
    "alter",
    "and",
    "apply",
    "asc",
    "authorize",
    "batch",
    "begin",
    "by",
    "columnfamily",
    "create",
    "delete",
    "desc",
    "describe",
    "drop",
    "entries",
    "execute",
    "from",
    "full",
    "grant",
    "if",
    "in",
    "index",
    "infinity",
    "insert",
    "into",
    "is",
    "keyspace",
    "limit",
    "materialized",
    "modify",
    "nan",
    "norecursive",
    "not",
    "null",
    "of",
    "on",
    "or",
    "order",
    "primary",
    "rename",
    "revoke",
    "schema",
    "select",
    "set",
    "table",
    "to",
    "token",
    "truncate",
    "unlogged",
    "update",
    "use",
    "using",
    "view",
    "where",
    "with",
];

/// Finds the user-defined types of a keyspace by name.
pub trait UserTypes {
    /// The type with this name, with its fields; frozen or not makes no difference.
    fn user_type(&self, name: &str) -> Option<UserType>;
}

impl UserTypes for () {
    /// There are none.
    fn user_type(&self, _name: &str) -> Option<UserType> {
        None
    }
}

impl UserTypes for [UserType] {
    fn user_type(&self, name: &str) -> Option<UserType> {
        self.iter()
            .find(|user| user.name.as_ref() == name.as_bytes())
            .cloned()
    }
}

impl UserTypes for Vec<UserType> {
    fn user_type(&self, name: &str) -> Option<UserType> {
        self.as_slice().user_type(name)
    }
}

impl AbstractType {
    /// The type that CQL calls so.
    ///
    /// A class name in single quotes is taken as [`Self::parse`] takes it.
    ///
    /// # Errors
    /// When the text is no such name, or the type contains what CQL forbids: a collection that is
    /// not frozen inside another, a counter inside anything, a duration in a set or as a key.
    pub fn parse_cql(name: &str, user_types: &(impl UserTypes + ?Sized)) -> Result<Self, TypeNameError> {
        let mut scanner = Scanner::new(name);
        let parsed = parse(&mut scanner, user_types)?;
        if scanner.is_at_end() {
            Ok(parsed)
        } else {
            Err(scanner.error("the end"))
        }
    }

    /// The name that CQL gives the type.
    ///
    /// The order of a clustering column is no part of it; a type that CQL does not know is its class
    /// name in single quotes.
    #[must_use]
    pub fn cql_name(&self) -> impl fmt::Display {
        CqlName(self)
    }
}

/// Prints a type as CQL.
struct CqlName<'a>(&'a AbstractType);

fn parse(
    scanner: &mut Scanner<'_>,
    user_types: &(impl UserTypes + ?Sized),
) -> Result<AbstractType, TypeNameError> {
    if scanner.take('\'') {
        let class = scanner.take_while(|character| character != '\'');
        scanner.expect('\'', "a single quote")?;
        return AbstractType::parse(class);
    }
    let (name, is_quoted) = identifier(scanner)?;
    scanner.descend()?;
    let has_parameters = !is_quoted && scanner.take('<');
    let parsed = match (name.to_ascii_lowercase().as_str(), has_parameters) {
        ("frozen", true) => frozen(parse(scanner, user_types)?)?,
        ("list", true) => AbstractType::List {
            elements: Box::new(element(scanner, user_types, "list")?),
            is_multicell: true,
        },
        ("set", true) => {
            let elements = element(scanner, user_types, "set")?;
            refuse_duration(&elements, "set")?;
            AbstractType::Set {
                elements: Box::new(elements),
                is_multicell: true,
            }
        }
        ("map", true) => {
            let keys = element(scanner, user_types, "map")?;
            refuse_duration(&keys, "map")?;
            scanner.expect(',', "','")?;
            AbstractType::Map {
                keys: Box::new(keys),
                values: Box::new(element(scanner, user_types, "map")?),
                is_multicell: true,
            }
        }
        ("tuple", true) => {
            let mut fields = vec![element(scanner, user_types, "tuple")?];
            while scanner.take(',') {
                fields.push(element(scanner, user_types, "tuple")?);
            }
            AbstractType::Tuple(fields)
        }
        ("vector", true) => {
            let elements = Box::new(element(scanner, user_types, "vector")?);
            scanner.expect(',', "','")?;
            scanner.skip_blanks();
            let dimension_count = dimension(scanner.take_while(|character| character.is_ascii_digit()))
                .ok_or_else(|| scanner.error("a number of dimensions above zero"))?;
            AbstractType::Vector {
                elements,
                dimension_count,
            }
        }
        (_, true) => return Err(TypeNameError::Unknown { name: name.into() }),
        (native, false) => named(native, &name, is_quoted, user_types)?,
    };
    if has_parameters {
        scanner.expect('>', "'>'")?;
    }
    scanner.ascend();
    Ok(parsed)
}

/// A type without parameters: of CQL, or of the user.
fn named(
    native: &str,
    name: &str,
    is_quoted: bool,
    user_types: &(impl UserTypes + ?Sized),
) -> Result<AbstractType, TypeNameError> {
    let unknown = || TypeNameError::Unknown { name: name.into() };
    if !is_quoted && let Some(native) = AbstractType::of_native_name(native) {
        return Ok(native);
    }
    // A keyspace may stand in front; user-defined types are of the table's own keyspace.
    let name = if is_quoted {
        name
    } else {
        native.rsplit('.').next().unwrap_or(native)
    };
    let mut user = user_types.user_type(name).ok_or_else(unknown)?;
    user.is_multicell = true;
    Ok(AbstractType::User(Box::new(user)))
}

/// The type of an element: frozen, and no counter.
///
/// CQL wants `frozen<…>` written there; it is understood here where it is missing.
fn element(
    scanner: &mut Scanner<'_>,
    user_types: &(impl UserTypes + ?Sized),
    outer: &'static str,
) -> Result<AbstractType, TypeNameError> {
    let of = parse(scanner, user_types)?;
    if of.is_counter() {
        return Err(TypeNameError::Nesting {
            outer,
            inner: "counter",
            rule: "counters stand alone",
        });
    }
    Ok(of.freeze())
}

fn frozen(of: AbstractType) -> Result<AbstractType, TypeNameError> {
    let is_possible = of.is_multicell()
        || of.is_frozen()
        || matches!(of, AbstractType::Tuple(_) | AbstractType::Vector { .. });
    if !is_possible {
        return Err(TypeNameError::Nesting {
            outer: "frozen",
            inner: of.kind_name(),
            rule: "only collections, tuples and user-defined types can be frozen",
        });
    }
    Ok(of.freeze())
}

fn refuse_duration(of: &AbstractType, outer: &'static str) -> Result<(), TypeNameError> {
    if matches!(of, AbstractType::Duration) {
        return Err(TypeNameError::Nesting {
            outer,
            inner: "duration",
            rule: "durations have no order",
        });
    }
    Ok(())
}

/// A name and whether it was quoted; not quoted, it keeps its case here.
fn identifier(scanner: &mut Scanner<'_>) -> Result<(String, bool), TypeNameError> {
    if !scanner.take('"') {
        let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.');
        let name = scanner.take_while(is_name);
        return if name.is_empty() {
            Err(scanner.error("the name of a type"))
        } else {
            Ok((name.into(), false))
        };
    }
    let mut name = String::new();
    loop {
        name.push_str(scanner.take_while(|character| character != '"'));
        scanner
            .take_any()
            .ok_or_else(|| scanner.error("a double quote"))?;
        // Two quotes are one inside the name.
        if scanner.take_exactly('"') {
            name.push('"');
        } else {
            return Ok((name, true));
        }
    }
}

impl fmt::Display for CqlName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = self.0;
        if let AbstractType::Reversed(of) = of {
            return write!(formatter, "{}", CqlName(of));
        }
        let is_frozen = of.is_frozen() || matches!(of, AbstractType::Tuple(_));
        if is_frozen {
            formatter.write_str("frozen<")?;
        }
        if let AbstractType::User(user) = of {
            let name = String::from_utf8_lossy(&user.name);
            formatter.write_str(&quoted_if_needed(&name))?;
        } else if of.has_no_cql_name() {
            write!(formatter, "'{of}'")?;
        } else {
            formatter.write_str(of.kind_name())?;
            print_parameters(formatter, of)?;
        }
        formatter.write_str(if is_frozen { ">" } else { "" })
    }
}

fn print_parameters(formatter: &mut fmt::Formatter<'_>, of: &AbstractType) -> fmt::Result {
    let types = of.inner();
    for (index, of) in types.iter().enumerate() {
        let separator = if index == 0 { "<" } else { ", " };
        write!(formatter, "{separator}{}", CqlName(of))?;
    }
    if let AbstractType::Vector { dimension_count, .. } = of {
        write!(formatter, ", {dimension_count}")?;
    }
    formatter.write_str(if types.is_empty() { "" } else { ">" })
}

/// A name as CQL writes it: in double quotes unless it is a word in lower case that CQL does not use.
///
/// Cassandra: `ColumnIdentifier.maybeQuote`.
#[must_use]
pub fn quoted_if_needed(name: &str) -> String {
    let is_word =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_';
    let begins = |character: char| character.is_ascii_lowercase();
    if name.starts_with(begins) && name.chars().all(is_word) && !RESERVED.contains(&name) {
        name.into()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marshal::arbitrary::any_type;
    use proptest::prelude::*;

    fn address() -> UserType {
        UserType {
            keyspace: "gen".into(),
            name: b"Addr".as_slice().into(),
            fields: vec![(b"zip".as_slice().into(), AbstractType::Int32)],
            is_multicell: false,
        }
    }

    #[test]
    fn names_of_cql_are_parsed_and_printed() {
        for (name, expected) in [
            ("int", "int"),
            ("VARCHAR", "text"),
            (" map < text , bigint > ", "map<text, bigint>"),
            ("frozen<list<int>>", "frozen<list<int>>"),
            ("list<frozen<set<int>>>", "list<frozen<set<int>>>"),
            ("list<set<int>>", "list<frozen<set<int>>>"),
            ("tuple<int, list<text>>", "frozen<tuple<int, frozen<list<text>>>>"),
            ("frozen<tuple<int>>", "frozen<tuple<int>>"),
            ("vector<float, 3>", "vector<float, 3>"),
            ("\"Addr\"", "\"Addr\""),
            ("frozen<\"Addr\">", "frozen<\"Addr\">"),
            ("'org.apache.cassandra.db.marshal.Int32Type'", "int"),
            ("'DateType'", "'org.apache.cassandra.db.marshal.DateType'"),
        ] {
            let parsed = AbstractType::parse_cql(name, &vec![address()]);
            let parsed = parsed.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(parsed.cql_name().to_string(), expected, "{name}");
        }
    }

    #[test]
    fn what_cql_forbids_is_refused() {
        for (name, expected) in [
            ("inte", "unknown type \"inte\""),
            ("addr", "unknown type \"addr\""),
            ("lists<int>", "unknown type \"lists\""),
            ("int>", "expected the end"),
            ("list<int", "expected '>'"),
            ("map<int>", "expected ','"),
            ("\"Addr", "a double quote"),
            ("frozen<int>", "only collections"),
            ("list<counter>", "counters stand alone"),
            ("set<duration>", "durations have no order"),
            ("map<duration, int>", "durations have no order"),
            ("vector<float, 0>", "dimensions above zero"),
        ] {
            let error = AbstractType::parse_cql(name, &vec![address()]);
            let error = error.expect_err(name).to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
        let deep = "list<".repeat(1_000_000);
        assert_eq!(
            AbstractType::parse_cql(&deep, &()),
            Err(TypeNameError::TooDeep { limit: 64 })
        );
    }

    #[test]
    fn names_are_quoted_where_cql_needs_it() {
        for (name, expected) in [
            ("c_list", "c_list"),
            ("Name", "\"Name\""),
            ("1st", "\"1st\""),
            ("select", "\"select\""),
            ("a\"b", "\"a\"\"b\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted_if_needed(name), expected);
        }
    }

    proptest! {
        #[test]
        fn names_give_the_type_again(of in any_type()) {
            // Tests of their own cover what CQL forbids inside other types.
            let name = of.cql_name().to_string();
            let is_forbidden = ["counter", "duration", "A type"].iter().any(|word| name.contains(word));
            if !is_forbidden {
                let parsed = AbstractType::parse_cql(&name, &()).expect("it was printed");
                prop_assert_eq!(parsed.cql_name().to_string(), name);
            }
        }
    }
}
