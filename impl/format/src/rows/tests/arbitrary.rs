//! Tables and partitions of property tests.
//!
//! Columns have any type, so that each form of a value and of a path is written; times are near each
//! other, far away, or shared between a row and its cells.

use crate::marshal::{AbstractType, arbitrary};
use crate::rows::clustering_comparator::ClusteringComparator;
use crate::rows::clustering_values::ClusteringValues;
use crate::rows::columns::{Column, Columns};
use crate::rows::encoding_stats::EncodingStatsCollector;
use crate::rows::header::SerializationHeader;
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use thymbra_types::clustering::BoundSide;
use thymbra_types::sorted_map::SortedMap;
use thymbra_types::{
    Cell, CellKind, CellName, CellPath, Clustering, ClusteringBound, ColumnName, DeletionTime, LivenessInfo,
    LivenessKind, LocalDeletionTime, Partition, RangeTombstone, Reference, Row, Timestamp, Ttl,
};

/// A table, and what is known of one of its partitions.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// Types and columns; its times are the smallest of the partition.
    pub(super) header: SerializationHeader,
    /// Rows, markers, a deletion, a static row.
    pub(super) partition: Partition,
}

/// Any table with any partition.
pub(super) fn case() -> impl Strategy<Value = Case> {
    table().prop_flat_map(|header| {
        partition(&header).prop_map(move |partition| with_smallest_times(&header, partition))
    })
}

fn with_smallest_times(header: &SerializationHeader, partition: Partition) -> Case {
    let mut stats = EncodingStatsCollector::new();
    stats.update_partition(&partition);
    Case {
        header: SerializationHeader {
            stats: stats.finish(),
            ..header.clone()
        },
        partition,
    }
}

/// Any table with a partition of one row that has nothing but liveness and cells of simple columns.
pub(super) fn single_row_case() -> impl Strategy<Value = Case> {
    one_row_case(|name| name.path.is_none())
}

/// The same with cells of complex columns too.
pub(super) fn complex_row_case() -> impl Strategy<Value = Case> {
    one_row_case(|_| true)
}

fn one_row_case(is_kept: fn(&CellName) -> bool) -> impl Strategy<Value = Case> {
    table().prop_flat_map(move |header| {
        let types = Arc::clone(&header.clustering_types);
        let rows = (
            clustering(&types, types.len()),
            row(&header.regular_columns, false),
        );
        let rows = rows.prop_map(move |(clustering, mut row)| {
            row.deletion = DeletionTime::LIVE;
            row.complex_deletions = SortedMap::default();
            row.cells.retain(|name, _| is_kept(name));
            (clustering, row)
        });
        let header = header.clone();
        rows.prop_filter_map("an empty row", move |(clustering, row)| {
            let is_empty = row.is_empty();
            let partition = Partition {
                rows: SortedMap::from([(clustering, row)]),
                ..Partition::default()
            };
            (!is_empty).then(|| with_smallest_times(&header, partition))
        })
    })
}

fn table() -> impl Strategy<Value = SerializationHeader> {
    let clustering_type = prop_oneof![
        Just(AbstractType::Int32),
        Just(AbstractType::Utf8),
        arbitrary::any_type().prop_map(AbstractType::freeze),
    ];
    let names = || prop::collection::btree_set("[a-zA-Z]{1,3}", 0..5);
    let regular = prop_oneof![20 => names(), 1 => prop::collection::btree_set("[a-z]{2}", 60..70)];
    let types = || vec(arbitrary::any_type(), 6);
    (vec(clustering_type, 0..3), names(), regular, types()).prop_map(
        |(clustering_types, static_names, regular_names, types)| {
            let columns = |names: std::collections::BTreeSet<String>| {
                Columns::new(
                    names
                        .into_iter()
                        .zip(types.iter().cycle())
                        .map(|(name, column_type)| {
                            Arc::new(Column::new(ColumnName(name.into()), column_type.clone()))
                        }),
                )
            };
            SerializationHeader {
                key_type: Arc::new(AbstractType::Bytes),
                static_columns: columns(if clustering_types.is_empty() {
                    std::collections::BTreeSet::new()
                } else {
                    static_names
                }),
                clustering_types: clustering_types.into(),
                regular_columns: columns(regular_names),
                stats: crate::rows::EncodingStats::NO_STATS,
            }
        },
    )
}

