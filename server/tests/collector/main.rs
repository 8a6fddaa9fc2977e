//! The collector against the world: requests, crashes, failing transactions and a clock that jumps come between its steps, by
//! seed. After each step every block that a document names, or that a client counts on, must be readable; in the end nothing else is
//! left. `SEEDS=FROM..TO cargo test -p cloudindex-server --test collector` runs others.

mod checks;
mod memory;
mod requests;
mod world;

use memory::Fault;
use std::path::PathBuf;
use world::{Stats, World, remove};

const SEEDS: u64 = 60;
const STEPS: u64 = 400;

/// A place for records that need not outlive the machine, if there is one: a thousand transactions, each with a sync.
fn place(name: &str) -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
    directory.join(format!("cloudindex-collector-{}-{name}.sqlite", std::process::id()))
}

/// Plays one seed; an error is the step at which something was found wrong.
fn play(seed: u64, fault: Fault) -> Result<Stats, String> {
    let path = place(&format!("{seed}-{fault:?}"));
    remove(&path);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let mut world = World::new(seed, path.clone(), fault).await;
        for step in 0..STEPS {
            world.step().await.map_err(|what| format!("seed {seed}, step {step}: {what}"))?;
        }
        world.settle().await.map_err(|what| format!("seed {seed}, in the end: {what}"))?;
        Ok(world.stats)
    });
    drop(runtime);
    remove(&path);
    remove(&path.with_extension("copy"));
    result
}

#[test]
fn what_is_needed_stays_and_what_is_not_goes() {
    let range = std::env::var("SEEDS").ok().map(|text| {
        let (from, to) = text.split_once("..").expect("SEEDS=FROM..TO");
        from.parse::<u64>().unwrap()..to.parse::<u64>().unwrap()
    });
    let mut all = Stats::default();
    for seed in range.unwrap_or(0..SEEDS) {
        let stats = play(seed, Fault::None).unwrap_or_else(|what| panic!("{what}"));
        all.committed += stats.committed;
        all.dropped += stats.dropped;
        all.spared += stats.spared;
        all.moved += stats.moved;
        all.removed += stats.removed;
        all.crashes += stats.crashes;
        all.failures += stats.failures;
        all.backups += stats.backups;
    }
    eprintln!("{all:?}");
    let Stats { committed, dropped, spared, moved, removed, crashes, failures, backups } = all;
    for (what, count) in [
        ("committed", committed),
        ("dropped", dropped),
        ("spared", spared),
        ("moved", moved),
        ("removed", removed),
        ("crashes", crashes),
        ("failures", failures),
        ("backups", backups),
    ] {
        assert!(count > 0, "nothing was {what}");
    }
}

/// Every fault is found by one of some seeds.
#[test]
fn planted_faults_are_found() {
    for fault in [
        Fault::NoGuard,
        Fault::NoNotes,
        Fault::OldNames,
        Fault::LostNames,
        Fault::EarlySeal,
        Fault::EagerRemoval,
        Fault::NoKeeping,
    ] {
        let found = (0..SEEDS).find_map(|seed| play(seed, fault).err());
        eprintln!("{fault:?}: {found:?}");
        assert!(found.is_some(), "{fault:?} was not noticed");
    }
}
