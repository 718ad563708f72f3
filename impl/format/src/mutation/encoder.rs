//! Mutations to bytes.

use crate::mutation::table_layout::{SchemaLookup, TableLayout};
use crate::mutation::{HAS_PARTITION_DELETION, HAS_ROW_ESTIMATE, HAS_STATIC_ROW, IS_EMPTY};
use crate::rows::{
    ColumnSet, EncodeError, EncodingStatsCollector, SerializationHeader, UnfilteredForm, UnfilteredWriter,
    mark_columns, unfiltereds,
};
use crate::vint;
use core::ops::Range;
use thymbra_types::{Mutation, Partition, Row};

/// Writes mutations; keeps the memory that it needs for that.
///
/// | size | field | |
/// |---|---|---|
/// | vint | number of updates | at least one |
/// | | updates | one per table |
///
/// An update:
///
/// | size | field | |
/// |---|---|---|
/// | 16 | table id | |
/// | vint, bytes | partition key | the same in all updates |
/// | 1 | flags | 0x01 empty: nothing follows; 0x02 reversed: never; 0x04 partition deletion; 0x08 static row; 0x10 number of rows: always |
/// | | header | the form of mutations, see [`SerializationHeader`] |
/// | vint, vint | partition deletion | if 0x04: timestamp and seconds, as differences |
/// | | static row | if 0x08 |
/// | vint | number of rows | |
/// | | rows and markers | to the byte that ends them |
///
/// The name of the keyspace is not written; it is that of the tables. Cassandra:
/// `Mutation.MutationSerializer`, `PartitionUpdate.PartitionUpdateSerializer`,
/// `UnfilteredRowIteratorSerializer`.
#[derive(Clone, Debug)]
pub struct MutationEncoder {
    writer: UnfilteredWriter,
    static_columns: ColumnSet,
    regular_columns: ColumnSet,
    /// Where the contents of updates stand in what the last mutation was appended to.
    contents: Vec<Range<usize>>,
}

impl Default for MutationEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl MutationEncoder {
    /// Nothing is kept yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            writer: UnfilteredWriter::new(UnfilteredForm::Messaging),
            static_columns: ColumnSet::default(),
            regular_columns: ColumnSet::default(),
            contents: Vec::new(),
        }
    }

    /// Appends a mutation.
    ///
    /// # Errors
    /// When it is empty, or the schema does not have its tables and columns.
    pub fn encode(
        &mut self,
        mutation: &Mutation,
        schema: &(impl SchemaLookup + ?Sized),
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if mutation.updates.is_empty() {
            return Err(EncodeError::EmptyMutation);
        }
        self.contents.clear();
        vint::write_unsigned(mutation.updates.len() as u64, out);
        for (id, partition) in &mutation.updates {
            let table = schema.table(*id).ok_or(EncodeError::UnknownTable(*id))?;
            self.encode_update(table, mutation.key.key(), partition, out)?;
        }
        Ok(())
    }

    /// Where the contents of each update stand in what [`MutationEncoder::encode`] has appended to last,
    /// in the order of the mutation; see [`UpdateDecoder`](super::UpdateDecoder).
    #[must_use]
    pub fn contents(&self) -> &[Range<usize>] {
        &self.contents
    }

    /// Appends an update of one table.
    fn encode_update(
        &mut self,
        table: &TableLayout,
        key: &[u8],
        partition: &Partition,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        out.extend_from_slice(&table.id().0.to_be_bytes());
        vint::write_unsigned(key.len() as u64, out);
        out.extend_from_slice(key);
        let begin = out.len();
        self.encode_contents(table, partition, out)?;
        self.contents.push(begin..out.len());
        Ok(())
    }

    /// Appends what follows the key of an update.
    fn encode_contents(
        &mut self,
        table: &TableLayout,
        partition: &Partition,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if partition.is_empty() {
            out.push(IS_EMPTY);
            return Ok(());
        }
        let (header, row_count) = self.header_of(table, partition)?;
        let has_deletion = !partition.deletion.is_live();
        let has_static_row = !partition.static_row.is_empty();
        let mut flags = HAS_ROW_ESTIMATE;
        if has_deletion {
            flags |= HAS_PARTITION_DELETION;
        }
        if has_static_row {
            flags |= HAS_STATIC_ROW;
        }
        out.push(flags);
        header.stats.write(out);
        if has_static_row {
            header.static_columns.write_names(out);
        }
        header.regular_columns.write_names(out);
        if has_deletion {
            header.stats.write_deletion_time(partition.deletion, out)?;
        }
        if has_static_row {
            self.writer
                .write_static_row(&partition.static_row, &header, out)?;
        }
        vint::write_unsigned(row_count, out);
        for unfiltered in unfiltereds(partition) {
            self.writer.write_view(unfiltered, &header, out)?;
        }
        self.writer.write_end_of_partition(out);
        Ok(())
    }

    /// Columns and smallest times of an update, and the number of its rows, in one pass.
    fn header_of(
        &mut self,
        table: &TableLayout,
        partition: &Partition,
    ) -> Result<(SerializationHeader, u64), EncodeError> {
        let all = table.header();
        self.static_columns.clear(all.static_columns.len());
        self.regular_columns.clear(all.regular_columns.len());
        let mut stats = EncodingStatsCollector::new();
        stats.update_deletion(partition.deletion);
        for tombstone in partition.range_tombstones.iter() {
            stats.update_deletion(tombstone.deletion);
        }
        stats.update_row(&partition.static_row);
        mark_columns(
            &partition.static_row,
            &all.static_columns,
            &mut self.static_columns,
        )?;
        let mut row_count = 0;
        let is_known = |row: &&Row| !row.is_empty();
        for row in partition.rows.values().filter(is_known) {
            stats.update_row(row);
            mark_columns(row, &all.regular_columns, &mut self.regular_columns)?;
            row_count += 1;
        }
        let header = SerializationHeader {
            static_columns: all.static_columns.subset(&self.static_columns),
            regular_columns: all.regular_columns.subset(&self.regular_columns),
            stats: stats.finish(),
            ..all.clone()
        };
        Ok((header, row_count))
    }
}
