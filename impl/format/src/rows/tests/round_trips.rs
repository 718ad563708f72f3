//! What is written comes back, in both forms.

use super::arbitrary::{Case, case, complex_row_case, single_row_case};
use super::columns;
use crate::cursor::Cursor;
use crate::marshal::AbstractType;
use crate::mutation::{MutationEncoder, TableLayout, UpdateDecoder, decode_mutation};
use crate::rows::columns::ColumnSet;
use crate::rows::encoding_stats::{EncodingStats, EncodingStatsCollector};
use crate::rows::header::SerializationHeader;
use crate::rows::partition::{PartitionHeader, read_partition, write_partition, write_partition_header};
use crate::rows::unfiltered::{Unfiltered, UnfilteredForm, UnfilteredReader, UnfilteredWriter};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use thymbra_types::sorted_map::SortedMap;
use thymbra_types::{
    Cell, CellName, DecoratedKey, DeletionTime, Mutation, Partition, Partitioner, Row, TableId, Timestamp,
};

const KEY: &[u8] = b"key";

/// A partition of `Data.db`.
pub(super) fn written(case: &Case) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = UnfilteredWriter::new(UnfilteredForm::SsTable);
    write_partition(KEY, &case.partition, &case.header, &mut writer, &mut out).expect("the header fits");
    out
}

fn with_stats(case: &Case, stats: EncodingStats) -> Case {
    Case {
        header: SerializationHeader {
            stats,
            ..case.header.clone()
        },
        partition: case.partition.clone(),
    }
}

