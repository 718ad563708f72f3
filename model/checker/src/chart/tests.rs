//! Claims about the three drawings of small charts, and about any chart at all.
//!
//! Chapter: `specs/00-guarantees.md`.

use super::samples::{Numbers, across, arrow, everything, lane, local, stale_read, step};
use super::{Chart, Fate, LocalKind, Mark, MessageKind};

/// Two or more lanes `n1`, `n2`, ... and one mark in each step, numbered from 1.
fn chart(lane_count: usize, marks: Vec<Mark>) -> Chart {
    let lanes = (1..=lane_count)
        .map(|number| lane(&format!("n{number}"), ""))
        .collect();
    let steps = marks.into_iter().enumerate();
    let steps = steps
        .map(|(row, mark)| step(row + 1, "act", "", vec![mark]))
        .collect();
    Chart {
        title: String::new(),
        lanes,
        steps,
        footer: Vec::new(),
    }
}

fn message(from: usize, to: usize, sent_at: usize, label: &str, fate: Fate) -> Mark {
    arrow(from, to, sent_at, MessageKind::Write, label, fate)
}

/// The first row of a step in a text drawing.
fn row_of(text: &str, step: usize) -> &str {
    let is_row = |line: &&str| {
        line.get(1..)
            .is_some_and(|rest| rest.trim_start().starts_with(&format!("{step} ")))
    };
    text.lines().find(is_row).expect("the step has a row")
}

/// Column of the nth lane, read off the first row of the chart.
fn column(text: &str, lane: usize) -> usize {
    let heads = text
        .lines()
        .find(|line| line.contains("n1"))
        .expect("there are heads");
    heads
        .find(&format!("n{}", lane + 1))
        .expect("the lane has a head")
        + 1
}

#[test]
fn stale_read_looks_like_this_in_text() {
    let expected = "\
A stale read after an acknowledged write

     c1                 n1            n2             n3      c2
  1   |-- w1 k=v1 ONE --># apply w1    |              |       |             c1 asks n1 to write k=v1 at ONE.
  2   |<- SUCCESS 1/1 --1|             |              |       |             n1 tells c1 SUCCESS: ONE needs one ack, n1 is one.
  3   |                  |1------ w1 (lost) -------x  |       |             The network loses w1 on its way to n3.
  4   |                  |             |<---- r1 k QUORUM ----|             c2 asks n2 for k at QUORUM; n2 asks itself and n3.
      |                  |             # r1: no row   |       |
  5   |                  |             |4. r1 read ..>|       |             n3 has no row for k.
  6   |                  |             |<.. no row ..5|       |             n2 has two answers, both empty.
! 7   |                  |             |6---- r1: no row ---->! fresh read  c2 is told: no row. w1 was acknowledged before r1 began.
  8   |                  |1--- w1 ----># apply w1     |       |             Too late, w1 reaches n2.
  9   |                  |<- ack w1 --8|              |       |             n2 acks.
Key: 3--> sent at step 3, ..> read, --x lost, ! a property fails

Fresh read fails: r1 returned no row, but w1 was acknowledged at step 2, before r1 began at step 4.
n2 and n3 answered, neither has w1; n1 was not asked.
";
    assert_eq!(stale_read().to_text(140), expected);
}

