//! The rows of `specs/myths.md`: a claim, where it stands, the truth, the command that refutes it, its verdict.
//!
//! Read by the check of questions, which asks each of them again. Chapter: `specs/myths.md`.

use super::Expected;

/// The rows of the table; a line that is no whole row is handed back.
#[must_use]
pub fn myths(text: &str) -> Vec<Result<Expected, String>> {
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| claim "));
    rows.map(|line| row(line).ok_or_else(|| line.to_owned()))
        .collect()
}

fn row(line: &str) -> Option<Expected> {
    let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let cells: Vec<&str> = line.split(" | ").collect();
    let [_, _, _, command, verdict] = cells.as_slice() else {
        return None;
    };
    let command = command.strip_prefix('`')?.strip_suffix('`')?;
    let (verdict, witness) = verdict.split_once(", ").unwrap_or((verdict, "none"));
    Some(Expected {
        command: command.to_owned(),
        verdict: verdict.to_owned(),
        witness: witness.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_broken_ones_are_handed_back() {
        let text = "| claim | where | truth | command | verdict |\n|---|---|---|---|---|\n\
                    | a | b | c | `ask stale` | possible, 4 |\n| a | b | c | `ask lost` | never |\n| a | b |\n";
        let expected = |command: &str, verdict: &str, witness: &str| Expected {
            command: command.into(),
            verdict: verdict.into(),
            witness: witness.into(),
        };
        assert_eq!(
            myths(text),
            [
                Ok(expected("ask stale", "possible", "4")),
                Ok(expected("ask lost", "never", "none")),
                Err("| a | b |".into()),
            ]
        );
    }
}
