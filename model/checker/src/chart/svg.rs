//! The chart as a self-contained SVG, for a page, a report or the Explorer of stateright.
//!
//! Lanes are vertical lines, steps are rows; an arrow slants from the row that sent it to the row in which it arrives,
//! so messages that overtake each other cross. Sentences stand at the right, actions are tooltips.
//! Reads [`super::layout`], borrows its looks from [`super::glyphs`], writes a string.
//!
//! Chapter: `specs/00-guarantees.md`.

use super::Chart;
use super::glyphs::{self, Point};
use super::layout::{self, Demand, Group, Shape, width_of};
use super::xml::{escape, pixels, text};

/// Width of one character of a label in a broad font, in pixels.
const CHARACTER: usize = 7;
/// Least distance between two lanes, in pixels.
const GAP_MINIMUM: usize = 84;
/// A demand above this does not push lanes apart, in pixels.
const GAP_MAXIMUM: usize = 330;
/// Height of one row of marks, in pixels.
const ROW: usize = 38;
/// From the top of a row to the height at which a message arrives, in pixels; its label stands below that.
const ARRIVAL: usize = 15;
/// Height of one line of text, in pixels.
const LINE: usize = 17;
/// Characters in a line of the sentences at the right.
const SENTENCE_WIDTH: usize = 46;
/// Empty border, in pixels.
const BORDER: usize = 14;

impl Chart {
    /// The chart as one `svg` element with its own styles for light and dark, `viewBox`, width and height in pixels.
    ///
    /// It has no ids and its style rules bind to the class `message-chart`, so a page can embed several.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let drawing = Drawing::new(self);
        let (width, height) = (drawing.width, drawing.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"message-chart\" role=\"img\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" style=\"max-width:100%;height:auto\">\n"
        );
        svg.push_str(&format!(
            "<title>{}</title>\n<style>{}</style>\n",
            escape(&self.title),
            glyphs::style()
        ));
        svg.push_str(&format!(
            "<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n"
        ));
        for part in [
            drawing.heads(),
            drawing.lanes(),
            drawing.marks(),
            drawing.steps(),
            drawing.footer(),
        ] {
            svg.push_str(&part);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// Where everything stands, in pixels.
pub(super) struct Drawing<'a> {
    chart: &'a Chart,
    pub(super) rows: Vec<Vec<Shape>>,
    groups: Vec<Group>,
    title: Vec<String>,
    sentences: Vec<Vec<String>>,
    footer: Vec<String>,
    /// Lanes, then the right edge of the lanes.
    columns: Vec<usize>,
    /// Top of every step, then the bottom of the last one.
    tops: Vec<usize>,
    /// Row within its step of every mark.
    pub(super) places: Vec<Vec<usize>>,
    width: usize,
    height: usize,
}

impl<'a> Drawing<'a> {
    fn new(chart: &'a Chart) -> Self {
        let rows = layout::resolve(chart);
        let first_head = chart
            .lanes
            .first()
            .map_or(0, |lane| text_width(&layout::head_of(lane)) / 2);
        let left = BORDER + 40 + first_head.saturating_sub(20);
        let columns = layout::positions(
            left,
            &layout::gaps(chart.lanes.len(), GAP_MINIMUM, &demands(chart, &rows)),
        );
        let sentences: Vec<Vec<String>> = chart
            .steps
            .iter()
            .map(|step| layout::wrap(&step.say, SENTENCE_WIDTH))
            .collect();
        let says_something = sentences.iter().any(|lines| !lines.is_empty());
        let right = columns.last().copied().unwrap_or(left);
        let width = right
            + BORDER
            + if says_something {
                BORDER + SENTENCE_WIDTH * CHARACTER
            } else {
                0
            };
        let width = width.max(480);
        let line = (width - 2 * BORDER) / CHARACTER;
        let groups = layout::groups_of(&chart.lanes);
        // Characters of the title are a third larger.
        let title = layout::wrap(&chart.title, line * 3 / 4);
        let footer: Vec<String> = chart
            .footer
            .iter()
            .flat_map(|text| layout::wrap(text, line))
            .collect();
        let frame = if groups.is_empty() { 0 } else { LINE + 4 };
        let top = BORDER + title.len() * (LINE + 5) + frame + LINE + 12;
        let mut drawing = Self {
            chart,
            rows,
            groups,
            title,
            sentences,
            footer,
            columns,
            tops: vec![top],
            places: Vec::new(),
            width,
            height: 0,
        };
        drawing.place();
        drawing
    }

