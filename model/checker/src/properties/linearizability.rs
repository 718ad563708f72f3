//! Is there an order of a register that explains what the clients saw?
//!
//! A write that was not reported as a success may count at any time after its begin, or never; a read that did not
//! return counts for nothing.

use crate::scope::OperationKind;
use crate::system::{OperationMask, Phase, State, System, Told};

/// An operation as the register sees it.
#[derive(Clone, Copy, Debug)]
struct Event {
    /// Its bit in the masks.
    bit: OperationMask,
    /// Operations that come before it.
    after: OperationMask,
    /// The value that a write leaves, or that a read returned.
    value: Option<u8>,
    is_read: bool,
    /// It must have its place in the order.
    is_certain: bool,
}

/// Some linear order explains the history.
#[must_use]
pub fn is_linearizable(system: &System, state: &State) -> bool {
    let events: Vec<Event> = (0_u8..)
        .zip(&state.operations)
        .zip(&system.scope.operations)
        .filter_map(|((index, operation), scope)| {
            let event = Event {
                bit: 1 << index,
                after: operation.after,
                value: Some(index),
                is_read: scope.kind == OperationKind::Read,
                is_certain: true,
            };
            match (scope.kind, operation.phase) {
                (_, Phase::Waiting) => None,
                (OperationKind::Read, Phase::Ended(Told::Value(value))) => Some(Event {
                    value: value.0.map(|mutation| mutation.write),
                    ..event
                }),
                (OperationKind::Read, _) => None,
                (OperationKind::Write, Phase::Ended(Told::Success)) => Some(event),
                (
                    OperationKind::Write,
                    Phase::Ended(Told::Unavailable(..) | Told::Overloaded | Told::Invalid),
                ) => None,
                (OperationKind::Write, _) => Some(Event {
                    is_certain: false,
                    ..event
                }),
            }
        })
        .collect();
    let known = events
        .iter()
        .filter(|event| event.is_certain)
        .fold(0, |mask, event| mask | event.bit);
    explains(&events, known, 0, None)
}

/// The rest of the events can be placed, given those placed and the value now in the register.
fn explains(events: &[Event], known: OperationMask, placed: OperationMask, value: Option<u8>) -> bool {
    if known & !placed == 0 {
        return true;
    }
    events.iter().any(|event| {
        let is_ready = placed & event.bit == 0 && event.after & known & !placed == 0;
        let fits = !event.is_read || event.value == value;
        let next = if event.is_read { value } else { event.value };
        is_ready && fits && explains(events, known, placed | event.bit, next)
    })
}