fn partition(header: &SerializationHeader) -> impl Strategy<Value = Partition> + use<> {
    let types = Arc::clone(&header.clustering_types);
    let rows = vec(
        (
            clustering(&types, types.len()),
            row(&header.regular_columns, false),
        ),
        0..5,
    );
    let ranges = vec(range(&types), 0..4);
    let static_row = row(&header.static_columns, true);
    (maybe(deletion()), static_row, rows, ranges).prop_map(|(deletion, static_row, rows, ranges)| {
        let mut partition = Partition {
            deletion: deletion.unwrap_or_default(),
            static_row,
            ..Partition::default()
        };
        for (clustering, row) in rows {
            if !row.is_empty() {
                partition.rows.insert(clustering, row);
            }
        }
        for range in ranges {
            partition.range_tombstones.add(range, &Reference);
        }
        partition
    })
}

fn maybe<T: core::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.3, strategy)
}

/// The first components of a clustering.
fn clustering(
    types: &Arc<[AbstractType]>,
    component_count: usize,
) -> impl Strategy<Value = Clustering> + use<> {
    let types = Arc::clone(types);
    let values: Vec<_> = types.iter().take(component_count).map(arbitrary::value).collect();
    values.prop_map(move |values| {
        let values = ClusteringValues::of(values);
        let comparator = ClusteringComparator::new(&types);
        comparator.to_clustering(values).expect("nothing is null")
    })
}

fn bound(types: &Arc<[AbstractType]>) -> impl Strategy<Value = ClusteringBound> + use<> {
    let types = Arc::clone(types);
    (0..=types.len(), any::<bool>()).prop_flat_map(move |(component_count, is_before)| {
        clustering(&types, component_count).prop_map(move |prefix| ClusteringBound {
            prefix,
            side: if is_before {
                BoundSide::Before
            } else {
                BoundSide::After
            },
        })
    })
}

fn range(types: &Arc<[AbstractType]>) -> impl Strategy<Value = RangeTombstone> + use<> {
    (bound(types), bound(types), deletion()).prop_map(|(left, right, deletion)| RangeTombstone {
        start: left.clone().min(right.clone()),
        end: left.max(right),
        deletion,
    })
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        8 => 1_700_000_000_000_000..1_700_000_000_000_004_i64,
        2 => -3..3_i64,
        1 => (i64::MIN + 1)..=i64::MAX,
    ]
    .prop_map(Timestamp)
}

fn local_deletion_time() -> impl Strategy<Value = LocalDeletionTime> {
    prop_oneof![
        8 => 1_700_000_000..1_700_000_003_i64,
        1 => 0..=i64::from(i32::MAX - 1),
        1 => Just(i64::from(i32::MAX - 1)),
    ]
    .prop_map(LocalDeletionTime)
}

fn ttl() -> impl Strategy<Value = Ttl> {
    prop_oneof![
        Just(1),
        Just(86_400),
        Just(Ttl::MAX.seconds()),
        1..=Ttl::MAX.seconds()
    ]
    .prop_map(|seconds| Ttl::new(seconds).expect("a valid TTL"))
}

fn deletion() -> impl Strategy<Value = DeletionTime> {
    (timestamp(), local_deletion_time()).prop_map(|(timestamp, time)| DeletionTime::new(timestamp, time))
}

