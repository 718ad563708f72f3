//! A trace as people read it: the checker's story, laid out for a terminal.

use thymbra_checker::chart::Chart;
use thymbra_checker::log_system::LogStory;
use thymbra_checker::story::{Step, Story};

use crate::wrap::{columns, wrapped};

/// The steps that were taken; a story may begin with what held before them.
pub(crate) fn taken(story: &Story) -> impl Iterator<Item = &Step> {
    story.steps.iter().filter(|step| step.number > 0)
}

/// Numbered sentences, the clause that fails, and the chart.
pub(crate) fn text(story: &Story) -> String {
    let mut text = String::new();
    let columns = columns();
    let width = story.steps.len().to_string().len();
    for step in &story.steps {
        match step.number {
            0 => text.push_str(&wrapped(&format!("  {:width$}  ", ""), &step.say, columns)),
            number => text.push_str(&wrapped(&format!("  {number:>width$}. "), &step.say, columns)),
        }
    }
    if let Some(failing) = &story.failing {
        text.push('\n');
        text.push_str(&wrapped("", &failing.sentence(), columns));
    }
    // Its sentences stand above already.
    let mut bare = Chart {
        title: String::new(),
        footer: Vec::new(),
        ..story.chart()
    };
    for step in &mut bare.steps {
        step.say.clear();
    }
    text.push('\n');
    text.push_str(bare.to_text(columns).trim_matches('\n'));
    text.push('\n');
    text
}

/// Numbered names and sentences of a run of one node's storage, and the clause that fails.
pub(crate) fn storage_text(story: &LogStory) -> String {
    let columns = columns();
    let width = story.steps.len().to_string().len();
    let longest = story
        .steps
        .iter()
        .map(|step| step.action.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for step in &story.steps {
        let head = format!("  {:>width$}. {:<longest$}  ", step.number, step.action);
        text.push_str(&wrapped(&head, &step.say, columns));
    }
    if let Some(failing) = &story.failing {
        text.push('\n');
        text.push_str(&wrapped("", failing, columns));
    }
    text
}

/// The chart under the sentence of the verdict.
pub(crate) fn chart(story: &Story, title: &str) -> Chart {
    Chart {
        title: title.into(),
        ..story.chart()
    }
}
