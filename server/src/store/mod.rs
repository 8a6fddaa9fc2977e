//! What is kept, behind five traits: [`Records`] (batches, documents, errors, and where blocks lie), [`Jobs`] (what is to
//! be processed, and the index of what was), [`Deliveries`] (webhooks), [`Upkeep`] (what nobody needs any more) and [`Blocks`]
//! (bytes, in packs). Nothing above this module knows that they are SQLite and files.
//!
//! **Order of writing.** A request's new blocks go into one pack; [`PackWriter::seal`] makes it durable; then one
//! [`Records::commit`] makes blocks and documents known, durably and all at once; then the client is told. So a record
//! never points at bytes that a crash could take, and a pack that no record names is garbage, whatever made it so.

pub mod deliveries;
pub mod files;
pub mod jobs;
pub mod sqlite;
pub mod upkeep;

pub use deliveries::{Attempt, Deliveries, DeliveryId, Due, Fate, Line, Most, Parcel};
pub use jobs::{Ahead, Found, Indexed, Job, JobId, Jobs, Outcome, Retry, Waiting};
pub use upkeep::Upkeep;

use crate::rules::Candidate;
use axum::body::Bytes;
use cloudindex_wire::{
    BatchError, BatchLimits, BatchStatus, Digest, Document, DocumentOutcome, NewBatch, Phase, Quota, Usage,
};
use serde_json::value::RawValue;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

/// The answer of a store, some time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Whose records and blocks: everything in a store belongs to one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tenant(pub i64);

/// Why a store could not do it. Nothing that failed was acknowledged; all may be tried again.
#[derive(Debug)]
pub enum StoreError {
    /// No space left.
    Full(String),
    /// Bytes that were acknowledged are not there any more, or the disk cannot read them.
    Lost(String),
    /// Anything else; the text is for the operator.
    Failed(String),
    /// The cursor is none that a list gave out.
    Cursor,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Full(what) => write!(f, "no space left: {what}"),
            StoreError::Lost(what) | StoreError::Failed(what) => f.write_str(what),
            StoreError::Cursor => f.write_str("the cursor is none that this list gave out"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => StoreError::Full(error.to_string()),
            _ => StoreError::Failed(error.to_string()),
        }
    }
}

/// How much there is of the whole server's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    pub open: u64,
    pub processing: u64,
    pub completed: u64,
    pub cancelled: u64,
    /// Documents that are to be processed yet.
    pub waiting: u64,
}

/// Where a block lies: `length` bytes at `offset` of the pack of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub pack: String,
    pub offset: u64,
    pub length: u64,
}

/// A batch as it is kept.
#[derive(Debug)]
pub struct BatchRecord {
    pub id: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub metadata: Option<Box<RawValue>>,
    pub limits: BatchLimits,
    pub status: BatchStatus,
    /// Documents held.
    pub documents: u64,
    /// Paths that were rejected, and under which no document is held.
    pub rejected: u64,
    /// Grows with each change of the status.
    pub changes: u64,
}

/// How a batch is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// No more documents will come; those that are there are processed.
    Complete,
    /// No more documents, and no more work on them.
    Cancel,
}

/// What became of [`Records::create_batch`].
#[derive(Debug)]
pub enum Created {
    New(BatchRecord),
    /// The idempotency key was used before, for the same request: the batch it made.
    Same(BatchRecord),
    /// The idempotency key was used before, for another request.
    KeyReused,
    /// The tenant holds as many batches as it may.
    OverQuota(Usage),
}

/// What one request brings, to be committed at once.
#[derive(Debug, Default)]
pub struct Bundle {
    /// The sealed pack that holds `blocks`; `None` when there are none.
    pub pack: Option<String>,
    /// New blocks: name, offset in the pack, length.
    pub blocks: Vec<(Digest, u64, u64)>,
    pub documents: Vec<Candidate>,
    /// Limits beside the batch's own.
    pub limits: BatchLimits,
}

/// What became of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Its pack is needed.
    New,
    /// Another request brought it meanwhile.
    Held,
    /// Other requests took what room there was.
    NoRoom,
}

/// What became of a [`Bundle`].
#[derive(Debug)]
pub enum Committed {
    /// Durable.
    Done {
        documents: Vec<DocumentOutcome>,
        /// One a block.
        blocks: Vec<Taken>,
    },
    NoBatch,
    /// The batch takes no more, and not every document was there already; nothing was stored.
    Closed(Phase),
}

/// One page of a list.
#[derive(Debug)]
pub struct Listed<T> {
    pub rows: Vec<T>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// Which page: what follows `cursor`, at most `limit` rows.
#[derive(Debug, Clone)]
pub struct Page {
    pub cursor: Option<String>,
    pub limit: u32,
}

/// Records. What is answered `Ok` by a method that writes is durable. `now` is in milliseconds since 1970, and the caller's, so
/// that a test has its own.
pub trait Records: Send + Sync {
    /// The tenant of this name, made if there is none.
    fn tenant(&self, name: &str) -> Answer<'_, Tenant>;
    /// What the tenant may hold from now on. What it holds already stays.
    fn set_quota(&self, tenant: Tenant, quota: Quota) -> Answer<'_, ()>;
    /// What the tenant holds and may; no more work for many documents than for few.
    fn usage(&self, tenant: Tenant) -> Answer<'_, Usage>;

