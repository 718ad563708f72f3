//! A partition of an SSTable that is written stretch by stretch, so that it is never held whole.
//!
//! The bytes are those of the same partition written at once: a range tombstone that was cut at the edge of two
//! stretches is put together again, and a block of the promoted index goes on behind an edge. Source: Cassandra
//! `io.sstable.format.SortedTablePartitionWriter`.

use super::partition_writer::{Block, Progress};
use super::writer::SSTableWriter;
use crate::storage_error::StorageError;
use crate::stretch::Stretch;
use thymbra_format::rows::{MarkerChange, UnfilteredView, unfiltereds};
use thymbra_types::{Clustering, ClusteringBound, DecoratedKey, DeletionTime, Partition, Row};

/// The partition at the end of an SSTable.
pub(crate) struct StretchWriter<'w> {
    writer: &'w mut SSTableWriter,
    key: &'w DecoratedKey,
    data_position: u64,
    is_begun: bool,
    deletion: DeletionTime,
    static_row: Row,
    /// A range that reaches up to the last edge, whose end was not written because it may go on.
    crossing: Option<(ClusteringBound, DeletionTime)>,
    progress: OwnedProgress,
}

/// [`Progress`] between two stretches.
#[derive(Debug, Default)]
struct OwnedProgress {
    ends: Option<(OwnedPlace, OwnedPlace)>,
    open_marker: Option<DeletionTime>,
    /// Where the block begins, with its first row or marker; its last one is that of the partition.
    block: Option<(usize, OwnedPlace)>,
}

/// The place of a row or marker that was written.
#[derive(Debug)]
enum OwnedPlace {
    Row(Clustering),
    Marker(ClusteringBound, MarkerChange),
}

impl<'w> StretchWriter<'w> {
    /// A partition that lies behind all others.
    pub(crate) fn new(writer: &'w mut SSTableWriter, key: &'w DecoratedKey) -> Self {
        Self {
            data_position: writer.position(),
            writer,
            key,
            is_begun: false,
            deletion: DeletionTime::LIVE,
            static_row: Row::default(),
            crossing: None,
            progress: OwnedProgress::default(),
        }
    }

    /// Position behind what was written, before compression.
    pub(crate) const fn position(&self) -> u64 {
        self.writer.position()
    }

    /// Takes the next stretch, or what was left of it.
    ///
    /// # Errors
    /// When it does not fit the header, or the disk fails.
    ///
    /// # Panics
    /// When the key does not lie behind the previous.
    //= WP-CP-09
    pub(crate) fn push(&mut self, stretch: Stretch) -> Result<(), StorageError> {
        let Stretch { mut partition, edge } = stretch;
        if !self.is_begun {
            if !partition.deletion.is_live() {
                self.deletion = partition.deletion;
            }
            let static_row = std::mem::take(&mut partition.static_row);
            if !static_row.is_empty() {
                self.static_row = static_row;
            }
            let is_empty = self.deletion.is_live() && self.static_row.is_empty();
            if is_empty && partition.rows.is_empty() && partition.range_tombstones.is_empty() {
                return Ok(());
            }
            self.writer
                .begin_partition(self.key, self.deletion, &self.static_row)?;
            self.is_begun = true;
        }
        if let (Some((crossed, _)), Some(edge)) = (&self.crossing, &edge)
            && crossed == edge
        {
            // No place lies between two edges at the same place.
            return Ok(());
        }
        let (owned, no_row) = (std::mem::take(&mut self.progress), Row::default());
        let crossing = self.crossing.take();
        let views = joined(crossing.as_ref(), &partition, edge.as_ref());
        let (partitions, mut around) = self.writer.parts();
        let mut progress = owned.view(&no_row);
        partitions.write_unfiltereds(views, &mut progress, &mut around)?;
        self.progress = OwnedProgress::of(progress);
        let last = partition.range_tombstones.iter().last();
        self.crossing = last
            .zip(edge)
            .filter(|(last, edge)| last.end == *edge)
            .map(|(last, edge)| (edge, last.deletion));
        self.writer.drain_partition()
    }

    /// Ends the partition behind its last stretch; says whether there was anything in it.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn finish(self) -> Result<bool, StorageError> {
        if !self.is_begun {
            return Ok(false);
        }
        let no_row = Row::default();
        let (partitions, mut around) = self.writer.parts();
        partitions.end(&self.progress.view(&no_row), &mut around)?;
        self.writer.drain_partition()?;
        self.writer
            .end_partition(self.key, self.data_position, self.deletion)?;
        Ok(true)
    }
}

/// Rows and markers of a stretch, behind a range that reaches up to it and before an edge that the last range may
/// cross.
fn joined<'p>(
    crossing: Option<&'p (ClusteringBound, DeletionTime)>,
    partition: &'p Partition,
    edge: Option<&'p ClusteringBound>,
) -> impl Iterator<Item = UnfilteredView<'p>> {
    let mut views = unfiltereds(partition).peekable();
    let joint = crossing.and_then(|(crossed, closing)| {
        let opened = views.next_if(|view| opens_at(view, crossed));
        let opening = opened.and_then(|view| match view {
            UnfilteredView::Marker { change, .. } => change.opening(),
            UnfilteredView::Row { .. } => None,
        });
        let change = match opening {
            None => MarkerChange::Close(*closing),
            Some(opening) if opening == *closing => return None,
            Some(opening) => MarkerChange::Boundary {
                closing: *closing,
                opening,
            },
        };
        Some(UnfilteredView::Marker {
            bound: crossed,
            change,
        })
    });
    let is_within = move |view: &UnfilteredView<'_>| match view {
        UnfilteredView::Marker { bound, .. } => Some(*bound) != edge,
        UnfilteredView::Row { .. } => true,
    };
    joint.into_iter().chain(views.filter(is_within))
}

fn opens_at(view: &UnfilteredView<'_>, place: &ClusteringBound) -> bool {
    match view {
        UnfilteredView::Marker { bound, change } => *bound == place && change.closing().is_none(),
        UnfilteredView::Row { .. } => false,
    }
}

impl OwnedProgress {
    fn of(progress: Progress<'_>) -> Self {
        let Progress {
            ends,
            open_marker,
            block,
        } = progress;
        Self {
            ends: ends.map(|(first, last)| (OwnedPlace::of(first), OwnedPlace::of(last))),
            open_marker,
            block: block.map(|block| (block.begin, OwnedPlace::of(block.first))),
        }
    }

    /// The progress, of whose rows nobody asks for more than where they are.
    fn view<'p>(&'p self, no_row: &'p Row) -> Progress<'p> {
        let ends = self.ends.as_ref();
        let ends = ends.map(|(first, last)| (first.view(no_row), last.view(no_row)));
        let block = self.block.as_ref().zip(ends);
        Progress {
            ends,
            open_marker: self.open_marker,
            block: block.map(|((begin, first), (_, last))| Block {
                begin: *begin,
                first: first.view(no_row),
                last,
            }),
        }
    }
}

impl OwnedPlace {
    fn of(unfiltered: UnfilteredView<'_>) -> Self {
        match unfiltered {
            UnfilteredView::Row { clustering, .. } => Self::Row(clustering.clone()),
            UnfilteredView::Marker { bound, change } => Self::Marker(bound.clone(), change),
        }
    }

    fn view<'p>(&'p self, no_row: &'p Row) -> UnfilteredView<'p> {
        match self {
            Self::Row(clustering) => UnfilteredView::Row {
                clustering,
                row: no_row,
            },
            Self::Marker(bound, change) => UnfilteredView::Marker {
                bound,
                change: *change,
            },
        }
    }
}
