//! An oracle for merging partitions: keeps every fact ever written and looks at all of them again.
//!
//! Obviously right rather than fast, and without any code of the crate but its data types. Rows are
//! named by two numbers, places between rows by one number that is computed here from scratch.

use quickcheck::{Arbitrary, Gen};
use std::collections::BTreeMap;
use thymbra_types::clustering::BoundSide;
use thymbra_types::{
    Cell, CellKind, CellName, Clustering, ClusteringBound, ColumnName, DeletionTime, LivenessInfo,
    LivenessKind, LocalDeletionTime, Partition, RangeTombstone, Reference, Row, Timestamp, Ttl,
};

/// Two clustering columns of one byte each.
type RowName = (u8, u8);

/// One atom of what can be known of a partition.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    PartitionDeleted(DeletionTime),
    RangeDeleted(ClusteringBound, ClusteringBound, DeletionTime),
    RowDeleted(RowName, DeletionTime),
    RowInserted(RowName, LivenessInfo),
    /// Of the static row when there is no row name; so for cells.
    ColumnDeleted(Option<RowName>, ColumnName, DeletionTime),
    CellWritten(Option<RowName>, CellName, Cell),
}

/// Up to a dozen facts about few rows, columns and times, so that most of them meet.
#[derive(Clone, Debug)]
pub(crate) struct Facts(pub(crate) Vec<Fact>);

/// A partition, with its range tombstones as places and deletions.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Normal {
    deletion: DeletionTime,
    static_row: Row,
    rows: BTreeMap<Clustering, Row>,
    ranges: Vec<(u32, u32, DeletionTime)>,
}

pub(crate) type Values = BTreeMap<CellName, Box<[u8]>>;

pub(crate) fn clustering(name: RowName) -> Clustering {
    Clustering(vec![[name.0].into(), [name.1].into()])
}

fn row_place(name: RowName) -> u32 {
    100 * (u32::from(name.0) + 1) + 10 * (u32::from(name.1) + 1) + 5
}

fn bound_place(bound: &ClusteringBound) -> u32 {
    let digits: Vec<u32> = bound
        .prefix
        .0
        .iter()
        .map(|component| u32::from(component[0]))
        .collect();
    let (before, after) = match digits[..] {
        [] => (0, 1000),
        [first] => (100 * (first + 1), 100 * (first + 1) + 99),
        [first, second] => {
            let row = 100 * (first + 1) + 10 * (second + 1);
            (row, row + 9)
        }
        _ => unreachable!("there are two clustering columns"),
    };
    match bound.side {
        BoundSide::Before => before,
        BoundSide::After => after,
    }
}

fn deletion_key(deletion: &DeletionTime) -> (i64, i64) {
    (deletion.marked_for_delete_at.0, deletion.local_deletion_time.0)
}

fn latest(deletions: impl Iterator<Item = DeletionTime>) -> DeletionTime {
    deletions.max_by_key(deletion_key).unwrap_or(DeletionTime::LIVE)
}

fn supersedes(left: DeletionTime, right: DeletionTime) -> bool {
    deletion_key(&left) > deletion_key(&right)
}

fn cell_key(cell: &Cell) -> (i64, u8, i64, Vec<u8>) {
    let (rank, seconds) = match cell.kind {
        CellKind::Live => (0, 0),
        CellKind::Expiring {
            local_deletion_time, ..
        } => (1, local_deletion_time.0),
        CellKind::Tombstone { local_deletion_time } => (2, local_deletion_time.0),
    };
    (cell.timestamp.0, rank, seconds, cell.value.to_vec())
}

fn liveness_key(info: &LivenessInfo) -> (i64, u8, i64) {
    let (rank, seconds) = match info.kind {
        LivenessKind::Live => (0, 0),
        LivenessKind::Expiring {
            local_expiration_time,
            ..
        } => (1, local_expiration_time.0),
        LivenessKind::Expired {
            local_expiration_time,
        } => (2, local_expiration_time.0),
    };
    (info.timestamp.0, rank, seconds)
}

