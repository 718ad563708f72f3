//! Mutations of every kind, right and wrong: what is taken is the same in memory, after a replay and in files.

use crate::bench::{TABLE, key, mutation, open};
use proptest::collection::vec;
use proptest::prelude::*;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{TableMetadata, TableMetadataBuilder};
use thymbra_storage::read::ClusteringSlice;
use thymbra_storage::{SimulatedDisk, StorageEngine};
use thymbra_types::clustering::BoundSide;
use thymbra_types::{
    Cell, CellKind, CellName, Clustering, ClusteringBound, ColumnName, DeletionTime, LivenessInfo,
    LocalDeletionTime, Partition, RangeTombstone, Reference, Row, Timestamp, Ttl,
};

fn map() -> AbstractType {
    AbstractType::Map {
        keys: Box::new(AbstractType::Int32),
        values: Box::new(AbstractType::Utf8),
        is_multicell: true,
    }
}

fn definition() -> TableMetadataBuilder {
    TableMetadata::builder("ks", "t", TABLE)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("c1", AbstractType::Int32)
        .clustering_descending("c2", AbstractType::Utf8)
        .regular_column("v", AbstractType::Utf8)
        .regular_column("i", AbstractType::Int32)
        .regular_column("m", map())
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    let edges = prop::sample::select(vec![i64::MIN, i64::MIN + 1, -1, i64::MAX]);
    prop_oneof![1 => edges, 12 => 0..20_i64].prop_map(Timestamp)
}

fn seconds() -> impl Strategy<Value = LocalDeletionTime> {
    let max = i64::from(i32::MAX);
    let edges = prop::sample::select(vec![i64::MIN, -1, 0, max - 1, max, i64::MAX]);
    prop_oneof![1 => edges, 12 => 1_700_000_000..1_700_000_009_i64].prop_map(LocalDeletionTime)
}

fn deletion() -> impl Strategy<Value = DeletionTime> {
    let any = (timestamp(), seconds()).prop_map(|(marked_for_delete_at, local_deletion_time)| DeletionTime {
        marked_for_delete_at,
        local_deletion_time,
    });
    prop_oneof![6 => Just(DeletionTime::LIVE), 1 => any]
}

fn ttl() -> impl Strategy<Value = Ttl> {
    prop::sample::select(vec![1, 7, 630_720_000]).prop_map(|seconds| Ttl::new(seconds).expect("a TTL"))
}

fn liveness() -> impl Strategy<Value = LivenessInfo> {
    prop_oneof![
        3 => Just(LivenessInfo::EMPTY),
        2 => timestamp().prop_map(LivenessInfo::live),
        1 => (timestamp(), ttl(), seconds()).prop_map(|(at, ttl, end)| LivenessInfo::expiring(at, ttl, end)),
    ]
}

fn cell() -> impl Strategy<Value = Cell> {
    let kind = prop_oneof![
        4 => Just(CellKind::Live),
        2 => seconds().prop_map(|local_deletion_time| CellKind::Tombstone { local_deletion_time }),
        1 => (ttl(), seconds()).prop_map(|(ttl, local_deletion_time)| CellKind::Expiring {
            ttl,
            local_deletion_time,
        }),
    ];
    let value = prop_oneof![Just(vec![]), Just(vec![0, 0, 0, 1]), vec(any::<u8>(), 0..4)];
    (timestamp(), kind, value).prop_map(|(timestamp, kind, value)| Cell {
        timestamp,
        kind,
        value: value.into(),
    })
}

