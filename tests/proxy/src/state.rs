//! What all connections share.

use crate::pace::Pipe;
use crate::rules::{Fault, Rule, Setup, fits};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::sync::watch;

pub(crate) struct State {
    pub up: Pipe,
    pub down: Pipe,
    seed: u64,
    routes: Vec<String>,
    started: Instant,
    shared: Mutex<Shared>,
    /// Marked whenever a figure changes.
    changed: watch::Sender<()>,
    /// Marked when all connections are to end.
    severed: watch::Sender<()>,
}

struct Shared {
    target: SocketAddr,
    rules: Vec<Rule>,
    stats: Stats,
    log: Vec<Entry>,
    /// Entries before this one are of rules that are gone.
    since: usize,
}

/// Figures since the start; those of rules since they were set.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Stats {
    pub routes: BTreeMap<String, Route>,
    pub rules: Vec<Struck>,
    /// Sums over all requests.
    pub total: Route,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Route {
    pub requests: u64,
    /// Bytes of bodies that came from the browser.
    pub received: u64,
    /// Bytes of bodies that went to the server; twice what was sent twice.
    pub passed: u64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Struck {
    /// Requests that the rule fits.
    pub matched: u64,
    /// Those that it struck.
    pub struck: u64,
    /// Announced bytes of their bodies.
    pub bytes: u64,
    /// Bytes of them that went to the server.
    pub passed: u64,
}

/// What became of one request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    pub method: String,
    pub path: String,
    /// Announced bytes of the body.
    pub length: u64,
    pub received: u64,
    pub passed: u64,
    /// Of the reply that went to the browser; 0: none.
    pub status: u16,
    /// Numbers of the rules that struck it.
    pub rules: Vec<usize>,
    /// ms since the proxy's start.
    pub begun: u64,
    /// Likewise; null while it is under way.
    pub ended: Option<u64>,
    #[serde(skip)]
    route: String,
}

/// What is to be done with a request.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub delay: Duration,
    pub drip_up: Option<u64>,
    pub drip_down: Option<u64>,
    pub fate: Option<Fault>,
}

/// A request's place in the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket(usize);

impl State {
    pub fn new(target: SocketAddr, seed: u64, routes: Vec<String>, setup: Setup) -> Self {
        let shared = Shared { target, rules: Vec::new(), stats: Stats::default(), log: Vec::new(), since: 0 };
        let state = State {
            up: Pipe::new(None),
            down: Pipe::new(None),
            seed,
            routes,
            started: Instant::now(),
            shared: Mutex::new(shared),
            changed: watch::Sender::new(()),
            severed: watch::Sender::new(()),
        };
        state.set(setup);
        state
    }

    /// From now on these rules, with their counts at nothing.
    pub fn set(&self, setup: Setup) {
        self.up.set(setup.link.up);
        self.down.set(setup.link.down);
        self.change(|shared| {
            shared.stats.rules = vec![Struck::default(); setup.rules.len()];
            shared.rules = setup.rules;
            shared.since = shared.log.len();
        });
    }

    pub fn target(&self) -> SocketAddr {
        self.shared.lock().unwrap().target
    }

    pub fn aim(&self, target: SocketAddr) {
        self.change(|shared| shared.target = target);
    }

    pub fn stats(&self) -> Stats {
        self.shared.lock().unwrap().stats.clone()
    }

    pub fn log(&self) -> Vec<Entry> {
        self.shared.lock().unwrap().log.clone()
    }

    pub fn sever(&self) {
        self.severed.send_replace(());
    }

    pub fn severed(&self) -> watch::Receiver<()> {
        self.severed.subscribe()
    }

