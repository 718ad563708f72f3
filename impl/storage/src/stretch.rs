//! Partitions that are merged stretch by stretch: how large ones are read and compacted without being held whole.
//!
//! A source gives what it knows of a partition in stretches that follow each other, forwards or in reversed order. What
//! lies between two edges in all sources is merged as a partition of its own, because no place between rows is
//! touched by what lies elsewhere but for the deletion of the partition. A range tombstone that crosses an edge is cut
//! there. Chapter: `specs/08-sstable.md`. Source: Cassandra `db.rows.UnfilteredRowIterators.merge`, which merges row by
//! row.

use thymbra_types::{ClusteringBound, DeletionTime, Partition, Reference};

/// What is known of a partition up to an edge, behind the stretch before it.
///
/// Invariant: rows and range tombstones lie between both edges. The first stretch has the deletion and the static row
/// of the partition, the others have none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stretch {
    /// The deletion, rows and range tombstones.
    pub(crate) partition: Partition,
    /// Where the next stretch begins, which lies before this one in reversed order; `None` of the last stretch.
    pub(crate) edge: Option<ClusteringBound>,
}

impl Stretch {
    /// A partition that is not divided.
    pub(crate) const fn whole(partition: Partition) -> Self {
        Self {
            partition,
            edge: None,
        }
    }
}

/// Sources of one partition that are merged.
#[derive(Debug)]
pub(crate) struct StretchMerge {
    is_reversed: bool,
    /// Of the partition, by all sources.
    deletion: DeletionTime,
    is_begun: bool,
    /// What of each source has not been merged; `None` where the next stretch is needed first.
    pending: Vec<Option<Stretch>>,
}

impl StretchMerge {
    /// Begins with the first stretch of each source.
    pub(crate) fn new(first: Vec<Stretch>, is_reversed: bool) -> Self {
        Self {
            is_reversed,
            deletion: DeletionTime::LIVE,
            is_begun: false,
            pending: first.into_iter().map(Some).collect(),
        }
    }

    /// The next merged stretch, up to the nearest edge of all sources; not to be called behind the last.
    ///
    /// `pull` gives the next stretch of a source, by its index; sources that lie ahead are not asked. One source alone
    /// is given on as it is.
    ///
    /// # Errors
    /// Those of `pull`.
    pub(crate) fn next<E>(
        &mut self,
        mut pull: impl FnMut(usize) -> Result<Stretch, E>,
    ) -> Result<Stretch, E> {
        for (index, pending) in self.pending.iter_mut().enumerate() {
            if pending.is_none() {
                *pending = Some(pull(index)?);
            }
        }
        if let [only] = self.pending.as_mut_slice()
            && let Some(stretch) = take_all(only)
        {
            return Ok(stretch);
        }
        let edge = self.nearest_edge().cloned();
        let mut parts = Vec::with_capacity(self.pending.len());
        for pending in &mut self.pending {
            parts.extend(take_up_to(pending, edge.as_ref(), self.is_reversed));
        }
        let mut parts = parts.into_iter();
        let mut merged = if self.is_begun {
            Partition {
                deletion: self.deletion,
                ..Partition::default()
            }
        } else {
            parts.next().unwrap_or_default()
        };
        for part in parts {
            merged.apply(part, &Reference);
        }
        if self.is_begun {
            merged.deletion = DeletionTime::LIVE;
        } else {
            self.deletion = merged.deletion;
            self.is_begun = true;
        }
        Ok(Stretch {
            partition: merged,
            edge,
        })
    }

    /// Up to where all sources are known; `None` if they are known to the end.
    fn nearest_edge(&self) -> Option<&ClusteringBound> {
        let edges = self
            .pending
            .iter()
            .filter_map(|pending| pending.as_ref()?.edge.as_ref());
        if self.is_reversed {
            edges.max()
        } else {
            edges.min()
        }
    }
}

/// What is left of a source at the end of it, or all of a stretch behind which another comes.
fn take_all(pending: &mut Option<Stretch>) -> Option<Stretch> {
    let stretch = pending.take()?;
    if stretch.edge.is_none() {
        *pending = Some(Stretch::whole(Partition::default()));
    }
    Some(stretch)
}

