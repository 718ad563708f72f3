//! `thymbra gallery`: each bug violates its property, and without it the same configuration is green.

use std::process::ExitCode;

use thymbra_checker::configurations::{Outcome, Target};
use thymbra_checker::gallery::{ENTRIES, Entry, Origin};
use thymbra_checker::story::Story;

use crate::args::{GalleryArgs, LimitArgs};
use crate::names::nearest;
use crate::output::{self, count, seconds};
use crate::progress::{Watcher, is_interrupted};
use crate::story;
use crate::table::{Align, Table};
use crate::usage::{Failure, Usage};

/// An entry with the bug and without.
struct Shown {
    entry: &'static Entry,
    with_bug: Outcome,
    without_bug: Outcome,
}

impl Shown {
    fn is_expected(&self) -> bool {
        self.with_bug.is_expected && self.without_bug.is_expected
    }
}

/// Shows one entry with its story, or all as a table.
pub(crate) fn run(args: &GalleryArgs) -> Result<ExitCode, Failure> {
    let chosen: Vec<&'static Entry> = match &args.entry {
        Some(id) => vec![find(id)?],
        None => ENTRIES.iter().collect(),
    };
    let mut shown = Vec::new();
    for entry in &chosen {
        if is_interrupted() {
            break;
        }
        shown.push(show(entry, args.limits)?);
    }
    match (args.entry.is_some(), shown.as_slice()) {
        (true, [only]) => put!("{}", story_of(only)?),
        (true, _) | (false, _) => put!("{}", table(&shown).text()),
    }
    let expected = shown.iter().filter(|shown| shown.is_expected()).count();
    put_line!("\n{expected} of {} as expected", chosen.len());
    Ok(if expected == chosen.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn find(id: &str) -> Result<&'static Entry, Usage> {
    Entry::find(id).ok_or_else(|| {
        let ids: Vec<&str> = ENTRIES.iter().map(|entry| entry.id).collect();
        Usage::UnknownRun {
            kind: "gallery entry",
            given: id.into(),
            advice: match nearest(id, ids.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there are {}", ids.join(", ")),
            },
        }
    })
}

fn show(entry: &'static Entry, limits: LimitArgs) -> Result<Shown, Failure> {
    let mut watcher = Watcher::new(entry.id, limits);
    let with_bug = entry.run_with_bug(&mut |progress| watcher.watch(progress));
    watcher.finish();
    let mut watcher = Watcher::new(&format!("{} without the bug", entry.id), limits);
    let without_bug = entry.run_without_bug(&mut |progress| watcher.watch(progress));
    watcher.finish();
    Ok(Shown {
        entry,
        with_bug: with_bug?,
        without_bug: without_bug?,
    })
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Published => "published",
        Origin::Driver => "faulty driver",
        Origin::Own => "override",
    }
}

fn table(shown: &[Shown]) -> Table {
    let mut table = Table::new([
        ("entry", Align::Left),
        ("origin", Align::Left),
        ("violates", Align::Left),
        ("with the bug", Align::Left),
        ("states", Align::Right),
        ("time", Align::Right),
        ("without", Align::Left),
        ("states", Align::Right),
        ("time", Align::Right),
        ("", Align::Left),
    ]);
    for shown in shown {
        table.row([
            shown.entry.id.to_owned(),
            origin(shown.entry.origin).to_owned(),
            shown.entry.target.code().to_owned(),
            in_short(shown),
            count(shown.with_bug.progress.distinct),
            seconds(shown.with_bug.elapsed),
            shown.without_bug.says.clone(),
            count(shown.without_bug.progress.distinct),
            seconds(shown.without_bug.elapsed),
            if shown.is_expected() {
                "ok"
            } else {
                "NOT AS EXPECTED"
            }
            .to_owned(),
        ]);
    }
    table
}

/// What the bug does, short enough for a table: the failing case of a law is told in full with the entry alone.
fn in_short(shown: &Shown) -> String {
    match shown.entry.target {
        Target::Property(_) => shown.with_bug.says.clone(),
        Target::Law(code) if shown.with_bug.is_expected => format!("a case of {code} fails"),
        Target::Law(code) => format!("no case of {code} fails"),
    }
}

/// One entry in full: what was wrong, how it shows, and that it does not show without.
fn story_of(shown: &Shown) -> Result<String, Failure> {
    let entry = shown.entry;
    let mut text = format!("{} ({}): {}\n", entry.id, origin(entry.origin), entry.says);
    if !entry.ticket.is_empty() && entry.ticket != entry.id {
        text.push_str(&format!("source: {}\n", entry.ticket));
    }
    for (heading, outcome) in [
        ("with the bug", &shown.with_bug),
        ("without it", &shown.without_bug),
    ] {
        text.push_str(&format!(
            "{heading}: {}; {} states, {}\n",
            outcome.says,
            count(outcome.progress.distinct),
            seconds(outcome.elapsed)
        ));
    }
    let Some(inquiry) = entry.inquiry(true) else {
        return Ok(text);
    };
    text.push('\n');
    text.push_str(&output::bounds_text(&inquiry.scope, entry.id));
    if let Some(trace) = &shown.with_bug.trace {
        text.push('\n');
        text.push_str(&story::text(&Story::tell(&inquiry.system(false)?, trace)));
    }
    Ok(text)
}
