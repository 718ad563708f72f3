//! Writers, readers, flushes, compactions and changes of the schema side by side, with real threads.

use crate::bench::{OTHER, TABLE, clustering, definition, insert, key, make_tables, mutation, table, values};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use thymbra_durability::SyncMode;
use thymbra_format::schema::{CompressionParams, TableParams};
use thymbra_storage::read::{ClusteringSlice, RowFilter};
use thymbra_storage::{Background, Config, SimulatedDisk, StorageEngine, SystemClock};
use thymbra_types::{
    CellName, DeletionTime, LocalDeletionTime, Mutation, Partition, Row, TableId, Timestamp,
};

const WRITERS_COUNT: usize = 3;
const KEYS_COUNT: usize = 8;
const ROWS_COUNT: usize = 4;
const DURATION: Duration = Duration::from_secs(2);
/// Much more than the test takes on a machine with much else to do.
const HANG: Duration = Duration::from_secs(120);

/// One row and its versions, which are its timestamps: odd ones are written, even ones delete.
#[derive(Debug, Default)]
struct Slot {
    /// The version whose write has begun last.
    begun: AtomicU64,
    /// The version that was acknowledged last.
    acknowledged: AtomicU64,
}

#[derive(Debug)]
struct Stage {
    engine: StorageEngine,
    slots: Vec<Slot>,
    is_over: AtomicBool,
}

fn open(disk: &SimulatedDisk) -> StorageEngine {
    let config = Config {
        background: Background::Threads,
        commitlog_sync: SyncMode::periodic(50),
        commitlog_segment_size_bytes: 64 << 10,
        commitlog_total_space_bytes: 512 << 10,
        memtable_heap_space_bytes: 200_000,
        memtable_offheap_space_bytes: 0,
        ..Config::under("/node")
    };
    let clock = Arc::new(SystemClock::new());
    StorageEngine::open(config, Arc::new(disk.clone()), clock).expect("the engine opens")
}

fn name_of(slot: usize) -> String {
    format!("k{}", slot / ROWS_COUNT)
}

fn row_of(slot: usize) -> i32 {
    i32::try_from(slot % ROWS_COUNT).expect("a few rows")
}

/// The next version of a row; its tombstones may be purged at once.
fn change(slot: usize, version: u64) -> Mutation {
    let timestamp = i64::try_from(version).expect("a few versions");
    if version % 2 == 1 {
        let value = format!("{version}:{}", "v".repeat(300));
        return insert(TABLE, &name_of(slot), row_of(slot), timestamp, &value);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let seconds = i64::try_from(since.as_secs()).expect("a time") - 10;
    let row = Row {
        deletion: DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(seconds)),
        ..Row::default()
    };
    let mut update = Partition::default();
    update.rows.insert(clustering(row_of(slot)), row);
    mutation(TABLE, key(&name_of(slot)), update)
}

