//! A world of requests that come between the collector's steps, each a step at a time, on the real records.

use crate::memory::{Fault, Faulty, Memory, Tally};
use cloudindex_server::metrics::Metrics;
use cloudindex_server::rules::Candidate;
use cloudindex_server::store::sqlite::{Sqlite, backup::copy};
use cloudindex_server::store::{
    Blocks, Bundle, Committed, Created, Doubtful, Records, StoreError, Tenant, Upkeep, remove_unused, sweep,
};
use cloudindex_server::upkeep::collect::{Collector, Step};
use cloudindex_wire::{Caps, Digest, DocumentEntry, DocumentOutcome, NewBatch};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;
/// How long a client may count on a block: a day, less what a note may be old.
const PROMISED: i64 = DAY - HOUR;
const TENANTS: usize = 2;
/// Different blocks that there are.
const BLOCKS: u64 = 9;
const PATHS: u64 = 6;

/// Numbers by a seed (splitmix64).
pub struct Rng(pub u64);

impl Rng {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

fn content(block: u64) -> Vec<u8> {
    block.to_le_bytes().repeat(block as usize % 4 + 1)
}

pub fn digest(block: u64) -> Digest {
    Digest(*blake3::hash(&content(block)).as_bytes())
}

fn candidate(path: &str, blocks: &[u64]) -> Candidate {
    let list: Vec<(Digest, u64)> = blocks.iter().map(|b| (digest(*b), content(*b).len() as u64)).collect();
    let entry = DocumentEntry {
        path: path.into(),
        size: list.iter().map(|(_, length)| length).sum(),
        media_type: String::new(),
        last_modified: None,
        metadata: None,
        blocks: list,
    };
    let caps = Caps {
        bundle_bytes: 1 << 20,
        block_bytes: 1 << 20,
        bundle_documents: 10,
        encodings: Vec::new(),
        digest: "blake3".into(),
    };
    Candidate::new(entry, &caps)
}

/// A request that brings a document, between two of its steps.
struct Upload {
    tenant: usize,
    path: String,
    blocks: Vec<u64>,
    stage: Stage,
}

enum Stage {
    /// Nothing was asked yet.
    New,
    /// The records were asked which blocks they hold; these are missing, and are sent unless the client only asks.
    Asked(BTreeSet<u64>),
    /// They are in a sealed pack.
    Sealed(Option<String>, Vec<(Digest, u64, u64)>),
}

/// What happened, over all seeds.
#[derive(Debug, Default)]
pub struct Stats {
    pub committed: u64,
    pub dropped: u64,
    pub spared: u64,
    pub moved: u64,
    pub removed: u64,
    pub crashes: u64,
    pub failures: u64,
    pub backups: u64,
}

/// By tenant and path: the id, and the blocks.
type Documents = BTreeMap<(usize, String), (String, Vec<u64>)>;

pub struct World {
    rng: Rng,
    path: PathBuf,
    fault: Fault,
    pub records: Arc<Sqlite>,
    faulty: Arc<Faulty>,
    pub blocks: Memory,
    doubtful: Arc<Doubtful>,
    metrics: Arc<Metrics>,
    tally: Arc<Tally>,
    collector: Collector,
    pub now: i64,
    /// The latest that it was since the server started: what it can know.
    latest: i64,
    /// The latest that it ever was.
    highest: i64,
    tenants: Vec<(Tenant, String)>,
    uploads: Vec<Upload>,
    /// What was acknowledged.
    pub documents: Documents,
    /// When a client was last told that a block is held.
    promised: BTreeMap<(usize, u64), i64>,
    backup: Option<(PathBuf, Documents)>,
    pub stats: Stats,
}

type Check = Result<(), String>;

fn wrong(error: StoreError) -> String {
    error.to_string()
}

impl World {
    pub async fn new(seed: u64, path: PathBuf, fault: Fault) -> World {
        let blocks = Memory::new(fault);
        let records = Arc::new(open(&path, fault));
        let mut tenants = Vec::new();
        for name in ["a", "b"] {
            let tenant = records.tenant(name).await.unwrap();
            let Created::New(batch) = records.create_batch(tenant, NewBatch::default(), None).await.unwrap() else {
                panic!("no batch");
            };
            tenants.push((tenant, batch.id));
        }
        let (doubtful, metrics, tally): (Arc<Doubtful>, Arc<Metrics>, Arc<Tally>) = Default::default();
        let (faulty, collector) = house(&records, &blocks, &doubtful, &metrics, &tally, fault);
        let now = 1_800_000_000_000;
        records.moment(now).await.unwrap();
        World {
            rng: Rng(seed),
            path,
            fault,
            records,
            faulty,
            blocks,
            doubtful,
            metrics,
            tally,
            collector,
            now,
            latest: now,
            highest: now,
            tenants,
            uploads: Vec::new(),
            documents: BTreeMap::new(),
            promised: BTreeMap::new(),
            backup: None,
            stats: Stats::default(),
        }
    }