    /// What there is of all tenants; no more work for many batches than for few.
    fn standing(&self) -> Answer<'_, Standing>;

    /// Makes a batch. `key`: the idempotency key and a digest of the request's body.
    fn create_batch(&self, tenant: Tenant, new: NewBatch, key: Option<(String, [u8; 32])>) -> Answer<'_, Created>;
    fn batch(&self, tenant: Tenant, id: &str) -> Answer<'_, Option<BatchRecord>>;
    /// Newest first.
    fn batches(&self, tenant: Tenant, page: Page) -> Answer<'_, Listed<BatchRecord>>;
    /// Ends an open batch; a batch that has ended stays as it is. `None`: no such batch.
    fn end_batch(&self, tenant: Tenant, id: &str, ending: Ending) -> Answer<'_, Option<BatchRecord>>;
    /// Oldest first; `None`: no such batch.
    fn errors(&self, tenant: Tenant, batch: &str, page: Page) -> Answer<'_, Option<Listed<BatchError>>>;

    /// In the order of the paths' bytes; `None`: no such batch.
    fn documents(&self, tenant: Tenant, batch: &str, page: Page) -> Answer<'_, Option<Listed<Document>>>;
    /// Those whose paths come after `path`, at most `limit`; `None`: no such batch.
    fn documents_after(&self, tenant: Tenant, batch: &str, path: &str, limit: u32)
    -> Answer<'_, Option<Vec<Document>>>;
    fn document(&self, tenant: Tenant, id: &str) -> Answer<'_, Option<Document>>;
    /// Whether there was such a document.
    fn delete_document(&self, tenant: Tenant, id: &str) -> Answer<'_, bool>;

    /// Where the tenant's blocks of these names lie, one answer a name.
    fn locate(&self, tenant: Tenant, digests: Vec<Digest>) -> Answer<'_, Vec<Option<Location>>>;
    /// Which of these blocks the tenant holds. A client that is told may rely on it: such a block is there for most of
    /// a day yet, even if no document ever names it.
    fn hold(&self, tenant: Tenant, digests: Vec<Digest>, now: i64) -> Answer<'_, Vec<bool>>;
    /// Makes blocks and documents known, all at once.
    fn commit(&self, tenant: Tenant, batch: &str, bundle: Bundle, now: i64) -> Answer<'_, Committed>;

    /// Of these packs, those that hold no block that is known.
    fn unused_packs(&self, packs: Vec<String>) -> Answer<'_, Vec<String>>;
}

/// Bytes of blocks, in packs that are written once.
pub trait Blocks: Send + Sync {
    /// Begins a pack. It is gone again if it is dropped before it is sealed.
    fn create(&self) -> Answer<'_, Box<dyn PackWriter>>;
    /// `length` bytes at `offset`, all of them or an error: [`StoreError::Lost`] if they are there no more. Callers ask for
    /// at most 1 MiB or so at once.
    fn read(&self, pack: &str, offset: u64, length: usize) -> Answer<'_, Bytes>;
    /// Bytes of a pack; `None`: there is none of that name.
    fn size(&self, pack: &str) -> Answer<'_, Option<u64>>;
    /// Removes a pack that no record names; it is no error if there is none.
    fn remove(&self, pack: &str) -> Answer<'_, Removal>;
    /// All packs there are.
    fn packs(&self) -> Answer<'_, Vec<String>>;
}

/// What became of a pack that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    Gone,
    /// A backup is under way, whose records may name it. Another time.
    Kept,
}

/// A pack that is being written.
pub trait PackWriter: Send {
    /// Appends `bytes`; they may rest in memory up to a bound.
    fn append<'a>(&'a mut self, bytes: &'a [u8]) -> Answer<'a, ()>;
    /// Makes all that was appended durable, and tells the pack's name.
    fn seal(self: Box<Self>) -> Answer<'static, String>;
}

/// Packs whose commit failed. It may have reached the disk all the same, so that a crash would bring it to light; only
/// a later commit, which takes its place, settles that. Until then such a pack must stay.
#[derive(Debug, Default)]
pub struct Doubtful(Mutex<Vec<String>>);

impl Doubtful {
    /// All of them, to be asked for before a commit begins.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn add(&self, packs: impl IntoIterator<Item = String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(packs);
    }
}

/// Removes packs that no record names: what requests left behind that a crash cut off. Only while nothing is written.
pub async fn sweep(records: &dyn Records, blocks: &dyn Blocks) -> Result<usize, StoreError> {
    Ok(remove_unused(records, blocks, blocks.packs().await?).await?.gone)
}

/// What became of packs that were to be removed.
#[derive(Debug, Default)]
pub struct Removed {
    pub gone: usize,
    /// To be tried again.
    pub kept: Vec<String>,
}

/// Removes those of `packs` that no record names, nor will.
pub async fn remove_unused(
    records: &dyn Records,
    blocks: &dyn Blocks,
    packs: Vec<String>,
) -> Result<Removed, StoreError> {
    let mut removed = Removed::default();
    for pack in records.unused_packs(packs).await? {
        match blocks.remove(&pack).await? {
            Removal::Gone => removed.gone += 1,
            Removal::Kept => removed.kept.push(pack),
        }
    }
    Ok(removed)
}
