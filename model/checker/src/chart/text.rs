//! The chart in plain ASCII, for a terminal or a log.
//!
//! Lanes are columns of `|` (`:` while down), a step is one row, or two where its marks would overlap. The text of an
//! arrow stands on the arrow, in the row of its arrival; the number at its tail is the step that sent it.
//! Reads [`super::layout`], writes a string.
//!
//! Chapter: `specs/00-guarantees.md`.

use super::canvas::Canvas;
use super::layout::{self, Arrow, Demand, Group, Shape, width_of};
use super::{Chart, ChartStep, Fate, Lane, LocalKind, MessageKind};

/// Least distance between two lanes, in characters.
const GAP_MINIMUM: usize = 8;
/// A label longer than this does not push lanes apart; it goes to the margin.
const LABEL_MAXIMUM: usize = 36;
/// Least width of the column of sentences, in characters.
const SENTENCES_MINIMUM: usize = 28;
/// Least width of the margin that takes labels without room, in characters.
const MARGIN_MINIMUM: usize = 20;
/// Most lines that a sentence beside the chart may have.
const SENTENCE_LINES: usize = 2;

impl Chart {
    /// The chart in ASCII, `width` characters wide if that is enough for its lanes.
    ///
    /// Labels with no room between their lanes stand at the right of their row; sentences stand beside the chart if
    /// they fit there in two lines, else in a list below it. No line ends in a space; the last one ends in a newline.
    #[must_use]
    pub fn to_text(&self, width: usize) -> String {
        let drawing = Drawing::new(self, width);
        let mut lines = layout::wrap(&self.title, width);
        lines.push(String::new());
        lines.extend(drawing.heads());
        lines.extend(drawing.rows());
        lines.extend(layout::wrap(&drawing.key(), width));
        if !drawing.beside {
            lines.extend(drawing.sentences(width));
        }
        if !self.footer.is_empty() {
            lines.push(String::new());
        }
        lines.extend(self.footer.iter().flat_map(|line| layout::wrap(line, width)));
        lines
            .iter()
            .skip_while(|line| line.is_empty())
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    }
}

/// Where everything stands.
struct Drawing<'a> {
    chart: &'a Chart,
    rows: Vec<Vec<Shape>>,
    heads: Vec<String>,
    groups: Vec<Group>,
    /// Columns of the lanes, then of the right edge.
    columns: Vec<usize>,
    /// Digits of the largest step number.
    digits: usize,
    /// Width of what stands at the right of the lanes.
    margin: usize,
    /// Sentences stand in the margin.
    beside: bool,
}

impl<'a> Drawing<'a> {
    fn new(chart: &'a Chart, width: usize) -> Self {
        let digits = chart
            .steps
            .iter()
            .map(|step| width_of(&step.number.to_string()))
            .max()
            .unwrap_or(1);
        let heads: Vec<String> = chart.lanes.iter().map(layout::head_of).collect();
        let left = digits + 4 + heads.first().map_or(0, |head| width_of(head) / 2);
        let mut drawing = Self {
            chart,
            rows: layout::resolve(chart),
            heads,
            groups: layout::groups_of(&chart.lanes),
            columns: Vec::new(),
            digits,
            margin: 0,
            beside: false,
        };
        let demands = drawing.demands();
        let mut gaps = layout::gaps(chart.lanes.len(), GAP_MINIMUM, &demands);
        let natural = left + gaps.iter().sum::<usize>();
        let beside = width.saturating_sub(natural + 1);
        let lines = |step: &ChartStep| layout::wrap(sentence(step), beside).len();
        drawing.beside =
            beside >= SENTENCES_MINIMUM && chart.steps.iter().all(|step| lines(step) <= SENTENCE_LINES);
        drawing.margin = beside.max(MARGIN_MINIMUM);
        if natural > width {
            narrow(&mut gaps, width.saturating_sub(left + 1 + MARGIN_MINIMUM));
            drawing.shorten_heads(&gaps);
        }
        drawing.columns = layout::positions(left, &gaps);
        drawing
    }

    /// Room for heads, group names and labels.
    fn demands(&self) -> Vec<Demand> {
        let mut demands = Vec::new();
        let mut need = |first, last, size| demands.push(Demand { first, last, size });
        for (lane, pair) in self.heads.windows(2).enumerate() {
            need(
                lane,
                lane + 1,
                pair.iter().map(|head| width_of(head).div_ceil(2)).sum::<usize>() + 2,
            );
        }
        for group in &self.groups {
            need(
                group.first,
                group.last + usize::from(group.first == group.last),
                width_of(&group.name) + 2,
            );
        }
        for (row, shapes) in self.rows.iter().enumerate() {
            for shape in shapes {
                let (first, last, size) = self.extent(row, shape);
                if size <= LABEL_MAXIMUM + GAP_MINIMUM {
                    need(first, last, size);
                }
            }
        }
        demands
    }

