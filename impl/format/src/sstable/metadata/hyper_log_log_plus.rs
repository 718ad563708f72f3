//! How many different keys there are, from a few kilobytes: HyperLogLog++.
//!
//! Each SSTable carries one, so that a compaction can tell how many keys its result will have
//! without reading them. Chapter: `specs/08-sstable.md`. Source: `HyperLogLogPlus` of the library
//! stream-lib, as Cassandra `io.sstable.metadata.CompactionMetadata` uses it; Heule, Nunkesser and
//! Hall, "HyperLogLog in Practice", 2013.

use super::hyper_log_log_bytes as bytes;
use super::murmur_hash2::hash2_64;
use crate::cursor::Cursor;
use crate::error::FormatError;

/// Bits of a hash that choose a register.
pub(super) const PRECISION: u32 = 13;

/// Bits of a hash that a sparse entry keeps.
pub(super) const SPARSE_PRECISION: u32 = 25;

/// Number of registers.
pub(super) const REGISTER_COUNT: usize = 1 << PRECISION;

/// More codes than these are not kept one by one, when codes are merged: three quarters of the
/// registers.
const SPARSE_LIMIT: usize = REGISTER_COUNT / 4 * 3;

/// As many codes wait before they are merged with the others.
const WAITING_LIMIT: usize = SPARSE_LIMIT / 4;

/// Largest value of a register, which has five bits in the file.
const MAX_REGISTER: u8 = 31;

/// An estimate of the number of different keys, in one of two forms.
///
/// Keys are kept as codes first. Every 1537 of them are merged with the codes before, and when those
/// are more than 6144 then, registers take their place.
#[derive(Clone, Debug)]
pub struct HyperLogLogPlus {
    form: Form,
}

/// How the keys are remembered.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// Codes of the hashes; see [`sparse_code`].
    Sparse {
        /// Those of files, in their order; see [`merge_codes`].
        merged: Vec<u32>,
        /// Those that came last, in the order of arrival.
        waiting: Vec<u32>,
    },
    /// For each of the 2^13 beginnings of hashes, the longest run of zeros behind it, plus one.
    Registers(Box<[u8; REGISTER_COUNT]>),
}

impl HyperLogLogPlus {
    /// Without keys.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            form: Form::Sparse {
                merged: Vec::new(),
                waiting: Vec::new(),
            },
        }
    }

    /// Adds a partition key.
    pub fn add(&mut self, key: &[u8]) {
        self.offer_hashed(hash2_64(key));
    }

    /// Adds a key by its hash.
    pub fn offer_hashed(&mut self, hash: u64) {
        match &mut self.form {
            Form::Registers(registers) => raise(registers, register_of(hash), run_of(hash)),
            Form::Sparse { merged, waiting } => {
                waiting.push(sparse_code(hash));
                if waiting.len() > WAITING_LIMIT {
                    merge_codes(merged, waiting);
                    if merged.len() > SPARSE_LIMIT {
                        self.form = Form::Registers(registers_of(merged));
                    }
                }
            }
        }
    }

    /// Adds all keys of another.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.form, &other.form) {
            (
                Form::Sparse { merged, waiting },
                Form::Sparse {
                    merged: others,
                    waiting: more,
                },
            ) => {
                for codes in [&*waiting, others, more] {
                    merged.extend_from_slice(codes);
                }
                waiting.clear();
                // Of codes with one index the smallest has the longest run.
                merged.sort_unstable_by_key(|code| (sparse_index(*code), *code));
                merged.dedup_by_key(|code| sparse_index(*code));
                if merged.len() > SPARSE_LIMIT {
                    self.form = Form::Registers(registers_of(merged));
                }
            }
            (Form::Registers(registers), Form::Sparse { merged, waiting }) => {
                raise_by_codes(registers, merged);
                raise_by_codes(registers, waiting);
            }
            (Form::Registers(registers), Form::Registers(others)) => {
                for (register, other) in registers.iter_mut().zip(others.iter()) {
                    *register = (*register).max(*other);
                }
            }
            (Form::Sparse { merged, waiting }, Form::Registers(others)) => {
                let mut registers = others.clone();
                raise_by_codes(&mut registers, merged);
                raise_by_codes(&mut registers, waiting);
                self.form = Form::Registers(registers);
            }
        }
    }

    /// The estimate.
    ///
    /// From codes by linear counting, as stream-lib does. From registers by the improved
    /// estimator of Ertl ("New cardinality estimation algorithms for HyperLogLog sketches", 2017,
    /// algorithm 6), which needs no table of biases as stream-lib's does; the standard error of both
    /// is 1.15 per cent, and the number only sizes Bloom filters.
    #[must_use]
    pub fn cardinality(&self) -> u64 {
        match &self.form {
            Form::Registers(registers) => estimate(registers),
            Form::Sparse { merged, waiting } if waiting.is_empty() => linear_count(merged.len()),
            Form::Sparse { merged, waiting } => {
                let mut merged = merged.clone();
                merge_codes(&mut merged, &mut waiting.clone());
                linear_count(merged.len())
            }
        }
    }

    /// Appends the bytes of stream-lib.
    ///
    /// | size | field |
    /// |---|---|
    /// | 4 | -2, the version |
    /// | 1, 1 | 13 and 25, the precisions, as LEB128 |
    /// | 1 | 1 for the sparse form, 0 for registers |
    ///
    /// Sparse: LEB128 of the number of codes, then of the difference of each code from the one
    /// before, modulo 2^32: not all ascend. Registers: LEB128 of the bytes that follow, 5464; then words of four
    /// bytes with six registers of five bits, the first in the lowest bits.
    pub fn write(&mut self, out: &mut Vec<u8>) {
        if let Form::Sparse { merged, waiting } = &mut self.form {
            merge_codes(merged, waiting);
        }
        bytes::write(&self.form, out);
    }

    /// Reads what [`HyperLogLogPlus::write`] writes; a sparse form may have any number of codes, in
    /// any order.
    ///
    /// # Errors
    /// When it is cut, has another version or precision, or codes that no hash has.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        Self::read_at(bytes, 0)
    }

    /// The same, of bytes at an offset of their file.
    pub(super) fn read_at(bytes: &[u8], offset: u64) -> Result<Self, FormatError> {
        bytes::read(Cursor::at(bytes, offset)).map(|form| Self { form })
    }
}

