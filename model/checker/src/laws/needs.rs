//! P2: the number of acknowledgements of each level, and what the coordinator makes of every set of them.

use thymbra_protocol::{CONSISTENCY_LEVELS, ConsistencyLevel, Placement};

use super::{Cases, LawReport};
use crate::layout::Layout;
use crate::names::node_set;
use crate::scope::{DatacenterScope, Scope};
use crate::system::{DynRules, NodeMask, bit};

pub(super) const DOMAIN: &str = "SimpleStrategy RF 1-4 and NetworkTopologyStrategy RF 0-3 in each of 1 or 2 data \
     centres, at most one pending replica in each that holds some, every level, every coordinator's data centre, every set of replicas";

pub(super) fn check(rules: &DynRules) -> LawReport {
    let mut cases = Cases::default();
    // The enumeration ends at the first case that fails; the report holds it.
    let _ = scopes().try_for_each(|scope| check_scope(rules, &scope, &mut cases));
    cases.report()
}

fn scopes() -> impl Iterator<Item = Scope> {
    let datacenter = |name: &str, replication_factor, pending| DatacenterScope {
        name: name.into(),
        replication_factor,
        nodes: replication_factor.max(1),
        pending,
    };
    let simple = (1..=4).flat_map(move |factor| {
        (0..=1).map(move |pending| (false, vec![datacenter("dc1", factor, pending)]))
    });
    let one = (1..=3)
        .flat_map(move |factor| (0..=1).map(move |pending| (true, vec![datacenter("dc1", factor, pending)])));
    let two = (0..4_u16.pow(2) * 4).map(move |code| {
        let (first, second) = (code % 4, code / 4 % 4);
        let (first_pending, second_pending) = (code / 16 % 2, code / 32);
        (
            true,
            vec![
                datacenter("dc1", first, first_pending),
                datacenter("dc2", second, second_pending),
            ],
        )
    });
    // A data centre without replicas gains none, and a keyspace has some.
    let is_possible = |datacenters: &Vec<DatacenterScope>| {
        datacenters
            .iter()
            .any(|datacenter| datacenter.replication_factor > 0)
            && datacenters
                .iter()
                .all(|datacenter| datacenter.replication_factor > 0 || datacenter.pending == 0)
    };
    let two = two.filter(move |(_, datacenters)| is_possible(datacenters));
    simple
        .chain(one)
        .chain(two)
        .map(|(network_topology, datacenters)| Scope {
            network_topology,
            datacenters,
            ..Scope::default()
        })
}

fn check_scope(rules: &DynRules, scope: &Scope, cases: &mut Cases) -> Result<(), ()> {
    let layout = Layout::new(scope).expect("the domain holds possible topologies only");
    let plan = layout.plan();
    for level in CONSISTENCY_LEVELS.into_iter().filter(|level| !level.is_serial()) {
        for local in layout.all_datacenters() {
            let at = Placement { plan, local };
            let needs: usize = layout
                .needs(level, local, true)
                .iter()
                .map(|(need, _)| need)
                .sum();
            let block_for = rules.block_for_write(level, at);
            let place = |what: &str| {
                let factors = &layout.replication_factors;
                let pending = node_set(layout.pending);
                format!(
                    "{level} in data centre {} of RF {factors:?}, pending {pending}: {what}",
                    local.0 + 1
                )
            };
            cases.expect(block_for == needs, || {
                place(&format!("waits for {block_for}, not for {needs}"))
            })?;
            for nodes in subsets(layout.replicas()) {
                let set = plan.select(|node| nodes & bit(node) != 0);
                let (met, meets) = (
                    rules.is_satisfied(level, at, set, false),
                    layout.meets(level, local, nodes),
                );
                cases.expect(met == meets, || {
                    place(&format!(
                        "acknowledged by {}, it is {}met",
                        node_set(nodes),
                        if met { "" } else { "not " }
                    ))
                })?;
                let admitted = rules.assure_sufficient_live_replicas(level, at, set).is_ok();
                let admits = layout.admits(level, local, nodes);
                let is_any = level == ConsistencyLevel::Any;
                cases.expect(admitted == admits || is_any && admitted, || {
                    let verb = if admitted { "admitted" } else { "refused" };
                    place(&format!("{verb} while {} are alive", node_set(nodes)))
                })?;
            }
        }
    }
    Ok(())
}

fn subsets(mask: NodeMask) -> impl Iterator<Item = NodeMask> {
    (0..=mask).filter(move |subset| subset & !mask == 0)
}
