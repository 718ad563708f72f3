//! Many sorted sources of partitions as one: how compactions and range scans go over a table.
//!
//! Source: Cassandra `db.partitions.UnfilteredPartitionIterators.merge`, `utils.MergeIterator`.

use crate::storage_error::StorageError;
use crate::stretch::{Stretch, StretchMerge};
use thymbra_types::{DecoratedKey, Partition, Reference};

/// Gives partitions in the order of their keys, each once.
pub(crate) trait PartitionSource {
    /// The first stretch of the next partition; `None` behind the last. What was not read of the partition before it
    /// is left out.
    ///
    /// # Errors
    /// When the disk fails or a file is corrupt; the source is of no use any more then.
    fn next(&mut self) -> Result<Option<(DecoratedKey, Stretch)>, StorageError>;

    /// The next stretch of the partition, which has one more; the provided body is for sources of partitions that
    /// are not divided.
    ///
    /// # Errors
    /// As [`Self::next`].
    fn next_stretch(&mut self) -> Result<Stretch, StorageError> {
        Ok(Stretch::whole(Partition::default()))
    }
}

/// Sources that are merged by key.
pub(crate) struct MergedPartitions<'a> {
    sources: Vec<Box<dyn PartitionSource + 'a>>,
    /// The next partition of each source, in the same order.
    heads: Vec<Option<(DecoratedKey, Stretch)>>,
    /// A partition whose last stretch was not given yet.
    under_way: Option<UnderWay>,
}

