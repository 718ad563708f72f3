//! One node with everything that a process and its disk hold: memtable, commit log, hints, failure detector.
//!
//! `schedule -> site -> Node::step`; what a crash takes is decided here. Chapter: `specs/06-commit-log.md`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use thymbra_durability::{CommitLogProgress, SyncMode};
use thymbra_protocol::{Hint, Node, NodeId, Reply, RequestId, TargetHistory, View};
use thymbra_types::CommitLogPosition;

use super::cluster::NODES;
use super::rows::{PartitionData, RowMutation, RowPayload};

/// A stage of a hint on its way to the disk.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum HintStage {
    /// In the buffer of the process.
    Buffered,
    /// In a file, in the page cache.
    Written,
    /// In a synced file.
    Synced,
}

/// A hint that a node holds.
#[derive(Clone, Debug)]
pub(super) struct StoredHint {
    /// Names it at its holder.
    pub(super) id: u64,
    /// What was missed.
    pub(super) hint: Hint<RowMutation>,
    /// How far it has come.
    pub(super) stage: HintStage,
}

/// One hint of a page on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageItem {
    /// The stored hint.
    pub(super) id: u64,
    /// The target applied it.
    pub(super) delivered: bool,
}

/// An entry that waits for a sync.
#[derive(Clone, Debug)]
pub(super) struct WaitingAppend {
    /// Entries of the log up to and with this one.
    pub(super) end: usize,
    /// When it was appended, ms.
    pub(super) appended_ms: u64,
    /// Who waits.
    pub(super) reply: Reply,
}

/// A commit log; its positions are numbers of entries.
#[derive(Clone, Debug)]
pub(super) struct CommitLog {
    /// `commitlog_sync`.
    pub(super) mode: SyncMode,
    /// All entries, and whether each is in the memtable.
    pub(super) entries: Vec<(RowMutation, bool)>,
    /// Entries before the last marker.
    pub(super) marked: usize,
    /// Entries on the platter.
    pub(super) synced: usize,
    /// When the last completed sync began, ms.
    pub(super) last_sync_started_ms: u64,
    /// A sync is under way or about to begin.
    pub(super) is_syncing: bool,
    /// Entries whose acknowledgement waits.
    pub(super) waiting: Vec<WaitingAppend>,
}

impl CommitLog {
    /// What the log says to a writer whose entry ends at `end`.
    #[must_use]
    pub(super) fn progress(&self, end: usize, appended_ms: u64) -> CommitLogProgress {
        let at = |count: usize| CommitLogPosition {
            segment_id: 1,
            position: u32::try_from(count).expect("runs have fewer than 2^32 appends"),
        };
        CommitLogProgress {
            appended: at(end),
            synced_to: at(self.synced),
            last_sync_started_ms: self.last_sync_started_ms,
            now_ms: appended_ms,
        }
    }
}

/// Gives out names for one table: the lowest free slot, and a generation of the slot that was never used.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    free: BinaryHeap<Reverse<u32>>,
    generations: Vec<u32>,
    used: usize,
}

impl Names {
    /// A fresh name.
    pub(super) fn take(&mut self) -> RequestId {
        let slot = match self.free.pop() {
            Some(Reverse(slot)) => slot,
            None => {
                let slot = u32::try_from(self.used).expect("a node has fewer than 2^32 open requests");
                self.used += 1;
                if self.generations.len() < self.used {
                    self.generations.push(0);
                }
                slot
            }
        };
        let generation = &mut self.generations[usize::try_from(slot).expect("slots are small")];
        *generation += 1;
        RequestId {
            slot,
            generation: *generation,
        }
    }

    /// The name's slot is free again.
    pub(super) fn give_back(&mut self, name: RequestId) {
        self.free.push(Reverse(name.slot));
    }

    /// The process lost its tables: all slots are free, and no generation returns.
    pub(super) fn reset(&mut self) {
        self.free.clear();
        self.used = 0;
    }

