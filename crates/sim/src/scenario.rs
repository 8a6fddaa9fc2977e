//! From a seed to everything that is given before the first event: files, settings, faults, the server's ways, and what
//! the user will do. Nothing here depends on the engine, so a seed tells the same story whatever the engine does.

use crate::gzip::Gzip;
use crate::network::{Fault, Link};
use crate::rng::Rng;
use crate::settings::settings;
use crate::sources::{Source, sources};
use cloudindex_engine::config::{Refresh, Tracking};
use cloudindex_engine::{Config, FileId};
use std::collections::BTreeMap;
use std::ops::Range;

/// A whole story, but for its course.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub seed: u64,
    pub mood: Mood,
    pub config: Config,
    pub sources: Vec<Source>,
    pub walks: Vec<Walk>,
    pub shell: ShellWays,
    pub link: Link,
    pub outages: Vec<Outage>,
    pub server: ServerWays,
    pub gzip: Gzip,
    /// What the user does, and when.
    pub user: Vec<(u64, Doing)>,
    /// Long after the last fault the user tries once more what failed: then all that is good must arrive.
    pub mended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Nothing goes wrong but what is wrong with a file: every good file must arrive.
    Calm,
    /// Now and then something does.
    Light,
    /// Much does.
    Rough,
    /// At some moment the server goes and never comes back.
    Dead,
}

/// One source that the user added.
#[derive(Debug, Clone)]
pub struct Walk {
    pub starts: Starts,
    pub sources: Range<usize>,
    /// Files a slice, and ms between slices.
    pub slice: usize,
    pub pace: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starts {
    At(u64),
    /// So long after everything before it was complete.
    Complete(u64),
}

/// How the browser reads.
#[derive(Debug, Clone)]
pub struct ShellWays {
    /// Greatest bytes of a chunk.
    pub chunk: usize,
    /// Greatest ms between chunks.
    pub pace: u64,
    /// Percent of timers that fire late, and by how many ms at most: a sleeping laptop.
    pub late: (u64, u64),
    /// The last chunk comes with the end of the stream, or the end comes by itself.
    pub end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    WithLastChunk,
    Alone,
}

/// The server is away.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    pub at: u64,
    /// None: for good.
    pub lasts: Option<u64>,
    /// Connections are refused, or nothing is heard.
    pub manner: Manner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Refuses,
    Silent,
}

/// What this server does, and how much it takes.
#[derive(Debug, Clone)]
pub struct ServerWays {
    pub bundle_bytes: u64,
    pub block_bytes: u64,
    pub bundle_documents: u64,
    pub max_file_size: Option<u64>,
    pub max_batch_size: Option<u64>,
    /// A proxy refuses bodies over this, which nobody told.
    pub hidden_cap: Option<u64>,
    /// ms that a request takes at most.
    pub pace: u64,
    /// ms that a token is good.
    pub token_life: Option<u64>,
    /// From this moment on no token is.
    pub revoked: Option<u64>,
    /// Documents that it refuses.
    pub poison: BTreeMap<String, Poison>,
    /// When unused blocks are dropped.
    pub collects: Vec<u64>,
    /// The batch that the application made, and what is in it: sources, in their first version or in another.
    pub given: Option<Given>,
    /// ms from the batch's close to its completion.
    pub processing: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poison {
    /// Answered per document.
    Rejected,
    /// The whole request is refused with this status as long as the document is in it; with words of the protocol or not.
    Whole(u16, bool),
}

#[derive(Debug, Clone)]
pub struct Given {
    pub id: String,
    /// The server knows it.
    pub exists: bool,
    pub holds: Vec<(usize, Held)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Same,
    Other,
}

/// A doing of the user or the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    Pause,
    Resume,
    Cancel,
    Remove(FileId),
    SetAside(Vec<FileId>),
    TakeUp(Vec<FileId>),
    Retry(Vec<FileId>),
    Offline,
    Online,
    Call,
    /// Forget what an earlier page left.
    Discard,
    /// Inputs that make no sense.
    Nonsense,
    /// The server's events bring the status of the batch, unasked.
    Told,
}

/// ms after which everything has come to rest, whatever was before: patience, echoes, sleep.
pub const REST: u64 = 20_000_000;

