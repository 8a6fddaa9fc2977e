//! What is where, by BLAKE3: of the files that were given, and of what arrived.

use crate::Failure;
use std::fs::{self, File};
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

/// A line for each file under `directory`: digest, size, path from there, by tabs.
pub fn print(directory: &Path) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut folders = vec![directory.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let mut file = File::open(entry.path())?;
                let digest = blake3::Hasher::new().update_reader(&mut file)?.finalize();
                let path = entry.path();
                let name = path.strip_prefix(directory)?.display();
                writeln!(out, "{digest}\t{}\t{name}", entry.metadata()?.len())?;
            }
        }
    }
    Ok(out.flush()?)
}

/// Reads lines `PATH`, then `DIGEST LENGTH` for each block of it, by tabs; prints each path whose content they do not name.
pub fn check_blocks() -> Result<(), Failure> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut fields = line.split('\t');
        let path = fields.next().unwrap_or_default();
        if !matches(path, fields).unwrap_or(false) {
            println!("{path}");
        }
    }
    Ok(())
}

fn matches<'a>(path: &str, mut blocks: impl Iterator<Item = &'a str>) -> Result<bool, Failure> {
    let mut file = File::open(path)?;
    while let Some(digest) = blocks.next() {
        let length: u64 = blocks.next().ok_or("a block without a length")?.parse()?;
        let mut block = (&mut file).take(length);
        let mut hasher = blake3::Hasher::new();
        if hasher.update_reader(&mut block)?.count() != length || hasher.finalize().to_hex().as_str() != digest {
            return Ok(false);
        }
    }
    Ok(file.read(&mut [0])? == 0)
}
