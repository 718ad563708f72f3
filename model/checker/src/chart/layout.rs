//! What the three drawings share: marks with their lanes and steps checked, room between lanes, rows within a step.
//!
//! Stands between [`Chart`], which may say anything, and the drawings, which then need not check again.
//! Sizes have no unit here: the text drawing counts characters, the SVG drawing pixels.
//!
//! Chapter: `specs/00-guarantees.md`.

use std::collections::BTreeMap;

use super::{Chart, Fate, Lane, LocalKind, Mark, MessageKind};

/// A mark whose lanes exist and whose step of sending is a row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// From another lane, or a loop when `from == to`.
    Arrow(Arrow),
    /// On one lane.
    Local {
        /// Position of the lane.
        lane: usize,
        /// Chooses the sign.
        kind: LocalKind,
        /// One line.
        label: String,
    },
    /// Over several lanes, `first <= last`.
    Across {
        /// Leftmost lane.
        first: usize,
        /// Rightmost lane.
        last: usize,
        /// Lanes that take part, ascending, each once.
        touched: Vec<usize>,
        /// One line.
        label: String,
    },
}

/// A message whose lanes exist.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Arrow {
    /// Position of the sender's lane.
    pub(super) from: usize,
    /// Position of the receiver's lane.
    pub(super) to: usize,
    /// Position in `chart.steps` of the step that sent it; at most the row that holds the mark.
    pub(super) sent_row: usize,
    /// Chooses colour and line.
    pub(super) kind: MessageKind,
    /// How it ended.
    pub(super) fate: Fate,
    /// One line; says the fate unless it was simply delivered.
    pub(super) label: String,
}

/// Marks of every step, without those that name a lane that does not exist.
pub(super) fn resolve(chart: &Chart) -> Vec<Vec<Shape>> {
    let lane_count = chart.lanes.len();
    let mut row_of_number = BTreeMap::new();
    let mut rows = Vec::with_capacity(chart.steps.len());
    for (row, step) in chart.steps.iter().enumerate() {
        row_of_number.entry(step.number).or_insert(row);
        let shapes = step
            .marks
            .iter()
            .filter_map(|mark| shape(mark, row, lane_count, &row_of_number))
            .collect();
        rows.push(shapes);
    }
    rows
}

fn shape(
    mark: &Mark,
    row: usize,
    lane_count: usize,
    row_of_number: &BTreeMap<usize, usize>,
) -> Option<Shape> {
    match mark {
        Mark::Arrow {
            from,
            to,
            sent_at,
            kind,
            label,
            fate,
        } => {
            let exists = *from < lane_count && *to < lane_count;
            exists.then(|| {
                let sent_row = row_of_number.get(sent_at).copied().unwrap_or(row);
                let label = with_fate(&one_line(label), *fate);
                Shape::Arrow(Arrow {
                    from: *from,
                    to: *to,
                    sent_row,
                    kind: *kind,
                    fate: *fate,
                    label,
                })
            })
        }
        Mark::Local { lane, kind, label } => (*lane < lane_count).then(|| Shape::Local {
            lane: *lane,
            kind: *kind,
            label: one_line(label),
        }),
        Mark::Across { lanes, label } => {
            let mut touched: Vec<usize> = match lanes.is_empty() {
                true => (0..lane_count).collect(),
                false => lanes.iter().copied().filter(|lane| *lane < lane_count).collect(),
            };
            touched.sort_unstable();
            touched.dedup();
            let (first, last) = (*touched.first()?, *touched.last()?);
            Some(Shape::Across {
                first,
                last,
                touched,
                label: one_line(label),
            })
        }
    }
}

/// The label with the fate in words, so that no meaning hangs on a line's end alone.
fn with_fate(label: &str, fate: Fate) -> String {
    let word = match fate {
        Fate::Delivered => return label.to_owned(),
        Fate::Lost => "lost",
        Fate::Duplicated => "duplicated",
        Fate::Pending => "in flight",
    };
    match (label.is_empty(), label.contains(word)) {
        (_, true) => label.to_owned(),
        (true, false) => format!("({word})"),
        (false, false) => format!("{label} ({word})"),
    }
}

