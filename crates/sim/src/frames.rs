//! Reads the journal's records by their description in the engine's `journal.rs`, and by none of its code: what is written
//! there must be true, and must be all that is written.

use cloudindex_wire::Digest;

/// One thing that a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    Opened { at: u64, batch: String },
    File { at: u64, path: String, size: u64, last_modified: u64, blocks: Vec<(Digest, u64)> },
    Tally { found: u64, arrived: u64, bytes: u64 },
    Closed,
}

/// All frames of a record; an error for anything else.
pub fn frames(record: &[u8]) -> Result<Vec<Frame>, String> {
    let (frames, rest) = readable(record);
    if rest == 0 { Ok(frames) } else { Err(format!("{rest} bytes of a record are no frame")) }
}

/// The frames of a record up to what can't be read, and how many bytes that are.
fn readable(record: &[u8]) -> (Vec<Frame>, usize) {
    let Some(mut rest) = record.strip_prefix(b"CIJ2") else { return (Vec::new(), record.len()) };
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let left = rest.len();
        match frame(&mut rest) {
            Some(frame) => frames.push(frame),
            None => return (frames, left),
        }
    }
    (frames, 0)
}

/// What an upload left unfinished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub batch: String,
    /// When it began, ms since 1970.
    pub since: u64,
    /// Files that it had found.
    pub found: u64,
}

/// The upload that a log speaks of last, if it does not say that it is over.
pub fn left(records: &[Vec<u8>]) -> Option<Left> {
    let mut left = None;
    for frame in records.iter().flat_map(|record| readable(record).0) {
        match (frame, &mut left) {
            (Frame::Opened { at, batch }, _) => left = Some(Left { batch, since: at, found: 0 }),
            (Frame::Tally { found, .. }, Some(left)) => left.found = found,
            (Frame::Closed, _) => left = None,
            _ => {}
        }
    }
    left
}

fn frame(rest: &mut &[u8]) -> Option<Frame> {
    Some(match take(rest, 1)?[0] {
        1 => Frame::Opened { at: number(rest)?, batch: text(rest)? },
        2 => {
            let (at, path, size, last_modified) = (number(rest)?, text(rest)?, number(rest)?, number(rest)?);
            let (_media_type, count) = (text(rest)?, number(rest)?);
            let block = |_| Some((Digest(take(rest, 32)?.try_into().ok()?), number(rest)?));
            Frame::File { at, path, size, last_modified, blocks: (0..count).map(block).collect::<Option<_>>()? }
        }
        3 => Frame::Tally { found: number(rest)?, arrived: number(rest)?, bytes: number(rest)? },
        4 => Frame::Closed,
        _ => return None,
    })
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}

/// LEB128.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let len = usize::try_from(number(rest)?).ok()?;
    String::from_utf8(take(rest, len)?.to_vec()).ok()
}