    /// Lanes between which a shape with its label stands, and the distance it needs there.
    fn extent(&self, row: usize, shape: &Shape) -> (usize, usize, usize) {
        match shape {
            Shape::Arrow(arrow) if arrow.from == arrow.to => {
                (arrow.from, arrow.from + 1, width_of(&arrow.label) + 7)
            }
            Shape::Arrow(arrow) => {
                let lanes = (arrow.from.min(arrow.to), arrow.from.max(arrow.to));
                let line = self.tail(row, arrow).len() + end(arrow.fate, true).len() + 4;
                (lanes.0, lanes.1, width_of(&arrow.label) + 2 + line)
            }
            Shape::Local { lane, label, .. } => (*lane, *lane + 1, width_of(label) + 3),
            Shape::Across {
                first, last, label, ..
            } => (*first, *last + usize::from(first == last), width_of(label) + 6),
        }
    }

    /// Takes the ids for the labels, cut if need be, where these would run into each other.
    fn shorten_heads(&mut self, gaps: &[usize]) {
        let mut pairs = self.heads.windows(2).zip(gaps);
        let halves = |pair: &[String]| pair.iter().map(|head| width_of(head).div_ceil(2)).sum::<usize>();
        if pairs.any(|(pair, gap)| halves(pair) >= *gap) {
            let short = |lane: &Lane| layout::one_line(&lane.id).chars().take(GAP_MINIMUM - 2).collect();
            self.heads = self.chart.lanes.iter().map(short).collect();
        }
    }

    fn column(&self, lane: usize) -> usize {
        self.columns.get(lane).copied().unwrap_or(0)
    }

    /// Whether the label of this shape has room where the shape is.
    fn has_room(&self, row: usize, shape: &Shape) -> bool {
        let (first, last, size) = self.extent(row, shape);
        self.column(last) - self.column(first) >= size
    }

    /// Number of the step that sent the message, if that is another one.
    fn tail(&self, row: usize, arrow: &Arrow) -> String {
        match (arrow.sent_row == row, self.chart.steps.get(arrow.sent_row)) {
            (true, _) | (false, None) => String::new(),
            (false, Some(sent)) => sent.number.to_string(),
        }
    }

    fn heads(&self) -> Vec<String> {
        let half = |lane: usize| self.heads.get(lane).map_or(0, |head| width_of(head) / 2);
        let mut frames = Canvas::default();
        for group in &self.groups {
            let (low, high) = (
                self.column(group.first).saturating_sub(half(group.first)),
                self.column(group.last) + half(group.last),
            );
            let (low, high) = (low, high.max(low + width_of(&group.name) + 1));
            frames.fill(low, high, "-");
            frames.put(low, "[");
            frames.put(high, "]");
            let name = match high - low > width_of(&group.name) + 4 {
                true => format!(" {} ", group.name),
                false => group.name.clone(),
            };
            frames.put(low + (high - low + 1).saturating_sub(width_of(&name)) / 2, &name);
        }
        let mut heads = Canvas::default();
        for (lane, head) in self.heads.iter().enumerate() {
            heads.put(self.column(lane) - half(lane).min(self.column(lane)), head);
        }
        let frames = Some(frames.text()).filter(|line| !line.is_empty());
        frames.into_iter().chain([heads.text()]).collect()
    }

    fn rows(&self) -> Vec<String> {
        let mut down = vec![false; self.heads.len()];
        let mut lines = Vec::new();
        for (row, (step, shapes)) in self.chart.steps.iter().zip(&self.rows).enumerate() {
            let spans: Vec<_> = shapes.iter().map(|shape| self.span(row, shape)).collect();
            let places = layout::pack(&spans);
            let mut beside = match self.beside {
                true => layout::wrap(sentence(step), self.margin),
                false => Vec::new(),
            };
            let overflow = shapes
                .iter()
                .filter(|shape| !self.has_room(row, shape))
                .map(label_of);
            beside.extend(layout::wrap(
                &overflow.collect::<Vec<_>>().join("; "),
                self.margin,
            ));
            let line_count = places.last().map_or(1, |last| last + 1).max(beside.len());
            for line in 0..line_count {
                let mut canvas = self.empty_row(&down);
                if line == 0 {
                    canvas.put(0, if step.failing { "!" } else { " " });
                    canvas.put(2, &format!("{:>1$}", step.number, self.digits));
                }
                for (shape, _) in shapes.iter().zip(&places).filter(|(_, place)| **place == line) {
                    self.draw(&mut canvas, row, shape);
                    if let Shape::Local { lane, kind, .. } = shape
                        && let (Some(down), Some(now)) = (down.get_mut(*lane), layout::goes_down(*kind))
                    {
                        *down = now;
                    }
                }
                canvas.put(
                    self.column(self.heads.len()) + 1,
                    beside.get(line).map_or("", String::as_str),
                );
                lines.push(canvas.text());
            }
        }
        lines
    }

