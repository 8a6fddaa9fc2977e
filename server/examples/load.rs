//! How fast a server takes many small documents:
//!
//! ```sh
//! cargo run --release -p cloudindex-server --example load -- http://127.0.0.1:8080 KEY [DOCUMENTS] [BYTES] [BUNDLE] [CONNECTIONS]
//! ```
//!
//! Defaults: 52,000 documents of 15,000 bytes, 200 a bundle, 5 connections. Bodies are made before the clock starts.
//! Then the same documents are dropped again into a new batch, by manifests of 1,000 without a block; and their blocks are
//! asked for alone, 1,000 a probe. Prints one line of JSON; ends non-zero unless every document was committed both times.

use cloudindex_wire::{
    Batch, BlockManifest, BlockOutcome, BundleReply, Digest, DocumentEntry, DocumentOutcome, Manifest,
};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

const BOUNDARY: &str = "load-boundary";
/// Documents or blocks of a manifest without parts.
const PROBE: usize = 1000;

fn part(body: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"blob\"\r\n\r\n");
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n");
}

/// A body of `manifest`, then `blocks`.
fn bundle(manifest: &impl serde::Serialize, blocks: &[(Digest, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    part(&mut body, "manifest", &serde_json::to_vec(manifest).expect("a manifest is JSON"));
    for (digest, block) in blocks {
        part(&mut body, &digest.to_string(), block);
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// A document that nobody has sent before, and its block.
fn document(i: usize, bytes: usize, salt: u64) -> (DocumentEntry, (Digest, Vec<u8>)) {
    let mut block = vec![0; bytes];
    blake3::Hasher::new().update(&salt.to_le_bytes()).update(&i.to_le_bytes()).finalize_xof().fill(&mut block);
    let digest = Digest(*blake3::hash(&block).as_bytes());
    let entry = DocumentEntry {
        path: format!("load/{}/{i}.html", i / 100),
        size: bytes as u64,
        media_type: "text/html".into(),
        last_modified: Some(1_700_000_000_000),
        metadata: None,
        blocks: vec![(digest, bytes as u64)],
    };
    (entry, (digest, block))
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The server, and how many connections it gets.
struct Target {
    url: String,
    bearer: String,
    connections: usize,
}

impl Target {
    fn batch(&self) -> Result<String, Failed> {
        let request = ureq::post(format!("{}/v1/batches", self.url)).header("Authorization", &self.bearer);
        let batch: Batch = serde_json::from_str(&request.send("{}")?.body_mut().read_to_string()?)?;
        Ok(format!("{}/v1/batches/{}", self.url, batch.id))
    }

    /// Sends all `bodies`; tells how many acks `count` counts, and the seconds it took.
    fn send(
        &self,
        path: &str,
        bodies: &[Vec<u8>],
        count: impl Fn(&BundleReply) -> usize + Sync,
    ) -> Result<(usize, f64), Failed> {
        let (next, counted) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let send = || -> Result<(), Failed> {
            let agent = ureq::Agent::new_with_defaults();
            while let Some(body) = bodies.get(next.fetch_add(1, Relaxed)) {
                let request = agent.post(path).header("Authorization", &self.bearer);
                let kind = format!("multipart/form-data; boundary={BOUNDARY}");
                let mut reply = request.header("Content-Type", kind).send(&body[..])?;
                counted.fetch_add(count(&serde_json::from_slice(&reply.body_mut().read_to_vec()?)?), Relaxed);
            }
            Ok(())
        };
        let start = Instant::now();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections).map(|_| scope.spawn(send)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())))
        })?;
        Ok((counted.into_inner(), start.elapsed().as_secs_f64()))
    }
}

fn committed(reply: &BundleReply) -> usize {
    reply.documents.iter().filter(|ack| matches!(ack.outcome, DocumentOutcome::Committed { .. })).count()
}

fn held(reply: &BundleReply) -> usize {
    reply.blocks.iter().filter(|ack| matches!(ack.outcome, BlockOutcome::Duplicate)).count()
}

fn main() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, key, numbers @ ..] = args.as_slice() else {
        return Err("load URL KEY [DOCUMENTS] [BYTES] [BUNDLE] [CONNECTIONS]".into());
    };
    let number = |at: usize, usual: usize| numbers.get(at).map_or(Ok(usual), |text| text.parse());
    let (count, bytes, size) = (number(0, 52_000)?, number(1, 15_000)?, number(2, 200)?);
    let target = Target { url: url.clone(), bearer: format!("Bearer {key}"), connections: number(3, 5)? };
    let salt = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos() as u64;
    let mut documents = Vec::with_capacity(count);
    let mut bodies = Vec::new();
    for first in (0..count).step_by(size) {
        let (entries, blocks): (Vec<_>, Vec<_>) =
            (first..count.min(first + size)).map(|i| document(i, bytes, salt)).unzip();
        documents.extend_from_slice(&entries);
        bodies.push(bundle(&Manifest { documents: entries }, &blocks));
    }
    let (sent, seconds) = target.send(&format!("{}/documents", target.batch()?), &bodies, committed)?;
    let requests = bodies.len();
    let manifests = documents.chunks(PROBE).map(|documents| Manifest { documents: documents.to_vec() });
    let bodies: Vec<_> = manifests.map(|manifest| bundle(&manifest, &[])).collect();
    let batch = target.batch()?;
    let (again, again_seconds) = target.send(&format!("{batch}/documents"), &bodies, committed)?;
    let manifests = documents.chunks(PROBE).map(|documents| documents.iter().flat_map(|d| d.blocks.clone()).collect());
    let bodies: Vec<_> = manifests.map(|blocks| bundle(&BlockManifest { blocks }, &[])).collect();
    let (found, probe_seconds) = target.send(&format!("{batch}/blocks"), &bodies, held)?;
    println!(
        "{}",
        serde_json::json!({
            "documents": sent, "requests": requests, "seconds": seconds,
            "documentsPerSecond": sent as f64 / seconds, "megabytesPerSecond": (sent * bytes) as f64 / seconds / 1e6,
            "againPerSecond": again as f64 / again_seconds, "probedPerSecond": found as f64 / probe_seconds,
        })
    );
    if (sent, again, found) == (count, count, count) { Ok(()) } else { Err("not every document was committed".into()) }
}
