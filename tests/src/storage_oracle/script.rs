//! Scripts: a setup and operations, one on a line.
//!
//! Scripts of regressions lie in `tests/storage_scripts`, and a failing run prints one. Chapter:
//! `tests/storage_scripts/README.md`.

use super::literal::Literal;
use super::operation::{CellLabel, Change, Operation, Place, RowName, Selection, Update};
use super::setup::Setup;
use super::shape::table_index;
use std::fmt;

/// A run that can be repeated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Script {
    /// Settings of the engine.
    pub setup: Setup,
    /// What is done, in order.
    pub operations: Vec<Operation>,
}

impl Script {
    /// Reads a script; empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// A sentence about the first line that is not understood, with its number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().zip(1..).map(|(line, number)| (line.trim(), number));
        let mut lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
        let (first, _) = lines.next().ok_or("a script has no lines")?;
        let setup = Setup::parse(first)?;
        let operation = |(line, number): (&str, usize)| {
            let parsed = parse_operation(line);
            parsed.map_err(|reason| format!("line {number}: {reason}: {line}"))
        };
        Ok(Self {
            setup,
            operations: lines.map(operation).collect::<Result<_, _>>()?,
        })
    }
}

impl fmt::Display for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.setup)?;
        self.operations
            .iter()
            .try_for_each(|operation| writeln!(formatter, "{operation}"))
    }
}

fn parse_operation(line: &str) -> Result<Operation, String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    let words: Vec<&str> = rest.split_whitespace().collect();
    let word_at = |index: usize| words.get(index).copied().ok_or("a word is missing");
    Ok(match word {
        "write" => {
            let (key, updates) = rest.split_once(':').ok_or("a colon is missing")?;
            let updates = updates.split(';').map(parse_update);
            Operation::Write(number(key)?, updates.collect::<Result<_, _>>()?)
        }
        "read" => {
            let selection = parse_selection(words.get(2..).unwrap_or_default())?;
            Operation::Read(table(word_at(0)?)?, number(word_at(1)?)?, selection)
        }
        "scan" => parse_scan(&words)?,
        "clock" => parse_clock(rest)?,
        "tick" => Operation::Tick,
        "sync" => Operation::Sync,
        "flush" => Operation::Flush(table(rest)?),
        "begin-flush" => Operation::BeginFlush(table(rest)?),
        "finish-flush" => Operation::FinishFlush(number(rest)?),
        "abandon-flush" => Operation::AbandonFlush(number(rest)?),
        "compact" => Operation::Compact(table(rest)?),
        "compact-next" => Operation::CompactNext(table(rest)?),
        "truncate" => Operation::Truncate(table(rest)?),
        "add-column" => Operation::AddColumn(table(word_at(0)?)?, word_at(1)?.to_owned()),
        "drop-column" => Operation::DropColumn(table(word_at(0)?)?, word_at(1)?.to_owned()),
        "restart" => Operation::Restart,
        "kill" => Operation::Kill,
        "power-loss" => Operation::PowerLoss(number(rest)?),
        other => return Err(format!("no operation is called `{other}`")),
    })
}

fn parse_clock(written: &str) -> Result<Operation, String> {
    let passed = written.strip_prefix('+').ok_or("the clock only goes forward")?;
    if let Some(milliseconds) = passed.strip_suffix("ms") {
        return number(milliseconds).map(Operation::Clock);
    }
    let seconds: u64 = number(passed.strip_suffix('s').ok_or("neither `s` nor `ms`")?)?;
    Ok(Operation::Clock(seconds * 1_000))
}

fn parse_scan(words: &[&str]) -> Result<Operation, String> {
    match *words {
        [name, "limit", limit] => Ok(Operation::Scan(table(name)?, None, number(limit)?)),
        [name, "from", from, "limit", limit] => {
            Ok(Operation::Scan(table(name)?, Some(number(from)?), number(limit)?))
        }
        _ => Err("not `TABLE [from KEY] limit COUNT`".to_owned()),
    }
}

fn parse_selection(words: &[&str]) -> Result<Selection, String> {
    let mut selection = Selection::ALL;
    let mut words = words;
    loop {
        words = match *words {
            [] => return Ok(selection),
            ["reversed", ref rest @ ..] => {
                selection.is_reversed = true;
                rest
            }
            ["limit", limit, ref rest @ ..] => {
                selection.limit_count = Some(number(limit)?);
                rest
            }
            [start, end, ref rest @ ..] => {
                selection.start = parse_place(start)?;
                selection.end = parse_place(end)?;
                rest
            }
            [word] => return Err(format!("`{word}` stands alone")),
        };
    }
}

