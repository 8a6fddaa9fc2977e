//! `sim --seeds N [--from S]` plays seeds and prints figures as JSON; `sim --seed S [--trace]` plays one; `sim --links` prints
//! how well the engine uses links of many kinds.

use cloudindex_sim::world::Figures;
use cloudindex_sim::{Outcome, run, run_all};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

const USAGE: &str = "usage: sim [--seeds N] [--from S] | sim --seed S [--trace] | sim --links";
/// Failing seeds that are listed; the rest is counted.
const LISTED: usize = 200;
/// Every so many seeds one is played twice: it must go the same way.
const TWICE: u64 = 64;

fn main() -> ExitCode {
    let (mut seeds, mut from, mut one, mut trace) = (10_000, 0, None, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|text| text.replace('_', "").parse::<u64>().ok());
        match arg.as_str() {
            "--seeds" => seeds = number().unwrap_or_else(|| usage()),
            "--from" => from = number().unwrap_or_else(|| usage()),
            "--seed" => one = Some(number().unwrap_or_else(|| usage())),
            "--trace" => trace = true,
            "--links" => {
                print!("{}", cloudindex_sim::links::table());
                return ExitCode::SUCCESS;
            }
            _ => usage(),
        }
    }
    match one {
        Some(seed) => single(seed, trace),
        None => many(from, seeds),
    }
}

fn usage() -> ! {
    eprintln!("{USAGE}");
    std::process::exit(2)
}

fn single(seed: u64, trace: bool) -> ExitCode {
    let outcome = run(seed, trace);
    println!("{:?}", outcome.figures);
    match outcome.broken {
        None => ExitCode::SUCCESS,
        Some(words) => {
            println!("seed {seed}: {words}");
            ExitCode::FAILURE
        }
    }
}

/// Sums over all seeds; the same however many threads there are.
#[derive(Default)]
struct Sums {
    figures: Figures,
    fingerprint: u64,
    broken: Vec<(u64, String)>,
}

impl Sums {
    fn add(&mut self, outcome: Outcome) {
        self.figures += outcome.figures;
        self.fingerprint = self.fingerprint.wrapping_add(outcome.fingerprint);
        self.broken.extend(outcome.broken.map(|words| (outcome.seed, words)));
    }
}

fn many(from: u64, seeds: u64) -> ExitCode {
    // A panic is caught and told as a finding; its message on stderr would come once a thread and seed.
    std::panic::set_hook(Box::new(|_| {}));
    let began = Instant::now();
    let sums = Mutex::new(Sums::default());
    run_all(from..from + seeds, |mut outcome| {
        let again = outcome.broken.is_none() && outcome.seed % TWICE == 0;
        if again && run(outcome.seed, false).fingerprint != outcome.fingerprint {
            outcome.broken = Some("a second run went another way".into());
        }
        if let Ok(mut sums) = sums.lock() {
            sums.add(outcome);
        }
    });
    let mut sums = sums.into_inner().unwrap_or_default();
    sums.broken.sort();
    let wall = began.elapsed().as_secs_f64();
    let Figures {
        sends,
        packed,
        wire_bytes,
        losses,
        crashes,
        returns,
        body_bytes,
        saved,
        committed,
        failed,
        virtual_ms,
        steps,
    } = sums.figures;
    println!(
        "{{\"seeds\":{seeds},\"from\":{from},\"sends\":{sends},\"packed\":{packed},\"wireBytes\":{wire_bytes},\"virtualSeconds\":{},\"losses\":{losses},\"crashes\":{crashes},\
         \"returns\":{returns},\"bodyBytes\":{body_bytes},\"savedBytes\":{saved},\"committed\":{committed},\"failed\":{failed},\
         \"steps\":{steps},\"wallSeconds\":{wall:.1},\"fingerprint\":\"{:016x}\",\"broken\":{}}}",
        virtual_ms / 1000,
        sums.fingerprint,
        sums.broken.len()
    );
    for (seed, words) in sums.broken.iter().take(LISTED) {
        eprintln!("seed {seed}: {words}");
    }
    if sums.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
