//! `thymbra ask`: one question, one verdict.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use thymbra_checker::chart::Chart;
use thymbra_checker::properties::PropertyDef;
use thymbra_checker::scope::Scope;
use thymbra_checker::story::{Failing, Story};
use thymbra_checker::verdict::{Finding, Inquiry, Report};

use crate::args::{AskArgs, LimitArgs, OutputArgs};
use crate::names::Question;
use crate::output::{self, JsonAnswer, JsonBounds, JsonStates, JsonStep, Verdict};
use crate::progress::Watcher;
use crate::scope_from_args::{scope, warning};
use crate::story;
use crate::usage::{Failure, Usage};
use crate::{rules, words, worlds};

/// Answers the question.
pub(crate) fn run(args: &AskArgs) -> Result<ExitCode, Failure> {
    let scope = scope(&args.run, args.question.code())?;
    if let Some(warning) = warning(&scope) {
        note!("{warning}");
    }
    let rules_name = &args.run.settings.rules;
    match args.question {
        Question::Property(property) => {
            let inquiry = inquiry(scope, property, rules_name)?;
            let answer = Answer::find(inquiry, property, rules_name, args.limits)?;
            answer.print(&args.output)?;
            Ok(ExitCode::from(answer.verdict.exit_status()))
        }
        Question::Worlds => worlds::run(scope, args),
    }
}

/// One property within a scope, under rules of this name.
pub(crate) fn inquiry(scope: Scope, property: &'static PropertyDef, rules: &str) -> Result<Inquiry, Usage> {
    let (rules, driver) = rules::find(rules)?;
    Ok(Inquiry {
        rules,
        driver,
        ..Inquiry::new(scope, property)
    })
}

/// A verdict with everything that belongs to it.
pub(crate) struct Answer {
    /// The verdict.
    pub(crate) verdict: Verdict,
    scope: Scope,
    rules: String,
    property: &'static PropertyDef,
    report: Report,
    told: Option<Story>,
    stopped: Option<&'static str>,
}

impl Answer {
    /// Looks for the answer, with a line of progress.
    pub(crate) fn find(
        inquiry: Inquiry,
        property: &'static PropertyDef,
        rules: &str,
        limits: LimitArgs,
    ) -> Result<Self, Failure> {
        let mut watcher = Watcher::new(property.code, limits);
        let report = inquiry.answer(&mut |progress| watcher.watch(progress));
        watcher.finish();
        let report = report?;
        let told = match &report.trace {
            Some(trace) => Some(Story::tell(&inquiry.system(false)?, trace)),
            None => None,
        };
        let verdict = match report.finding {
            Finding::Found => Verdict::Possible,
            Finding::Absent => Verdict::Never,
            Finding::Vacuous => Verdict::Vacuous,
            Finding::Unknown(_) => Verdict::Unknown,
        };
        Ok(Self {
            verdict,
            scope: inquiry.scope,
            rules: rules.into(),
            property,
            report,
            told,
            stopped: watcher.stopped().map(output::stop),
        })
    }

    /// Prints the answer and writes the charts that were asked for.
    pub(crate) fn print(&self, forms: &OutputArgs) -> Result<(), Failure> {
        if forms.json {
            put_line!("{}", serde_json::to_string_pretty(&self.json())?);
        } else {
            put!("{}", self.text());
        }
        let chart = self
            .told
            .as_ref()
            .map(|told| story::chart(told, &self.sentence()));
        write_charts(forms, chart.as_ref())
    }

    fn sentence(&self) -> String {
        let words = words::sentences(self.property, &self.scope);
        let steps = self.told.as_ref().map_or(0, |told| story::taken(told).count());
        match self.verdict {
            Verdict::Possible if steps > 0 => format!("{}; shortest way {}", words.possible, in_steps(steps)),
            Verdict::Possible => words.possible,
            Verdict::Never | Verdict::Table => words.never,
            Verdict::Vacuous => format!(
                "nothing was put to the test, for in no run this came true: {}",
                self.property.premise.say
            ),
            Verdict::Unknown => format!(
                "{}; until then nothing was found against: {}",
                self.stopped.unwrap_or("the search was stopped"),
                words.never
            ),
        }
    }

    fn text(&self) -> String {
        let heading = match self.verdict {
            Verdict::Never | Verdict::Table => "NEVER",
            Verdict::Possible => "POSSIBLE",
            Verdict::Vacuous => "VACUOUS",
            Verdict::Unknown => "UNKNOWN",
        };
        let mut text = format!("{heading}: {}\n", self.sentence());
        match (self.verdict, &self.told) {
            (Verdict::Vacuous, _) => {
                let advice = words::sentences(self.property, &self.scope).advice;
                text.push_str(&format!("advice: {advice}\n"));
            }
            (Verdict::Possible, None) => {
                let reason = self.stopped.unwrap_or("the search for it was stopped");
                text.push_str(&format!("The shortest way is not known: {reason}.\n"));
            }
            (Verdict::Possible | Verdict::Never | Verdict::Unknown | Verdict::Table, _) => {}
        }
        text.push('\n');
        text.push_str(&output::bounds_text(&self.scope, &self.rules));
        text.push_str(&output::cost_text(&self.report.progress, self.report.elapsed));
        if let Some(told) = &self.told {
            text.push('\n');
            text.push_str(&story::text(told));
        }
        text
    }

    fn json(&self) -> JsonAnswer {
        let progress = self.report.progress;
        let steps = self.told.as_ref().map(JsonStep::of).unwrap_or_default();
        JsonAnswer {
            verdict: self.verdict,
            question: self.property.code.into(),
            say: self.sentence(),
            bounds: JsonBounds::new(&self.scope, &self.rules),
            states: JsonStates {
                generated: progress.generated,
                distinct: progress.distinct,
            },
            depth: if steps.is_empty() {
                progress.depth
            } else {
                steps.len()
            },
            seconds: self.report.elapsed.as_secs_f64(),
            collision_chance: output::collision_chance(progress.distinct),
            reason: match self.verdict {
                Verdict::Vacuous => Some(self.property.premise.say.into()),
                Verdict::Unknown | Verdict::Possible => self.stopped.map(str::to_owned),
                Verdict::Never | Verdict::Table => None,
            },
            failing: self
                .told
                .as_ref()
                .and_then(|told| told.failing.as_ref())
                .map(Failing::sentence),
            start: self.report.trace.as_ref().map_or(0, |trace| trace.start),
            trace: steps,
        }
    }
}

/// Steps in words.
pub(crate) fn in_steps(steps: usize) -> String {
    match steps {
        1 => "1 step".into(),
        steps => format!("{steps} steps"),
    }
}

/// Writes the charts that were asked for.
pub(crate) fn write_charts(forms: &OutputArgs, chart: Option<&Chart>) -> Result<(), Failure> {
    for (path, text) in [
        (&forms.svg, chart.map(Chart::to_svg)),
        (&forms.mermaid, chart.map(Chart::to_mermaid)),
    ] {
        match (path, text) {
            (None, _) => {}
            (Some(path), Some(text)) => write_file(path, &text)?,
            (Some(path), None) => {
                note!("{} is not written, for there is no run to draw", path.display());
            }
        }
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|source| Failure::File {
        path: path.display().to_string(),
        source,
    })
}
