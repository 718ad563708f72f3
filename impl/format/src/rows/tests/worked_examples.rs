//! Bytes of real files, which the facts about the formats explain one by one.

use super::columns;
use crate::cursor::hexadecimal;
use crate::marshal::AbstractType;
use crate::rows::clustering_comparator::ClusteringComparator;
use crate::rows::clustering_values::ClusteringValues;
use crate::rows::encoding_stats::{EncodingStats, EncodingStatsCollector};
use crate::rows::header::SerializationHeader;
use crate::rows::marker::MarkerChange;
use crate::rows::partition::{UnfilteredView, unfiltereds, write_partition};
use crate::rows::unfiltered::{UnfilteredForm, UnfilteredWriter};
use std::sync::Arc;
use thymbra_types::clustering::BoundSide;
use thymbra_types::{
    Cell, CellName, Clustering, ClusteringBound, ColumnName, DeletionTime, LivenessInfo, LocalDeletionTime,
    Partition, RangeTombstone, Row, Timestamp, Ttl,
};

const T: i64 = 1_700_000_000_000_000;
const NOW: LocalDeletionTime = LocalDeletionTime(1_795_245_360);

fn stats(min_timestamp: i64) -> EncodingStats {
    EncodingStats {
        min_timestamp: Timestamp(min_timestamp),
        min_local_deletion_time_seconds: i32::try_from(NOW.0).expect("before 2038"),
        min_ttl_seconds: 0,
    }
}

fn deletion(timestamp: i64) -> DeletionTime {
    DeletionTime::new(Timestamp(timestamp), NOW)
}

fn collection(elements: AbstractType, is_list: bool) -> AbstractType {
    let (elements, is_multicell) = (Box::new(elements), true);
    if is_list {
        AbstractType::List {
            elements,
            is_multicell,
        }
    } else {
        AbstractType::Set {
            elements,
            is_multicell,
        }
    }
}

fn inserted(timestamp: i64) -> Row {
    Row {
        liveness: LivenessInfo::live(Timestamp(timestamp)),
        ..Row::default()
    }
}

fn hexadecimal_of(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_lowercase()
}

#[test]
fn partition_of_few_cols_has_its_bytes() {
    let header = SerializationHeader {
        key_type: Arc::new(AbstractType::Int32),
        clustering_types: [AbstractType::Int32].into(),
        static_columns: columns(&[]),
        regular_columns: columns(&[
            ("a", AbstractType::Int32),
            ("b", AbstractType::Utf8),
            ("c", collection(AbstractType::Int32, false)),
            ("d", AbstractType::Utf8),
        ]),
        stats: stats(T - 1),
    };
    let live = |value: &[u8]| Cell::live(Timestamp(T), value);
    let (mut first, mut second) = (inserted(T), inserted(T));
    first.cells.insert(CellName::simple("a"), live(&[0, 0, 0, 1]));
    first.cells.insert(CellName::simple("d"), live(b"d"));
    second.cells.insert(CellName::simple("b"), live(b"b"));
    for element in [1, 2] {
        second
            .cells
            .insert(CellName::element("c", [0, 0, 0, element]), live(&[]));
    }
    second
        .complex_deletions
        .insert(ColumnName("c".into()), deletion(T - 1));
    let comparator = ClusteringComparator::new(&header.clustering_types);
    let mut partition = Partition::default();
    for (clustering, row) in [(1, first), (2, second), (3, inserted(T))] {
        let values = ClusteringValues::of([[0, 0, 0, clustering]]);
        let clustering = comparator.to_clustering(values).expect("nothing is null");
        partition.rows.insert(clustering, row);
    }

    let mut out = Vec::new();
    let mut writer = UnfilteredWriter::new(UnfilteredForm::SsTable);
    write_partition(&[0, 0, 0, 1], &partition, &header, &mut writer, &mut out).expect("it fits");
    let expected = "0004 00000001 7FFFFFFF 8000000000000000
        04 00 00000001 0B 12 01 0A 08 00000001 08 01 64
        44 00 00000002 15 12 01 05 08 01 62 00 00 02 0C 04 00000001 0C 04 00000002
        04 00 00000003 03 1C 01 0F
        01";
    assert_eq!(hexadecimal(&out), hexadecimal_of(expected));
}

