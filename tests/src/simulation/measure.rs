//! What a step costs when nothing goes wrong: writes at QUORUM, RF 3, one data centre, real rows.
//!
//! Disks and network answer at once, so that the figures are those of the protocol and of the queue between steps.
//! Chapter: `specs/03-coordination.md`.

use core::fmt;
use std::collections::VecDeque;
use std::time::Instant;

use thymbra_protocol::{
    Config, ConsistencyLevel, Context, Effect, Input, Node, NodeId, ReplicaSet, WriteOutcome,
};
use thymbra_types::Reference;

use super::cluster;
use super::rows::{self, RowPayload};
use super::site::{Names, Site, SiteView};

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Coordinated writes, all successful.
    pub writes: usize,
    /// Steps of all nodes.
    pub steps: u64,
    /// Time for one step with its effects, ns.
    pub step_ns: u64,
    /// Time for one write, coordinator and three replicas together, ns.
    pub write_ns: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} writes, {} steps: {} ns a step, {} ns a coordinated write (coordinator and replicas)",
            self.writes, self.steps, self.step_ns, self.write_ns
        )
    }
}

/// Runs so many writes, `in_flight` of them at a time, and takes the time.
///
/// # Panics
/// If a write does not succeed.
#[must_use]
pub fn measure(writes: usize, in_flight: usize) -> Figures {
    let ring = cluster::ring(1);
    let mode = thymbra_durability::SyncMode::Batch;
    let config = Config::default();
    let sites: Vec<Site> = (0..cluster::NODES_PER_DATACENTER)
        .map(|node| Site::new(NodeId(node), mode, 0))
        .collect();
    let mut machines: Vec<Node<RowPayload>> = sites.iter().map(|_| Node::default()).collect();
    let mut names: Vec<Names> = sites.iter().map(|_| Names::default()).collect();
    let keys: Vec<_> = (0..1000).map(rows::key).collect();
    let mutations = (0..writes).map(|number| rows::mutation(&keys[number % keys.len()], 0, number, 864_000));
    let mut mutations = mutations.collect::<Vec<_>>().into_iter().enumerate();
    let mut queue: VecDeque<(NodeId, Input<RowPayload>)> = VecDeque::new();
    let mut effects: Vec<Effect<RowPayload>> = Vec::new();
    let (mut steps, mut succeeded) = (0_u64, 0);
    let began = Instant::now();
    loop {
        if queue.is_empty() {
            for (number, mutation) in mutations.by_ref().take(in_flight) {
                let coordinator = number % sites.len();
                let request = names[coordinator].take();
                let input = Input::Write {
                    request,
                    mutation,
                    level: ConsistencyLevel::Quorum,
                    forwarders: ReplicaSet::EMPTY,
                };
                queue.push_back((sites[coordinator].id, input));
            }
        }
        let Some((node, input)) = queue.pop_front() else {
            break;
        };
        let index = usize::from(node.0);
        let view = SiteView {
            site: &sites[index],
            now_ms: 0,
        };
        let context = Context {
            rules: &Reference,
            me: node,
            local: cluster::datacenter(node),
            ring: &ring,
            view: &view,
            now_ms: 0,
            config: &config,
        };
        machines[index].step(&context, input, &mut effects);
        steps += 1;
        for effect in effects.drain(..) {
            succeeded += carry_out(node, effect, &mut queue);
        }
        if queue.is_empty() {
            // Every write is over: all slots are free again.
            names.iter_mut().for_each(Names::reset);
        }
    }
    let elapsed_ns =
        u64::try_from(began.elapsed().as_nanos()).expect("a measurement takes less than 500 years");
    assert_eq!(succeeded, writes, "every write succeeds");
    Figures {
        writes,
        steps,
        step_ns: elapsed_ns / steps,
        write_ns: elapsed_ns / u64::try_from(writes).expect("fewer than 2^64 writes"),
    }
}

/// Carries out an effect at once; answers how many writes succeeded by it.
fn carry_out(
    node: NodeId,
    effect: Effect<RowPayload>,
    queue: &mut VecDeque<(NodeId, Input<RowPayload>)>,
) -> usize {
    match effect {
        Effect::Send { to, message } => queue.push_back((to, Input::Received { from: node, message })),
        Effect::Append { reply, .. } => queue.push_back((node, Input::Applied { reply })),
        Effect::AnswerWrite { outcome, .. } => {
            assert_eq!(outcome, WriteOutcome::Success, "nothing goes wrong here");
            return 1;
        }
        Effect::ReadLocal { .. }
        | Effect::StoreHint { .. }
        | Effect::ReadHints { .. }
        | Effect::DeleteHints { .. }
        | Effect::ReturnHints { .. }
        | Effect::AnswerRead { .. }
        | Effect::Arm(_)
        | Effect::Disarm(_) => {}
    }
    0
}
