//! Lives of the engine on one disk: how one ends and the next begins.

use super::*;
use crate::storage_oracle::crash::fingerprint;

impl Trial {
    /// Ends the life of the engine and begins another on the same disk.
    pub(super) fn restart(&mut self, ending: Ending) -> Result<(), Stop> {
        if ending == Ending::Close {
            self.ask(StorageEngine::close)?;
        }
        let before_count = self.disk.operation_count();
        self.end_life();
        if let Some(late) = self.changes_since(before_count).first() {
            let message = format!(
                "dropping the engine asks to {} {}",
                late.operation,
                late.path.display()
            );
            return Err(Stop::Wrong(message));
        }
        self.begin_life(ending)
    }

    /// Operations from an index on that change the disk.
    pub(super) fn changes_since(&self, index: u64) -> Vec<OperationRecord> {
        let mut records = self.disk.operations();
        records.retain(|record| record.index >= index && record.operation.changes_the_disk());
        records
    }

    /// Takes the power away between two operations.
    pub(super) fn lose_power(&mut self, seed: u64) -> Result<(), Stop> {
        let crash = self.disk.crash();
        self.end_life();
        self.disk = crash.power_loss(&crash.random(seed));
        let is_less = fingerprint(&self.disk) != fingerprint(&crash.process_end());
        self.coverage.meet(Met::SomethingLost, u64::from(is_less));
        self.begin_life(Ending::PowerLoss)
    }

    /// Drops the engine, as the end of its process does.
    pub fn end_life(&mut self) {
        if let Some(engine) = self.engine.take() {
            self.coverage.add_life(&engine.statistics());
        }
        // Given up while the engine lived, a flush would end.
        self.pending.clear();
        self.abandoned.clear();
        self.has_failed = false;
    }

    /// Opens the engine again, and compares.
    pub(super) fn begin_life(&mut self, ending: Ending) -> Result<(), Stop> {
        self.open().map_err(Stop::Refused)?;
        self.compare_lives(ending, InFlight::default())
    }

    /// Compares what the engine shows with what the life before may have left.
    pub(super) fn compare_lives(&mut self, ending: Ending, in_flight: InFlight) -> Result<(), Stop> {
        let now_seconds = self.now_seconds();
        let snapshot = self.snapshot()?;
        let shows = |table: usize, key: u8, seen: &_| snapshot.shows(table, key, seen);
        let recovered = self.oracle.recover(ending, in_flight, now_seconds, &shows);
        let survival = recovered.map_err(|wrong| self.wrong(&snapshot, wrong, "after recovery"))?;
        self.coverage.meet(Met::UnsyncedWriteLost, survival.lost_count);
        self.coverage.meet(Met::UnsyncedWriteKept, survival.kept_count);
        self.compare_reads(&snapshot)
    }

    pub(super) fn open(&mut self) -> Result<(), StorageError> {
        // The stop watch of a new process begins at 0.
        self.clock = Arc::new(ManualClock::at_ms(self.clock.now_ms()));
        (self.synced_at_ms, self.written_at_ms) = (0, 0);
        self.acknowledged.clear();
        let before_count = self.disk.operation_count();
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let clock = Arc::clone(&self.clock);
        self.engine = Some(StorageEngine::open(translate::config(&self.setup), disk, clock)?);
        self.opening = self.changes_since(before_count);
        self.synced_at_index = self.disk.operation_count();
        let engine = self.engine.as_ref();
        self.segments_count = engine.map_or(0, |engine| engine.statistics().commit_log_segments_count);
        Ok(())
    }

    pub(super) fn create_missing_tables(&mut self) -> Result<(), StorageError> {
        let Some(engine) = &self.engine else {
            return Ok(());
        };
        for (name, is_durable) in [
            (translate::DURABLE_KEYSPACE, true),
            (translate::EPHEMERAL_KEYSPACE, false),
        ] {
            match engine.create_keyspace(name, is_durable) {
                Ok(()) | Err(StorageError::Exists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        for (table, shape) in SHAPES.iter().enumerate() {
            if engine
                .table_named(translate::keyspace(table), shape.name)
                .is_none()
            {
                engine.create_table(translate::metadata(table)?)?;
            }
        }
        Ok(())
    }
}
