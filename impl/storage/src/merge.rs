//! Many sorted sources of partitions as one: how compactions and range scans go over a table.
//!
//! Source: Cassandra `db.partitions.UnfilteredPartitionIterators.merge`, `utils.MergeIterator`.

use crate::storage_error::StorageError;
use thymbra_types::{DecoratedKey, Partition, Reference};

/// Gives partitions in the order of their keys, each once.
pub(crate) trait PartitionSource {
    /// The next partition; `None` behind the last.
    ///
    /// # Errors
    /// When the disk fails or a file is corrupt; the source is of no use any more then.
    fn next(&mut self) -> Result<Option<(DecoratedKey, Partition)>, StorageError>;
}

/// Sources that are merged by key.
pub(crate) struct MergedPartitions<'a> {
    sources: Vec<Box<dyn PartitionSource + 'a>>,
    /// The next partition of each source, in the same order.
    heads: Vec<Option<(DecoratedKey, Partition)>>,
}

impl<'a> MergedPartitions<'a> {
    /// Before the first partition of all sources.
    ///
    /// # Errors
    /// When a source fails.
    pub(crate) fn new(mut sources: Vec<Box<dyn PartitionSource + 'a>>) -> Result<Self, StorageError> {
        let heads = sources
            .iter_mut()
            .map(|source| source.next())
            .collect::<Result<_, _>>()?;
        Ok(Self { sources, heads })
    }

    /// The next partition, of all sources that have it; `None` behind the last.
    ///
    /// # Errors
    /// When a source fails.
    pub(crate) fn next(&mut self) -> Result<Option<(DecoratedKey, Partition)>, StorageError> {
        // Few sources: looking at each head is quicker than a heap.
        let Some(key) = self.heads.iter().flatten().map(|(key, _)| key).min().cloned() else {
            return Ok(None);
        };
        let mut merged = None;
        for (source, head) in self.sources.iter_mut().zip(&mut self.heads) {
            let Some((_, partition)) = head.take_if(|(head, _)| *head == key) else {
                continue;
            };
            merged = Some(match merged {
                None => partition,
                Some(mut merged) => {
                    Partition::apply(&mut merged, partition, &Reference);
                    merged
                }
            });
            *head = source.next()?;
        }
        Ok(merged.map(|partition| (key, partition)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thymbra_types::{Cell, CellName, Partitioner, Timestamp};

    /// Partitions from memory.
    struct Listed(std::vec::IntoIter<(DecoratedKey, Partition)>);

    impl PartitionSource for Listed {
        fn next(&mut self) -> Result<Option<(DecoratedKey, Partition)>, StorageError> {
            Ok(self.0.next())
        }
    }

    fn partition(key: &[u8], timestamp: i64) -> (DecoratedKey, Partition) {
        let mut partition = Partition::default();
        partition.static_row.cells.insert(
            CellName::simple("s"),
            Cell::live(Timestamp(timestamp), timestamp.to_be_bytes()),
        );
        (DecoratedKey::new(Partitioner::ByteOrdered, key), partition)
    }

    #[test]
    fn every_key_comes_once_in_order_with_the_winner_of_all_sources() {
        let sources: [&[(&[u8], i64)]; 4] = [
            &[(b"a", 1), (b"c", 1)],
            &[(b"b", 1), (b"c", 3)],
            &[],
            &[(b"c", 2)],
        ];
        let sources = sources.map(|listed| {
            let partitions: Vec<_> = listed
                .iter()
                .map(|(key, timestamp)| partition(key, *timestamp))
                .collect();
            Box::new(Listed(partitions.into_iter())) as Box<dyn PartitionSource>
        });
        let mut merged = MergedPartitions::new(sources.into()).expect("lists do not fail");
        let mut found = Vec::new();
        while let Some(next) = merged.next().expect("lists do not fail") {
            found.push(next);
        }
        let expected = [partition(b"a", 1), partition(b"b", 1), partition(b"c", 3)];
        assert_eq!(found, expected);
    }
}
