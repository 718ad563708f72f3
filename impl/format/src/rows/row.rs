//! Rows as bytes, without their clustering and size.

use crate::cursor::{Cursor, hexadecimal};
use crate::error::FormatError;
use crate::rows::cell::CellCodec;
use crate::rows::columns::{Column, ColumnSet, Columns};
use crate::rows::encode_error::EncodeError;
use crate::rows::encoding_stats::EncodingStats;
use crate::rows::header::SerializationHeader;
use crate::rows::single_row::SingleRow;
use crate::vint;
use core::cmp::Ordering;
use thymbra_types::{Cell, CellName, CellPath, CellView, LivenessInfo, LivenessKind, Row};

/// The byte that ends a partition, and no row begins with.
pub(crate) const END_OF_PARTITION: u8 = 0x01;
/// The byte that begins a marker.
pub(crate) const IS_MARKER: u8 = 0x02;
/// The row has a liveness.
const HAS_TIMESTAMP: u8 = 0x04;
/// The liveness expires.
const HAS_TTL: u8 = 0x08;
/// The whole row is deleted.
const HAS_DELETION: u8 = 0x10;
/// The row has all columns of the header, so that no set of columns follows.
const HAS_ALL_COLUMNS: u8 = 0x20;
/// Each complex column begins with a deletion, live or not.
const HAS_COMPLEX_DELETION: u8 = 0x40;
/// A byte of extended flags follows.
const EXTENSION_FLAG: u8 = 0x80;

/// Extended flag: the static row.
pub(crate) const IS_STATIC: u8 = 0x01;
/// Extended flag: a deletion as materialized views of 3.x made them.
const HAS_SHADOWABLE_DELETION: u8 = 0x02;

/// Flags of a row, and its extended flags.
///
/// | bit | flag |
/// |---|---|
/// | 0x01 | end of partition: not a row |
/// | 0x02 | marker: not a row |
/// | 0x04 | a liveness |
/// | 0x08 | that expires |
/// | 0x10 | a deletion of the row |
/// | 0x20 | all columns of the header |
/// | 0x40 | deletions of complex columns |
/// | 0x80 | a byte of extended flags follows: 0x01 static row, 0x02 shadowable deletion, which is refused |
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowFlags {
    flags: u8,
    is_static: bool,
}

impl RowFlags {
    /// Flags of a row whose columns among those of the header are known.
    fn of(row: &Row, present: &ColumnSet, is_static: bool) -> Self {
        let Self { mut flags, .. } = Self::of_cells(row.liveness, present);
        if !row.deletion.is_live() {
            flags |= HAS_DELETION;
        }
        if !row.complex_deletions.is_empty() {
            flags |= HAS_COMPLEX_DELETION;
        }
        if is_static {
            flags |= EXTENSION_FLAG;
        }
        Self { flags, is_static }
    }

    /// Flags of a row that is not static and in which nothing but single cells is deleted.
    fn of_cells(liveness: LivenessInfo, present: &ColumnSet) -> Self {
        let mut flags = 0;
        if !liveness.is_empty() {
            flags |= HAS_TIMESTAMP;
            flags |= match liveness.kind {
                LivenessKind::Live => 0,
                LivenessKind::Expiring { .. } | LivenessKind::Expired { .. } => HAS_TTL,
            };
        }
        if present.is_all() {
            flags |= HAS_ALL_COLUMNS;
        }
        Self {
            flags,
            is_static: false,
        }
    }

    /// Appends one byte, or two for a static row.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        out.push(self.flags);
        if self.is_static {
            out.push(IS_STATIC);
        }
    }

    /// Reads what follows the first byte, which is neither that of the end nor that of a marker.
    pub(crate) fn read(flags: u8, cursor: &mut Cursor<'_>, is_static: bool) -> Result<Self, FormatError> {
        let offset = cursor.offset().saturating_sub(1);
        let extended = if flags & EXTENSION_FLAG == 0 {
            0
        } else {
            cursor.u8("extended flags of a row")?
        };
        let expected = if flags & (END_OF_PARTITION | IS_MARKER) != 0 {
            "a row, or exactly the byte of an end or marker"
        } else if flags & (HAS_TIMESTAMP | HAS_TTL) == HAS_TTL {
            "a TTL only with a timestamp"
        } else if extended & HAS_SHADOWABLE_DELETION != 0 {
            "no shadowable deletion, which only 3.x wrote"
        } else if extended & !IS_STATIC != 0 {
            "no unknown extended flags"
        } else if is_static && extended & IS_STATIC == 0 {
            "a static row"
        } else if !is_static && extended & IS_STATIC != 0 {
            "no static row behind the beginning of a partition"
        } else {
            return Ok(Self { flags, is_static });
        };
        let found = u16::from_be_bytes([extended, flags]);
        Err(FormatError::invalid(
            "flags of a row",
            offset,
            expected,
            &format_args!("{found:#06x}"),
        ))
    }

    const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether liveness and cells of all columns of the header are all that the row has.
    pub(crate) const fn are_of_cells(self) -> bool {
        self.flags & !(HAS_TIMESTAMP | HAS_TTL) == HAS_ALL_COLUMNS
    }

    /// The liveness that the body begins with.
    ///
    /// # Errors
    /// When it is cut, or a number is too large.
    pub(crate) fn read_liveness(
        self,
        cursor: &mut Cursor<'_>,
        stats: &EncodingStats,
    ) -> Result<LivenessInfo, FormatError> {
        if !self.has(HAS_TIMESTAMP) {
            return Ok(LivenessInfo::EMPTY);
        }
        stats.read_liveness(cursor, self.has(HAS_TTL))
    }
}