impl Default for HyperLogLogPlus {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for HyperLogLogPlus {
    /// Equal as files would be.
    fn eq(&self, other: &Self) -> bool {
        let written = |counter: &Self| {
            let mut out = Vec::new();
            counter.clone().write(&mut out);
            out
        };
        written(self) == written(other)
    }
}

/// Upper bits of a word that is known to be small enough.
fn upper_bits(word: u64, count: u32) -> u32 {
    u32::try_from(word >> (u64::BITS - count)).unwrap_or(u32::MAX)
}

fn register_of(hash: u64) -> u32 {
    upper_bits(hash, PRECISION)
}

/// Zeros behind the beginning of a hash, plus one; the last bits count as ended by a one.
fn run_of(hash: u64) -> u8 {
    let rest = (hash << PRECISION) | (1 << (PRECISION - 1));
    u8::try_from(rest.leading_zeros() + 1).unwrap_or(u8::MAX)
}

/// What the sparse form keeps of a hash.
///
/// The first 25 bits, then a zero bit, when a one among the last twelve of them shows the run. Else
/// the 25 bits, six bits of 63 less the run, then a one bit.
fn sparse_code(hash: u64) -> u32 {
    let index = upper_bits(hash, SPARSE_PRECISION);
    if index.trailing_zeros() >= SPARSE_PRECISION - PRECISION {
        (index << 7) | (u32::from(run_of(hash) ^ 63) << 1) | 1
    } else {
        index << 1
    }
}

/// The 25 bits of a code.
pub(super) const fn sparse_index(code: u32) -> u32 {
    if code & 1 == 1 { code >> 7 } else { code >> 1 }
}

/// Whether hashes have this code: the flag follows from the index, and that has 25 bits.
pub(super) const fn is_sparse_code(code: u32) -> bool {
    let index = sparse_index(code);
    let shows_no_run = index.trailing_zeros() >= SPARSE_PRECISION - PRECISION;
    if code & 1 == 1 {
        shows_no_run
    } else {
        !shows_no_run && index >> SPARSE_PRECISION == 0
    }
}

/// Merges codes that came last with those before.
///
/// Those that came last are sorted by index, and one of each index is taken. Then both lists are
/// walked like sorted ones, but by the codes as signed integers: codes with a flag are out of that
/// order, and what results is not sorted then. An index that stands at different places of the walk
/// is kept twice. That is how stream-lib 2.5.2 does it, and what files have.
fn merge_codes(merged: &mut Vec<u32>, waiting: &mut Vec<u32>) {
    // Of codes with one index the smallest has the longest run.
    waiting.sort_unstable_by_key(|code| (sparse_index(*code), *code));
    waiting.dedup_by_key(|code| sparse_index(*code));
    if merged.is_empty() {
        core::mem::swap(merged, waiting);
        return;
    }
    let mut result = Vec::with_capacity(merged.len() + waiting.len());
    let (mut before, mut last) = (merged.iter().copied().peekable(), waiting.drain(..).peekable());
    while let (Some(&left), Some(&right)) = (before.peek(), last.peek()) {
        if sparse_index(left) == sparse_index(right) {
            result.push(left.min(right));
            before.next();
            last.next();
        } else if left.cast_signed() < right.cast_signed() {
            result.extend(before.next());
        } else {
            result.extend(last.next());
        }
    }
    result.extend(before);
    result.extend(last);
    *merged = result;
}

fn registers_of(codes: &[u32]) -> Box<[u8; REGISTER_COUNT]> {
    let mut registers = Box::new([0; REGISTER_COUNT]);
    raise_by_codes(&mut registers, codes);
    registers
}

fn run_of_code(code: u32) -> u8 {
    if code & 1 == 1 {
        u8::try_from((code >> 1) & 63 ^ 63).unwrap_or(u8::MAX)
    } else {
        // The flag is no part of the twelve bits in front of it, which have a one.
        let behind = code << (u32::BITS - (SPARSE_PRECISION - PRECISION) - 1);
        u8::try_from(behind.leading_zeros() + 1).unwrap_or(u8::MAX)
    }
}

fn raise_by_codes(registers: &mut [u8; REGISTER_COUNT], codes: &[u32]) {
    for code in codes {
        raise(
            registers,
            sparse_index(*code) >> (SPARSE_PRECISION - PRECISION),
            run_of_code(*code),
        );
    }
}

/// Raises a register to a run. A run beyond five bits, one key in 2^31, counts as 31; stream-lib
/// lets it spill into the neighbour.
fn raise(registers: &mut [u8; REGISTER_COUNT], index: u32, run: u8) {
    let register = usize::try_from(index)
        .ok()
        .and_then(|index| registers.get_mut(index));
    if let Some(register) = register {
        *register = (*register).max(run.min(MAX_REGISTER));
    }
}

/// Rounds an estimate, which is never negative and far below 2^53.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from float to integer saturates"
)]
fn rounded(estimate: f64) -> u64 {
    estimate.round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "at most 2^32 codes")]
