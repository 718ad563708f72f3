//! What an answer says, held against what a file says.
//!
//! Third step of the check of questions. Chapter: `specs/questions/README.md`.

use super::{Answer, Expected};

/// Exit status that belongs to the word of a verdict.
#[must_use]
pub fn expected_status(verdict: &str) -> Option<i32> {
    match verdict {
        "never" | "table" => Some(0),
        "possible" => Some(1),
        "vacuous" | "unknown" => Some(3),
        _ => None,
    }
}

/// In what the answer differs from what was expected, each as a sentence.
#[must_use]
pub fn differences(expected: &Expected, answer: &Answer) -> Vec<String> {
    let Expected {
        command,
        verdict,
        witness,
    } = expected;
    let mut found = Vec::new();
    if answer.verdict() != verdict {
        found.push(format!(
            "{command}: verdict {}, the file says {verdict}",
            answer.verdict()
        ));
    }
    if answer.status != expected_status(verdict) {
        found.push(format!(
            "{command}: exit status {:?}, {verdict} has {:?}",
            answer.status,
            expected_status(verdict)
        ));
    }
    if answer.witness() != *witness {
        found.push(format!(
            "{command}: witness {}, the file says {witness}",
            answer.witness()
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn expected(verdict: &str, witness: &str) -> Expected {
        Expected {
            command: "ask x".into(),
            verdict: verdict.into(),
            witness: witness.into(),
        }
    }

    fn answer(status: i32, json: Value) -> Answer {
        Answer {
            status: Some(status),
            json,
        }
    }

    fn two_steps() -> Value {
        json!({ "verdict": "possible", "trace": [{ "action": "a" }, { "action": "b" }] })
    }

    #[test]
    fn answer_as_expected_has_no_difference() {
        assert_eq!(
            differences(&expected("possible", "2"), &answer(1, two_steps())),
            Vec::<String>::new()
        );
        let vacuous = json!({ "verdict": "vacuous", "reason": "a read returned" });
        assert_eq!(
            differences(&expected("vacuous", "a read returned"), &answer(3, vacuous)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn other_verdict_is_a_difference() {
        let found = differences(&expected("never", "none"), &answer(0, two_steps()));
        assert_eq!(
            found,
            [
                "ask x: verdict possible, the file says never",
                "ask x: witness 2, the file says none"
            ]
        );
    }

    #[test]
    fn other_exit_status_is_a_difference() {
        let found = differences(&expected("possible", "2"), &answer(0, two_steps()));
        assert_eq!(found, ["ask x: exit status Some(0), possible has Some(1)"]);
    }

    #[test]
    fn other_length_is_a_difference() {
        let found = differences(&expected("possible", "3"), &answer(1, two_steps()));
        assert_eq!(found, ["ask x: witness 2, the file says 3"]);
    }
}
