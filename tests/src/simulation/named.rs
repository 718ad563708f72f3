//! Which request of a node an input concerns, so that its slot is free again once it is over.
//!
//! No effect tells that a request was closed: the driver looks at its slot after each input that names it. Chapter:
//! `specs/04-messaging.md`.

use thymbra_protocol::{Callback, Input, Message, Node, NodeId, RequestId, Timer};

use super::rows::RowPayload;
use super::site::Site;

/// The request that an input concerns at the node itself.
pub(super) struct Named {
    table: Table,
    request: RequestId,
    /// The input begins it.
    pub(super) begins: bool,
}

enum Table {
    Writes,
    Reads,
    Dispatches,
}

impl Named {
    pub(super) fn by(input: &Input<RowPayload>, me: NodeId) -> Option<Self> {
        let of_callback = |callback: &Callback| match callback {
            Callback::Write(request) => (Table::Writes, *request),
            Callback::Read(request) | Callback::ReadRepair(request) => (Table::Reads, *request),
            Callback::Hint { dispatch, .. } => (Table::Dispatches, *dispatch),
        };
        let (table, request) = match input {
            Input::Write { request, .. } | Input::HintStored { request } => (Table::Writes, *request),
            Input::Read { request, .. } => (Table::Reads, *request),
            Input::Received { message, .. } => match message {
                Message::MutationResponse { request } => (Table::Writes, *request),
                Message::ReadResponse { request, .. } | Message::ReadRepairResponse { request } => {
                    (Table::Reads, *request)
                }
                Message::HintResponse { dispatch, .. } => (Table::Dispatches, *dispatch),
                Message::Failure { callback, .. } => of_callback(callback),
                Message::Mutation { .. }
                | Message::Hint { .. }
                | Message::Read { .. }
                | Message::ReadRepair { .. } => return None,
            },
            Input::Applied { reply }
            | Input::ApplyFailed { reply, .. }
            | Input::Expired { reply, .. }
            | Input::ReadCompleted { reply, .. } => {
                if reply.to != me {
                    return None;
                }
                of_callback(&reply.callback)
            }
            Input::DispatchHints { dispatch, .. } | Input::HintsRead { dispatch, .. } => {
                (Table::Dispatches, *dispatch)
            }
            Input::Fired(timer) => match timer {
                Timer::WriteTimeout(request) | Timer::CallbackExpired { request, .. } => {
                    (Table::Writes, *request)
                }
                Timer::ReadTimeout(request) => (Table::Reads, *request),
                Timer::HintTimeout(dispatch) => (Table::Dispatches, *dispatch),
            },
        };
        let begins = matches!(
            input,
            Input::Write { .. } | Input::Read { .. } | Input::DispatchHints { .. }
        );
        Some(Self {
            table,
            request,
            begins,
        })
    }

    pub(super) fn is_open(&self, machine: &Node<RowPayload>) -> bool {
        match self.table {
            Table::Writes => machine.writes.get(self.request).is_some(),
            Table::Reads => machine.reads.get(self.request).is_some(),
            Table::Dispatches => machine.dispatches.get(self.request).is_some(),
        }
    }

    pub(super) fn give_back(&self, site: &mut Site) {
        match self.table {
            Table::Writes => site.write_names.give_back(self.request),
            Table::Reads => site.read_names.give_back(self.request),
            Table::Dispatches => site.dispatch_names.give_back(self.request),
        }
    }
}