    /// The name of a slot's latest holder differs from this one.
    #[must_use]
    pub(super) fn is_reused(&self, name: RequestId) -> bool {
        let slot = usize::try_from(name.slot).expect("slots are small");
        self.generations
            .get(slot)
            .is_some_and(|latest| *latest != name.generation)
    }
}

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// Its identity.
    pub(super) id: NodeId,
    /// Its process runs.
    pub(super) is_up: bool,
    /// Starts of the process: what belonged to an earlier one is void.
    pub(super) incarnation: u32,
    /// The state machine under test.
    pub(super) machine: Node<RowPayload>,
    /// Since when each node is believed dead, ms; none if it is believed alive.
    pub(super) dead_since_ms: Vec<Option<u64>>,
    /// Hint tasks under way, by target.
    pub(super) hint_tasks: Vec<usize>,
    /// Hints by target, oldest first.
    pub(super) hints: Vec<VecDeque<StoredHint>>,
    /// Hints ever stored: the next id.
    pub(super) hints_stored: u64,
    /// Pages on their way.
    pub(super) pages: HashMap<RequestId, Vec<PageItem>>,
    /// Its commit log.
    pub(super) log: CommitLog,
    /// Its memtable, by partition.
    pub(super) memory: Vec<PartitionData>,
    /// Names of writes.
    pub(super) write_names: Names,
    /// Names of reads.
    pub(super) read_names: Names,
    /// Names of deliveries of hints.
    pub(super) dispatch_names: Names,
}

impl Site {
    /// A node that has just been started with an empty disk and believes everybody alive.
    #[must_use]
    pub(super) fn new(id: NodeId, mode: SyncMode, partitions: usize) -> Self {
        let nodes = usize::from(NODES);
        Self {
            id,
            is_up: true,
            incarnation: 0,
            machine: Node::default(),
            dead_since_ms: vec![None; nodes],
            hint_tasks: vec![0; nodes],
            hints: vec![VecDeque::new(); nodes],
            hints_stored: 0,
            pages: HashMap::new(),
            log: CommitLog {
                mode,
                entries: Vec::new(),
                marked: 0,
                synced: 0,
                last_sync_started_ms: 0,
                is_syncing: false,
                waiting: Vec::new(),
            },
            memory: vec![PartitionData::default(); partitions],
            write_names: Names::default(),
            read_names: Names::default(),
            dispatch_names: Names::default(),
        }
    }

    /// Whether it believes a node alive.
    #[must_use]
    pub(super) fn believes_alive(&self, node: NodeId) -> bool {
        node == self.id || self.dead_since_ms[usize::from(node.0)].is_none()
    }

    /// Whether the window allows a hint for a target now: counted here a second time, without the rules.
    #[must_use]
    pub(super) fn may_hint(&self, target: NodeId, now_ms: u64, window_ms: u64) -> bool {
        let index = usize::from(target.0);
        let is_short = self.dead_since_ms[index].is_none_or(|since| now_ms - since <= window_ms);
        let oldest = self.hints[index]
            .iter()
            .find(|stored| stored.stage > HintStage::Buffered);
        let is_fresh = oldest.is_none_or(|stored| now_ms - stored.hint.created_ms <= window_ms);
        target != self.id && is_short && is_fresh
    }
}

/// What a site knows of the others at a moment.
pub(super) struct SiteView<'a> {
    pub(super) site: &'a Site,
    pub(super) now_ms: u64,
}

impl View for SiteView<'_> {
    fn is_alive(&self, node: NodeId) -> bool {
        self.site.believes_alive(node)
    }

    fn target_history(&self, node: NodeId) -> TargetHistory {
        let index = usize::from(node.0);
        let downtime_ms = self.site.dead_since_ms[index].map_or(0, |since| self.now_ms - since);
        let written = self.site.hints[index]
            .iter()
            .filter(|stored| stored.stage > HintStage::Buffered);
        let oldest = written.map(|stored| stored.hint.created_ms).next();
        TargetHistory {
            has_host_id: true,
            downtime_ms,
            outage_ms: downtime_ms,
            oldest_written_hint_ms: oldest.map(|created| self.now_ms - created),
            first_hint_ever_ms: None,
            hints_size_bytes: 0,
        }
    }

    fn has_same_schema(&self, _node: NodeId) -> bool {
        true
    }

    fn hints_in_progress(&self) -> usize {
        self.site.hint_tasks.iter().sum()
    }

    fn hints_in_progress_for(&self, node: NodeId) -> usize {
        self.site.hint_tasks[usize::from(node.0)]
    }
}
