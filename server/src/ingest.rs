//! The bundle's way in: parts are read, hashed and written to a pack as they arrive, then committed at once.
//!
//! A request that breaks off keeps the blocks that came whole, and commits no document.

use crate::State;
use crate::body::{self, BodyReader};
use crate::clock;
use crate::error::{Fault, brief};
use crate::multipart::{self, Multipart};
use crate::rules::{self, Candidate};
use crate::store::{Bundle, Committed, PackWriter, Taken, Tenant, remove_unused};
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use cloudindex_wire::{
    BatchLimits, BlockAck, BlockManifest, BlockOutcome, BundleReply, Digest, DocumentAck, MANIFEST_PART, Manifest,
    Object, Phase, Problem, Usage, codes,
};
use serde::de::DeserializeOwned;
use std::collections::HashSet;

/// Bytes of a manifest's JSON.
pub const MAX_MANIFEST: usize = 8 << 20;
/// Blocks of a manifest of blocks: those of a file of 16 GiB or so, in 1.2 MB of JSON.
pub const MAX_PROBE: usize = 16_384;

/// Which call a bundle came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A manifest of documents, then blocks.
    Documents,
    /// Blocks, after a manifest of blocks or none.
    Blocks,
}

/// Takes a bundle into `batch`.
///
/// The work goes on in a task of its own: a client that goes away must not stop it half-way.
pub async fn take(
    state: State,
    tenant: Tenant,
    batch: String,
    request: Request,
    call: Call,
) -> Result<BundleReply, Fault> {
    let work = tokio::spawn(async move {
        let (kept, held) = (Kept::default(), HashSet::new());
        let pipeline = state.pipeline.clone();
        let _upload = pipeline.pace.upload();
        Intake {
            state,
            tenant,
            batch,
            call,
            kept,
            held,
            phase: Phase::Open,
            limits: BatchLimits::default(),
            usage: Usage::default(),
        }
        .run(request)
        .await
    });
    work.await.unwrap_or_else(|error| Err(Fault::temporary(error.to_string())))
}

/// One request under way.
struct Intake {
    state: State,
    tenant: Tenant,
    batch: String,
    call: Call,
    kept: Kept,
    /// Blocks of the manifest that the tenant holds already.
    held: HashSet<Digest>,
    phase: Phase,
    /// Those of the caller's token.
    limits: BatchLimits,
    /// What the tenant held when the request came.
    usage: Usage,
}

/// Blocks that came, and where they went.
#[derive(Default)]
struct Kept {
    pack: Option<Box<dyn PackWriter>>,
    /// Bytes written to the pack.
    written: u64,
    /// New blocks: name, offset, length.
    blocks: Vec<(Digest, u64, u64)>,
    names: HashSet<Digest>,
    /// Acks in the order of the request; `Err(i)` waits for the commit of `blocks[i]`.
    acks: Vec<(Digest, Result<BlockOutcome, usize>)>,
}

impl Intake {
    async fn run(mut self, request: Request) -> Result<BundleReply, Fault> {
        let (head, body) = request.into_parts();
        self.limits = head.extensions.get::<BatchLimits>().cloned().unwrap_or_default();
        let opened = self.open(&head.headers, body).await;
        let mut parts = match opened {
            Ok(parts) => parts,
            Err(refused) => {
                let (fault, body) = *refused;
                body::drain(body).await;
                return Err(fault);
            }
        };
        let read = self.read(&mut parts).await;
        match read {
            Ok(candidates) => self.finish(candidates).await,
            Err(fault) => {
                // What came whole is worth keeping, if it can be kept.
                let _ = self.store(Vec::new()).await;
                parts.drain().await;
                Err(fault)
            }
        }
    }

    /// Checks all that needs no byte of the body.
    async fn open(&mut self, headers: &axum::http::HeaderMap, body: Body) -> Result<Multipart, Box<(Fault, Body)>> {
        let batch = match self.state.records.batch(self.tenant, &self.batch).await {
            Ok(Some(batch)) => batch,
            Ok(None) => return Err(Box::new((Fault::batch_not_found(&self.batch), body))),
            Err(error) => return Err(Box::new((error.into(), body))),
        };
        self.phase = batch.status.status;
        self.usage = match self.state.records.usage(self.tenant).await {
            Ok(usage) => usage,
            Err(error) => return Err(Box::new((error.into(), body))),
        };
        let boundary = match multipart::boundary(headers) {
            Ok(boundary) => boundary,
            Err(fault) => return Err(Box::new((fault, body))),
        };
        let reader = BodyReader::new(body, headers, self.state.caps.bundle_bytes)?;
        Ok(Multipart::new(reader, &boundary))
    }

