//! Mutations: all that one request writes under one partition key of one keyspace.
//!
//! The unit that is sent to replicas, appended to the commit log, hinted and replayed. Chapter:
//! `specs/01-data-model.md`. Source: Cassandra `db.Mutation`.

use crate::key::DecoratedKey;
use crate::partition::Partition;
use crate::reconcile::ReconcileRules;
use crate::sorted_map::SortedMap;
use alloc::boxed::Box;
use core::fmt;

/// Identity of a table for its whole life; the 128 bits of a UUID.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TableId(
    /// The UUID, most significant byte first.
    pub u128,
);

impl fmt::Display for TableId {
    /// As in the names of table directories: 32 hexadecimal digits without dashes.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// Writes to tables of one keyspace under one partition key.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Mutation {
    /// Name of the keyspace.
    pub keyspace: Box<str>,
    /// Partition key, common to all updates.
    pub key: DecoratedKey,
    /// What is written to each table.
    pub updates: SortedMap<TableId, Partition>,
}

/// Mutations of different keyspaces or keys do not merge.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MutationsDiffer;

impl fmt::Display for MutationsDiffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("mutations of different keyspaces or partition keys do not merge")
    }
}

impl core::error::Error for MutationsDiffer {}

impl Mutation {
    /// Both mutations in one.
    ///
    /// # Errors
    /// When keyspace or key differ.
    pub fn merge(
        mut self,
        other: Self,
        rules: &(impl ReconcileRules + ?Sized),
    ) -> Result<Self, MutationsDiffer> {
        //= WP-DM-11
        if (&self.keyspace, &self.key) != (&other.keyspace, &other.key) {
            return Err(MutationsDiffer);
        }
        //= WP-DM-10
        for (table, update) in other.updates {
            let known = self.updates.entry(table).or_default();
            *known = core::mem::take(known).merge(update, rules);
        }
        Ok(self)
    }

    /// Bytes of the key and of the data in all updates; see [`Partition::data_size_bytes`].
    #[must_use]
    pub fn data_size_bytes(&self) -> usize {
        self.key.key().len()
            + self
                .updates
                .values()
                .map(Partition::data_size_bytes)
                .sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{Cell, CellName};
    use crate::partitioner::Partitioner;
    use crate::reconcile::Reference;
    use crate::time::Timestamp;
    use alloc::string::ToString;

    /// One static value, written at a time, so that the winner of a merge shows.
    fn update(timestamp: i64) -> Partition {
        let mut partition = Partition::default();
        let cell = Cell::live(Timestamp(timestamp), timestamp.to_be_bytes());
        partition
            .static_row
            .cells
            .insert(CellName::simple("column"), cell);
        partition
    }

    fn mutation(key: &[u8], updates: &[(u128, i64)]) -> Mutation {
        let key = DecoratedKey::new(Partitioner::Murmur3, key);
        let updates = updates
            .iter()
            .map(|(table, timestamp)| (TableId(*table), update(*timestamp)));
        Mutation {
            keyspace: "keyspace".into(),
            key,
            updates: updates.collect(),
        }
    }

    //= WP-DM-10 check
    //= WP-DM-11 check
    #[test]
    fn merge_has_the_tables_of_both_and_the_winner_of_each() {
        let left = mutation(b"key", &[(1, 10), (2, 20)]);
        let right = mutation(b"key", &[(2, 10), (3, 30)]);
        let both = mutation(b"key", &[(1, 10), (2, 20), (3, 30)]);
        assert_eq!(left.clone().merge(right.clone(), &Reference), Ok(both.clone()));
        assert_eq!(right.merge(left, &Reference), Ok(both));
    }

    //= WP-DM-11 check
    #[test]
    fn mutations_of_different_keys_or_keyspaces_do_not_merge() {
        let left = mutation(b"key", &[(1, 1)]);
        assert_eq!(
            left.clone().merge(mutation(b"other", &[(1, 1)]), &Reference),
            Err(MutationsDiffer)
        );
        let elsewhere = Mutation {
            keyspace: "other".into(),
            ..left.clone()
        };
        assert_eq!(left.merge(elsewhere, &Reference), Err(MutationsDiffer));
        assert_eq!(
            MutationsDiffer.to_string(),
            "mutations of different keyspaces or partition keys do not merge"
        );
    }

    #[test]
    fn size_is_key_and_updates() {
        let one = mutation(b"key", &[(1, 1)]);
        let update_size_bytes = update(1).data_size_bytes();
        assert_eq!(one.data_size_bytes(), 3 + update_size_bytes);
        assert_eq!(
            mutation(b"key", &[(1, 1), (2, 1)]).data_size_bytes(),
            3 + 2 * update_size_bytes
        );
    }

    #[test]
    fn table_id_prints_as_in_directory_names() {
        assert_eq!(TableId(0xab).to_string(), "000000000000000000000000000000ab");
    }
}