    /// Something happens.
    pub async fn step(&mut self) -> Check {
        let what = self.rng.below(100);
        if what < 82 {
            self.latest = self.latest.max(self.now);
            let latest = self.latest;
            self.promised.retain(|_, at| latest <= *at + PROMISED);
            self.records.moment(self.now).await.map_err(wrong)?;
        }
        match what {
            0..30 => self.collect().await?,
            30..58 => self.upload().await?,
            58..66 => self.probe().await?,
            66..73 => self.delete().await?,
            73..74 => self.crash().await?,
            74..82 => self.back_up().await?,
            _ => self.tick(),
        }
        self.check().await
    }

    fn tick(&mut self) {
        let by = match self.rng.below(7) {
            0 => 1000,
            1 => 20 * 60_000,
            2 => 9 * HOUR,
            3 | 4 => 26 * HOUR,
            5 => 2 * HOUR,
            // Someone sets the clock back.
            _ => -(self.rng.below(60) as i64) * HOUR,
        };
        self.now += by;
        self.highest = self.highest.max(self.now);
    }

    async fn collect(&mut self) -> Check {
        if self.rng.below(12) == 0 {
            *self.faulty.failing.lock().unwrap() = Some(self.rng.below(2) == 0);
        }
        // A step that fails is no harm; the next begins a round.
        self.stats.failures += u64::from(self.collector.step(self.now).await.is_err());
        Ok(())
    }

    async fn probe(&mut self) -> Check {
        let tenant = self.rng.below(TENANTS as u64) as usize;
        let asked: Vec<u64> = (0..BLOCKS).filter(|_| self.rng.below(3) == 0).collect();
        let digests = asked.iter().map(|block| digest(*block)).collect();
        let held = self.records.hold(self.tenants[tenant].0, digests, self.now).await.map_err(wrong)?;
        for (block, held) in asked.into_iter().zip(held) {
            if held {
                self.promise(tenant, block);
            }
        }
        Ok(())
    }

    fn promise(&mut self, tenant: usize, block: u64) {
        self.promised.insert((tenant, block), self.latest);
    }

    async fn delete(&mut self) -> Check {
        let nth = self.rng.below(self.documents.len().max(1) as u64) as usize;
        let Some((key, (id, _))) = self.documents.iter().nth(nth).map(|(key, held)| (key.clone(), held.clone())) else {
            return Ok(());
        };
        self.records.delete_document(self.tenants[key.0].0, &id).await.map_err(wrong)?;
        self.documents.remove(&key);
        Ok(())
    }

    async fn upload(&mut self) -> Check {
        if self.uploads.len() < 4 && self.rng.below(3) == 0 {
            let blocks = (0..self.rng.below(6)).map(|_| self.rng.below(BLOCKS)).collect();
            let (tenant, path) = (self.rng.below(TENANTS as u64) as usize, format!("p{}", self.rng.below(PATHS)));
            self.uploads.push(Upload { tenant, path, blocks, stage: Stage::New });
        }
        if self.uploads.is_empty() {
            return Ok(());
        }
        let nth = self.rng.below(self.uploads.len() as u64) as usize;
        let Upload { tenant, path, blocks, stage } = self.uploads.swap_remove(nth);
        let stage = match stage {
            Stage::New => {
                let unique: BTreeSet<u64> = blocks.iter().copied().collect();
                let digests = unique.iter().map(|block| digest(*block)).collect();
                let held = self.records.hold(self.tenants[tenant].0, digests, self.now).await.map_err(wrong)?;
                Stage::Asked(
                    unique.into_iter().zip(held).filter_map(|(block, held)| (!held).then_some(block)).collect(),
                )
            }
            Stage::Asked(missing) => {
                // Some send nothing: the probe.
                let missing = if self.rng.below(4) == 0 { BTreeSet::new() } else { missing };
                let mut list = Vec::new();
                let mut name = None;
                if !missing.is_empty() {
                    let mut pack = self.blocks.create().await.map_err(wrong)?;
                    let mut offset = 0;
                    for block in missing {
                        let bytes = content(block);
                        pack.append(&bytes).await.map_err(wrong)?;
                        list.push((digest(block), offset, bytes.len() as u64));
                        offset += bytes.len() as u64;
                    }
                    name = Some(pack.seal().await.map_err(wrong)?);
                }
                Stage::Sealed(name, list)
            }
            Stage::Sealed(pack, list) => return self.commit(tenant, path, blocks, pack, list).await,
        };
        self.uploads.push(Upload { tenant, path, blocks, stage });
        Ok(())
    }

