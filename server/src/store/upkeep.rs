//! Housekeeping's side of the records: which blocks documents name, which are held, and how what nobody needs is dropped.

use super::{Answer, Tenant};
use cloudindex_wire::Digest;

/// Names a pack, within the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackId(pub i64);

/// Blocks that some documents name.
#[derive(Debug, Default, Clone)]
pub struct Names {
    pub blocks: Vec<(Tenant, Digest)>,
    /// Where the next documents begin; `None` after the last.
    pub next: Option<i64>,
}

/// A block as it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldBlock {
    pub tenant: Tenant,
    pub digest: Digest,
    pub pack: PackId,
    pub length: u64,
    /// When a client was last told of it, or a little before.
    pub at: i64,
}

/// What was dropped.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    pub blocks: u64,
    pub bytes: u64,
    /// Names of packs that no record names any more.
    pub packs: Vec<String>,
}

/// A pack and the blocks that it is there for, in the order of their offsets.
#[derive(Debug, PartialEq, Eq)]
pub struct Contents {
    pub name: String,
    pub blocks: Vec<Lying>,
}

/// Where a block lies in its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lying {
    pub tenant: Tenant,
    pub digest: Digest,
    pub offset: u64,
    pub length: u64,
}

/// What was removed because it is old.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Webhooks that were delivered.
    pub deliveries: u64,
    /// Idempotency keys.
    pub keys: u64,
}

/// Records, as those see them who keep house. Times are milliseconds since 1970 and the caller's, so that a test has its own.
/// What is answered `Ok` by a method that writes is durable.
pub trait Upkeep: Send + Sync {
    /// Begins a round: `now`, or later if this store was told of a later time before. What is committed or told to a client
    /// from here on bears no earlier time, even if the clock is set back.
    fn moment(&self, now: i64) -> Answer<'_, i64>;
    /// The blocks of the documents that follow `after`, a few thousand at once; 0 for the first.
    fn named(&self, after: i64) -> Answer<'_, Names>;
    /// Blocks in the order of tenant and digest, those that follow `after`.
    fn held(&self, after: Option<(Tenant, Digest)>, limit: u32) -> Answer<'_, Vec<HeldBlock>>;
    /// Drops those of these blocks that no client was told of since `before`, and the packs that held nothing else.
    fn drop_blocks(&self, blocks: Vec<(Tenant, Digest)>, before: i64) -> Answer<'_, Dropped>;
    /// `None`: there is no such pack any more.
    fn contents(&self, pack: PackId) -> Answer<'_, Option<Contents>>;
    /// Notes that blocks of `from` lie in the sealed pack `to` now, where they are still held; then drops `from` if it holds
    /// nothing else. Tells the packs that no record names now; `to` may be one.
    fn moved(&self, from: PackId, to: String, blocks: Vec<Lying>) -> Answer<'_, Vec<String>>;
    /// Removes some of the webhooks that were delivered and are 30 days old, and of the idempotency keys of two days; when it
    /// has removed nothing, there is nothing left.
    fn prune(&self, now: i64) -> Answer<'_, Pruned>;
}
