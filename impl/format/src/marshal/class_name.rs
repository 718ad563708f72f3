//! Names of types as files have them: Java classes with parameters, `…ListType(…Int32Type)`.
//!
//! A collection or a user-defined type is frozen where `FrozenType(…)` stands around it or around
//! anything that contains it; inside a frozen one the mark is not repeated, and elements of
//! collections, fields of tuples and elements of vectors are frozen in any case. Source: Cassandra
//! `db.marshal.TypeParser`, `FrozenType`, and `toString` of each type.

use super::abstract_type::{AbstractType, UserType};
use super::error::TypeNameError;
use super::scanner::Scanner;
use crate::cursor::hexadecimal;
use core::fmt;

/// Package of the classes.
pub(super) const PACKAGE: &str = "org.apache.cassandra.db.marshal.";

impl AbstractType {
    /// The type of a class name with its parameters, as in a serialization header.
    ///
    /// The package may be missing. Unlike Cassandra, empty text is no type, and nothing may stand
    /// behind the name.
    ///
    /// # Errors
    /// When the text is not such a name, or names a class that tables of Cassandra 4 and 5 do not
    /// have.
    pub fn parse(class_name: &str) -> Result<Self, TypeNameError> {
        let mut scanner = Scanner::new(class_name);
        let parsed = parse(&mut scanner)?;
        if scanner.is_at_end() {
            Ok(parsed)
        } else {
            Err(scanner.error("the end"))
        }
    }
}

const fn is_identifier(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '+' | '.' | '_' | '&')
}

fn identifier<'a>(scanner: &mut Scanner<'a>) -> &'a str {
    scanner.skip_blanks();
    scanner.take_while(is_identifier)
}

fn parse(scanner: &mut Scanner<'_>) -> Result<AbstractType, TypeNameError> {
    let name = identifier(scanner);
    if name.is_empty() {
        return Err(scanner.error("the name of a type"));
    }
    let class = name.strip_prefix(PACKAGE).unwrap_or(name);
    if let Some(simple) = AbstractType::of_simple_class(class) {
        return with_options(simple, scanner);
    }
    scanner.descend()?;
    let parsed = match class {
        "ListType" => {
            let [elements] = parameters(scanner, "ListType", "1")?;
            AbstractType::List {
                elements: Box::new(elements.freeze()),
                is_multicell: true,
            }
        }
        "SetType" => {
            let [elements] = parameters(scanner, "SetType", "1")?;
            AbstractType::Set {
                elements: Box::new(elements.freeze()),
                is_multicell: true,
            }
        }
        "MapType" => {
            let [keys, values] = parameters(scanner, "MapType", "2")?;
            AbstractType::Map {
                keys: Box::new(keys.freeze()),
                values: Box::new(values.freeze()),
                is_multicell: true,
            }
        }
        "FrozenType" => {
            let [of] = parameters(scanner, "FrozenType", "1")?;
            of.freeze()
        }
        "ReversedType" => {
            let [of] = parameters(scanner, "ReversedType", "1")?;
            AbstractType::Reversed(Box::new(of))
        }
        "TupleType" => AbstractType::Tuple(
            any_parameters(scanner)?
                .into_iter()
                .map(AbstractType::freeze)
                .collect(),
        ),
        "CompositeType" => composite(any_parameters(scanner)?)?,
        "VectorType" => vector(scanner)?,
        "UserType" => user(scanner)?,
        unknown => return Err(refuse(unknown, name)),
    };
    scanner.ascend();
    Ok(parsed)
}

/// Classes that Cassandra has and that this reader does not, or that nobody has.
fn refuse(class: &str, name: &str) -> TypeNameError {
    let unsupported = |class, reason| TypeNameError::Unsupported { class, reason };
    match class {
        "DynamicCompositeType" => unsupported(
            "DynamicCompositeType",
            "its values name their own types; only tables made before CQL have it",
        ),
        "ColumnToCollectionType" => unsupported(
            "ColumnToCollectionType",
            "it stands in schemas of Cassandra 2 and older only",
        ),
        "PartitionerDefinedOrder" => unsupported(
            "PartitionerDefinedOrder",
            "it stands in tables of old indexes only",
        ),
        _unknown => TypeNameError::Unknown { name: name.into() },
    }
}

/// The options of a type without parameters: only `reversed` has a meaning.
fn with_options(simple: AbstractType, scanner: &mut Scanner<'_>) -> Result<AbstractType, TypeNameError> {
    let mut is_reversed = false;
    if scanner.take('(') {
        while !scanner.take(')') {
            let key = identifier(scanner);
            let value = if scanner.take('=') {
                identifier(scanner)
            } else {
                ""
            };
            if key.is_empty() {
                return Err(scanner.error("an option or ')'"));
            }
            scanner.take(',');
            if key == "reversed" {
                is_reversed = matches!(value, "" | "true");
            }
        }
    }
    Ok(if is_reversed {
        AbstractType::Reversed(Box::new(simple))
    } else {
        simple
    })
}

