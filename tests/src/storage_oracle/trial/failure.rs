//! What an operation may have done that the engine answered by an error, or never.

use super::*;

impl Trial {
    /// Gives up: what the oracle must think of an operation that the engine answered by an error, or
    /// never answered.
    ///
    /// `is_over` says that the engine's life ended in it; otherwise the engine goes on.
    pub fn fail(&mut self, operation: &Operation, is_over: bool) -> Unanswered {
        let mut unanswered = Unanswered::default();
        match operation {
            Operation::Write(key, updates) => {
                let facts = self.facts(*key, updates);
                self.oracle.write(facts, !is_over);
            }
            Operation::Flush(table) => {
                self.oracle.switch_memtable(*table);
            }
            Operation::Truncate(table) => {
                self.oracle.switch_memtable(*table);
                unanswered.in_flight.truncation = Some(*table);
                if !is_over {
                    self.oracle.perhaps_truncated(*table);
                }
            }
            Operation::AddColumn(table, name) | Operation::DropColumn(table, name) => {
                let is_added = matches!(operation, Operation::AddColumn(..));
                unanswered.column_change = Some(ColumnChange {
                    table: *table,
                    name: name.clone(),
                    is_added,
                    now_us: self.now_us(),
                });
            }
            Operation::Tick if is_over => {
                unanswered.in_flight.may_have_flushed = self.setup.flushes_by_itself();
            }
            // Some of them may have been switched out, or flushed.
            Operation::Tick => (0..SHAPES.len()).for_each(|table| {
                self.oracle.switch_memtable(table);
            }),
            Operation::Read(..)
            | Operation::Scan(..)
            | Operation::Clock(_)
            | Operation::Sync
            | Operation::BeginFlush(_)
            | Operation::FinishFlush(_)
            | Operation::AbandonFlush(_)
            | Operation::Compact(_)
            | Operation::CompactNext(_)
            | Operation::Restart
            | Operation::Kill
            | Operation::PowerLoss(_) => {}
        }
        if !is_over {
            self.has_failed = true;
            self.settle_column_change(&unanswered);
        }
        unanswered
    }

    /// A new life of this engine on another disk, which the end of the last one has left.
    ///
    /// # Errors
    /// When the engine cannot be opened there, or shows what cannot be.
    pub fn revive(&self, disk: SimulatedDisk, ending: Ending, unanswered: &Unanswered) -> Result<Self, Stop> {
        let mut revived = Self {
            setup: self.setup,
            disk,
            clock: Arc::clone(&self.clock),
            engine: None,
            opening: Vec::new(),
            pending: Vec::new(),
            abandoned: Vec::new(),
            has_failed: false,
            oracle: self.oracle.clone(),
            done: self.done.clone(),
            synced_at_ms: 0,
            written_at_ms: 0,
            synced_at_index: 0,
            acknowledged: Vec::new(),
            segments_count: 0,
            coverage: Coverage::default(),
        };
        revived.open().map_err(Stop::Refused)?;
        if self.done.is_empty() {
            revived.create_missing_tables().map_err(Stop::Refused)?;
        }
        revived.settle_column_change(unanswered);
        revived.compare_lives(ending, unanswered.in_flight)?;
        Ok(revived)
    }

    /// Takes over what the engine says of a change of columns that it did not answer.
    pub(super) fn settle_column_change(&mut self, unanswered: &Unanswered) {
        let (Some(change), Some(engine)) = (&unanswered.column_change, &self.engine) else {
            return;
        };
        let Ok(metadata) = engine.table(translate::table_id(change.table)) else {
            return;
        };
        let is_there = metadata.column(&change.name).is_some();
        match (change.is_added, is_there) {
            (true, true) => self.oracle.column_added(change.table, &change.name),
            (false, false) => self
                .oracle
                .column_dropped(change.table, &change.name, change.now_us),
            (true, false) | (false, true) => {}
        }
    }
}
