//! JSON as text, laid out as Cassandra's tools lay it out.
//!
//! Values come as finished text, because the digits of a number matter. Source: Jackson's
//! `WriterBasedJsonGenerator` and `DefaultPrettyPrinter`, Cassandra `tools.JsonTransformer.CompactIndenter`.

use thymbra_format::marshal::push_quoted;

/// How the parts of a document stand to each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Layout {
    /// As sstabledump prints: a line for each part, but for those that are compact.
    Pretty,
    /// On one line, without spaces.
    Minimal,
}

/// Writes a document part after part into a text.
#[derive(Debug)]
pub(super) struct JsonGenerator {
    /// What was written and not taken.
    text: String,
    layout: Layout,
    /// Whether parts of objects stand on one line.
    is_object_compact: bool,
    /// Whether parts of arrays stand on one line.
    is_array_compact: bool,
    /// Arrays and objects that are open, outermost first.
    open: Vec<Open>,
    /// Whether the name of a field stands before what is written next.
    is_behind_name: bool,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    is_array: bool,
    part_count: usize,
}

impl JsonGenerator {
    pub(super) const fn new(layout: Layout) -> Self {
        Self {
            text: String::new(),
            layout,
            is_object_compact: false,
            is_array_compact: false,
            open: Vec::new(),
            is_behind_name: false,
        }
    }

    /// Takes what was written so far.
    pub(super) fn take(&mut self) -> String {
        core::mem::take(&mut self.text)
    }

    /// Whether parts of objects stand on one line from here on.
    pub(super) const fn set_object_compact(&mut self, is_compact: bool) {
        self.is_object_compact = is_compact;
    }

    /// Whether parts of arrays stand on one line from here on.
    pub(super) const fn set_array_compact(&mut self, is_compact: bool) {
        self.is_array_compact = is_compact;
    }

    pub(super) fn start_object(&mut self) {
        self.start('{', false);
    }

    pub(super) fn end_object(&mut self) {
        self.end('}');
    }

    pub(super) fn start_array(&mut self) {
        self.start('[', true);
    }

    pub(super) fn end_array(&mut self) {
        self.end(']');
    }

    /// The name of a field, behind which its value is written.
    pub(super) fn field(&mut self, name: &str) {
        self.separate();
        push_quoted(name, &mut self.text);
        self.text.push_str(match self.layout {
            Layout::Pretty => " : ",
            Layout::Minimal => ":",
        });
        self.is_behind_name = true;
    }

    pub(super) fn string(&mut self, value: &str) {
        self.begin_value();
        push_quoted(value, &mut self.text);
    }

    /// A value that is JSON already.
    pub(super) fn raw(&mut self, value: &str) {
        self.begin_value();
        self.text.push_str(value);
    }

    pub(super) fn number(&mut self, value: impl core::fmt::Display) {
        self.raw(&value.to_string());
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    fn start(&mut self, bracket: char, is_array: bool) {
        self.begin_value();
        self.text.push(bracket);
        self.open.push(Open {
            is_array,
            part_count: 0,
        });
    }

    fn end(&mut self, bracket: char) {
        if let Some(closed) = self.open.pop() {
            match (self.layout, closed.part_count) {
                (Layout::Minimal, _) => {}
                (Layout::Pretty, 0) => self.text.push(' '),
                (Layout::Pretty, _) => self.indent(closed.is_array),
            }
        }
        self.text.push(bracket);
    }

    /// A value is a part of its array; that of a field is no part, its name is.
    fn begin_value(&mut self) {
        if !core::mem::take(&mut self.is_behind_name) {
            self.separate();
        }
    }

    fn separate(&mut self) {
        let Some(open) = self.open.last_mut() else {
            return;
        };
        let is_array = open.is_array;
        if open.part_count > 0 {
            self.text.push(',');
        }
        open.part_count += 1;
        if self.layout == Layout::Pretty {
            self.indent(is_array);
        }
    }

    fn indent(&mut self, is_array: bool) {
        let is_compact = if is_array {
            self.is_array_compact
        } else {
            self.is_object_compact
        };
        if is_compact {
            self.text.push(' ');
            return;
        }
        self.text.push('\n');
        for _ in &self.open {
            self.text.push_str("  ");
        }
    }
}
