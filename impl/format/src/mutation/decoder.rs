//! Mutations from bytes.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::mutation::table_layout::{SchemaLookup, TableLayout};
use crate::mutation::{HAS_PARTITION_DELETION, HAS_ROW_ESTIMATE, HAS_STATIC_ROW, IS_EMPTY, IS_REVERSED};
use crate::rows::{
    Columns, EncodingStats, PlacedCell, SerializationHeader, SingleRow, UnfilteredForm, UnfilteredReader,
    read_static_row, read_unfiltereds,
};
use thiserror::Error;
use thymbra_types::sorted_map::SortedMap;
use thymbra_types::{DecoratedKey, DeletionTime, Mutation, Partition, Partitioner, Row, TableId};

/// Why bytes give no mutation.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum DecodeError {
    /// A table is unknown, so that the size of its update is too. Replay passes over the mutation.
    #[error("table {0} is not known")]
    UnknownTable(TableId),
    /// The bytes are wrong, or from another schema.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Reads a mutation that is all of some bytes; see [`MutationEncoder`](super::MutationEncoder) for
/// its form. `base_offset` is where they stand in their file, for errors.
///
/// # Errors
/// When a table or a column is not in the schema, or the bytes are not what the format allows.
pub fn decode_mutation(
    bytes: &[u8],
    base_offset: u64,
    schema: &(impl SchemaLookup + ?Sized),
    partitioner: Partitioner,
) -> Result<Mutation, DecodeError> {
    decode_mutation_parts(bytes, base_offset, schema, partitioner, |_, _| {})
}

/// The same; `found` sees where in `bytes` the contents of each update stand, see [`UpdateDecoder`].
///
/// # Errors
/// As [`decode_mutation`].
pub fn decode_mutation_parts<'b>(
    bytes: &'b [u8],
    base_offset: u64,
    schema: &(impl SchemaLookup + ?Sized),
    partitioner: Partitioner,
    mut found: impl FnMut(TableId, &'b [u8]),
) -> Result<Mutation, DecodeError> {
    let mut cursor = Cursor::at(bytes, base_offset);
    let update_count = read_update_count(&mut cursor)?;
    let mut key: Option<&[u8]> = None;
    let mut keyspace: Option<&str> = None;
    let mut updates = SortedMap::new();
    for _ in 0..update_count {
        let offset = cursor.offset();
        let id = TableId(cursor.u128("table id")?);
        let table = schema.table(id).ok_or(DecodeError::UnknownTable(id))?;
        let update_key = cursor.vint_bytes("partition key")?;
        if *key.get_or_insert(update_key) != update_key {
            return Err(FormatError::invalid(
                "partition key",
                offset,
                "one key in all updates of a mutation",
                &crate::cursor::hexadecimal(update_key),
            )
            .into());
        }
        if *keyspace.get_or_insert_with(|| table.keyspace()) != table.keyspace() {
            let expected = "tables of one keyspace in all updates of a mutation";
            return Err(FormatError::invalid("table id", offset, expected, &id).into());
        }
        let contents = cursor.remaining();
        let partition = UpdateDecoder::new(table).read(&mut cursor)?;
        let length = contents.len() - cursor.remaining().len();
        found(id, contents.get(..length).unwrap_or_default());
        if updates.insert(id, partition).is_some() {
            return Err(FormatError::invalid("table id", offset, "one update for each table", &id).into());
        }
    }
    if !cursor.is_at_end() {
        let found = format_args!("{} more bytes", cursor.remaining().len());
        return Err(FormatError::invalid("mutation", cursor.offset(), "its end", &found).into());
    }
    Ok(Mutation {
        keyspace: keyspace.unwrap_or_default().into(),
        key: DecoratedKey::new(partitioner, key.unwrap_or_default()),
        updates,
    })
}

/// The number of updates in a mutation.
pub(super) fn read_update_count(cursor: &mut Cursor<'_>) -> Result<usize, FormatError> {
    const WHAT: &str = "number of updates";
    let offset = cursor.offset();
    let count = cursor.vint_count(WHAT)?;
    if count == 0 {
        return Err(FormatError::invalid(WHAT, offset, "at least one", &count));
    }
    Ok(count)
}

/// Reads the contents of updates of one table: what follows their key.
///
/// Keeps the columns of the last update, which those of the next mostly are.
#[derive(Debug)]
pub struct UpdateDecoder<'t> {
    table: &'t TableLayout,
    header: SerializationHeader,
    cells: Vec<PlacedCell>,
}

