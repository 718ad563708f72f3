//! An SSTable: each component by itself, and all of them against the data.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use thymbra_format::rows::{
    PartitionHeader, SerializationHeader, Unfiltered, UnfilteredForm, UnfilteredReader,
};
use thymbra_format::sstable::metadata::Statistics;
use thymbra_format::sstable::{
    BloomFilter, Component, Digest, IndexSummary, PromotedIndex, RowIndexEntry, Toc,
};
use thymbra_format::{AbstractType, Cursor};
use thymbra_types::{DecoratedKey, DeletionTime, Row};

use crate::files::{DataStream, FileError, SSTablePath, read_file};

use super::promoted_index::PartitionCheck;
use super::statistics::Seen;

/// Verifies an SSTable; says what is in it.
pub(super) fn verify(sstable: &SSTablePath) -> Result<String, FileError> {
    check_toc(sstable)?;
    let statistics = sstable.statistics()?;
    check_digest(sstable)?;
    let summary_path = sstable.path(Component::Summary);
    let summary = IndexSummary::read(&read_file(&summary_path)?, statistics.validation.partitioner)
        .map_err(FileError::format(&summary_path))?;
    let index = sstable.read(Component::PrimaryIndex)?;
    let index_path = sstable.path(Component::PrimaryIndex);
    check_filter(sstable, &index)?;
    let mut walk = Walk {
        sstable,
        index_path: &index_path,
        statistics: &statistics,
        data: DataStream::open(sstable)?,
        last_key: None,
        seen: Seen::nothing(),
    };
    let mut entries = Cursor::new(&index);
    let mut sampled_count = 0;
    while !entries.is_at_end() {
        let offset = entries.offset();
        let entry = RowIndexEntry::read(&mut entries).map_err(FileError::format(&index_path))?;
        // Entries of the summary that are no entries of the index stay behind.
        if summary.entry(sampled_count) == Some((entry.key, offset)) {
            sampled_count += 1;
        }
        if walk.last_key.is_none() && summary.first_key() != entry.key {
            let found = "has another first key than Index.db";
            return Err(FileError::contradiction(&summary_path, found));
        }
        walk.partition(&entry)?;
    }
    if sampled_count != summary.entry_count() {
        let found = format!("entry {sampled_count} is none of Index.db");
        return Err(FileError::contradiction(&summary_path, found));
    }
    walk.finish(&summary, &summary_path)
}

/// `TOC.txt` lists the files that are there, and no others.
fn check_toc(sstable: &SSTablePath) -> Result<(), FileError> {
    let path = sstable.path(Component::Toc);
    let toc = Toc::read(&read_file(&path)?).map_err(FileError::format(&path))?;
    for component in Component::ALL {
        match (toc.lists(component), sstable.has(component)) {
            (true, false) => {
                let found = format!("lists {component}, which is not there");
                return Err(FileError::contradiction(&path, found));
            }
            (false, true) => {
                let found = format!("does not list {component}, which is there");
                return Err(FileError::contradiction(&path, found));
            }
            (true, true) | (false, false) => {}
        }
    }
    if let Some(name) = toc.names.iter().find(|name| Component::from_name(name).is_none()) {
        return Err(FileError::contradiction(
            &path,
            format!("lists {name}, which is unknown"),
        ));
    }
    for component in [
        Component::Data,
        Component::PrimaryIndex,
        Component::Statistics,
        Component::Summary,
        Component::Digest,
    ] {
        if !sstable.has(component) {
            let found = format!("has no {}", sstable.stem().file_name(component));
            return Err(FileError::contradiction(sstable.directory(), found));
        }
    }
    if sstable.has(Component::CompressionInfo) == sstable.has(Component::Crc) {
        let found = "either CompressionInfo.db or CRC.db belongs to an SSTable, and both or none is there";
        return Err(FileError::contradiction(sstable.directory(), found));
    }
    Ok(())
}

/// The filter has every key of the index.
fn check_filter(sstable: &SSTablePath, index: &[u8]) -> Result<(), FileError> {
    if !sstable.has(Component::Filter) {
        return Ok(());
    }
    let path = sstable.path(Component::Filter);
    let mut filter = BloomFilter::read(&read_file(&path)?).map_err(FileError::format(&path))?;
    let index_path = sstable.path(Component::PrimaryIndex);
    let keys: Vec<&[u8]> = RowIndexEntry::all(Cursor::new(index))
        .map(|entry| entry.map(|entry| entry.key))
        .collect::<Result<_, _>>()
        .map_err(FileError::format(&index_path))?;
    filter
        .check(keys.iter().copied())
        .map_err(FileError::format(&path))
}

/// `Digest.crc32` over the file as it is stored.
fn check_digest(sstable: &SSTablePath) -> Result<(), FileError> {
    let digest_path = sstable.path(Component::Digest);
    let Digest(expected) =
        Digest::read(&read_file(&digest_path)?).map_err(FileError::format(&digest_path))?;
    let data_path = sstable.path(Component::Data);
    let found = checksum_of(&data_path).map_err(FileError::disk(&data_path))?;
    if found == expected {
        return Ok(());
    }
    let found = format!(
        "has checksum {found}, and {} says {expected}",
        digest_path.display()
    );
    Err(FileError::contradiction(&data_path, found))
}

fn checksum_of(path: &Path) -> std::io::Result<u32> {
    const PIECE_BYTES: usize = 1 << 16;
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut checksum = crc32fast::Hasher::new();
    loop {
        let read_bytes = file.read(&mut piece)?;
        if read_bytes == 0 {
            return Ok(checksum.finalize());
        }
        checksum.update(piece.get(..read_bytes).unwrap_or_default());
    }
}