fn liveness() -> impl Strategy<Value = LivenessInfo> {
    prop_oneof![
        Just(LivenessInfo::EMPTY),
        timestamp().prop_map(LivenessInfo::live),
        (timestamp(), ttl(), local_deletion_time())
            .prop_map(|(timestamp, ttl, time)| LivenessInfo::expiring(timestamp, ttl, time)),
        (timestamp(), local_deletion_time()).prop_map(|(timestamp, local_expiration_time)| LivenessInfo {
            timestamp,
            kind: LivenessKind::Expired {
                local_expiration_time
            },
        }),
    ]
}

fn row(columns: &Columns, is_static: bool) -> impl Strategy<Value = Row> + use<> {
    let presence = prop_oneof![Just(0.99), Just(0.5), Just(0.05)];
    let columns: Vec<Arc<Column>> = columns.iter().cloned().collect();
    let liveness = if is_static {
        Just(LivenessInfo::EMPTY).boxed()
    } else {
        liveness().boxed()
    };
    let deletion = if is_static {
        Just(None).boxed()
    } else {
        maybe(deletion()).boxed()
    };
    (liveness, deletion, presence).prop_flat_map(move |(liveness, deletion, presence)| {
        let cells: Vec<_> = columns
            .iter()
            .map(|column| prop::option::weighted(presence, column_cells(column, liveness)))
            .collect();
        cells.prop_map(move |cells| {
            let mut row = Row {
                liveness,
                deletion: deletion.unwrap_or_default(),
                ..Row::default()
            };
            for (name, deletion, cells) in cells.into_iter().flatten() {
                if let Some(deletion) = deletion {
                    row.complex_deletions.insert(name.clone(), deletion);
                }
                for (path, cell) in cells {
                    let column = name.clone();
                    row.cells.insert(CellName { column, path }, cell);
                }
            }
            row
        })
    })
}

type ColumnCells = (ColumnName, Option<DeletionTime>, Vec<(Option<CellPath>, Cell)>);

fn column_cells(column: &Column, liveness: LivenessInfo) -> impl Strategy<Value = ColumnCells> + use<> {
    let name = column.name().clone();
    let Some(path_type) = column.column_type().path_type() else {
        let cell = cell(arbitrary::value(column.column_type()), liveness);
        return cell
            .prop_map(move |cell| (name.clone(), None, vec![(None, cell)]))
            .boxed();
    };
    let path = arbitrary::value(path_type).prop_map(|path| Some(CellPath(path.into())));
    let value = vec(any::<u8>(), 0..4).boxed();
    (maybe(deletion()), vec((path, cell(value, liveness)), 0..4))
        .prop_map(move |(deletion, cells)| (name.clone(), deletion, cells))
        .boxed()
}

fn cell(value: BoxedStrategy<Vec<u8>>, liveness: LivenessInfo) -> impl Strategy<Value = Cell> {
    let timestamp = if liveness.is_empty() {
        timestamp().boxed()
    } else {
        prop_oneof![Just(liveness.timestamp), timestamp()].boxed()
    };
    let expiring = (ttl(), local_deletion_time()).prop_map(|(ttl, local_deletion_time)| CellKind::Expiring {
        ttl,
        local_deletion_time,
    });
    let expiring = match liveness.kind {
        LivenessKind::Expiring {
            ttl,
            local_expiration_time,
        } => prop_oneof![
            Just(CellKind::Expiring {
                ttl,
                local_deletion_time: local_expiration_time
            }),
            expiring
        ]
        .boxed(),
        LivenessKind::Live | LivenessKind::Expired { .. } => expiring.boxed(),
    };
    let tombstone =
        local_deletion_time().prop_map(|local_deletion_time| CellKind::Tombstone { local_deletion_time });
    let kind = prop_oneof![3 => Just(CellKind::Live), 2 => expiring, 1 => tombstone];
    (timestamp, kind, value).prop_map(|(timestamp, kind, value)| Cell {
        timestamp,
        kind,
        value: match kind {
            CellKind::Tombstone { .. } => Box::default(),
            CellKind::Live | CellKind::Expiring { .. } => value.into(),
        },
    })
}