/// Marks the columns of a row in a set over a list of columns.
///
/// # Errors
/// When the list does not have a column, or has it simple for complex.
pub(crate) fn mark_columns(row: &Row, columns: &Columns, present: &mut ColumnSet) -> Result<(), EncodeError> {
    let unknown = |name: &CellName| EncodeError::UnknownColumn(name.column.clone());
    let (mut simple, mut complex) = (0, columns.simple_count());
    for name in row.cells.keys() {
        if name.path.is_none() {
            simple = columns
                .position(&name.column, simple, columns.simple_count())
                .ok_or_else(|| unknown(name))?;
            present.insert(simple);
        } else {
            complex = columns
                .position(&name.column, complex, columns.len())
                .ok_or_else(|| unknown(name))?;
            present.insert(complex);
        }
    }
    let mut complex = columns.simple_count();
    for name in row.complex_deletions.keys() {
        complex = columns
            .position(name, complex, columns.len())
            .ok_or_else(|| EncodeError::UnknownColumn(name.clone()))?;
        present.insert(complex);
    }
    Ok(())
}

/// Writes bodies of rows; keeps the memory that it needs for that.
///
/// | field | when |
/// |---|---|
/// | liveness: timestamp, TTL, expiration | timestamp if 0x04, the others if 0x08 |
/// | deletion of the row | if 0x10 |
/// | [set of columns](ColumnSet) | unless 0x20, and also if there are no cells |
/// | cells, by columns in the order of the header | |
///
/// A simple column is one cell. A complex one is its deletion (if 0x40, live where it has none), a
/// vint of the number of cells, and the cells in the order of their paths by the column's type.
/// Cassandra: `UnfilteredSerializer.serializeRowBody`.
#[derive(Clone, Debug, Default)]
pub struct RowWriter {
    present: ColumnSet,
}

impl RowWriter {
    /// Looks which columns a row has; must come before [`Self::write_body`].
    pub(crate) fn begin(
        &mut self,
        row: &Row,
        columns: &Columns,
        is_static: bool,
    ) -> Result<RowFlags, EncodeError> {
        self.present.clear(columns.len());
        mark_columns(row, columns, &mut self.present)?;
        Ok(RowFlags::of(row, &self.present, is_static))
    }

    /// The same for a row that lies in the bytes of its update.
    pub(crate) fn begin_single(
        &mut self,
        row: &SingleRow<'_, '_>,
        columns: &Columns,
    ) -> Result<RowFlags, EncodeError> {
        self.present.clear(columns.len());
        let mut position = 0;
        for column in row.columns().iter() {
            position = columns
                .position(column.name(), position, columns.simple_count())
                .ok_or_else(|| EncodeError::UnknownColumn(column.name().clone()))?;
            self.present.insert(position);
        }
        Ok(RowFlags::of_cells(row.liveness(), &self.present))
    }

    /// Appends the body of a row that lies in the bytes of its update.
    pub(crate) fn write_single_body(
        &self,
        row: &SingleRow<'_, '_>,
        flags: RowFlags,
        stats: &EncodingStats,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if flags.has(HAS_TIMESTAMP) {
            stats.write_liveness(row.liveness(), out)?;
        }
        if !flags.has(HAS_ALL_COLUMNS) {
            self.present.write(out);
        }
        let codec = CellCodec {
            stats,
            liveness: row.liveness(),
        };
        for (column, cell) in row.columns().iter().zip(row.cells()) {
            codec.write(None, cell, column, out)?;
        }
        Ok(())
    }

    /// Appends the body.
    pub(crate) fn write_body(
        &self,
        row: &Row,
        flags: RowFlags,
        header: &SerializationHeader,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if flags.has(HAS_TIMESTAMP) {
            header.stats.write_liveness(row.liveness, out)?;
        }
        if flags.has(HAS_DELETION) {
            header.stats.write_deletion_time(row.deletion, out)?;
        }
        if !flags.has(HAS_ALL_COLUMNS) {
            self.present.write(out);
        }
        let columns = header.columns(flags.is_static);
        let codec = CellCodec {
            stats: &header.stats,
            liveness: row.liveness,
        };
        // Both are in the order of names, and the set was made of these cells.
        let simple = row.cells.iter().filter(|(name, _)| name.path.is_none());
        for ((_, cell), index) in simple.zip(self.present.iter()) {
            if let Some(column) = columns.get(index) {
                codec.write(None, cell.view(), column, out)?;
            }
        }
        if columns.simple_count() < columns.len() {
            self.write_complex_columns(row, flags, columns, codec, out)?;
        }
        Ok(())
    }

