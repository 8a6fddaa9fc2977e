//! The files of a scenario: what the user chose, and what a reading of it finds.

use crate::rng::Rng;
use cloudindex_engine::{CutSizes, Found};
use std::collections::BTreeMap;

/// Milliseconds since 1970 when the world begins.
pub const EPOCH: u64 = 1_700_000_000_000;

/// A file on the user's disk.
#[derive(Debug, Clone)]
pub struct Source {
    pub found: Found,
    /// Its content, the original first.
    pub versions: Vec<Vec<u8>>,
    /// The file's own time in each version; `found` may keep it to itself.
    pub times: Vec<u64>,
    pub change: Change,
    pub trouble: Trouble,
}

/// When a file's content goes on to its next version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Never,
    /// From the second reading on it is another.
    Reopened,
    At(u64),
}

/// What goes wrong when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// Every reading fails at this byte.
    Always(usize),
    /// The first reading does.
    Once(usize),
}

impl Source {
    /// Which version the n-th opening (from 1) at this moment meets.
    fn version(&self, opened: u32, now: u64) -> usize {
        let changed = match self.change {
            Change::Never => false,
            Change::Reopened => opened > 1,
            Change::At(at) => now >= at,
        };
        if changed { self.versions.len() - 1 } else { 0 }
    }

    /// What it reads then.
    pub fn content(&self, opened: u32, now: u64) -> &[u8] {
        &self.versions[self.version(opened, now)]
    }

    /// The file's time then.
    pub fn time(&self, opened: u32, now: u64) -> u64 {
        self.times[self.version(opened, now)]
    }

    /// What a walk tells of it then.
    pub fn found(&self, opened: u32, now: u64) -> Found {
        let mut found = self.found.clone();
        found.size = found.size.map(|_| self.content(opened, now).len() as u64);
        found.last_modified = found.last_modified.map(|_| self.time(opened, now));
        found
    }

    /// What it can have been to a page that was opened at this moment.
    pub fn versions_since(&self, opened: u64) -> &[Vec<u8>] {
        match self.change {
            Change::At(at) if at <= opened => &self.versions[self.versions.len() - 1..],
            _ => &self.versions,
        }
    }

    /// From here on it is this.
    pub fn becomes(&mut self, content: Vec<u8>, time: u64) {
        (self.versions, self.times, self.change) = (vec![content], vec![time], Change::Never);
    }

    pub fn fails_at(&self, opened: u32) -> Option<usize> {
        match self.trouble {
            Trouble::Always(at) => Some(at),
            Trouble::Once(at) if opened == 1 => Some(at),
            _ => None,
        }
    }

    /// It may fail by its own fault, at any time.
    pub fn is_shaky(&self) -> bool {
        self.change != Change::Never || self.trouble != Trouble::None || self.found.unreadable.is_some()
    }

    /// No server can keep a document under its path.
    pub fn has_bad_path(&self) -> bool {
        self.found.path.split('/').any(|segment| matches!(segment, "" | "." | ".."))
    }
}

const FOLDERS: [&str; 5] = ["", "a/", "a/b/", "données/", "c d/🦀/"];
const NAMES: [&str; 6] = ["x", "quote\"s'", "new\nline", "é", "%2e%2e", "back\\slash"];
const TYPES: [&str; 5] = ["", "text/plain", "text/html", "application/pdf", "image/png"];

/// The files of one scenario.
pub fn sources(rng: &mut Rng, cut: CutSizes) -> Vec<Source> {
    let count = if rng.percent(3) { 0 } else { rng.size(1..=rng.clone().pick(&[3, 12, 30, 60])) };
    let shaky = rng.pick(&[0, 0, 0, 3, 15]);
    let twice = rng.pick(&[0, 0, 3]);
    let large = rng.pick(&[0, 5, 20, 60]);
    let mut sources: Vec<Source> = Vec::with_capacity(count);
    for index in 0..count {
        let mut content = match sources.len() {
            n if n > 0 && rng.percent(8) => sources[rng.size(0..=n - 1)].versions[0].clone(),
            _ => content(rng, cut, large),
        };
        // Some are alike but for a few bytes: they share blocks.
        if content.len() > 4 * cut.max && rng.percent(30) {
            let at = rng.size(0..=content.len() - 1);
            content[at] ^= 1;
        }
        let path = match sources.len() {
            n if n > 0 && rng.percent(twice) => sources[rng.size(0..=n - 1)].found.path.clone(),
            _ if rng.percent(1) => rng.pick(&["", "../up", "a//b", "./x", "/root"]).to_owned(),
            _ => format!("{}{}{index}", rng.pick(&FOLDERS), rng.pick(&NAMES)),
        };
        let mut source = Source {
            found: Found {
                path,
                media_type: rng.pick(&TYPES).to_owned(),
                size: rng.perhaps(30, |_| content.len() as u64),
                last_modified: rng.perhaps(50, |rng| rng.within(0..=1 << 41)),
                metadata: rng.perhaps(10, |_| format!("{{\"n\":{index},\"text\":\"ü\\n\"}}")),
                group: rng.perhaps(60, |rng| rng.pick(&["one", "two", "three"]).to_owned()),
                unreadable: None,
            },
            versions: vec![content],
            times: Vec::new(),
            change: Change::Never,
            trouble: Trouble::None,
        };
        source.times.push(source.found.last_modified.unwrap_or(EPOCH - 86_400_000 - index as u64));
        if rng.percent(shaky) {
            spoil(rng, &mut source);
        }
        sources.push(source);
    }
    sources
}

pub(crate) fn content(rng: &mut Rng, cut: CutSizes, large: u64) -> Vec<u8> {
    let len = match rng.within(0..=99) {
        n if n < large => rng.size(cut.small_file + 1..=cut.max * 12),
        n if n < large + 6 => 0,
        n if n < large + 12 => cut.small_file + rng.size(0..=2) - 1,
        _ => rng.size(1..=cut.small_file),
    };
    if rng.percent(5) { vec![b'z'; len] } else { rng.bytes(len) }
}

/// Gives a file one of the faults that files have.
fn spoil(rng: &mut Rng, source: &mut Source) {
    let len = source.versions[0].len();
    match rng.within(0..=5) {
        0 => source.found.unreadable = Some("the entry could not be opened".into()),
        1 => source.trouble = Trouble::Always(rng.size(0..=len)),
        2 => source.trouble = Trouble::Once(rng.size(0..=len)),
        kind => {
            let other = edited(rng, &source.versions[0]);
            source.versions.push(other);
            let at = if kind == 3 { 0 } else { rng.within(0..=30_000) };
            source.change = if kind == 3 { Change::Reopened } else { Change::At(at) };
            source.times.push((EPOCH + at).max(source.times[0] + 1));
        }
    }
}

/// The same file after somebody worked on it.
pub(crate) fn edited(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let (len, mut other) = (content.len(), content.to_vec());
    match rng.within(0..=3) {
        0 => other.extend(rng.bytes(100)),
        1 => other.truncate(len / 2),
        _ if len > 0 => other[len / 2] ^= 0x55,
        _ => other = rng.bytes(50),
    }
    other
}

/// Which sources have this path.
pub fn by_path(sources: &[Source]) -> BTreeMap<String, Vec<usize>> {
    let mut paths: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, source) in sources.iter().enumerate() {
        paths.entry(source.found.path.clone()).or_default().push(index);
    }
    paths
}
