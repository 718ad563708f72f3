//! Arrows, signs and labels of the SVG drawing.
//!
//! Second half of [`super::svg`], which says where lanes and rows are; the shapes themselves are in [`super::glyphs`].
//!
//! Chapter: `specs/00-guarantees.md`.

use super::Fate;
use super::glyphs::{self, Point};
use super::layout::{Arrow, Shape};
use super::svg::Drawing;
use super::xml::text;

/// From the height of arrivals to that of departures, in pixels: below the label, so that no departure runs through it.
const DEPARTURE: f64 = 17.0;

impl Drawing<'_> {
    /// Lines first, then signs and labels, so that no line runs over a word.
    pub(super) fn marks(&self) -> String {
        let (mut lines, mut labels) = (String::new(), String::new());
        for (row, (shapes, places)) in self.rows.iter().zip(&self.places).enumerate() {
            for (shape, place) in shapes.iter().zip(places) {
                let y = self.y(row, *place);
                match shape {
                    Shape::Arrow(arrow) if arrow.from == arrow.to => {
                        let x = self.x(arrow.from);
                        lines.push_str(&glyphs::self_arrow(arrow.kind, arrow.fate, Point { x, y }));
                        labels.push_str(&text("text", "start", x + 25.0, y + 4.0, &arrow.label));
                    }
                    Shape::Arrow(arrow) => {
                        let meets_sign = shapes.iter().zip(places).any(|(other, other_place)| match other {
                            Shape::Local { lane, .. } => *lane == arrow.to && other_place == place,
                            Shape::Arrow(_) | Shape::Across { .. } => false,
                        });
                        let (line, label) = self.arrow(row, y, arrow, meets_sign);
                        lines.push_str(&line);
                        labels.push_str(&label);
                    }
                    Shape::Local { lane, kind, label } => {
                        let x = self.x(*lane);
                        labels.push_str(&glyphs::sign(*kind, Point { x, y }));
                        labels.push_str(&text("text", "start", x + glyphs::reach(*kind), y + 4.0, label));
                    }
                    Shape::Across {
                        first,
                        last,
                        touched,
                        label,
                    } => {
                        let (low, high, y) = (self.x(*first) - 14.0, self.x(*last) + 14.0, y + 4.0);
                        lines.push_str(&glyphs::stroke(
                            "ink",
                            2.2,
                            "",
                            &[Point { x: low, y }, Point { x: high, y }],
                        ));
                        for lane in touched {
                            let x = self.x(*lane);
                            let tick = [Point { x, y: y - 5.0 }, Point { x, y: y + 5.0 }];
                            lines.push_str(&glyphs::stroke("ink", 2.2, "", &tick));
                        }
                        labels.push_str(&text("text", "start", low + 22.0, y - 6.0, label));
                    }
                }
                lines.push('\n');
            }
        }
        lines + &labels
    }

    /// Line and label of a message between two lanes.
    fn arrow(&self, row: usize, y: f64, arrow: &Arrow, meets_sign: bool) -> (String, String) {
        let direction = if arrow.from < arrow.to { 1.0 } else { -1.0 };
        let (from, reach) = (self.x(arrow.from), self.tip_x(arrow));
        let inset = if meets_sign { 6.0 } else { 1.0 };
        let same_row = arrow.sent_row == row;
        let tail_y = match same_row {
            true => y + 2.0,
            false => {
                let place = self
                    .places
                    .get(arrow.sent_row)
                    .and_then(|places| places.last())
                    .copied()
                    .unwrap_or(0);
                self.y(arrow.sent_row, place) + DEPARTURE
            }
        };
        let tip = Point {
            x: reach - direction * inset,
            y: if same_row { y + 9.0 } else { y },
        };
        let line = glyphs::arrow(arrow.kind, arrow.fate, Point { x: from, y: tail_y }, tip);
        let label = match (same_row, direction > 0.0) {
            (true, _) => text("text", "middle", (from + reach) / 2.0, y - 3.0, &arrow.label),
            (false, true) => text("text", "end", reach - 12.0, y + 14.0, &arrow.label),
            (false, false) => text("text", "start", reach + 12.0, y + 14.0, &arrow.label),
        };
        (line, label)
    }

    /// How far right a message comes: to its lane, or seven tenths of the way.
    fn tip_x(&self, arrow: &Arrow) -> f64 {
        let (from, to) = (self.x(arrow.from), self.x(arrow.to));
        match arrow.fate {
            Fate::Delivered | Fate::Duplicated => to,
            Fate::Lost | Fate::Pending => from + (to - from) * 0.7,
        }
    }
}
