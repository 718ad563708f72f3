//! The nodes of a state, shared between states: an action copies only the nodes that it touches.

use std::sync::Arc;

use smallvec::SmallVec;

use super::identity::mixed_node;
use super::state::NodeState;

/// Nodes that are kept without an allocation of their own.
const INLINE_COUNT: usize = 4;

/// Nodes by index.
#[derive(Clone, Debug, Default)]
pub struct Nodes(SmallVec<[Arc<Shared>; INLINE_COUNT]>);

/// A node and the mix of its words.
#[derive(Clone, Debug, Default)]
struct Shared {
    state: NodeState,
    /// Absent after a change, until it is asked for the next time.
    mixed: Option<[u64; 2]>,
}

impl Nodes {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The node of an index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&NodeState> {
        Some(&self.0.get(index)?.state)
    }

    /// The node of an index, to change: a copy of its own if another state has it too.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut NodeState> {
        Some(change(self.0.get_mut(index)?))
    }

    /// All nodes in order.
    pub fn iter(&self) -> impl Iterator<Item = &NodeState> {
        self.0.iter().map(|shared| &shared.state)
    }

    /// All nodes in order, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut NodeState> {
        self.0.iter_mut().map(change)
    }

    /// Exchanges two nodes.
    pub fn swap(&mut self, left: usize, right: usize) {
        self.0.swap(left, right);
    }

    /// Mixes the nodes that were changed, once for all who ask.
    pub(super) fn settle(&mut self) {
        for shared in &mut self.0 {
            if shared.mixed.is_none()
                && let Some(own) = Arc::get_mut(shared)
            {
                own.mixed = Some(mixed_node(&own.state));
            }
        }
    }

    /// The mix of each node.
    pub(super) fn mixed(&self) -> impl Iterator<Item = [u64; 2]> {
        self.0
            .iter()
            .map(|shared| shared.mixed.unwrap_or_else(|| mixed_node(&shared.state)))
    }
}

fn change(shared: &mut Arc<Shared>) -> &mut NodeState {
    let own = Arc::make_mut(shared);
    own.mixed = None;
    &mut own.state
}

impl PartialEq for Nodes {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .0
                .iter()
                .zip(&other.0)
                .all(|(left, right)| Arc::ptr_eq(left, right) || left.state == right.state)
    }
}

impl Eq for Nodes {}

impl FromIterator<NodeState> for Nodes {
    fn from_iter<I: IntoIterator<Item = NodeState>>(nodes: I) -> Self {
        let share = |state| Arc::new(Shared { state, mixed: None });
        Self(nodes.into_iter().map(share).collect())
    }
}
