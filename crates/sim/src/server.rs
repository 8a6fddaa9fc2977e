//! A CloudIndex server as PROTOCOL.md has it, in memory: what is acked stays, whatever happens to connections.
//!
//! [`bundle`] takes in documents and blocks; here are batches, tokens, and the life of the server itself.

pub mod bundle;

use crate::gzip::Gzip;
use crate::rng::Rng;
use crate::scenario::{Held, Manner, Scenario, ServerWays};
use crate::sources::{Source, by_path};
use crate::story::Turn;
use cloudindex_engine::{Encoding, Method, Reply};
use cloudindex_wire::{BatchLimits, BatchStatus, Caps, Digest, NewBatch, Phase, Problem, codes};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

/// A request as it is on the wire.
#[derive(Debug, Clone)]
pub struct Wire {
    pub method: Method,
    /// What follows the configured base.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    /// As it was before it was packed.
    pub body: Vec<u8>,
    /// What the engine wants, and how many bytes of it travel if that is done.
    pub encoding: Encoding,
    pub packed: Option<u64>,
}

impl Wire {
    /// Bytes of the body that travel.
    pub fn size(&self) -> u64 {
        self.packed.unwrap_or(self.body.len() as u64)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| &**value)
    }
}

#[derive(Debug)]
pub struct Server<'a> {
    /// Its ways are the same for all pages.
    pub(crate) ways: &'a ServerWays,
    pub(crate) gzip: &'a Gzip,
    pub(crate) rng: Rng,
    pub batches: BTreeMap<String, Batch>,
    /// Batches by the `Idempotency-Key` that created them.
    pub keys: BTreeMap<String, String>,
    pub(crate) blocks: HashMap<Digest, Block>,
    /// What the pages so far found on disk, each from its opening on.
    pub(crate) disks: Vec<Disk<'a>>,
    /// Every document that was ever acked: batch or not, its path and its blocks.
    pub acked: HashSet<(String, Vec<(Digest, u64)>)>,
    /// Documents that somebody asked to be removed, and when a page last did so.
    pub removed: BTreeMap<String, usize>,
    /// Batches that are no more.
    pub vanished: BTreeMap<String, Batch>,
    /// When each token that was given ends.
    tokens: Vec<u64>,
    /// Grows with each restart: what an earlier run took in is gone.
    pub epoch: u32,
    pub away: Option<Manner>,
    documents: u64,
    pub taken: Taken,
}

/// A block, and the upload that brought it.
#[derive(Debug)]
pub(crate) struct Block {
    pub bytes: Rc<[u8]>,
    pub upload: u32,
}

/// The files as a page met them.
#[derive(Debug)]
pub(crate) struct Disk<'a> {
    pub sources: &'a [Source],
    pub paths: BTreeMap<String, Vec<usize>>,
    pub since: u64,
}

/// What the server has seen come in.
#[derive(Debug, Default)]
pub struct Taken {
    pub block_bytes: u64,
    /// The upload that is under way: what it brings a second time is waste.
    pub upload: u32,
    /// Bytes that this upload had brought already.
    pub twice: u64,
    /// Bytes that came after their page was gone, or once more because they may have been lost with it.
    pub over: u64,
    /// Blocks that may be sent once more because a page died with them in flight.
    pub excused: HashSet<Digest>,
    /// Blocks that were here before the upload began, and came all the same; since the page was opened.
    pub known: u64,
    /// Times that the page asked for something that was not here.
    pub missed: u32,
}

#[derive(Debug)]
pub struct Batch {
    pub phase: Phase,
    pub documents: BTreeMap<String, Document>,
}

#[derive(Debug)]
pub struct Document {
    pub id: String,
    pub size: u64,
    pub blocks: Vec<(Digest, u64)>,
    /// The page that wrote it; none for what was there before.
    pub written: Option<usize>,
    /// That page was gone by then.
    pub late: bool,
    /// The page that was last told of it.
    pub told: Option<usize>,
    /// When it came in: processing begins.
    pub since: u64,
}

/// What the server says, and what that was worth to the client.
#[derive(Debug, Default)]
pub struct Served {
    pub reply: Reply,
    /// Documents that were acked.
    pub acked: Vec<String>,
}