impl Facts {
    fn partition_deletion(&self) -> DeletionTime {
        latest(self.0.iter().filter_map(|fact| {
            if let Fact::PartitionDeleted(deletion) = fact {
                Some(*deletion)
            } else {
                None
            }
        }))
    }

    /// The latest deletion of the whole stretch between two places, of the partition or a range.
    fn covering(&self, from: u32, to: u32) -> DeletionTime {
        let ranges = self.0.iter().filter_map(|fact| {
            let Fact::RangeDeleted(start, end, deletion) = fact else {
                return None;
            };
            (bound_place(start) <= from && to <= bound_place(end)).then_some(*deletion)
        });
        latest(ranges.chain([self.partition_deletion()]))
    }

    fn ranges(&self) -> Vec<(u32, u32, DeletionTime)> {
        let places: Vec<u32> = (0..=1000).collect();
        let mut ranges = Vec::<(u32, u32, DeletionTime)>::new();
        for step in places.windows(2) {
            let deletion = self.covering(step[0], step[1]);
            if !supersedes(deletion, self.partition_deletion()) {
                continue;
            }
            match ranges.last_mut() {
                Some(last) if last.1 == step[0] && last.2 == deletion => last.1 = step[1],
                _ => ranges.push((step[0], step[1], deletion)),
            }
        }
        ranges
    }

    fn row(&self, name: Option<RowName>) -> Row {
        let outer = match name {
            Some(name) => self.covering(row_place(name), row_place(name)),
            None => self.partition_deletion(),
        };
        let row_deletion = latest(self.0.iter().filter_map(|fact| {
            let Fact::RowDeleted(of, deletion) = fact else {
                return None;
            };
            (Some(*of) == name).then_some(*deletion)
        }));
        let mut row = Row::default();
        if supersedes(row_deletion, outer) {
            row.deletion = row_deletion;
        }
        let active = latest([outer, row_deletion].into_iter());

        let mut column_deletions = BTreeMap::<ColumnName, Vec<DeletionTime>>::new();
        let mut versions = BTreeMap::<CellName, Vec<Cell>>::new();
        let mut livenesses = Vec::new();
        for fact in &self.0 {
            match fact {
                Fact::RowInserted(of, info) if Some(*of) == name => livenesses.push(*info),
                Fact::ColumnDeleted(of, column, deletion) if *of == name => {
                    column_deletions
                        .entry(column.clone())
                        .or_default()
                        .push(*deletion);
                }
                Fact::CellWritten(of, cell_name, cell) if *of == name => {
                    versions.entry(cell_name.clone()).or_default().push(cell.clone());
                }
                Fact::RowInserted(..)
                | Fact::ColumnDeleted(..)
                | Fact::CellWritten(..)
                | Fact::PartitionDeleted(_)
                | Fact::RangeDeleted(..)
                | Fact::RowDeleted(..) => {}
            }
        }
        livenesses.retain(|info| info.timestamp > active.marked_for_delete_at);
        row.liveness = livenesses
            .into_iter()
            .max_by_key(liveness_key)
            .unwrap_or_default();
        for (cell_name, mut cells) in versions {
            let columns = column_deletions
                .get(&cell_name.column)
                .into_iter()
                .flatten()
                .copied();
            let deletion = latest(columns.chain([active]));
            cells.retain(|cell| cell.timestamp > deletion.marked_for_delete_at);
            row.cells.extend(
                cells
                    .into_iter()
                    .max_by_key(cell_key)
                    .map(|cell| (cell_name, cell)),
            );
        }
        for (column, deletions) in column_deletions {
            let deletion = latest(deletions.into_iter());
            if supersedes(deletion, active) {
                row.complex_deletions.insert(column, deletion);
            }
        }
        row
    }

    fn rows(&self) -> impl Iterator<Item = (Clustering, Row)> {
        let names = (0..2).flat_map(|first| (0..2).map(move |second| (first, second)));
        names.map(|name| (clustering(name), self.row(Some(name))))
    }