/// The text with every run of white space and control characters as one space.
pub(super) fn one_line(text: &str) -> String {
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Number of characters, the width of a text in a terminal as far as this module cares.
pub(super) fn width_of(text: &str) -> usize {
    text.chars().count()
}

/// What stands at the head of a lane.
pub(super) fn head_of(lane: &Lane) -> String {
    let label = one_line(&lane.label);
    match label.is_empty() {
        true => one_line(&lane.id),
        false => label,
    }
}

/// Lanes `first..=last` that are framed together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Group {
    /// Leftmost lane.
    pub(super) first: usize,
    /// Rightmost lane.
    pub(super) last: usize,
    /// Name of the data centre.
    pub(super) name: String,
}

/// Runs of adjacent lanes with the same group, left to right.
pub(super) fn groups_of(lanes: &[Lane]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, lane) in lanes.iter().enumerate() {
        let Some(name) = lane.group.as_deref().map(one_line) else {
            continue;
        };
        match groups.last_mut() {
            Some(open) if open.name == name && open.last + 1 == index => open.last = index,
            Some(_) | None => groups.push(Group {
                first: index,
                last: index,
                name,
            }),
        }
    }
    groups
}

/// Room that something needs between lane `first` and lane `last`; `last == first + 1` is the gap after `first`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Demand {
    /// Lane on its left.
    pub(super) first: usize,
    /// Lane on its right; one past the last lane is the right edge.
    pub(super) last: usize,
    /// Distance needed between the two.
    pub(super) size: usize,
}

/// Distance from each lane to the next (from the last one to the right edge) that meets every demand.
pub(super) fn gaps(lane_count: usize, minimum: usize, demands: &[Demand]) -> Vec<usize> {
    let mut gaps = vec![minimum; lane_count];
    let mut narrow_first = demands.to_vec();
    narrow_first.sort_by_key(|demand| demand.last.saturating_sub(demand.first));
    for demand in narrow_first {
        let Some(span) = gaps.get_mut(demand.first..demand.last.min(lane_count)) else {
            continue;
        };
        let missing = demand.size.saturating_sub(span.iter().sum());
        let share = missing.div_ceil(span.len().max(1));
        for gap in span {
            *gap += share;
        }
    }
    gaps
}

/// Position of every lane, and of the right edge as one more.
pub(super) fn positions(left: usize, gaps: &[usize]) -> Vec<usize> {
    let mut at = left;
    let mut positions = vec![at];
    for gap in gaps {
        at += gap;
        positions.push(at);
    }
    positions
}

/// Row within the step for each of its spans (first and last cell): order is kept, and no row holds two that overlap.
pub(super) fn pack(spans: &[(usize, usize)]) -> Vec<usize> {
    let mut row = 0;
    let mut in_row: Vec<(usize, usize)> = Vec::new();
    let mut rows = Vec::with_capacity(spans.len());
    for &(low, high) in spans {
        if in_row
            .iter()
            .any(|&(other_low, other_high)| low <= other_high && other_low <= high)
        {
            row += 1;
            in_row.clear();
        }
        in_row.push((low, high));
        rows.push(row);
    }
    rows
}

/// Whether this event begins (`true`) or ends (`false`) the down part of its lane.
pub(super) fn goes_down(kind: LocalKind) -> Option<bool> {
    match kind {
        LocalKind::Crash | LocalKind::PowerLoss | LocalKind::Down => Some(true),
        LocalKind::Restart | LocalKind::Up => Some(false),
        LocalKind::Apply
        | LocalKind::Sync
        | LocalKind::Timer
        | LocalKind::HintStored
        | LocalKind::View
        | LocalKind::Note
        | LocalKind::Fails => None,
    }
}

/// Lines of at most `width` characters; a word longer than that is cut.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in one_line(text).split(' ') {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let used = width_of(&line);
            let join = usize::from(used > 0);
            match (used + join + rest.len() <= width, used > 0) {
                (true, _) => {
                    line.push_str(if join == 1 { " " } else { "" });
                    line.extend(rest.drain(..));
                }
                (false, true) => lines.push(std::mem::take(&mut line)),
                (false, false) => lines.push(rest.drain(..width.min(rest.len())).collect()),
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}
