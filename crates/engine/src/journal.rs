//! What outlives the page: which batch was being filled, and of every file that the server acked its fingerprint and its
//! blocks (never its bytes). A hint and no more: what it says is put to the server as a question before it counts.
//!
//! The journal is a log. [`Journal`] writes records, the shell appends them as they are, and the next page gets them back in
//! that order. A record that can't be read is passed over, and so is what is too old.
//!
//! ```text
//! record = "CIJ2" frame*          number = LEB128          text = number (bytes), UTF-8
//! frame  = 1 at batch             the batch was opened; `at` in ms since 1970, as everywhere
//!        | 2 at path size last_modified type blocks (digest, length)*   a file was acked; `type`: text, its media type
//!        | 3 found arrived bytes  so far: files found, files and bytes acked
//!        | 4                      the upload is over
//! ```

use crate::compression::Texture;
use crate::index::{Index, hash};
use crate::io::Block;
use crate::plan::folder;
use cloudindex_wire::Digest;

const MAGIC: &[u8] = b"CIJ2";
/// Records after which the log is written anew as one: reading a thousand small ones takes a tenth of a second.
const RECORDS: usize = 200;
/// Bytes that a log written anew may have, newest first: some 300,000 files.
const MOST: usize = 32 << 20;

/// An upload that an earlier page left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unfinished {
    pub batch: String,
    /// When it began, ms since 1970.
    pub since: u64,
    /// Files that had been found, and those of them that had arrived, with their bytes.
    pub found: u64,
    pub arrived: u64,
    pub bytes: u64,
}

/// What the journal says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub size: u64,
    pub last_modified: u64,
    pub media_type: String,
    pub blocks: Vec<Block>,
}

/// What an earlier page left unfinished, by its journal's records; what began over `life` ms before `now` does not count.
/// One record after the other is looked at, and let go.
pub fn unfinished<R: AsRef<[u8]>>(records: impl IntoIterator<Item = R>, now: u64, life: u64) -> Option<Unfinished> {
    let mut left = None;
    for record in records {
        let mut rest = record.as_ref().strip_prefix(MAGIC).unwrap_or_default();
        while let Some(frame) = Frame::take(&mut rest) {
            frame.tell(&mut left, now, life);
        }
    }
    left
}

/// The records as one log, and what is where in it.
#[derive(Debug, Default)]
pub(crate) struct Log {
    bytes: Vec<u8>,
    /// Where each file's frame is, oldest first, and the hash of its path.
    frames: Vec<(u64, u32)>,
    /// The newest of each path.
    files: Index,
    /// Hashes of the folders that they are in.
    folders: Index,
    pub unfinished: Option<Unfinished>,
    /// The log is long for what it says.
    pub is_worn: bool,
}

impl Log {
    pub fn read(records: &[Vec<u8>], now: u64, life: u64) -> Self {
        let mut log = Log::default();
        let (mut dead, mut is_strange) = (0, false);
        for record in records {
            let base = log.bytes.len();
            log.bytes.extend_from_slice(record);
            let Some(frames) = record.strip_prefix(MAGIC) else {
                is_strange = true;
                continue;
            };
            let mut rest = frames;
            while !rest.is_empty() {
                let at = (base + record.len() - rest.len()) as u32;
                let Some(frame) = Frame::take(&mut rest) else {
                    dead += 1;
                    break;
                };
                match &frame {
                    Frame::File { at: noted, path, .. } if is_fresh(*noted, now, life) => {
                        log.frames.push((hash(path), at));
                        log.files.insert(hash(path), at);
                        log.folders.insert(hash(folder(path)), 0);
                    }
                    Frame::File { .. } => dead += 1,
                    _ => frame.tell(&mut log.unfinished, now, life),
                }
            }
        }
        let outdated = log.frames.len() - log.files.len();
        log.is_worn = is_strange
            || records.len() > RECORDS
            || log.bytes.len() > 2 * MOST
            || dead + outdated > log.files.len() / 2 + 100;
        log
    }

