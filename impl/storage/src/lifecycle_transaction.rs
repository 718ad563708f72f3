//! Exchanges of SSTables: all of what a flush or compaction does to a table's files, or nothing.
//!
//! What is about to happen is noted in a log beside the files; a crash leaves the log, and the next
//! start finishes or undoes what it says. Chapter: `specs/08-sstable.md`. Source: Cassandra
//! `db.lifecycle.LifecycleTransaction`, `LogTransaction`, `LogFile`.

use crate::disk::{Disk, DiskFile, DiskResult};
use crate::sstable::{SSTableFiles, SSTableReader};
use crate::storage_error::StorageError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thymbra_durability::{RemovedFiles, TransactionLogCorrupt, TransactionRecord, TransactionRules as _};
use thymbra_format::transaction_log::{
    self, LogLine, LogLineContent, LogRecord, LogRecordType, OperationType, is_log_file_name, log_file_name,
};
use thymbra_types::Reference;

/// Files that an SSTable has: all components but one of the two that exclude each other.
const FILES_COUNT: i32 = 8;
/// From the beginning of the Gregorian calendar, where time UUIDs begin, to 1970: units of 100 ns.
const UUID_EPOCH_TO_UNIX: u64 = 0x01b2_1dd2_1381_4000;

/// A change of a table's SSTables that is under way.
///
/// Dropped before [`LifecycleTransaction::commit`], it is undone as far as the disk allows, and the
/// rest at the next start.
#[derive(Debug)]
pub(crate) struct LifecycleTransaction {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    path: PathBuf,
    log: Option<Box<dyn DiskFile>>,
    obsolete: Vec<SSTableFiles>,
    /// Whether the log may still be undone: false once its commit may be on the disk.
    is_undoable: bool,
}

impl LifecycleTransaction {
    /// A transaction in a table's directory; nothing is written yet.
    pub(crate) fn begin(
        disk: &Arc<dyn Disk>,
        directory: &Path,
        operation: OperationType,
        unique: u64,
    ) -> Self {
        let name = log_file_name(operation, time_uuid(unique));
        Self {
            disk: Arc::clone(disk),
            directory: directory.to_path_buf(),
            path: directory.join(name),
            log: None,
            obsolete: Vec::new(),
            is_undoable: true,
        }
    }

    /// Where the table's files lie.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Notes, durably, an SSTable whose files are about to be created.
    ///
    /// # Errors
    /// When the disk fails; no file may be created then.
    pub(crate) fn track_new(&mut self, files: &SSTableFiles) -> DiskResult<()> {
        self.append(&[LogRecord::add(files.path_prefix(), FILES_COUNT)])
    }

    /// Marks an SSTable to be removed by the commit.
    pub(crate) fn obsolete(&mut self, sstable: &SSTableReader) {
        self.obsolete.push(sstable.files().clone());
    }

    /// Makes the change happen: from here on the new SSTables count, and the obsolete do not.
    ///
    /// The new files have been synced, and so has their directory.
    ///
    /// # Errors
    /// When the disk fails: whether it has happened is known at the next start only.
    //= WP-SS-03
    pub(crate) fn commit(&mut self) -> DiskResult<()> {
        let mut records = Vec::new();
        for files in &self.obsolete {
            let on_disk = files.on_disk(&*self.disk)?;
            records.push(LogRecord::remove(
                files.path_prefix(),
                on_disk.modified_ms,
                on_disk.files_count,
            ));
        }
        if !records.is_empty() {
            self.append(&records)?;
        }
        self.is_undoable = false;
        self.append(&[LogRecord::end(LogRecordType::Commit)])
    }

    /// Whether nothing can have happened yet.
    pub(crate) const fn is_undoable(&self) -> bool {
        self.is_undoable
    }

    /// Removes what the commit made obsolete, and then the log; what the disk refuses is left to the
    /// next start, because the change has happened.
    pub(crate) fn remove_obsolete(mut self) {
        if self.log.take().is_none() {
            return;
        }
        if let Err(error) = self.try_remove_obsolete() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "files of a transaction that has happened are left to the next start"
            );
        }
    }

    fn try_remove_obsolete(&self) -> DiskResult<()> {
        for files in &self.obsolete {
            files.remove(&*self.disk)?;
        }
        remove_log(&*self.disk, &self.directory, &self.path)
    }

    /// Appends records and makes them durable; the log is created with the first.
    fn append(&mut self, records: &[LogRecord]) -> DiskResult<()> {
        let is_new = self.log.is_none();
        if is_new {
            self.log = Some(self.disk.create_new(&self.path)?);
        }
        let Some(log) = &self.log else {
            unreachable!("the log has been created");
        };
        let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
        log.append(lines.as_bytes())?;
        log.sync_data()?;
        if is_new {
            self.disk.sync_directory(&self.directory)?;
        }
        Ok(())
    }
}

