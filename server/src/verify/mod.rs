//! Verification: reads a batch back, a page at a time, each bounded by the work that it is.
//!
//! Of every document all blocks are read from their packs, and their digests compared with their names. Of processed documents
//! every chunk must have a vector that search can use. Some documents, spread over the batch, are looked for as a user would
//! ([`probe`]).
//!
//! Others may upload, replace and delete meanwhile. So what looks damaged is read again, and counts only if the document is
//! still the same.

pub mod probe;

use crate::pipeline::Embeddings;
use crate::store::{Blocks, Jobs, Records, StoreError, Tenant};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use cloudindex_wire::{
    Damaged, Digest, Document, DocumentState, DocumentsChecked, EmbeddingsChecked, VerifyPage, VerifyQuery, codes,
};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Documents looked for, unless something else is asked for, and at most.
const PROBES: u32 = 20;
pub const MOST_PROBES: u32 = 100;
/// Damaged documents, and those not found, that a page names.
const NAMED: usize = 100;
/// Documents listed at once.
const LISTED: u32 = 256;
/// Bytes read at once.
const STEP: u64 = 256 << 10;

/// Work after which a page ends, so that no request takes long.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub documents: u64,
    pub bytes: u64,
    pub chunks: u64,
    pub time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { documents: 2000, bytes: 256 << 20, chunks: 50_000, time: Duration::from_secs(2) }
    }
}

/// What a batch is read back from.
pub struct Verifier<'a> {
    pub records: &'a dyn Records,
    pub jobs: &'a dyn Jobs,
    pub blocks: &'a dyn Blocks,
    pub embeddings: &'a Embeddings,
    pub bounds: Bounds,
}

/// Where the next page begins; on the wire as JSON in base 64.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Cursor {
    /// The path of the last document that is done.
    after: String,
    /// How far the one after it was read, if it is too large for one page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within: Option<Within>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Within {
    document: String,
    /// Tells its content from any other that it may have by then.
    content: u64,
    /// Blocks that were sound.
    blocks: usize,
}

impl Cursor {
    fn read(text: &str) -> Result<Self, StoreError> {
        let json = BASE64.decode(text).map_err(|_| StoreError::Cursor)?;
        serde_json::from_slice(&json).map_err(|_| StoreError::Cursor)
    }

    fn write(&self) -> Result<String, StoreError> {
        let json = serde_json::to_vec(self).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(BASE64.encode(json))
    }

    /// The first block of `document` to be read.
    fn first(&self, document: &Document) -> usize {
        let same = |at: &&Within| at.document == document.id && at.content == content(document);
        self.within.as_ref().filter(same).map_or(0, |at| at.blocks)
    }
}

/// A number that tells a document's content.
fn content(document: &Document) -> u64 {
    let mut hasher = blake3::Hasher::new();
    document.blocks.iter().for_each(|(digest, _)| {
        hasher.update(&digest.0);
    });
    probe::number(*hasher.finalize().as_bytes())
}

/// How the reading of a document ended.
enum Fate {
    Sound,
    Damaged(Damage),
    /// The page is over; so many blocks were sound.
    Unfinished(usize),
    /// It was deleted meanwhile.
    Gone,
}

/// What is wrong with a block.
struct Damage {
    code: &'static str,
    message: String,
}

/// A page under way.
struct Work {
    page: VerifyPage,
    bounds: Bounds,
    bytes: u64,
    since: Instant,
}

impl Work {
    fn is_over(&self) -> bool {
        let Bounds { documents, bytes, chunks, time } = self.bounds;
        self.page.documents.checked >= documents
            || self.bytes >= bytes
            || self.page.embeddings.chunks >= chunks
            || self.since.elapsed() >= time
    }
}

