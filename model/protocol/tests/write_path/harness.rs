//! One node with everything that it consults, in the hands of a test.
//!
//! Node `i` is the replica at position `i` of the only plan; nodes from [`OUTSIDER`] on are no replicas.

use std::collections::BTreeMap;

use thymbra_protocol::{
    Callback, Config, ConsistencyLevel, Context, Datacenter, Effect, FailureReason, Hint, Input, Message,
    Node, NodeId, Placement, PlanKey, Rack, ReadRepairStrategy, Replica, ReplicaPlan, ReplicaSet,
    ReplicationStrategy, Reply, RequestId, Ring, Rules, TargetHistory, Timer, View, WriteOutcome,
};
use thymbra_types::{ReconcileRules, Reference, Token};

/// The first node that holds no replica.
pub(crate) const OUTSIDER: u16 = 50;
/// The time of every step that does not say otherwise, ms.
pub(crate) const NOW_MS: u64 = 1_000_000;
/// Lifetime of hints of [`mutation`], s.
pub(crate) const GC_GRACE_SECONDS: u32 = 10;
/// The plan of every key.
pub(crate) const PLAN: PlanKey = PlanKey { epoch: 0, range: 0 };

/// A set of facts, one for each bit: merging is union.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Facts(pub(crate) u8);

/// Adds facts to the partition at a token.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Add {
    pub(crate) facts: u8,
    pub(crate) gc_grace_seconds: u32,
    pub(crate) token: i64,
}

/// Reads the partition at a token.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Ask(pub(crate) i64);

/// The instantiation of the protocol with facts.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Tiny;

impl thymbra_protocol::Mutation for Add {
    fn token(&self) -> Token {
        Token::Murmur3(self.token)
    }
    fn size_bytes(&self) -> usize {
        1
    }
    fn gc_grace_seconds(&self) -> u32 {
        self.gc_grace_seconds
    }
}

impl thymbra_protocol::ReadCommand for Ask {
    fn token(&self) -> Token {
        Token::Murmur3(self.0)
    }
}

impl thymbra_protocol::ReadData<Add> for Facts {
    fn merge<R: ReconcileRules + ?Sized>(&mut self, other: &Self, _: &R) {
        self.0 |= other.0;
    }
    fn difference<R: ReconcileRules + ?Sized>(&self, merged: &Self, _: &R) -> Option<Add> {
        let lacked = merged.0 & !self.0;
        (lacked != 0).then_some(add(lacked))
    }
}

impl thymbra_protocol::Payload for Tiny {
    type Mutation = Add;
    type Command = Ask;
    type Data = Facts;
}

pub(crate) type Seen = Vec<Effect<Tiny>>;

pub(crate) fn add(facts: u8) -> Add {
    Add {
        facts,
        gc_grace_seconds: GC_GRACE_SECONDS,
        token: 0,
    }
}

/// What tests write.
pub(crate) fn mutation() -> Add {
    add(1)
}

/// The hint that missing [`mutation`] at [`NOW_MS`] leaves.
pub(crate) fn hint() -> Hint<Add> {
    Hint {
        mutation: mutation(),
        created_ms: NOW_MS,
        gc_grace_seconds: GC_GRACE_SECONDS,
    }
}

/// The name of the only request of a test.
pub(crate) const REQUEST: RequestId = RequestId {
    slot: 0,
    generation: 7,
};

pub(crate) fn set(positions: &[u8]) -> ReplicaSet {
    positions.iter().copied().collect()
}

pub(crate) fn expired(position: u8) -> Timer {
    Timer::CallbackExpired {
        request: REQUEST,
        position,
    }
}

pub(crate) fn reply(to: u16, callback: Callback) -> Reply {
    Reply {
        to: NodeId(to),
        callback,
    }
}

/// The replicas of the only plan: their datacenters by position, naturals first.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) natural: Vec<u8>,
    pub(crate) pending: Vec<u8>,
    /// By datacenter; none with SimpleStrategy, whose factor is the number of naturals.
    pub(crate) factors: Option<Vec<(u8, u16)>>,
}

impl Shape {
    /// SimpleStrategy in one datacenter.
    pub(crate) fn simple(replication_factor: usize) -> Self {
        Self {
            natural: vec![0; replication_factor],
            pending: vec![],
            factors: None,
        }
    }

    /// NetworkTopologyStrategy with as many naturals as the factors say.
    pub(crate) fn topology(natural: &[u8], pending: &[u8]) -> Self {
        let mut factors: BTreeMap<u8, u16> = BTreeMap::new();
        for datacenter in natural {
            *factors.entry(*datacenter).or_default() += 1;
        }
        Self {
            natural: natural.to_vec(),
            pending: pending.to_vec(),
            factors: Some(factors.into_iter().collect()),
        }
    }