fn cell_name() -> impl Strategy<Value = CellName> {
    let column = || prop::sample::select(vec!["v", "i", "m", "s", "sm", "zz"]);
    let path = prop_oneof![Just(vec![0, 0, 0, 1]), Just(vec![0, 1]), Just(vec![])];
    prop_oneof![
        column().prop_map(CellName::simple),
        (column(), path).prop_map(|(column, path)| CellName::element(column, path)),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    let columns = prop::sample::select(vec!["v", "m", "s", "sm"]);
    let complex = vec(
        (columns.prop_map(|name| ColumnName(name.into())), deletion()),
        0..2,
    );
    (liveness(), deletion(), vec((cell_name(), cell()), 0..3), complex).prop_map(
        |(liveness, deletion, cells, complex)| {
            let mut row = Row {
                liveness,
                deletion,
                ..Row::default()
            };
            row.cells.extend(cells);
            row.complex_deletions.extend(complex);
            row
        },
    )
}

fn clustering() -> impl Strategy<Value = Clustering> {
    let int = |number: i32| AbstractType::Int32.to_comparable(&number.to_be_bytes());
    let text =
        |text: &str| AbstractType::Reversed(Box::new(AbstractType::Utf8)).to_comparable(text.as_bytes());
    let right = (0..3_i32, prop::sample::select(vec!["", "a", "b"]))
        .prop_map(move |(number, value)| Clustering(vec![int(number), text(value)]));
    let wrong = vec(vec(any::<u8>(), 0..6), 0..4);
    let wrong = wrong.prop_map(|parts| Clustering(parts.into_iter().map(Into::into).collect()));
    prop_oneof![12 => right, 1 => wrong]
}

fn range_tombstone() -> impl Strategy<Value = RangeTombstone> {
    let bound = || {
        let side = prop::sample::select(vec![BoundSide::Before, BoundSide::After]);
        (clustering(), 0..3_usize, side).prop_map(|(mut prefix, length, side)| {
            prefix.0.truncate(length);
            ClusteringBound { prefix, side }
        })
    };
    (bound(), bound(), deletion()).prop_map(|(start, end, deletion)| RangeTombstone { start, end, deletion })
}

fn update() -> impl Strategy<Value = Partition> {
    let static_row = prop_oneof![2 => Just(Row::default()), 1 => row()];
    (
        deletion(),
        static_row,
        vec((clustering(), row()), 0..3),
        prop::option::weighted(0.2, range_tombstone()),
    )
        .prop_map(|(deletion, static_row, rows, range)| {
            let mut update = Partition {
                deletion,
                static_row,
                ..Partition::default()
            };
            update.rows.extend(rows);
            if let Some(range) = range {
                update.range_tombstones.add(range, &Reference);
            }
            update
        })
}

/// All that is known of the partition.
fn known(engine: &StorageEngine) -> Partition {
    engine
        .read_partition(TABLE, &key("a"), &ClusteringSlice::ALL)
        .expect("the partition is read")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    //= WP-MF-07 check
    /// A static row that is alive, or deleted, has no form in an SSTable.
    #[test]
    fn whatever_is_taken_can_be_replayed_flushed_and_compacted(
        updates in vec(update(), 1..5),
        has_static in any::<bool>(),
    ) {
        let disk = SimulatedDisk::new();
        let mut engine = open(&disk);
        engine.create_keyspace("ks", true).expect("a new keyspace");
        let table = match has_static {
            true => definition()
                .static_column("s", AbstractType::Utf8)
                .static_column("sm", map()),
            false => definition(),
        };
        engine
            .create_table(table.build().expect("a valid table"))
            .expect("a new table");
        for update in updates {
            // What is not taken changes nothing.
            let before = known(&engine);
            if engine.apply(mutation(TABLE, key("a"), update)).is_err() {
                prop_assert_eq!(known(&engine), before);
            }
        }
        let written = known(&engine);
        let other_disk = disk.fork();
        engine.flush(TABLE).expect("a flush");
        prop_assert_eq!(&known(&engine), &written, "flushed");
        drop(engine);
        engine = open(&other_disk);
        prop_assert_eq!(&known(&engine), &written, "replayed, and flushed");
        for disk in [&disk, &other_disk] {
            engine = open(disk);
            engine.compact(TABLE).expect("a compaction");
            let compacted = known(&engine);
            drop(engine);
            prop_assert_eq!(known(&open(disk)), compacted, "compacted");
        }
    }
}