    fn write_complex_columns(
        &self,
        row: &Row,
        flags: RowFlags,
        columns: &Columns,
        codec: CellCodec<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let mut cells: Vec<(&[u8], &Cell)> = Vec::new();
        let mut remaining = row
            .cells
            .iter()
            .filter_map(|(name, cell)| Some((&name.column, &*name.path.as_ref()?.0, cell)))
            .peekable();
        let complex = self
            .present
            .iter()
            .skip_while(|index| *index < columns.simple_count());
        for column in complex.filter_map(|index| columns.get(index)) {
            cells.clear();
            while let Some((_, path, cell)) = remaining.next_if(|(name, _, _)| *name == column.name()) {
                cells.push((path, cell));
            }
            if !cells.is_sorted_by(|left, right| compare_paths(column, left.0, right.0).is_lt()) {
                cells.sort_unstable_by(|left, right| compare_paths(column, left.0, right.0));
            }
            if flags.has(HAS_COMPLEX_DELETION) {
                let deletion = row.complex_deletions.get(column.name()).copied();
                codec
                    .stats
                    .write_deletion_time(deletion.unwrap_or_default(), out)?;
            }
            vint::write_unsigned(cells.len() as u64, out);
            for (path, cell) in &cells {
                codec.write(Some(path), cell.view(), column, out)?;
            }
        }
        Ok(())
    }
}

/// Reads the body of a row; see [`RowWriter`] for its form.
pub(crate) fn read_body(
    cursor: &mut Cursor<'_>,
    flags: RowFlags,
    header: &SerializationHeader,
) -> Result<Row, FormatError> {
    let mut row = Row {
        liveness: flags.read_liveness(cursor, &header.stats)?,
        ..Row::default()
    };
    if flags.has(HAS_DELETION) {
        row.deletion = header.stats.read_deletion_time(cursor, "deletion of a row")?;
    }
    let columns = header.columns(flags.is_static);
    let mut cells = CellsReader {
        codec: CellCodec {
            stats: &header.stats,
            liveness: row.liveness,
        },
        has_complex_deletion: flags.has(HAS_COMPLEX_DELETION),
        row: &mut row,
    };
    if flags.has(HAS_ALL_COLUMNS) {
        for column in columns.iter() {
            cells.read_column(cursor, column)?;
        }
    } else {
        let present = ColumnSet::read(cursor, columns.len())?;
        for column in present.iter().filter_map(|index| columns.get(index)) {
            cells.read_column(cursor, column)?;
        }
    }
    Ok(row)
}

/// The cell with a value of its own.
fn owned(cell: CellView<'_>) -> Cell {
    Cell {
        timestamp: cell.timestamp,
        kind: cell.kind,
        value: cell.value.into(),
    }
}

/// Collects what the columns of one row hold.
struct CellsReader<'r, 'h> {
    codec: CellCodec<'h>,
    has_complex_deletion: bool,
    row: &'r mut Row,
}

impl CellsReader<'_, '_> {
    #[inline]
    fn read_column(&mut self, cursor: &mut Cursor<'_>, column: &Column) -> Result<(), FormatError> {
        if column.is_complex() {
            return self.read_complex(cursor, column);
        }
        let (_, cell) = self.codec.read(cursor, column)?;
        let name = CellName {
            column: column.name().clone(),
            path: None,
        };
        self.row.cells.insert(name, owned(cell));
        Ok(())
    }

    fn read_complex(&mut self, cursor: &mut Cursor<'_>, column: &Column) -> Result<(), FormatError> {
        if self.has_complex_deletion {
            let deletion = self
                .codec
                .stats
                .read_deletion_time(cursor, "deletion of a complex column")?;
            if !deletion.is_live() {
                self.row.complex_deletions.insert(column.name().clone(), deletion);
            }
        }
        let count = cursor.vint_count("number of cells")?;
        let mut previous: Option<&[u8]> = None;
        for _ in 0..count {
            let offset = cursor.offset();
            let (path, cell) = self.codec.read(cursor, column)?;
            let path = path.unwrap_or_default();
            if previous.is_some_and(|previous| compare_paths(column, previous, path).is_ge()) {
                return Err(FormatError::invalid(
                    "path of a cell",
                    offset,
                    "paths in the order of the column's type",
                    &hexadecimal(path),
                ));
            }
            previous = Some(path);
            let name = CellName {
                column: column.name().clone(),
                path: Some(CellPath(path.into())),
            };
            self.row.cells.insert(name, owned(cell));
        }
        Ok(())
    }
}

/// The order of two cells of a complex column, which is that of its elements.
///
/// Bytes decide between elements that the type does not tell apart, such as the decimals 1.0 and
/// 1.00, which Cassandra takes for one.
fn compare_paths(column: &Column, left: &[u8], right: &[u8]) -> Ordering {
    column
        .column_type()
        .compare_paths(left, right)
        .then_with(|| left.cmp(right))
}
