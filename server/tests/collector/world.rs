//! A world of requests that come between the collector's steps, each a step at a time, on the real records.

use crate::memory::{Fault, Faulty, Memory, Tally};
use crate::requests::Upload;
use cloudindex_server::metrics::Metrics;
use cloudindex_server::store::sqlite::Sqlite;
use cloudindex_server::store::{Created, Doubtful, Records, StoreError, Tenant, Upkeep, sweep};
use cloudindex_server::upkeep::collect::Collector;
use cloudindex_wire::NewBatch;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;
/// How long a client may count on a block: a day, less what a note may be old.
pub const PROMISED: i64 = DAY - HOUR;
pub const TENANTS: usize = 2;
/// Different blocks that there are.
pub const BLOCKS: u64 = 9;
pub const PATHS: u64 = 6;

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
pub type Documents = BTreeMap<(usize, String), (String, Vec<u64>)>;

pub struct World {
    pub rng: Rng,
    pub path: PathBuf,
    pub fault: Fault,
    pub records: Arc<Sqlite>,
    pub faulty: Arc<Faulty>,
    pub blocks: Memory,
    pub doubtful: Arc<Doubtful>,
    pub metrics: Arc<Metrics>,
    pub tally: Arc<Tally>,
    pub collector: Collector,
    pub now: i64,
    /// The latest that it was since the server started: what it can know.
    pub latest: i64,
    /// The latest that it ever was.
    pub highest: i64,
    pub tenants: Vec<(Tenant, String)>,
    pub uploads: Vec<Upload>,
    /// What was acknowledged.
    pub documents: Documents,
    /// When a client was last told that a block is held.
    pub promised: BTreeMap<(usize, u64), i64>,
    pub backup: Option<(PathBuf, Documents)>,
    pub stats: Stats,
}

pub type Check = Result<(), String>;

pub fn wrong(error: StoreError) -> String {
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

    /// The process ends, and another begins.
    pub async fn crash(&mut self) -> Check {
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
}

/// Removes records, and what SQLite keeps beside them.
pub fn remove(path: &Path) {
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
}

pub fn open(path: &Path, fault: Fault) -> Sqlite {
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
