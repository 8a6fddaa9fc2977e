//! How fast a server takes many small documents:
//!
//! ```sh
//! cargo run --release -p cloudindex-server --example load -- http://127.0.0.1:8080 KEY [DOCUMENTS] [BYTES] [BUNDLE] [CONNECTIONS]
//! ```
//!
//! Defaults: 52,000 documents of 15,000 bytes, 200 a bundle, 5 connections. Bodies are made before the clock starts.
//! Prints one line of JSON; ends non-zero unless every document was committed.

use cloudindex_wire::{Batch, BundleReply, Digest, DocumentEntry, DocumentOutcome, Manifest};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

const BOUNDARY: &str = "load-boundary";

fn part(body: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"blob\"\r\n\r\n");
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n");
}

/// A bundle of `count` documents that nobody has sent before.
fn bundle(first: usize, count: usize, bytes: usize, salt: u64) -> Vec<u8> {
    let (mut documents, mut blocks) = (Vec::new(), Vec::new());
    for i in first..first + count {
        let mut block = vec![0; bytes];
        blake3::Hasher::new().update(&salt.to_le_bytes()).update(&i.to_le_bytes()).finalize_xof().fill(&mut block);
        let digest = Digest(*blake3::hash(&block).as_bytes());
        documents.push(DocumentEntry {
            path: format!("load/{}/{i}.html", i / 100),
            size: bytes as u64,
            media_type: "text/html".into(),
            last_modified: Some(1_700_000_000_000),
            metadata: None,
            blocks: vec![(digest, bytes as u64)],
        });
        blocks.push((digest, block));
    }
    let mut body = Vec::new();
    part(&mut body, "manifest", &serde_json::to_vec(&Manifest { documents }).expect("a manifest is JSON"));
    for (digest, block) in &blocks {
        part(&mut body, &digest.to_string(), block);
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, key, numbers @ ..] = args.as_slice() else {
        return Err("load URL KEY [DOCUMENTS] [BYTES] [BUNDLE] [CONNECTIONS]".into());
    };
    let number = |at: usize, usual: usize| numbers.get(at).map_or(Ok(usual), |text| text.parse());
    let (documents, bytes, size, connections) =
        (number(0, 52_000)?, number(1, 15_000)?, number(2, 200)?, number(3, 5)?);
    let salt = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos() as u64;
    let bodies: Vec<Vec<u8>> =
        (0..documents).step_by(size).map(|first| bundle(first, size.min(documents - first), bytes, salt)).collect();
    let bearer = format!("Bearer {key}");
    let batch: Batch = serde_json::from_str(
        &ureq::post(format!("{url}/v1/batches"))
            .header("Authorization", &bearer)
            .send("{}")?
            .body_mut()
            .read_to_string()?,
    )?;
    let path = format!("{url}/v1/batches/{}/documents", batch.id);
    let (next, committed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let send = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let agent = ureq::Agent::new_with_defaults();
        while let Some(body) = bodies.get(next.fetch_add(1, Relaxed)) {
            let request = agent.post(&path).header("Authorization", &bearer);
            let mut reply =
                request.header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}")).send(&body[..])?;
            let reply: BundleReply = serde_json::from_slice(&reply.body_mut().read_to_vec()?)?;
            let acks = reply.documents.iter().filter(|ack| matches!(ack.outcome, DocumentOutcome::Committed { .. }));
            committed.fetch_add(acks.count(), Relaxed);
        }
        Ok(())
    };
    let start = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(send)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())))
    })
    .map_err(|error| error.to_string())?;
    let seconds = start.elapsed().as_secs_f64();
    let committed = committed.into_inner();
    println!(
        "{}",
        serde_json::json!({
            "documents": committed, "requests": bodies.len(), "seconds": seconds,
            "documentsPerSecond": committed as f64 / seconds, "megabytesPerSecond": (committed * bytes) as f64 / seconds / 1e6,
        })
    );
    if committed == documents { Ok(()) } else { Err("not every document was committed".into()) }
}
