//! scratch
use thymbra_checker::configurations::*;
use thymbra_checker::gallery::*;
fn main() {
    let only = std::env::args().nth(1);
    let skip = |n: &str| only.as_ref().is_some_and(|o| !n.contains(o.as_str()));
    for c in CONFIGURATIONS {
        if skip(c.name) {
            continue;
        }
        let o = c
            .run(&mut |p| {
                if p.distinct > 6_000_000 {
                    Some(thymbra_checker::verdict::Stop::States)
                } else {
                    None
                }
            })
            .unwrap();
        println!(
            "CONF {} {} {} {} {:?} len={:?} :: {}",
            c.name,
            o.progress.generated,
            o.progress.distinct,
            o.progress.depth,
            o.elapsed,
            o.trace.as_ref().map(|t| t.actions.len()),
            o.says
        );
    }
    for e in ENTRIES {
        if skip(e.id) {
            continue;
        }
        let mut w = |p: &thymbra_checker::search::Progress| {
            if p.distinct > 6_000_000 {
                Some(thymbra_checker::verdict::Stop::States)
            } else {
                None
            }
        };
        let o = e.run_with_bug(&mut w).unwrap();
        let g = e.run_without_bug(&mut w).unwrap();
        println!(
            "ENTRY {} {:?} len={:?} {} | off: {} {} {:?}",
            e.id,
            e.target,
            o.trace.as_ref().map(|t| t.actions.len()),
            o.says,
            g.says,
            g.progress.distinct,
            g.elapsed
        );
    }
}