    /// What is known of the file at this path.
    pub fn recall(&self, path: &str) -> Option<Known> {
        let mut rest = self.bytes.get(self.files.get(hash(path))? as usize..)?;
        match Frame::take(&mut rest)? {
            Frame::File { path: known, size, last_modified, media_type, blocks, .. } if known == path => {
                Some(Known { size, last_modified, media_type: media_type.to_owned(), blocks: blocks.collect() })
            }
            _ => None,
        }
    }

    /// Whether a file is known that is in this very folder.
    pub fn has(&self, folder: &str) -> bool {
        self.folders.has(hash(folder))
    }

    /// One record that says the same.
    pub fn rewritten(&self) -> Vec<u8> {
        let mut kept = Vec::new();
        let mut length = 0;
        for (_, at) in self.frames.iter().rev().filter(|(name, at)| self.files.get(*name) == Some(*at)) {
            let rest = self.bytes.get(*at as usize..).unwrap_or_default();
            let mut left = rest;
            if Frame::take(&mut left).is_some() {
                let frame = &rest[..rest.len() - left.len()];
                length += frame.len();
                if length > MOST {
                    break;
                }
                kept.push(frame);
            }
        }
        let mut writer = Writer::default();
        kept.iter().rev().for_each(|frame| writer.bytes.extend_from_slice(frame));
        if let Some(Unfinished { batch, since, found, arrived, bytes }) = &self.unfinished {
            writer.opened(*since, batch);
            writer.tally(*found, *arrived, *bytes);
        }
        writer.record().unwrap_or_else(|| MAGIC.to_vec())
    }
}

/// Frames that wait to be a record.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub fn opened(&mut self, at: u64, batch: &str) {
        self.bytes.push(1);
        self.number(at);
        self.text(batch);
    }

    pub fn file(&mut self, at: u64, path: &str, known: &Known) {
        self.bytes.push(2);
        self.number(at);
        self.text(path);
        self.number(known.size);
        self.number(known.last_modified);
        self.text(&known.media_type);
        self.number(known.blocks.len() as u64);
        for block in &known.blocks {
            self.bytes.extend_from_slice(&block.digest.0);
            self.number(u64::from(block.len));
        }
    }

    pub fn tally(&mut self, found: u64, arrived: u64, bytes: u64) {
        self.bytes.push(3);
        self.number(found);
        self.number(arrived);
        self.number(bytes);
    }

    pub fn closed(&mut self) {
        self.bytes.push(4);
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What was written since the last record.
    pub fn record(&mut self) -> Option<Vec<u8>> {
        let frames = std::mem::take(&mut self.bytes);
        (!frames.is_empty()).then(|| [MAGIC, &frames].concat())
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

enum Frame<'a> {
    Opened { at: u64, batch: String },
    File { at: u64, path: &'a str, size: u64, last_modified: u64, media_type: &'a str, blocks: Blocks<'a> },
    Tally { found: u64, arrived: u64, bytes: u64 },
    Closed,
}

/// The blocks of a frame that was looked through once.
struct Blocks<'a>(&'a [u8]);

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        block(&mut self.0)
    }
}

impl<'a> Frame<'a> {
    /// What the frame says of the upload that is under way.
    fn tell(self, left: &mut Option<Unfinished>, now: u64, life: u64) {
        match (self, left) {
            (Frame::Opened { at, batch }, left) => {
                *left = is_fresh(at, now, life).then(|| Unfinished { batch, since: at, ..Unfinished::default() });
            }
            (Frame::Tally { found, arrived, bytes }, Some(left)) => {
                (left.found, left.arrived, left.bytes) = (found, arrived, bytes);
            }
            (Frame::Closed, left) => *left = None,
            (Frame::Tally { .. } | Frame::File { .. }, _) => {}
        }
    }

    /// The next frame; `None` if it is none.
    fn take(rest: &mut &'a [u8]) -> Option<Self> {
        let (tag, frame) = rest.split_first()?;
        *rest = frame;
        Some(match tag {
            1 => Frame::Opened { at: number(rest)?, batch: text(rest)?.to_owned() },
            2 => {
                let (at, path, size, last_modified) = (number(rest)?, text(rest)?, number(rest)?, number(rest)?);
                let media_type = text(rest)?;
                let (count, start) = (number(rest)?, *rest);
                for _ in 0..count {
                    block(rest)?;
                }
                let blocks = Blocks(&start[..start.len() - rest.len()]);
                Frame::File { at, path, size, last_modified, media_type, blocks }
            }
            3 => Frame::Tally { found: number(rest)?, arrived: number(rest)?, bytes: number(rest)? },
            4 => Frame::Closed,
            _ => return None,
        })
    }
}

