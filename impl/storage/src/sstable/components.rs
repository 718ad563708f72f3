//! The small components of an SSTable, read and written whole.

use super::SSTableFiles;
use crate::disk::{Disk, DiskResult};
use crate::storage_error::StorageError;
use thymbra_format::FormatError;
use thymbra_format::sstable::Component;

/// Reads a component, and names its file when it is damaged.
pub(super) fn read<T>(
    disk: &dyn Disk,
    files: &SSTableFiles,
    component: Component,
    parse: impl FnOnce(&[u8]) -> Result<T, FormatError>,
) -> Result<T, StorageError> {
    let path = files.path(component);
    let bytes = disk.read(&path)?;
    parse(&bytes).map_err(StorageError::corrupt(&path))
}

/// Writes a component, and makes its bytes durable.
pub(super) fn write(
    disk: &dyn Disk,
    files: &SSTableFiles,
    component: Component,
    bytes: &[u8],
) -> DiskResult<()> {
    let file = disk.create_new(&files.path(component))?;
    file.append(bytes)?;
    file.sync_data()
}
