//! What must hold, counted in plain numbers from the tables of the book.

use std::collections::{BTreeMap, BTreeSet};

use thymbra_protocol::ConsistencyLevel;

use crate::harness::Shape;

/// Positions.
pub(crate) type Members = BTreeSet<u8>;

/// One plan seen from one datacenter.
#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    pub(crate) shape: Shape,
    pub(crate) local: u8,
}

fn majority(replication_factor: usize) -> usize {
    // The smallest number of which two groups of RF must share a member.
    (0..=replication_factor + 1)
        .find(|size| 2 * size > replication_factor)
        .expect("all and one more are a majority")
}

impl Oracle {
    pub(crate) fn all(&self) -> Members {
        (0..)
            .zip(self.shape.places())
            .map(|(position, _)| position)
            .collect()
    }

    pub(crate) fn within(&self, datacenter: u8) -> Members {
        (0..)
            .zip(self.shape.places())
            .filter(|(_, place)| *place == datacenter)
            .map(|(position, _)| position)
            .collect()
    }

    fn pending(&self) -> Members {
        let first = u8::try_from(self.shape.natural.len()).expect("plans of tests are small");
        self.all()
            .into_iter()
            .filter(|position| *position >= first)
            .collect()
    }

    fn pending_within(&self, datacenter: u8) -> usize {
        self.pending().intersection(&self.within(datacenter)).count()
    }

    fn factor(&self) -> usize {
        match &self.shape.factors {
            None => self.shape.natural.len(),
            Some(factors) => factors.iter().map(|(_, factor)| usize::from(*factor)).sum(),
        }
    }

    fn factor_in(&self, datacenter: u8) -> usize {
        match &self.shape.factors {
            None => self.shape.natural.len(),
            Some(factors) => {
                let by_datacenter: BTreeMap<u8, u16> = factors.iter().copied().collect();
                by_datacenter.get(&datacenter).copied().map_or(0, usize::from)
            }
        }
    }

    /// The quorum of each datacenter that EACH_QUORUM asks, ascending; none without NetworkTopologyStrategy.
    pub(crate) fn quorums(&self) -> Option<Vec<(u8, usize)>> {
        let factors = self.shape.factors.as_ref()?;
        let mut asked: Vec<u8> = factors
            .iter()
            .filter(|(_, rf)| *rf > 0)
            .map(|(dc, _)| *dc)
            .collect();
        asked.sort_unstable();
        Some(
            asked
                .into_iter()
                .map(|dc| (dc, majority(self.factor_in(dc))))
                .collect(),
        )
    }

    pub(crate) fn is_local(level: ConsistencyLevel) -> bool {
        ["LOCAL_ONE", "LOCAL_QUORUM", "LOCAL_SERIAL"].contains(&level.name())
    }

    pub(crate) fn base(&self, level: ConsistencyLevel) -> usize {
        match level.name() {
            "ANY" | "ONE" | "LOCAL_ONE" => 1,
            "TWO" => 2,
            "THREE" => 3,
            "QUORUM" | "SERIAL" => majority(self.factor()),
            "ALL" => self.factor(),
            "LOCAL_QUORUM" | "LOCAL_SERIAL" => majority(self.factor_in(self.local)),
            "EACH_QUORUM" => match self.quorums() {
                Some(quorums) => quorums.iter().map(|(_, quorum)| quorum).sum(),
                None => majority(self.factor()),
            },
            name => unreachable!("{name} is no level"),
        }
    }

    pub(crate) fn block_for(&self, level: ConsistencyLevel) -> usize {
        let pending = match level.name() {
            "ANY" => 0,
            _ if Self::is_local(level) => self.pending_within(self.local),
            _ => self.pending().len(),
        };
        self.base(level) + pending
    }

    pub(crate) fn counted(&self, level: ConsistencyLevel) -> Members {
        if Self::is_local(level) {
            self.within(self.local)
        } else {
            self.all()
        }
    }

    fn per_datacenter(&self, level: ConsistencyLevel) -> Option<Vec<(u8, usize)>> {
        self.quorums().filter(|_| level == ConsistencyLevel::EachQuorum)
    }

    pub(crate) fn received(&self, level: ConsistencyLevel, acked: &Members, hint: bool) -> usize {
        let by_hint = usize::from(hint && level == ConsistencyLevel::Any);
        acked.intersection(&self.counted(level)).count() + by_hint
    }

    pub(crate) fn is_met(&self, level: ConsistencyLevel, acked: &Members, hint: bool) -> bool {
        match self.per_datacenter(level) {
            Some(quorums) => quorums.iter().all(|(datacenter, quorum)| {
                let own = acked.intersection(&self.within(*datacenter)).count();
                own >= quorum + self.pending_within(*datacenter)
            }),
            None => self.received(level, acked, hint) >= self.block_for(level),
        }
    }

    pub(crate) fn is_impossible(&self, level: ConsistencyLevel, failed: &Members) -> bool {
        let counted = self.counted(level);
        self.block_for(level) + failed.intersection(&counted).count() > counted.len()
    }

    /// The numbers `required` and `alive` of a refusal.
    pub(crate) fn refusal(&self, level: ConsistencyLevel, live: &Members) -> Option<(usize, usize)> {
        let need = self.block_for(level);
        if level == ConsistencyLevel::Any {
            return None;
        }
        if let Some(quorums) = self.per_datacenter(level) {
            let short = |(datacenter, quorum): &(u8, usize)| {
                live.intersection(&self.within(*datacenter)).count() < *quorum
            };
            return quorums.into_iter().find(short).map(|(_, quorum)| (quorum, 0));
        }
        let alive = live.intersection(&self.counted(level)).count();
        let required = if level == ConsistencyLevel::LocalOne {
            1
        } else {
            need
        };
        (alive < need).then_some((required, alive))
    }
}

/// Every subset.
pub(crate) fn subsets(of: &Members) -> Vec<Members> {
    of.iter().fold(vec![Members::new()], |smaller, member| {
        let with = smaller
            .iter()
            .map(|set| set.iter().copied().chain([*member]).collect());
        let with: Vec<Members> = with.collect();
        [smaller, with].concat()
    })
}

/// Every order.
pub(crate) fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![vec![]];
    }
    let mut all = vec![];
    for index in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(index);
        for tail in orders(&rest) {
            all.push([vec![first.clone()], tail].concat());
        }
    }
    all
}
