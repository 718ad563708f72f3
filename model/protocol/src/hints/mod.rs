//! Hinted handoff: what a coordinator keeps for replicas that missed a write, and how it delivers it.
//!
//! Chapter: `specs/10-hinted-handoff.md`.

mod dispatch;
mod should_hint;

pub use dispatch::{Dispatch, HINTS_PER_PAGE};
pub use should_hint::{HintRefusal, HintRules, HintTarget, TargetHistory};
pub(crate) use should_hint::{hintable, is_live, should_hint};

/// A mutation that a replica missed. Cassandra: `Hint`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Hint<M> {
    /// The mutation with its original timestamps.
    pub mutation: M,
    /// When the hint was created, ms since 1970: the time of the hint, not of the write.
    pub created_ms: u64,
    /// The smallest `gc_grace_seconds` of the tables at creation.
    pub gc_grace_seconds: u32,
}

impl<M: crate::Mutation> Hint<M> {
    /// The hint for a mutation that is missed now.
    //= WP-HH-05
    pub(crate) fn new(mutation: &M, now_ms: u64) -> Self {
        Self {
            mutation: mutation.clone(),
            created_ms: now_ms,
            gc_grace_seconds: mutation.gc_grace_seconds(),
        }
    }
}
