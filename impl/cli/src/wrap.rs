//! Long lines broken at blanks, for a terminal.

use std::io::IsTerminal as _;

/// Columns where the terminal does not tell, or tells more than a person reads well.
const COLUMNS_MOST: usize = 120;
/// Fewer columns than these are not tried.
const COLUMNS_LEAST: usize = 60;

/// Columns that text and charts may take.
pub(crate) fn columns() -> usize {
    if !std::io::stdout().is_terminal() {
        return COLUMNS_MOST;
    }
    terminal_size::terminal_size()
        .map_or(COLUMNS_MOST, |(width, _)| usize::from(width.0))
        .clamp(COLUMNS_LEAST, COLUMNS_MOST)
}

/// Breaks `text` after `head` into lines of at most `columns`, the later ones indented as deep as `head` is long.
pub(crate) fn wrapped(head: &str, text: &str, columns: usize) -> String {
    let indent = head.chars().count();
    let mut lines = String::from(head);
    let mut column = indent;
    let mut is_first = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        match (is_first, column + 1 + length <= columns) {
            (true, _) => {}
            (false, true) => {
                lines.push(' ');
                column += 1;
            }
            (false, false) => {
                lines.push('\n');
                lines.push_str(&" ".repeat(indent));
                column = indent;
            }
        }
        lines.push_str(word);
        column += length;
        is_first = false;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn later_lines_stand_under_the_first_word() {
        assert_eq!(
            wrapped("  1. ", "one two three", 12),
            "  1. one two\n     three\n"
        );
    }

    #[test]
    fn word_longer_than_a_line_stands_alone() {
        assert_eq!(wrapped("", "a deliver.MUTATION b", 8), "a\ndeliver.MUTATION\nb\n");
    }
}
