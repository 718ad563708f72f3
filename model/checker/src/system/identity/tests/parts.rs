//! Parts of states, drawn from values at the edges of their ranges.

use thymbra_protocol::{
    CONSISTENCY_LEVELS, Callback, ConsistencyLevel, Dispatch, FailureReason, ForwardTo, Hint, Message,
    NodeId, PlanKey, ReadHandler, ReadRepairStrategy, ReplicaFailure, ReplicaSet, Reply, RequestId,
    WriteHandler,
};

use crate::payload::{ModelMutation, ModelPayload, ReadCell, Register};
use crate::system::{Envelope, HintStage, Life, Outage, PendingApply, Phase, StoredHint, Told};

/// Draws values; the same ones in each run.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new() -> Self {
        Self(0x7468_796d_6272_6121)
    }

    pub(super) fn below(&mut self, count: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(drawn).expect("31 bits") % count
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn is_so(&mut self) -> bool {
        self.pick(&[false, true])
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.pick(&[0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 254, 255])
    }

    pub(super) fn mask(&mut self) -> u16 {
        self.pick(&[0, 0, 1, 2, 1 << 7, 1 << 8, 1 << 15, u16::MAX - 1, u16::MAX])
    }

    pub(super) fn number(&mut self) -> u32 {
        self.pick(&[0, 1, 1 << 8, 1 << 16, 1 << 31, u32::MAX - 1, u32::MAX])
    }

    pub(super) fn set(&mut self) -> ReplicaSet {
        ReplicaSet::from_bits(self.pick(&[0, 1, 1 << 31, 1 << 32, 1 << 63, u64::MAX - 1, u64::MAX]))
    }

    pub(super) fn node(&mut self) -> NodeId {
        NodeId(self.pick(&[0, 1, 2, 4, 7, 8, 14, 15]))
    }

    pub(super) fn tick(&mut self) -> Option<u8> {
        self.is_so().then(|| self.byte())
    }

    pub(super) fn mutation(&mut self) -> ModelMutation {
        ModelMutation {
            timestamp: self.byte(),
            write: self.byte(),
            gc_grace: self.byte(),
        }
    }

    pub(super) fn register(&mut self) -> Register {
        Register(self.is_so().then(|| self.mutation()))
    }

    pub(super) fn life(&mut self) -> Life {
        self.pick(&[Life::Up, Life::Paused, Life::Down])
    }

    pub(super) fn stage(&mut self) -> HintStage {
        self.pick(&[
            HintStage::Submitted,
            HintStage::Buffered,
            HintStage::Written,
            HintStage::Synced,
        ])
    }

    pub(super) fn reason(&mut self) -> FailureReason {
        self.pick(&[
            FailureReason::Unknown,
            FailureReason::Timeout,
            FailureReason::IncompatibleSchema,
        ])
    }

    pub(super) fn level(&mut self) -> ConsistencyLevel {
        self.pick(&CONSISTENCY_LEVELS)
    }

    pub(super) fn read_repair(&mut self) -> ReadRepairStrategy {
        self.pick(&[ReadRepairStrategy::Blocking, ReadRepairStrategy::None])
    }

    pub(super) fn plan(&mut self) -> PlanKey {
        PlanKey {
            epoch: self.number(),
            range: self.number(),
        }
    }

    fn request(&mut self) -> RequestId {
        RequestId {
            slot: self.number(),
            generation: self.number(),
        }
    }

    pub(super) fn callback(&mut self) -> Callback {
        let request = self.request();
        match self.below(4) {
            0 => Callback::Write(request),
            1 => Callback::Read(request),
            2 => Callback::ReadRepair(request),
            _ => Callback::Hint {
                dispatch: request,
                index: self.byte(),
            },
        }
    }

    fn told(&mut self) -> Told {
        let (first, second) = (self.byte(), self.byte());
        match self.below(7) {
            0 => Told::Success,
            1 => Told::Unavailable(first, second),
            2 => Told::Timeout(first, second),
            3 => Told::Failure(first, second),
            4 => Told::Overloaded,
            5 => Told::Invalid,
            _ => Told::Value(self.register()),
        }
    }

    pub(super) fn phase(&mut self) -> Phase {
        match self.below(7) {
            0 => Phase::Waiting,
            1 => Phase::Open,
            2 => Phase::Abandoned,
            3 | 4 => Phase::Retrying(self.told()),
            _ => Phase::Ended(self.told()),
        }
    }

    pub(super) fn pending(&mut self) -> PendingApply {
        PendingApply {
            mutation: self.mutation(),
            reply: Reply {
                to: self.node(),
                callback: self.callback(),
            },
            appended: self.is_so(),
        }
    }

    pub(super) fn hint(&mut self) -> StoredHint {
        StoredHint {
            target: self.node(),
            mutation: self.mutation(),
            created: self.byte(),
            stage: self.stage(),
            sending: self.is_so(),
            delivered: self.is_so(),
        }
    }

    pub(super) fn outage(&mut self) -> Outage {
        Outage {
            seen_since: self.tick(),
            down_since: self.tick(),
            first_hint: self.tick(),
        }
    }

    pub(super) fn failure(&mut self) -> ReplicaFailure {
        ReplicaFailure {
            position: self.byte(),
            reason: self.reason(),
        }
    }

    pub(super) fn response(&mut self) -> (u8, Register) {
        (self.byte(), self.register())
    }

    pub(super) fn write_handler(&mut self) -> WriteHandler<ModelMutation> {
        WriteHandler {
            plan: self.plan(),
            level: self.level(),
            answered: self.is_so(),
            awaiting: self.set(),
            acked: self.set(),
            hint_acked: self.is_so(),
            hint_pending: self.is_so(),
            failures: Vec::new(),
            mutation: self.mutation(),
        }
    }

    pub(super) fn read_handler(&mut self) -> ReadHandler<ModelPayload> {
        ReadHandler {
            plan: self.plan(),
            level: self.level(),
            read_repair: self.read_repair(),
            awaiting: self.set(),
            responses: Vec::new(),
            repair: None,
        }
    }

    pub(super) fn dispatch(&mut self) -> Dispatch {
        Dispatch {
            target: self.node(),
            outstanding: self.set(),
        }
    }

    pub(super) fn envelope(&mut self) -> Envelope {
        Envelope {
            to: self.node(),
            from: self.node(),
            orphaned: self.is_so(),
            message: self.message(),
        }
    }

    fn forward_to(&mut self) -> Option<ForwardTo> {
        self.is_so().then(|| ForwardTo {
            plan: self.plan(),
            targets: self.set(),
        })
    }

    fn message(&mut self) -> Message<ModelPayload> {
        let request = self.request();
        match self.below(9) {
            0 => Message::Mutation {
                request,
                mutation: self.mutation(),
                forward_to: self.forward_to(),
                respond_to: self.is_so().then(|| self.node()),
            },
            1 => Message::MutationResponse { request },
            2 => Message::Hint {
                dispatch: request,
                index: self.byte(),
                hint: Hint {
                    mutation: self.mutation(),
                    created_ms: self.set().bits(),
                    gc_grace_seconds: self.number(),
                },
            },
            3 => Message::HintResponse {
                dispatch: request,
                index: self.byte(),
            },
            4 => Message::Read {
                request,
                command: ReadCell,
            },
            5 => Message::ReadResponse {
                request,
                data: self.register(),
            },
            6 => Message::ReadRepair {
                request,
                mutation: self.mutation(),
            },
            7 => Message::ReadRepairResponse { request },
            _ => Message::Failure {
                callback: self.callback(),
                reason: self.reason(),
            },
        }
    }

    /// Draws one part of a message anew.
    pub(super) fn change_message(&mut self, message: &mut Message<ModelPayload>) {
        match (message, self.below(4)) {
            (Message::Mutation { mutation, .. }, 0) => *mutation = self.mutation(),
            (Message::Mutation { forward_to, .. }, 1) => *forward_to = self.forward_to(),
            (Message::Mutation { respond_to, .. }, 2) => *respond_to = self.is_so().then(|| self.node()),
            (Message::Hint { index, .. } | Message::HintResponse { index, .. }, 0) => *index = self.byte(),
            (Message::Hint { hint, .. }, 1) => hint.mutation = self.mutation(),
            (Message::Hint { hint, .. }, 2) => hint.gc_grace_seconds = self.number(),
            (Message::ReadResponse { data, .. }, 0 | 1) => *data = self.register(),
            (Message::ReadRepair { mutation, .. }, 0 | 1) => *mutation = self.mutation(),
            (Message::Failure { callback, .. }, 0 | 1) => *callback = self.callback(),
            (Message::Failure { reason, .. }, 2) => *reason = self.reason(),
            (message, _) => *message = self.message(),
        }
    }
}