fn linear_count(code_count: usize) -> u64 {
    let places = f64::from(1_u32 << SPARSE_PRECISION);
    rounded(places * (places / (places - code_count as f64).max(1.0)).ln())
}

fn estimate(registers: &[u8; REGISTER_COUNT]) -> u64 {
    let mut counts = [0_u32; MAX_REGISTER as usize + 1];
    for register in registers {
        if let Some(count) = counts.get_mut(usize::from(*register)) {
            *count += 1;
        }
    }
    let register_count = f64::from(1_u32 << PRECISION);
    let [zeros, between @ .., full] = counts;
    let mut sum = register_count * tau(1.0 - f64::from(full) / register_count);
    for count in between.iter().rev() {
        sum = 0.5 * (sum + f64::from(*count));
    }
    sum += register_count * sigma(f64::from(zeros) / register_count);
    rounded(register_count * register_count / (2.0 * core::f64::consts::LN_2 * sum))
}

/// Correction for registers that no key has reached.
fn sigma(mut share: f64) -> f64 {
    if share >= 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum) = (1.0, share);
    loop {
        share *= share;
        let before = sum;
        sum += share * weight;
        weight += weight;
        if sum <= before {
            return sum;
        }
    }
}

/// Correction for registers at the largest value.
fn tau(mut share: f64) -> f64 {
    if share <= 0.0 || share >= 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - share);
    loop {
        share = share.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - share).powi(2) * weight;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
#[path = "hyper_log_log_plus_tests.rs"]
mod tests;