impl<'a> Server<'a> {
    pub fn new(scenario: &'a Scenario) -> Self {
        let mut server = Server {
            ways: &scenario.server,
            gzip: &scenario.gzip,
            rng: Rng::new(scenario.seed, "server"),
            batches: BTreeMap::new(),
            keys: BTreeMap::new(),
            blocks: HashMap::new(),
            disks: Vec::new(),
            acked: HashSet::new(),
            removed: BTreeMap::new(),
            vanished: BTreeMap::new(),
            tokens: Vec::new(),
            epoch: 0,
            away: None,
            documents: 0,
            taken: Taken::default(),
        };
        server.issue(0);
        if let Some(given) = &scenario.server.given
            && given.exists
        {
            let mut documents = BTreeMap::new();
            for (source, held) in &given.holds {
                let source = &scenario.sources[*source];
                let mut content = source.versions[0].clone();
                if *held == Held::Other {
                    content.extend_from_slice(b"older");
                }
                let digest = digest(&content);
                let len = content.len() as u64;
                let blocks = if len == 0 { Vec::new() } else { vec![(digest, len)] };
                server.blocks.insert(digest, Block { bytes: content.into(), upload: 0 });
                let id = server.next_document();
                let document = Document { id, size: len, blocks, written: None, late: false, told: None, since: 0 };
                documents.insert(source.found.path.clone(), document);
            }
            server.batches.insert(given.id.clone(), Batch { phase: Phase::Open, documents });
        }
        server
    }

    /// Gives a token.
    pub fn issue(&mut self, now: u64) -> String {
        self.tokens.push(self.ways.token_life.map_or(u64::MAX, |life| now + life));
        format!("token-{}", self.tokens.len() - 1)
    }

    pub fn revoke(&mut self) {
        self.ways.revoked.inspect(|_| self.tokens.fill(0));
    }

    /// Drops what no document holds.
    pub fn collect(&mut self) {
        let held: std::collections::BTreeSet<Digest> = self
            .batches
            .values()
            .flat_map(|batch| batch.documents.values())
            .flat_map(|document| document.blocks.iter().map(|(digest, _)| *digest))
            .collect();
        self.blocks.retain(|digest, _| held.contains(digest));
    }

    pub fn restart(&mut self, manner: Manner) {
        self.epoch += 1;
        self.away = Some(manner);
    }

    /// The document's bytes, if all of its blocks are here.
    pub fn content(&self, document: &Document) -> Option<Vec<u8>> {
        let mut content = Vec::with_capacity(document.size as usize);
        for (digest, _) in &document.blocks {
            content.extend_from_slice(&self.blocks.get(digest)?.bytes);
        }
        Some(content)
    }

    /// Does what a request asks for. An error is a fault of the client that no server could excuse.
    pub fn serve(&mut self, wire: &Wire, page: usize, damaged: bool, now: u64) -> Result<Served, String> {
        let plain = |reply| Ok(Served { reply, acked: Vec::new() });
        let path = wire.path.as_str();
        if (wire.method, path) == (Method::Get, "/healthz") {
            return plain(json(200, &"ok"));
        }
        if self.ways.hidden_cap.is_some_and(|cap| wire.size() > cap) {
            return plain(Reply {
                status: 413,
                body: b"<h1>413 Request Entity Too Large</h1>".to_vec(),
                retry_after: None,
            });
        }
        if let Some(status) = self.gzip.refused.filter(|_| wire.packed.is_some()) {
            return plain(Reply { status, ..Reply::default() });
        }
        if !self.knows(wire.header("Authorization"), now) {
            return plain(problem(401, codes::UNAUTHORIZED));
        }
        let rest = path.strip_prefix("/v1/").ok_or_else(|| format!("{path} is not under /v1"))?;
        let segments: Vec<&str> = rest.split('/').collect();
        match (wire.method, &segments[..]) {
            (Method::Post, ["batches"]) => self.create(wire).map(|reply| Served { reply, acked: Vec::new() }),
            (Method::Post, ["batches", id, "documents"]) => self.documents(wire, &decode(id), page, damaged, now),
            (Method::Post, ["batches", id, "blocks"]) => self.bare_blocks(wire, &decode(id), page, damaged),
            (Method::Get, ["batches", id]) => plain(self.told(&decode(id), now)),
            (Method::Post, ["batches", id, "complete"]) => plain(self.end(&decode(id), Phase::Processing, now)),
            (Method::Post, ["batches", id, "cancel"]) => plain(self.end(&decode(id), Phase::Cancelled, now)),
            (Method::Delete, ["documents", id]) => plain(self.remove(id, page)),
            (Method::Get, ["batches"]) | (Method::Post, ["search"]) => {
                plain(json(200, &serde_json::json!({ "results": [] })))
            }
            _ => Err(format!("there is no {} {path}", wire.method.as_str())),
        }
    }

    fn knows(&self, authorization: Option<&str>, now: u64) -> bool {
        let number = authorization.and_then(|text| text.strip_prefix("Bearer token-")?.parse::<usize>().ok());
        number.and_then(|number| self.tokens.get(number)).is_some_and(|ends| now < *ends)
    }

