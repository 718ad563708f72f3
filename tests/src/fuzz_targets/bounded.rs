//! A bounded run of a target: the same inputs in every run.
//!
//! Every file of the corpus as it is, cut at every length, with every byte changed in turn, and then changed
//! by lot in ways that damage and malice have: bytes, numbers, pieces moved, doubled and taken away.

use super::Target;
use std::path::Path;

/// Inputs of more bytes are cut and changed at some places only.
const EVERY_PLACE_BYTES: usize = 512;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BoundedRun {
    /// Files of the corpus.
    pub seeds_count: usize,
    /// Those that are whole, so that the decoder takes them.
    pub whole_count: usize,
    /// Inputs that the target was given.
    pub inputs_count: usize,
}

/// Gives a target its corpus and what lots make of it, about `lots_count` inputs of that.
///
/// # Panics
/// Where the target does; what it was given is printed then.
#[must_use]
pub fn run_bounded(target: &Target, corpus: &Path, lots_count: usize) -> BoundedRun {
    let seeds = read_corpus(&corpus.join(target.name));
    let mut run = BoundedRun {
        seeds_count: seeds.len(),
        ..BoundedRun::default()
    };
    let mut inputs_count = 0;
    let mut give = |bytes: &[u8]| {
        inputs_count += 1;
        let given = Given {
            target: target.name,
            bytes,
        };
        let is_whole = (target.run)(bytes);
        std::mem::forget(given);
        is_whole
    };
    give(&[]);
    for seed in &seeds {
        run.whole_count += usize::from(give(seed));
        let step = seed.len().div_ceil(EVERY_PLACE_BYTES).max(1);
        for place in (0..seed.len()).step_by(step) {
            give(seed.get(..place).unwrap_or_default());
            for mask in [0x01, 0x80, 0xff] {
                let mut changed = seed.clone();
                if let Some(byte) = changed.get_mut(place) {
                    *byte ^= mask;
                }
                give(&changed);
            }
        }
    }
    let mut lots = Lots(
        target
            .name
            .bytes()
            .fold(1_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte)),
    );
    for _ in 0..lots_count {
        let changed = lots.change(&seeds);
        give(&changed);
    }
    run.inputs_count = inputs_count;
    run
}

/// Prints what a target was given, if it panics.
struct Given<'a> {
    target: &'static str,
    bytes: &'a [u8],
}

impl Drop for Given<'_> {
    fn drop(&mut self) {
        let hexadecimal: String = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        eprintln!("fuzz target {} was given {hexadecimal}", self.target);
    }
}

/// The files of a folder in the order of their names; nothing if there is none.
fn read_corpus(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

/// Lots that a seed decides: SplitMix64.
struct Lots(u64);

impl Lots {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where that is 0.
    fn below(&mut self, bound: usize) -> usize {
        let word = usize::try_from(self.word() >> 33).unwrap_or_default();
        word.checked_rem(bound).unwrap_or_default()
    }

    /// A byte, often one that stands at an edge.
    fn byte(&mut self) -> u8 {
        const EDGES: [u8; 8] = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, b'('];
        let any = self.word().to_be_bytes();
        match self.below(2) {
            0 => EDGES.get(self.below(EDGES.len())).copied().unwrap_or_default(),
            _ => any.first().copied().unwrap_or_default(),
        }
    }

    /// A file of the corpus, changed in a few places; now and then bytes out of nothing.
    fn change(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let seed = self.below(seeds.len());
        let mut bytes = match (seeds.get(seed), self.below(8)) {
            (Some(seed), 1..) => seed.clone(),
            (Some(_) | None, _) => {
                let length = self.below(64);
                (0..length).map(|_| self.byte()).collect()
            }
        };
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let length = self.below(9).min(bytes.len() - at);
            match self.below(5) {
                0 => {
                    let byte = self.byte();
                    bytes.insert(at, byte);
                }
                1 => drop(bytes.drain(at..at + length)),
                2 => bytes
                    .iter_mut()
                    .skip(at)
                    .take(length)
                    .for_each(|byte| *byte = self.byte()),
                3 => {
                    let piece: Vec<_> = bytes.iter().skip(at).take(length).copied().collect();
                    let to = self.below(bytes.len() + 1);
                    bytes.splice(to..to, piece);
                }
                _ => {
                    let other = seeds.get(self.below(seeds.len())).map_or(&[][..], Vec::as_slice);
                    let from = self.below(other.len() + 1);
                    let piece = other.get(from..).unwrap_or_default().to_vec();
                    bytes.splice(at.., piece);
                }
            }
        }
        bytes
    }
}
