//! Mutations whose tables are unknown.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::mutation::decoder::read_update_count;
use thymbra_types::TableId;

/// What can be said of a mutation without its schema.
///
/// Rows do not say how long they are, so that where the first update ends, and the next table
/// begins, is unknown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RawMutation<'a> {
    /// Tables that it writes to.
    pub update_count: usize,
    /// Table of the first update.
    pub table_id: TableId,
    /// Serialized partition key, the same in all updates.
    pub key: &'a [u8],
    /// What follows the key of the first update, to the end of the mutation.
    pub first_update: &'a [u8],
}

impl<'a> RawMutation<'a> {
    /// Reads the beginning of a mutation that is all of some bytes, which stand at an offset.
    ///
    /// # Errors
    /// When it is cut, or has no update.
    pub fn read(bytes: &'a [u8], base_offset: u64) -> Result<Self, FormatError> {
        let mut cursor = Cursor::at(bytes, base_offset);
        let update_count = read_update_count(&mut cursor)?;
        Ok(Self {
            update_count,
            table_id: TableId(cursor.u128("table id")?),
            key: cursor.vint_bytes("partition key")?,
            first_update: cursor.remaining(),
        })
    }
}
