//! The collector: drops blocks that no document names, a bounded step at a time.
//!
//! A round begins at a moment M. First every document is read, and what it names is kept in mind. Then blocks are looked
//! through, and those are dropped that no document named, and that no client was told of since M less the time they are kept.
//! Last, packs that are mostly dead are written anew.
//!
//! **Why none is dropped that a document names.** A document names a block by a commit. If that came before its place was
//! read, the block was seen. If it came after M, then it noted on the block, in the same transaction, that it is relied on: the
//! note is not older than M less a part of the time ([`crate::store::sqlite`]), and the transaction that drops the block
//! looks at the note. Between the two is nothing, because places are read after M and never change.
//!
//! **Why no reader stands before a pack that is gone.** A pack is removed at the beginning of the next round, when whoever
//! looked up a place in it has had the time between two rounds to read it; and then only if no record names it.

use crate::metrics::Metrics;
use crate::store::upkeep::{Dropped, Lying, Names, PackId};
use crate::store::{Blocks, Doubtful, Records, StoreError, Tenant, Upkeep, remove_unused};
use cloudindex_wire::Digest;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Blocks looked at in a step.
const LOOK: u32 = 1000;
/// Bytes of a block read at once.
const STEP: u64 = 256 << 10;

/// Drops what nobody needs.
pub struct Collector {
    records: Arc<dyn Records>,
    upkeep: Arc<dyn Upkeep>,
    blocks: Arc<dyn Blocks>,
    doubtful: Arc<Doubtful>,
    metrics: Arc<Metrics>,
    /// For how long a block is kept that a client was told of, in milliseconds.
    keep: i64,
    phase: Phase,
    /// Packs that no record names any more, and some reader may.
    leaving: Vec<String>,
}

/// Whether there is more to do in this round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    More,
    Done,
}

/// Where a round is.
enum Phase {
    /// None has begun.
    Rest,
    /// Documents are read, those that follow this one next.
    Mark(Round, i64),
    /// Blocks are looked through, those that follow this one next.
    Look(Round, Option<(Tenant, Digest)>),
    /// These were named by none; then the look goes on.
    Drop(Round, Vec<(Tenant, Digest)>, Option<(Tenant, Digest)>),
    /// Packs that are left, and the bytes of each that count; the last first.
    Weigh(Vec<(PackId, u64)>),
    /// A pack was written anew.
    Move(Moving, Vec<(PackId, u64)>),
}

/// A round under way.
struct Round {
    /// Blocks that a client was told of since then are kept.
    before: i64,
    named: HashSet<u64>,
    /// Bytes of blocks that stay, by their packs.
    live: BTreeMap<PackId, u64>,
}

/// A pack whose blocks lie in another one, too.
struct Moving {
    from: PackId,
    to: String,
    blocks: Vec<Lying>,
}