fn parse_update(written: &str) -> Result<Update, String> {
    let mut words: Vec<&str> = written.split_whitespace().collect();
    let mut ttl_seconds = None;
    if let [.., "ttl", ttl] = *words {
        ttl_seconds = Some(number(ttl)?);
        words.truncate(words.len() - 2);
    }
    let at = words.pop().and_then(|word| word.strip_prefix('@'));
    let at = number(at.ok_or("no timestamp")?)?;
    let Some((name, words)) = words.split_first() else {
        return Err("no table".to_owned());
    };
    let change = match *words {
        ["partition", "delete"] => Change::DeletePartition,
        ["range", start, end, "delete"] => Change::DeleteRange(parse_place(start)?, parse_place(end)?),
        [row, "insert"] => Change::Insert(parse_row(row)?),
        [row, "delete"] => Change::DeleteRow(parse_row(row)?),
        [row, "delete", cell] => match cell.strip_suffix("[*]") {
            Some(column) => Change::DeleteColumn(parse_row(row)?, column.to_owned()),
            None => Change::DeleteCell(parse_row(row)?, parse_cell(cell)?),
        },
        [row, set] => {
            let (cell, value) = set.rsplit_once('=').ok_or("neither `insert` nor a value")?;
            let value = (!value.is_empty()).then(|| Literal::parse(value)).transpose()?;
            Change::Set(parse_row(row)?, parse_cell(cell)?, value)
        }
        _ => return Err("no change".to_owned()),
    };
    Ok(Update {
        table: table(name)?,
        change,
        at,
        ttl_seconds,
    })
}

fn parse_cell(written: &str) -> Result<CellLabel, String> {
    let Some((column, path)) = written.split_once('[') else {
        return Ok(CellLabel {
            column: written.to_owned(),
            path: None,
        });
    };
    let path = path.strip_suffix(']').ok_or("a bracket is not closed")?;
    Ok(CellLabel {
        column: column.to_owned(),
        path: Some(Literal::parse(path)?),
    })
}

fn parse_row(written: &str) -> Result<RowName, String> {
    if written == "static" {
        return Ok(RowName::Static);
    }
    parse_list(written).map(RowName::At)
}

fn parse_place(written: &str) -> Result<Place, String> {
    let (side, list) = written.split_at(written.find('(').ok_or("a place has no parentheses")?);
    let is_after = match side {
        "after" => true,
        "before" => false,
        other => return Err(format!("`{other}` is no side")),
    };
    Ok(Place {
        prefix: parse_list(list)?,
        is_after,
    })
}

fn parse_list(written: &str) -> Result<Vec<Literal>, String> {
    let inner = written.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let inner = inner.ok_or_else(|| format!("`{written}` is no list"))?;
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    inner.split(',').map(Literal::parse).collect()
}

fn table(name: &str) -> Result<usize, String> {
    table_index(name).ok_or_else(|| format!("no table is called `{name}`"))
}

fn number<N: std::str::FromStr>(written: &str) -> Result<N, String> {
    written
        .trim()
        .parse()
        .map_err(|_| format!("`{written}` is no number that fits here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_FORM: &str = "\
with periodic compressed-log segment=4096 memtable=20000
write 2: wide (1,'b') insert @5 ttl 10; wide (1,'b') v=7 @-5
write 1: collections ('x') m['a%20b']=-1 @0; collections ('x') s[5]= @0; collections ('x') delete u[1] @1
write 1: collections ('x') delete l[*] @2; collections ('x') delete v @2; collections ('x') delete @3
write 0: statics static s=3 @6; wide partition delete @8; wide range after(1,'a') before() delete @7
write 0: simple () w='' @6
read wide 2
read wide 2 after(1) before(2,'') reversed limit 3
scan simple limit 4
scan simple from 2 limit 4
clock +10s
clock +150ms
tick
sync
flush wide
begin-flush wide
finish-flush 1
abandon-flush 0
compact wide
compact-next wide
truncate wide
add-column wide t
drop-column wide v
restart
kill
power-loss 77
";

    #[test]
    fn every_form_is_read_and_written_alike() {
        let script = Script::parse(EVERY_FORM).unwrap();
        assert_eq!(script.to_string(), EVERY_FORM);
        assert_eq!(script.operations.len(), EVERY_FORM.lines().count() - 1);
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        let error = Script::parse("with batch\n\n# why\ncompact nothing\n").unwrap_err();
        assert_eq!(error, "line 4: no table is called `nothing`: compact nothing");
        for line in [
            "write 1 simple () v=1 @1",
            "write 1: simple () v=1",
            "clock -3s",
            "scan simple",
            "read simple 1 x",
        ] {
            assert!(parse_operation(line).is_err(), "{line}");
        }
    }
}