impl<'t> UpdateDecoder<'t> {
    /// For updates of a table.
    #[must_use]
    pub fn new(table: &'t TableLayout) -> Self {
        Self {
            table,
            header: table.header().clone(),
            cells: Vec::new(),
        }
    }

    /// The only row of an update that is all of some bytes and that deletes nothing but single cells.
    ///
    /// `None` for any other update, and for bytes that are none; [`Self::decode`] tells them apart.
    pub fn single_row<'a>(&mut self, bytes: &'a [u8]) -> Option<SingleRow<'a, '_>> {
        let mut cursor = Cursor::new(bytes);
        if cursor.u8("flags of an update").ok()? != HAS_ROW_ESTIMATE || !self.table.dropped().is_empty() {
            return None;
        }
        self.header.stats = EncodingStats::read(&mut cursor).ok()?;
        read_columns(&mut cursor, &mut self.header.regular_columns, self.table, false).ok()?;
        cursor.unsigned_vint("number of rows").ok()?;
        SingleRow::read(&mut cursor, &self.header, &mut self.cells)
    }

    /// Reads contents that are all of some bytes.
    ///
    /// # Errors
    /// When they are not what the format allows, or name columns that the table does not have.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Partition, FormatError> {
        let mut cursor = Cursor::new(bytes);
        let partition = self.read(&mut cursor)?;
        if !cursor.is_at_end() {
            let found = format_args!("{} more bytes", cursor.remaining().len());
            return Err(FormatError::invalid("update", cursor.offset(), "its end", &found));
        }
        Ok(partition)
    }

    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<Partition, FormatError> {
        let offset = cursor.offset();
        let flags = cursor.u8("flags of an update")?;
        if flags == IS_EMPTY {
            return Ok(Partition::default());
        }
        let known = HAS_PARTITION_DELETION | HAS_STATIC_ROW | HAS_ROW_ESTIMATE;
        let expected = if flags & IS_EMPTY != 0 {
            "no other flag beside that of an empty update"
        } else if flags & IS_REVERSED != 0 {
            "rows in the order of the table"
        } else if flags & HAS_ROW_ESTIMATE == 0 {
            "the number of rows"
        } else if flags & !known != 0 {
            "no unknown flags"
        } else {
            return self.read_contents(cursor, flags);
        };
        let found = format_args!("{flags:#04x}");
        Err(FormatError::invalid(
            "flags of an update",
            offset,
            expected,
            &found,
        ))
    }

    fn read_contents(&mut self, cursor: &mut Cursor<'_>, flags: u8) -> Result<Partition, FormatError> {
        let (table, header) = (self.table, &mut self.header);
        header.stats = EncodingStats::read(cursor)?;
        let has_static_row = flags & HAS_STATIC_ROW != 0;
        if has_static_row {
            read_columns(cursor, &mut header.static_columns, table, true)?;
        }
        read_columns(cursor, &mut header.regular_columns, table, false)?;
        let deletion = if flags & HAS_PARTITION_DELETION == 0 {
            DeletionTime::LIVE
        } else {
            header
                .stats
                .read_deletion_time(cursor, "deletion of a partition")?
        };
        let static_row = if has_static_row {
            read_static_row(cursor, header, UnfilteredForm::Messaging)?
        } else {
            Row::default()
        };
        // An estimate: the end of the rows has a mark of its own.
        cursor.unsigned_vint("number of rows")?;
        let mut reader = UnfilteredReader::new(cursor.clone(), header, UnfilteredForm::Messaging);
        let partition = Partition {
            deletion,
            static_row,
            ..Partition::default()
        };
        let mut partition = read_unfiltereds(&mut reader, partition)?;
        *cursor = reader.into_cursor();
        if !table.dropped().is_empty() {
            table.dropped().remove_from(&mut partition.static_row);
            partition.rows.retain(|_, row| {
                table.dropped().remove_from(row);
                !row.is_empty()
            });
        }
        Ok(partition)
    }
}

/// The columns of an update among those of the table; `known` are those of the one before.
fn read_columns(
    cursor: &mut Cursor<'_>,
    known: &mut Columns,
    table: &TableLayout,
    is_static: bool,
) -> Result<(), FormatError> {
    if known.pass_names(cursor) {
        return Ok(());
    }
    let all = table.header().columns(is_static);
    *known = Columns::read_names(cursor, |name| {
        all.find(name)
            .or_else(|| table.dropped().get(name))
            .map(std::sync::Arc::clone)
    })?;
    Ok(())
}
