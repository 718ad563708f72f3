//! Cells as bytes.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::rows::columns::Column;
use crate::rows::encode_error::EncodeError;
use crate::rows::encoding_stats::EncodingStats;
use crate::vint;
use thymbra_types::{CellKind, CellView, LivenessInfo, LivenessKind};

/// The cell is a tombstone.
const IS_DELETED: u8 = 0x01;
/// The cell has a TTL; never together with [`IS_DELETED`].
const IS_EXPIRING: u8 = 0x02;
/// No value follows.
const HAS_EMPTY_VALUE: u8 = 0x04;
/// The timestamp is that of the row.
const USE_ROW_TIMESTAMP: u8 = 0x08;
/// TTL and expiration are those of the row.
const USE_ROW_TTL: u8 = 0x10;
/// Bits that mean nothing.
const UNUSED: u8 = 0xe0;

/// Reads and writes the cells of one row.
///
/// Times are differences to the smallest of the header. Cassandra: `Cell.Serializer`.
///
/// | size | field | when |
/// |---|---|---|
/// | 1 | flags | |
/// | vint | timestamp | unless `USE_ROW_TIMESTAMP` |
/// | vint | local deletion time | if `IS_DELETED`, or `IS_EXPIRING` without `USE_ROW_TTL` |
/// | vint | TTL | if `IS_EXPIRING` without `USE_ROW_TTL` |
/// | vint, bytes | path | in a complex column |
/// | | value | unless `HAS_EMPTY_VALUE`; behind a vint of its size, unless all values of the type have one size |
///
/// A row's liveness has its TTL before its expiration; a cell has it behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CellCodec<'h> {
    /// What times are relative to.
    pub(crate) stats: &'h EncodingStats,
    /// Liveness of the row, whose times cells share.
    pub(crate) liveness: LivenessInfo,
}