    async fn read(&mut self, parts: &mut Multipart) -> Result<Vec<Candidate>, Fault> {
        let mut candidates = Vec::new();
        let mut next = parts.part().await?;
        let manifest = next.as_deref() == Some(MANIFEST_PART);
        match self.call {
            Call::Documents if manifest => candidates = self.documents(parts).await?,
            Call::Documents => return Err(Fault::invalid("the first part of a bundle must be named \"manifest\"")),
            Call::Blocks if manifest => self.probe(parts).await?,
            Call::Blocks => {}
        }
        if manifest {
            next = parts.part().await?;
        }
        while let Some(name) = next {
            let digest: Digest = name
                .parse()
                .map_err(|error| Fault::invalid(format!("the part {:?} is no block: {error}", brief(&name))))?;
            self.block(parts, digest).await?;
            next = parts.part().await?;
        }
        Ok(candidates)
    }

    /// The manifest of documents.
    async fn documents(&mut self, parts: &mut Multipart) -> Result<Vec<Candidate>, Fault> {
        let Manifest { documents } = manifest(parts).await?;
        let most = self.state.caps.bundle_documents;
        if documents.len() as u64 > most {
            return Err(too_large(format!("a manifest may have at most {most} documents, it has {}", documents.len())));
        }
        self.hold(documents.iter().flat_map(|document| &document.blocks)).await?;
        let caps = &self.state.caps;
        Ok(documents.into_iter().map(|entry| Candidate::new(entry, caps)).collect())
    }

    /// The manifest of blocks alone: each is answered.
    async fn probe(&mut self, parts: &mut Multipart) -> Result<(), Fault> {
        let BlockManifest { blocks } = manifest(parts).await?;
        if blocks.len() > MAX_PROBE {
            return Err(too_large(format!("a manifest may have at most {MAX_PROBE} blocks, it has {}", blocks.len())));
        }
        self.hold(&blocks).await?;
        let outcome = |held| if held { BlockOutcome::Duplicate } else { BlockOutcome::Missing };
        self.kept.acks = blocks.iter().map(|(digest, _)| (*digest, Ok(outcome(self.held.contains(digest))))).collect();
        Ok(())
    }

    /// Finds out by one look-up which blocks of a manifest are held.
    async fn hold(&mut self, blocks: impl IntoIterator<Item = &(Digest, u64)>) -> Result<(), Fault> {
        let unique: HashSet<Digest> = blocks.into_iter().map(|(digest, _)| *digest).collect();
        let unique: Vec<Digest> = unique.into_iter().collect();
        let held = self.state.records.hold(self.tenant, unique.clone(), clock::now_ms()).await?;
        self.held = unique.into_iter().zip(held).filter_map(|(digest, held)| held.then_some(digest)).collect();
        Ok(())
    }

    /// Reads one block part: hashes it, and writes it if it is new.
    async fn block(&mut self, parts: &mut Multipart, digest: Digest) -> Result<(), Fault> {
        let cap = self.state.caps.block_bytes;
        // With documents one look-up told of all their blocks; others are asked for one by one.
        let held = self.kept.names.contains(&digest)
            || self.held.contains(&digest)
            || (self.call == Call::Blocks && holds(&self.state, self.tenant, digest).await?);
        // The block that passes the bound is let in: how long it is shows when it is there.
        let room = self.usage.room().is_none_or(|room| self.kept.written < room);
        let keep = !held && room && self.phase == Phase::Open;
        let offset = self.kept.written;
        let (mut hasher, mut length) = (blake3::Hasher::new(), 0u64);
        while let Some(bytes) = parts.chunk().await? {
            length += bytes.len() as u64;
            self.state.metrics.block_bytes.add(bytes.len() as u64);
            if length > cap {
                continue;
            }
            hasher.update(&bytes);
            if keep {
                if self.kept.pack.is_none() {
                    self.kept.pack = Some(self.state.blocks.create().await?);
                }
                if let Some(pack) = &mut self.kept.pack {
                    if let Err(error) = pack.append(&bytes).await {
                        // The pack is lost, and all that this request put into it.
                        self.kept = Kept::default();
                        return Err(error.into());
                    }
                    self.kept.written += bytes.len() as u64;
                }
            }
        }
        let rejected = |error| Ok(BlockOutcome::Rejected { error });
        let ack = if length > cap {
            let detail = format!("block {digest} has {length} bytes, the most is {cap}; cut it smaller");
            rejected(Problem::new(413, codes::BLOCK_TOO_LARGE, "A block is too large", detail))
        } else if hasher.finalize().as_bytes() != &digest.0 {
            let detail =
                format!("the bytes sent as block {digest} have another BLAKE3 digest; read the file and send it again");
            rejected(Problem::new(422, codes::DIGEST_MISMATCH, "A block does not match its name", detail))
        } else if held {
            Ok(BlockOutcome::Duplicate)
        } else if self.phase != Phase::Open {
            rejected(closed(&self.batch, self.phase))
        } else if !keep {
            rejected(rules::no_room(&self.usage))
        } else {
            self.kept.names.insert(digest);
            self.kept.blocks.push((digest, offset, length));
            Err(self.kept.blocks.len() - 1)
        };
        self.kept.acks.push((digest, ack));
        Ok(())
    }

