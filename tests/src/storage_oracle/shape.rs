//! The tables that operations are made for: a handful that has every form of column.
//!
//! A shape is what the oracle knows of a schema; `metadata` turns it into the schema that the engine takes.
//! Chapter: `specs/01-data-model.md`.

use super::literal::Literal;
use std::cmp::Ordering;

/// Type of a value that is not made of others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scalar {
    /// CQL `int`.
    Int,
    /// CQL `text`.
    Text,
}

/// Type of a column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ColumnKind {
    /// One cell.
    Simple(Scalar),
    /// One cell for each element, named by a time UUID.
    List(Scalar),
    /// One cell without value for each element, named by it.
    Set(Scalar),
    /// One cell for each entry, named by its key.
    Map(Scalar, Scalar),
    /// One cell for each field, named by its index.
    Udt(&'static [(&'static str, Scalar)]),
}

impl ColumnKind {
    /// Whether it has a cell for each element.
    #[must_use]
    pub const fn is_complex(self) -> bool {
        match self {
            Self::Simple(_) => false,
            Self::List(_) | Self::Set(_) | Self::Map(_, _) | Self::Udt(_) => true,
        }
    }

    /// What names an element; absent in a simple column.
    #[must_use]
    pub const fn path_scalar(self) -> Option<Scalar> {
        match self {
            Self::Simple(_) => None,
            Self::List(_) | Self::Udt(_) => Some(Scalar::Int),
            Self::Set(element) => Some(element),
            Self::Map(key, _) => Some(key),
        }
    }

    /// What a cell holds; absent where its name says all.
    #[must_use]
    pub fn value_scalar(self, path: Option<&Literal>) -> Option<Scalar> {
        match (self, path) {
            (Self::Simple(scalar) | Self::List(scalar) | Self::Map(_, scalar), _) => Some(scalar),
            (Self::Set(_), _) | (Self::Udt(_), None | Some(Literal::Text(_))) => None,
            (Self::Udt(fields), Some(Literal::Int(index))) => {
                let field = fields.get(usize::try_from(*index).ok()?);
                field.map(|(_, scalar)| *scalar)
            }
        }
    }

    /// The serialized name of an element.
    ///
    /// Elements of lists are numbered, and the number is the time of their UUID; fields of a UDT are
    /// named by two bytes.
    #[must_use]
    pub fn path_bytes(self, path: &Literal) -> Vec<u8> {
        match (self, path) {
            (Self::List(_), Literal::Int(index)) => {
                let ticks = u32::try_from(*index).expect("elements of lists are not negative");
                let mut uuid = ticks.to_be_bytes().to_vec();
                // Middle and high part of the time with version 1, then the variant and a node.
                uuid.extend([0, 0, 0x10, 0, 0x80, 0, 0, 0, 0, 0, 0, 1]);
                uuid
            }
            (Self::Udt(_), Literal::Int(index)) => {
                let index = i16::try_from(*index).expect("a type has few fields");
                index.to_be_bytes().to_vec()
            }
            (Self::Simple(_) | Self::Set(_) | Self::Map(_, _) | Self::List(_) | Self::Udt(_), path) => {
                path.bytes()
            }
        }
    }
}

/// A column that is not part of the primary key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ColumnShape {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnKind,
    /// Whether a partition has one for all rows.
    pub is_static: bool,
}

/// A clustering column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClusteringShape {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub scalar: Scalar,
    /// Whether larger values come first.
    pub is_descending: bool,
}

/// A table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    /// Whether its keyspace writes to the commit log.
    pub is_durable: bool,
    /// Types of the columns of the partition key.
    pub key: &'static [Scalar],
    /// Clustering columns.
    pub clusterings: &'static [ClusteringShape],
    /// Columns that it begins with.
    pub columns: &'static [ColumnShape],
    /// Columns that may be added.
    pub addable: &'static [ColumnShape],
    /// Whether Data files are compressed.
    pub is_compressed: bool,
    /// How long tombstones stay.
    pub gc_grace_seconds: i32,
}

impl Shape {
    /// The partition key of a number, as its columns.
    #[must_use]
    pub fn key_literals(&self, key: u8) -> Vec<Literal> {
        let literal = |scalar: &Scalar| match scalar {
            Scalar::Int => Literal::Int(i32::from(key)),
            Scalar::Text => Literal::Text(format!("k{key}")),
        };
        self.key.iter().map(literal).collect()
    }

