//! Packs in memory, which last through a crash once they are sealed; and records that can be given a fault.

use axum::body::Bytes;
use cloudindex_server::store::sqlite::Sqlite;
use cloudindex_server::store::upkeep::{Contents, Dropped, HeldBlock, Lying, Names, PackId, Pruned};
use cloudindex_server::store::{Answer, Blocks, PackWriter, Removal, StoreError, Tenant, Upkeep};
use cloudindex_wire::Digest;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// What is wrong with the world, to see that it is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The collector does not look at the note that a block is relied on.
    NoGuard,
    /// A commit makes no such note.
    NoNotes,
    /// The collector reads documents once, and never again.
    OldNames,
    /// Of some documents, not all blocks are seen.
    LostNames,
    /// A pack is sealed before its bytes are durable.
    EarlySeal,
    /// A pack is removed whatever the records say.
    EagerRemoval,
    /// A backup is no reason to keep a pack.
    NoKeeping,
}

#[derive(Default)]
struct Shelf {
    packs: BTreeMap<String, Arc<Vec<u8>>>,
    made: u64,
    /// Backups under way.
    backups: u32,
    /// Sealed, and lost if a crash comes before the next one is.
    soft: Option<String>,
}

/// Packs.
#[derive(Clone)]
pub struct Memory {
    shelf: Arc<Mutex<Shelf>>,
    fault: Fault,
}

impl Memory {
    pub fn new(fault: Fault) -> Self {
        Memory { shelf: Arc::default(), fault }
    }

    pub fn sizes(&self) -> BTreeMap<String, u64> {
        let shelf = self.shelf.lock().unwrap();
        shelf.packs.iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect()
    }

    pub fn crash(&self) {
        let mut shelf = self.shelf.lock().unwrap();
        shelf.backups = 0;
        if let Some(name) = shelf.soft.take().filter(|_| self.fault == Fault::EarlySeal) {
            shelf.packs.remove(&name);
        }
    }

    pub fn begin_backup(&self) {
        self.shelf.lock().unwrap().backups += 1;
    }

    /// All packs as they are now; the backup is over.
    pub fn end_backup(&self) -> Memory {
        let mut shelf = self.shelf.lock().unwrap();
        shelf.backups -= 1;
        let copy = Shelf { packs: shelf.packs.clone(), ..Shelf::default() };
        Memory { shelf: Arc::new(Mutex::new(copy)), fault: Fault::None }
    }
}

impl Blocks for Memory {
    fn create(&self) -> Answer<'_, Box<dyn PackWriter>> {
        let writer = Writer { memory: self.clone(), bytes: Vec::new() };
        Box::pin(async move { Ok(Box::new(writer) as Box<dyn PackWriter>) })
    }

    fn read(&self, pack: &str, offset: u64, length: usize) -> Answer<'_, Bytes> {
        let found = self.shelf.lock().unwrap().packs.get(pack).cloned();
        let bytes = found.and_then(|bytes| {
            let from = offset as usize;
            Some(Bytes::copy_from_slice(bytes.get(from..from + length)?))
        });
        let answer = bytes.ok_or_else(|| StoreError::Lost(format!("{pack} does not hold {offset}, {length}")));
        Box::pin(async move { answer })
    }

    fn size(&self, pack: &str) -> Answer<'_, Option<u64>> {
        let size = self.shelf.lock().unwrap().packs.get(pack).map(|bytes| bytes.len() as u64);
        Box::pin(async move { Ok(size) })
    }

    fn remove(&self, pack: &str) -> Answer<'_, Removal> {
        let mut shelf = self.shelf.lock().unwrap();
        let kept = shelf.backups > 0 && self.fault != Fault::NoKeeping;
        if !kept {
            shelf.packs.remove(pack);
        }
        Box::pin(async move { Ok(if kept { Removal::Kept } else { Removal::Gone }) })
    }

    fn packs(&self) -> Answer<'_, Vec<String>> {
        let packs = self.shelf.lock().unwrap().packs.keys().cloned().collect();
        Box::pin(async move { Ok(packs) })
    }
}

