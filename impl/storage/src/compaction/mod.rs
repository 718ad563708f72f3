//! Compaction: many SSTables become one, and what nobody needs goes.

mod purger;
mod size_tiered;
