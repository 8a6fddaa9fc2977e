//! Bundles: documents and blocks come in, acks go out.

use super::{Block, Document, Served, Server, Wire, digest, json, problem};
use crate::multipart::{self, Part};
use crate::scenario::Poison;
use cloudindex_engine::Reply;
use cloudindex_wire::{
    BlockAck, BlockManifest, BlockOutcome, BundleReply, Digest, DocumentAck, DocumentEntry, DocumentOutcome,
    MANIFEST_PART, Manifest, Phase, Problem, codes,
};
use std::collections::BTreeSet;

impl Server<'_> {
    /// The manifest and what blocks come with it.
    pub(super) fn documents(
        &mut self,
        wire: &Wire,
        batch: &str,
        page: usize,
        damaged: bool,
        now: u64,
    ) -> Result<Served, String> {
        let parts = parts(wire)?;
        let [first, blocks @ ..] = &parts[..] else { return Err("a bundle without parts".into()) };
        if first.name != MANIFEST_PART {
            return Err(format!("a bundle begins with a part named {:?}", first.name));
        }
        let manifest: Manifest = serde_json::from_slice(first.bytes).map_err(|error| format!("manifest: {error}"))?;
        let items = manifest.documents.len();
        if items == 0 {
            return Err("a manifest without documents".into());
        }
        let paths: BTreeSet<&str> = manifest.documents.iter().map(|entry| &*entry.path).collect();
        if paths.len() < items {
            return Err("a manifest with a path twice".into());
        }
        if items as u64 > self.ways.bundle_documents {
            return Err(format!("{items} documents in a bundle, {} allowed", self.ways.bundle_documents));
        }
        let named: BTreeSet<Digest> =
            manifest.documents.iter().flat_map(|entry| &entry.blocks).map(|(digest, _)| *digest).collect();
        if let Some(part) = blocks.iter().find(|part| !part.name.parse().is_ok_and(|name| named.contains(&name))) {
            return Err(format!("block {} is sent, and no document of the manifest has it", part.name));
        }
        if let Some(reply) = self.too_large(wire, items.max(blocks.len()))? {
            return Ok(Served { reply, acked: Vec::new() });
        }
        if let Some(reply) = self.closed(batch).or_else(|| self.poisoned(&paths)) {
            return Ok(Served { reply, acked: Vec::new() });
        }
        let mut served = Served::default();
        let (sends, blocks) = (!blocks.is_empty(), self.take(blocks, page, damaged)?);
        let mut documents = Vec::with_capacity(items);
        for entry in manifest.documents {
            let path = entry.path.clone();
            let outcome = self.document(batch, entry, page, now)?;
            self.taken.missed += u32::from(!sends && matches!(outcome, DocumentOutcome::Incomplete { .. }));
            if matches!(outcome, DocumentOutcome::Committed { .. } | DocumentOutcome::Duplicate { .. }) {
                served.acked.push(path.clone());
            }
            documents.push(DocumentAck { path, outcome });
        }
        served.reply = json(200, &BundleReply { documents, blocks });
        Ok(served)
    }

    /// Blocks of files that span several requests, or the question which of them are missing.
    pub(super) fn bare_blocks(
        &mut self,
        wire: &Wire,
        batch: &str,
        page: usize,
        damaged: bool,
    ) -> Result<Served, String> {
        let parts = parts(wire)?;
        if parts.is_empty() {
            return Err("a request of blocks without blocks".into());
        }
        if let Some(reply) = self.too_large(wire, parts.len())?.or_else(|| self.closed(batch)) {
            return Ok(Served { reply, acked: Vec::new() });
        }
        let blocks = match &parts[..] {
            [manifest] if manifest.name == MANIFEST_PART => self.probed(manifest)?,
            parts => self.take(parts, page, damaged)?,
        };
        let reply = json(200, &BundleReply { documents: Vec::new(), blocks });
        Ok(Served { reply, acked: Vec::new() })
    }

    /// Which of these blocks are here.
    fn probed(&mut self, manifest: &Part<'_>) -> Result<Vec<BlockAck>, String> {
        let manifest: BlockManifest =
            serde_json::from_slice(manifest.bytes).map_err(|error| format!("manifest of blocks: {error}"))?;
        if manifest.blocks.is_empty() {
            return Err("a question about no blocks".into());
        }
        let ack = |(digest, len): &(Digest, u64)| {
            let outcome = match self.blocks.get(digest) {
                None => BlockOutcome::Missing,
                Some(block) if block.bytes.len() as u64 == *len => BlockOutcome::Duplicate,
                Some(_) => return Err(format!("block {digest} is asked for with another length")),
            };
            Ok(BlockAck { digest: *digest, outcome })
        };
        let acks: Vec<BlockAck> = manifest.blocks.iter().map(ack).collect::<Result<_, _>>()?;
        self.taken.missed += acks.iter().filter(|ack| matches!(ack.outcome, BlockOutcome::Missing)).count() as u32;
        Ok(acks)
    }

    /// The request broke off: what came whole is stored, and nobody is told.
    pub fn take_in_part(&mut self, wire: &Wire, page: usize, len: usize) -> Result<(), String> {
        let Some(content_type) = wire.header("Content-Type").filter(|_| wire.path.ends_with("s")) else {
            return Ok(());
        };
        let Ok(boundary) = multipart::boundary(content_type) else { return Ok(()) };
        let body = multipart::read(&wire.body[..len.min(wire.body.len())], boundary)?;
        let blocks: Vec<Part<'_>> = body.parts.into_iter().filter(|part| part.name != MANIFEST_PART).collect();
        self.take(&blocks, page, false).map(drop)
    }

    /// 413, when the body is over the cap that was told.
    fn too_large(&self, wire: &Wire, items: usize) -> Result<Option<Reply>, String> {
        let cap = self.ways.bundle_bytes;
        // Packed and unpacked.
        if wire.size().max(wire.body.len() as u64) <= cap {
            Ok(None)
        } else if items > 1 {
            Err(format!("a body of {} bytes with {items} things in it, {cap} allowed", wire.body.len()))
        } else {
            Ok(Some(problem(413, codes::BUNDLE_TOO_LARGE)))
        }
    }

    fn closed(&self, batch: &str) -> Option<Reply> {
        match self.batches.get(batch) {
            None => Some(problem(404, codes::BATCH_NOT_FOUND)),
            Some(batch) if batch.phase != Phase::Open => Some(problem(409, codes::BATCH_CLOSED)),
            Some(_) => None,
        }
    }

    fn poisoned(&self, paths: &BTreeSet<&str>) -> Option<Reply> {
        paths.iter().find_map(|path| match self.ways.poison.get(*path)? {
            Poison::Whole(status, true) => Some(problem(*status, codes::INVALID_FILE)),
            Poison::Whole(status, false) => Some(Reply { status: *status, ..Reply::default() }),
            Poison::Rejected => None,
        })
    }

    /// Stores the blocks that are what they are named; `damaged`: one of them is not any more.
    fn take(&mut self, parts: &[Part<'_>], page: usize, damaged: bool) -> Result<Vec<BlockAck>, String> {
        let victim = (damaged && !parts.is_empty()).then(|| self.rng.size(0..=parts.len() - 1));
        let mut acks = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            let name: Digest = part.name.parse().map_err(|_| format!("a block part is named {:?}", part.name))?;
            if part.bytes.is_empty() {
                return Err("a block without bytes".into());
            }
            let len = part.bytes.len() as u64;
            self.taken.block_bytes += len;
            let reject =
                |code| BlockOutcome::Rejected { error: Problem::new(422, code, "No", "the simulated server says so") };
            let outcome = if victim == Some(index) {
                reject(codes::DIGEST_MISMATCH)
            } else if len > self.ways.block_bytes {
                reject(codes::BLOCK_TOO_LARGE)
            } else if digest(part.bytes) != name {
                return Err(format!("block {name} was sent with other bytes"));
            } else if let Some(block) = self.blocks.get(&name) {
                let upload = block.upload;
                self.wasted(&name, len, upload, page);
                BlockOutcome::Duplicate
            } else {
                self.blocks.insert(name, Block { bytes: part.bytes.into(), upload: self.taken.upload });
                BlockOutcome::Stored
            };
            acks.push(BlockAck { digest: name, outcome });
        }
        Ok(acks)
    }

    /// A block came that was here already, by that upload.
    fn wasted(&mut self, name: &Digest, len: u64, upload: u32, page: usize) {
        let taken = &mut self.taken;
        let was_in_flight = taken.excused.remove(name);
        if was_in_flight || page + 1 < self.disks.len() {
            taken.over += len;
        } else if upload == taken.upload {
            taken.twice += len;
        } else {
            taken.known += 1;
        }
    }

    fn document(
        &mut self,
        batch: &str,
        entry: DocumentEntry,
        page: usize,
        now: u64,
    ) -> Result<DocumentOutcome, String> {
        let path = entry.path.clone();
        if entry.blocks.iter().map(|(_, len)| len).sum::<u64>() != entry.size {
            return Err(format!("{path:?}: the lengths of its blocks are not its size"));
        }
        if self.ways.poison.get(&path) == Some(&Poison::Rejected) {
            let error = Problem::new(422, codes::INVALID_FILE, "No", "the simulated server says so");
            return Ok(DocumentOutcome::Rejected { error });
        }
        if self.ways.max_file_size.is_some_and(|most| entry.size > most) {
            return Err(format!("{path:?} has {} bytes, over the limit that was told", entry.size));
        }
        let mut missing = Vec::new();
        for (digest, len) in &entry.blocks {
            match self.blocks.get(digest) {
                Some(block) if block.bytes.len() as u64 != *len => {
                    return Err(format!("{path:?}: block {digest} has another length"));
                }
                None if !missing.contains(digest) => missing.push(*digest),
                _ => {}
            }
        }
        if !missing.is_empty() {
            return Ok(DocumentOutcome::Incomplete { missing });
        }
        let new_id = self.next_document();
        let Some(held) = self.batches.get_mut(batch) else { return Err("a batch vanished".into()) };
        let full = self.ways.max_batch_size.is_some_and(|most| held.documents.len() as u64 >= most);
        let id = match held.documents.get_mut(&path) {
            Some(old) if old.blocks == entry.blocks => {
                old.told = Some(page);
                self.acked.insert((path, entry.blocks));
                return Ok(DocumentOutcome::Duplicate { id: old.id.clone() });
            }
            Some(old) => old.id.clone(),
            None if full => {
                let error = Problem::new(422, codes::TOO_MANY_FILES, "No", "the simulated server says so");
                return Ok(DocumentOutcome::Rejected { error });
            }
            None => new_id,
        };
        let document = Document {
            id: id.clone(),
            size: entry.size,
            blocks: entry.blocks.clone(),
            written: Some(page),
            late: page + 1 < self.disks.len(),
            told: Some(page),
            since: now,
        };
        self.is_true(&entry, &document, page)?;
        self.acked.insert((path.clone(), entry.blocks));
        if let Some(held) = self.batches.get_mut(batch) {
            held.documents.insert(path, document);
        }
        Ok(DocumentOutcome::Committed { id })
    }

    /// The document is what one of the files of its path was, at some time since the page was opened that tells of it.
    fn is_true(&self, entry: &DocumentEntry, document: &Document, page: usize) -> Result<(), String> {
        let content = self.content(document).ok_or("a block vanished")?;
        let disk = &self.disks[page];
        let sources = disk.paths.get(&entry.path).map(Vec::as_slice).unwrap_or_default();
        let metadata = entry.metadata.as_deref().map(|raw| raw.get());
        let fits = sources.iter().map(|index| &disk.sources[*index]).any(|source| {
            source.versions_since(disk.since).contains(&content)
                && source.found.media_type == entry.media_type
                && entry.last_modified.is_none_or(|time| source.times.contains(&time))
                && source.found.metadata.as_deref() == metadata
        });
        if fits { Ok(()) } else { Err(format!("{:?} was committed, and is not what any such file is", entry.path)) }
    }
}

/// The parts of a whole body, strictly.
fn parts(wire: &Wire) -> Result<Vec<Part<'_>>, String> {
    let content_type = wire.header("Content-Type").ok_or("a body without Content-Type")?;
    let body = multipart::read(&wire.body, multipart::boundary(content_type)?)?;
    if body.whole { Ok(body.parts) } else { Err("a multipart body without an end".into()) }
}