impl Stage {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }

    /// Changes the rows of one writer in turn.
    fn write(&self, writer: usize) {
        let own: Vec<usize> = (0..self.slots.len())
            .filter(|slot| slot % WRITERS_COUNT == writer)
            .collect();
        for slot in own.into_iter().cycle().take_while(|_| self.goes_on()) {
            let version = self.slots[slot].begun.fetch_add(1, Ordering::SeqCst) + 1;
            self.engine.apply(change(slot, version)).expect("a write");
            self.slots[slot].acknowledged.store(version, Ordering::SeqCst);
        }
    }

    /// What a read sees was written, and nothing older than what was acknowledged before it.
    fn check(&self, engine: &StorageEngine, slot: usize) {
        let before = self.slots[slot].acknowledged.load(Ordering::SeqCst);
        let filter = RowFilter {
            slice: ClusteringSlice::of_prefix(clustering(row_of(slot))),
            ..RowFilter::ALL
        };
        let found = engine.read(TABLE, &key(&name_of(slot)), &filter).expect("a read");
        let begun = self.slots[slot].begun.load(Ordering::SeqCst);
        let value = found
            .rows
            .first()
            .map(|(_, cells)| cells[&CellName::simple("v")].clone());
        match value {
            Some(value) => {
                let text = String::from_utf8(value.into()).expect("text");
                let version: u64 = text
                    .split(':')
                    .next()
                    .and_then(|text| text.parse().ok())
                    .expect("a version");
                assert!(
                    (before..=begun).contains(&version) && version % 2 == 1,
                    "row {slot}: version {version} was read, {before} acknowledged, {begun} begun"
                );
            }
            // A deletion among the versions that may be seen.
            None => assert!(
                before.is_multiple_of(2) || begun > before,
                "row {slot}: version {before} was acknowledged, and nothing is there"
            ),
        }
    }

    fn read(&self) {
        for slot in (0..self.slots.len()).cycle().take_while(|_| self.goes_on()) {
            self.check(&self.engine, slot);
        }
    }

    fn flush_and_compact(&self) {
        while self.goes_on() {
            thread::sleep(Duration::from_millis(15));
            self.engine.flush(TABLE).expect("a flush");
            thread::sleep(Duration::from_millis(15));
            self.engine.compact(TABLE).expect("a compaction");
        }
    }

    /// Makes and drops another table, with writes that come too late.
    fn change_schema(&self) {
        for number in (0..).take_while(|_| self.goes_on()) {
            let id = TableId(OTHER.0 + 1 + number);
            self.engine.create_table(table("more", id)).expect("a new table");
            thread::scope(|scope| {
                let writer = scope.spawn(|| {
                    let mut count = 0;
                    while self.engine.apply(insert(id, "a", 0, 1, "v")).is_ok() {
                        count += 1;
                    }
                    count
                });
                thread::sleep(Duration::from_millis(20));
                self.engine.drop_table(id).expect("a drop");
                writer.join().expect("no panic")
            });
            self.engine
                .apply(insert(OTHER, "a", 0, 1, "v"))
                .expect("others are not touched");
        }
    }

    fn run(&self) {
        let begin = Instant::now();
        thread::scope(|scope| {
            for writer in 0..WRITERS_COUNT {
                scope.spawn(move || self.write(writer));
            }
            scope.spawn(|| self.read());
            scope.spawn(|| self.flush_and_compact());
            scope.spawn(|| self.change_schema());
            thread::sleep(DURATION);
            while !self.has_done_enough() && begin.elapsed() < HANG {
                thread::sleep(DURATION / 40);
            }
            self.is_over.store(true, Ordering::SeqCst);
        });
    }

    /// Whether everything has met everything a few times.
    fn has_done_enough(&self) -> bool {
        let done = self.engine.statistics().tables[&TABLE];
        let mut slots = self.slots.iter();
        done.flushes_count > 3
            && done.compactions_count > 1
            && slots.all(|slot| slot.acknowledged.load(Ordering::SeqCst) > 2)
    }
}

fn rehearse() {
    let disk = SimulatedDisk::new();
    let engine = open(&disk);
    make_tables(&engine, true);
    let params = TableParams {
        compression: CompressionParams::None,
        gc_grace_seconds: 0,
        ..TableParams::default()
    };
    let purged_at_once = definition("t", TABLE)
        .params(params)
        .build()
        .expect("a valid table");
    engine.alter_table(purged_at_once).expect("parameters may change");
    let stage = Stage {
        engine,
        slots: (0..KEYS_COUNT * ROWS_COUNT).map(|_| Slot::default()).collect(),
        is_over: AtomicBool::new(false),
    };
    stage.run();
    assert!(stage.has_done_enough());
    (0..stage.slots.len()).for_each(|slot| stage.check(&stage.engine, slot));
    stage.engine.close().expect("it closes");
    let engine = open(&disk);
    (0..stage.slots.len()).for_each(|slot| stage.check(&engine, slot));
    engine.compact(TABLE).expect("a compaction");
    (0..stage.slots.len()).for_each(|slot| stage.check(&engine, slot));
    assert_eq!(values(&engine, OTHER, "a"), ["v"]);
}

#[test]
fn acknowledged_writes_are_read_and_deleted_ones_stay_away_whatever_happens_beside() {
    let (sender, receiver) = mpsc::channel();
    let rehearsal = thread::spawn(move || {
        rehearse();
        // Nobody listens where the time is over.
        sender.send(()).ok();
    });
    match receiver.recv_timeout(HANG) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the engine hangs"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
            rehearsal.join().expect("all that was read was right")
        }
    }
}
