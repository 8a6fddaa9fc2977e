//! The engine alone: a million small files are found, planned, read, sent and acked as fast as the machine can, by a page and a
//! server that answer at once. `cargo run --release -p cloudindex-engine --example million [-- FILES]` prints seconds and bytes.
//!
//! `seconds` is all of it; `engineSeconds` the part spent in the engine, without this file's page and server (which make paths,
//! read manifests, write answers). The engine's clock is a virtual one. Bytes are all that is allocated: the engine's copy of
//! every path included, and what is under way between it, page and server.

use cloudindex_engine::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

/// Counts what is allocated.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it hands everything to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(held, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let held = HELD.fetch_add(size, Relaxed) + size - layout.size();
        HELD.fetch_sub(layout.size(), Relaxed);
        PEAK.fetch_max(held, Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const BATCH: &str = r#"{"id":"b","limits":{},"caps":{"bundleBytes":67108864,"blockBytes":16777216,"bundleDocuments":10000,"digest":"blake3"},
    "batchId":"b","status":"open","totalFiles":0,"processedFiles":0,"failedFiles":0,"progressPercentage":0,
    "startedAt":null,"estimatedCompletion":null,"bytes":0}"#;
/// Files that the walk finds at a time.
const SLICE: u32 = 500;
/// Files that are read in a ms of the virtual clock: as many as the page is told of, 2,000 in a frame of 33 ms.
const FILES_A_MS: u64 = 60;

fn path(n: u32) -> String {
    format!("docs/section-{}/file-{n}.html", n / 1000)
}

/// A file of 4 KiB, one block.
fn block(n: u32) -> Block {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&(u64::from(n) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    Block { digest: cloudindex_wire::Digest(digest), len: 4096, texture: cloudindex_engine::Texture::Dense }
}

fn main() {
    let files: u32 = std::env::args().nth(1).and_then(|text| text.replace('_', "").parse().ok()).unwrap_or(1_000_000);
    let before = HELD.load(Relaxed);
    let began = Instant::now();
    let config = Config { token: Some("key".into()), ..Config::default() };
    let mut engine = Engine::new(config, 1);
    let (mut found, mut walks, mut committed, mut requests, mut inputs) = (0, true, 0u32, 0u32, 0u64);
    let mut inbox = std::collections::VecDeque::new();
    let (mut phase, mut now, mut inside) = (Phase::Idle, Now(0), std::time::Duration::ZERO);
    while phase != Phase::Complete {
        let input = inbox.pop_front().or_else(|| {
            if !walks || found > files {
                // Nothing is left to do but what the engine itself waits for.
                now = engine.wake_at()?;
                return Some(Input::Wake);
            }
            if found == files {
                found += 1;
                return Some(Input::IntakeEnded);
            }
            let slice = found..files.min(found + SLICE);
            found = slice.end;
            let media_type = || "text/html".to_owned();
            Some(Input::Found(
                slice.map(|n| Found { path: path(n), media_type: media_type(), ..Found::default() }).collect(),
            ))
        });
        let Some(input) = input else { panic!("the engine waits for nothing") };
        inputs += 1;
        let clock = Instant::now();
        engine.handle(input, now);
        inside += clock.elapsed();
        while let Some(action) = engine.poll() {
            match action {
                Action::Read { file, .. } => {
                    now = Now(now.0.max(u64::from(file) / FILES_A_MS));
                    inbox.push_back(Input::Cut { file, blocks: vec![block(file)], read: 4096, size: None, ended: true })
                }
                Action::Send { attempt, request } => {
                    requests += 1;
                    let reply = Reply { status: 200, retry_after: None, body: answer(&request) };
                    inbox.push_back(Input::Reply { attempt, reply });
                }
                Action::PauseWalk => walks = false,
                Action::ResumeWalk => walks = true,
                Action::Emit(update) => {
                    phase = update.phase;
                    committed +=
                        update.files.iter().filter(|change| change.state == FileState::Committed).count() as u32;
                }
                _ => {}
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    drop(inbox);
    let (peak, rest) = (PEAK.load(Relaxed) - before, HELD.load(Relaxed) - before);
    assert_eq!(committed, files);
    let paths: usize = (0..files).map(|n| path(n).len()).sum();
    let each = |bytes: usize| bytes as f64 / f64::from(files);
    println!(
        "{{\"files\":{files},\"seconds\":{seconds:.2},\"engineSeconds\":{:.2},\"inputs\":{inputs},\"requests\":{requests},\"bytesAFileAtPeak\":{:.1},\
         \"bytesAFileAtRest\":{:.1},\"ofThemPath\":{:.1}}}",
        inside.as_secs_f64(),
        each(peak),
        each(rest),
        each(paths)
    );
}

/// What a server says that takes all in, and had nothing before: a question is answered by what is missing.
fn answer(request: &Request) -> Vec<u8> {
    if !request.url.ends_with("/documents") {
        return BATCH.as_bytes().to_vec();
    }
    let Some(Segment::Bytes(text)) = request.body.first() else { return Vec::new() };
    let text = std::str::from_utf8(text).unwrap_or_default();
    let is_question = request.body.len() == 1;
    let mut body = String::from("{\"documents\":[");
    for entry in text.split('{').filter_map(|entry| entry.strip_prefix("\"path\":\"")) {
        let Some((path, rest)) = entry.split_once('"') else { continue };
        let lead = if body.ends_with('[') { "" } else { "," };
        body.push_str(lead);
        body.push_str("{\"path\":\"");
        body.push_str(path);
        if is_question {
            let digest = rest.split_once("[[\"").map_or("", |(_, rest)| &rest[..64]);
            body.push_str("\",\"status\":\"incomplete\",\"missing\":[\"");
            body.push_str(digest);
            body.push_str("\"]}");
        } else {
            body.push_str("\",\"status\":\"committed\",\"id\":\"doc-0123456789ab\"}");
        }
    }
    body.push_str("]}");
    body.into_bytes()
}
