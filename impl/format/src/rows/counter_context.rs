//! The value of a counter: what each node has counted.

use crate::cursor::Cursor;
use crate::error::FormatError;

/// Bytes of one shard.
const SHARD_SIZE_BYTES: usize = 32;
/// Added to the position of a shard in the header when it is global.
const GLOBAL_OFFSET: i16 = i16::MIN;

/// How far a node's count may be trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CounterShardKind {
    /// Agreed before it was applied: every shard since Cassandra 2.1.
    Global,
    /// A difference that only its own node may add up; before 2.1.
    Local,
    /// Another node's local shard; before 2.1.
    Remote,
}

/// What one node has counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CounterShard {
    /// Which node; its host id since 2.1.
    pub counter_id: u128,
    /// Greater is newer; microseconds since 1970 in global shards.
    pub clock: i64,
    /// The node's part of the sum.
    pub count: i64,
    /// How far it may be trusted.
    pub kind: CounterShardKind,
}

/// The value of a cell of type `counter`; read only.
///
/// | offset | size | field | meaning |
/// |---|---|---|---|
/// | 0 | 2 | n | entries of the header; negative when local shards are to be cleared |
/// | 2 | 2 n | entries | position of a local shard, or of a global one minus 32768, in the order of the shards |
/// | 2 + 2 n | 32 each | shards | in the order of their ids: id (16), clock (8), count (8) |
///
/// Source: Cassandra `db.context.CounterContext`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CounterContext {
    /// The shards in the order of their ids.
    pub shards: Vec<CounterShard>,
}

impl CounterContext {
    /// Reads the value of a cell that stands at an offset.
    ///
    /// # Errors
    /// When it is no context.
    pub fn read(value: &[u8], offset: u64) -> Result<Self, FormatError> {
        let mut cursor = Cursor::at(value, offset);
        let entry_count = cursor.u16("header of a counter")?.cast_signed().unsigned_abs();
        let header_size_bytes = usize::from(entry_count) * size_of::<i16>();
        let entries_offset = cursor.offset();
        let entries = cursor.take(header_size_bytes, "header of a counter")?;

        let mut shards = Vec::with_capacity(cursor.remaining().len() / SHARD_SIZE_BYTES);
        while !cursor.is_at_end() {
            shards.push(CounterShard {
                counter_id: cursor.u128("id of a counter shard")?,
                clock: cursor.i64("clock of a counter shard")?,
                count: cursor.i64("count of a counter shard")?,
                kind: CounterShardKind::Remote,
            });
        }

        let mut entries = Cursor::at(entries, entries_offset);
        while !entries.is_at_end() {
            let entry_offset = entries.offset();
            let entry = entries.u16("header of a counter")?.cast_signed();
            let (kind, index) = if entry < 0 {
                (CounterShardKind::Global, entry.wrapping_sub(GLOBAL_OFFSET))
            } else {
                (CounterShardKind::Local, entry)
            };
            let shard = usize::try_from(index)
                .ok()
                .and_then(|index| shards.get_mut(index));
            match shard {
                Some(shard) => shard.kind = kind,
                None => {
                    return Err(FormatError::invalid(
                        "header of a counter",
                        entry_offset,
                        "positions of shards",
                        &entry,
                    ));
                }
            }
        }
        Ok(Self { shards })
    }

    /// What a reader sees: the sum over all nodes, modulo 2^64 as in Cassandra.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.shards
            .iter()
            .fold(0, |sum, shard| sum.wrapping_add(shard.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard_bytes(counter_id: u128, clock: i64, count: i64) -> Vec<u8> {
        [
            &counter_id.to_be_bytes()[..],
            &clock.to_be_bytes(),
            &count.to_be_bytes(),
        ]
        .concat()
    }

    #[test]
    fn one_global_shard_is_an_increment_of_today() {
        let bytes = [&[0, 1, 0x80, 0][..], &shard_bytes(7, 100, -3)].concat();
        assert_eq!(bytes.len(), 36);
        let context = CounterContext::read(&bytes, 0).expect("a context");
        let shard = CounterShard {
            counter_id: 7,
            clock: 100,
            count: -3,
            kind: CounterShardKind::Global,
        };
        assert_eq!(context.shards, [shard]);
        assert_eq!(context.total(), -3);
    }

    #[test]
    fn shards_outside_of_the_header_are_remote() {
        let header = [0, 2, 0, 0, 0x80, 2];
        let shards = [
            shard_bytes(1, 1, 10),
            shard_bytes(2, 1, 20),
            shard_bytes(3, 1, 30),
        ];
        let context = CounterContext::read(&[&header[..], &shards.concat()].concat(), 0).expect("a context");
        let kinds: Vec<CounterShardKind> = context.shards.iter().map(|shard| shard.kind).collect();
        assert_eq!(
            kinds,
            [
                CounterShardKind::Local,
                CounterShardKind::Remote,
                CounterShardKind::Global
            ]
        );
        assert_eq!(context.total(), 60);
    }

    #[test]
    fn cut_values_and_positions_without_shard_are_refused() {
        let bytes = [&[0, 1, 0x80, 0][..], &shard_bytes(7, 100, -3)].concat();
        for cut in 0..bytes.len() {
            let read = CounterContext::read(&bytes[..cut], 0);
            assert!(read.is_err(), "cut at {cut}");
        }
        let beyond = [&[0, 1, 0x80, 1][..], &shard_bytes(7, 100, -3)].concat();
        assert!(CounterContext::read(&beyond, 0).is_err());
    }
}
