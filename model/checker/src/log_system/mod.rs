//! One node's storage as a model: appends in flight, memtable switches, flushes that fail or overtake each other,
//! compactions, truncations, crashes and replay, driven through the rules that the storage engine runs with.
//!
//! `scope -> LogSystem -> actions / next state -> rules of thymbra-durability -> observe`. The disk is abstract: files
//! are values, and what a crash takes of them is an action. All writes of a table go to one cell. Chapters:
//! `specs/06-commit-log.md`, `specs/07-memtable-and-flush.md`, `specs/09-compaction.md`.

mod action;
mod actions;
mod bounds;
mod compaction;
pub mod configurations;
mod contents;
mod crash;
mod expired;
mod faults;
mod flush;
mod gallery;
mod guard;
mod observe;
pub mod properties;
mod replay_flush;
mod scope;
mod start;
mod state;
mod story;
#[cfg(test)]
mod tests;
mod write;

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use stateright::{Model, Property};
use thymbra_durability::{MemtableRules, StorageRules, SwitchStage, SyncMode};
use thymbra_types::CommitLogPosition;

use crate::checked_model::CheckedModel;
use crate::configurations::Configuration;
use crate::gallery::Entry;
use crate::properties::PropertyDef;
use crate::scope::{ScopeError, Sync};
use crate::verdict::Inquiry;

pub use action::{CommitFate, LogAction, LogUnmet, Tail};
pub use expired::Expired;
pub use faults::LogFault;
pub use gallery::ENTRIES;
pub use scope::{LogBudgets, LogScope, LogWrite, TABLES};
pub use state::{
    Chosen, CommitRecord, Compaction, Damage, Flush, Ghost, LogState, Memtable, NodeLife, SSTable, Segment,
    Table, Truncation, WriteMask, WritePhase, WriteState, write_bit, writes_of,
};
pub use story::{LogStep, LogStory};

/// The decisions a run is made with.
pub type DynStorageRules = dyn StorageRules + Send + core::marker::Sync;

/// The clock of the first life, ms.
const FIRST_CLOCK_MS: i64 = 10;
/// How far the clock goes on between two lives, ms.
const CLOCK_STEP_MS: i64 = 5;

/// One node's storage, bounded.
pub struct LogSystem {
    /// The bounds.
    pub scope: LogScope,
    /// The decisions.
    pub rules: &'static DynStorageRules,
    /// The obligation that the driver breaks, if any.
    pub driver: LogFault,
    /// What is checked.
    pub properties: Vec<&'static PropertyDef<Self>>,
    /// Breach bits that the run keeps.
    breaches: u32,
    /// Premise bits that the run keeps.
    reached: u32,
    sync_mode: SyncMode,
    cancelled: Arc<AtomicBool>,
    /// Properties whose witness has been found.
    witnessed: AtomicU64,
}

impl core::fmt::Debug for LogSystem {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("LogSystem")
            .field("scope", &self.scope)
            .field("driver", &self.driver)
            .finish_non_exhaustive()
    }
}

impl LogSystem {
    /// The storage of a scope under these rules; checks nothing yet.
    #[must_use]
    pub fn new(scope: LogScope, rules: &'static DynStorageRules) -> Self {
        let sync_mode = match scope.sync {
            Sync::Periodic => SyncMode::periodic(10_000),
            Sync::Batch => SyncMode::Batch,
            Sync::Group => SyncMode::Group { window_ms: 1000 },
        };
        Self {
            scope,
            rules,
            driver: LogFault::None,
            properties: Vec::new(),
            breaches: 0,
            reached: 0,
            sync_mode,
            cancelled: Arc::default(),
            witnessed: AtomicU64::default(),
        }
    }

    /// Checks these properties, and keeps what their clauses need.
    #[must_use]
    pub fn checking(mut self, properties: impl IntoIterator<Item = &'static PropertyDef<Self>>) -> Self {
        self.properties = properties.into_iter().collect();
        self.breaches = (self.properties.iter()).fold(0, |bits, property| bits | property.breaches);
        self.reached = (self.properties.iter()).fold(0, |bits, property| bits | property.reached);
        self
    }