/// Goes through the data, partition after partition.
struct Walk<'a> {
    sstable: &'a SSTablePath,
    index_path: &'a Path,
    statistics: &'a Statistics,
    data: DataStream,
    last_key: Option<DecoratedKey>,
    seen: Seen,
}

impl Walk<'_> {
    /// The partition of an entry of the index.
    fn partition(&mut self, entry: &RowIndexEntry<'_>) -> Result<(), FileError> {
        let begin = self.data.position();
        if entry.data_position != begin || self.data.is_at_end() {
            let found = format!(
                "has a partition at {} of Data.db, where the next begins at {begin}",
                entry.data_position
            );
            return Err(FileError::contradiction(self.index_path, found));
        }
        let header = &self.statistics.header;
        let (key, deletion, static_row) = self.data.parse(|cursor| {
            PartitionHeader::read(cursor, header)
                .map(|begun| (begun.key.to_vec(), begun.deletion, begun.static_row))
        })?;
        if key != entry.key {
            let found = format!("has another key for the partition at {begin} than Data.db");
            return Err(FileError::contradiction(self.index_path, found));
        }
        self.key(&key, begin)?;
        self.seen.deletion(deletion);
        self.seen.row(&static_row);
        self.values(&static_row, header, true, begin)?;
        self.rows(entry.promoted, begin, deletion)
    }

    fn key(&mut self, key: &[u8], begin: u64) -> Result<(), FileError> {
        self.validate(&self.statistics.header.key_type, key, "partition key", begin)?;
        let key = DecoratedKey::new(self.statistics.validation.partitioner, key);
        if self.last_key.as_ref().is_some_and(|last| *last >= key) {
            let found = format!("at offset {begin} stands a partition that belongs before the one before it");
            return Err(FileError::contradiction(self.data.path(), found));
        }
        self.last_key = Some(key);
        self.seen.partitions_count += 1;
        Ok(())
    }

    fn rows(
        &mut self,
        promoted: Option<PromotedIndex<'_>>,
        begin: u64,
        deletion: DeletionTime,
    ) -> Result<(), FileError> {
        let header = &self.statistics.header;
        let data_path = self.sstable.path(Component::Data);
        let mut check = PartitionCheck::new(
            (&data_path, self.index_path),
            header,
            promoted,
            (begin, self.data.position()),
            deletion,
        )?;
        let mut open = None;
        loop {
            let offset = self.data.position();
            let (next, now_open) = self.data.parse(|cursor| {
                let mut reader =
                    UnfilteredReader::resume(cursor.clone(), header, UnfilteredForm::SsTable, open);
                let next = reader.next()?;
                let now_open = reader.open_marker();
                *cursor = reader.into_cursor();
                Ok((next, now_open))
            })?;
            let Some(unfiltered) = next else {
                return check.finish(self.data.position());
            };
            check.take(&unfiltered, offset, open)?;
            self.unfiltered(&unfiltered, offset)?;
            open = now_open;
        }
    }

    fn unfiltered(&mut self, unfiltered: &Unfiltered, offset: u64) -> Result<(), FileError> {
        let header = &self.statistics.header;
        let clustering = match unfiltered {
            Unfiltered::Row { clustering, row } => {
                self.seen.rows_count += 1;
                self.seen.row(row);
                self.values(row, header, false, offset)?;
                clustering
            }
            Unfiltered::Marker(marker) => {
                for deletion in [marker.change.opening(), marker.change.closing()]
                    .into_iter()
                    .flatten()
                {
                    self.seen.deletion(deletion);
                }
                &marker.prefix
            }
        };
        for (value, of) in clustering.0.iter().zip(&*header.clustering_types) {
            if let Some(value) = value {
                self.validate(of, value, "clustering", offset)?;
            }
        }
        Ok(())
    }

    /// Every value of a row is one of its column's type.
    fn values(
        &self,
        row: &Row,
        header: &SerializationHeader,
        is_static: bool,
        offset: u64,
    ) -> Result<(), FileError> {
        for (name, cell) in row.cells.iter() {
            let Some(column) = header.columns(is_static).find(&name.column.0) else {
                continue;
            };
            let path = name.path.as_ref().map(|path| &*path.0);
            let is_tombstone = matches!(cell.kind, thymbra_types::CellKind::Tombstone { .. });
            if is_tombstone {
                continue;
            }
            column
                .column_type()
                .validate_cell(path, &cell.value)
                .map_err(|source| FileError::Value {
                    path: self.data.path().to_path_buf(),
                    what: (*name.column.0).into(),
                    offset,
                    source,
                })?;
        }
        Ok(())
    }

    fn validate(&self, of: &AbstractType, value: &[u8], what: &str, offset: u64) -> Result<(), FileError> {
        of.validate(value).map_err(|source| FileError::Value {
            path: self.data.path().to_path_buf(),
            what: what.into(),
            offset,
            source,
        })
    }

    /// The end of the index is the end of everything.
    fn finish(self, summary: &IndexSummary, summary_path: &Path) -> Result<String, FileError> {
        if !self.data.is_at_end() {
            let found = format!(
                "ends, and Data.db has partitions from {} on",
                self.data.position()
            );
            return Err(FileError::contradiction(self.index_path, found));
        }
        if self.last_key.as_ref().map(DecoratedKey::key) != Some(summary.last_key()) {
            let found = "has another last key than Index.db";
            return Err(FileError::contradiction(summary_path, found));
        }
        self.seen
            .check(&self.statistics.stats, &self.sstable.path(Component::Statistics))?;
        self.data.check_end(self.sstable)?;
        let (partitions, rows) = (self.seen.partitions_count, self.seen.rows_count);
        Ok(format!("partitions {partitions}, rows {rows}"))
    }
}
