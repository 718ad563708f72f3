//! Mutations: all that one request writes under one partition key of one keyspace.
//!
//! The unit that is sent to replicas, appended to the commit log, hinted and replayed. Chapter:
//! `specs/01-data-model.md`. Source: Cassandra `db.Mutation`.

use crate::key::DecoratedKey;
use crate::partition::Partition;
use crate::reconcile::ReconcileRules;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
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
    pub updates: BTreeMap<TableId, Partition>,
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
        if (&self.keyspace, &self.key) != (&other.keyspace, &other.key) {
            return Err(MutationsDiffer);
        }
        for (table, update) in other.updates {
            let merged = self
                .updates
                .remove(&table)
                .unwrap_or_default()
                .merge(update, rules);
            self.updates.insert(table, merged);
        }
        Ok(self)
    }
}
