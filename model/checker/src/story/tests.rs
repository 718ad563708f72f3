//! Claims about sentences and charts of small runs, and about any run at all.
//!
//! Chapter: `specs/00-guarantees.md`.

use thymbra_protocol::ConsistencyLevel;

use super::Story;
use crate::properties::PropertyDef;
use crate::scope::{OperationKind, OperationScope, Scope};
use crate::verdict::Inquiry;

fn operation(kind: OperationKind, level: ConsistencyLevel) -> OperationScope {
    OperationScope {
        kind,
        level,
        coordinator: None,
    }
}

#[test]
fn stale_read_is_told() {
    let scope = Scope {
        operations: vec![
            operation(OperationKind::Write, ConsistencyLevel::One),
            operation(OperationKind::Read, ConsistencyLevel::Quorum),
        ],
        ..Scope::default()
    };
    let inquiry = Inquiry::new(scope, PropertyDef::find("stale").expect("it exists"));
    let report = inquiry.answer(&mut |_| None).expect("the scope is valid");
    let system = inquiry.system(false).expect("the scope is valid");
    let story = Story::tell(&system, &report.trace.expect("a stale read exists"));
    println!("{}", story.chart().to_text(200));
    for sentence in story.sentences() {
        println!("{sentence}");
    }
}