    /// Datacenters by position.
    pub(crate) fn places(&self) -> Vec<u8> {
        [self.natural.as_slice(), &self.pending].concat()
    }

    pub(crate) fn plan(&self) -> ReplicaPlan {
        let replica = |(node, datacenter): (u16, &u8)| Replica {
            node: NodeId(node),
            datacenter: Datacenter(*datacenter),
            rack: Rack(0),
        };
        let strategy = match &self.factors {
            None => ReplicationStrategy::Simple {
                replication_factor: u16::try_from(self.natural.len()).expect("plans of tests are small"),
            },
            Some(factors) => ReplicationStrategy::NetworkTopology {
                replication_factors: factors.iter().map(|(dc, rf)| (Datacenter(*dc), *rf)).collect(),
            },
        };
        let first_pending = u16::try_from(self.natural.len()).expect("plans of tests are small");
        ReplicaPlan::new(
            strategy,
            (0..).zip(&self.natural).map(replica),
            (first_pending..).zip(&self.pending).map(replica),
        )
        .expect("plans of tests are valid")
    }
}

/// What the node is told of the others.
#[derive(Clone, Debug)]
pub(crate) struct Opinion {
    pub(crate) dead: Vec<u16>,
    pub(crate) other_schema: Vec<u16>,
    /// Where nothing stands: in the ring, and never missed.
    pub(crate) histories: BTreeMap<u16, TargetHistory>,
    pub(crate) hints_in_progress: usize,
    pub(crate) hints_in_progress_for: BTreeMap<u16, usize>,
}

/// A target that was never away.
pub(crate) const KNOWN: TargetHistory = TargetHistory {
    has_host_id: true,
    downtime_ms: 0,
    outage_ms: 0,
    oldest_written_hint_ms: None,
    first_hint_ever_ms: None,
    hints_size_bytes: 0,
};

impl View for Opinion {
    fn is_alive(&self, node: NodeId) -> bool {
        !self.dead.contains(&node.0)
    }
    fn target_history(&self, node: NodeId) -> TargetHistory {
        self.histories.get(&node.0).copied().unwrap_or(KNOWN)
    }
    fn has_same_schema(&self, node: NodeId) -> bool {
        !self.other_schema.contains(&node.0)
    }
    fn hints_in_progress(&self) -> usize {
        self.hints_in_progress
    }
    fn hints_in_progress_for(&self, node: NodeId) -> usize {
        self.hints_in_progress_for.get(&node.0).copied().unwrap_or(0)
    }
}

/// The node under test and its surroundings. Steps are validated.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) node: Node<Tiny>,
    pub(crate) ring: Ring,
    pub(crate) me: u16,
    pub(crate) local: u8,
    pub(crate) view: Opinion,
    pub(crate) config: Config,
    pub(crate) now_ms: u64,
    pub(crate) rules: &'static dyn Rules,
}

impl Bench {
    /// Node `me` of datacenter `local` in a cluster with this plan, all alive.
    pub(crate) fn new(shape: &Shape, me: u16, local: u8) -> Self {
        let outsider = Replica {
            node: NodeId(OUTSIDER),
            datacenter: Datacenter(local),
            rack: Rack(0),
        };
        Self {
            node: Node::default(),
            ring: Ring::with_plan(shape.plan(), [outsider]),
            me,
            local,
            view: Opinion {
                dead: vec![],
                other_schema: vec![],
                histories: BTreeMap::new(),
                hints_in_progress: 0,
                hints_in_progress_for: BTreeMap::new(),
            },
            config: Config::default(),
            now_ms: NOW_MS,
            rules: &Reference,
        }
    }

    /// SimpleStrategy with RF 3; the coordinator is replica 0.
    pub(crate) fn three() -> Self {
        Self::new(&Shape::simple(3), 0, 0)
    }

    pub(crate) fn dead(mut self, nodes: &[u16]) -> Self {
        self.view.dead = nodes.to_vec();
        self
    }

    pub(crate) fn plan(&self) -> &ReplicaPlan {
        self.ring.plan(PLAN).expect("the ring has one plan")
    }

