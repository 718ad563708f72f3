//! Syncs of a large file while it is written, so that its end does not wait for all of it.
//!
//! Source: Cassandra `io.util.SequentialWriter.maybeSync`, `conf/cassandra.yaml`, `trickle_fsync`.

use crate::disk::{DiskFile, DiskResult};

/// Counts what a file was given since its last sync.
#[derive(Debug)]
pub(super) struct TrickleFsync {
    /// Bytes that are synced together; absent, there is a sync at the end only.
    interval_bytes: Option<u64>,
    unsynced_bytes: u64,
}

impl TrickleFsync {
    /// At the beginning of a file.
    pub(super) const fn new(interval_bytes: Option<u64>) -> Self {
        Self {
            interval_bytes,
            unsynced_bytes: 0,
        }
    }

    /// Appends bytes to the file, and syncs it if they are enough with those before.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn append(&mut self, file: &dyn DiskFile, bytes: &[u8]) -> DiskResult<()> {
        file.append(bytes)?;
        self.unsynced_bytes += bytes.len() as u64;
        if self
            .interval_bytes
            .is_some_and(|interval_bytes| self.unsynced_bytes >= interval_bytes)
        {
            file.sync_data()?;
            self.unsynced_bytes = 0;
        }
        Ok(())
    }
}
