//! Places among the rows of a partition, with what kind of place each is.
//!
//! Index.db names the first and last place of each block by them, and Statistics.db is made from
//! the smallest and largest. Chapter: `specs/08-sstable.md`. Source: Cassandra
//! `db.ClusteringPrefix`, `db.ClusteringComparator`.

use super::place::Place;
use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::marshal::AbstractType;
use crate::rows::partition::UnfilteredView;
use crate::rows::{ClusteringComparator, ClusteringKind, ClusteringValues, EncodeError};
use core::cmp::Ordering;

/// A place among the rows of a partition as files have it, with what kind of place it is.
///
/// | size | field |
/// |---|---|
/// | 1 | kind, see [`ClusteringKind`] |
/// | 2 | number of components; not of rows, which have all |
/// | | [`ClusteringValues`] |
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClusteringPrefix {
    /// A row, or one of the kinds of bounds.
    pub kind: ClusteringKind,
    /// Values of the first clustering columns; of all for a row.
    pub values: ClusteringValues,
}

impl ClusteringPrefix {
    /// Appends the form above.
    ///
    /// # Errors
    /// When a row has not all components, or a value has not the size of its type.
    pub fn write(&self, types: &[AbstractType], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.push(self.kind.ordinal());
        let wrong_size = || EncodeError::ClusteringSize {
            expected_count: types.len(),
            found_count: self.values.len(),
        };
        if self.kind != ClusteringKind::Clustering {
            let count = u16::try_from(self.values.len()).map_err(|_| wrong_size())?;
            out.extend_from_slice(&count.to_be_bytes());
        } else if self.values.len() != types.len() {
            return Err(wrong_size());
        }
        self.values.write(types, out)
    }

    /// Reads the form above.
    ///
    /// # Errors
    /// When it is cut, has an unknown kind, or more components than the table.
    pub fn read(cursor: &mut Cursor<'_>, types: &[AbstractType]) -> Result<Self, FormatError> {
        const WHAT: &str = "kind of a clustering";
        let offset = cursor.offset();
        let ordinal = cursor.u8(WHAT)?;
        let kind = ClusteringKind::of_ordinal(ordinal)
            .filter(|kind| *kind != ClusteringKind::StaticClustering)
            .ok_or_else(|| FormatError::invalid(WHAT, offset, "0, 1, 2 or 4 to 7", &ordinal))?;
        let types = if kind == ClusteringKind::Clustering {
            types
        } else {
            let offset = cursor.offset();
            let count = cursor.u16("components of a bound")?;
            types.get(..usize::from(count)).ok_or_else(|| {
                FormatError::invalid(
                    "components of a bound",
                    offset,
                    "no more than the table has",
                    &count,
                )
            })?
        };
        Ok(Self {
            kind,
            values: ClusteringValues::read(cursor, types)?,
        })
    }

    /// The place of a row or marker in memory.
    ///
    /// # Errors
    /// When it is of another table.
    pub fn of_unfiltered(
        unfiltered: UnfilteredView<'_>,
        types: &[AbstractType],
    ) -> Result<Self, EncodeError> {
        let (kind, prefix) = match unfiltered {
            UnfilteredView::Row { clustering, .. } => (ClusteringKind::Clustering, clustering),
            UnfilteredView::Marker { bound, change } => {
                (ClusteringKind::of_marker(bound.side, change), &bound.prefix)
            }
        };
        Ok(Self {
            kind,
            values: ClusteringComparator::new(types).to_values(prefix)?,
        })
    }

    /// The order to a place in memory; `None` when a value is null, which only tables of 2.x have.
    #[must_use]
    pub fn compare_to_place(&self, place: Place<'_>, types: &[AbstractType]) -> Option<Ordering> {
        let prefix = ClusteringComparator::new(types).to_clustering(self.values.clone())?;
        let this = Place {
            prefix: &prefix,
            side: self.kind.side(),
        };
        Some(this.cmp(&place))
    }

    /// The order of two places.
    ///
    /// Values decide from the first on; null comes before every value. Of two places whose common
    /// values are equal, a bound stands before or after all that begins with its values; at the
    /// same place, the end of a range comes before a row and that before the start of one, by the
    /// numbers of their kinds. Cassandra: `ClusteringComparator.compare`.
    #[must_use]
    pub fn compare(&self, other: &Self, types: &[AbstractType]) -> Ordering {
        let both = self.values.0.iter().zip(&other.values.0).zip(types);
        for ((left, right), component_type) in both {
            let order = match (left, right) {
                (Some(left), Some(right)) => component_type.compare(left, right),
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
            };
            if order.is_ne() {
                return order;
            }
        }
        match self.values.len().cmp(&other.values.len()) {
            Ordering::Equal => comparison_group(self.kind).cmp(&comparison_group(other.kind)),
            Ordering::Less => compared_to_longer(self.kind),
            Ordering::Greater => compared_to_longer(other.kind).reverse(),
        }
    }
}