/// A table with the columns of a header, and a mutation of one partition.
fn mutation_of(case: &Case) -> (BTreeMap<TableId, TableLayout>, Mutation) {
    let id = TableId(7);
    let header = &case.header;
    let layout = TableLayout::new(
        id,
        "ks",
        AbstractType::Bytes,
        Arc::clone(&header.clustering_types),
        header.static_columns.clone(),
        header.regular_columns.clone(),
    );
    let mutation = Mutation {
        keyspace: "ks".into(),
        key: DecoratedKey::new(Partitioner::Murmur3, KEY),
        updates: SortedMap::from([(id, case.partition.clone())]),
    };
    (BTreeMap::from([(id, layout)]), mutation)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn partitions_of_sstables_come_back(case in case()) {
        let bytes = written(&case);
        let mut cursor = Cursor::new(&bytes);
        let (key, partition) = read_partition(&mut cursor, &case.header)?;
        prop_assert_eq!(key, KEY);
        prop_assert_eq!(partition, case.partition);
        prop_assert!(cursor.is_at_end());
    }

    /// A row that stays in the bytes of its update gives the bytes that the row itself gives.
    #[test]
    fn single_rows_are_written_as_they_were_read(case in single_row_case(), min_timestamp in any::<i64>()) {
        let (schema, mutation) = mutation_of(&case);
        let mut encoder = MutationEncoder::default();
        let mut encoded = Vec::new();
        encoder.encode(&mutation, &schema, &mut encoded)?;
        let contents = &encoded[encoder.contents()[0].clone()];
        let layout = schema.values().next().expect("there is a table");
        let mut decoder = UpdateDecoder::new(layout);

        let partition = decoder.decode(contents)?;
        let row = decoder.single_row(contents).expect("there is nothing but cells of a row");
        prop_assert!(partition.rows.contains_key(row.clustering()));
        let header = with_stats(&case, EncodingStats { min_timestamp: Timestamp(min_timestamp), ..case.header.stats }).header;
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        let mut writer = UnfilteredWriter::new(UnfilteredForm::SsTable);
        write_partition(KEY, &partition, &header, &mut writer, &mut expected)?;
        write_partition_header(KEY, DeletionTime::LIVE, &Row::default(), &header, &mut writer, &mut found)?;
        writer.write_single_row(&row, &header, &mut found)?;
        writer.write_end_of_partition(&mut found);
        prop_assert_eq!(found, expected);

        let (mut of_partition, mut of_row) = (EncodingStatsCollector::new(), EncodingStatsCollector::new());
        of_partition.update_partition(&partition);
        of_row.update_single_row(&row);
        prop_assert_eq!(of_row.finish(), of_partition.finish());
        for cut in 0..contents.len() {
            prop_assert!(decoder.single_row(&contents[..cut]).is_none());
        }
    }

    /// What a partition in normal form leaves out is for whoever makes partitions.
    #[test]
    fn rows_that_partitions_leave_out_are_no_single_rows(case in single_row_case()) {
        let contents_of = |change: &dyn Fn(&mut Row)| {
            let mut case = case.clone();
            let (clustering, mut row) = case.partition.rows.iter().next().map(|(at, row)| (at.clone(), row.clone())).expect("there is a row");
            change(&mut row);
            let is_empty = row.is_empty();
            case.partition.rows = SortedMap::from([(clustering, row)]);
            let (schema, mutation) = mutation_of(&case);
            let mut encoder = MutationEncoder::default();
            let mut encoded = Vec::new();
            encoder.encode(&mutation, &schema, &mut encoded).expect("the schema fits");
            let contents = encoded[encoder.contents()[0].clone()].to_vec();
            (is_empty, contents)
        };
        let layout = mutation_of(&case).0.into_values().next().expect("there is a table");
        let mut decoder = UpdateDecoder::new(&layout);
        // A cell that even no deletion deletes.
        let (_, contents) = contents_of(&|row| {
            row.cells.retain(|_, cell| { cell.timestamp = Timestamp::UNSET; true });
        });
        let has_cells = case.partition.rows.values().any(|row| !row.cells.is_empty());
        prop_assert_eq!(decoder.single_row(&contents).is_some(), !has_cells);
        // The bytes of a row that ends too early, and of one that goes on.
        let (_, mut contents) = contents_of(&|_| {});
        prop_assert!(decoder.single_row(&contents).is_some());
        let end = contents.pop().expect("the end of the partition");
        contents.push(end ^ 2);
        prop_assert!(decoder.single_row(&contents).is_none());
        contents.pop();
        contents.extend([end, end]);
        prop_assert!(decoder.single_row(&contents).is_none());
    }

    /// Whatever is more than cells of one row is taken apart.
    #[test]
    fn no_more_than_cells_of_a_row_is_a_single_row(case in prop_oneof![case(), complex_row_case()]) {
        let (schema, mutation) = mutation_of(&case);
        let mut encoder = MutationEncoder::default();
        let mut encoded = Vec::new();
        encoder.encode(&mutation, &schema, &mut encoded)?;
        let contents = &encoded[encoder.contents()[0].clone()];
        let mut decoder = UpdateDecoder::new(schema.values().next().expect("there is a table"));
        if let Some(row) = decoder.single_row(contents) {
            let known = case.partition.rows.get(row.clustering()).expect("the row is there");
            let cells = known.cells.values().map(Cell::view);
            prop_assert!(row.cells().eq(cells));
            let columns = known.cells.keys().map(|name| &name.column);
            prop_assert!(row.columns().iter().map(|column| column.name()).eq(columns));
            let alone = Partition {
                rows: SortedMap::from([(row.clustering().clone(), Row {
                    liveness: row.liveness(),
                    cells: known.cells.clone(),
                    ..Row::default()
                })]),
                ..Partition::default()
            };
            prop_assert_eq!(alone, case.partition);
        }
    }

    #[test]
    fn rows_are_written_as_they_were_read(case in case()) {
        let bytes = written(&case);
        let mut cursor = Cursor::new(&bytes);
        let begun = PartitionHeader::read(&mut cursor, &case.header)?;
        let mut writer = UnfilteredWriter::new(UnfilteredForm::SsTable);
        let mut out = Vec::new();
        write_partition_header(begun.key, begun.deletion, &begun.static_row, &case.header, &mut writer, &mut out)?;
        let mut reader = UnfilteredReader::new(cursor, &case.header, UnfilteredForm::SsTable);
        while let Some(unfiltered) = reader.next()? {
            writer.write(&unfiltered, &case.header, &mut out)?;
        }
        writer.write_end_of_partition(&mut out);
        prop_assert_eq!(out, bytes);
    }

    #[test]
    fn wanted_rows_are_found_among_those_that_are_passed_over(case in case(), wanted in any::<u8>()) {
        let bytes = written(&case);
        let read = |is_wanted: &dyn Fn(usize) -> bool| {
            let mut cursor = Cursor::new(&bytes);
            PartitionHeader::read(&mut cursor, &case.header).expect("it was written");
            let mut reader = UnfilteredReader::new(cursor, &case.header, UnfilteredForm::SsTable);
            let (mut seen, mut found) = (0, Vec::new());
            let mut choose = |_: &_| {
                seen += 1;
                is_wanted(seen - 1)
            };
            while let Some(unfiltered) = reader.next_where(&mut choose).expect("it was written") {
                found.push(unfiltered);
            }
            found
        };
        let is_wanted = |index: usize| wanted & (1 << (index % 8)) != 0;
        let mut row_index = 0;
        let expected: Vec<Unfiltered> = read(&|_| true)
            .into_iter()
            .filter(|unfiltered| match unfiltered {
                Unfiltered::Marker(_) => true,
                Unfiltered::Row { .. } => {
                    row_index += 1;
                    is_wanted(row_index - 1)
                }
            })
            .collect();
        prop_assert_eq!(read(&is_wanted), expected);
    }

    #[test]
    fn larger_minima_than_the_true_ones_are_readable(case in case(), shift in 1..1000_i32) {
        let stats = case.header.stats;
        let case = with_stats(&case, EncodingStats {
            min_timestamp: Timestamp(stats.min_timestamp.0.wrapping_add(i64::from(shift))),
            min_local_deletion_time_seconds: stats.min_local_deletion_time_seconds.wrapping_add(shift),
            min_ttl_seconds: stats.min_ttl_seconds.wrapping_add(shift),
        });
        let (_, partition) = read_partition(&mut Cursor::new(&written(&case)), &case.header)?;
        prop_assert_eq!(partition, case.partition);
    }

    #[test]
    fn mutations_come_back(case in case()) {
        let (schema, mutation) = mutation_of(&case);
        let mut bytes = Vec::new();
        MutationEncoder::new().encode(&mutation, &schema, &mut bytes)?;
        prop_assert_eq!(decode_mutation(&bytes, 0, &schema, Partitioner::Murmur3)?, mutation);
        let mut again = Vec::new();
        let mut encoder = MutationEncoder::new();
        encoder.encode(&mutation_of(&with_stats(&case, EncodingStats::NO_STATS)).1, &schema, &mut again)?;
        prop_assert_eq!(bytes, again, "an encoder keeps nothing of the last mutation");
    }

    #[test]
    fn minima_are_those_of_the_partition(case in case()) {
        let stats = case.header.stats;
        let mut out = Vec::new();
        stats.write(&mut out);
        prop_assert_eq!(EncodingStats::read(&mut Cursor::new(&out))?, stats);
        let timestamps = case.partition.rows.values().flat_map(|row| row.cells.values()).map(|cell| cell.timestamp);
        prop_assert!(timestamps.min().is_none_or(|smallest| stats.min_timestamp <= smallest));
    }
}

