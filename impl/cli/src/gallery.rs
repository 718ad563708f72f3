//! `thymbra gallery`: each bug violates its property, and without it the same configuration is green.

use core::time::Duration;
use std::process::ExitCode;

use thymbra_checker::checked_model::{ActionOf, CheckedModel};
use thymbra_checker::configurations::{Outcome, Target};
use thymbra_checker::gallery::{self as entries, Entry, Origin};
use thymbra_checker::log_system::{self, LogAction, LogStory, LogSystem};
use thymbra_checker::search::Progress;
use thymbra_checker::story::Story;

use crate::args::{GalleryArgs, LimitArgs};
use crate::names::nearest;
use crate::output::{self, count, seconds};
use crate::progress::{Watcher, is_interrupted};
use crate::story;
use crate::table::{Align, Table};
use crate::usage::{Failure, Usage};

/// An entry of either model.
#[derive(Clone, Copy)]
enum Bug {
    /// Of a cluster.
    Cluster(&'static Entry),
    /// Of one node's storage.
    Storage(&'static Entry<LogSystem>),
}

impl Bug {
    fn all() -> impl Iterator<Item = Self> {
        let clusters = entries::all().map(Self::Cluster);
        clusters.chain(log_system::ENTRIES.iter().map(Self::Storage))
    }

    fn id(self) -> &'static str {
        match self {
            Self::Cluster(entry) => entry.id,
            Self::Storage(entry) => entry.id,
        }
    }
}

/// An entry with the bug and without.
struct Shown {
    id: &'static str,
    origin: Origin,
    target: Target,
    with_bug: Outcome<()>,
    without_bug: Outcome<()>,
    /// What was wrong, and how it shows.
    story: String,
}

impl Shown {
    fn is_expected(&self) -> bool {
        self.with_bug.is_expected && self.without_bug.is_expected
    }
}

/// Shows one entry with its story, or all as a table.
pub(crate) fn run(args: &GalleryArgs) -> Result<ExitCode, Failure> {
    let chosen: Vec<Bug> = match &args.entry {
        Some(id) => vec![find(id)?],
        None => Bug::all().collect(),
    };
    let mut shown = Vec::new();
    for bug in &chosen {
        if is_interrupted() {
            break;
        }
        shown.push(match bug {
            Bug::Cluster(entry) => show(entry, args.limits, cluster_story)?,
            Bug::Storage(entry) => show(entry, args.limits, storage_story)?,
        });
    }
    match (args.entry.is_some(), shown.as_slice()) {
        (true, [only]) => put!("{}", only.story),
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

fn find(id: &str) -> Result<Bug, Usage> {
    let mut bugs = Bug::all();
    bugs.find(|bug| bug.id().eq_ignore_ascii_case(id)).ok_or_else(|| {
        let ids: Vec<&str> = Bug::all().map(Bug::id).collect();
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

/// Tells how a bug shows, from the entry and what was found with the bug.
type Tell<M> = fn(&Entry<M>, &Outcome<ActionOf<M>>) -> Result<String, Failure>;

fn show<M: CheckedModel>(entry: &Entry<M>, limits: LimitArgs, tell: Tell<M>) -> Result<Shown, Failure> {
    let mut watcher = Watcher::new(entry.id, limits);
    let with_bug = entry.run_with_bug(&mut |progress| watcher.watch(progress));
    watcher.finish();
    let mut watcher = Watcher::new(&format!("{} without the bug", entry.id), limits);
    let without_bug = entry.run_without_bug(&mut |progress| watcher.watch(progress));
    watcher.finish();
    let with_bug = with_bug?;
    let mut story = format!("{} ({}): {}\n", entry.id, origin(entry.origin), entry.says);
    if !entry.ticket.is_empty() && entry.ticket != entry.id {
        story.push_str(&format!("source: {}\n", entry.ticket));
    }
    let without_bug = without_bug?.without_trace();
    story.push_str(&compared(&with_bug, &without_bug));
    story.push_str(&tell(entry, &with_bug)?);
    Ok(Shown {
        id: entry.id,
        origin: entry.origin,
        target: entry.target,
        with_bug: with_bug.without_trace(),
        without_bug,
        story,
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
            shown.id.to_owned(),
            origin(shown.origin).to_owned(),
            shown.target.code().to_owned(),
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
    match shown.target {
        Target::Property(_) => shown.with_bug.says.clone(),
        Target::Law(code) if shown.with_bug.is_expected => format!("a case of {code} fails"),
        Target::Law(code) => format!("no case of {code} fails"),
    }
}

/// What was found with the bug and without it.
fn compared<A>(with_bug: &Outcome<A>, without_bug: &Outcome<()>) -> String {
    let line = |heading: &str, says: &str, progress: &Progress, elapsed: Duration| {
        let (states, time) = (count(progress.distinct), seconds(elapsed));
        format!("{heading}: {says}; {states} states, {time}\n")
    };
    let with_bug = line(
        "with the bug",
        &with_bug.says,
        &with_bug.progress,
        with_bug.elapsed,
    );
    let without_bug = line(
        "without it",
        &without_bug.says,
        &without_bug.progress,
        without_bug.elapsed,
    );
    with_bug + &without_bug
}

fn cluster_story(entry: &Entry, with_bug: &Outcome) -> Result<String, Failure> {
    let Some(inquiry) = entry.inquiry(true) else {
        return Ok(String::new());
    };
    let mut text = String::from("\n");
    text.push_str(&output::bounds_text(&inquiry.scope, entry.id));
    if let Some(trace) = &with_bug.trace {
        text.push('\n');
        text.push_str(&story::text(&Story::tell(&inquiry.system(false)?, trace)));
    }
    Ok(text)
}

fn storage_story(entry: &Entry<LogSystem>, with_bug: &Outcome<LogAction>) -> Result<String, Failure> {
    let Some(inquiry) = entry.inquiry(true) else {
        return Ok(String::new());
    };
    let mut text = format!("\nwithin these bounds\n  storage     {}\n", inquiry.scope.short());
    if let Some(trace) = &with_bug.trace {
        text.push('\n');
        text.push_str(&story::storage_text(&LogStory::tell(
            &inquiry.system(false)?,
            trace,
        )));
    }
    Ok(text)
}
