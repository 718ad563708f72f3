//! Colours, lines, heads and signs of the SVG drawing.
//!
//! Nothing is told by colour alone: every kind of message differs from the others in line, head or badge too, and
//! every sign on a lane has its own outline. Heads and hatches are plain paths without ids, so that several charts
//! can stand in one page. Called by [`super::svg`] with positions in pixels.
//!
//! Chapter: `specs/00-guarantees.md`.

use super::{Fate, LocalKind, MessageKind};

/// Styles of a chart, light and dark; every selector is bound to the class of the drawing, since a page that embeds
/// the drawing would otherwise be restyled.
pub(super) fn style() -> String {
    let rules = |colours: &Colours| {
        let Colours {
            page,
            panel,
            rule,
            ink,
            muted,
            write,
            ack,
            hint,
            failure,
        } = colours;
        let mut css = String::new();
        for (selector, body) in [
            (".page", format!("fill:{page}")),
            (".panel", format!("fill:{panel};stroke:{rule}")),
            (".lane", format!("stroke:{rule}")),
            (".text", format!("fill:{ink};stroke:{page}")),
            (".plain", format!("fill:{ink}")),
            (".muted", format!("fill:{muted}")),
            (".gap", format!("stroke:{page}")),
        ] {
            css.push_str(&format!(".message-chart {selector}{{{body}}}"));
        }
        for (name, colour) in [
            ("ink", ink),
            ("grey", muted),
            ("write", write),
            ("ack", ack),
            ("hint", hint),
            ("failure", failure),
        ] {
            css.push_str(&format!(
                ".message-chart .{name}{{stroke:{colour};fill:none}}.message-chart .{name}.full{{fill:{colour}}}.message-chart .{name}.hollow{{fill:{page}}}"
            ));
        }
        css
    };
    format!(
        ".message-chart text{{font:12px system-ui,\"DejaVu Sans\",sans-serif}}.message-chart .title{{font-size:16px;font-weight:600}}.message-chart .head{{font-weight:600}}.message-chart .text{{stroke-width:4px;stroke-linejoin:round;paint-order:stroke}}{}@media (prefers-color-scheme:dark){{{}}}",
        rules(&LIGHT),
        rules(&DARK)
    )
}

/// One colour scheme, as CSS colours.
struct Colours {
    page: &'static str,
    panel: &'static str,
    rule: &'static str,
    ink: &'static str,
    muted: &'static str,
    write: &'static str,
    ack: &'static str,
    hint: &'static str,
    failure: &'static str,
}

const LIGHT: Colours = Colours {
    page: "#ffffff",
    panel: "#f6f7f8",
    rule: "#c4cad1",
    ink: "#1b1f24",
    muted: "#59636e",
    write: "#103c7e",
    ack: "#279c87",
    hint: "#6c4216",
    failure: "#f44732",
};

const DARK: Colours = Colours {
    page: "#12161b",
    panel: "#1a2027",
    rule: "#3d4651",
    ink: "#e6edf3",
    muted: "#9aa4af",
    write: "#5784e8",
    ack: "#0fcbb7",
    hint: "#e9ac07",
    failure: "#e25537",
};

/// Small sign on the middle of an arrow.
#[derive(Clone, Copy)]
enum Badge {
    None,
    Check,
    Cross,
    Diamond,
    Note,
    Loop,
}

/// How the line of a message looks.
struct Line {
    class: &'static str,
    /// Pixels.
    width: f64,
    /// SVG `stroke-dasharray`; empty is solid.
    dash: &'static str,
    filled_head: bool,
    double: bool,
    badge: Badge,
}

fn line_of(kind: MessageKind) -> Line {
    let line = |class, width, dash, filled_head, badge| Line {
        class,
        width,
        dash,
        filled_head,
        double: false,
        badge,
    };
    match kind {
        MessageKind::Request => line("ink", 1.6, "", true, Badge::None),
        MessageKind::Response => line("ack", 1.6, "", false, Badge::None),
        MessageKind::Write => line("write", 1.8, "", true, Badge::None),
        MessageKind::Forward => Line {
            double: true,
            ..line("write", 4.4, "", true, Badge::Diamond)
        },
        MessageKind::Ack => line("ack", 1.2, "", false, Badge::Check),
        MessageKind::Error | MessageKind::Failure => line("failure", 1.6, "", false, Badge::Cross),
        MessageKind::Read => line("ink", 1.8, "2 3", true, Badge::None),
        MessageKind::Answer => line("ink", 1.8, "2 3", false, Badge::None),
        MessageKind::Hint => line("hint", 1.8, "9 4", true, Badge::Note),
        MessageKind::HintAck => line("hint", 1.2, "9 4", false, Badge::Check),
        MessageKind::ReadRepair => line("write", 1.8, "8 3 2 3", true, Badge::Loop),
        MessageKind::ReadRepairAck => line("ack", 1.2, "8 3 2 3", false, Badge::Check),
    }
}

/// A point in pixels from the top left corner.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

fn point(x: f64, y: f64) -> Point {
    Point { x, y }
}

