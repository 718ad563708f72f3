//! Memory for bytes that all go at once: what a memtable keeps of updates.
//!
//! Source: Cassandra `utils.memory.SlabAllocator`.

/// The first block, bytes; each further one is twice as large, up to the largest.
const FIRST_BLOCK_BYTES: usize = 1 << 10;
/// The largest block, bytes.
const LARGEST_BLOCK_BYTES: usize = 256 << 10;

/// Bytes in few large blocks, which are never moved and freed together.
#[derive(Debug, Default)]
pub(super) struct Arena {
    /// Invariant: no block grows beyond the capacity that it begins with.
    blocks: Vec<Vec<u8>>,
}

/// Where some bytes lie in their arena.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    block: u32,
    begin: u32,
    length: u32,
}

impl Place {
    /// Bytes of them.
    pub(super) const fn length(self) -> u32 {
        self.length
    }
}

impl Arena {
    /// Bytes that are kept apart at most; more belong into memory of their own.
    pub(super) const MAX_LENGTH_BYTES: usize = 64 << 10;

    /// Copies bytes in, up to [`Arena::MAX_LENGTH_BYTES`] of them.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Place {
        let has_room = |block: &Vec<u8>| block.capacity() - block.len() >= bytes.len();
        if !self.blocks.last().is_some_and(has_room) {
            let last_bytes = self.blocks.last().map_or(0, Vec::capacity);
            let block_bytes = (2 * last_bytes).clamp(FIRST_BLOCK_BYTES, LARGEST_BLOCK_BYTES);
            self.blocks.push(Vec::with_capacity(block_bytes.max(bytes.len())));
        }
        let index = self.blocks.len() - 1;
        let Some(block) = self.blocks.last_mut() else {
            unreachable!("there is a block with room")
        };
        let begin = block.len();
        block.extend_from_slice(bytes);
        let number = |count: usize| u32::try_from(count).expect("a memtable has less than 4 Gi of anything");
        Place {
            block: number(index),
            begin: number(begin),
            length: number(bytes.len()),
        }
    }

    /// Touches every cache line in the order of memory, which is the fastest.
    pub(super) fn fetch(&self) -> u64 {
        let lines = self.blocks.iter().flat_map(|block| block.iter().step_by(64));
        lines.map(|byte| u64::from(*byte)).sum()
    }

    /// Bytes that were copied in.
    pub(super) fn get(&self, place: Place) -> &[u8] {
        let number = |number: u32| usize::try_from(number).expect("at most what memory has");
        let (begin, length) = (number(place.begin), number(place.length));
        let block = self.blocks.get(number(place.block));
        block
            .and_then(|block| block.get(begin..begin + length))
            .expect("places are of this arena")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_stay_what_they_were(lengths in prop::collection::vec(
            prop_oneof![8 => 0_usize..300, 1 => 0..=Arena::MAX_LENGTH_BYTES],
            0..200,
        )) {
            let mut arena = Arena::default();
            let bytes = |index: usize, length| vec![u8::try_from(index % 251).expect("below 251"); length];
            let places: Vec<_> = lengths
                .iter()
                .enumerate()
                .map(|(index, length)| arena.push(&bytes(index, *length)))
                .collect();
            for (index, (place, length)) in places.iter().zip(&lengths).enumerate() {
                prop_assert_eq!(arena.get(*place), bytes(index, *length));
            }
        }
    }
}