struct Writer {
    memory: Memory,
    bytes: Vec<u8>,
}

impl PackWriter for Writer {
    fn append<'a>(&'a mut self, bytes: &'a [u8]) -> Answer<'a, ()> {
        self.bytes.extend_from_slice(bytes);
        Box::pin(async { Ok(()) })
    }

    fn seal(self: Box<Self>) -> Answer<'static, String> {
        let mut shelf = self.memory.shelf.lock().unwrap();
        shelf.made += 1;
        let name = format!("pack_{}", shelf.made);
        shelf.packs.insert(name.clone(), Arc::new(self.bytes));
        shelf.soft = Some(name.clone());
        drop(shelf);
        Box::pin(async move { Ok(name) })
    }
}

/// The records as the collector has them: with a fault, and with transactions that sometimes fail.
pub struct Faulty {
    pub records: Arc<Sqlite>,
    pub blocks: Memory,
    pub fault: Fault,
    /// Names that were read before, by where they began.
    pub read: Mutex<BTreeMap<i64, Names>>,
    /// How the next transactions end: `Some(true)` is done and yet an error, `Some(false)` an error alone.
    pub failing: Mutex<Option<bool>>,
    pub tally: Arc<Tally>,
}

/// What the collector did.
#[derive(Debug, Default)]
pub struct Tally {
    /// Blocks that no document named when it looked, and that were relied on when it came to drop them.
    pub spared: AtomicU64,
    /// Packs that were written anew.
    pub moved: AtomicU64,
}

impl Faulty {
    /// Runs `work` as it is to end.
    fn through<'a, T: Send + 'a>(&'a self, work: Answer<'a, T>) -> Answer<'a, T> {
        let failing = self.failing.lock().unwrap().take();
        Box::pin(async move {
            let failed = || StoreError::Failed("as planned".into());
            match failing {
                None => work.await,
                Some(false) => Err(failed()),
                Some(true) => {
                    work.await?;
                    Err(failed())
                }
            }
        })
    }
}

impl Upkeep for Faulty {
    fn moment(&self, now: i64) -> Answer<'_, i64> {
        self.records.moment(now)
    }

    fn named(&self, after: i64) -> Answer<'_, Names> {
        Box::pin(async move {
            if self.fault == Fault::OldNames
                && let Some(names) = self.read.lock().unwrap().get(&after)
            {
                return Ok(names.clone());
            }
            let mut names = self.records.named(after).await?;
            if self.fault == Fault::LostNames {
                names.blocks.pop();
            }
            self.read.lock().unwrap().insert(after, names.clone());
            Ok(names)
        })
    }

    fn held(&self, after: Option<(Tenant, Digest)>, _: u32) -> Answer<'_, Vec<HeldBlock>> {
        // A few at once, so that others come between.
        self.records.held(after, 3)
    }

    fn drop_blocks(&self, blocks: Vec<(Tenant, Digest)>, before: i64) -> Answer<'_, Dropped> {
        let before = if self.fault == Fault::NoGuard { i64::MAX } else { before };
        Box::pin(async move {
            let asked = blocks.len() as u64;
            let dropped = self.through(self.records.drop_blocks(blocks, before)).await?;
            self.tally.spared.fetch_add(asked - dropped.blocks, Relaxed);
            Ok(dropped)
        })
    }

    fn contents(&self, pack: PackId) -> Answer<'_, Option<Contents>> {
        self.records.contents(pack)
    }

    fn moved(&self, from: PackId, to: String, blocks: Vec<Lying>) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            if self.fault == Fault::EagerRemoval
                && let Some(contents) = self.records.contents(from).await?
            {
                self.blocks.remove(&contents.name).await?;
            }
            let gone = self.through(self.records.moved(from, to, blocks)).await?;
            self.tally.moved.fetch_add(1, Relaxed);
            Ok(gone)
        })
    }

    fn prune(&self, now: i64) -> Answer<'_, Pruned> {
        self.records.prune(now)
    }
}
