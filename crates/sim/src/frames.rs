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
    let mut rest = record.strip_prefix(b"CIJ1").ok_or("a record does not begin with CIJ1")?;
    let mut frames = Vec::new();
    while !rest.is_empty() {
        frames.push(frame(&mut rest).ok_or_else(|| format!("{} bytes of a record are no frame", rest.len()))?);
    }
    Ok(frames)
}

fn frame(rest: &mut &[u8]) -> Option<Frame> {
    Some(match take(rest, 1)?[0] {
        1 => Frame::Opened { at: number(rest)?, batch: text(rest)? },
        2 => {
            let (at, path, size, last_modified) = (number(rest)?, text(rest)?, number(rest)?, number(rest)?);
            let count = number(rest)?;
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