/// A partition that some source has in stretches.
struct UnderWay {
    merge: StretchMerge,
    /// The sources that have it, by index.
    sources: Vec<usize>,
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
        Ok(Self {
            sources,
            heads,
            under_way: None,
        })
    }

    /// The first stretch of the next partition, of all sources that have it; `None` behind the last.
    ///
    /// # Errors
    /// When a source fails.
    pub(crate) fn next(&mut self) -> Result<Option<(DecoratedKey, Stretch)>, StorageError> {
        if let Some(left) = self.under_way.take() {
            self.pass(&left)?;
        }
        // Few sources: looking at each head is quicker than a heap.
        let Some(key) = self.heads.iter().flatten().map(|(key, _)| key).min().cloned() else {
            return Ok(None);
        };
        let mut heads = self.heads.iter().flatten();
        if heads.any(|(head, stretch)| stretch.edge.is_some() && *head == key) {
            return self.begin(&key).map(|stretch| Some((key, stretch)));
        }
        let mut merged: Option<(DecoratedKey, Stretch)> = None;
        for (source, head) in self.sources.iter_mut().zip(&mut self.heads) {
            if head.as_ref().is_none_or(|(head, _)| *head != key) {
                continue;
            }
            let next = source.next()?;
            match (&mut merged, std::mem::replace(head, next)) {
                (Some((_, merged)), Some((_, stretch))) => {
                    Partition::apply(&mut merged.partition, stretch.partition, &Reference);
                }
                (Some(_), None) => {}
                (None, first) => merged = first,
            }
        }
        Ok(merged)
    }

    /// The next stretch of the partition, which has one more.
    ///
    /// # Errors
    /// When a source fails.
    pub(crate) fn next_stretch(&mut self) -> Result<Stretch, StorageError> {
        match self.under_way.take() {
            Some(under_way) => self.go_on(under_way),
            None => Ok(Stretch::whole(Partition::default())),
        }
    }

    /// Begins a partition that comes in stretches.
    fn begin(&mut self, key: &DecoratedKey) -> Result<Stretch, StorageError> {
        let (mut first, mut sources) = (Vec::new(), Vec::new());
        for (index, head) in self.heads.iter_mut().enumerate() {
            if let Some((_, stretch)) = head.take_if(|(head, _)| head == key) {
                first.push(stretch);
                sources.push(index);
            }
        }
        let merge = StretchMerge::new(first, false);
        self.go_on(UnderWay { merge, sources })
    }

    fn go_on(&mut self, mut under_way: UnderWay) -> Result<Stretch, StorageError> {
        let UnderWay { merge, sources } = &mut under_way;
        let stretch = merge.next(|index| {
            let source = sources
                .get(index)
                .and_then(|source| self.sources.get_mut(*source));
            source.map_or_else(
                || Ok(Stretch::whole(Partition::default())),
                |source| source.next_stretch(),
            )
        })?;
        if stretch.edge.is_some() {
            self.under_way = Some(under_way);
        } else {
            self.pass(&under_way)?;
        }
        Ok(stretch)
    }

    /// Goes on to the next partition in the sources that have had this one.
    fn pass(&mut self, passed: &UnderWay) -> Result<(), StorageError> {
        for index in &passed.sources {
            if let (Some(source), Some(head)) = (self.sources.get_mut(*index), self.heads.get_mut(*index)) {
                *head = source.next()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stretch::tests::{Dice, joined};
    use std::collections::BTreeMap;
    use thymbra_types::{Cell, CellName, Partitioner, Timestamp};

    /// Partitions from memory.
    struct Listed(std::vec::IntoIter<(DecoratedKey, Partition)>);

    impl PartitionSource for Listed {
        fn next(&mut self) -> Result<Option<(DecoratedKey, Stretch)>, StorageError> {
            Ok(self
                .0
                .next()
                .map(|(key, partition)| (key, Stretch::whole(partition))))
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
            let (key, stretch) = next;
            assert_eq!(stretch.edge, None, "nothing is divided");
            found.push((key, stretch.partition));
        }
        let expected = [partition(b"a", 1), partition(b"b", 1), partition(b"c", 3)];
        assert_eq!(found, expected);
    }

    /// Partitions from memory, divided by chance.
    struct Divided {
        partitions: Vec<(DecoratedKey, Vec<Stretch>)>,
        rest: Vec<Stretch>,
    }

    impl PartitionSource for Divided {
        fn next(&mut self) -> Result<Option<(DecoratedKey, Stretch)>, StorageError> {
            let next = self.partitions.pop();
            Ok(next.map(|(key, mut stretches)| {
                let first = stretches.pop().expect("a first stretch");
                self.rest = stretches;
                (key, first)
            }))
        }

        fn next_stretch(&mut self) -> Result<Stretch, StorageError> {
            Ok(self.rest.pop().expect("a next stretch"))
        }
    }

    #[test]
    fn partitions_that_are_divided_come_whole_also_behind_one_that_was_left_early() {
        for seed in 0..5_000 {
            let mut dice = Dice(seed);
            let mut expected = BTreeMap::<_, Partition>::new();
            let mut sources: Vec<Box<dyn PartitionSource>> = Vec::new();
            for _ in 0..=dice.below(3) {
                let mut partitions = Vec::new();
                for number in (0..5_u8).rev().filter(|_| dice.below(3) > 0).collect::<Vec<_>>() {
                    let key = DecoratedKey::new(Partitioner::ByteOrdered, [number]);
                    let partition = dice.partition();
                    partitions.push((key.clone(), dice.stretches(&partition, false)));
                    expected.entry(key).or_default().apply(partition, &Reference);
                }
                let rest = Vec::new();
                sources.push(Box::new(Divided { partitions, rest }));
            }
            let mut merged = MergedPartitions::new(sources).expect("memory does not fail");
            for (key, partition) in expected {
                let (found, first) = merged.next().expect("memory does not fail").expect("a partition");
                assert_eq!(found, key, "seed {seed}");
                let mut stretches = vec![first];
                let is_left_early = dice.below(4) == 0;
                while !is_left_early && stretches.last().is_some_and(|last| last.edge.is_some()) {
                    stretches.push(merged.next_stretch().expect("memory does not fail"));
                }
                if !is_left_early {
                    assert_eq!(joined(stretches, false), partition, "seed {seed}");
                }
            }
            assert_eq!(merged.next().expect("memory does not fail"), None, "seed {seed}");
        }
    }
}
