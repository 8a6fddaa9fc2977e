//! The real engine in a simulated world: page, network and server in virtual time, everything from one seed.
//!
//! | module | is |
//! | --- | --- |
//! | [`story`] | what a seed stands for: one page after the other, and what lies between them |
//! | [`scenario`], [`settings`], [`sources`] | a page: settings, files, faults, the server's ways, the user's doings |
//! | [`world`], [`queue`] | the loop, and virtual time |
//! | `later` | what came to the seeds later |
//! | [`shell`], [`journal`] | the browser's side: walks, streams, cutting, the store of blocks; what outlives the page |
//! | [`network`], [`gzip`] | what befalls a request and its reply; what packing a body costs and gains |
//! | [`server`], [`multipart`] | a CloudIndex server in memory, strict about what it is sent |
//! | [`check`], [`gate`], [`frames`] | what must hold: for the page, for the wire, for the journal |
//! | [`verdict`], [`thrift`] | what must hold in the end: nothing lost or doubled, no byte in vain |
//! | [`links`] | a world apart, without faults: how well links of many kinds are used |
//!
//! ```
//! let outcome = cloudindex_sim::run(1, false);
//! assert_eq!(outcome.broken, None);
//! ```

pub mod check;
pub mod frames;
pub mod gate;
pub mod gzip;
pub mod journal;
mod later;
pub mod links;
pub mod log;
pub mod multipart;
pub mod network;
pub mod queue;
pub mod rng;
pub mod scenario;
pub mod server;
pub mod settings;
pub mod shell;
pub mod sources;
pub mod story;
pub mod thrift;
pub mod verdict;
pub mod words;
pub mod world;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use world::{Figures, World};

/// How a seed went.
#[derive(Debug)]
pub struct Outcome {
    pub seed: u64,
    /// What did not hold, if anything.
    pub broken: Option<String>,
    pub figures: Figures,
    /// Equal for runs that went the same way.
    pub fingerprint: u64,
}

/// Plays a seed to its end; `tracing` prints what happens. A panic of the engine is a finding like any other.
pub fn run(seed: u64, tracing: bool) -> Outcome {
    let played = std::panic::catch_unwind(|| play(seed, tracing));
    played.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
        let broken = Some(format!("panic: {}", words.unwrap_or_default()));
        Outcome { seed, broken, figures: Figures::default(), fingerprint: 0 }
    })
}

/// Plays these seeds on all cores; tells each outcome to `see`, in any order.
pub fn run_all(seeds: Range<u64>, see: impl Fn(Outcome) + Sync) {
    let next = AtomicU64::new(seeds.start);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    see(run(seed, false));
                }
            });
        }
    });
}

fn play(seed: u64, tracing: bool) -> Outcome {
    let story = story::Story::new(seed);
    for (number, page) in story.pages.iter().enumerate().filter(|_| tracing) {
        let scenario = &page.scenario;
        println!("page {number}: {:?} {:?} {:?}", page.opens, page.ends, page.journal);
        println!("{:#?}\n{:#?}\n{:#?}", scenario.config, scenario.link, scenario.server);
        println!("{:?} {:?} {:?} {:?}", scenario.mood, scenario.outages, scenario.walks, scenario.shell);
        println!("{:?}", scenario.user);
        for (index, source) in scenario.sources.iter().enumerate() {
            let sizes: Vec<usize> = source.versions.iter().map(Vec::len).collect();
            println!("source {index} {:?} {sizes:?} {:?} {:?}", source.found, source.change, source.trouble);
        }
    }
    let mut world = World::new(&story, tracing);
    world.run();
    verdict::judge(&mut world);
    Outcome { seed, broken: world.check.broken, figures: world.figures, fingerprint: world.log.fingerprint }
}