fn any_parameters(scanner: &mut Scanner<'_>) -> Result<Vec<AbstractType>, TypeNameError> {
    let mut types = Vec::new();
    if !scanner.take('(') {
        return Ok(types);
    }
    while !scanner.take(')') {
        types.push(parse(scanner)?);
        scanner.take(',');
    }
    Ok(types)
}

fn parameters<const N: usize>(
    scanner: &mut Scanner<'_>,
    class: &'static str,
    expected: &'static str,
) -> Result<[AbstractType; N], TypeNameError> {
    any_parameters(scanner)?
        .try_into()
        .map_err(|types: Vec<AbstractType>| TypeNameError::ParameterCount {
            class,
            expected,
            found: types.len(),
        })
}

fn composite(types: Vec<AbstractType>) -> Result<AbstractType, TypeNameError> {
    if types.is_empty() {
        return Err(TypeNameError::ParameterCount {
            class: "CompositeType",
            expected: "at least 1",
            found: 0,
        });
    }
    Ok(AbstractType::Composite(types))
}

fn vector(scanner: &mut Scanner<'_>) -> Result<AbstractType, TypeNameError> {
    scanner.expect('(', "'('")?;
    let elements = parse(scanner)?.freeze();
    scanner.expect(',', "','")?;
    scanner.skip_blanks();
    let dimension_count = dimension(scanner.take_while(|character| character.is_ascii_digit()))
        .ok_or_else(|| scanner.error("a number of dimensions above zero"))?;
    scanner.expect(')', "')'")?;
    Ok(AbstractType::Vector {
        elements: Box::new(elements),
        dimension_count,
    })
}

/// Number of dimensions; Java's `int`, above zero.
pub(super) fn dimension(text: &str) -> Option<u32> {
    let dimension_count = text.parse::<i32>().ok()?;
    u32::try_from(dimension_count).ok().filter(|count| *count > 0)
}

fn user(scanner: &mut Scanner<'_>) -> Result<AbstractType, TypeNameError> {
    scanner.expect('(', "'('")?;
    let keyspace = identifier(scanner).into();
    scanner.expect(',', "','")?;
    let name = hexadecimal_bytes(scanner)?;
    let mut fields = Vec::new();
    while !scanner.take(')') {
        scanner.expect(',', "',' or ')'")?;
        let field = hexadecimal_bytes(scanner)?;
        scanner.expect(':', "':'")?;
        fields.push((field, parse(scanner)?));
    }
    Ok(AbstractType::User(Box::new(UserType {
        keyspace,
        name,
        fields,
        is_multicell: true,
    })))
}

fn hexadecimal_bytes(scanner: &mut Scanner<'_>) -> Result<Box<[u8]>, TypeNameError> {
    let text = identifier(scanner).as_bytes();
    text.chunks(2)
        .map(|pair| match pair {
            [high, low] => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()
            }
            _odd => None,
        })
        .collect::<Option<Box<[u8]>>>()
        .ok_or_else(|| scanner.error("pairs of hexadecimal digits"))
}

impl fmt::Display for AbstractType {
    /// The class name with its package and parameters, as in a serialization header.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(formatter, Freezing::Shown)
    }
}

/// Whether `FrozenType(…)` is printed around what is frozen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Freezing {
    Shown,
    /// Something around it is frozen already.
    Ignored,
}

impl AbstractType {
    fn print(&self, formatter: &mut fmt::Formatter<'_>, freezing: Freezing) -> fmt::Result {
        let inner = self.freezing_of_inner(freezing);
        let is_marked = freezing == Freezing::Shown && self.is_frozen();
        if is_marked {
            write!(formatter, "{PACKAGE}FrozenType(")?;
        }
        write!(formatter, "{PACKAGE}{}", self.class_name())?;
        if let Self::User(user) = self {
            user.print_parameters(formatter, inner)?;
        } else if let Self::Vector {
            elements,
            dimension_count,
        } = self
        {
            formatter.write_str("(")?;
            elements.print(formatter, inner)?;
            write!(formatter, " , {dimension_count})")?;
        } else {
            let types = self.inner();
            if !types.is_empty() || matches!(self, Self::Tuple(_)) {
                print_all(formatter, &types, inner)?;
            }
        }
        if is_marked {
            formatter.write_str(")")?;
        }
        Ok(())
    }

    /// Whether the mark is printed inside this type, when it is printed with `freezing`.
    fn freezing_of_inner(&self, freezing: Freezing) -> Freezing {
        if matches!(self, Self::Reversed(_) | Self::Composite(_)) {
            Freezing::Shown
        } else if matches!(self, Self::Tuple(_)) || self.is_frozen() {
            Freezing::Ignored
        } else {
            freezing
        }
    }
}

