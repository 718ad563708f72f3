//! Delivery of stored hints to a target that is alive again, a page at a time.
//!
//! Chapter: `specs/10-hinted-handoff.md`. Cassandra: `HintsDispatcher`, `HintsDispatchTrigger`.

use alloc::vec::Vec;

use super::is_live;
use crate::{
    Context, Effect, Effects, Hint, Message, Node, NodeId, Payload, ReplicaSet, RequestId, Rules, Timer,
};

/// Hints in a page, at most. Cassandra bounds a page by 512 KiB alone.
//= WP-HH-12
pub const HINTS_PER_PAGE: usize = 64;

/// One page of hints on its way. Invariant: some hint is outstanding, or the page has not been read yet.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Dispatch {
    /// Who receives them.
    pub target: NodeId,
    /// Indices of hints that are sent and not answered.
    pub outstanding: ReplicaSet,
}

impl<P: Payload> Node<P> {
    /// The trigger looks at a target.
    pub(crate) fn dispatch_hints<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        dispatch: RequestId,
        target: NodeId,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        let is_dispatching = self.dispatches.iter().any(|(_, open)| open.target == target);
        let is_alive = context.view.is_alive(target);
        //= WP-HH-06
        if !context
            .rules
            .may_dispatch(is_alive, context.view.has_same_schema(target), is_dispatching)
        {
            return;
        }
        // Ask
        self.dispatches.open(
            dispatch,
            Dispatch {
                target,
                outstanding: ReplicaSet::EMPTY,
            },
        );
        effects.emit(Effect::ReadHints { dispatch, target });
    }

    /// A page was read: its live hints are sent at once.
    pub(crate) fn hints_read<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        dispatch: RequestId,
        hints: Vec<Hint<P::Mutation>>,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        let Some(open) = self.dispatches.get_mut(dispatch) else {
            return;
        };
        //= WP-HH-12
        assert!(
            hints.len() <= HINTS_PER_PAGE,
            "the driver read more hints than a page holds"
        );
        let target = open.target;
        // Decide
        for (hint, index) in hints.into_iter().zip(0_u8..) {
            //= WP-HH-08
            if is_live(context, &hint) {
                open.outstanding.insert(index);
                effects.emit(Effect::Send {
                    to: target,
                    message: Message::Hint {
                        dispatch,
                        index,
                        hint,
                    },
                });
            }
        }
        // Ask
        if open.outstanding.is_empty() {
            self.dispatches.close(dispatch);
            effects.emit(Effect::DeleteHints { dispatch, target });
        } else {
            effects.emit(Effect::Arm(Timer::HintTimeout(dispatch)));
        }
    }

    /// One hint of a page was acknowledged.
    pub(crate) fn hint_delivered<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        from: NodeId,
        (dispatch, index): (RequestId, u8),
        effects: &mut impl Effects<P>,
    ) {
        // Check
        let Some(open) = self.dispatches.get_mut(dispatch) else {
            return;
        };
        //= WP-HH-13
        if open.target != from || !open.outstanding.remove(index) {
            return;
        }
        // Ask
        if open.outstanding.is_empty() {
            self.end_dispatch(context, dispatch, false, effects);
        }
    }

    /// A hint of a page failed, or the page timed out: the page stays and is begun again later.
    //= WP-HH-07
    pub(crate) fn end_dispatch<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        dispatch: RequestId,
        some_failed: bool,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        let Some(open) = self.dispatches.get(dispatch) else {
            return;
        };
        let target = open.target;
        // Ask
        self.dispatches.close(dispatch);
        effects.emit(Effect::Disarm(Timer::HintTimeout(dispatch)));
        effects.emit(if context.rules.removes_page(some_failed) {
            Effect::DeleteHints { dispatch, target }
        } else {
            Effect::ReturnHints { dispatch, target }
        });
    }
}