impl Drop for LifecycleTransaction {
    /// Undoes what has not been committed; what the disk refuses is left to the next start.
    fn drop(&mut self) {
        if !self.is_undoable || self.log.take().is_none() {
            return;
        }
        let undone = remove_leftovers_of(&*self.disk, &self.directory, &self.path);
        if let Err(error) = undone {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "files of a transaction that failed are left to the next start"
            );
        }
    }
}

/// Finishes or undoes the transactions that a crash left in a table's directory; gives the number of
/// files that were removed.
///
/// # Errors
/// When the disk fails, or a log contradicts itself or the files that it names.
//= WP-SS-03
pub(crate) fn remove_unfinished_leftovers(disk: &dyn Disk, directory: &Path) -> Result<u64, StorageError> {
    let mut removed_count = 0;
    for entry in disk.list(directory)? {
        if is_log_file_name(&entry.name) {
            removed_count += remove_leftovers_of(disk, directory, &directory.join(&entry.name))?;
        }
    }
    Ok(removed_count)
}

/// Does what one log says is left to do; gives the number of files that were removed.
fn remove_leftovers_of(disk: &dyn Disk, directory: &Path, path: &Path) -> Result<u64, StorageError> {
    // What is read here is acted on, and the process that wrote it may have ended before its sync.
    disk.open_read_only(path)?.sync_data()?;
    disk.sync_directory(directory)?;
    let lines = transaction_log::read_log(&disk.read(path)?);
    let mut found = Vec::new();
    for line in &lines {
        found.push(match &line.content {
            LogLineContent::Record(record) => on_disk(disk, directory, record)?,
            LogLineContent::Torn => TransactionRecord::Torn,
            LogLineContent::Damaged(_) => TransactionRecord::Damaged,
        });
    }
    let leftovers = Reference
        .recover(&found)
        .map_err(|refusal| refused(path, &lines, refusal))?;
    let records = lines.iter().filter_map(|line| match &line.content {
        LogLineContent::Record(record) => Some(record),
        LogLineContent::Torn | LogLineContent::Damaged(_) => None,
    });
    let mut removed_count = 0;
    for record in records {
        let goes = match record.record_type {
            LogRecordType::Add => leftovers.delete_added,
            LogRecordType::Remove => leftovers.delete_removed,
            LogRecordType::Commit | LogRecordType::Abort => false,
        };
        if let Some(files) = SSTableFiles::of_path_prefix(directory, &record.path_prefix).filter(|_| goes) {
            removed_count += files.remove(disk)?;
        }
    }
    remove_log(disk, directory, path)?;
    Ok(removed_count)
}

/// The error of a log that cannot be trusted.
fn refused(path: &Path, lines: &[LogLine], refusal: TransactionLogCorrupt) -> StorageError {
    let line = lines.get(refusal.record_index);
    let path = path.to_path_buf();
    if let Some(LogLineContent::Damaged(source)) = line.map(|line| &line.content) {
        return StorageError::Corrupt {
            path,
            source: source.clone(),
        };
    }
    StorageError::TransactionLog {
        path,
        offset: line.map_or(0, |line| line.offset),
        source: refusal,
    }
}

/// How the files that a record names look now.
fn on_disk(disk: &dyn Disk, directory: &Path, record: &LogRecord) -> DiskResult<TransactionRecord> {
    Ok(match record.record_type {
        LogRecordType::Add => TransactionRecord::Add,
        LogRecordType::Commit => TransactionRecord::Commit,
        LogRecordType::Abort => TransactionRecord::Abort,
        LogRecordType::Remove => {
            let Some(files) = SSTableFiles::of_path_prefix(directory, &record.path_prefix) else {
                return Ok(TransactionRecord::Damaged);
            };
            let found = files.on_disk(disk)?;
            TransactionRecord::Remove(if found.files_count < record.files_count {
                RemovedFiles::Partial
            } else if found.modified_ms > record.modified_ms {
                RemovedFiles::Other
            } else {
                RemovedFiles::Complete
            })
        }
    })
}

/// Removes the log of a transaction of which nothing else is left, in this order on the disk too.
fn remove_log(disk: &dyn Disk, directory: &Path, path: &Path) -> DiskResult<()> {
    disk.sync_directory(directory)?;
    disk.remove(path)?;
    disk.sync_directory(directory)
}

/// A time UUID (version 1) of a time in microseconds since 1970.
fn time_uuid(now_us: u64) -> u128 {
    let ticks = u128::from(now_us.saturating_mul(10).saturating_add(UUID_EPOCH_TO_UNIX));
    let (low, middle, high) = (ticks & 0xffff_ffff, (ticks >> 32) & 0xffff, (ticks >> 48) & 0xfff);
    // Version 1; variant of RFC 9562; a node that is no network card.
    (low << 96) | (middle << 80) | ((0x1000 | high) << 64) | (0x8000 << 48) | 0x0100_0000_0000
}
