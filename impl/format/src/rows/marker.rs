//! Range tombstone markers: where deletions of ranges begin and end.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::rows::clustering_values::ClusteringValues;
use crate::rows::encode_error::EncodeError;
use crate::rows::encoding_stats::EncodingStats;
use crate::rows::header::SerializationHeader;
use thymbra_types::DeletionTime;
use thymbra_types::clustering::BoundSide;

/// What changes at a marker; none of the deletions is live.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MarkerChange {
    /// A range begins here.
    Open(
        /// Its deletion.
        DeletionTime,
    ),
    /// A range ends here.
    Close(
        /// Its deletion, again.
        DeletionTime,
    ),
    /// One range ends where another begins.
    Boundary {
        /// Deletion of the range that ends.
        closing: DeletionTime,
        /// Deletion of the range that begins.
        opening: DeletionTime,
    },
}

impl MarkerChange {
    /// Deletion of the range that ends here.
    #[must_use]
    pub const fn closing(self) -> Option<DeletionTime> {
        match self {
            Self::Open(_) => None,
            Self::Close(closing) | Self::Boundary { closing, .. } => Some(closing),
        }
    }

    /// Deletion of the range that begins here.
    #[must_use]
    pub const fn opening(self) -> Option<DeletionTime> {
        match self {
            Self::Open(opening) | Self::Boundary { opening, .. } => Some(opening),
            Self::Close(_) => None,
        }
    }

    /// Appends one deletion, or two for a boundary: the closing one first.
    pub(crate) fn write(self, stats: &EncodingStats, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Open(deletion) | Self::Close(deletion) => stats.write_deletion_time(deletion, out),
            Self::Boundary { closing, opening } => {
                stats.write_deletion_time(closing, out)?;
                stats.write_deletion_time(opening, out)
            }
        }
    }
}

/// Kinds of clustering prefixes, by the byte that files have for them.
/// Cassandra: `ClusteringPrefix.Kind`, whose ordinals these are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum ClusteringKind {
    /// A range ends before its prefix.
    ExclEndBound = 0,
    /// A range begins with its prefix.
    InclStartBound = 1,
    /// One ends before the prefix, the next begins with it.
    ExclEndInclStartBoundary = 2,
    /// The static row; never written.
    StaticClustering = 3,
    /// A row.
    Clustering = 4,
    /// One ends with the prefix, the next begins after it.
    InclEndExclStartBoundary = 5,
    /// A range ends with its prefix.
    InclEndBound = 6,
    /// A range begins after its prefix.
    ExclStartBound = 7,
}

impl ClusteringKind {
    /// The kind that a byte stands for.
    #[must_use]
    pub const fn of_ordinal(ordinal: u8) -> Option<Self> {
        Some(match ordinal {
            0 => Self::ExclEndBound,
            1 => Self::InclStartBound,
            2 => Self::ExclEndInclStartBoundary,
            3 => Self::StaticClustering,
            4 => Self::Clustering,
            5 => Self::InclEndExclStartBoundary,
            6 => Self::InclEndBound,
            7 => Self::ExclStartBound,
            _ => return None,
        })
    }

    /// The byte of files.
    #[must_use]
    pub const fn ordinal(self) -> u8 {
        self as u8
    }

    /// The kind of a marker.
    #[must_use]
    pub const fn of_marker(side: BoundSide, change: MarkerChange) -> Self {
        match (change, side) {
            (MarkerChange::Open(_), BoundSide::Before) => Self::InclStartBound,
            (MarkerChange::Open(_), BoundSide::After) => Self::ExclStartBound,
            (MarkerChange::Close(_), BoundSide::Before) => Self::ExclEndBound,
            (MarkerChange::Close(_), BoundSide::After) => Self::InclEndBound,
            (MarkerChange::Boundary { .. }, BoundSide::Before) => Self::ExclEndInclStartBoundary,
            (MarkerChange::Boundary { .. }, BoundSide::After) => Self::InclEndExclStartBoundary,
        }
    }

    /// Side of the rows with the prefix; `None` for rows.
    #[must_use]
    pub const fn side(self) -> Option<BoundSide> {
        match self {
            Self::ExclEndBound | Self::InclStartBound | Self::ExclEndInclStartBoundary => {
                Some(BoundSide::Before)
            }
            Self::InclEndBound | Self::ExclStartBound | Self::InclEndExclStartBoundary => {
                Some(BoundSide::After)
            }
            Self::StaticClustering | Self::Clustering => None,
        }
    }
}

/// A place between rows where the deletion that covers them changes.
///
/// | size | field | meaning |
/// |---|---|---|
/// | 1 | flags | 0x02 |
/// | 1 | kind | see [`ClusteringKind`] |
/// | 2 | n | components of the prefix; 0 at the beginning or end of a partition |
/// | | prefix | [`ClusteringValues`] |
/// | vint, vint | size, size of the previous | in SSTables only, as in rows |
/// | vint, vint | deletion | timestamp and seconds, as differences to the smallest |
/// | vint, vint | second deletion | of boundaries: the first ends, this one begins |
///
/// Cassandra: `db.rows.RangeTombstoneMarker`, `ClusteringBoundOrBoundary.Serializer`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RangeTombstoneMarker {
    /// The first clustering columns, as many as the statement gave.
    pub prefix: ClusteringValues,
    /// Side of the rows with this prefix.
    pub side: BoundSide,
    /// What begins or ends.
    pub change: MarkerChange,
}

/// Reads the kind and the prefix of a bound, behind the flags.
pub(crate) fn read_bound(
    cursor: &mut Cursor<'_>,
    header: &SerializationHeader,
) -> Result<(ClusteringKind, ClusteringValues), FormatError> {
    const KIND: &str = "kind of a bound";
    const SIZE: &str = "number of components of a bound";
    let offset = cursor.offset();
    let ordinal = cursor.u8(KIND)?;
    let kind = ClusteringKind::of_ordinal(ordinal)
        .filter(|kind| kind.side().is_some())
        .ok_or_else(|| FormatError::invalid(KIND, offset, "0 to 2 or 5 to 7", &ordinal))?;
    let offset = cursor.offset();
    let count = usize::from(cursor.u16(SIZE)?);
    let types = header.clustering_types.get(..count).ok_or_else(|| {
        FormatError::invalid(SIZE, offset, "not more than there are clustering columns", &count)
    })?;
    Ok((kind, ClusteringValues::read(cursor, types)?))
}

/// Reads what changes at a bound of a kind, behind the sizes; nothing for kinds of rows.
pub(crate) fn read_change(
    cursor: &mut Cursor<'_>,
    kind: ClusteringKind,
    stats: &EncodingStats,
) -> Result<MarkerChange, FormatError> {
    let mut deletion = || {
        const WHAT: &str = "deletion of a range";
        let offset = cursor.offset();
        let deletion = stats.read_deletion_time(cursor, WHAT)?;
        if deletion.is_live() {
            return Err(FormatError::invalid(WHAT, offset, "a deletion", &deletion));
        }
        Ok(deletion)
    };
    Ok(match kind {
        ClusteringKind::InclStartBound | ClusteringKind::ExclStartBound => MarkerChange::Open(deletion()?),
        ClusteringKind::ExclEndBound
        | ClusteringKind::InclEndBound
        | ClusteringKind::StaticClustering
        | ClusteringKind::Clustering => MarkerChange::Close(deletion()?),
        ClusteringKind::ExclEndInclStartBoundary | ClusteringKind::InclEndExclStartBoundary => {
            MarkerChange::Boundary {
                closing: deletion()?,
                opening: deletion()?,
            }
        }
    })
}
