use thymbra_checker::properties::*;
use thymbra_checker::scope::*;
use thymbra_checker::verdict::*;
use thymbra_checker::*;
use thymbra_protocol::ConsistencyLevel;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let l = |s: &str| ConsistencyLevel::from_name(s).unwrap();
    let q = PropertyDef::find(&a[1]).unwrap();
    let mut s = Scope {
        reduce: true,
        ..Scope::default()
    };
    let (mut w, mut r) = (1, 1);
    let (mut wl, mut rl) = (l(&a[2]), l(&a[3]));
    let mut i = 4;
    while i < a.len() {
        let v = a.get(i + 1).cloned().unwrap_or_default();
        match a[i].as_str() {
            "w" => w = v.parse().unwrap(),
            "r" => r = v.parse().unwrap(),
            "crash" => s.budgets.crash = v.parse().unwrap(),
            "slow" => s.budgets.slow = v.parse().unwrap(),
            "lose" => s.budgets.lose = v.parse().unwrap(),
            "full" => s.reduce = v != "1",
            "dcs" => {
                s.network_topology = true;
                let x: Vec<u16> = v.split(',').map(|x| x.parse().unwrap()).collect();
                s.datacenters = x
                    .iter()
                    .enumerate()
                    .map(|(i, n)| DatacenterScope {
                        name: format!("dc{}", i + 1),
                        replication_factor: *n,
                        nodes: *n,
                        pending: 0,
                    })
                    .collect();
            }
            "down" => s.down = DownScope::AnyOf(v.parse().unwrap()),
            _ => panic!(),
        }
        i += 2;
    }
    let _ = (&mut wl, &mut rl);
    for _ in 0..w {
        s.operations.push(OperationScope {
            kind: OperationKind::Write,
            level: wl,
            coordinator: None,
        });
    }
    for _ in 0..r {
        s.operations.push(OperationScope {
            kind: OperationKind::Read,
            level: rl,
            coordinator: None,
        });
    }
    let inq = Inquiry::new(s, q);
    let rep = inq
        .answer(&mut |p| {
            eprintln!("{p:?}");
            None
        })
        .unwrap();
    println!(
        "{:?} {:?} {:?} {:.2} M/s",
        rep.finding,
        rep.progress,
        rep.elapsed,
        rep.progress.generated as f64 / 1e6 / rep.elapsed.as_secs_f64()
    );
    if let Some(t) = rep.trace {
        let sys = inq.system(false).unwrap();
        let mut st = sys.initial_states()[t.start].clone();
        for x in t.actions {
            println!("  {}", sys.name(&x));
            st = sys.after(&st, &x);
        }
    }
}
