//! Questions in words: what each verdict says in one plain sentence.

use thymbra_checker::properties::PropertyDef;
use thymbra_checker::scope::{OperationKind, Scope};

/// The sentences of a question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Sentences {
    /// If it can happen.
    pub(crate) possible: String,
    /// If it cannot.
    pub(crate) never: String,
    /// What to ask when the premise is out of reach.
    pub(crate) advice: &'static str,
}

const ASK_UNAVAILABLE: &str = "ask `unavailable` with the same options to see what stands in the way";

/// What the verdicts on a property say within this scope.
pub(crate) fn sentences(property: &PropertyDef, scope: &Scope) -> Sentences {
    let write = level_of(scope, OperationKind::Write);
    let read = level_of(scope, OperationKind::Read);
    let requests = requests(scope, &write, &read);
    let (possible, never, advice) = match property.code {
        "stale" => (
            format!("a read at {read} can miss a write acknowledged at {write}"),
            format!("no read at {read} misses a write acknowledged at {write}"),
            ASK_UNAVAILABLE,
        ),
        "non-monotonic" => (
            format!("a second read at {read} can return an older value than the first"),
            format!("no second read at {read} returns an older value than the first"),
            ASK_UNAVAILABLE,
        ),
        "non-linearizable" => (
            format!(
                "writes at {write} with reads at {read} can leave a history that no single register explains"
            ),
            format!("a single register explains every history of writes at {write} with reads at {read}"),
            ASK_UNAVAILABLE,
        ),
        "lost" => (
            format!(
                "a write acknowledged at {write} can be lost: nothing holds it or a newer one at the end"
            ),
            format!("no write acknowledged at {write} is lost"),
            ASK_UNAVAILABLE,
        ),
        "unavailable" => (
            format!("{requests} can be refused as Unavailable"),
            format!("{requests} is never refused as Unavailable"),
            "some node must be up to coordinate",
        ),
        "timeout" => (
            format!("{requests} can be admitted and end in a timeout"),
            format!("{requests}, once admitted, never ends in a timeout"),
            ASK_UNAVAILABLE,
        ),
        "diverge" => (
            format!("after a write at {write} the replicas that are up can differ for good"),
            format!("after a write at {write} the replicas that are up end up the same"),
            ASK_UNAVAILABLE,
        ),
        "overwritten" => (
            format!(
                "a write acknowledged at {write} can be overwritten by one that was over before it began"
            ),
            format!("no write acknowledged at {write} is overwritten by one that was over before it began"),
            "lost messages or slow answers (--lose, --slow) with --retry, or --skew, give it occasion",
        ),
        _ => (
            format!("{} can be violated", property.name),
            format!("{} holds", property.name),
            "wider budgets may reach it",
        ),
    };
    Sentences {
        possible,
        never,
        advice,
    }
}

/// Level of the operations of a kind; all of a kind share one.
pub(crate) fn level_of(scope: &Scope, kind: OperationKind) -> String {
    scope
        .operations
        .iter()
        .find(|operation| operation.kind == kind)
        .map_or_else(|| "any level".into(), |operation| operation.level.to_string())
}

fn requests(scope: &Scope, write: &str, read: &str) -> String {
    let has = |kind| scope.operations.iter().any(|operation| operation.kind == kind);
    match (has(OperationKind::Write), has(OperationKind::Read)) {
        (true, true) => format!("a write at {write} or a read at {read}"),
        (true, false) => format!("a write at {write}"),
        (false, true) => format!("a read at {read}"),
        (false, false) => "a request".into(),
    }
}