    fn empty_row(&self, down: &[bool]) -> Canvas {
        let mut canvas = Canvas::default();
        for (lane, down) in down.iter().enumerate() {
            canvas.put(self.column(lane), if *down { ":" } else { "|" });
        }
        canvas
    }

    /// First and last column that a shape covers.
    fn span(&self, row: usize, shape: &Shape) -> (usize, usize) {
        let label = match self.has_room(row, shape) {
            true => width_of(label_of(shape)) + 1,
            false => 0,
        };
        match shape {
            Shape::Arrow(arrow) if arrow.from == arrow.to => {
                (self.column(arrow.from) + 1, self.column(arrow.from) + 4 + label)
            }
            Shape::Arrow(arrow) => {
                let (low, high) = (arrow.from.min(arrow.to), arrow.from.max(arrow.to));
                (self.column(low) + 1, self.column(high) - 1)
            }
            Shape::Local { lane, .. } => (self.column(*lane), self.column(*lane) + label),
            Shape::Across { first, last, .. } if first == last => {
                (self.column(*first), self.column(*first) + 4 + label)
            }
            Shape::Across { first, last, .. } => (self.column(*first), self.column(*last)),
        }
    }

    fn draw(&self, canvas: &mut Canvas, row: usize, shape: &Shape) {
        let label = match (self.has_room(row, shape), label_of(shape)) {
            (false, _) | (true, "") => String::new(),
            (true, label) => format!(" {label} "),
        };
        match shape {
            Shape::Arrow(arrow) if arrow.from == arrow.to => {
                canvas.put(self.column(arrow.from) + 1, &format!("<-'{}", label.trim_end()));
            }
            Shape::Arrow(arrow) => {
                let (low, high) = self.span(row, shape);
                let rightwards = arrow.from < arrow.to;
                let (tail, end) = (self.tail(row, arrow), end(arrow.fate, rightwards));
                let (tail_at, end_at) = match rightwards {
                    true => (low, (high + 1).saturating_sub(end.len())),
                    false => ((high + 1).saturating_sub(tail.len()), low),
                };
                canvas.fill(low, high, pattern(arrow.kind));
                canvas.put(tail_at, &tail);
                canvas.put(end_at, end);
                let (from, to) = match rightwards {
                    true => (low + tail.len(), end_at),
                    false => (low + end.len(), tail_at),
                };
                canvas.put(from + to.saturating_sub(from + width_of(&label)) / 2, &label);
            }
            Shape::Local { lane, kind, .. } => {
                canvas.put(
                    self.column(*lane),
                    &format!("{}{}", sign(*kind), label.trim_end()),
                );
            }
            Shape::Across {
                first, last, touched, ..
            } => {
                let (low, high) = self.span(row, shape);
                canvas.fill(low, high, "#");
                for lane in touched.iter().filter(|_| first != last) {
                    canvas.put(self.column(*lane), "+");
                }
                canvas.put(
                    low + (high + 1 - low).saturating_sub(width_of(&label)) / 2,
                    &label,
                );
            }
        }
    }

