//! The chart as a Mermaid `sequenceDiagram`, for Markdown.
//!
//! Mermaid draws messages level, so an arrow stands where it arrives and its text begins with the number of that step.
//! Actions and sentences are comments of the source; the sentence of a failing step and the footer are notes.
//! Reads [`super::layout`], writes a string.
//!
//! Chapter: `specs/00-guarantees.md`.

use std::collections::BTreeSet;

use super::layout::{self, Shape};
use super::{Chart, Fate, Lane, MessageKind};

impl Chart {
    /// The chart as the source of a Mermaid sequence diagram, without the fence of a code block.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let names = names(&self.lanes);
        let name = |lane: usize| names.get(lane).map_or("", String::as_str);
        let mut lines = vec!["sequenceDiagram".to_owned()];
        let title = escape(&self.title);
        if !title.is_empty() {
            lines.push(format!("  title: {title}"));
        }
        lines.extend(self.participants(&names));
        let all = match names.len() {
            0 => return lines.join("\n") + "\n",
            1 => name(0).to_owned(),
            count => format!("{},{}", name(0), name(count - 1)),
        };
        for (step, shapes) in self.steps.iter().zip(layout::resolve(self)) {
            let comment = layout::one_line(&format!("{} {}: {}", step.number, step.action, step.say));
            lines.push(format!("  %% {}", comment.replace(['{', '}'], " ")));
            if step.failing {
                lines.push("  rect rgba(244, 71, 50, 0.15)".to_owned());
            }
            for shape in shapes {
                lines.push(drawn(shape, step.number, name));
            }
            if step.failing {
                lines.push(format!(
                    "  Note over {all}: {}. FAILS: {}",
                    step.number,
                    escape(&step.say)
                ));
                lines.push("  end".to_owned());
            }
        }
        if !self.footer.is_empty() {
            let footer: Vec<String> = self.footer.iter().map(|line| escape(line)).collect();
            lines.push(format!("  Note over {all}: {}", footer.join("<br/>")));
        }
        lines
            .into_iter()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    }

    /// Participants in order, with a box round each group.
    fn participants(&self, names: &[String]) -> Vec<String> {
        let groups = layout::groups_of(&self.lanes);
        let mut lines = Vec::new();
        for (index, (lane, name)) in self.lanes.iter().zip(names).enumerate() {
            if let Some(group) = groups.iter().find(|group| group.first == index) {
                // Without a colour Mermaid would take a group called "red" for one.
                lines.push(format!("  box transparent {}", escape(&group.name)));
            }
            lines.push(format!(
                "  participant {name} as {}",
                escape(&layout::head_of(lane))
            ));
            if groups.iter().any(|group| group.last == index) {
                lines.push("  end".to_owned());
            }
        }
        lines
    }
}

/// A mark as a line of the diagram.
fn drawn<'a>(shape: Shape, number: usize, name: impl Fn(usize) -> &'a str) -> String {
    match shape {
        Shape::Arrow(arrow) => {
            let line = line(arrow.kind, arrow.fate);
            let label = escape(&arrow.label);
            format!(
                "  {}{line}{}: {number}. {label}",
                name(arrow.from),
                name(arrow.to)
            )
        }
        Shape::Local { lane, label, .. } => {
            format!("  Note over {}: {number}. {}", name(lane), escape(&label))
        }
        Shape::Across {
            first, last, label, ..
        } if first == last => format!("  Note over {}: {number}. {}", name(first), escape(&label)),
        Shape::Across {
            first, last, label, ..
        } => format!(
            "  Note over {},{}: {number}. {}",
            name(first),
            name(last),
            escape(&label)
        ),
    }
}

/// Names of the participants: the id if it is letters and then digits (no word of Mermaid is), else `lane0`, `lane1`, ...
fn names(lanes: &[Lane]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut names = Vec::new();
    for (index, lane) in lanes.iter().enumerate() {
        let digits = lane.id.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let is_plain =
            !digits.is_empty() && digits.len() < lane.id.len() && digits.chars().all(|c| c.is_ascii_digit());
        let is_plain = is_plain && !lane.id.starts_with("lane") && taken.insert(lane.id.as_str());
        names.push(match is_plain {
            true => lane.id.clone(),
            false => format!("lane{index}"),
        });
    }
    names
}

/// Solid for what asks, dashed for what replies; the head says the fate.
fn line(kind: MessageKind, fate: Fate) -> &'static str {
    let is_reply = match kind {
        MessageKind::Request
        | MessageKind::Write
        | MessageKind::Forward
        | MessageKind::Read
        | MessageKind::Hint
        | MessageKind::ReadRepair => false,
        MessageKind::Response
        | MessageKind::Error
        | MessageKind::Ack
        | MessageKind::Failure
        | MessageKind::Answer
        | MessageKind::HintAck
        | MessageKind::ReadRepairAck => true,
    };
    match (is_reply, fate) {
        (false, Fate::Delivered | Fate::Duplicated) => "->>",
        (true, Fate::Delivered | Fate::Duplicated) => "-->>",
        (false, Fate::Lost) => "-x",
        (true, Fate::Lost) => "--x",
        (false, Fate::Pending) => "-)",
        (true, Fate::Pending) => "--)",
    }
}

/// One line with the characters that Mermaid or HTML would take for their own as entity codes.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in layout::one_line(text).chars() {
        match character {
            '#' | ';' | '<' | '>' | '&' | '%' | '"' | '{' | '}' => {
                escaped.push_str(&format!("#{};", u32::from(character)));
            }
            other => escaped.push(other),
        }
    }
    escaped
}
