//! The payload of a server: mutations and partitions of `thymbra_types`, shared and cheap to clone.
//!
//! A write sets one row of one partition to a live cell of 100 bytes or to a tombstone. Its timestamp is its number
//! plus one and its value follows from the number, so that every cell found anywhere names the write it came from.
//! Chapter: `specs/03-coordination.md`.

use core::cmp::Ordering;
use std::sync::Arc;

use thymbra_protocol::{Mutation as ProtocolMutation, Payload, ReadCommand, ReadData};
use thymbra_types::{
    Cell, CellKind, CellName, Clustering, DecoratedKey, LivenessInfo, LocalDeletionTime, Mutation, Partition,
    Partitioner, ReconcileRules, Row, SortedMap, TableId, Timestamp, Token,
};

/// Bytes of a value.
const VALUE_BYTES: usize = 100;
/// The one table.
const TABLE: TableId = TableId(0x7468_796d_6272_6100_0000_0000_0000_0001);
/// The one column.
const COLUMN: &str = "value";

/// A mutation of the one table; clones share it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct RowMutation {
    /// What is written.
    pub(super) mutation: Arc<Mutation>,
    /// `gc_grace_seconds` of the table.
    pub(super) gc_grace_seconds: u32,
}

/// Reads one partition whole.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct PartitionKey(
    /// Shared by all commands for the partition.
    pub(super) Arc<DecoratedKey>,
);

/// What a node holds of a partition; nothing by default.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct PartitionData(
    /// Key and content; content that knows nothing is never held.
    pub(super) Option<Arc<(DecoratedKey, Partition)>>,
);

/// The instantiation of the protocol that the simulation drives.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct RowPayload;

impl Payload for RowPayload {
    type Mutation = RowMutation;
    type Command = PartitionKey;
    type Data = PartitionData;
}

/// The key of a partition by number.
#[must_use]
pub(super) fn key(partition: u32) -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, partition.to_be_bytes())
}

/// The number of the partition with this key.
#[must_use]
pub(super) fn partition_number(key: &DecoratedKey) -> usize {
    let bytes: [u8; 4] = key
        .key()
        .try_into()
        .expect("the simulation's keys have four bytes");
    usize::try_from(u32::from_be_bytes(bytes)).expect("targets have 32 bits or more")
}

/// The row with this number.
#[must_use]
pub(super) fn clustering(row: u8) -> Clustering {
    Clustering(vec![Box::from([row])])
}

/// The cell that a write sets.
#[must_use]
pub(super) fn cell(number: usize) -> Cell {
    let timestamp = timestamp(number);
    if number % 8 == 7 {
        let local_deletion_time = LocalDeletionTime(1_700_000_000);
        return Cell {
            timestamp,
            kind: CellKind::Tombstone { local_deletion_time },
            value: Box::default(),
        };
    }
    let mut value = number.to_be_bytes().to_vec();
    value.resize(VALUE_BYTES, b'v');
    Cell::live(timestamp, value)
}

/// The timestamp of a write.
#[must_use]
pub(super) fn timestamp(number: usize) -> Timestamp {
    Timestamp(i64::try_from(number).expect("runs have fewer than 2^63 writes") + 1)
}

/// The write that a timestamp names.
#[must_use]
pub(super) fn write_number(timestamp: Timestamp) -> Option<usize> {
    usize::try_from(timestamp.0.checked_sub(1)?).ok()
}

/// The row that a write leaves behind.
#[must_use]
pub(super) fn row(number: usize) -> Row {
    let cell = cell(number);
    let is_insert = cell.kind == CellKind::Live;
    Row {
        liveness: if is_insert {
            LivenessInfo::live(timestamp(number))
        } else {
            LivenessInfo::EMPTY
        },
        cells: SortedMap::from([(CellName::simple(COLUMN), cell)]),
        ..Row::default()
    }
}