/// The header of table `tombs`.
fn tombs() -> SerializationHeader {
    SerializationHeader {
        key_type: Arc::new(AbstractType::Int32),
        clustering_types: [AbstractType::Int32, AbstractType::Utf8].into(),
        static_columns: columns(&[]),
        regular_columns: columns(&[
            ("v1", AbstractType::Utf8),
            ("v2", collection(AbstractType::Int32, true)),
        ]),
        stats: EncodingStats {
            min_ttl_seconds: 86_400_000,
            ..stats(T)
        },
    }
}

fn clustering(values: &[&[u8]]) -> Clustering {
    let values = ClusteringValues::of(values.iter().copied());
    let header = tombs();
    let comparator = ClusteringComparator::new(&header.clustering_types);
    comparator.to_clustering(values).expect("nothing is null")
}

/// What is written behind something of 0x42 bytes.
fn written_behind(unfiltered: &[UnfilteredView<'_>]) -> String {
    let mut writer = UnfilteredWriter::new(UnfilteredForm::SsTable);
    writer.begin_partition(0x42);
    let mut out = Vec::new();
    for unfiltered in unfiltered {
        writer
            .write_view(*unfiltered, &tombs(), &mut out)
            .expect("it fits");
    }
    hexadecimal(&out)
}

#[test]
fn range_tombstone_of_tombs_has_its_bytes() {
    let bound = |side| ClusteringBound {
        prefix: clustering(&[&[0, 0, 0, 1]]),
        side,
    };
    let (start, end) = (bound(BoundSide::Before), bound(BoundSide::After));
    let markers = [
        UnfilteredView::Marker {
            bound: &start,
            change: MarkerChange::Open(deletion(T + 100)),
        },
        UnfilteredView::Marker {
            bound: &end,
            change: MarkerChange::Close(deletion(T + 100)),
        },
    ];
    let expected = "02 01 0001 00 00000001 03 42 64 00
        02 06 0001 00 00000001 03 0D 64 00";
    assert_eq!(written_behind(&markers), hexadecimal_of(expected));
}

#[test]
fn deleted_and_expiring_rows_of_tombs_have_their_bytes() {
    let deleted = Row {
        deletion: deletion(T + 100),
        ..Row::default()
    };
    let place = clustering(&[&[0, 0, 0, 2], b"y"]);
    let view = UnfilteredView::Row {
        clustering: &place,
        row: &deleted,
    };
    assert_eq!(
        written_behind(&[view]),
        hexadecimal_of("10 00 00000002 01 79 04 42 64 00 03")
    );

    let ttl = Ttl::new(315_360_000).expect("ten years");
    let (timestamp, expiration) = (Timestamp(T + 100), LocalDeletionTime(NOW.0 + 315_360_000));
    let mut expiring = Row {
        liveness: LivenessInfo::expiring(timestamp, ttl, expiration),
        ..Row::default()
    };
    expiring.cells.insert(
        CellName::simple("v1"),
        Cell::expiring(timestamp, ttl, expiration, *b"expires"),
    );
    let place = clustering(&[&[0, 0, 0, 5], b"ttl"]);
    let view = UnfilteredView::Row {
        clustering: &place,
        row: &expiring,
    };
    let expected = "0C 00 00000005 03 74746C 15 42 64 EDA5A700 F012CC0300 02
        1A 07 65787069726573";
    assert_eq!(written_behind(&[view]), hexadecimal_of(expected));
}

#[test]
fn place_of_a_static_row_is_filled_even_without_one() {
    let header = SerializationHeader {
        static_columns: columns(&[("s1", AbstractType::Utf8), ("s2", AbstractType::Int32)]),
        ..tombs()
    };
    let mut out = Vec::new();
    let mut writer = UnfilteredWriter::new(UnfilteredForm::SsTable);
    write_partition(&[7], &Partition::default(), &header, &mut writer, &mut out).expect("it fits");
    let expected = "0001 07 7FFFFFFF 8000000000000000 80 01 02 00 03 01";
    assert_eq!(hexadecimal(&out), hexadecimal_of(expected));
}

#[test]
fn ranges_that_touch_share_a_marker_and_rows_stand_between_markers() {
    let bound = |number: u8, side| ClusteringBound {
        prefix: clustering(&[&[0, 0, 0, number]]),
        side,
    };
    let range = |start, end, timestamp| RangeTombstone {
        start,
        end,
        deletion: deletion(timestamp),
    };
    let (before, after) = (BoundSide::Before, BoundSide::After);
    let mut partition = Partition {
        range_tombstones: [
            range(bound(1, before), bound(2, before), 1),
            range(bound(2, before), bound(2, after), 2),
            range(bound(3, after), bound(4, before), 3),
        ]
        .into_iter()
        .collect(),
        ..Partition::default()
    };
    for number in 0..6 {
        let place = clustering(&[&[0, 0, 0, number], b""]);
        partition.rows.insert(place, inserted(i64::from(number)));
    }
    let empty = clustering(&[&[0, 0, 0, 9], b""]);
    partition.rows.insert(empty, Row::default());

    let shown: Vec<String> = unfiltereds(&partition)
        .map(|unfiltered| match unfiltered {
            UnfilteredView::Row { row, .. } => format!("row {}", row.liveness.timestamp.0),
            UnfilteredView::Marker { change, .. } => {
                let timestamp = |deletion: Option<DeletionTime>| {
                    deletion.map_or(0, |deletion| deletion.marked_for_delete_at.0)
                };
                format!(
                    "{} to {}",
                    timestamp(change.closing()),
                    timestamp(change.opening())
                )
            }
        })
        .collect();
    let expected = [
        "row 0", "0 to 1", "row 1", "1 to 2", "row 2", "2 to 0", "row 3", "0 to 3", "3 to 0", "row 4",
        "row 5",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn minima_see_every_part_and_nothing_that_is_live() {
    let seconds = |seconds: i64| LocalDeletionTime(seconds);
    let minima = |see: &dyn Fn(&mut EncodingStatsCollector)| {
        let mut collector = EncodingStatsCollector::new();
        see(&mut collector);
        collector.finish()
    };
    let none = EncodingStats::NO_STATS;
    assert_eq!(minima(&|_| ()), none);
    assert_eq!(minima(&|collector| collector.update_row(&Row::default())), none);
    assert_eq!(
        minima(&|collector| collector.update_deletion(DeletionTime::LIVE)),
        none
    );
    let ttl = Ttl::new(9).expect("a TTL");
    let liveness = LivenessInfo::expiring(Timestamp(5), ttl, seconds(50));
    let mut row = Row {
        liveness,
        deletion: DeletionTime::new(Timestamp(6), seconds(60)),
        ..Row::default()
    };
    let expected = |timestamp, seconds, ttl| EncodingStats {
        min_timestamp: Timestamp(timestamp),
        min_local_deletion_time_seconds: seconds,
        min_ttl_seconds: ttl,
    };
    assert_eq!(
        minima(&|collector| collector.update_row(&row)),
        expected(5, 50, 9)
    );
    row.complex_deletions.insert(
        ColumnName("c".into()),
        DeletionTime::new(Timestamp(4), seconds(40)),
    );
    assert_eq!(
        minima(&|collector| collector.update_row(&row)),
        expected(4, 40, 9)
    );
    let shorter = Ttl::new(8).expect("a TTL");
    let cell = Cell::expiring(Timestamp(3), shorter, seconds(30), *b"v");
    row.cells.insert(CellName::simple("v"), cell);
    assert_eq!(
        minima(&|collector| collector.update_row(&row)),
        expected(3, 30, 8)
    );
    let cell = Cell::tombstone(Timestamp(2), seconds(20));
    row.cells.insert(CellName::simple("w"), cell);
    assert_eq!(
        minima(&|collector| collector.update_row(&row)),
        expected(2, 20, 8)
    );
}

#[test]
fn minima_merge_to_the_smaller_of_what_was_seen() {
    let none = EncodingStats::NO_STATS;
    let seen = EncodingStats {
        min_timestamp: Timestamp(T),
        ..none
    };
    let older = EncodingStats {
        min_timestamp: Timestamp(1),
        min_local_deletion_time_seconds: 1_700_000_000,
        min_ttl_seconds: 5,
    };
    assert_eq!(none.merge(seen), seen);
    assert_eq!(seen.merge(none), seen);
    assert_eq!(seen.merge(older), older);
    assert_eq!(older.merge(seen), older);
}
