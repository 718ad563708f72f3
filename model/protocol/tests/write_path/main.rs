//! The node, driven step by step with a tiny payload: every rule of coordination, messaging, replica write, hinted
//! handoff and reads as a claim of its own.
//!
//! `oracle` counts in plain numbers and shares no code with the crate. Chapters: specs/03-coordination.md to
//! specs/05-replica-write.md, specs/10-hinted-handoff.md, specs/12-reads-and-read-repair.md.

mod admission;
mod dispatch;
mod fan_out;
mod harness;
mod hints;
mod interleavings;
mod invariants;
mod levels;
mod oracle;
mod outcomes;
mod overrides;
mod read_repair;
mod reads;
mod replica;
mod should_hint;
mod slots;
mod words;
