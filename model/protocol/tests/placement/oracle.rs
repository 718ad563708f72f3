//! What placement must be, said declaratively: distances around the ring and counts of racks, no walk.

use std::collections::BTreeSet;

/// One member that owns tokens: where it stands and what it owns.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) node: u16,
    pub(crate) datacenter: u8,
    pub(crate) rack: u8,
    pub(crate) tokens: Vec<i64>,
}

/// The options of a keyspace.
#[derive(Clone, Debug)]
pub(crate) enum Options {
    Simple(u16),
    /// The RF of datacenter 0, of datacenter 1, and so on.
    PerDatacenter(Vec<u16>),
}

impl Owner {
    /// How far one must go clockwise from `token` to reach the first of its tokens; none without tokens.
    fn distance(&self, token: i64) -> Option<u64> {
        self.tokens
            .iter()
            .map(|own| own.wrapping_sub(token).cast_unsigned())
            .min()
    }
}

/// The replicas of a token in ring order.
pub(crate) fn replicas(owners: &[Owner], options: &Options, token: i64) -> Vec<u16> {
    let mut clockwise: Vec<&Owner> = owners.iter().filter(|owner| !owner.tokens.is_empty()).collect();
    clockwise.sort_by_key(|owner| owner.distance(token));
    match options {
        Options::Simple(rf) => clockwise
            .iter()
            .take(usize::from(*rf))
            .map(|owner| owner.node)
            .collect(),
        Options::PerDatacenter(rfs) => {
            let chosen: BTreeSet<u16> = (0..)
                .zip(rfs)
                .flat_map(|(datacenter, rf)| in_datacenter(&clockwise, owners, datacenter, usize::from(*rf)))
                .collect();
            clockwise
                .iter()
                .map(|owner| owner.node)
                .filter(|node| chosen.contains(node))
                .collect()
        }
    }
}

/// The first node of each of the first RF racks, and as many other nodes as the RF exceeds the racks.
fn in_datacenter(clockwise: &[&Owner], owners: &[Owner], datacenter: u8, rf: usize) -> Vec<u16> {
    let here = |owner: &Owner| owner.datacenter == datacenter;
    let rack_count = owners
        .iter()
        .filter(|owner| here(owner))
        .map(|owner| owner.rack)
        .collect::<BTreeSet<_>>()
        .len();
    let local: Vec<&Owner> = clockwise.iter().copied().filter(|owner| here(owner)).collect();
    let opens_a_rack = |index: usize| {
        local[..index]
            .iter()
            .all(|earlier| earlier.rack != local[index].rack)
    };
    let (openers, others): (Vec<usize>, Vec<usize>) =
        (0..local.len()).partition(|index| opens_a_rack(*index));
    let openers = openers.into_iter().take(rf);
    let others = others.into_iter().take(rf.saturating_sub(rack_count));
    openers.chain(others).map(|index| local[index].node).collect()
}