    /// Gives every mark its row within its step, and every step its height.
    fn place(&mut self) {
        let mut bottom = self.tops.first().copied().unwrap_or(0);
        for (row, shapes) in self.rows.iter().enumerate() {
            let places = layout::pack(
                &shapes
                    .iter()
                    .map(|shape| self.span(row, shape))
                    .collect::<Vec<_>>(),
            );
            let mark_rows = places.last().map_or(1, |last| last + 1);
            let text_rows = self.sentences.get(row).map_or(0, Vec::len);
            bottom += (mark_rows * ROW).max(text_rows * LINE + 10);
            self.tops.push(bottom);
            self.places.push(places);
        }
        let footer = match self.footer.len() {
            0 => 0,
            count => count * LINE + 12,
        };
        self.height = bottom + 12 + footer + BORDER;
    }

    pub(super) fn column(&self, lane: usize) -> usize {
        self.columns.get(lane).copied().unwrap_or(0)
    }

    pub(super) fn x(&self, lane: usize) -> f64 {
        pixels(self.column(lane))
    }

    fn top(&self, row: usize) -> usize {
        self.tops.get(row).copied().unwrap_or(0)
    }

    /// Height of arrivals and signs in a row within a step.
    pub(super) fn y(&self, row: usize, place: usize) -> f64 {
        pixels(self.top(row) + place * ROW + ARRIVAL)
    }

    fn bottom(&self) -> f64 {
        pixels(self.tops.last().copied().unwrap_or(0) + 4)
    }

    /// First and last pixel that a shape and its label cover in its own row.
    fn span(&self, row: usize, shape: &Shape) -> (usize, usize) {
        match shape {
            Shape::Arrow(arrow) if arrow.from == arrow.to => (
                self.column(arrow.from),
                self.column(arrow.from) + 30 + text_width(&arrow.label),
            ),
            Shape::Arrow(arrow) => {
                let (low, high) = (
                    self.column(arrow.from.min(arrow.to)),
                    self.column(arrow.from.max(arrow.to)),
                );
                let label = text_width(&arrow.label) + 16;
                match (arrow.sent_row == row, arrow.from < arrow.to) {
                    (true, _) => (low + 1, high.saturating_sub(1)),
                    (false, true) => (
                        high.saturating_sub(label.max((high - low) / 2)),
                        high.saturating_sub(1),
                    ),
                    (false, false) => (low + 1, low + label.max((high - low) / 2)),
                }
            }
            Shape::Local { lane, label, .. } => {
                (self.column(*lane), self.column(*lane) + 14 + text_width(label))
            }
            Shape::Across {
                first, last, label, ..
            } => {
                let (low, high) = (self.column(*first), self.column(*last));
                (low, high.max(low + text_width(label)))
            }
        }
    }

    fn heads(&self) -> String {
        let mut svg = String::new();
        for (index, line) in self.title.iter().enumerate() {
            let y = BORDER + 14 + index * (LINE + 5);
            svg.push_str(&text("plain title", "start", pixels(BORDER), pixels(y), line));
        }
        let top = self.top(0);
        for group in &self.groups {
            let frame_top = top - LINE - LINE - 14;
            // Room for the frame that may follow; the last lane has none to its right.
            let margin = if group.last + 1 == self.chart.lanes.len() {
                8
            } else {
                38
            };
            let (low, high) = (
                self.column(group.first) - 28,
                self.column(group.last + 1) - margin,
            );
            svg.push_str(&format!(
                "<rect class=\"panel\" x=\"{low}\" y=\"{frame_top}\" width=\"{}\" height=\"{:.0}\" rx=\"6\"/>\n",
                high - low,
                self.bottom() - pixels(frame_top)
            ));
            svg.push_str(&text(
                "muted",
                "start",
                pixels(low + 8),
                pixels(frame_top + 15),
                &group.name,
            ));
        }
        for (lane, head) in self.chart.lanes.iter().enumerate() {
            let y = pixels(top - 12);
            svg.push_str(&text(
                "plain head",
                "middle",
                self.x(lane),
                y,
                &layout::head_of(head),
            ));
        }
        svg
    }

