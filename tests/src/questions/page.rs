//! The last section of a question file, what the command answered in its own words; and the list of all questions.
//!
//! Written by the test of questions with `UPDATE_SPECS=1`, never by hand. Chapter: `specs/questions/README.md`.

use core::fmt::Write as _;

use serde_json::Value;

use super::answer::names;
use super::{Answer, Expected, Question};

/// Heading of the derived section; nothing follows that section.
const DERIVED: &str = "## What the checker answers";

/// Heading of the list of all questions, the last section of the README.
const INDEX: &str = "## All questions";

/// The README with its list written anew; questions stand with the names of their files.
#[must_use]
pub fn with_index(text: &str, questions: &[(String, Question)]) -> String {
    let heading = format!("\n{INDEX}\n");
    let (prose, _) = text.split_once(&heading).unwrap_or((text, ""));
    let mut page = format!("{}\n{heading}\n", prose.trim_end());
    page.push_str("| | question | verdict | one premise changed |\n|---|---|---|---|\n");
    for (name, question) in questions {
        let number = name.split('-').next().unwrap_or(name);
        let (first, flipped) = (in_words(&question.first), in_words(&question.flipped));
        let row = format!(
            "| [{number}]({name}) | {} | {first} | {flipped} |\n",
            question.title
        );
        page.push_str(&row);
    }
    page
}

fn in_words(expected: &Expected) -> String {
    match (expected.verdict.as_str(), expected.witness.as_str()) {
        ("possible", "1") => "possible, 1 step".into(),
        ("possible", steps) => format!("possible, {steps} steps"),
        (verdict, _) => verdict.into(),
    }
}

/// The text of a file with its derived section written anew; answers stand in the order of their commands.
#[must_use]
pub fn with_derived(text: &str, answers: &[(&str, Answer)]) -> String {
    let heading = format!("\n{DERIVED}\n");
    let (prose, _) = text.split_once(&heading).unwrap_or((text, ""));
    let mut page = format!("{}\n{heading}", prose.trim_end());
    for (command, answer) in answers {
        section(&mut page, command, answer).expect("a string takes all that is written");
    }
    page
}

fn section(page: &mut String, command: &str, answer: &Answer) -> core::fmt::Result {
    let json = &answer.json;
    let verdict = answer.verdict();
    write!(page, "\n`thymbra {command}`\n\n**{verdict}**")?;
    match (verdict, json["say"].as_str(), json["reason"].as_str()) {
        ("vacuous", _, Some(reason)) => writeln!(page, ": in no run did this come true: {reason}.")?,
        (_, Some(say), _) => writeln!(page, ": {say}.")?,
        (_, None, _) => writeln!(page, ".")?,
    }
    match verdict {
        "possible" => {
            writeln!(page)?;
            for (action, number) in answer.actions().iter().zip(1_usize..) {
                writeln!(page, "{number}. `{action}`")?;
            }
        }
        "table" if json["worlds"].is_array() => worlds(page, &json["worlds"])?,
        "table" => levels(page, json)?,
        _ => writeln!(
            page,
            "{} states, the longest way has {} steps.",
            json["states"]["distinct"], json["depth"]
        )?,
    }
    bounds(page, &json["bounds"])
}

fn bounds(page: &mut String, bounds: &Value) -> core::fmt::Result {
    let lines = ["cluster", "operations", "faults", "settings", "disks", "subject"];
    let lines: Vec<&str> = lines.iter().filter_map(|line| bounds[line].as_str()).collect();
    writeln!(
        page,
        "\nBounds: {}; rules {}.",
        lines.join("; "),
        bounds["rules"].as_str().unwrap_or("unknown")
    )
}

/// The table of `worlds`.
fn worlds(page: &mut String, worlds: &Value) -> core::fmt::Result {
    writeln!(
        page,
        "\n| the clients know | the nodes hold, in any order | steps |\n|---|---|---|"
    )?;
    for world in worlds.as_array().map_or(&[][..], Vec::as_slice) {
        let steps = names(&world["trace"]).len();
        writeln!(
            page,
            "| {} | {} | {steps} |",
            cell(&world["clients"]),
            cell(&world["nodes"])
        )?;
    }
    Ok(())
}

fn cell(words: &Value) -> String {
    let words = words.as_array().map_or(&[][..], Vec::as_slice);
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    words.join("; ")
}

/// The tables of `matrix`, as lists of the levels for which the answer is yes.
fn levels(page: &mut String, json: &Value) -> core::fmt::Result {
    let fates = ["lost", "unavailable", "timeout"];
    writeln!(
        page,
        "\n| write | stale at a read of | {} |\n|---|---|---|---|---|",
        fates.join(" | ")
    )?;
    for row in json["writes"].as_array().map_or(&[][..], Vec::as_slice) {
        let stale: Vec<&str> = json["stale"]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter(|cell| cell["write"] == row["write"] && cell["stale"] == "possible")
            .filter_map(|cell| cell["read"].as_str())
            .collect();
        let stale = if stale.is_empty() {
            "none".to_owned()
        } else {
            stale.join(", ")
        };
        let fates = fates.map(|fate| row[fate].as_str().unwrap_or("unknown"));
        writeln!(
            page,
            "| {} | {stale} | {} |",
            row["write"].as_str().unwrap_or("unknown"),
            fates.join(" | ")
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn list_shows_each_question_with_both_verdicts() {
        let expected = |verdict: &str, witness: &str| Expected {
            command: "ask x".into(),
            verdict: verdict.into(),
            witness: witness.into(),
        };
        let question = Question {
            title: "Can it?".into(),
            first: expected("possible", "4"),
            flipped: expected("never", "none"),
            table_command: None,
        };
        let once = with_index("# Questions\n", &[("01-it.md".into(), question.clone())]);
        assert!(
            once.ends_with("\n| [01](01-it.md) | Can it? | possible, 4 steps | never |\n"),
            "{once}"
        );
        assert_eq!(with_index(&once, &[("01-it.md".into(), question)]), once);
    }

    #[test]
    fn derived_section_is_replaced_and_prose_is_kept() {
        let json = json!({ "verdict": "possible", "say": "it can", "trace": [{ "action": "write.w1.n1" }],
                           "bounds": { "cluster": "1 node", "rules": "reference" } });
        let answer = Answer {
            status: Some(1),
            json,
        };
        let once = with_derived("# Can it?\n\nYes.\n", &[("ask x", answer.clone())]);
        assert_eq!(
            once,
            "# Can it?\n\nYes.\n\n## What the checker answers\n\n`thymbra ask x`\n\n**possible**: it can.\n\n\
             1. `write.w1.n1`\n\nBounds: 1 node; rules reference.\n"
        );
        assert_eq!(with_derived(&once, &[("ask x", answer)]), once);
    }
}