impl Verifier<'_> {
    /// The next page of a batch; `None`: no such batch.
    pub async fn page(
        &self,
        tenant: Tenant,
        batch: &str,
        query: &VerifyQuery,
    ) -> Result<Option<VerifyPage>, StoreError> {
        // An empty one is none, as in lists.
        let cursor = query.cursor.as_deref().filter(|cursor| !cursor.is_empty());
        let mut at = cursor.map_or(Ok(Cursor::default()), Cursor::read)?;
        let Some(record) = self.records.batch(tenant, batch).await? else { return Ok(None) };
        let probes = u64::from(query.probes.unwrap_or(PROBES).min(MOST_PROBES));
        let choice = probe::Choice { probes, among: record.status.processed_files };
        let mut work = Work { page: VerifyPage::default(), bounds: self.bounds, bytes: 0, since: Instant::now() };
        loop {
            let listed = self.records.documents_after(tenant, batch, &at.after, LISTED).await?;
            let Some(documents) = listed.filter(|documents| !documents.is_empty()) else { break };
            for document in documents {
                if work.is_over() {
                    work.page.next = Some(at.write()?);
                    return Ok(Some(work.page));
                }
                let first = at.first(&document);
                at.within = None;
                let path = document.path.clone();
                if let Some(within) = self.document(tenant, batch, document, first, choice, &mut work).await? {
                    at.within = Some(within);
                    work.page.next = Some(at.write()?);
                    return Ok(Some(work.page));
                }
                at.after = path;
            }
        }
        Ok(Some(work.page))
    }

    /// Checks one document from a block on; tells how far it came if the page is over before that.
    async fn document(
        &self,
        tenant: Tenant,
        batch: &str,
        mut document: Document,
        first: usize,
        choice: probe::Choice,
        work: &mut Work,
    ) -> Result<Option<Within>, StoreError> {
        let fate = self.read_back(tenant, &mut document, first, work).await?;
        let DocumentsChecked { checked, stored, damaged, .. } = &mut work.page.documents;
        match fate {
            Fate::Gone => return Ok(None),
            Fate::Unfinished(blocks) => {
                return Ok(Some(Within { content: content(&document), document: document.id, blocks }));
            }
            Fate::Sound => *stored += 1,
            Fate::Damaged(Damage { code, message }) if damaged.len() < NAMED => {
                let (document_id, path) = (document.id.clone(), document.path.clone());
                damaged.push(Damaged { document_id, path, code: code.into(), message });
            }
            Fate::Damaged(_) => {}
        }
        *checked += 1;
        match document.state {
            DocumentState::Queued => {}
            DocumentState::Failed => work.page.failed += 1,
            DocumentState::Processed => self.found(tenant, batch, &document, choice, &mut work.page).await?,
        }
        Ok(None)
    }

    /// Reads a document's blocks; it becomes what it is replaced by, if it is.
    async fn read_back(
        &self,
        tenant: Tenant,
        document: &mut Document,
        first: usize,
        work: &mut Work,
    ) -> Result<Fate, StoreError> {
        let mut at = first;
        let begun = work.bytes;
        while let Some((digest, length)) = document.blocks.get(at).copied() {
            // One that is larger than a page has more than one. Something of it must be done in each.
            if at > first && work.is_over() {
                return Ok(Fate::Unfinished(at));
            }
            let mut result = self.block(tenant, digest, length).await?;
            if result.is_err() {
                // It may have been moved between the look-up and the reading.
                result = self.block(tenant, digest, length).await?;
            }
            if let Err(damage) = result {
                match self.records.document(tenant, &document.id).await? {
                    None => return Ok(Fate::Gone),
                    Some(now) if now.blocks == document.blocks => return Ok(Fate::Damaged(damage)),
                    Some(now) => {
                        *document = now;
                        work.page.documents.bytes -= work.bytes - begun;
                        (at, work.bytes) = (0, begun);
                        continue;
                    }
                }
            }
            work.bytes += length;
            work.page.documents.bytes += length;
            at += 1;
        }
        Ok(Fate::Sound)
    }

    /// Reads a block, and compares it with its name.
    async fn block(&self, tenant: Tenant, digest: Digest, length: u64) -> Result<Result<(), Damage>, StoreError> {
        let missing = |why: String| {
            let message = format!("block {digest} cannot be read back ({why}); restore it from a backup");
            Ok(Err(Damage { code: codes::BLOCK_MISSING, message }))
        };
        let located = self.records.locate(tenant, vec![digest]).await?.pop().flatten();
        let Some(place) = located else { return missing("the records do not know it".into()) };
        if place.length != length {
            return missing(format!("it has {} bytes, and the document says {length}", place.length));
        }
        let mut hasher = blake3::Hasher::new();
        let mut done = 0;
        while done < length {
            let step = STEP.min(length - done);
            match self.blocks.read(&place.pack, place.offset + done, step as usize).await {
                Ok(bytes) => hasher.update(&bytes),
                Err(StoreError::Lost(_)) => return missing(format!("{} does not hold it", place.pack)),
                Err(error) => return Err(error),
            };
            done += step;
        }
        if hasher.finalize().as_bytes() != &digest.0 {
            let message = format!(
                "the bytes of block {digest} in {} have changed since they were stored; restore them from a backup",
                place.pack
            );
            return Ok(Err(Damage { code: codes::DIGEST_MISMATCH, message }));
        }
        Ok(Ok(()))
    }

    /// Whether a processed document can be found.
    async fn found(
        &self,
        tenant: Tenant,
        batch: &str,
        document: &Document,
        choice: probe::Choice,
        page: &mut VerifyPage,
    ) -> Result<(), StoreError> {
        let number = probe::number(*blake3::hash(document.id.as_bytes()).as_bytes());
        // By now it may wait for its turn again.
        let Some(indexed) = self.jobs.indexed(tenant, &document.id, number).await? else { return Ok(()) };
        let EmbeddingsChecked { documents, chunks, present, dimension, wrong } = &mut page.embeddings;
        *documents += 1;
        *chunks += indexed.chunks;
        *present += indexed.present;
        *wrong += indexed.wrong;
        *dimension = Some(indexed.width as u64);
        let sentence = indexed.text.as_deref().and_then(probe::sentence);
        let Some(sentence) = sentence.filter(|_| choice.falls_on(number)) else { return Ok(()) };
        let missed = self.probe(tenant, batch, document, sentence).await?;
        if missed.is_some() {
            // It may have been deleted or replaced since its text was read.
            let now = self.jobs.indexed(tenant, &document.id, number).await?;
            if now.is_none_or(|now| now.text != indexed.text) {
                return Ok(());
            }
        }
        page.probes.asked += 1;
        match missed {
            None => page.probes.answered += 1,
            Some(missed) if page.probes.missed.len() < NAMED => page.probes.missed.push(missed),
            Some(_) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_written() {
        let within = Within { document: "doc_x".into(), content: u64::MAX, blocks: 7 };
        for cursor in [
            Cursor::default(),
            Cursor { after: "ä/\u{0}\"".into(), within: None },
            Cursor { after: String::new(), within: Some(within) },
        ] {
            assert_eq!(Cursor::read(&cursor.write().unwrap()).unwrap(), cursor);
        }
        for wrong in ["", "x", "e30", "bnVsbA", "ä"] {
            assert!(matches!(Cursor::read(wrong), Err(StoreError::Cursor)), "{wrong}");
        }
    }
}
