//! A server that takes everything in; what it lacks, it says.

use cloudindex_engine::{BlockKey, Method, Reply, Request, Segment};
use cloudindex_wire::bundle::BlockManifest;
use cloudindex_wire::{BlockAck, BlockOutcome, BundleReply, Digest, DocumentAck, DocumentOutcome, Manifest};
use std::collections::HashSet;

const BATCH: &str = r#"{"id":"b","limits":{},"caps":{"bundleBytes":67108864,"blockBytes":16777216,"bundleDocuments":10000,"digest":"blake3"},
    "batchId":"b","status":"open","totalFiles":0,"processedFiles":0,"failedFiles":0,"progressPercentage":0,
    "startedAt":null,"estimatedCompletion":null,"bytes":0}"#;

#[derive(Debug, Default)]
pub struct Server {
    held: HashSet<Digest>,
}

/// No two blocks are alike, and nobody looks into them.
pub fn digest(key: BlockKey) -> Digest {
    let mut digest = [0; 32];
    // The first eight bytes name it in the engine.
    digest[..4].copy_from_slice(&key.file.to_le_bytes());
    digest[4..8].copy_from_slice(&key.index.to_le_bytes());
    Digest(digest)
}

impl Server {
    pub fn serve(&mut self, request: &Request) -> Reply {
        let body = match (request.method, request.url.rsplit('/').next()) {
            (Method::Post, Some("documents")) => self.documents(request),
            (Method::Post, Some("blocks")) => self.blocks(request),
            _ => BATCH.to_owned(),
        };
        Reply { status: 200, retry_after: None, body: body.into_bytes() }
    }

    /// Takes the request's blocks in.
    fn parts(&mut self, request: &Request) -> Vec<Digest> {
        let keys = request.body.iter().filter_map(|segment| match segment {
            Segment::Block(key) => Some(digest(*key)),
            Segment::Bytes(_) => None,
        });
        let parts: Vec<Digest> = keys.collect();
        self.held.extend(&parts);
        parts
    }

    fn documents(&mut self, request: &Request) -> String {
        self.parts(request);
        let Some(manifest) = manifest::<Manifest>(request) else { return String::new() };
        let ack = |document: cloudindex_wire::DocumentEntry| {
            let missing: Vec<Digest> = document
                .blocks
                .iter()
                .map(|(digest, _)| *digest)
                .filter(|digest| !self.held.contains(digest))
                .collect();
            let outcome = match missing.is_empty() {
                true => DocumentOutcome::Committed { id: "d".to_owned() },
                false => DocumentOutcome::Incomplete { missing },
            };
            DocumentAck { path: document.path, outcome }
        };
        let documents = manifest.documents.into_iter().map(ack).collect();
        answer(&BundleReply { documents, blocks: Vec::new() })
    }

    fn blocks(&mut self, request: &Request) -> String {
        let asked = manifest::<BlockManifest>(request).map_or_else(Vec::new, |manifest| manifest.blocks);
        let missing = |digest: &Digest| match self.held.contains(digest) {
            true => BlockOutcome::Duplicate,
            false => BlockOutcome::Missing,
        };
        let asked: Vec<BlockAck> =
            asked.iter().map(|(digest, _)| BlockAck { digest: *digest, outcome: missing(digest) }).collect();
        let stored = self.parts(request).into_iter().map(|digest| BlockAck { digest, outcome: BlockOutcome::Stored });
        let blocks = asked.into_iter().chain(stored).collect();
        answer(&BundleReply { documents: Vec::new(), blocks })
    }
}

fn manifest<T: serde::de::DeserializeOwned>(request: &Request) -> Option<T> {
    let Some(Segment::Bytes(first)) = request.body.first() else { return None };
    let (_, rest) = std::str::from_utf8(first).ok()?.split_once("application/json\r\n\r\n")?;
    serde_json::from_str(rest.split_once("\r\n")?.0).ok()
}

fn answer(reply: &BundleReply) -> String {
    serde_json::to_string(reply).unwrap_or_default()
}
