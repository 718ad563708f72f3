//! Partitions of an SSTable one after the other, each in stretches if it is large.
//!
//! Source: Cassandra `io.sstable.SSTableIdentityIterator`.

use super::data_reader::DataBuffer;
use super::partition_extent::PartitionExtent;
use super::partition_reader::{PartitionParser, PausedParser};
use super::reader::{FORGET_THRESHOLD_BYTES, SSTableReader};
use crate::read::ClusteringSlice;
use crate::storage_error::StorageError;
use crate::stretch::Stretch;
use thymbra_types::DecoratedKey;

/// All that a scan reads of a partition.
static WHOLE: ClusteringSlice = ClusteringSlice::ALL;

/// A stretch that a scan has read.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) stretch: Stretch,
    /// Position behind it.
    pub(super) end: u64,
    /// What the next stretch is read with, of a partition that goes on; boxed, because few do.
    pub(super) paused: Option<Box<PausedScan>>,
}

/// The rest of a partition.
#[derive(Debug)]
pub(super) struct PausedScan {
    parser: PausedParser,
    begin: u64,
    extent: PartitionExtent,
}

impl Scanned {
    /// A stretch behind which the partition that stands at a position goes on.
    fn paused(mut parser: PartitionParser<'_>, begin: u64, mut extent: PartitionExtent) -> Self {
        if let Some(key) = parser.key() {
            extent.know_key(key);
        }
        Self {
            stretch: parser.take_stretch(),
            end: parser.position(),
            paused: Some(Box::new(PausedScan {
                parser: parser.pause(),
                begin,
                extent,
            })),
        }
    }
}

impl SSTableReader {
    /// Reads the beginning of the partition at a position.
    ///
    /// # Errors
    /// When the disk fails or the data is damaged.
    pub(super) fn read_at(
        &self,
        position: u64,
        stretch_bytes: u64,
        buffer: &mut DataBuffer,
    ) -> Result<(DecoratedKey, Scanned), StorageError> {
        if buffer.from(position).is_empty() {
            self.data.read_at(position, buffer)?;
        }
        let mut parser = PartitionParser::new(&self.header, self.partitioner, &WHOLE, position);
        let mut extent = PartitionExtent::new(position, self.data.length_bytes());
        let is_over = self.parse_on(&mut parser, &mut extent, position, stretch_bytes, buffer)?;
        let end = parser.position();
        if !is_over && let Some(key) = parser.key().cloned() {
            return Ok((key, Scanned::paused(parser, position, extent)));
        }
        let (key, partition) = parser.finish();
        let stretch = Stretch::whole(partition);
        let paused = None;
        Ok((key, Scanned { stretch, end, paused }))
    }

    /// Reads on behind a stretch of a partition.
    ///
    /// # Errors
    /// When the disk fails or the data is damaged.
    pub(super) fn read_behind(
        &self,
        paused: PausedScan,
        stretch_bytes: u64,
        buffer: &mut DataBuffer,
    ) -> Result<Scanned, StorageError> {
        let PausedScan {
            parser,
            begin,
            mut extent,
        } = paused;
        let mut parser = PartitionParser::resume(&self.header, self.partitioner, &WHOLE, parser);
        if !self.parse_on(&mut parser, &mut extent, begin, stretch_bytes, buffer)? {
            return Ok(Scanned::paused(parser, begin, extent));
        }
        let end = parser.position();
        let (_, partition) = parser.finish();
        let stretch = Stretch::whole(partition);
        let paused = None;
        Ok(Scanned { stretch, end, paused })
    }

    /// Reads so many bytes of the partition that stands at a position; says whether its end was read.
    //= WP-CP-09
    fn parse_on(
        &self,
        parser: &mut PartitionParser<'_>,
        extent: &mut PartitionExtent,
        begin: u64,
        stretch_bytes: u64,
        buffer: &mut DataBuffer,
    ) -> Result<bool, StorageError> {
        let wanted_end = parser.position().saturating_add(stretch_bytes);
        let is_over = loop {
            let error = match parser.advance(buffer.from(parser.position()), wanted_end) {
                Ok(is_over) => break is_over,
                Err(error) => error,
            };
            // A partition that is cut goes on in the next chunk, if there is more of it.
            let may_go_on =
                extent.may_go_on(&error, buffer, self.partitioner, |key| self.end_of(key, begin))?;
            if !(may_go_on && self.read_on(parser.position(), buffer)?) {
                return Err(self.corrupt_data(error));
            }
        };
        if is_over && !extent.may_end_at(parser.position()) {
            return Err(self.other_end(begin));
        }
        Ok(is_over)
    }

    /// Where the partition of a key ends that stands at a position.
    fn end_of(&self, key: &DecoratedKey, position: u64) -> Result<u64, StorageError> {
        let located = self.index.locate(key, self.data.length_bytes())?;
        let located = located.filter(|located| located.begin == position);
        located
            .map(|located| located.end)
            .ok_or_else(|| self.other_key(position))
    }

    /// Appends to a buffer what comes next: as much as it has from a position on, so that what stands
    /// there is not looked at for each chunk of it. False at the end of the data.
    fn read_on(&self, position: u64, buffer: &mut DataBuffer) -> Result<bool, StorageError> {
        if position.saturating_sub(buffer.position) > FORGET_THRESHOLD_BYTES {
            buffer.forget_before(position);
        }
        let end = buffer.end();
        let wanted_end = end.saturating_add(end.saturating_sub(position));
        if !self.data.read_more(buffer)? {
            return Ok(false);
        }
        while buffer.end() < wanted_end && self.data.read_more(buffer)? {}
        Ok(true)
    }
}
