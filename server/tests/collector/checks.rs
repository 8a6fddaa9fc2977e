//! What must hold, whatever happened.

use crate::memory::{Fault, Memory};
use crate::requests::{content, digest};
use crate::world::{Check, DAY, World, open, remove, wrong};
use cloudindex_server::store::sqlite::{Sqlite, backup::copy};
use cloudindex_server::store::{Blocks, Records, Upkeep};
use cloudindex_server::upkeep::collect::Step;
use cloudindex_wire::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;

impl World {
    /// A backup begins with the records, and ends with the packs; it must hold all documents of its beginning.
    pub async fn back_up(&mut self) -> Check {
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

    pub async fn readable(
        &self,
        records: &Sqlite,
        packs: &Memory,
        (tenant, block): (usize, u64),
    ) -> Result<bool, String> {
        let place = records.locate(self.tenants[tenant].0, vec![digest(block)]).await.map_err(wrong)?;
        let Some(place) = place.into_iter().next().flatten() else { return Ok(false) };
        let bytes = packs.read(&place.pack, place.offset, place.length as usize).await;
        Ok(bytes.is_ok_and(|bytes| bytes == content(block)))
    }

    /// Whatever happened: what was acknowledged is there.
    pub async fn check(&self) -> Check {
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
