//! The data of the model: one cell of one partition, in a few bytes.
//!
//! A write is the number of its operation and its timestamp. Both are turned into a cell when two of them meet,
//! so that the model reconciles by the very functions that the storage engine uses.

use core::cmp::Ordering;
use core::hash::{Hash, Hasher};

use thymbra_protocol::{Mutation, Payload, ReadCommand, ReadData};
use thymbra_types::{CellKind, CellView, ReconcileRules, Timestamp, Token};

/// gc_grace of the model's table in ticks of one second, unless a scope says otherwise.
pub const GC_GRACE_FOREVER: u8 = u8::MAX;

/// What a hint takes in a hint file, bytes: its mutation.
pub const HINT_SIZE_BYTES: u64 = size_of::<ModelMutation>() as u64;

/// A write of the model's one cell.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ModelMutation {
    /// Write timestamp, in steps of the model's clock.
    pub timestamp: u8,
    /// Index of the operation that wrote it: the value of the cell.
    pub write: u8,
    /// `gc_grace_seconds` of the table, ticks.
    pub gc_grace: u8,
}

/// One word.
impl Hash for ModelMutation {
    #[inline]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u32(self.word());
    }
}

impl Hash for Register {
    #[inline]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u32(self.word());
    }
}

impl Register {
    /// All of it in one word; 0 for nothing.
    #[inline]
    pub(crate) fn word(self) -> u32 {
        self.0.map_or(0, ModelMutation::word)
    }
}

impl ModelMutation {
    /// All of it in one word, never 0.
    #[inline]
    pub(crate) fn word(self) -> u32 {
        u32::from_be_bytes([1, self.timestamp, self.write, self.gc_grace])
    }

    /// Which of two writes of the cell survives a merge.
    #[must_use]
    pub fn compare<R: ReconcileRules + ?Sized>(self, other: Self, rules: &R) -> Ordering {
        let (mine, others) = ([self.write], [other.write]);
        let cell = |mutation: Self, value| CellView {
            timestamp: Timestamp(i64::from(mutation.timestamp)),
            kind: CellKind::Live,
            value,
        };
        rules.compare_cells(cell(self, &mine), cell(other, &others))
    }
}

impl Mutation for ModelMutation {
    fn token(&self) -> Token {
        Token::Murmur3(0)
    }

    fn size_bytes(&self) -> usize {
        size_of::<Self>()
    }

    fn gc_grace_seconds(&self) -> u32 {
        if self.gc_grace == GC_GRACE_FOREVER {
            u32::MAX
        } else {
            u32::from(self.gc_grace)
        }
    }
}

/// Reads the model's one cell.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ReadCell;

impl ReadCommand for ReadCell {
    fn token(&self) -> Token {
        Token::Murmur3(0)
    }
}

/// What a replica holds of the cell: nothing, or the winner of all writes it has seen.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Register(pub Option<ModelMutation>);

impl Register {
    /// Takes in one write.
    pub fn apply<R: ReconcileRules + ?Sized>(&mut self, mutation: ModelMutation, rules: &R) {
        match self.0 {
            Some(held) if held.compare(mutation, rules).is_ge() => {}
            Some(_) | None => self.0 = Some(mutation),
        }
    }

    /// It holds this write or one that supersedes it. Judged by timestamp and value alone, not by the rules that
    /// a property judges: the model's cells are never deleted and never expire.
    #[must_use]
    pub fn covers(self, mutation: ModelMutation) -> bool {
        self.0.is_some_and(|held| held.rank() >= mutation.rank())
    }
}

impl ModelMutation {
    /// Order of live cells: timestamp, then value.
    #[must_use]
    pub fn rank(self) -> (u8, u8) {
        (self.timestamp, self.write)
    }
}

impl ReadData<ModelMutation> for Register {
    fn merge<R: ReconcileRules + ?Sized>(&mut self, other: &Self, rules: &R) {
        if let Some(mutation) = other.0 {
            self.apply(mutation, rules);
        }
    }

    fn difference<R: ReconcileRules + ?Sized>(&self, merged: &Self, _rules: &R) -> Option<ModelMutation> {
        if self == merged { None } else { merged.0 }
    }
}

/// The instantiation of the protocol that the checker drives.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ModelPayload;

impl Payload for ModelPayload {
    type Mutation = ModelMutation;
    type Command = ReadCell;
    type Data = Register;
}