#[test]
fn encoder_keeps_nothing_of_a_failed_mutation() {
    let header = SerializationHeader {
        key_type: Arc::new(AbstractType::Bytes),
        clustering_types: [].into(),
        static_columns: columns(&[]),
        regular_columns: columns(&[("a", AbstractType::Int32), ("b", AbstractType::Int32)]),
        stats: EncodingStats::NO_STATS,
    };
    let case_of = |column: &str, value: &[u8]| {
        let mut row = Row::default();
        row.cells
            .insert(CellName::simple(column), Cell::live(Timestamp(1), value));
        let mut partition = Partition::default();
        partition.rows.insert(thymbra_types::Clustering::default(), row);
        Case {
            header: header.clone(),
            partition,
        }
    };
    let mut encoder = MutationEncoder::new();
    let mut encode = |case: &Case| {
        let (schema, mutation) = mutation_of(case);
        let mut out = Vec::new();
        encoder.encode(&mutation, &schema, &mut out).map(|()| out)
    };
    let first = encode(&case_of("b", &[0, 0, 0, 1])).expect("it fits");
    assert!(encode(&case_of("a", &[0])).is_err(), "a value of the wrong size");
    assert!(encode(&case_of("c", &[0, 0, 0, 1])).is_err(), "an unknown column");
    assert_eq!(encode(&case_of("b", &[0, 0, 0, 1])), Ok(first));
    assert!(ColumnSet::none_of(0).is_all());
}