    pub(crate) fn placement(&self) -> Placement<'_> {
        Placement {
            plan: self.plan(),
            local: Datacenter(self.local),
        }
    }

    pub(crate) fn step(&mut self, input: Input<Tiny>) -> Seen {
        let context = Context {
            rules: self.rules,
            me: NodeId(self.me),
            local: Datacenter(self.local),
            ring: &self.ring,
            view: &self.view,
            now_ms: self.now_ms,
            config: &self.config,
        };
        let mut seen = vec![];
        self.node.step(&context, input, &mut seen);
        assert_eq!(self.node.validate(&self.ring), Ok(()));
        seen
    }

    pub(crate) fn write_as(&mut self, request: RequestId, level: ConsistencyLevel) -> Seen {
        self.step(Input::Write {
            request,
            mutation: mutation(),
            level,
            forwarders: ReplicaSet::EMPTY,
        })
    }

    pub(crate) fn write(&mut self, level: ConsistencyLevel) -> Seen {
        self.write_as(REQUEST, level)
    }

    pub(crate) fn receive(&mut self, from: u16, message: Message<Tiny>) -> Seen {
        self.step(Input::Received {
            from: NodeId(from),
            message,
        })
    }

    pub(crate) fn fire(&mut self, timer: Timer) -> Seen {
        self.step(Input::Fired(timer))
    }

    /// The acknowledgement of a replica, by message or as the completion of the own copy.
    pub(crate) fn ack(&mut self, node: u16) -> Seen {
        if node == self.me {
            let reply = reply(node, Callback::Write(REQUEST));
            self.step(Input::Applied { reply })
        } else {
            self.receive(node, Message::MutationResponse { request: REQUEST })
        }
    }

    /// The failure of a replica, by message or of the own copy.
    pub(crate) fn fail(&mut self, node: u16, reason: FailureReason) -> Seen {
        let callback = Callback::Write(REQUEST);
        if node == self.me {
            let reply = reply(node, callback);
            self.step(Input::ApplyFailed { reply, reason })
        } else {
            self.receive(node, Message::Failure { callback, reason })
        }
    }

    pub(crate) fn read(&mut self, level: ConsistencyLevel, proximity: &[u8]) -> Seen {
        self.read_with(level, proximity, ReadRepairStrategy::Blocking)
    }

    pub(crate) fn read_with(
        &mut self,
        level: ConsistencyLevel,
        proximity: &[u8],
        read_repair: ReadRepairStrategy,
    ) -> Seen {
        self.step(Input::Read {
            request: REQUEST,
            command: Ask(0),
            level,
            proximity: proximity.to_vec(),
            read_repair,
        })
    }

    /// A contact's answer, by message or from the own data.
    pub(crate) fn data(&mut self, node: u16, facts: u8) -> Seen {
        let data = Facts(facts);
        if node == self.me {
            let reply = reply(node, Callback::Read(REQUEST));
            self.step(Input::ReadCompleted { reply, data })
        } else {
            self.receive(
                node,
                Message::ReadResponse {
                    request: REQUEST,
                    data,
                },
            )
        }
    }

    /// The acknowledgement of a repair.
    pub(crate) fn repaired(&mut self, node: u16) -> Seen {
        if node == self.me {
            let reply = reply(node, Callback::ReadRepair(REQUEST));
            self.step(Input::Applied { reply })
        } else {
            self.receive(node, Message::ReadRepairResponse { request: REQUEST })
        }
    }
}

/// The outcome of the write among the effects, if it was answered once.
pub(crate) fn outcome(seen: &Seen) -> Option<WriteOutcome> {
    let outcomes: Vec<WriteOutcome> = seen
        .iter()
        .filter_map(|effect| {
            let Effect::AnswerWrite { outcome, .. } = effect else {
                return None;
            };
            Some(outcome.clone())
        })
        .collect();
    assert!(outcomes.len() <= 1, "a step answers a write once");
    outcomes.into_iter().next()
}

/// The targets of all hint tasks among the effects, in order.
pub(crate) fn hinted(seen: &Seen) -> Vec<Vec<u8>> {
    seen.iter()
        .filter_map(|effect| {
            let Effect::StoreHint { targets, .. } = effect else {
                return None;
            };
            Some(targets.iter().collect())
        })
        .collect()
}

pub(crate) fn answer(outcome: WriteOutcome) -> [Effect<Tiny>; 2] {
    [
        Effect::Disarm(Timer::WriteTimeout(REQUEST)),
        Effect::AnswerWrite {
            request: REQUEST,
            outcome,
        },
    ]
}

pub(crate) fn store(targets: &[u8]) -> Effect<Tiny> {
    Effect::StoreHint {
        plan: PLAN,
        targets: set(targets),
        hint: hint(),
        notify: None,
    }
}

pub(crate) fn disarm(position: u8) -> Effect<Tiny> {
    Effect::Disarm(expired(position))
}

pub(crate) fn mutation_to(to: u16, behind: &[u8]) -> Effect<Tiny> {
    let forward_to = (!behind.is_empty()).then(|| thymbra_protocol::ForwardTo {
        plan: PLAN,
        targets: set(behind),
    });
    Effect::Send {
        to: NodeId(to),
        message: Message::Mutation {
            request: REQUEST,
            mutation: mutation(),
            forward_to,
            respond_to: None,
        },
    }
}

pub(crate) fn own_append() -> Effect<Tiny> {
    Effect::Append {
        mutation: mutation(),
        reply: reply(0, Callback::Write(REQUEST)),
    }
}