impl Scenario {
    pub fn new(seed: u64) -> Self {
        let rng = &mut Rng::new(seed, "scenario");
        let mut config = settings(rng);
        let sources = sources(rng, config.cut);
        let mood = rng.pick(&[Mood::Calm, Mood::Calm, Mood::Light, Mood::Light, Mood::Light, Mood::Rough, Mood::Rough]);
        let mood = if rng.percent(4) { Mood::Dead } else { mood };
        let horizon = rng.within(500..=120_000);
        let given = rng.perhaps(25, |rng| given(rng, sources.len()));
        config.batch_id = given.as_ref().map(|given| given.id.clone());
        let server = server(rng, mood, &mut config, &sources, given, horizon);
        let tracked = config.tracking == Tracking::Follow;
        let link = link(rng, mood, &config, horizon);
        let mut scenario = Scenario {
            seed,
            mood,
            walks: walks(rng, sources.len(), tracked && config.batch_id.is_some()),
            shell: ShellWays {
                chunk: rng.pick(&[100, 700, 4096, 20_000]),
                pace: rng.within(0..=20),
                late: if rng.percent(15) { (5, 300_000) } else { (30, 5) },
                end: rng.pick(&[End::WithLastChunk, End::Alone]),
            },
            gzip: Gzip::new(seed, link.bytes_per_ms),
            link,
            outages: outages(rng, mood, horizon),
            server,
            user: user(rng, sources.len(), horizon),
            mended: false,
            config,
            sources,
        };
        if mood != Mood::Dead && scenario.server.revoked.is_none() && rng.percent(30) {
            scenario.mended = true;
            scenario.user.push((scenario.settled() + REST, Doing::Retry(Vec::new())));
        }
        scenario.season(rng, horizon);
        scenario.set_aside();
        scenario.told();
        let before = scenario.sources.len();
        scenario.gzip.write(seed, scenario.config.cut, &mut scenario.sources);
        let more = before..scenario.sources.len();
        if !more.is_empty() {
            scenario.walks.push(Walk { starts: Starts::At(0), sources: more, slice: 20, pace: 5 });
        }
        scenario
    }

    /// From here on only what was wrong before is.
    pub fn settled(&self) -> u64 {
        let outages = self.outages.iter().map(|outage| outage.at + outage.lasts.unwrap_or(0));
        let doings = self.user.iter().map(|(at, _)| *at);
        outages.chain(doings).chain([self.link.until]).max().unwrap_or(0)
    }

    pub fn has(&self, doing: &Doing) -> bool {
        self.user.iter().any(|(_, other)| other == doing)
    }
}

pub(crate) fn walks(rng: &mut Rng, files: usize, followed: bool) -> Vec<Walk> {
    // A followed batch of the application's is closed by the application: nothing can come after that.
    let late = if files > 1 && !followed && rng.percent(20) { rng.size(1..=files / 2) } else { 0 };
    let starts =
        if rng.percent(70) { Starts::Complete(rng.within(0..=5000)) } else { Starts::At(rng.within(0..=5000)) };
    let mut walk = |starts, sources| Walk { starts, sources, slice: rng.size(1..=20), pace: rng.within(0..=100) };
    let mut walks = vec![walk(Starts::At(0), 0..files - late)];
    if late > 0 {
        walks.push(walk(starts, files - late..files));
    }
    walks
}

fn link(rng: &mut Rng, mood: Mood, config: &Config, horizon: u64) -> Link {
    let most = match mood {
        Mood::Calm => 0.0,
        Mood::Light | Mood::Dead => 0.04,
        Mood::Rough => 0.25,
    };
    let mut rates = Vec::new();
    for fault in Fault::ALL {
        // A few kinds at a time tell more of each than all at once.
        if most > 0.0 && rng.percent(35) {
            rates.push((fault, rng.share() * most));
        }
    }
    // All that can be in flight takes at most half of the timeout, but on links that are slow by intent.
    let flight = (config.bundle_bytes + 2000) as f64 * config.concurrency as f64;
    let slack = if most > 0.0 && rng.percent(10) { 0.6 } else { 2.0 };
    Link {
        rates,
        until: horizon,
        latency: rng.within(0..=config.network_timeout / 20),
        bytes_per_ms: flight * slack / config.network_timeout as f64 * (1.0 + rng.share() * 50.0),
        timeout: config.network_timeout,
    }
}