    /// Failing rows, lanes, and the hatch where a lane is down.
    fn lanes(&self) -> String {
        let mut svg = String::new();
        for (row, step) in self
            .chart
            .steps
            .iter()
            .enumerate()
            .filter(|(_, step)| step.failing)
        {
            let (top, height) = (self.top(row), self.top(row + 1) - self.top(row));
            svg.push_str(&format!(
                "<rect class=\"failure full\" x=\"0\" y=\"{top}\" width=\"{}\" height=\"{height}\" fill-opacity=\"0.1\" stroke=\"none\" stroke-opacity=\"0\"/><rect class=\"failure full\" x=\"0\" y=\"{top}\" width=\"4\" height=\"{height}\" stroke-opacity=\"0\"/><!-- step {} fails -->\n",
                self.width, step.number
            ));
        }
        let top = pixels(self.top(0) - 6);
        for lane in 0..self.chart.lanes.len() {
            let x = self.x(lane);
            svg.push_str(&glyphs::stroke(
                "lane",
                1.2,
                "",
                &[Point { x, y: top }, Point { x, y: self.bottom() }],
            ));
            let mut down_since = None;
            for (y, goes_down) in self.changes(lane) {
                match (down_since, goes_down) {
                    (None, true) => down_since = Some(y),
                    (Some(since), false) => {
                        svg.push_str(&glyphs::hatch(x, since, y));
                        down_since = None;
                    }
                    (None, false) | (Some(_), true) => {}
                }
            }
            if let Some(since) = down_since {
                svg.push_str(&glyphs::hatch(x, since, self.bottom()));
            }
            svg.push('\n');
        }
        svg
    }

    /// Heights at which a lane goes down (`true`) or comes back.
    fn changes(&self, wanted: usize) -> Vec<(f64, bool)> {
        let mut changes = Vec::new();
        for (row, (shapes, places)) in self.rows.iter().zip(&self.places).enumerate() {
            for (shape, place) in shapes.iter().zip(places) {
                if let Shape::Local { lane, kind, .. } = shape
                    && *lane == wanted
                    && let Some(goes_down) = layout::goes_down(*kind)
                {
                    changes.push((self.y(row, *place), goes_down));
                }
            }
        }
        changes
    }

    /// Numbers, sentences, and the action as a tooltip of the whole row.
    fn steps(&self) -> String {
        let mut svg = String::new();
        let right = pixels(self.column(self.chart.lanes.len()) + BORDER);
        for (row, (step, sentence)) in self.chart.steps.iter().zip(&self.sentences).enumerate() {
            let first = pixels(self.top(row) + ARRIVAL + 4);
            svg.push_str(&text(
                "plain",
                "end",
                pixels(BORDER + 16),
                first,
                &step.number.to_string(),
            ));
            if step.failing {
                svg.push_str(&glyphs::cross(Point {
                    x: pixels(BORDER + 25),
                    y: first - 4.0,
                }));
            }
            let height = self.top(row + 1) - self.top(row);
            for (index, line) in sentence.iter().enumerate() {
                let y = pixels(self.top(row) + ARRIVAL + 4 + index * LINE);
                svg.push_str(&text("plain", "start", right, y, line));
            }
            let tooltip = format!("{} {}: {}", step.number, step.action, step.say);
            svg.push_str(&format!(
                "<rect x=\"0\" y=\"{}\" width=\"{}\" height=\"{height}\" fill=\"none\" pointer-events=\"all\"><title>{}</title></rect>\n",
                self.top(row),
                self.width,
                escape(&tooltip)
            ));
        }
        svg
    }

    fn footer(&self) -> String {
        let top = self.tops.last().copied().unwrap_or(0) + 12 + LINE;
        let lines = self.footer.iter().enumerate();
        lines
            .map(|(index, line)| {
                text(
                    "plain head",
                    "start",
                    pixels(BORDER),
                    pixels(top + index * LINE),
                    line,
                )
            })
            .collect()
    }
}

/// Room for heads, group names and labels.
fn demands(chart: &Chart, rows: &[Vec<Shape>]) -> Vec<Demand> {
    let mut demands = Vec::new();
    let mut need = |first, last, size| demands.push(Demand { first, last, size });
    let heads: Vec<usize> = chart
        .lanes
        .iter()
        .map(|lane| text_width(&layout::head_of(lane)))
        .collect();
    for (lane, pair) in heads.windows(2).enumerate() {
        need(lane, lane + 1, pair.iter().sum::<usize>() / 2 + 16);
    }
    for group in layout::groups_of(&chart.lanes) {
        need(
            group.first,
            group.last + usize::from(group.first == group.last),
            text_width(&group.name) + 16,
        );
    }
    for shape in rows.iter().flatten() {
        let (first, last, size) = match shape {
            Shape::Arrow(arrow) if arrow.from == arrow.to => {
                (arrow.from, arrow.from + 1, text_width(&arrow.label) + 40)
            }
            Shape::Arrow(arrow) => (
                arrow.from.min(arrow.to),
                arrow.from.max(arrow.to),
                text_width(&arrow.label) + 34,
            ),
            Shape::Local { lane, label, .. } => (*lane, *lane + 1, text_width(label) + 24),
            Shape::Across {
                first, last, label, ..
            } => (*first, *last + usize::from(first == last), text_width(label) + 24),
        };
        need(first, last, size.min(GAP_MAXIMUM));
    }
    demands
}

/// Pixels that a label takes.
fn text_width(text: &str) -> usize {
    width_of(text) * CHARACTER
}