fn block(rest: &mut &[u8]) -> Option<Block> {
    let (digest, after) = rest.split_first_chunk::<32>()?;
    *rest = after;
    Some(Block { digest: Digest(*digest), len: number(rest)?.try_into().ok()?, texture: Texture::Dense })
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}

fn is_fresh(at: u64, now: u64, life: u64) -> bool {
    // A clock that was set back makes nothing old.
    now.saturating_sub(at) <= life
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIFE: u64 = 1000;

    fn known(n: u8) -> Known {
        let blocks = (0..n % 4).map(|i| Block { len: 1 << (i * 7), ..Block::of(&[n, i]) }).collect();
        let media_type = ["", "text/html"][usize::from(n) % 2].to_owned();
        Known { size: u64::from(n) << 40, last_modified: 1_700_000_000_000 + u64::from(n), media_type, blocks }
    }

    #[test]
    fn what_was_written_is_recalled_the_newest_of_a_path_and_nothing_too_old() {
        let mut writer = Writer::default();
        writer.opened(5000, "b1");
        writer.file(3000, "old", &known(1));
        writer.file(5000, "a/ü", &known(2));
        writer.file(5000, "b", &known(3));
        let first = writer.record().unwrap();
        writer.file(5100, "b", &known(7));
        writer.tally(9, 4, 12);
        let records = [first, b"no record of ours".to_vec(), writer.record().unwrap()];
        let log = Log::read(&records, 5500, LIFE);
        let again = Log::read(&[log.rewritten()], 5500, LIFE);
        for log in [log, again] {
            assert_eq!(log.recall("a/ü"), Some(known(2)));
            assert_eq!(log.recall("b"), Some(known(7)));
            assert_eq!((log.recall("old"), log.recall("c")), (None, None));
            assert_eq!(["a", "", "b", "c"].map(|folder| log.has(folder)), [true, true, false, false]);
            let left = Unfinished { batch: "b1".into(), since: 5000, found: 9, arrived: 4, bytes: 12 };
            assert_eq!(log.unfinished, Some(left));
        }
        assert_eq!(unfinished(&records, 6001, LIFE), None);
    }

    #[test]
    fn an_upload_that_is_over_leaves_its_files_alone() {
        let mut writer = Writer::default();
        writer.opened(1, "b");
        writer.file(1, "a", &known(1));
        writer.closed();
        let log = Log::read(&[writer.record().unwrap()], 1, LIFE);
        assert_eq!((log.unfinished.is_some(), log.recall("a")), (false, Some(known(1))));
        assert_eq!(writer.record(), None);
    }

    #[test]
    fn a_log_of_many_records_or_much_that_is_dead_is_worn() {
        let mut records = Vec::new();
        for n in 0..=RECORDS as u64 {
            let mut writer = Writer::default();
            writer.file(n, "same", &known(n as u8));
            records.push(writer.record().unwrap());
        }
        let log = Log::read(&records, 0, LIFE);
        assert!(log.is_worn && !Log::read(&records[..50], 0, LIFE).is_worn);
        let rewritten = Log::read(&[log.rewritten()], 0, LIFE);
        assert!(!rewritten.is_worn && rewritten.recall("same") == Some(known(RECORDS as u8)));
    }

    proptest! {
        #[test]
        fn no_bytes_can_make_it_fail(mut junk in prop::collection::vec(any::<u8>(), 0..400), cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut writer = Writer::default();
            for n in 0..6 {
                writer.file(u64::from(n), &format!("f{n}"), &known(n));
            }
            let mut record = writer.record().unwrap();
            let at = cut.index(record.len());
            record[at] = byte;
            junk.splice(0..0, MAGIC.iter().copied());
            let log = Log::read(&[record.clone(), junk, record[..at].to_vec()], 5, LIFE);
            for n in 0..6 {
                drop(log.recall(&format!("f{n}")));
            }
            drop(log.rewritten());
        }
    }
}