    /// The serialized partition key of a number: the value of one column, or of several with their lengths.
    #[must_use]
    pub fn key_bytes(&self, key: u8) -> Vec<u8> {
        let literals = self.key_literals(key);
        if let [only] = literals.as_slice() {
            return only.bytes();
        }
        let mut bytes = Vec::new();
        for literal in literals {
            let value = literal.bytes();
            let length = u16::try_from(value.len()).expect("keys of tests are short");
            bytes.extend(length.to_be_bytes());
            bytes.extend(value);
            bytes.push(0);
        }
        bytes
    }

    /// A column by its name, of those that it begins with or may get.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<ColumnShape> {
        let all = self.columns.iter().chain(self.addable);
        all.copied().find(|column| column.name == name)
    }

    /// The order of clusterings, as far as both go.
    #[must_use]
    pub fn order(&self, left: &[Literal], right: &[Literal]) -> Ordering {
        let pairs = left.iter().zip(right).zip(self.clusterings);
        let orders = pairs.map(|((left, right), clustering)| {
            let order = left.order(right);
            if clustering.is_descending {
                order.reverse()
            } else {
                order
            }
        });
        orders
            .into_iter()
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

const fn simple(name: &'static str, scalar: Scalar) -> ColumnShape {
    column(name, ColumnKind::Simple(scalar))
}

const fn column(name: &'static str, kind: ColumnKind) -> ColumnShape {
    ColumnShape {
        name,
        kind,
        is_static: false,
    }
}

const fn fixed(name: &'static str, kind: ColumnKind) -> ColumnShape {
    ColumnShape {
        name,
        kind,
        is_static: true,
    }
}

const fn ascending(name: &'static str, scalar: Scalar) -> ClusteringShape {
    ClusteringShape {
        name,
        scalar,
        is_descending: false,
    }
}

const fn descending(name: &'static str, scalar: Scalar) -> ClusteringShape {
    ClusteringShape {
        name,
        scalar,
        is_descending: true,
    }
}

/// The tables.
///
/// | name | has |
/// |---|---|
/// | `simple` | one row in a partition |
/// | `wide` | two clustering columns, one of them descending; a key of two columns; LZ4 |
/// | `statics` | static columns, simple and complex; LZ4 |
/// | `collections` | each kind of complex column |
/// | `ephemeral` | a keyspace that does not write to the commit log |
pub const SHAPES: [Shape; 5] = [
    Shape {
        name: "simple",
        is_durable: true,
        key: &[Scalar::Int],
        clusterings: &[],
        columns: &[simple("v", Scalar::Int), simple("w", Scalar::Text)],
        addable: &[simple("x", Scalar::Int)],
        is_compressed: false,
        gc_grace_seconds: 60,
    },
    Shape {
        name: "wide",
        is_durable: true,
        key: &[Scalar::Text, Scalar::Int],
        clusterings: &[ascending("c1", Scalar::Int), descending("c2", Scalar::Text)],
        columns: &[simple("v", Scalar::Int), simple("w", Scalar::Text)],
        addable: &[column("t", ColumnKind::Set(Scalar::Text))],
        is_compressed: true,
        gc_grace_seconds: 60,
    },
    Shape {
        name: "statics",
        is_durable: true,
        key: &[Scalar::Int],
        clusterings: &[descending("c", Scalar::Int)],
        columns: &[
            fixed("s", ColumnKind::Simple(Scalar::Int)),
            fixed("e", ColumnKind::Set(Scalar::Int)),
            simple("v", Scalar::Text),
        ],
        addable: &[fixed("f", ColumnKind::Simple(Scalar::Text))],
        is_compressed: true,
        gc_grace_seconds: 20,
    },
    Shape {
        name: "collections",
        is_durable: true,
        key: &[Scalar::Int],
        clusterings: &[ascending("c", Scalar::Text)],
        columns: &[
            column("l", ColumnKind::List(Scalar::Int)),
            column("m", ColumnKind::Map(Scalar::Text, Scalar::Int)),
            column("s", ColumnKind::Set(Scalar::Int)),
            column("u", ColumnKind::Udt(&[("a", Scalar::Int), ("b", Scalar::Text)])),
            simple("v", Scalar::Int),
        ],
        addable: &[column("n", ColumnKind::Map(Scalar::Int, Scalar::Text))],
        is_compressed: false,
        gc_grace_seconds: 60,
    },
    Shape {
        name: "ephemeral",
        is_durable: false,
        key: &[Scalar::Int],
        clusterings: &[ascending("c", Scalar::Int)],
        columns: &[simple("v", Scalar::Int)],
        addable: &[simple("x", Scalar::Int)],
        is_compressed: true,
        gc_grace_seconds: 60,
    },
];

/// A table by its name, as an index of [`SHAPES`].
#[must_use]
pub fn table_index(name: &str) -> Option<usize> {
    SHAPES.iter().position(|shape| shape.name == name)
}
