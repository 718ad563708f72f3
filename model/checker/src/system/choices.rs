//! The choices that a begin of an operation carries: remote coordinators, contacts, an arbitrary view.

use std::sync::OnceLock;

use thymbra_protocol::{
    CONSISTENCY_LEVELS, ConsistencyLevel, Datacenter, NodeId, Placement, ReadRules, ReplicaSet,
};

use super::{NodeMask, bit};
use crate::layout::Layout;

/// Contacts of reads by level, data centre and view, computed once each.
pub struct Choices {
    nodes: usize,
    datacenters: usize,
    contacts: Vec<OnceLock<Box<[NodeMask]>>>,
}

impl core::fmt::Debug for Choices {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Choices").finish_non_exhaustive()
    }
}

impl Choices {
    pub(super) fn new(layout: &Layout) -> Self {
        let (nodes, datacenters) = (layout.datacenters.len(), layout.replication_factors.len());
        let slots = (CONSISTENCY_LEVELS.len() * datacenters) << nodes;
        Self {
            nodes,
            datacenters,
            contacts: std::iter::repeat_with(OnceLock::new).take(slots).collect(),
        }
    }

    /// Every set of contacts that some order of the snitch makes a read ask, given who is believed alive. One
    /// empty set if the read is refused.
    pub(super) fn contacts<R: ReadRules + ?Sized>(
        &self,
        layout: &Layout,
        rules: &R,
        level: ConsistencyLevel,
        local: Datacenter,
        alive: NodeMask,
    ) -> &[NodeMask] {
        let level_index = CONSISTENCY_LEVELS
            .iter()
            .position(|other| *other == level)
            .unwrap_or(0);
        let index =
            ((level_index * self.datacenters + usize::from(local.0)) << self.nodes) + usize::from(alive);
        let slot = self
            .contacts
            .get(index)
            .expect("the table has a slot for each level, data centre and view");
        slot.get_or_init(|| compute_contacts(layout, rules, level, local, alive))
    }
}

fn compute_contacts<R: ReadRules + ?Sized>(
    layout: &Layout,
    rules: &R,
    level: ConsistencyLevel,
    local: Datacenter,
    alive: NodeMask,
) -> Box<[NodeMask]> {
    let at = Placement {
        plan: layout.plan(),
        local,
    };
    let live = at.plan.select(|node| alive & bit(node) != 0);
    let candidates = layout.natural & alive;
    let mut found: Vec<NodeMask> = subsets(candidates)
        .filter(|nearest| {
            let order: Vec<u8> = proximity(layout, *nearest);
            rules.contacts_for_read(level, at, live, &order)
                == Ok(at.plan.select(|node| nearest & bit(node) != 0))
        })
        .collect();
    if found.is_empty() {
        found.push(0);
    }
    found.into()
}

/// The snitch's order that puts these nodes first.
pub(super) fn proximity(layout: &Layout, nearest: NodeMask) -> Vec<u8> {
    layout
        .plan()
        .select(|node| nearest & bit(node) != 0)
        .iter()
        .collect()
}

/// Positions of these nodes in the plan.
pub(super) fn positions(layout: &Layout, nodes: NodeMask) -> ReplicaSet {
    layout.plan().select(|node| nodes & bit(node) != 0)
}

/// Every draw of remote coordinators that makes a difference: one live replica of each other data centre in which
/// two or more are live.
pub(super) fn forwarders(layout: &Layout, coordinator: NodeId, alive: NodeMask) -> Vec<NodeMask> {
    let local = layout.datacenter(coordinator);
    let mut draws: Vec<NodeMask> = vec![0];
    for datacenter in layout.all_datacenters().filter(|datacenter| *datacenter != local) {
        let members = layout.replicas() & alive & layout.nodes_in(datacenter) & !bit(coordinator);
        if members.count_ones() < 2 {
            continue;
        }
        draws = draws
            .iter()
            .flat_map(|draw| single_bits(members).map(move |member| draw | member))
            .collect();
    }
    draws
}

fn single_bits(mask: NodeMask) -> impl Iterator<Item = NodeMask> {
    (0..NodeMask::BITS)
        .map(|shift| 1 << shift)
        .filter(move |single| mask & single != 0)
}

/// Every subset of a mask, the empty one included, ascending.
pub(super) fn subsets(mask: NodeMask) -> impl Iterator<Item = NodeMask> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let current: NodeMask = next?;
        next = (current != mask).then(|| (current.wrapping_sub(mask)) & mask);
        Some(current)
    })
}