    /// The state in which a run begins: a new node, up, with empty tables.
    ///
    /// # Panics
    /// Never: the first ids are small.
    #[must_use]
    pub fn initial_state(&self) -> LogState {
        let mut state = LogState {
            writes: vec![WriteState::default(); self.scope.writes.len()],
            budgets: self.scope.budgets,
            ..LogState::default()
        };
        self.open(&mut state, FIRST_CLOCK_MS);
        state
    }

    /// Opens the first segment of a life, and a memtable for each table.
    fn open(&self, state: &mut LogState, clock_ms: i64) {
        let base = self.rules.segment_id_base(clock_ms, highest_known_id(state));
        state.id_base = base.expect("few segments are ever created");
        self.add_segment(state, state.id_base);
        let lower = state.log_end();
        for table in &mut state.tables {
            table.memtables.push(Memtable {
                number: 1,
                writes: 0,
                lower,
                stage: SwitchStage::Current,
            });
        }
    }

    fn add_segment(&self, state: &mut LogState, previous_id: i64) {
        let id = self.rules.next_segment_id(previous_id);
        state
            .segments
            .push(Segment::new(id.expect("few segments are ever created")));
    }

    /// The write of an index, as the scope has it.
    ///
    /// # Panics
    /// When there is no such write.
    #[must_use]
    pub fn write(&self, write: u8) -> LogWrite {
        *(self.scope.writes.get(usize::from(write))).expect("writes are numbered from 0")
    }

    /// What the state becomes when an action happens that is possible in it.
    ///
    /// # Panics
    /// When the action is not possible.
    #[must_use]
    pub fn after(&self, state: &LogState, action: LogAction) -> LogState {
        let mut next = state.clone();
        self.carry_out(&mut next, action);
        self.observe(state, action, &mut next);
        next.breaches &= self.breaches;
        next.reached &= self.reached;
        next
    }

    fn carry_out(&self, state: &mut LogState, action: LogAction) {
        match action {
            LogAction::Append(write) => self.begin(state, write),
            LogAction::Apply(write) => self.apply(state, write),
            LogAction::Acknowledge(write) => state.write_mut(write).phase = WritePhase::Acknowledged,
            LogAction::Mark => self.mark(state),
            LogAction::Sync => self.sync(state),
            LogAction::Switch(table) => self.switch(state, table),
            LogAction::Bound(table) => self.bound(state, table),
            LogAction::Barrier(table) => Self::barrier(state, table),
            LogAction::Flush(table, number) => self.flush(state, table, number),
            LogAction::FailFlush(table, number) => Self::fail_flush(state, table, number),
            LogAction::RetryFlush(table, number) => Self::retry_flush(state, table, number),
            LogAction::PostFlush(table, number) => self.post_flush(state, table, number),
            LogAction::Choose(table, inputs) => self.choose(state, table, inputs),
            LogAction::Compact(table, inputs) => self.compact(state, table, inputs),
            LogAction::Commit(table) => Self::commit(state, table),
            LogAction::SyncCommit(table) => Self::sync_commit(state, table),
            LogAction::Unlink(table, place) => Self::unlink(state, table, place),
            LogAction::EndCompaction(table) => Self::end_compaction(state, table),
            LogAction::Truncate(table) => self.truncate(state, table),
            LogAction::RecordTruncation(table) => self.record_truncation(state, table),
            LogAction::EndTruncate(table) => Self::end_truncate(state, table),
            LogAction::FailTruncate(table) => state.table_mut(table).truncation = None,
            LogAction::Tick => {
                state.now += 1;
                state.budgets.ticks -= 1;
            }
            LogAction::Crash => self.crash(state),
            LogAction::PowerLoss { kept, tail, commit } => self.power_loss(state, kept, tail, commit),
            LogAction::Corrupt {
                segment,
                record,
                damage,
            } => Self::corrupt(state, segment, record, damage),
            LogAction::Restart { clock_back } => self.restart(state, clock_back),
            LogAction::FlushRest(table) => self.flush_rest(state, table),
            LogAction::EndStart => Self::end_start(state),
            LogAction::FlushReplayed {
                table,
                segment,
                record,
            } => {
                self.flush_replayed(state, table, replay_flush::end_of(segment, record));
            }
            LogAction::Mend => Self::mend(state),
        }
    }

