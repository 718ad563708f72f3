//! Faulty drivers: each breaks one obligation of the driver at the effect boundary.

use thymbra_protocol::{Callback, NodeId, Reply};

use crate::payload::ModelMutation;
use crate::system::System;

/// The obligation that the driver breaks. Numbers are those of `thymbra_protocol::Node`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DriverFault {
    /// It keeps all obligations.
    #[default]
    None,
    /// 4: completes an append before the sync that the mode demands.
    AckBeforeSync,
    /// 4: completes an append that it never made.
    AckWithoutAppend,
    /// 3: hands a mutation to the disk of another node.
    WrongNode,
    /// 3: takes a duplicated acknowledgement for one of another node.
    MisattributedAck,
    /// 4: mixes the timestamp of one write with the value of another.
    TornCell,
    /// 5: forgets a hint that it was told to store.
    ForgetHint,
    /// 5: removes a hint when it is sent.
    DeleteHintWhenSent,
    /// 5: reads a hint back with another timestamp.
    RestampHint,
    /// 7: never fires the client's timers.
    ForgetTimer,
    /// 8: tells the client twice.
    AnswerTwice,
    /// 11: a power loss takes what was synced.
    LyingDisk,
    /// 4: takes the coordinator's own copy back when the client is told of a timeout.
    RollBack,
    /// 3: hands a forwarded mutation over as if the forwarder had sent it for itself.
    RespondToDropped,
}

impl DriverFault {
    pub(crate) fn acknowledges_before_sync(self) -> bool {
        self == Self::AckBeforeSync
    }

    pub(crate) fn acknowledges_without_append(self) -> bool {
        self == Self::AckWithoutAppend
    }

    /// The node whose disk an append at `node` reaches.
    pub(crate) fn disk_written(self, system: &System, node: NodeId, reply: Reply) -> NodeId {
        let is_replica_write = matches!(reply.callback, Callback::Write(_)) && reply.to != node;
        if self == Self::WrongNode && is_replica_write {
            let count = u16::try_from(system.scope.node_count()).expect("validated: at most 16 nodes");
            NodeId((node.0 + 1) % count)
        } else {
            node
        }
    }

    pub(crate) fn misattributes_duplicates(self) -> bool {
        self == Self::MisattributedAck
    }

    pub(crate) fn tears_cells(self) -> bool {
        self == Self::TornCell
    }

    pub(crate) fn forgets_hints(self) -> bool {
        self == Self::ForgetHint
    }

    pub(crate) fn deletes_sent_hints(self) -> bool {
        self == Self::DeleteHintWhenSent
    }

    pub(crate) fn hint_read(self, mutation: ModelMutation) -> ModelMutation {
        if self == Self::RestampHint {
            ModelMutation {
                timestamp: mutation.timestamp.saturating_add(1),
                ..mutation
            }
        } else {
            mutation
        }
    }

    pub(crate) fn forgets_timers(self) -> bool {
        self == Self::ForgetTimer
    }

    pub(crate) fn answers_twice(self) -> bool {
        self == Self::AnswerTwice
    }

    pub(crate) fn rolls_back(self) -> bool {
        self == Self::RollBack
    }

    pub(crate) fn drops_respond_to(self) -> bool {
        self == Self::RespondToDropped
    }

    pub(crate) fn loses_synced(self) -> bool {
        self == Self::LyingDisk
    }
}