#[test]
fn label_of_an_arrow_is_on_the_row_of_its_arrival() {
    let note = || local(0, LocalKind::Note, "");
    let chart = chart(
        3,
        vec![note(), note(), message(0, 2, 1, "late", Fate::Delivered), note()],
    );
    let text = chart.to_text(100);
    assert_eq!(text.matches("late").count(), 1);
    assert!(row_of(&text, 3).contains("late"), "{text}");
    assert!(
        row_of(&text, 3).contains("1-"),
        "the tail names the step that sent it: {text}"
    );

    let svg = chart.to_svg();
    let height_of = |wanted: &str| -> f64 {
        let line = svg
            .lines()
            .find(|line| line.contains(&format!(">{wanted}</text>")))
            .expect("the text is drawn");
        line.split(" y=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .expect("it has a y")
            .parse()
            .expect("a number")
    };
    let (third, fourth, label) = (height_of("3"), height_of("4"), height_of("late"));
    assert!(third <= label && label < fourth, "{third} {label} {fourth}");
    assert!(chart.to_mermaid().contains("n1->>n3: 3. late\n"));
}

#[test]
fn lost_arrow_never_reaches_the_lane() {
    for lanes in 2..=8 {
        for (from, to) in [(0, lanes - 1), (lanes - 1, 0), (0, 1), (1, 0)] {
            let text = chart(lanes, vec![message(from, to, 1, "w1", Fate::Lost)]).to_text(120);
            let row: Vec<char> = row_of(&text, 1).chars().collect();
            let end = column(&text, to);
            let beside = if from < to {
                [end - 2, end - 1]
            } else {
                [end + 1, end + 2]
            };
            assert_eq!(beside.map(|at| row[at]), [' ', ' '], "{text}");
            assert_eq!(row[end], '|', "{text}");
            assert!(
                row.contains(&'x') && !row.contains(&'>') && !row.contains(&'<'),
                "{text}"
            );
            let arrived = chart(lanes, vec![message(from, to, 1, "w1", Fate::Delivered)]).to_text(120);
            let row: Vec<char> = row_of(&arrived, 1).chars().collect();
            let end = column(&arrived, to);
            assert!(row[end - 1] == '>' || row[end + 1] == '<', "{arrived}");
        }
    }
}

#[test]
fn lost_arrow_ends_at_a_bar_short_of_the_lane_in_svg_and_at_a_cross_in_mermaid() {
    let of = |fate| chart(2, vec![message(0, 1, 1, "w1", fate)]);
    let first_x = |svg: &str, class: &str, nth: usize| -> f64 {
        let path = svg
            .split(&format!("<path class=\"{class}\" d=\"M"))
            .nth(nth)
            .expect("the path is drawn");
        path.split(' ')
            .next()
            .expect("it has a start")
            .parse()
            .expect("a number")
    };
    let lost = of(Fate::Lost).to_svg();
    let (from, to, bar) = (
        first_x(&lost, "lane", 1),
        first_x(&lost, "lane", 2),
        first_x(&lost, "failure", 1),
    );
    assert!(from + 40.0 < bar && bar < to - 20.0, "{from} {bar} {to}");
    let arrived = of(Fate::Delivered).to_svg();
    assert!(
        (first_x(&arrived, "write full", 1) - first_x(&arrived, "lane", 2)).abs() < 12.0,
        "{arrived}"
    );
    assert!(of(Fate::Lost).to_mermaid().contains("n1-xn2: 1. w1 (lost)\n"));
    assert!(
        of(Fate::Pending)
            .to_mermaid()
            .contains("n1-)n2: 1. w1 (in flight)\n")
    );
}

#[test]
fn lane_is_colons_while_down() {
    let chart = chart(
        2,
        vec![
            local(1, LocalKind::Crash, "crash"),
            local(0, LocalKind::Note, "still here"),
            local(1, LocalKind::Restart, "restart"),
            local(0, LocalKind::Note, "both here"),
        ],
    );
    let text = chart.to_text(80);
    let at = |step: usize| {
        row_of(&text, step)
            .chars()
            .nth(column(&text, 1))
            .expect("the lane is drawn")
    };
    assert_eq!([at(1), at(2), at(3), at(4)], ['X', ':', '^', '|'], "{text}");
}

#[test]
fn labels_without_room_stand_whole_in_the_margin() {
    let label = "a label that is far too long for its arrow";
    let text = chart(8, vec![message(0, 1, 1, label, Fate::Delivered)]).to_text(120);
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| label.split(' ').any(|part| part == *word))
        .collect();
    assert_eq!(words.join(" "), label, "{text}");
}

#[test]
fn text_of_two_to_eight_lanes_keeps_to_its_width() {
    for lanes in 2..=8 {
        let mut marks: Vec<Mark> = (1..lanes)
            .map(|to| message(to - 1, to, 1, "w1 k=v1", Fate::Delivered))
            .collect();
        marks.push(across(&[], "partition of everything"));
        for width in [100, 160] {
            let text = chart(lanes, marks.clone()).to_text(width);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
            assert!(
                text.lines()
                    .all(|line| line.trim_end() == line && line.is_ascii()),
                "{text}"
            );
            assert_eq!(text.matches("w1 k=v1").count(), lanes - 1, "{text}");
        }
    }
}