/// Kinds of one group are one place where their values are equal. Cassandra: `Kind.comparison`.
const fn comparison_group(kind: ClusteringKind) -> u8 {
    match kind {
        ClusteringKind::ExclEndBound
        | ClusteringKind::InclStartBound
        | ClusteringKind::ExclEndInclStartBoundary => 0,
        ClusteringKind::StaticClustering => 1,
        ClusteringKind::Clustering => 2,
        ClusteringKind::InclEndExclStartBoundary
        | ClusteringKind::InclEndBound
        | ClusteringKind::ExclStartBound => 3,
    }
}

/// Where a place stands to all that begins with its values. Cassandra:
/// `Kind.comparedToClustering`.
const fn compared_to_longer(kind: ClusteringKind) -> Ordering {
    match kind {
        ClusteringKind::ExclEndBound
        | ClusteringKind::InclStartBound
        | ClusteringKind::ExclEndInclStartBoundary
        | ClusteringKind::StaticClustering => Ordering::Less,
        ClusteringKind::Clustering => Ordering::Equal,
        ClusteringKind::InclEndExclStartBoundary
        | ClusteringKind::InclEndBound
        | ClusteringKind::ExclStartBound => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: [AbstractType; 2] = [AbstractType::Int32, AbstractType::Utf8];

    fn place(kind: ClusteringKind, values: &[&[u8]]) -> ClusteringPrefix {
        ClusteringPrefix {
            kind,
            values: ClusteringValues::of(values.iter().copied()),
        }
    }

    #[test]
    fn row_with_fewer_components_than_the_table_has_no_form() {
        let short = ClusteringPrefix {
            kind: ClusteringKind::Clustering,
            values: ClusteringValues::of([[0_u8; 4]]),
        };
        let error = EncodeError::ClusteringSize {
            expected_count: 2,
            found_count: 1,
        };
        assert_eq!(short.write(&TYPES, &mut Vec::new()), Err(error));
        let bound = ClusteringPrefix {
            kind: ClusteringKind::InclStartBound,
            ..short
        };
        let mut out = Vec::new();
        assert_eq!(bound.write(&TYPES, &mut out), Ok(()));
        assert_eq!(out, [1, 0, 1, 0, 0, 0, 0, 0]);
        assert_eq!(ClusteringPrefix::read(&mut Cursor::new(&out), &TYPES), Ok(bound));
    }

    #[test]
    fn places_order_as_in_cassandra() {
        use ClusteringKind as Kind;
        let (one, two) = (&1_i32.to_be_bytes()[..], &2_i32.to_be_bytes()[..]);
        let minus = &(-1_i32).to_be_bytes()[..];
        let ascending = [
            place(Kind::InclStartBound, &[]),
            place(Kind::Clustering, &[minus, b"z"]),
            place(Kind::ExclEndBound, &[one]),
            place(Kind::InclStartBound, &[one, b"a"]),
            place(Kind::Clustering, &[one, b"a"]),
            place(Kind::ExclStartBound, &[one, b"a"]),
            place(Kind::Clustering, &[one, b"b"]),
            place(Kind::InclEndBound, &[one]),
            place(Kind::InclStartBound, &[two]),
            place(Kind::InclEndBound, &[]),
        ];
        for (left_index, left) in ascending.iter().enumerate() {
            for (right_index, right) in ascending.iter().enumerate() {
                let expected = left_index.cmp(&right_index);
                assert_eq!(left.compare(right, &TYPES), expected, "{left:?} and {right:?}");
            }
        }
        let same = [
            Kind::ExclEndBound,
            Kind::InclStartBound,
            Kind::ExclEndInclStartBoundary,
        ];
        for kind in same {
            let order = place(kind, &[one]).compare(&place(same[0], &[one]), &TYPES);
            assert_eq!(order, Ordering::Equal);
        }
    }

    #[test]
    fn descending_columns_order_the_other_way_round_and_null_comes_first() {
        let types = [AbstractType::Reversed(Box::new(AbstractType::Int32))];
        let row = |value: i32| place(ClusteringKind::Clustering, &[&value.to_be_bytes()]);
        assert_eq!(row(2).compare(&row(1), &types), Ordering::Less);
        let null = ClusteringPrefix {
            kind: ClusteringKind::Clustering,
            values: ClusteringValues(vec![None]),
        };
        assert_eq!(null.compare(&row(9), &types), Ordering::Less);
        assert_eq!(row(9).compare(&null, &types), Ordering::Greater);
        assert_eq!(null.compare(&null, &types), Ordering::Equal);
    }
}