    /// Makes the pack durable, then its records, with those of `candidates`.
    async fn store(&mut self, candidates: Vec<Candidate>) -> Result<Committed, Fault> {
        let (blocks, limits) = (std::mem::take(&mut self.kept.blocks), self.limits.clone());
        let mut bundle = Bundle { pack: None, blocks, documents: candidates, limits };
        if bundle.blocks.is_empty() && bundle.documents.is_empty() {
            return Ok(Committed::Done { documents: Vec::new(), blocks: Vec::new() });
        }
        if !bundle.blocks.is_empty() {
            // An empty block alone needs a pack as well: a location names one.
            let pack = match self.kept.pack.take() {
                Some(pack) => pack,
                None => self.state.blocks.create().await?,
            };
            bundle.pack = Some(pack.seal().await?);
        }
        let pack = bundle.pack.clone();
        let lengths: Vec<u64> = bundle.blocks.iter().map(|(_, _, length)| *length).collect();
        let doubtful = self.state.doubtful.take();
        let committed = match self.state.records.commit(self.tenant, &self.batch, bundle, clock::now_ms()).await {
            Ok(committed) => committed,
            Err(error) => {
                self.state.doubtful.add(doubtful.into_iter().chain(pack));
                return Err(error.into());
            }
        };
        let mut needed = false;
        if let Committed::Done { documents, blocks } = &committed {
            needed = blocks.contains(&Taken::New);
            let new = blocks.iter().zip(lengths).filter_map(|(taken, length)| (*taken == Taken::New).then_some(length));
            self.state.metrics.block_bytes_stored.add(new.sum());
            documents.iter().for_each(|outcome| self.state.metrics.document(outcome));
            if !documents.is_empty() {
                self.state.pipeline.changed();
            }
        }
        // New blocks are sure to have been written, which settles the doubts of before.
        let unused = match needed {
            true => doubtful,
            false => {
                self.state.doubtful.add(doubtful);
                pack.into_iter().collect()
            }
        };
        if !unused.is_empty() {
            match remove_unused(&*self.state.records, &*self.state.blocks, unused).await {
                Ok(removed) => self.state.doubtful.add(removed.kept),
                Err(error) => tracing::warn!(%error, "unused packs stay until the next start"),
            }
        }
        Ok(committed)
    }

    async fn finish(mut self, candidates: Vec<Candidate>) -> Result<BundleReply, Fault> {
        if self.phase != Phase::Open && candidates.is_empty() {
            return Err(Fault::of(closed(&self.batch, self.phase)));
        }
        let paths: Vec<String> = candidates.iter().map(|candidate| candidate.entry.path.clone()).collect();
        let (outcomes, taken) = match self.store(candidates).await? {
            Committed::Done { documents, blocks } => (documents, blocks),
            Committed::NoBatch => return Err(Fault::batch_not_found(&self.batch)),
            Committed::Closed(phase) => return Err(Fault::of(closed(&self.batch, phase))),
        };
        let documents = paths.into_iter().zip(outcomes).map(|(path, outcome)| DocumentAck { path, outcome }).collect();
        if taken.contains(&Taken::NoRoom) {
            self.usage = self.state.records.usage(self.tenant).await?;
        }
        let outcome = |ack: Result<BlockOutcome, usize>| match ack.map_err(|at| taken.get(at)) {
            Ok(outcome) => outcome,
            Err(Some(Taken::New)) => BlockOutcome::Stored,
            Err(Some(Taken::NoRoom)) => BlockOutcome::Rejected { error: rules::no_room(&self.usage) },
            Err(Some(Taken::Held) | None) => BlockOutcome::Duplicate,
        };
        let acks = std::mem::take(&mut self.kept.acks);
        let blocks = acks.into_iter().map(|(digest, ack)| BlockAck { digest, outcome: outcome(ack) }).collect();
        Ok(BundleReply { documents, blocks })
    }
}

async fn holds(state: &State, tenant: Tenant, digest: Digest) -> Result<bool, Fault> {
    Ok(state.records.hold(tenant, vec![digest], clock::now_ms()).await?.contains(&true))
}

/// The part that a bundle opens with.
async fn manifest<T: DeserializeOwned>(parts: &mut Multipart) -> Result<T, Fault> {
    let mut text = Vec::new();
    while let Some(bytes) = parts.chunk().await? {
        if text.len() + bytes.len() > MAX_MANIFEST {
            return Err(too_large(format!("a manifest may have at most {MAX_MANIFEST} bytes")));
        }
        text.extend_from_slice(&bytes);
    }
    body::read("the manifest", &text).map(|Object(manifest)| manifest)
}

fn too_large(detail: String) -> Fault {
    let (status, title) = (StatusCode::PAYLOAD_TOO_LARGE, "The manifest is too large");
    Fault::new(status, codes::BUNDLE_TOO_LARGE, title, detail + "; send less at once")
}

/// The batch takes no more.
pub fn closed(batch: &str, phase: Phase) -> Problem {
    let how = if phase == Phase::Cancelled { "cancelled" } else { "completed" };
    let detail = format!("batch {batch:?} was {how} and takes no more documents; create another");
    Problem::new(409, codes::BATCH_CLOSED, "The batch is closed", detail)
}
