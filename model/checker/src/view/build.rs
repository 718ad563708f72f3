//! How a [`View`] is made from a state.
//!
//! Chapter: `specs/00-guarantees.md`.

use thymbra_protocol::{ConsistencyLevel, NodeId, Placement};

use super::{
    BudgetView, ClauseView, HintView, LogView, MessageView, NeedView, NodeView, OperationView, PropertyView,
    View,
};
use crate::action::Action;
use crate::payload::Register;
use crate::properties::{Kind, PropertyDef};
use crate::scope::OperationKind;
use crate::story::words;
use crate::system::{
    Envelope, HintStage, Life, NodeMask, NodeState, Operation, Phase, State, StoredHint, System, Told, bit,
};

impl View {
    /// The view of a state.
    #[must_use]
    pub fn of(system: &System, state: &State) -> Self {
        let operations = state.operations.iter().enumerate();
        Self {
            nodes: state
                .node_ids()
                .map(|node| node_view(system, state, node))
                .collect(),
            ops: operations
                .map(|(index, operation)| operation_view(system, state, index, operation))
                .collect(),
            net: messages(system, state),
            cut: ids(state.cut),
            tick: state.tick,
            budget: budgets(system, state),
            props: system
                .properties
                .iter()
                .map(|property| property_view(system, state, property))
                .collect(),
            enabled: system
                .named_actions(state)
                .into_iter()
                .map(|(name, _)| name)
                .collect(),
        }
    }
}

fn ids(mask: NodeMask) -> Vec<String> {
    words::members(mask).map(|node| node.to_string()).collect()
}

fn node_view(system: &System, state: &State, node: NodeId) -> NodeView {
    let NodeState { disk, life, .. } = state.node(node);
    let written = |register: Register| register.0.map(|mutation| words::write(system, state, mutation));
    let sees = if *life == Life::Up {
        system.alive_mask(state, node)
    } else {
        0
    };
    let natural = system.layout.natural & bit(node) != 0;
    let pending = system.layout.pending & bit(node) != 0;
    let mut hints: Vec<HintView> = Vec::new();
    for hint in &disk.hints {
        let view = hint_view(system, state, node, hint);
        let id = told_apart(view.id.clone(), hints.iter().map(|other| other.id.as_str()));
        hints.push(HintView { id, ..view });
    }
    NodeView {
        id: node.to_string(),
        dc: words::datacenter(system, node),
        up: *life == Life::Up,
        paused: *life == Life::Paused,
        sees: ids(sees),
        owns: match (natural, pending) {
            (true, _) => "natural",
            (false, true) => "pending",
            (false, false) => "none",
        },
        log: LogView {
            appended: written(disk.appended),
            marked: written(disk.marked),
            synced: written(disk.synced),
            pending: disk
                .pending
                .iter()
                .map(|pending| words::write(system, state, pending.mutation))
                .collect(),
        },
        memtable: written(disk.memory),
        hints,
    }
}

fn hint_view(system: &System, state: &State, holder: NodeId, hint: &StoredHint) -> HintView {
    let name = system.operation_name(usize::from(hint.mutation.write));
    HintView {
        id: format!("hint.{name}.{holder}-{}", hint.target),
        target: hint.target.to_string(),
        op: words::write(system, state, hint.mutation),
        stage: match hint.stage {
            HintStage::Submitted => "submitted",
            HintStage::Buffered => "buffered",
            HintStage::Written => "written",
            HintStage::Synced => "synced",
        },
        age: state.tick.saturating_sub(hint.created),
        sending: hint.sending,
    }
}

/// The name itself, or the name with the number of its copy.
fn told_apart<'a>(name: String, others: impl Iterator<Item = &'a str>) -> String {
    let copies = others
        .filter(|other| other.split('~').next() == Some(name.as_str()))
        .count();
    if copies == 0 {
        name
    } else {
        format!("{name}~{}", copies + 1)
    }
}

fn operation_view(system: &System, state: &State, index: usize, operation: &Operation) -> OperationView {
    let scope = system.operation(index);
    let has_begun = operation.attempts > 0;
    let hinted = state.nodes.iter().flat_map(|node| &node.disk.hints);
    let is_mine = |hint: &&StoredHint| usize::from(hint.mutation.write) == index;
    let hinted = hinted
        .filter(is_mine)
        .fold(0, |mask, hint| mask | bit(hint.target));
    let outcome = |told: Told| Some(words::outcome(system, state, index, told));
    let (phase, outcome) = match operation.phase {
        Phase::Waiting => ("waiting", None),
        Phase::Open => ("open", None),
        Phase::Retrying(told) => ("retrying", outcome(told)),
        Phase::Abandoned => ("abandoned", None),
        Phase::Ended(told) => ("ended", outcome(told)),
    };
    OperationView {
        id: system.operation_name(index),
        client: words::client(index),
        at: has_begun.then(|| operation.coordinator.to_string()),
        level: scope.map_or("", |scope| scope.level.name()),
        need: scope
            .filter(|_| has_begun)
            .map(|scope| needs(system, scope.kind, scope.level, operation.coordinator))
            .unwrap_or_default(),
        acks: ids(counted(system, state, index, operation)),
        hinted: ids(hinted),
        attempts: operation.attempts,
        phase,
        outcome,
    }
}