    /// What any merge of these facts must give.
    pub(crate) fn normal(&self) -> Normal {
        Normal {
            deletion: self.partition_deletion(),
            static_row: self.row(None),
            rows: self.rows().filter(|(_, row)| *row != Row::default()).collect(),
            ranges: self.ranges(),
        }
    }

    /// What a reader must see at a clock reading: static values, and the values of each row.
    pub(crate) fn visible(&self, now_seconds: i64) -> (Values, BTreeMap<Clustering, Values>) {
        let alive = |cell: &Cell| match cell.kind {
            CellKind::Live => true,
            CellKind::Expiring {
                local_deletion_time, ..
            } => local_deletion_time.0 > now_seconds,
            CellKind::Tombstone { .. } => false,
        };
        let values = |row: Row| -> Values {
            row.cells
                .into_iter()
                .filter(|(_, cell)| alive(cell))
                .map(|(name, cell)| (name, cell.value))
                .collect()
        };
        let inserted = |row: &Row| match row.liveness.kind {
            LivenessKind::Live => row.liveness != LivenessInfo::EMPTY,
            LivenessKind::Expiring {
                local_expiration_time,
                ..
            } => local_expiration_time.0 > now_seconds,
            LivenessKind::Expired { .. } => false,
        };
        let rows = self.rows().filter_map(|(name, row)| {
            let exists = inserted(&row);
            let values = values(row);
            (exists || !values.is_empty()).then_some((name, values))
        });
        (values(self.row(None)), rows.collect())
    }

    /// The facts as partitions that hold them side by side, not reconciled, as few as will do.
    pub(crate) fn sources(&self) -> Vec<Partition> {
        let mut sources = vec![Partition::default()];
        for fact in &self.0 {
            if !put(sources.last_mut().expect("never empty"), fact) {
                let mut next = Partition::default();
                assert!(put(&mut next, fact), "an empty partition has room for any fact");
                sources.push(next);
            }
        }
        sources
    }
}

/// Writes a fact into its place; whether that place was free.
fn put(partition: &mut Partition, fact: &Fact) -> bool {
    fn fill<T: Clone + PartialEq>(place: &mut T, empty: &T, value: &T) -> bool {
        let free = place == empty;
        if free {
            place.clone_from(value);
        }
        free
    }
    match fact {
        Fact::PartitionDeleted(deletion) => fill(&mut partition.deletion, &DeletionTime::LIVE, deletion),
        Fact::RangeDeleted(start, end, deletion) => {
            let (start, end) = (start.clone(), end.clone());
            partition.range_tombstones.add(
                RangeTombstone {
                    start,
                    end,
                    deletion: *deletion,
                },
                &Reference,
            );
            true
        }
        Fact::RowDeleted(name, deletion) => fill(
            &mut row(partition, &Some(*name)).deletion,
            &DeletionTime::LIVE,
            deletion,
        ),
        Fact::RowInserted(name, info) => fill(
            &mut row(partition, &Some(*name)).liveness,
            &LivenessInfo::EMPTY,
            info,
        ),
        Fact::ColumnDeleted(name, column, deletion) => {
            let place = row(partition, name)
                .complex_deletions
                .entry(column.clone())
                .or_default();
            fill(place, &DeletionTime::LIVE, deletion)
        }
        Fact::CellWritten(name, cell_name, cell) => {
            let cells = &mut row(partition, name).cells;
            let free = !cells.contains_key(cell_name);
            if free {
                cells.insert(cell_name.clone(), cell.clone());
            }
            free
        }
    }
}

fn row<'a>(partition: &'a mut Partition, name: &Option<RowName>) -> &'a mut Row {
    match name {
        Some(name) => partition.rows.entry(clustering(*name)).or_default(),
        None => &mut partition.static_row,
    }
}

