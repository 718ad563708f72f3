//! Texts and coordinates of the SVG drawing as XML.
//!
//! The only place where a text of a chart meets markup. Called by [`super::svg`].
//!
//! Chapter: `specs/00-guarantees.md`.

use super::layout;

/// A count of pixels as a coordinate.
pub(super) fn pixels(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A `text` element; nothing for an empty text.
pub(super) fn text(class: &str, anchor: &str, x: f64, y: f64, text: &str) -> String {
    match text.is_empty() {
        true => String::new(),
        false => {
            format!(
                "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>\n",
                escape(text)
            )
        }
    }
}

/// One line of XML text: markup as entities, without the two characters that XML forbids even so.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in layout::one_line(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