fn outages(rng: &mut Rng, mood: Mood, horizon: u64) -> Vec<Outage> {
    let count = match mood {
        Mood::Calm => 0,
        Mood::Dead => 1,
        Mood::Light | Mood::Rough => rng.size(0..=2),
    };
    let manner = |rng: &mut Rng| rng.pick(&[Manner::Refuses, Manner::Refuses, Manner::Silent]);
    (0..count)
        .map(|_| Outage {
            at: rng.within(0..=horizon.min(30_000)),
            lasts: if mood == Mood::Dead { None } else { Some(rng.within(10..=60_000)) },
            manner: manner(rng),
        })
        .collect()
}

fn server(
    rng: &mut Rng,
    mood: Mood,
    config: &mut Config,
    sources: &[Source],
    given: Option<Given>,
    horizon: u64,
) -> ServerWays {
    let reach = config.cut.max.max(config.cut.small_file) as u64;
    let calm = mood == Mood::Calm;
    let mut poison = BTreeMap::new();
    let rate = rng.pick(&[0, 0, 0, 5, 20]);
    for source in sources {
        if rng.percent(rate) {
            let whole = Poison::Whole(rng.pick(&[400, 403, 404, 422]), rng.percent(50));
            poison.insert(source.found.path.clone(), if rng.percent(50) { Poison::Rejected } else { whole });
        }
    }
    let token_life = match config.refresh {
        // A token that is fetched anew must outlive one request.
        Refresh::Ask => rng.perhaps(25, |rng| config.network_timeout * 3 + rng.within(0..=30_000)),
        Refresh::Never => None,
    };
    ServerWays {
        bundle_bytes: reach + 1000 + rng.pick(&[0, 3_000, 30_000, 1 << 20]),
        block_bytes: if rng.percent(2) { reach / 2 } else { reach },
        bundle_documents: rng.pick(&[1, 5, 50, 1000]),
        max_file_size: rng.perhaps(5, |rng| rng.within(reach / 4..=reach * 4)),
        max_batch_size: None,
        hidden_cap: rng.perhaps(10, |rng| reach + rng.within(0..=8000)),
        pace: rng.pick(&[0, 5, 100, config.network_timeout / 4]),
        token_life,
        revoked: if calm { None } else { rng.perhaps(3, |rng| rng.within(0..=horizon)) },
        poison,
        collects: if calm || rng.percent(70) { Vec::new() } else { (0..3).map(|_| rng.within(0..=horizon)).collect() },
        given,
        processing: rng.within(0..=10_000),
    }
}

fn given(rng: &mut Rng, files: usize) -> Given {
    let holds = if files > 0 && rng.percent(40) { rng.size(0..=files / 2) } else { 0 };
    Given {
        id: "app/batch 1".to_owned(),
        exists: !rng.percent(4),
        holds: (0..holds).map(|_| (rng.size(0..=files - 1), rng.pick(&[Held::Same, Held::Other]))).collect(),
    }
}

/// Pauses and offline times always end; the rest may come at any moment, sensible or not.
fn user(rng: &mut Rng, files: usize, horizon: u64) -> Vec<(u64, Doing)> {
    let mut doings = Vec::new();
    let horizon = horizon.min(rng.pick(&[2_000, 20_000, 120_000]));
    if rng.percent(45) {
        for _ in 0..rng.size(1..=5) {
            let at = rng.within(0..=horizon);
            // Some ids were never given.
            let file = |rng: &mut Rng| rng.within(0..=files as u64 + 1) as FileId;
            match rng.within(0..=99) {
                0..=24 => {
                    doings.push((at, Doing::Pause));
                    doings.push((at + rng.within(0..=40_000), Doing::Resume));
                }
                25..=39 => {
                    doings.push((at, Doing::Offline));
                    doings.push((at + rng.within(0..=40_000), Doing::Online));
                }
                40..=64 => doings.push((at, Doing::Remove(file(rng)))),
                65..=79 => {
                    let some = (0..rng.size(0..=3)).map(|_| file(rng)).collect();
                    doings.push((at, Doing::Retry(some)));
                }
                80..=92 => doings.push((at, Doing::Call)),
                _ => doings.push((at, Doing::Cancel)),
            }
        }
    }
    // The last word leaves nothing stopped.
    let last = doings.iter().map(|(at, _)| *at).max().unwrap_or(0);
    for (stop, go) in [(Doing::Pause, Doing::Resume), (Doing::Offline, Doing::Online)] {
        if doings.iter().any(|(_, doing)| *doing == stop) {
            doings.push((last + 1, go));
        }
    }
    if rng.percent(20) {
        doings.push((last + rng.within(0..=200_000), Doing::Retry(Vec::new())));
    }
    doings
}