impl From<&Partition> for Normal {
    fn from(partition: &Partition) -> Self {
        let ranges = partition.range_tombstones.iter();
        Self {
            deletion: partition.deletion,
            static_row: partition.static_row.clone(),
            rows: partition.rows.clone().into_iter().collect(),
            ranges: ranges
                .map(|range| (bound_place(&range.start), bound_place(&range.end), range.deletion))
                .collect(),
        }
    }
}

fn pick<T: Clone>(random: &mut Gen, from: &[T]) -> T {
    random.choose(from).expect("never empty").clone()
}

fn arbitrary_deletion(random: &mut Gen) -> DeletionTime {
    DeletionTime::new(
        Timestamp(pick(random, &[1, 2, 3])),
        LocalDeletionTime(pick(random, &[1, 2])),
    )
}

fn arbitrary_bound(random: &mut Gen) -> ClusteringBound {
    let prefix = match pick(random, &[0, 1, 2]) {
        0 => Clustering::default(),
        1 => Clustering(vec![[pick(random, &[0, 1])].into()]),
        _ => clustering((pick(random, &[0, 1]), pick(random, &[0, 1]))),
    };
    ClusteringBound {
        prefix,
        side: pick(random, &[BoundSide::Before, BoundSide::After]),
    }
}

fn arbitrary_cell(random: &mut Gen) -> Cell {
    let local_deletion_time = LocalDeletionTime(pick(random, &[1, 2]));
    let kinds = [
        CellKind::Live,
        CellKind::Expiring {
            ttl: Ttl::MAX,
            local_deletion_time,
        },
        CellKind::Tombstone { local_deletion_time },
    ];
    let value = pick(random, &[vec![], vec![0x7f], vec![0x80]]).into();
    Cell {
        timestamp: Timestamp(pick(random, &[1, 2, 3, 4])),
        kind: pick(random, &kinds),
        value,
    }
}

fn arbitrary_liveness(random: &mut Gen) -> LivenessInfo {
    let local_expiration_time = LocalDeletionTime(pick(random, &[1, 2]));
    let kinds = [
        LivenessKind::Live,
        LivenessKind::Expiring {
            ttl: Ttl::MAX,
            local_expiration_time,
        },
        LivenessKind::Expired {
            local_expiration_time,
        },
    ];
    LivenessInfo {
        timestamp: Timestamp(pick(random, &[1, 2, 3, 4])),
        kind: pick(random, &kinds),
    }
}

impl Arbitrary for Fact {
    fn arbitrary(random: &mut Gen) -> Self {
        let row_name = (pick(random, &[0, 1]), pick(random, &[0, 1]));
        let any_row = pick(random, &[None, Some((0, 0)), Some(row_name)]);
        let cell_names = [
            CellName::simple("simple"),
            CellName::element("complex", []),
            CellName::element("complex", [1]),
        ];
        match pick(random, &[0, 1, 2, 3, 4, 5, 5, 5, 5]) {
            0 => Self::PartitionDeleted(arbitrary_deletion(random)),
            1 => Self::RangeDeleted(
                arbitrary_bound(random),
                arbitrary_bound(random),
                arbitrary_deletion(random),
            ),
            2 => Self::RowDeleted(row_name, arbitrary_deletion(random)),
            3 => Self::RowInserted(row_name, arbitrary_liveness(random)),
            4 => Self::ColumnDeleted(any_row, ColumnName("complex".into()), arbitrary_deletion(random)),
            _ => Self::CellWritten(any_row, pick(random, &cell_names), arbitrary_cell(random)),
        }
    }
}

impl Arbitrary for Facts {
    fn arbitrary(random: &mut Gen) -> Self {
        let count = pick(random, &[1, 2, 3, 4, 6, 9, 12]);
        Self((0..count).map(|_| Fact::arbitrary(random)).collect())
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let facts = self.0.clone();
        Box::new((0..facts.len()).map(move |left_out| {
            let mut fewer = facts.clone();
            fewer.remove(left_out);
            Self(fewer)
        }))
    }
}