/// A straight message from tail to tip; a lost one and one in flight get a tip short of the lane.
pub(super) fn arrow(kind: MessageKind, fate: Fate, tail: Point, tip: Point) -> String {
    let line = line_of(kind);
    let (dx, dy) = (tip.x - tail.x, tip.y - tail.y);
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length, dy / length);
    // A point so far back from the tip and so far to the side of the line.
    let at = |back: f64, side: f64| point(tip.x - ux * back - uy * side, tip.y - uy * back + ux * side);
    let shaft_end = match (fate, line.filled_head) {
        (Fate::Delivered | Fate::Duplicated, true) => at(6.0, 0.0),
        (Fate::Delivered | Fate::Duplicated, false) | (Fate::Lost | Fate::Pending, _) => tip,
    };
    let mut svg = stroke(line.class, line.width, line.dash, &[tail, shaft_end]);
    if line.double {
        svg.push_str(&stroke("gap", 1.6, "", &[tail, shaft_end]));
    }
    let head = |back: f64| {
        let wings = [at(back + 9.0, 4.5), at(back, 0.0), at(back + 9.0, -4.5)];
        match line.filled_head {
            true => format!("<path class=\"{} full\" d=\"{}Z\"/>", line.class, path(&wings)),
            false => stroke(line.class, 1.6, "", &wings),
        }
    };
    svg.push_str(&match fate {
        Fate::Delivered => head(0.0),
        Fate::Duplicated => head(0.0) + &head(8.0),
        Fate::Lost => stroke(
            "failure",
            3.0,
            "",
            &[point(tip.x, tip.y - 8.0), point(tip.x, tip.y + 8.0)],
        ),
        Fate::Pending => [-5.0, -10.0, -15.0]
            .map(|back| {
                let Point { x, y } = at(back, 0.0);
                format!(
                    "<circle class=\"{} full\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.2\"/>",
                    line.class
                )
            })
            .concat(),
    });
    let middle = at(length / 2.0, 0.0);
    svg + &badge(line.badge, line.class, middle)
}

/// A message of a lane to itself.
pub(super) fn self_arrow(kind: MessageKind, fate: Fate, lane: Point) -> String {
    let line = line_of(kind);
    let Point { x, y } = lane;
    let turn = [
        point(x, y - 6.0),
        point(x + 18.0, y - 6.0),
        point(x + 18.0, y + 4.0),
    ];
    let tip = match fate {
        Fate::Delivered | Fate::Duplicated => point(x + 1.0, y + 4.0),
        Fate::Lost | Fate::Pending => point(x + 9.0, y + 4.0),
    };
    let mut svg = stroke(line.class, line.width, line.dash, &turn);
    if line.double {
        svg.push_str(&stroke("gap", 1.6, "", &turn));
    }
    // The last stretch carries the head only; a badge would not fit.
    svg + &arrow(plain(kind), fate, point(x + 18.0, y + 4.0), tip)
}

/// The kind of the same colour and head that has no badge.
fn plain(kind: MessageKind) -> MessageKind {
    match kind {
        MessageKind::Ack | MessageKind::ReadRepairAck => MessageKind::Response,
        MessageKind::Forward | MessageKind::ReadRepair => MessageKind::Write,
        MessageKind::Request
        | MessageKind::Response
        | MessageKind::Error
        | MessageKind::Write
        | MessageKind::Failure
        | MessageKind::Read
        | MessageKind::Answer
        | MessageKind::Hint
        | MessageKind::HintAck => kind,
    }
}

fn badge(badge: Badge, class: &str, at: Point) -> String {
    let Point { x, y } = at;
    let near = |dx: f64, dy: f64| point(x + dx, y + dy);
    match badge {
        Badge::None => String::new(),
        Badge::Check => {
            let check = [near(-4.0, -1.0), near(-1.0, 3.0), near(5.0, -5.0)];
            stroke("gap", 5.0, "", &check) + &stroke(class, 1.8, "", &check)
        }
        Badge::Cross => {
            stroke(class, 1.8, "", &[near(-4.0, -4.0), near(4.0, 4.0)])
                + &stroke(class, 1.8, "", &[near(-4.0, 4.0), near(4.0, -4.0)])
        }
        Badge::Diamond => closed(
            class,
            "hollow",
            &[near(-6.0, 0.0), near(0.0, -5.0), near(6.0, 0.0), near(0.0, 5.0)],
        ),
        Badge::Note => note(class, at),
        Badge::Loop => format!(
            "<circle class=\"{class} hollow\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" stroke-width=\"1.6\"/>"
        ),
    }
}

fn note(class: &str, at: Point) -> String {
    let near = |dx: f64, dy: f64| point(at.x + dx, at.y + dy);
    let sheet = [
        near(-5.0, -6.0),
        near(2.0, -6.0),
        near(5.0, -3.0),
        near(5.0, 6.0),
        near(-5.0, 6.0),
    ];
    closed(class, "hollow", &sheet)
        + &stroke(
            class,
            1.4,
            "",
            &[near(2.0, -6.0), near(2.0, -3.0), near(5.0, -3.0)],
        )
}