#[test]
fn groups_are_framed_in_every_form() {
    let chart = everything();
    assert!(
        chart
            .to_text(140)
            .contains("[--------------- dc1 ---------------]"),
        "{}",
        chart.to_text(140)
    );
    assert_eq!(chart.to_svg().matches("<rect class=\"panel\"").count(), 2);
    let mermaid = chart.to_mermaid();
    assert!(
        mermaid.contains("  box transparent dc2\n  participant n4 as n4\n"),
        "{mermaid}"
    );
    let count = |wanted: &str| {
        mermaid
            .lines()
            .filter(|line| line.trim().split(' ').next() == Some(wanted))
            .count()
    };
    assert_eq!(count("box") + count("rect"), count("end"), "{mermaid}");
}

#[test]
fn hatch_covers_a_lane_from_the_crash_to_the_restart() {
    let down = local(0, LocalKind::Crash, "");
    let crash = |rest: Mark| chart(1, vec![down.clone(), rest]).to_svg();
    let height = |svg: &str| -> f64 {
        let rect = svg.split("<rect class=\"grey hollow\"").nth(1).expect("a hatch");
        rect.split("height=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .expect("height")
            .parse()
            .expect("number")
    };
    let (until_restart, until_end) = (
        height(&crash(local(0, LocalKind::Restart, ""))),
        height(&crash(local(0, LocalKind::Note, ""))),
    );
    assert!(until_restart < until_end, "{until_restart} {until_end}");
}

#[test]
fn every_kind_of_message_is_drawn_unlike_the_others() {
    use MessageKind as M;
    let kinds = [
        M::Write,
        M::Forward,
        M::Ack,
        M::Failure,
        M::Read,
        M::Answer,
        M::Hint,
        M::HintAck,
        M::ReadRepair,
    ];
    let kinds = kinds
        .into_iter()
        .chain([M::ReadRepairAck, M::Request, M::Response]);
    let drawn: Vec<String> = kinds
        .map(|kind| {
            let svg = chart(2, vec![arrow(0, 1, 1, kind, "", Fate::Delivered)]).to_svg();
            let mut shape = svg
                .split_once("</style>")
                .expect("styles come first")
                .1
                .to_owned();
            for colour in ["ink", "write", "ack", "hint", "failure"] {
                shape = shape.replace(&format!("class=\"{colour}"), "class=\"");
            }
            shape
        })
        .collect();
    for (index, shape) in drawn.iter().enumerate() {
        assert!(
            !drawn[..index].contains(shape),
            "kind {index} differs by colour alone"
        );
    }
}

#[test]
fn markup_in_texts_is_escaped() {
    let mut chart = chart(
        2,
        vec![message(0, 1, 1, "a < b & \"c\"; #1\nend", Fate::Delivered)],
    );
    chart.title = "</svg><script>".to_owned();
    chart.steps[0].action = "%%{init}".to_owned();
    let svg = chart.to_svg();
    assert!(
        svg.contains(">a &lt; b &amp; &quot;c&quot;; #1 end</text>"),
        "{svg}"
    );
    assert!(!svg.contains("<script>"), "{svg}");
    let mermaid = chart.to_mermaid();
    assert!(
        mermaid.contains("n1->>n2: 1. a #60; b #38; #34;c#34;#59; #35;1 end\n"),
        "{mermaid}"
    );
    assert!(!mermaid.contains("%%{"), "{mermaid}");
}

#[test]
fn participants_of_mermaid_are_never_its_words() {
    let mut chart = chart(3, Vec::new());
    chart.lanes[0].id = "end".to_owned();
    chart.lanes[1].id = "n3".to_owned();
    let mermaid = chart.to_mermaid();
    assert!(mermaid.contains("participant lane0 as end\n"), "{mermaid}");
    assert!(
        mermaid.contains("participant n3 as n3\n  participant lane2 as n3\n"),
        "{mermaid}"
    );
}

#[test]
fn marks_on_lanes_that_do_not_exist_are_left_out() {
    let bad = vec![
        message(0, 7, 1, "nowhere", Fate::Delivered),
        local(9, LocalKind::Crash, "nowhere"),
        across(&[4, 5], "nowhere"),
        across(&[5, 1, 0], "somewhere"),
        message(0, 1, 99, "unknown step", Fate::Delivered),
    ];
    let chart = chart(2, bad);
    for drawing in [chart.to_text(100), chart.to_svg(), chart.to_mermaid()] {
        assert!(!drawing.contains("nowhere"), "{drawing}");
        assert!(
            drawing.contains("somewhere") && drawing.contains("unknown step"),
            "{drawing}"
        );
    }
}

#[test]
fn any_chart_can_be_drawn() {
    let mut numbers = Numbers(1);
    for round in 0..3_000 {
        let chart = numbers.chart();
        let width = numbers.below(200);
        let text = chart.to_text(width);
        assert!(
            text.lines().all(|line| line.trim_end() == line),
            "round {round}\n{text}"
        );
        assert!(!text.contains('\0'), "round {round}");
        let svg = chart.to_svg();
        assert_eq!(well_formed(&svg), Ok(()), "round {round}\n{svg}");
        let mermaid = chart.to_mermaid();
        assert!(
            mermaid.starts_with("sequenceDiagram\n"),
            "round {round}\n{mermaid}"
        );
    }
}

#[test]
fn samples_are_well_formed_and_the_check_finds_what_is_not() {
    assert_eq!(well_formed(&stale_read().to_svg()), Ok(()));
    assert_eq!(well_formed(&everything().to_svg()), Ok(()));
    for bad in [
        "<a><b></a></b>",
        "<a>",
        "<a>&nbsp;</a>",
        "<a x=1/>",
        "<a x=\"<\"/>",
        "<a/><b/>",
        "<a>\u{1}</a>",
        "<a b=\"1\" b=\"2\"/>",
    ] {
        assert!(well_formed(bad).is_err(), "{bad}");
    }
}

/// Whether a text is one XML element with matching tags, quoted attributes, known entities and legal characters.
fn well_formed(xml: &str) -> Result<(), String> {
    let is_legal = |c: char| matches!(c, '\n' | '\t' | '\r' | ' '..) && !matches!(c, '\u{fffe}' | '\u{ffff}');
    if let Some(bad) = xml.chars().find(|c| !is_legal(*c)) {
        return Err(format!("illegal character {bad:?}"));
    }
    let mut open: Vec<&str> = Vec::new();
    let mut root_count = 0;
    let mut rest = xml.trim();
    while !rest.is_empty() {
        let (content, markup) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        known_entities(content)?;
        if open.is_empty() && !content.trim().is_empty() {
            return Err(format!("text outside the root: {content}"));
        }
        if let Some(comment) = markup.strip_prefix("<!--") {
            rest = comment.split_once("-->").ok_or("comment without end")?.1;
            continue;
        }
        if markup.is_empty() {
            break;
        }
        let (tag, after) = markup[1..].split_once('>').ok_or("tag without end")?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            match open.pop() {
                Some(opened) if opened == name => continue,
                opened => return Err(format!("{opened:?} closed by {name}")),
            }
        }
        let body = tag.strip_suffix('/').unwrap_or(tag);
        let (name, attributes) = body.split_once(' ').unwrap_or((body, ""));
        check_attributes(attributes)?;
        root_count += usize::from(open.is_empty());
        if body.len() == tag.len() {
            open.push(name);
        }
    }
    match (open.is_empty(), root_count) {
        (true, 1) => Ok(()),
        (closed, roots) => Err(format!("all closed: {closed}, roots: {roots}")),
    }
}

fn check_attributes(attributes: &str) -> Result<(), String> {
    let mut rest = attributes.trim();
    let mut seen = Vec::new();
    while !rest.is_empty() {
        let (name, value) = rest
            .split_once("=\"")
            .ok_or_else(|| format!("attribute without quotes: {rest}"))?;
        let (value, after) = value
            .split_once('"')
            .ok_or_else(|| format!("quote without end: {rest}"))?;
        if value.contains('<') || name.contains(char::is_whitespace) || seen.contains(&name) {
            return Err(format!("bad attribute {name}={value}"));
        }
        known_entities(value)?;
        seen.push(name);
        rest = after.trim_start();
    }
    Ok(())
}

fn known_entities(text: &str) -> Result<(), String> {
    let is_known = |part: &str| {
        ["lt;", "gt;", "amp;", "quot;"]
            .iter()
            .any(|entity| part.starts_with(entity))
    };
    match text.split('&').skip(1).find(|part| !is_known(part)) {
        None => Ok(()),
        Some(part) => Err(format!("unknown entity &{part}")),
    }
}
