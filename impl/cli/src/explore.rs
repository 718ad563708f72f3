//! `thymbra explore`: the library's Explorer over the model, for a browser.

use std::net::TcpListener;
use std::process::ExitCode;

use stateright::Model as _;
use thymbra_checker::scope::Scope;
use thymbra_checker::system::System;

use crate::args::ExploreArgs;
use crate::names::Question;
use crate::output;
use crate::rules;
use crate::scope_from_args::{scope, warning};
use crate::usage::{Failure, Usage};

/// Serves until the process is ended.
pub(crate) fn run(args: &ExploreArgs) -> Result<ExitCode, Failure> {
    let rules_name = &args.run.settings.rules;
    // A reduced graph leaves out steps that a person expects to find.
    let scope = Scope {
        reduce: false,
        ..scope(&args.run, args.question.code())?
    };
    if let Some(warning) = warning(&scope) {
        eprintln!("note: {warning}");
    }
    let (rules, driver) = rules::find(rules_name)?;
    let mut system = System::new(scope.clone(), rules)?;
    system.driver = driver;
    if let Question::Property(property) = args.question {
        system = system.checking([property]);
    }
    let address = format!("{}:{}", args.host, args.port);
    // The library panics on a port that is taken: look first.
    let free = TcpListener::bind(&address).map_err(|source| Usage::Address {
        address: address.clone(),
        source,
    })?;
    drop(free);
    put!("{}", output::bounds_text(&scope, rules_name));
    put_line!("\nserving at http://{address}  (stop with Ctrl-C)");
    system.checker().serve(address);
    Ok(ExitCode::SUCCESS)
}