/// A block in eight bytes. Two of the same are no fault: what need not be kept is kept.
fn short(tenant: Tenant, digest: &Digest) -> u64 {
    let number = digest.0.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
    number ^ tenant.0.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Collector {
    pub fn new(
        records: Arc<dyn Records>,
        upkeep: Arc<dyn Upkeep>,
        blocks: Arc<dyn Blocks>,
        doubtful: Arc<Doubtful>,
        metrics: Arc<Metrics>,
        keep: i64,
    ) -> Self {
        Collector { records, upkeep, blocks, doubtful, metrics, keep, phase: Phase::Rest, leaving: Vec::new() }
    }

    /// Does a little. A step that fails ends the round; the next one begins another.
    pub async fn step(&mut self, now: i64) -> Result<Step, StoreError> {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Rest) {
            Phase::Rest => self.begin(now).await?,
            Phase::Mark(round, after) => self.mark(round, after).await?,
            Phase::Look(round, after) => self.look(round, after).await?,
            Phase::Drop(round, blocks, after) => self.drop(round, blocks, after).await?,
            Phase::Weigh(packs) => self.weigh(packs).await?,
            Phase::Move(moving, packs) => self.moved(moving, packs).await?,
        };
        Ok(match self.phase {
            Phase::Rest => Step::Done,
            _ => Step::More,
        })
    }

    async fn begin(&mut self, now: i64) -> Result<Phase, StoreError> {
        let removed = remove_unused(&*self.records, &*self.blocks, self.leaving.clone()).await?;
        self.metrics.packs_removed.add(removed.gone as u64);
        self.leaving = removed.kept;
        let moment = self.upkeep.moment(now).await?;
        let before = moment.saturating_sub(self.keep);
        Ok(Phase::Mark(Round { before, named: HashSet::new(), live: BTreeMap::new() }, 0))
    }

    async fn mark(&mut self, mut round: Round, after: i64) -> Result<Phase, StoreError> {
        let Names { blocks, next } = self.upkeep.named(after).await?;
        round.named.extend(blocks.iter().map(|(tenant, digest)| short(*tenant, digest)));
        Ok(match next {
            Some(next) => Phase::Mark(round, next),
            None => Phase::Look(round, None),
        })
    }

    async fn look(&mut self, mut round: Round, after: Option<(Tenant, Digest)>) -> Result<Phase, StoreError> {
        let held = self.upkeep.held(after, LOOK).await?;
        let Some(last) = held.last().map(|block| (block.tenant, block.digest)) else {
            return Ok(Phase::Weigh(round.live.into_iter().rev().collect()));
        };
        let mut blocks = Vec::new();
        for block in held {
            if block.at < round.before && !round.named.contains(&short(block.tenant, &block.digest)) {
                blocks.push((block.tenant, block.digest));
            } else {
                *round.live.entry(block.pack).or_default() += block.length;
            }
        }
        Ok(match blocks.is_empty() {
            true => Phase::Look(round, Some(last)),
            false => Phase::Drop(round, blocks, Some(last)),
        })
    }

    async fn drop(
        &mut self,
        round: Round,
        blocks: Vec<(Tenant, Digest)>,
        after: Option<(Tenant, Digest)>,
    ) -> Result<Phase, StoreError> {
        let Dropped { blocks, bytes, packs } = self.upkeep.drop_blocks(blocks, round.before).await?;
        self.metrics.blocks_dropped.add(blocks);
        self.metrics.block_bytes_dropped.add(bytes);
        self.leaving.extend(packs);
        Ok(Phase::Look(round, after))
    }

    /// Writes the next pack anew if less than half of it counts.
    async fn weigh(&mut self, mut packs: Vec<(PackId, u64)>) -> Result<Phase, StoreError> {
        let Some((pack, live)) = packs.pop() else { return Ok(Phase::Rest) };
        let Some(contents) = self.upkeep.contents(pack).await? else { return Ok(Phase::Weigh(packs)) };
        let size = self.blocks.size(&contents.name).await?;
        // Of a pack that is lost nothing can be saved.
        if size.is_none_or(|size| live.saturating_mul(2) >= size) {
            return Ok(Phase::Weigh(packs));
        }
        Ok(match self.copy(&contents.name, contents.blocks).await {
            Ok((to, blocks)) => Phase::Move(Moving { from: pack, to, blocks }, packs),
            Err(StoreError::Lost(what)) => {
                tracing::error!(pack = contents.name, what, "a pack is damaged, and stays as it is");
                Phase::Weigh(packs)
            }
            Err(error) => return Err(error),
        })
    }

    /// Copies blocks into a new pack, and tells where they lie in it.
    async fn copy(&self, from: &str, mut blocks: Vec<Lying>) -> Result<(String, Vec<Lying>), StoreError> {
        let mut pack = self.blocks.create().await?;
        let mut written = 0;
        for block in &mut blocks {
            let (mut hasher, mut done) = (blake3::Hasher::new(), 0);
            while done < block.length {
                let step = STEP.min(block.length - done);
                let bytes = self.blocks.read(from, block.offset + done, step as usize).await?;
                hasher.update(&bytes);
                pack.append(&bytes).await?;
                done += step;
            }
            if hasher.finalize().as_bytes() != &block.digest.0 {
                return Err(StoreError::Lost(format!("block {} has other bytes", block.digest)));
            }
            block.offset = written;
            written += block.length;
        }
        Ok((pack.seal().await?, blocks))
    }

    async fn moved(
        &mut self,
        Moving { from, to, blocks }: Moving,
        packs: Vec<(PackId, u64)>,
    ) -> Result<Phase, StoreError> {
        match self.upkeep.moved(from, to.clone(), blocks).await {
            Ok(gone) => self.leaving.extend(gone),
            Err(error) => {
                self.doubtful.add([to]);
                return Err(error);
            }
        }
        Ok(Phase::Weigh(packs))
    }
}
