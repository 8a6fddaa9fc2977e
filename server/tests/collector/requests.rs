//! What clients do: uploads a step at a time, probes, deletes.

use crate::world::{BLOCKS, Check, PATHS, TENANTS, World, wrong};
use cloudindex_server::rules::Candidate;
use cloudindex_server::store::{Blocks, Bundle, Committed, Records, Taken, remove_unused};
use cloudindex_wire::{BatchLimits, Caps, Digest, DocumentEntry, DocumentOutcome};
use std::collections::BTreeSet;

pub fn content(block: u64) -> Vec<u8> {
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
pub struct Upload {
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

impl World {
    pub async fn probe(&mut self) -> Check {
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

    pub async fn delete(&mut self) -> Check {
        let nth = self.rng.below(self.documents.len().max(1) as u64) as usize;
        let Some((key, (id, _))) = self.documents.iter().nth(nth).map(|(key, held)| (key.clone(), held.clone())) else {
            return Ok(());
        };
        self.records.delete_document(self.tenants[key.0].0, &id).await.map_err(wrong)?;
        self.documents.remove(&key);
        Ok(())
    }

    pub async fn upload(&mut self) -> Check {
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
    pub async fn commit(
        &mut self,
        tenant: usize,
        path: String,
        blocks: Vec<u64>,
        pack: Option<String>,
        list: Vec<(Digest, u64, u64)>,
    ) -> Check {
        let documents = vec![candidate(&path, &blocks)];
        let bundle = Bundle { pack: pack.clone(), blocks: list, documents, limits: BatchLimits::default() };
        let doubtful = self.doubtful.take();
        let fails = self.rng.below(20) == 0;
        if fails {
            self.stats.failures += 1;
            self.doubtful.add(doubtful.into_iter().chain(pack));
            return Ok(());
        }
        let (id, batch) = self.tenants[tenant].clone();
        let committed = self.records.commit(id, &batch, bundle, self.now).await.map_err(wrong)?;
        let Committed::Done { mut documents, blocks: taken } = committed else { return Err(format!("{committed:?}")) };
        let unused = match taken.contains(&Taken::New) {
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
}
