//! Plain values for a state of the small model: three nodes, one write, perhaps one read.
//!
//! The shape is the documented one of the checker's state, without what cannot vary in these bounds: every mutation
//! is the one write's, no clock ticks, disks keep what they were given, tables have one slot for requests.
//! Chapter: `specs/00-guarantees.md`.

use std::collections::BTreeMap;

/// A node, 0 to 2.
pub(super) type NodeNumber = usize;
/// A set of nodes or operations, bit by number.
pub(super) type Mask = u8;

/// Nodes, all of them replicas.
pub(super) const NODES: usize = 3;
/// The write's place among the operations.
pub(super) const WRITE: usize = 0;

/// A message.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Letter {
    /// The write's mutation, for a replica.
    Mutation,
    /// A replica has applied it.
    MutationDone,
    /// A hint of the delivery with this slot and number.
    Hint(usize, u8),
    /// It was applied.
    HintDone(usize, u8),
    /// A read, for a contact.
    Read,
    /// What the contact holds.
    Data(bool),
    /// What a contact lacked.
    Repair,
    /// It was applied.
    RepairDone,
}

/// A message in flight.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Flight {
    /// Receiver.
    pub(super) to: NodeNumber,
    /// Sender.
    pub(super) from: NodeNumber,
    /// The sender has crashed since.
    pub(super) orphaned: bool,
    /// What it says.
    pub(super) letter: Letter,
}

/// An open write at its coordinator.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct OpenWrite {
    /// The client knows.
    pub(super) answered: bool,
    /// Replicas without an answer.
    pub(super) awaiting: Mask,
    /// Replicas that acknowledged before the client knew.
    pub(super) acked: Mask,
}

/// An open read at its coordinator.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct OpenRead {
    /// Contacts, or targets of the repair, without an answer.
    pub(super) awaiting: Mask,
    /// Answers of contacts; none once merged.
    pub(super) answers: BTreeMap<NodeNumber, bool>,
    /// Acknowledgements that the repair still needs. It always carries the written value.
    pub(super) repair: Option<u8>,
}

/// A delivery of the hint for a target.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Delivery {
    /// Which of its holder's deliveries.
    pub(super) number: u8,
    /// Receiver of the hint.
    pub(super) target: NodeNumber,
}

/// A hint at its holder.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct HeldHint {
    /// Part of the page under way.
    pub(super) sending: bool,
    /// The target has applied it in this delivery.
    pub(super) delivered: bool,
}

/// One node.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Machine {
    /// Its process is gone.
    pub(super) is_down: bool,
    /// It holds the written value.
    pub(super) holds: bool,
    /// The write, if it coordinates it.
    pub(super) write: Option<OpenWrite>,
    /// The read, if it coordinates it.
    pub(super) read: Option<OpenRead>,
    /// Deliveries by slot, without empty slots at the end.
    pub(super) deliveries: Vec<Option<Delivery>>,
    /// Deliveries ever begun.
    pub(super) deliveries_begun: u8,
    /// Hints by target.
    pub(super) hints: BTreeMap<NodeNumber, HeldHint>,
}

/// What a client was told.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Told {
    /// The write succeeded.
    Success,
    /// Too few alive: needed and alive.
    Unavailable(u8, u8),
    /// Too late: received and needed.
    Timeout(u8, u8),
    /// The read returned the written value, or nothing.
    Value(bool),
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Phase {
    /// Not begun.
    #[default]
    Waiting,
    /// At its coordinator.
    Open,
    /// Its coordinator died.
    Abandoned,
    /// Over.
    Ended(Told),
}

/// One operation, with what an observer remembers of it.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Request {
    /// How far it is.
    pub(super) phase: Phase,
    /// Its coordinator, once begun.
    pub(super) coordinator: NodeNumber,
    /// Operations that were over when it began.
    pub(super) after: Mask,
    /// While open: nodes that applied the write.
    pub(super) applied: Mask,
    /// While open: nodes whose acknowledgement arrived.
    pub(super) acked: Mask,
    /// While its handler is open: replicas that acknowledged or were hinted.
    pub(super) settled: Mask,
}

/// What may still go wrong.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Mishaps {
    /// Crashes.
    pub crash: u8,
    /// Lost messages.
    pub lose: u8,
    /// Timers that do not wait for an answer on its way.
    pub slow: u8,
}

/// Everything.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct World {
    /// Nodes.
    pub(super) machines: [Machine; NODES],
    /// Messages in flight, sorted; equal ones may repeat.
    pub(super) flights: Vec<Flight>,
    /// The write, then the read if there is one.
    pub(super) requests: Vec<Request>,
    /// What may still go wrong.
    pub(super) mishaps: Mishaps,
}

/// The set of one member.
#[must_use]
pub(super) fn only(number: usize) -> Mask {
    1 << number
}

/// Members of a set.
pub(super) fn members(mask: Mask) -> impl Iterator<Item = usize> {
    (0..8).filter(move |number| mask & only(*number) != 0)
}

/// Size of a set.
#[must_use]
pub(super) fn size(mask: Mask) -> u8 {
    u8::try_from(mask.count_ones()).expect("a mask has eight bits")
}

impl World {
    /// Nodes whose process runs.
    #[must_use]
    pub(super) fn up(&self) -> Mask {
        let up = (0..NODES).filter(|node| !self.machines[*node].is_down);
        up.fold(0, |mask, node| mask | only(node))
    }

    /// Puts a message in flight, unless its receiver is down.
    pub(super) fn send(&mut self, from: NodeNumber, to: NodeNumber, letter: Letter) {
        if !self.machines[to].is_down {
            self.flights.push(Flight {
                to,
                from,
                orphaned: false,
                letter,
            });
            self.flights.sort_unstable();
        }
    }

    /// Takes one copy of a message out of flight.
    pub(super) fn take(&mut self, flight: Flight) {
        let index = self.flights.iter().position(|other| *other == flight);
        self.flights.remove(index.expect("moves name messages in flight"));
    }
}