    /// As the way in does it, with commits that fail: before they are done, or when they are.
    async fn commit(
        &mut self,
        tenant: usize,
        path: String,
        blocks: Vec<u64>,
        pack: Option<String>,
        list: Vec<(Digest, u64, u64)>,
    ) -> Check {
        let documents = vec![candidate(&path, &blocks)];
        let bundle = Bundle { pack: pack.clone(), blocks: list, documents };
        let doubtful = self.doubtful.take();
        let fails = self.rng.below(20) == 0;
        if fails {
            self.stats.failures += 1;
            self.doubtful.add(doubtful.into_iter().chain(pack));
            return Ok(());
        }
        let (id, batch) = self.tenants[tenant].clone();
        let committed = self.records.commit(id, &batch, bundle, self.now).await.map_err(wrong)?;
        let Committed::Done { mut documents, stored } = committed else { return Err(format!("{committed:?}")) };
        let unused = match stored.contains(&true) {
            true => doubtful,
            false => {
                self.doubtful.add(doubtful);
                pack.into_iter().collect()
            }
        };
        let removed = remove_unused(&*self.records, &self.blocks, unused).await.map_err(wrong)?;
        self.doubtful.add(removed.kept);
        let missing = match documents.remove(0) {
            DocumentOutcome::Committed { id } => {
                self.stats.committed += 1;
                self.documents.insert((tenant, path), (id, blocks.clone()));
                Vec::new()
            }
            // It was there already: the client counts on the document, and on no block.
            DocumentOutcome::Duplicate { .. } => return Ok(()),
            DocumentOutcome::Incomplete { missing } => missing,
            DocumentOutcome::Rejected { error } => return Err(error.detail),
        };
        for block in blocks.into_iter().filter(|block| !missing.contains(&digest(*block))) {
            self.promise(tenant, block);
        }
        Ok(())
    }

    /// The process ends, and another begins.
    async fn crash(&mut self) -> Check {
        self.stats.crashes += 1;
        self.latest = self.now;
        self.uploads.clear();
        self.blocks.crash();
        if let Some((path, _)) = self.backup.take() {
            remove(&path);
        }
        let records = open(&self.path, self.fault);
        self.records = Arc::new(records);
        self.records.moment(self.now).await.map_err(wrong)?;
        self.doubtful = Arc::default();
        sweep(&*self.records, &self.blocks).await.map_err(wrong)?;
        (self.faulty, self.collector) =
            house(&self.records, &self.blocks, &self.doubtful, &self.metrics, &self.tally, self.fault);
        Ok(())
    }

    /// A backup begins with the records, and ends with the packs; it must hold all documents of its beginning.
    async fn back_up(&mut self) -> Check {
        let Some((path, documents)) = self.backup.take() else {
            let path = self.path.with_extension("copy");
            remove(&path);
            self.blocks.begin_backup();
            copy(&self.path, &path).map_err(wrong)?;
            self.backup = Some((path, self.documents.clone()));
            return Ok(());
        };
        self.stats.backups += 1;
        let packs = self.blocks.end_backup();
        let records = open(&path, Fault::None);
        for ((tenant, document), (_, blocks)) in documents {
            for block in blocks {
                if !self.readable(&records, &packs, (tenant, block)).await? {
                    return Err(format!("block {block} of {document} is not in the backup"));
                }
            }
        }
        drop(records);
        remove(&path);
        Ok(())
    }

