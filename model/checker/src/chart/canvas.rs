//! A row of characters that the text drawing writes to in any order.
//!
//! Called by [`super::text`]; cells that nothing is written to are spaces.
//!
//! Chapter: `specs/00-guarantees.md`.

/// One row of characters that grows as needed.
#[derive(Default)]
pub(super) struct Canvas {
    cells: Vec<char>,
}

impl Canvas {
    /// Writes a text from this column on.
    pub(super) fn put(&mut self, column: usize, text: &str) {
        for (offset, character) in text.chars().enumerate() {
            let at = column + offset;
            if self.cells.len() <= at {
                self.cells.resize(at + 1, ' ');
            }
            if let Some(cell) = self.cells.get_mut(at) {
                *cell = character;
            }
        }
    }

    /// Repeats a pattern over the columns `low..=high`.
    pub(super) fn fill(&mut self, low: usize, high: usize, pattern: &str) {
        let text: String = pattern
            .chars()
            .cycle()
            .take((high + 1).saturating_sub(low))
            .collect();
        self.put(low, &text);
    }

    /// The row without the spaces at its end.
    pub(super) fn text(&self) -> String {
        self.cells.iter().collect::<String>().trim_end().to_owned()
    }
}