    /// The action of this name, if it is possible.
    ///
    /// # Errors
    /// The names of what is possible.
    pub fn parse(&self, state: &LogState, name: &str) -> Result<LogAction, Vec<String>> {
        let mut actions = Vec::new();
        self.possible_actions(state, &mut actions);
        let named = |action: &LogAction| action.to_string();
        match actions.iter().find(|action| named(action) == name) {
            Some(action) => Ok(*action),
            None => Err(actions.iter().map(named).collect()),
        }
    }
}

/// The highest segment id that anything on the disk speaks of.
fn highest_known_id(state: &LogState) -> Option<i64> {
    let segments = state.segments.iter().map(|segment| segment.id);
    let flushed = (state.tables.iter())
        .flat_map(|table| &table.sstables)
        .flat_map(|sstable| sstable.intervals.iter().map(|(_, end)| end.segment_id));
    let truncated = (state.tables.iter()).filter_map(|table| Some(table.truncated_at?.segment_id));
    segments.chain(flushed).chain(truncated).max()
}

/// The interval that an SSTable is written with.
fn intervals_of(
    rules: &DynStorageRules,
    bounds: thymbra_durability::MemtableBounds,
) -> thymbra_types::IntervalSet<CommitLogPosition> {
    let mut intervals = thymbra_types::IntervalSet::empty();
    if let Some((start, end)) = MemtableRules::flushed_interval(rules, bounds) {
        intervals.add(start, end);
    }
    intervals
}

impl Model for LogSystem {
    type State = LogState;
    type Action = LogAction;

    fn init_states(&self) -> Vec<LogState> {
        vec![self.initial_state()]
    }

    fn actions(&self, state: &LogState, actions: &mut Vec<LogAction>) {
        if !self.cancelled.load(Ordering::Relaxed) {
            self.possible_actions(state, actions);
        }
    }

    fn next_state(&self, state: &LogState, action: LogAction) -> Option<LogState> {
        Some(self.after(state, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        crate::properties::for_model(self)
    }

    fn format_action(&self, action: &LogAction) -> String {
        action.to_string()
    }

    fn format_step(&self, last_state: &LogState, action: LogAction) -> Option<String> {
        let next = self.after(last_state, action);
        Some(story::sentence(self, last_state, action, &next))
    }
}

impl CheckedModel for LogSystem {
    type Scope = LogScope;
    type Rules = DynStorageRules;
    type Driver = LogFault;

    fn reference() -> &'static DynStorageRules {
        &thymbra_types::Reference
    }

    fn find_property(code: &str) -> Option<&'static PropertyDef<Self>> {
        properties::PROPERTIES
            .iter()
            .find(|property| property.code == code)
    }

    fn of(inquiry: &Inquiry<Self>, _reduce: bool) -> Result<Self, ScopeError> {
        let mut system =
            Self::new(inquiry.scope.clone(), inquiry.rules).checking(inquiry.properties.iter().copied());
        system.driver = inquiry.driver;
        Ok(system)
    }

    fn reduces(_scope: &LogScope) -> bool {
        false
    }

    fn checked(&self) -> &[&'static PropertyDef<Self>] {
        &self.properties
    }

    fn cancelled(&self) -> &Arc<AtomicBool> {
        &self.cancelled
    }

    fn witnessed(&self) -> &AtomicU64 {
        &self.witnessed
    }
}

/// The run of this name, of those about one node's storage.
#[must_use]
pub fn configuration(name: &str) -> Option<&'static Configuration<LogSystem>> {
    (configurations::CONFIGURATIONS.iter()).find(|run| run.name.eq_ignore_ascii_case(name))
}

/// The entry of this name, upper or lower case, of those about one node's storage.
#[must_use]
pub fn entry(id: &str) -> Option<&'static Entry<LogSystem>> {
    ENTRIES.iter().find(|entry| entry.id.eq_ignore_ascii_case(id))
}
