//! How fast a server makes a folder findable, and how well it finds:
//!
//! ```sh
//! cargo run --release -p cloudindex-server --example process -- http://127.0.0.1:8080 KEY DIR [QUERIES]
//! ```
//!
//! Uploads every file of DIR into a new batch and waits until all are processed. Then it asks for 200 pages that rustdoc made, each
//! by its first sentence if no other item has the same, and counts how often the page, or one of the same item in another crate, is among the first ten. Prints one line of
//! JSON. DIR may be the Rust documentation: `$(rustc --print sysroot)/share/doc/rust/html/std`.

use cloudindex_wire::{Batch, BatchReport, Digest, DocumentEntry, Manifest, Phase, SearchReply};
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Instant;

type Failed = Box<dyn std::error::Error + Send + Sync>;

const BOUNDARY: &str = "process-boundary";
/// Bytes of a request, and of a block.
const BUNDLE: usize = 8 << 20;
/// What opens the first paragraph of an item's page.
const DOC: &str = "class=\"toggle top-doc\" open><summary class=\"hideme\"><span>Expand description</span></summary><div class=\"docblock\"><p>";

struct Target {
    url: String,
    bearer: String,
    agent: ureq::Agent,
}

impl Target {
    fn post(&self, path: &str, kind: &str, body: &[u8]) -> Result<Vec<u8>, Failed> {
        let request = self.agent.post(format!("{}/v1/{path}", self.url)).header("Authorization", &self.bearer);
        Ok(request.header("Content-Type", kind).send(body)?.body_mut().with_config().limit(1 << 30).read_to_vec()?)
    }

    fn bundle(&self, batch: &str, documents: &mut Vec<DocumentEntry>, blocks: &mut Vec<Vec<u8>>) -> Result<(), Failed> {
        let manifest = serde_json::to_vec(&Manifest { documents: std::mem::take(documents) })?;
        let mut body = Vec::new();
        let parts = std::iter::once(("manifest".to_owned(), manifest))
            .chain(blocks.drain(..).map(|block| (digest(&block).to_string(), block)));
        for (name, bytes) in parts {
            let head =
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"b\"\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(&bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.post(&format!("batches/{batch}/documents"), &kind, &body).map(drop)
    }
}

fn digest(block: &[u8]) -> Digest {
    Digest(*blake3::hash(block).as_bytes())
}

fn files(folder: &Path, all: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files(&path, all)? } else { all.push(path) }
    }
    Ok(())
}

