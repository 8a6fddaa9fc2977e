//! What may go over the wire, and when: looks at every request that the engine sends and at every reply that it gets.

use crate::scenario::Scenario;
use crate::server::Wire;
use crate::shell::Blocks;
use cloudindex_engine::config::Ask;
use cloudindex_engine::{AttemptId, BlockKey, FileId, Input, Method, Reply};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

#[derive(Debug)]
pub struct Gate<'a> {
    scenario: &'a Scenario,
    /// Attempts in flight.
    pub live: BTreeMap<AttemptId, Live>,
    used: BTreeSet<AttemptId>,
    pub paused: bool,
    /// Files that the user set aside.
    pub aside: BTreeSet<FileId>,
    pub offline: bool,
    cancelled: bool,
    walking: bool,
    pub refreshing: bool,
    /// `Retry-After` is not over before.
    hold_until: u64,
    /// The server's caps are known.
    capped: bool,
    /// Times that the server failed a request, since it last did not.
    failures: BTreeMap<u64, u32>,
    /// Bytes of blocks in flight that are copied from memory.
    pub flying: u64,
}

#[derive(Debug)]
pub struct Live {
    pub kind: Kind,
    request: u64,
    pub keys: Vec<BlockKey>,
    pub block_bytes: u64,
    /// Those of them that are copied from memory.
    held: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Probe,
    Create,
    /// `GET` of one batch: opens it, or asks how it stands.
    Batch,
    Documents,
    Blocks,
    Complete,
    Cancel,
    Discard,
    Call,
}

impl Kind {
    pub fn of(wire: &Wire) -> Kind {
        let under = |end: &str| wire.path.starts_with("/v1/batches/") && wire.path.ends_with(end);
        match (wire.method, wire.path.as_str()) {
            (Method::Get, "/healthz") => Kind::Probe,
            (Method::Post, "/v1/batches") => Kind::Create,
            (Method::Post, _) if under("/documents") => Kind::Documents,
            (Method::Post, _) if under("/blocks") => Kind::Blocks,
            (Method::Post, _) if under("/complete") => Kind::Complete,
            (Method::Post, _) if under("/cancel") => Kind::Cancel,
            (Method::Get, path) if path.starts_with("/v1/batches/") => Kind::Batch,
            (Method::Delete, _) => Kind::Discard,
            _ => Kind::Call,
        }
    }
}

impl<'a> Gate<'a> {
    pub fn new(scenario: &'a Scenario) -> Self {
        Gate {
            scenario,
            live: BTreeMap::new(),
            used: BTreeSet::new(),
            paused: false,
            aside: BTreeSet::new(),
            offline: false,
            cancelled: false,
            walking: false,
            refreshing: false,
            hold_until: 0,
            capped: false,
            failures: BTreeMap::new(),
            flying: 0,
        }
    }