/// The mutation of a write.
#[must_use]
pub(super) fn mutation(
    key: &DecoratedKey,
    row_number: u8,
    number: usize,
    gc_grace_seconds: u32,
) -> RowMutation {
    let partition = Partition {
        rows: SortedMap::from([(clustering(row_number), row(number))]),
        ..Partition::default()
    };
    RowMutation::new(key.clone(), partition, gc_grace_seconds)
}

impl RowMutation {
    fn new(key: DecoratedKey, partition: Partition, gc_grace_seconds: u32) -> Self {
        Self {
            mutation: Arc::new(Mutation {
                keyspace: "simulation".into(),
                key,
                updates: SortedMap::from([(TABLE, partition)]),
            }),
            gc_grace_seconds,
        }
    }

    /// What is written to the one table.
    #[must_use]
    pub(super) fn update(&self) -> &Partition {
        self.mutation
            .updates
            .get(&TABLE)
            .expect("each mutation of the simulation writes the one table")
    }

    /// The writes whose cells are in the mutation.
    pub(super) fn writes(&self) -> impl Iterator<Item = usize> + '_ {
        let rows = self.update().rows.values();
        rows.flat_map(|row| row.cells.values())
            .filter_map(|cell| write_number(cell.timestamp))
    }
}

impl PartitionData {
    /// Takes in a mutation.
    pub(super) fn apply<R: ReconcileRules + ?Sized>(&mut self, mutation: &RowMutation, rules: &R) {
        let held = self
            .0
            .get_or_insert_with(|| Arc::new((mutation.mutation.key.clone(), Partition::default())));
        Arc::make_mut(held).1.apply(mutation.update().clone(), rules);
    }

    /// The rows, with their clusterings.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&Clustering, &Row)> {
        self.0.iter().flat_map(|held| &held.1.rows)
    }

    /// The highest timestamp in a row.
    #[must_use]
    pub(super) fn newest(&self, row: u8) -> Option<Timestamp> {
        let held = self.0.as_ref()?.1.rows.get(&clustering(row))?;
        held.cells.values().map(|cell| cell.timestamp).max()
    }
}

impl ProtocolMutation for RowMutation {
    fn token(&self) -> Token {
        self.mutation.key.token().clone()
    }

    fn size_bytes(&self) -> usize {
        self.mutation.data_size_bytes()
    }

    fn gc_grace_seconds(&self) -> u32 {
        self.gc_grace_seconds
    }
}

impl ReadCommand for PartitionKey {
    fn token(&self) -> Token {
        self.0.token().clone()
    }
}

impl ReadData<RowMutation> for PartitionData {
    fn merge<R: ReconcileRules + ?Sized>(&mut self, other: &Self, rules: &R) {
        match (&mut self.0, &other.0) {
            (_, None) => {}
            (mine @ None, Some(other)) => *mine = Some(Arc::clone(other)),
            (Some(mine), Some(other)) if mine == other => {}
            (Some(mine), Some(other)) => Arc::make_mut(mine).1.apply(other.1.clone(), rules),
        }
    }

    fn difference<R: ReconcileRules + ?Sized>(&self, merged: &Self, _rules: &R) -> Option<RowMutation> {
        let (key, whole) = merged.0.as_deref()?;
        let nothing = Partition::default();
        let held = self.0.as_ref().map_or(&nothing, |held| &held.1);
        let mut lacked = Partition::default();
        for (clustering, row) in &whole.rows {
            if held.rows.get(clustering) != Some(row) {
                lacked.rows.insert(clustering.clone(), row.clone());
            }
        }
        // Repairs carry no hints, so their gc_grace is never asked.
        (!lacked.rows.is_empty()).then(|| RowMutation::new(key.clone(), lacked, 0))
    }
}

/// An order for containers that want one: that of the printed forms, which no hot path asks for.
macro_rules! order_as_printed {
    ($($name:ty),*) => {$(
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                if self == other {
                    return Ordering::Equal;
                }
                format!("{self:?}").cmp(&format!("{other:?}"))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
    )*};
}

order_as_printed!(RowMutation, PartitionData);
