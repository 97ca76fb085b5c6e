//! End to end: a load from this process on a server, or an echo, in another process.

use std::collections::BTreeMap;
use std::process::ExitCode;

use allot_runtime::Context;
use anyhow::Result;

use crate::arguments::{LoadArgs, OutArgs, ServerArgs};
use crate::load::{Load, Target};
use crate::loader::Exchange;
use crate::offer::Offer;
use crate::output::Output;
use crate::process::Process;
use crate::sweep::{self, SPARSE, Sweep};
use crate::transport::Transport;
use crate::{estimate, interrupt};

/// Measures a server: one that is started for the run, or one that runs already.
///
/// # Errors
/// When there is no server, or results cannot be written.
pub(crate) fn serve(
    transport: Transport,
    load: &LoadArgs,
    server: &ServerArgs,
    out: &OutArgs,
) -> Result<ExitCode> {
    let context = Context::new()?;
    let (process, mut described) = match &server.front {
        Some(front) => {
            let command = format!("a server that ran already at {front}; settings unknown");
            (None, BTreeMap::from([("command".to_owned(), command)]))
        }
        None => {
            let settings = server.settings();
            (Some(Process::allot(&settings, transport)?), settings.described())
        }
    };
    described.extend(load.described());
    let (front, publish) = match (&process, &server.front) {
        (Some(process), _) => (process.endpoint("front")?, Some(process.endpoint("publish")?)),
        (None, front) => (front.clone().unwrap_or_default(), server.publish.clone()),
    };
    let stages = match &process {
        Some(process) => process.stages.clone().into_iter().collect(),
        None => server.stages.clone(),
    };
    let key = match &process {
        Some(process) => process.front_key()?,
        None => server.front_key,
    };
    let target = Target { context, exchange: Exchange::Allot, front, key, publish, stages };
    let code = measure(Output::begin(&transport.to_string(), out, described), &target, load)?;
    if let (Some(process), true) = (&process, code == ExitCode::FAILURE) {
        eprintln!("last output of the server: {}", process.last_words());
    }
    Ok(code)
}

/// Measures an echo.
///
/// # Errors
/// As [`serve`].
pub(crate) fn echo(transport: Transport, load: &LoadArgs, out: &OutArgs) -> Result<ExitCode> {
    let process = Process::echo("echo-server", transport)?;
    let target = Target::echo(&process)?;
    let mode = format!("echo-{transport}");
    measure(Output::begin(&mode, out, load.described()), &target, load)
}

/// Measures all offers, or sweeps. If it is interrupted, the loads that were measured are kept.
pub(crate) fn measure(mut output: Output, target: &Target, args: &LoadArgs) -> Result<ExitCode> {
    let load = args.load();
    let measured =
        if args.sweep { sweep(&mut output, target, &load) } else { all(&mut output, target, args) };
    match interrupt::unless_wished(measured) {
        Ok(()) => output.finish(),
        Err(error) if interrupt::is_cause(&error) => output.finish_early(),
        Err(error) => Err(error),
    }
}

fn all(output: &mut Output, target: &Target, args: &LoadArgs) -> Result<()> {
    let (load, offers) = (args.load(), args.offers());
    for (place, offer) in (1..).zip(&offers) {
        if 1 < offers.len() {
            let left = u32::try_from(offers.len() + 1 - place).unwrap_or(u32::MAX);
            let time = estimate::about(load.lengths.estimate() * left);
            eprintln!("load {place} of {}: {offer}; {time} left", offers.len());
        }
        output.add(load.measure(target, *offer)?);
    }
    Ok(())
}

fn sweep(output: &mut Output, target: &Target, load: &Load) -> Result<()> {
    let mut sweep = Sweep::default();
    let mut rate = Some(SPARSE);
    let most = estimate::about(load.lengths.estimate() * sweep::rates_max());
    eprintln!("rates are doubled until the server does not keep up; {most} at most");
    while let Some(offered) = rate {
        eprintln!("rate {offered}");
        let measured = load.measure(target, Offer::Rate(offered))?;
        rate = sweep.next(&measured.point);
        output.add(measured);
    }
    output.set_knee(sweep.knee);
    Ok(())
}