/// Nodes whose answers the coordinator has counted so far.
fn counted(system: &System, state: &State, index: usize, operation: &Operation) -> NodeMask {
    let plan = system.layout.plan();
    let machine = &state.node(operation.coordinator).node;
    let mask = |positions: &mut dyn Iterator<Item = u8>| {
        positions
            .filter_map(|position| plan.node(position))
            .fold(0, |mask, node| mask | bit(node))
    };
    let is_mine = |request: thymbra_protocol::RequestId| crate::system::operation_of(request) == index;
    let writes = machine.writes.iter().filter(|(request, _)| is_mine(*request));
    let reads = machine.reads.iter().filter(|(request, _)| is_mine(*request));
    let acked = writes.fold(0, |all, (_, open)| all | mask(&mut open.acked.iter()));
    reads.fold(acked, |all, (_, open)| {
        all | mask(&mut open.responses.iter().map(|(position, _)| *position))
    })
}

/// What a level needs, by data centre where it asks so.
fn needs(
    system: &System,
    kind: OperationKind,
    level: ConsistencyLevel,
    coordinator: NodeId,
) -> Vec<NeedView> {
    let local = system.layout.datacenter(coordinator);
    let at = Placement {
        plan: system.layout.plan(),
        local,
    };
    let name = |index: u8| {
        let datacenter = system.scope.datacenters.get(usize::from(index));
        datacenter.map(|datacenter| datacenter.name.clone())
    };
    if level == ConsistencyLevel::EachQuorum && at.plan.is_network_topology() {
        let quorums = system.rules.each_quorum(at).map(|(datacenter, quorum)| {
            let within = at.plan.in_datacenter(datacenter);
            let pending = match kind {
                OperationKind::Write => system.rules.pending_to_wait_for(at.plan, within),
                OperationKind::Read => 0,
            };
            NeedView {
                dc: name(datacenter.0),
                count: quorum + pending,
            }
        });
        return quorums.collect();
    }
    let count = match kind {
        OperationKind::Write => system.rules.block_for_write(level, at),
        OperationKind::Read => system.rules.block_for(level, at),
    };
    let dc = if level.is_datacenter_local() {
        name(local.0)
    } else {
        None
    };
    vec![NeedView { dc, count }]
}

fn messages(system: &System, state: &State) -> Vec<MessageView> {
    let mut views: Vec<MessageView> = Vec::new();
    let mut previous = None;
    for envelope in &state.network {
        if let (true, Some(view)) = (previous == Some(envelope), views.last_mut()) {
            view.copies += 1;
            continue;
        }
        previous = Some(envelope);
        let name = system.message_name(envelope);
        let id = told_apart(name, views.iter().map(|other| other.id.as_str()));
        views.push(MessageView {
            id,
            copies: 1,
            verb: envelope.message.verb(),
            op: system.subject(&envelope.message),
            from: envelope.from.to_string(),
            to: envelope.to.to_string(),
            orphaned: envelope.orphaned,
            can: fates(system, state, envelope),
        });
    }
    views
}

fn fates(system: &System, state: &State, envelope: &Envelope) -> Vec<&'static str> {
    let possible = [
        ("deliver", Action::Deliver(*envelope)),
        ("lose", Action::Lose(*envelope)),
        ("duplicate", Action::Duplicate(*envelope)),
        ("fail", Action::Fail(*envelope)),
        ("drop", Action::Drop(*envelope)),
    ];
    let possible = possible
        .into_iter()
        .filter(|(_, action)| system.guard(state, action).is_ok());
    possible.map(|(name, _)| name).collect()
}

fn budgets(system: &System, state: &State) -> Vec<BudgetView> {
    let pairs = |budgets: &crate::scope::Budgets| {
        let crate::scope::Budgets {
            crash,
            power_loss,
            lose,
            duplicate,
            fail,
            drop,
            slow,
            partition,
            flap,
            ticks,
            skew,
        } = *budgets;
        [
            ("crash", crash),
            ("power-loss", power_loss),
            ("lose", lose),
            ("duplicate", duplicate),
            ("fail", fail),
            ("drop", drop),
            ("slow", slow),
            ("partition", partition),
            ("flap", flap),
            ("ticks", ticks),
            ("skew", skew),
        ]
    };
    let (all, left) = (pairs(&system.scope.budgets), pairs(&state.budgets));
    all.into_iter()
        .zip(left)
        .filter(|((_, total), _)| *total > 0)
        .map(|((id, total), (_, left))| BudgetView {
            id,
            used: total.saturating_sub(left),
            left,
        })
        .collect()
}

fn property_view(system: &System, state: &State, property: &PropertyDef) -> PropertyView {
    let holds = property.holds(system, state);
    let is_reached = (property.premise.holds)(system, state);
    PropertyView {
        code: property.code,
        name: property.name,
        state: match (property.kind, holds, is_reached) {
            (Kind::Always, false, _) => "fails",
            (Kind::Always, true, false) | (Kind::Sometimes, false, _) => "not-yet",
            (Kind::Always, true, true) | (Kind::Sometimes, true, _) => "holds",
        },
        clauses: property
            .clauses
            .iter()
            .map(|clause| ClauseView {
                say: clause.say,
                holds: (clause.holds)(system, state),
            })
            .collect(),
    }
}