    fn create(&mut self, wire: &Wire) -> Result<Reply, String> {
        serde_json::from_slice::<NewBatch>(&wire.body).map_err(|error| format!("new batch: {error}"))?;
        let key = wire.header("Idempotency-Key").ok_or("a batch is created without Idempotency-Key")?;
        let id = match self.keys.get(key) {
            Some(id) => id.clone(),
            None => {
                // Not to be confused by a bit.
                let id = format!("batch-{}", (self.keys.len() + 1) * 111);
                self.keys.insert(key.to_owned(), id.clone());
                let batch = Batch { phase: Phase::Open, documents: BTreeMap::new() };
                self.batches.insert(id.clone(), batch);
                id
            }
        };
        Ok(Reply { status: 201, ..self.told(&id, 0) })
    }

    /// The batch as it stands.
    pub fn told(&self, id: &str, now: u64) -> Reply {
        let Some(batch) = self.batches.get(id) else { return problem(404, codes::BATCH_NOT_FOUND) };
        let ways = self.ways;
        let total = batch.documents.len() as u64;
        let done = |document: &&Document| now >= document.since + ways.processing;
        let processed = batch.documents.values().filter(done).count() as u64;
        let phase = if batch.phase == Phase::Processing && processed == total { Phase::Completed } else { batch.phase };
        let batch = cloudindex_wire::Batch {
            id: id.to_owned(),
            name: None,
            description: None,
            metadata: None,
            limits: BatchLimits {
                max_file_size: ways.max_file_size,
                max_batch_size: ways.max_batch_size,
                total_batch_bytes: None,
            },
            caps: Caps {
                bundle_bytes: ways.bundle_bytes,
                block_bytes: ways.block_bytes,
                bundle_documents: ways.bundle_documents,
                encodings: self.gzip.offered.then(|| "gzip".to_owned()).into_iter().collect(),
                digest: "blake3".to_owned(),
            },
            status: BatchStatus {
                batch_id: id.to_owned(),
                status: phase,
                total_files: total,
                processed_files: processed,
                failed_files: 0,
                progress_percentage: processed as f64 * 100.0 / total.max(1) as f64,
                started_at: None,
                estimated_completion: None,
                bytes: batch.documents.values().map(|document| document.size).sum(),
            },
        };
        json(200, &batch)
    }

    /// Completes or cancels: the batch takes no more.
    fn end(&mut self, id: &str, phase: Phase, now: u64) -> Reply {
        let Some(batch) = self.batches.get_mut(id) else { return problem(404, codes::BATCH_NOT_FOUND) };
        if batch.phase == Phase::Open {
            batch.phase = phase;
        }
        self.told(id, now)
    }

    fn remove(&mut self, id: &str, page: usize) -> Reply {
        self.removed.insert(id.to_owned(), page);
        for batch in self.batches.values_mut() {
            batch.documents.retain(|_, document| document.id != id);
        }
        Reply { status: 204, ..Reply::default() }
    }

    /// A page is opened, and meets these files.
    pub fn meets(&mut self, sources: &'a [Source], now: u64) {
        self.disks.push(Disk { sources, paths: by_path(sources), since: now });
        self.taken.upload += 1;
        (self.taken.known, self.taken.missed) = (0, 0);
    }

    /// What happens to the batches that uploads made while no page is open.
    pub fn turn(&mut self, turn: Turn) {
        let made: Vec<String> = self.keys.values().cloned().collect();
        for id in made {
            match turn {
                Turn::Nothing | Turn::Collect => {}
                Turn::Complete => drop(self.end(&id, Phase::Processing, 0)),
                Turn::Cancel => drop(self.end(&id, Phase::Cancelled, 0)),
                Turn::Vanish => self.vanished.extend(self.batches.remove(&id).map(|batch| (id, batch))),
            }
        }
        if turn == Turn::Collect {
            self.collect();
        }
    }

    pub(crate) fn next_document(&mut self) -> String {
        self.documents += 1;
        format!("doc-{}", self.documents)
    }
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest(*blake3::hash(bytes).as_bytes())
}

pub(crate) fn json(status: u16, value: &impl serde::Serialize) -> Reply {
    Reply { status, retry_after: None, body: serde_json::to_vec(value).unwrap_or_default() }
}

pub(crate) fn problem(status: u16, code: &'static str) -> Reply {
    json(status, &Problem::new(status, code, "No", "the simulated server says so"))
}

/// Undoes percent-encoding.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        rest = more;
        match (first, more) {
            (b'%', [high, low, more @ ..]) => {
                let hex = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or(0) as u8;
                bytes.push(hex(high) << 4 | hex(low));
                rest = more;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