impl UserType {
    fn print_parameters(&self, formatter: &mut fmt::Formatter<'_>, inner: Freezing) -> fmt::Result {
        write!(formatter, "({},{}", self.keyspace, hexadecimal(&self.name))?;
        for (name, of) in &self.fields {
            write!(formatter, ",{}:", hexadecimal(name))?;
            of.print(formatter, inner)?;
        }
        formatter.write_str(")")
    }
}

fn print_all(formatter: &mut fmt::Formatter<'_>, types: &[&AbstractType], inner: Freezing) -> fmt::Result {
    formatter.write_str("(")?;
    for (index, of) in types.iter().enumerate() {
        if index > 0 {
            formatter.write_str(",")?;
        }
        of.print(formatter, inner)?;
    }
    formatter.write_str(")")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marshal::arbitrary::any_type;
    use proptest::prelude::*;

    fn printed(name: &str) -> String {
        let parsed = AbstractType::parse(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        parsed.to_string().replace(PACKAGE, "")
    }

    #[test]
    fn names_print_as_cassandra_prints_what_it_parsed() {
        for (name, expected) in [
            ("Int32Type", "Int32Type"),
            ("org.apache.cassandra.db.marshal.UTF8Type", "UTF8Type"),
            (" ListType ( Int32Type ) ", "ListType(Int32Type)"),
            (
                "FrozenType(ListType(Int32Type))",
                "FrozenType(ListType(Int32Type))",
            ),
            // Elements are frozen whether they say so or not.
            (
                "ListType(SetType(Int32Type))",
                "ListType(FrozenType(SetType(Int32Type)))",
            ),
            (
                "FrozenType(ListType(FrozenType(SetType(Int32Type))))",
                "FrozenType(ListType(SetType(Int32Type)))",
            ),
            (
                "MapType(UTF8Type,ListType(Int32Type))",
                "MapType(UTF8Type,FrozenType(ListType(Int32Type)))",
            ),
            (
                "TupleType(FrozenType(ListType(Int32Type)),UTF8Type)",
                "TupleType(ListType(Int32Type),UTF8Type)",
            ),
            ("FrozenType(TupleType(Int32Type))", "TupleType(Int32Type)"),
            (
                "ReversedType(FrozenType(SetType(UUIDType)))",
                "ReversedType(FrozenType(SetType(UUIDType)))",
            ),
            ("Int32Type(reversed=true)", "ReversedType(Int32Type)"),
            ("Int32Type(reversed=false)", "Int32Type"),
            (
                "CompositeType(UTF8Type, Int32Type)",
                "CompositeType(UTF8Type,Int32Type)",
            ),
            ("VectorType(FloatType , 3)", "VectorType(FloatType , 3)"),
            (
                "UserType(gen,61646472,7a6970:Int32Type,6c:FrozenType(ListType(UTF8Type)))",
                "UserType(gen,61646472,7a6970:Int32Type,6c:FrozenType(ListType(UTF8Type)))",
            ),
            (
                "FrozenType(UserType(gen,61646472,6c:FrozenType(ListType(UTF8Type))))",
                "FrozenType(UserType(gen,61646472,6c:ListType(UTF8Type)))",
            ),
        ] {
            assert_eq!(printed(name), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_place() {
        for (name, expected) in [
            ("", "expected the name of a type at character 0"),
            ("Int32Type)", "expected the end at character 9"),
            ("Int33Type", "unknown type \"Int33Type\""),
            ("com.example.Int32Type", "unknown type \"com.example.Int32Type\""),
            (
                "ListType(Int32Type",
                "expected the name of a type at character 18",
            ),
            ("ListType()", "ListType takes 1 parameters, 0 given"),
            ("MapType(Int32Type)", "MapType takes 2 parameters, 1 given"),
            (
                "CompositeType",
                "CompositeType takes at least 1 parameters, 0 given",
            ),
            ("VectorType(FloatType , 0)", "dimensions above zero"),
            ("UserType(gen,6,6c:UTF8Type)", "pairs of hexadecimal digits"),
            (
                "DynamicCompositeType(a=>UTF8Type)",
                "DynamicCompositeType is not supported",
            ),
        ] {
            let error = AbstractType::parse(name).expect_err(name).to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
        let deep = "ListType(".repeat(1_000_000);
        assert_eq!(
            AbstractType::parse(&deep),
            Err(TypeNameError::TooDeep { limit: 64 })
        );
    }

    proptest! {
        #[test]
        fn names_give_the_type_again(of in any_type()) {
            let parsed = AbstractType::parse(&of.to_string()).expect("it was printed");
            prop_assert_eq!(parsed.to_string(), of.to_string());
        }

        #[test]
        fn no_text_is_parsed_with_a_panic(text in "(ListType|UserType|VectorType|[(),:a-f0-9é ]){0,12}") {
            let _type_or_error = AbstractType::parse(&text);
            let _type_or_error = AbstractType::parse_cql(&text, &());
        }
    }
}