/// The sign of something that happens on one lane.
pub(super) fn sign(kind: LocalKind, at: Point) -> String {
    let Point { x, y } = at;
    let near = |dx: f64, dy: f64| point(x + dx, y + dy);
    match kind {
        LocalKind::Apply => closed(
            "ink",
            "full",
            &[near(-4.0, -7.0), near(4.0, -7.0), near(4.0, 7.0), near(-4.0, 7.0)],
        ),
        LocalKind::Sync => {
            closed(
                "ink",
                "hollow",
                &[near(-4.0, -7.0), near(4.0, -7.0), near(4.0, 7.0), near(-4.0, 7.0)],
            ) + &stroke("ink", 3.0, "", &[near(-8.0, 7.0), near(8.0, 7.0)])
        }
        LocalKind::Crash => {
            stroke("grey", 2.6, "", &[near(-6.0, -6.0), near(6.0, 6.0)])
                + &stroke("grey", 2.6, "", &[near(-6.0, 6.0), near(6.0, -6.0)])
        }
        LocalKind::PowerLoss => {
            let zigzag = [
                near(-12.0, 3.0),
                near(-8.0, -4.0),
                near(-4.0, 3.0),
                near(0.0, -4.0),
                near(4.0, 3.0),
                near(8.0, -4.0),
                near(12.0, 3.0),
            ];
            stroke("gap", 6.0, "", &zigzag) + &stroke("grey", 2.2, "", &zigzag)
        }
        LocalKind::Restart => closed("ink", "full", &[near(-6.0, 5.0), near(0.0, -6.0), near(6.0, 5.0)]),
        LocalKind::Up => closed(
            "ink",
            "hollow",
            &[near(-6.0, 5.0), near(0.0, -6.0), near(6.0, 5.0)],
        ),
        LocalKind::Down => closed(
            "grey",
            "hollow",
            &[near(-6.0, -5.0), near(0.0, 6.0), near(6.0, -5.0)],
        ),
        LocalKind::Timer => closed(
            "ink",
            "hollow",
            &[near(-5.0, -7.0), near(5.0, -7.0), near(-5.0, 7.0), near(5.0, 7.0)],
        ),
        LocalKind::HintStored => note("hint", at),
        LocalKind::View => format!(
            "<circle class=\"ink hollow\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\" stroke-width=\"1.6\" stroke-dasharray=\"3 2\"/>"
        ),
        LocalKind::Note => format!("<circle class=\"ink full\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"),
        LocalKind::Fails => {
            format!(
                "<circle class=\"failure hollow\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"8\" stroke-width=\"2\"/>"
            ) + &cross(at)
        }
    }
}

/// From the lane to the label beside its sign, in pixels.
pub(super) fn reach(kind: LocalKind) -> f64 {
    match kind {
        LocalKind::PowerLoss => 18.0,
        LocalKind::Apply
        | LocalKind::Sync
        | LocalKind::Crash
        | LocalKind::Restart
        | LocalKind::Down
        | LocalKind::Up
        | LocalKind::Timer
        | LocalKind::HintStored
        | LocalKind::View
        | LocalKind::Note
        | LocalKind::Fails => 13.0,
    }
}

/// The red cross of a failure.
pub(super) fn cross(at: Point) -> String {
    let near = |dx: f64, dy: f64| point(at.x + dx, at.y + dy);
    stroke("failure", 2.2, "", &[near(-3.5, -3.5), near(3.5, 3.5)])
        + &stroke("failure", 2.2, "", &[near(-3.5, 3.5), near(3.5, -3.5)])
}

/// The lane of a node that is down, between two heights.
pub(super) fn hatch(x: f64, top: f64, bottom: f64) -> String {
    let mut svg = format!(
        "<rect class=\"grey hollow\" x=\"{:.1}\" y=\"{top:.1}\" width=\"10\" height=\"{:.1}\" stroke-width=\"0.8\"/>",
        x - 5.0,
        (bottom - top).max(0.0)
    );
    let mut lines = String::new();
    let mut y = top;
    while y + 10.0 <= bottom {
        lines.push_str(&path(&[point(x - 5.0, y + 10.0), point(x + 5.0, y)]));
        y += 6.0;
    }
    svg.push_str(&format!(
        "<path class=\"grey\" d=\"{lines}\" stroke-width=\"1\"/>"
    ));
    svg
}

/// An open line.
pub(super) fn stroke(class: &str, width: f64, dash: &str, points: &[Point]) -> String {
    let dash = match dash.is_empty() {
        true => String::new(),
        false => format!(" stroke-dasharray=\"{dash}\""),
    };
    format!(
        "<path class=\"{class}\" d=\"{}\" fill=\"none\" stroke-width=\"{width}\"{dash}/>",
        path(points)
    )
}

fn closed(class: &str, fill: &str, points: &[Point]) -> String {
    format!(
        "<path class=\"{class} {fill}\" d=\"{}Z\" stroke-width=\"1.4\"/>",
        path(points)
    )
}

fn path(points: &[Point]) -> String {
    let commands = points.iter().enumerate().map(|(index, Point { x, y })| {
        let command = if index == 0 { 'M' } else { 'L' };
        format!("{command}{x:.1} {y:.1}")
    });
    commands.collect()
}