    /// The engine sends this, with these blocks in it.
    pub fn send(&mut self, attempt: AttemptId, wire: &Wire, blocks: Blocks, now: u64) -> Result<(), String> {
        let config = &self.scenario.config;
        let kind = Kind::of(wire);
        if !self.used.insert(attempt) {
            return Err(format!("{attempt:?} is used twice"));
        }
        let (block_bytes, held) = (blocks.bytes, blocks.held);
        let request = self.name(kind, wire, &blocks.keys);
        // A question about blocks does not say whose they are: files that are alike ask alike.
        let anonymous = kind == Kind::Blocks && blocks.keys.is_empty();
        self.live.insert(attempt, Live { kind, request, keys: blocks.keys, block_bytes, held });
        self.flying += held;
        if self.live.len() > config.concurrency {
            return Err(format!("{} requests in flight, {} allowed", self.live.len(), config.concurrency));
        }
        let uploads = matches!(kind, Kind::Create | Kind::Documents | Kind::Blocks | Kind::Complete);
        if self.paused && (uploads || kind == Kind::Probe) {
            return Err(format!("{kind:?} is sent while paused"));
        }
        if self.cancelled && uploads {
            return Err(format!("{kind:?} is sent after cancel"));
        }
        if kind == Kind::Probe {
            let probes = self.live.values().filter(|live| live.kind == Kind::Probe).count();
            return if probes > 1 { Err("two probes at once".into()) } else { Ok(()) };
        }
        if self.offline {
            return Err(format!("{kind:?} is sent while offline"));
        }
        if self.refreshing {
            return Err(format!("{kind:?} is sent while a token is fetched"));
        }
        if now < self.hold_until {
            return Err(format!("{kind:?} is sent {} ms before Retry-After is over", self.hold_until - now));
        }
        // Where questions come between, an answer that some of it came through counts as progress, and attempts begin anew.
        let asks = config.ask == Ask::WhileItPays && matches!(kind, Kind::Documents | Kind::Blocks);
        let most = match kind {
            _ if asks && config.attempts > 1 => 3 * config.attempts,
            // Each upload that is followed asks anew how the same batch stands.
            Kind::Batch => config.attempts * (1 + self.scenario.walks.len() as u32),
            _ => config.attempts,
        };
        if kind != Kind::Call && !anonymous && self.failures.get(&request).is_some_and(|failed| *failed >= most) {
            return Err(format!("{kind:?} is sent once more after {} attempts", config.attempts));
        }
        let cap =
            if self.capped { config.bundle_bytes.min(self.scenario.server.bundle_bytes) } else { config.bundle_bytes };
        if block_bytes > cap {
            return Err(format!("a bundle of {block_bytes} bytes of blocks, {cap} allowed"));
        }
        Ok(())
    }

    /// The engine gets an answer to an attempt in flight.
    pub fn answered(&mut self, attempt: AttemptId, reply: &Reply, now: u64) {
        let Some(live) = self.land(attempt) else { return };
        self.capped |= reply.status < 300 && matches!(live.kind, Kind::Create | Kind::Batch);
        // A code that is never retried waits for nothing, and spends no attempts: the bundle is halved.
        if reply.status >= 500 && !self.scenario.config.fatal.is_empty() {
            return;
        }
        match reply.retry_after.as_deref().and_then(|seconds| seconds.parse::<u64>().ok()) {
            Some(seconds) => self.hold_until = self.hold_until.max(now + seconds * 1000),
            None if reply.status >= 500 || reply.status == 429 => *self.failures.entry(live.request).or_default() += 1,
            None => drop(self.failures.remove(&live.request)),
        }
    }

    /// The attempt is over; nothing if it was before.
    pub fn land(&mut self, attempt: AttemptId) -> Option<Live> {
        let live = self.live.remove(&attempt)?;
        self.flying -= live.held;
        Some(live)
    }

    /// A walk begins, goes on, or ends. What is found after that is another upload, and may go though the one before was
    /// cancelled; true for that.
    pub fn walked(&mut self, input: &Option<Input>) -> bool {
        let begins = matches!(input, Some(Input::Found(_))) && !self.walking;
        if begins {
            self.retried();
        }
        self.walking = matches!(input, Some(Input::Found(_))) || (self.walking && input.is_none());
        begins
    }

    /// The user gives up; that ends a pause too.
    pub fn cancel(&mut self) {
        self.cancelled = true;
        self.paused = false;
        self.aside.clear();
    }

    /// The user wants another try: attempts count from the start.
    pub fn retried(&mut self) {
        self.failures.clear();
        self.cancelled = false;
    }

    /// Equal for two attempts of one request: their boundaries and tokens differ, what they ask for does not.
    fn name(&self, kind: Kind, wire: &Wire, blocks: &[BlockKey]) -> u64 {
        let mut hasher = DefaultHasher::new();
        (kind, &wire.path, blocks, wire.header("Idempotency-Key")).hash(&mut hasher);
        if matches!(kind, Kind::Documents | Kind::Blocks) {
            manifest(&wire.body).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// The manifest, if the body begins with one: JSON has no line ends.
fn manifest(body: &[u8]) -> Option<&[u8]> {
    let mut lines = body.split(|byte| *byte == b'\n').take(6);
    lines.find(|line| line.starts_with(b"{"))
}