/// The first sentence of an item's page, without marks.
fn sentence(page: &str) -> Option<String> {
    let start = page.find(DOC)? + DOC.len();
    let paragraph = &page[start..start + page[start..].find("</p>")?];
    let mut text = String::new();
    let mut inside = true;
    for c in paragraph.chars() {
        match c {
            '<' => inside = false,
            '>' => inside = true,
            c if inside => text.push(c),
            _ => {}
        }
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let first = text.split_inclusive(". ").next()?.trim().to_owned();
    (first.split_whitespace().count() >= 4).then_some(first)
}

/// What an item is called in every crate that shows it: its path without the crate.
fn item(path: &str) -> &str {
    let crates = ["core/", "alloc/", "std/"];
    let within =
        |name: &str| path.strip_prefix(name).or_else(|| path.split_once(&format!("/{name}")).map(|(_, rest)| rest));
    crates.into_iter().find_map(within).unwrap_or(path)
}

/// Items that can be told by their sentence: no other has the same.
fn told_apart(items: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut named: HashMap<&str, HashSet<&str>> = HashMap::new();
    for (path, first) in &items {
        named.entry(first).or_default().insert(item(path));
    }
    let alone: HashSet<String> =
        named.iter().filter(|(_, items)| items.len() == 1).map(|(first, _)| (*first).to_owned()).collect();
    items.into_iter().filter(|(_, first)| alone.contains(first)).collect()
}

fn main() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, key, folder, rest @ ..] = args.as_slice() else { return Err("process URL KEY DIR [QUERIES]".into()) };
    let queries: usize = rest.first().map_or(Ok(200), |text| text.parse())?;
    let target = Target { url: url.clone(), bearer: format!("Bearer {key}"), agent: ureq::Agent::new_with_defaults() };
    let folder = Path::new(folder);
    let mut all = Vec::new();
    files(folder, &mut all)?;
    all.sort();
    let batch: Batch = serde_json::from_slice(&target.post("batches", "application/json", b"{}")?)?;
    let (mut documents, mut blocks, mut bytes, mut pending) = (Vec::new(), Vec::new(), 0, 0);
    let mut items = Vec::new();
    let start = Instant::now();
    for path in &all {
        let content = std::fs::read(path)?;
        // With the folder's own name, which says the crate.
        let name = path.strip_prefix(folder.parent().unwrap_or(folder))?.to_string_lossy().into_owned();
        if let Some(first) = std::str::from_utf8(&content).ok().and_then(sentence) {
            items.push((name.clone(), first));
        }
        bytes += content.len();
        pending += content.len();
        let own: Vec<Vec<u8>> = content.chunks(BUNDLE).map(<[u8]>::to_vec).collect();
        documents.push(DocumentEntry {
            path: name,
            size: content.len() as u64,
            media_type: String::new(),
            last_modified: None,
            metadata: None,
            blocks: own.iter().map(|block| (digest(block), block.len() as u64)).collect(),
        });
        blocks.extend(own);
        if pending >= BUNDLE || documents.len() >= 500 {
            target.bundle(&batch.id, &mut documents, &mut blocks)?;
            pending = 0;
        }
    }
    target.bundle(&batch.id, &mut documents, &mut blocks)?;
    let uploaded = start.elapsed().as_secs_f64();
    target.post(&format!("batches/{}/complete", batch.id), "application/json", b"")?;
    let request =
        target.agent.get(format!("{url}/v1/batches/{}/events", batch.id)).header("Authorization", &target.bearer);
    let mut status = batch.status;
    for line in BufReader::new(request.call()?.into_body().into_reader()).lines() {
        if let Some(json) = line?.strip_prefix("data: ") {
            status = serde_json::from_str::<BatchReport>(json)?.batch.status;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    if status.status != Phase::Completed {
        return Err("the events ended before the batch".into());
    }
    let described = items.len();
    let mut items = told_apart(items);
    let apart = items.len();
    // The same ones every time, from everywhere.
    items.sort_by_key(|(path, _)| *blake3::hash(path.as_bytes()).as_bytes());
    items.truncate(queries);
    let (mut times, mut hits, mut firsts) = (Vec::new(), 0, 0);
    for (path, first) in &items {
        let query = serde_json::to_vec(&serde_json::json!({ "query": first, "limit": 10, "batchId": batch.id }))?;
        let begun = Instant::now();
        let reply: SearchReply = serde_json::from_slice(&target.post("search", "application/json", &query)?)?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        let place = reply.results.iter().position(|hit| item(&hit.path) == item(path));
        if place.is_none() {
            let instead: Vec<&str> = reply.results.iter().take(3).map(|hit| hit.path.as_str()).collect();
            eprintln!("not found: {path} by {first:?}, but {}", instead.join(", "));
        }
        hits += usize::from(place.is_some());
        firsts += usize::from(place == Some(0));
    }
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied();
    println!(
        "{}",
        serde_json::json!({
            "documents": all.len(), "megabytes": bytes as f64 / 1e6, "processed": status.processed_files, "failed": status.failed_files,
            "uploadSeconds": uploaded, "seconds": seconds, "documentsPerSecond": all.len() as f64 / seconds,
            "megabytesPerSecond": bytes as f64 / 1e6 / seconds, "described": described, "toldApart": apart, "queries": items.len(),
            "recallAt10": hits as f64 / items.len().max(1) as f64, "first": firsts as f64 / items.len().max(1) as f64,
            "searchP50Ms": at(0.5), "searchP95Ms": at(0.95),
        })
    );
    Ok(())
}
