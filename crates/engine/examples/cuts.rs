//! Which block sizes? Cuts a file of noise, edits it, cuts it again, and prints what of it would be sent.
//!
//! `cargo run --release -p cloudindex-engine --example cuts [MIB]` (default 256). One line a choice of sizes: blocks a GiB,
//! bytes of their names in a manifest, cutting and digesting speed, and for edits at random places the bytes of blocks that the
//! first version did not have: the mean over the places, and the worst.

use cloudindex_engine::{CutSizes, Cutter};
use std::collections::HashSet;
use std::time::Instant;

const KIB: usize = 1024;
const PLACES: usize = 8;

fn main() {
    let mib: usize = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(256);
    let file = noise(mib * 1024 * KIB, 1);
    println!("a file of {mib} MiB; sent after an edit, in KiB: mean of {PLACES} places (worst)");
    println!(
        "{:>16} {:>8} {:>9} {:>6}  {:>16} {:>16} {:>16}",
        "min/avg/max KiB", "blocks/GiB", "names kB", "MB/s", "1 byte", "1 MB replaced", "1 MB put in"
    );
    for (min, average, max) in
        [(16, 64, 256), (64, 256, 1024), (128, 512, 2048), (256, 1024, 4096), (512, 2048, 8192), (1024, 4096, 16_384)]
    {
        let sizes = CutSizes { small_file: 1024 * KIB, min: min * KIB, average: average * KIB, max: max * KIB };
        let started = Instant::now();
        let known: HashSet<[u8; 32]> = blocks(&file, sizes).into_iter().map(|(digest, _)| digest).collect();
        let speed = file.len() as f64 / 1e6 / started.elapsed().as_secs_f64();
        let a_gib = known.len() as f64 * 1024.0 / mib as f64;
        let edits = [(1, 1), (1_000_000, 1_000_000), (0, 1_000_000)].map(|(out, put)| {
            let sent: Vec<u64> = (0..PLACES).map(|place| sent(&file, place, out, put, sizes, &known)).collect();
            let mean = sent.iter().sum::<u64>() / PLACES as u64 / 1024;
            format!("{mean} ({})", sent.iter().max().unwrap() / 1024)
        });
        let [byte, replaced, inserted] = edits;
        let name = format!("{min}/{average}/{max}");
        println!(
            "{name:>16} {a_gib:>10.0} {:>9.1} {speed:>6.0}  {byte:>16} {replaced:>16} {inserted:>16}",
            a_gib * 0.08
        );
    }
}

/// Bytes of blocks that are not known, after `out` bytes gave way to `put` others.
fn sent(file: &[u8], place: usize, out: usize, put: usize, sizes: CutSizes, known: &HashSet<[u8; 32]>) -> u64 {
    // Far from the ends, where an edit meets as many blocks as it can.
    let at = file.len() / (PLACES + 1) * (place + 1) + place * 7919;
    // What lies over 64 MiB from the edit is cut as before: leaving it out only saves time.
    let (from, to) = (at.saturating_sub(64 << 20), file.len().min(at + (64 << 20)));
    let mut edited = file[from..to].to_vec();
    edited.splice(at - from..at - from + out, noise(put, place as u64 + 2));
    let blocks = blocks(&edited, sizes);
    // The first and last block of the window are cut by its ends.
    let inner = &blocks[8.min(blocks.len() / 4)..blocks.len() - 1];
    inner.iter().filter(|(digest, _)| !known.contains(digest)).map(|(_, len)| len).sum()
}

fn blocks(bytes: &[u8], sizes: CutSizes) -> Vec<([u8; 32], u64)> {
    let mut blocks = Vec::new();
    let mut cutter = Cutter::new(sizes);
    for chunk in bytes.chunks(1 << 20) {
        cutter.push(chunk, |block, _| blocks.push((block.digest.0, u64::from(block.len))));
    }
    cutter.finish(|block, _| blocks.push((block.digest.0, u64::from(block.len))));
    blocks
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