/// Takes what a source has up to an edge.
fn take_up_to(
    pending: &mut Option<Stretch>,
    edge: Option<&ClusteringBound>,
    is_reversed: bool,
) -> Option<Partition> {
    let Some(edge) = edge else {
        return take_all(pending).map(|stretch| stretch.partition);
    };
    if let Some(stretch) = pending.take_if(|stretch| stretch.edge.as_ref() == Some(edge)) {
        return Some(stretch.partition);
    }
    let partition = &mut pending.as_mut()?.partition;
    let behind = split_off(partition, edge);
    if !is_reversed {
        return Some(std::mem::replace(partition, behind));
    }
    // The deletion and the static row belong to what is taken first.
    Some(Partition {
        deletion: std::mem::take(&mut partition.deletion),
        static_row: std::mem::take(&mut partition.static_row),
        ..behind
    })
}

/// Takes out the rows and the range tombstones that lie behind a place, and parts of those around it.
fn split_off(partition: &mut Partition, place: &ClusteringBound) -> Partition {
    Partition {
        rows: partition.rows.split_off(|row| !place.is_before(row)),
        range_tombstones: partition.range_tombstones.split_off(place),
        ..Partition::default()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::read::ClusteringSlice;
    use std::convert::Infallible;
    use thymbra_format::marshal::AbstractType;
    use thymbra_types::clustering::BoundSide;
    use thymbra_types::{
        Cell, CellName, Clustering, LivenessInfo, LocalDeletionTime, RangeTombstone, Row, Timestamp,
    };

    /// Numbers by chance, the same in every run.
    pub(crate) struct Dice(pub(crate) u64);

    impl Dice {
        pub(crate) fn below(&mut self, end: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % end
        }

        fn timestamp(&mut self) -> Timestamp {
            Timestamp(i64::try_from(self.below(5)).expect("a small number"))
        }

        fn deletion(&mut self) -> DeletionTime {
            let seconds = i64::try_from(self.below(3)).expect("a small number");
            DeletionTime::new(self.timestamp(), LocalDeletionTime(seconds))
        }

        fn prefix(&mut self, component_count: u64) -> Clustering {
            let components = (0..component_count).map(|_| {
                let number = i32::try_from(self.below(6)).expect("a small number");
                AbstractType::Int32.to_comparable(&number.to_be_bytes())
            });
            Clustering(components.collect())
        }

        /// A place between rows of two components.
        pub(crate) fn bound(&mut self) -> ClusteringBound {
            let component_count = self.below(3);
            ClusteringBound {
                prefix: self.prefix(component_count),
                side: [BoundSide::Before, BoundSide::After][usize::from(self.below(2) == 0)],
            }
        }

        fn row(&mut self) -> Row {
            let mut row = Row::default();
            if self.below(2) == 0 {
                row.liveness = LivenessInfo::live(self.timestamp());
            }
            if self.below(4) == 0 {
                row.deletion = self.deletion();
            }
            for column in ["v", "w"] {
                if self.below(2) == 0 {
                    let cell = Cell::live(self.timestamp(), self.below(3).to_be_bytes());
                    row.cells.insert(CellName::simple(column), cell);
                }
            }
            row
        }

        /// In normal form, of a table with two clustering columns of integers and the columns `v` and `w`.
        pub(crate) fn partition(&mut self) -> Partition {
            let mut made = Partition {
                static_row: self.row(),
                ..Partition::default()
            };
            made.static_row.liveness = LivenessInfo::EMPTY;
            made.static_row.deletion = DeletionTime::LIVE;
            if self.below(4) == 0 {
                made.deletion = self.deletion();
            }
            for _ in 0..self.below(12) {
                made.rows.insert(self.prefix(2), self.row());
            }
            for _ in 0..self.below(5) {
                let tombstone = RangeTombstone {
                    start: self.bound(),
                    end: self.bound(),
                    deletion: self.deletion(),
                };
                if tombstone.start < tombstone.end {
                    made.range_tombstones.add(tombstone, &Reference);
                }
            }
            Partition::default().merge(made, &Reference)
        }

        /// The same partition in stretches, the last of them first.
        pub(crate) fn stretches(&mut self, whole: &Partition, is_reversed: bool) -> Vec<Stretch> {
            let mut edges: Vec<_> = (0..self.below(5)).map(|_| self.bound()).collect();
            edges.sort();
            edges.dedup();
            let starts = [ClusteringBound::BOTTOM].into_iter().chain(edges.clone());
            let ends = edges.iter().cloned().chain([ClusteringBound::TOP]);
            let slices = starts
                .zip(ends)
                .map(|(start, end)| ClusteringSlice { start, end });
            let mut slices: Vec<_> = slices.collect();
            if is_reversed {
                slices.reverse();
            }
            let last = slices.len() - 1;
            let stretch = |(index, slice): (usize, &ClusteringSlice)| {
                let mut partition = slice.cut(whole);
                if index > 0 {
                    partition.deletion = DeletionTime::LIVE;
                    partition.static_row = Row::default();
                }
                let edge = if is_reversed { &slice.start } else { &slice.end };
                let edge = (index < last).then(|| edge.clone());
                Stretch { partition, edge }
            };
            let mut stretches: Vec<_> = slices.iter().enumerate().map(stretch).collect();
            stretches.reverse();
            stretches
        }
    }

    /// Puts stretches together that came in an order.
    pub(crate) fn joined(mut stretches: Vec<Stretch>, is_reversed: bool) -> Partition {
        let (deletion, static_row) = {
            let first = &stretches[0].partition;
            (first.deletion, first.static_row.clone())
        };
        if is_reversed {
            stretches.reverse();
        }
        let mut joined = Partition {
            deletion,
            static_row,
            ..Partition::default()
        };
        for stretch in stretches {
            joined.rows.extend(stretch.partition.rows);
            for tombstone in stretch.partition.range_tombstones.iter() {
                joined.range_tombstones.push(tombstone.clone());
            }
        }
        joined
    }

    #[test]
    fn merge_of_stretches_is_the_merge_of_whole_partitions_in_both_directions() {
        for seed in 0..40_000 {
            let mut dice = Dice(seed);
            let is_reversed = dice.below(2) == 0;
            let whole: Vec<_> = (0..=dice.below(4)).map(|_| dice.partition()).collect();
            let mut expected = Partition::default();
            for partition in &whole {
                expected.apply(partition.clone(), &Reference);
            }
            let mut sources: Vec<_> = whole
                .iter()
                .map(|partition| dice.stretches(partition, is_reversed))
                .collect();
            let first = sources
                .iter_mut()
                .map(|source| source.pop().expect("a first stretch"));
            let mut merge = StretchMerge::new(first.collect(), is_reversed);
            let mut merged = Vec::new();
            loop {
                let pull = |index: usize| Ok::<_, Infallible>(sources[index].pop().expect("a next stretch"));
                let stretch = merge.next(pull).expect("nothing fails");
                let is_last = stretch.edge.is_none();
                merged.push(stretch);
                if is_last {
                    break;
                }
            }
            assert!(sources.iter().all(Vec::is_empty), "seed {seed}");
            for pair in merged.windows(2) {
                let [before, behind] = pair else { continue };
                let ascends = behind
                    .edge
                    .as_ref()
                    .is_none_or(|edge| Some(edge) > before.edge.as_ref());
                assert!(ascends != is_reversed || behind.edge.is_none(), "seed {seed}");
            }
            assert_eq!(joined(merged, is_reversed), expected, "seed {seed}");
        }
    }

    #[test]
    fn source_that_lies_ahead_is_not_asked_for_more() {
        let mut dice = Dice(1);
        let row = |number: u8, dice: &mut Dice| Partition {
            rows: [(Clustering(vec![[number].into()]), dice.row())].into(),
            ..Partition::default()
        };
        let edge = |number: u8| {
            Some(ClusteringBound::exclusive_start(Clustering(vec![
                [number].into(),
            ])))
        };
        let ahead = Stretch {
            partition: row(9, &mut dice),
            edge: edge(9),
        };
        let near = Stretch {
            partition: row(1, &mut dice),
            edge: edge(1),
        };
        let mut merge = StretchMerge::new(vec![ahead, near.clone()], false);
        let mut asked = Vec::new();
        let first = merge.next(|index| {
            asked.push(index);
            Err("nobody is asked for the first stretch")
        });
        assert_eq!(first, Ok(near));
        let second = merge.next(|index| {
            asked.push(index);
            Ok::<_, Infallible>(Stretch::whole(Partition::default()))
        });
        assert_eq!(second.expect("nothing fails").edge, edge(9));
        assert_eq!(asked, [1]);
    }
}
