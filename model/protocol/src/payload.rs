//! What the protocol must know of the data it carries, and nothing more.
//!
//! The server instantiates these traits with real mutations and partitions, the model checker with a few
//! bytes; both reconcile by the same [`ReconcileRules`]. Chapter: `specs/03-coordination.md`.

use core::fmt::Debug;
use core::hash::Hash;

use thymbra_types::{ReconcileRules, Token};

/// A write to one partition, as the coordinator sees it.
pub trait Mutation: Clone + Debug + Eq + Hash + Ord {
    /// Token of the partition key.
    fn token(&self) -> Token;
    /// Serialized size in bytes, without the overhead of a commit log entry.
    fn size_bytes(&self) -> usize;
    /// The smallest `gc_grace_seconds` of the tables it touches.
    fn gc_grace_seconds(&self) -> u32;
}

/// What a read asks for: one partition, or a part of it.
pub trait ReadCommand: Clone + Debug + Eq + Hash + Ord {
    /// Token of the partition key.
    fn token(&self) -> Token;
}

/// What a replica answers to a read. The default value is "nothing stored here".
pub trait ReadData<M>: Clone + Debug + Default + Eq + Hash + Ord {
    /// Takes in what `other` has and this lacks.
    fn merge<R: ReconcileRules + ?Sized>(&mut self, other: &Self, rules: &R);
    /// The mutation that brings a replica holding `self` up to `merged`; `None` if it lacks nothing.
    fn difference<R: ReconcileRules + ?Sized>(&self, merged: &Self, rules: &R) -> Option<M>;
}

/// The three kinds of data of one instantiation.
pub trait Payload: Clone + Debug + Eq + Hash + Ord {
    /// What is written.
    type Mutation: Mutation;
    /// What is asked by a read.
    type Command: ReadCommand;
    /// What a read returns.
    type Data: ReadData<Self::Mutation>;
}