    async fn readable(&self, records: &Sqlite, packs: &Memory, (tenant, block): (usize, u64)) -> Result<bool, String> {
        let place = records.locate(self.tenants[tenant].0, vec![digest(block)]).await.map_err(wrong)?;
        let Some(place) = place.into_iter().next().flatten() else { return Ok(false) };
        let bytes = packs.read(&place.pack, place.offset, place.length as usize).await;
        Ok(bytes.is_ok_and(|bytes| bytes == content(block)))
    }

    /// Whatever happened: what was acknowledged is there.
    async fn check(&self) -> Check {
        let named: BTreeSet<(usize, u64)> =
            self.documents.iter().flat_map(|((tenant, _), (_, blocks))| blocks.iter().map(|b| (*tenant, *b))).collect();
        for block in named {
            if !self.readable(&self.records, &self.blocks, block).await? {
                return Err(format!("block {block:?} of a document is lost"));
            }
        }
        for block in self.promised.keys() {
            if !self.readable(&self.records, &self.blocks, *block).await? {
                return Err(format!("block {block:?} is lost that a client counts on"));
            }
        }
        Ok(())
    }

    /// Nobody comes any more: after a day, and two rounds, all garbage is gone.
    pub async fn settle(&mut self) -> Check {
        self.crash().await?;
        self.now = self.highest + 2 * DAY;
        self.latest = self.now;
        self.promised.clear();
        for _ in 0..3 {
            while self.collector.step(self.now).await.map_err(wrong)? == Step::More {}
            self.check().await?;
        }
        let named: BTreeSet<(i64, Digest)> = self
            .documents
            .iter()
            .flat_map(|((tenant, _), (_, blocks))| blocks.iter().map(|b| (self.tenants[*tenant].0.0, digest(*b))))
            .collect();
        let held = self.records.held(None, 1000).await.map_err(wrong)?;
        let mut live: BTreeMap<_, u64> = BTreeMap::new();
        for block in &held {
            *live.entry(block.pack).or_default() += block.length;
        }
        let held: BTreeSet<(i64, Digest)> = held.iter().map(|block| (block.tenant.0, block.digest)).collect();
        if held != named {
            return Err(format!("{} blocks are held, {} are named", held.len(), named.len()));
        }
        let mut sizes = self.blocks.sizes();
        for (pack, live) in live {
            let name = self.records.contents(pack).await.map_err(wrong)?.ok_or("a pack is unknown")?.name;
            let size = sizes.remove(&name).ok_or("a pack is lost")?;
            if live * 2 < size {
                return Err(format!("{name} is mostly dead: {live} of {size}"));
            }
        }
        if !sizes.is_empty() {
            return Err(format!("packs that nobody needs are left: {sizes:?}"));
        }
        self.stats.dropped = self.metrics.blocks_dropped.get();
        self.stats.removed = self.metrics.packs_removed.get();
        self.stats.spared = self.tally.spared.load(Relaxed);
        self.stats.moved = self.tally.moved.load(Relaxed);
        Ok(())
    }
}

/// Removes records, and what SQLite keeps beside them.
pub fn remove(path: &Path) {
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
}

fn open(path: &Path, fault: Fault) -> Sqlite {
    // Without notes: as if they were good for a month.
    let keep = Duration::from_millis(DAY as u64) * if fault == Fault::NoNotes { 24 * 30 } else { 1 };
    Sqlite::keeping(path, keep).unwrap()
}

fn house(
    records: &Arc<Sqlite>,
    blocks: &Memory,
    doubtful: &Arc<Doubtful>,
    metrics: &Arc<Metrics>,
    tally: &Arc<Tally>,
    fault: Fault,
) -> (Arc<Faulty>, Collector) {
    let faulty = Arc::new(Faulty {
        records: records.clone(),
        blocks: blocks.clone(),
        fault,
        read: Mutex::default(),
        failing: Mutex::default(),
        tally: tally.clone(),
    });
    let blocks = Arc::new(blocks.clone());
    let collector = Collector::new(records.clone(), faulty.clone(), blocks, doubtful.clone(), metrics.clone(), DAY);
    (faulty, collector)
}