    /// One line that explains the lines and signs that this chart uses.
    fn key(&self) -> String {
        let shapes = || {
            self.rows
                .iter()
                .enumerate()
                .flat_map(|(row, shapes)| shapes.iter().map(move |shape| (row, shape)))
        };
        let arrow_is = |wanted: &dyn Fn(usize, &Arrow) -> bool| {
            shapes().any(|(row, shape)| match shape {
                Shape::Arrow(arrow) => arrow.from != arrow.to && wanted(row, arrow),
                Shape::Local { .. } | Shape::Across { .. } => false,
            })
        };
        let drawn_as = |wanted: &'static str| arrow_is(&|_, arrow| pattern(arrow.kind) == wanted);
        let down = shapes().any(|(_, shape)| match shape {
            Shape::Local { kind, .. } => layout::goes_down(*kind) == Some(true),
            Shape::Arrow(_) | Shape::Across { .. } => false,
        });
        let entries = [
            (
                arrow_is(&|row, arrow| !self.tail(row, arrow).is_empty()),
                "3--> sent at step 3",
            ),
            (drawn_as("="), "==> forward"),
            (drawn_as("."), "..> read"),
            (drawn_as("- "), "- -> hint"),
            (drawn_as("-."), "-.-> read repair"),
            (drawn_as("~"), "~~> failure"),
            (arrow_is(&|_, arrow| arrow.fate == Fate::Lost), "--x lost"),
            (
                arrow_is(&|_, arrow| arrow.fate == Fate::Duplicated),
                "-->> duplicated",
            ),
            (arrow_is(&|_, arrow| arrow.fate == Fate::Pending), "--? in flight"),
            (down, ": down"),
            (
                self.chart.steps.iter().any(|step| step.failing),
                "! a property fails",
            ),
        ];
        let used: Vec<&str> = entries
            .into_iter()
            .filter(|(used, _)| *used)
            .map(|(_, text)| text)
            .collect();
        match used.is_empty() {
            true => String::new(),
            false => format!("Key: {}", used.join(", ")),
        }
    }

    fn sentences(&self, width: usize) -> Vec<String> {
        let indent = self.digits + 4;
        let mut lines = vec![String::new()];
        for step in self
            .chart
            .steps
            .iter()
            .filter(|step| !layout::one_line(sentence(step)).is_empty())
        {
            let sentence = layout::wrap(sentence(step), width.saturating_sub(indent).max(MARGIN_MINIMUM));
            for (index, line) in sentence.iter().enumerate() {
                let mut canvas = Canvas::default();
                if index == 0 {
                    canvas.put(0, if step.failing { "!" } else { " " });
                    canvas.put(2, &format!("{:>1$}", step.number, self.digits));
                }
                canvas.put(indent, line);
                lines.push(canvas.text());
            }
        }
        lines
    }
}

/// Cuts the widest gaps until all together take `room`, but none below the least distance.
fn narrow(gaps: &mut [usize], room: usize) {
    let widest = gaps.iter().copied().max().unwrap_or(GAP_MINIMUM);
    let fits = |cap: &usize| gaps.iter().map(|gap| gap.min(cap)).sum::<usize>() <= room;
    let cap = (GAP_MINIMUM..=widest).rev().find(fits).unwrap_or(GAP_MINIMUM);
    for gap in gaps {
        *gap = (*gap).min(cap);
    }
}

/// What a step says for people: its sentence, or its action if it has none.
fn sentence(step: &ChartStep) -> &str {
    match step.say.is_empty() {
        true => &step.action,
        false => &step.say,
    }
}

fn label_of(shape: &Shape) -> &str {
    match shape {
        Shape::Arrow(arrow) => &arrow.label,
        Shape::Local { label, .. } | Shape::Across { label, .. } => label,
    }
}

/// The end of an arrow, with the empty part before the lane that a message did not reach.
fn end(fate: Fate, rightwards: bool) -> &'static str {
    match (fate, rightwards) {
        (Fate::Delivered, true) => ">",
        (Fate::Delivered, false) => "<",
        (Fate::Lost, true) => "x  ",
        (Fate::Lost, false) => "  x",
        (Fate::Duplicated, true) => ">>",
        (Fate::Duplicated, false) => "<<",
        (Fate::Pending, true) => "?  ",
        (Fate::Pending, false) => "  ?",
    }
}

/// Characters that repeat along the line of a message.
fn pattern(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Request | MessageKind::Response | MessageKind::Write | MessageKind::Ack => "-",
        MessageKind::Forward => "=",
        MessageKind::Read | MessageKind::Answer => ".",
        MessageKind::Hint | MessageKind::HintAck => "- ",
        MessageKind::ReadRepair | MessageKind::ReadRepairAck => "-.",
        MessageKind::Error | MessageKind::Failure => "~",
    }
}

/// The sign on the lane; its label says the rest.
fn sign(kind: LocalKind) -> &'static str {
    match kind {
        LocalKind::Apply => "#",
        LocalKind::Sync => "=",
        LocalKind::Crash => "X",
        LocalKind::PowerLoss => "Z",
        LocalKind::Restart | LocalKind::Up => "^",
        LocalKind::Down => "v",
        LocalKind::Timer => "@",
        LocalKind::HintStored => "H",
        LocalKind::View => "o",
        LocalKind::Note => "*",
        LocalKind::Fails => "!",
    }
}