    /// Returns when the figures are as wanted.
    pub async fn until(&self, wanted: impl Fn(&Stats) -> bool) {
        let mut changed = self.changed.subscribe();
        while !wanted(&self.shared.lock().unwrap().stats) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Counts a request that has begun, and says what becomes of it.
    pub fn admit(&self, method: &str, path: &str, length: u64) -> (Ticket, Orders) {
        self.change(|shared| {
            let name = format!("{method} {path}");
            let mut orders = Orders::default();
            let mut struck = Vec::new();
            for (number, (rule, count)) in shared.rules.iter().zip(&mut shared.stats.rules).enumerate() {
                let too_small = matches!(rule.fault, Fault::MaxBody { bytes } if length <= bytes);
                if !fits(&rule.on, &name) || length < rule.min_body || too_small {
                    continue;
                }
                count.matched += 1;
                // By rule and count alone: what other requests do in between changes nothing.
                let dice = |salt| chance(self.seed, [number as u64, count.matched, salt]);
                if !rule.when.strikes(count.matched, dice(0)) {
                    continue;
                }
                count.struck += 1;
                count.bytes += length;
                struck.push(number);
                match &rule.fault {
                    Fault::Latency { ms, jitter } => {
                        let late = *ms as f64 + (dice(1) * 2.0 - 1.0) * *jitter as f64;
                        orders.delay += Duration::from_secs_f64(late.max(0.0) / 1000.0);
                    }
                    Fault::Drip { up, down } => {
                        orders.drip_up = orders.drip_up.or(*up);
                        orders.drip_down = orders.drip_down.or(*down);
                    }
                    fault => orders.fate = orders.fate.or_else(|| Some(fault.clone())),
                }
            }
            let route = self.routes.iter().find(|route| fits(route, &name)).cloned().unwrap_or_else(|| "*".into());
            shared.stats.routes.entry(route.clone()).or_default().requests += 1;
            shared.stats.total.requests += 1;
            shared.log.push(Entry {
                method: method.to_owned(),
                path: path.to_owned(),
                length,
                received: 0,
                passed: 0,
                status: 0,
                rules: struck,
                begun: self.elapsed(),
                ended: None,
                route,
            });
            (Ticket(shared.log.len() - 1), orders)
        })
    }

    pub fn received(&self, ticket: Ticket, bytes: usize) {
        self.count(ticket, bytes as u64, 0);
    }

    pub fn passed(&self, ticket: Ticket, bytes: usize) {
        self.count(ticket, 0, bytes as u64);
    }

    pub fn replied(&self, ticket: Ticket, status: u16) {
        self.change(|shared| shared.log[ticket.0].status = status);
    }

    pub fn ended(&self, ticket: Ticket) {
        self.change(|shared| shared.log[ticket.0].ended = Some(self.elapsed()));
    }

    fn elapsed(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn count(&self, ticket: Ticket, received: u64, passed: u64) {
        self.change(|shared| {
            let entry = &mut shared.log[ticket.0];
            entry.received += received;
            entry.passed += passed;
            let route = shared.stats.routes.entry(entry.route.clone()).or_default();
            for sum in [route, &mut shared.stats.total] {
                sum.received += received;
                sum.passed += passed;
            }
            if ticket.0 >= shared.since {
                for rule in &shared.log[ticket.0].rules {
                    shared.stats.rules[*rule].passed += passed;
                }
            }
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut Shared) -> T) -> T {
        let result = change(&mut self.shared.lock().unwrap());
        self.changed.send_replace(());
        result
    }
}

/// From 0 to 1, evenly, and always the same for the same words (SplitMix64).
fn chance(seed: u64, words: [u64; 3]) -> f64 {
    let mixed = words.iter().fold(seed, |state, word| {
        let mut z = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    });
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_even_and_of_the_seed() {
        let draw = |seed| (0..10_000).map(|n| chance(seed, [0, n, 0])).collect::<Vec<_>>();
        let draws = draw(1);
        assert_eq!(draws, draw(1));
        assert_ne!(draws, draw(2));
        let hits = draws.iter().filter(|dice| **dice < 0.1).count();
        assert!((900..1100).contains(&hits), "{hits} of 10,000 with probability 0.1");
    }
}