impl CellCodec<'_> {
    fn shares_ttl(&self, kind: CellKind) -> bool {
        match (kind, self.liveness.kind) {
            (
                CellKind::Expiring {
                    ttl,
                    local_deletion_time,
                },
                LivenessKind::Expiring {
                    ttl: row_ttl,
                    local_expiration_time,
                },
            ) => !self.liveness.is_empty() && ttl == row_ttl && local_deletion_time == local_expiration_time,
            (CellKind::Live | CellKind::Expiring { .. } | CellKind::Tombstone { .. }, _) => false,
        }
    }

    /// Appends a cell.
    pub(crate) fn write(
        &self,
        path: Option<&[u8]>,
        cell: CellView<'_>,
        column: &Column,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let shares_timestamp = !self.liveness.is_empty() && cell.timestamp == self.liveness.timestamp;
        let shares_ttl = self.shares_ttl(cell.kind);
        let mut flags = match cell.kind {
            CellKind::Live => 0,
            CellKind::Expiring { .. } => IS_EXPIRING,
            CellKind::Tombstone { .. } => IS_DELETED,
        };
        if cell.value.is_empty() {
            flags |= HAS_EMPTY_VALUE;
        }
        if shares_timestamp {
            flags |= USE_ROW_TIMESTAMP;
        }
        if shares_ttl {
            flags |= USE_ROW_TTL;
        }
        out.push(flags);

        if !shares_timestamp {
            self.stats.write_timestamp(cell.timestamp, out);
        }
        match cell.kind {
            CellKind::Live => {}
            CellKind::Expiring {
                ttl,
                local_deletion_time,
            } => {
                if !shares_ttl {
                    self.stats.write_local_deletion_time(local_deletion_time, out)?;
                    self.stats.write_ttl(ttl, out);
                }
            }
            CellKind::Tombstone { local_deletion_time } => {
                self.stats.write_local_deletion_time(local_deletion_time, out)?;
            }
        }
        if let Some(path) = path {
            vint::write_unsigned(path.len() as u64, out);
            out.extend_from_slice(path);
        }
        if cell.value.is_empty() {
            return Ok(());
        }
        match column.value_size_bytes() {
            None => vint::write_unsigned(cell.value.len() as u64, out),
            Some(size_bytes) if size_bytes == cell.value.len() => {}
            Some(expected_bytes) => {
                return Err(EncodeError::ValueSize {
                    column: column.name().clone(),
                    expected_bytes,
                    found_bytes: cell.value.len(),
                });
            }
        }
        out.extend_from_slice(cell.value);
        Ok(())
    }

    /// Reads a cell, and its path in a complex column.
    pub(crate) fn read<'a>(
        &self,
        cursor: &mut Cursor<'a>,
        column: &Column,
    ) -> Result<(Option<&'a [u8]>, CellView<'a>), FormatError> {
        let flags = self.read_flags(cursor)?;
        let timestamp = if flags & USE_ROW_TIMESTAMP == 0 {
            self.stats.read_timestamp(cursor, "timestamp of a cell")?
        } else {
            self.liveness.timestamp
        };
        let kind = self.read_kind(cursor, flags)?;
        let path = if column.is_complex() {
            Some(cursor.vint_bytes("path of a cell")?)
        } else {
            None
        };
        let value = match (flags & HAS_EMPTY_VALUE, column.value_size_bytes()) {
            (HAS_EMPTY_VALUE, _) => &[],
            (_, Some(size_bytes)) => cursor.take(size_bytes, "value of a cell")?,
            (_, None) => cursor.vint_bytes("value of a cell")?,
        };
        let cell = CellView {
            timestamp,
            kind,
            value,
        };
        Ok((path, cell))
    }

    fn read_kind(&self, cursor: &mut Cursor<'_>, flags: u8) -> Result<CellKind, FormatError> {
        if flags & IS_DELETED != 0 {
            let local_deletion_time = self
                .stats
                .read_local_deletion_time(cursor, "deletion time of a cell")?;
            return Ok(CellKind::Tombstone { local_deletion_time });
        }
        match (flags & IS_EXPIRING, flags & USE_ROW_TTL, self.liveness.kind) {
            (0, _, _) => Ok(CellKind::Live),
            (
                _,
                USE_ROW_TTL,
                LivenessKind::Expiring {
                    ttl,
                    local_expiration_time,
                },
            ) => Ok(CellKind::Expiring {
                ttl,
                local_deletion_time: local_expiration_time,
            }),
            (_, _, LivenessKind::Live | LivenessKind::Expiring { .. } | LivenessKind::Expired { .. }) => {
                let local_deletion_time = self
                    .stats
                    .read_local_deletion_time(cursor, "expiration of a cell")?;
                Ok(CellKind::Expiring {
                    ttl: self.stats.read_ttl(cursor)?,
                    local_deletion_time,
                })
            }
        }
    }

    /// The flags, which may contradict neither each other nor the row.
    fn read_flags(&self, cursor: &mut Cursor<'_>) -> Result<u8, FormatError> {
        let offset = cursor.offset();
        let flags = cursor.u8("flags of a cell")?;
        let row_has_ttl = matches!(self.liveness.kind, LivenessKind::Expiring { .. });
        let expected = if flags & UNUSED != 0 {
            "no other bits than the lowest five"
        } else if flags & (IS_DELETED | IS_EXPIRING) == IS_DELETED | IS_EXPIRING {
            "either a tombstone or an expiring cell"
        } else if flags & (IS_DELETED | HAS_EMPTY_VALUE) == IS_DELETED {
            "a tombstone without value"
        } else if flags & USE_ROW_TIMESTAMP != 0 && self.liveness.is_empty() {
            "a timestamp, because the row has none"
        } else if flags & USE_ROW_TTL != 0 && flags & IS_EXPIRING == 0 {
            "a TTL only in an expiring cell"
        } else if flags & USE_ROW_TTL != 0 && !row_has_ttl {
            "a TTL, because the row has none"
        } else {
            return Ok(flags);
        };
        Err(FormatError::invalid(
            "flags of a cell",
            offset,
            expected,
            &format_args!("{flags:#04x}"),
        ))
    }
}
