//! A document's bytes, or a range of them, read from its blocks.

use crate::store::{Blocks, Location, Records, StoreError, Tenant};
use axum::body::Bytes;
use cloudindex_wire::Digest;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes read at once.
const STEP: u64 = 256 << 10;
/// Blocks looked up at once.
const LOOK_UP: usize = 256;

/// Bytes still to be read.
pub struct Source {
    records: Arc<dyn Records>,
    packs: Arc<dyn Blocks>,
    tenant: Tenant,
    /// All of the document.
    blocks: Vec<(Digest, u64)>,
    /// Bytes of it that are still to be read.
    left: (u64, u64),
    /// Places that were looked up: pack, offset, and bytes from there.
    ready: VecDeque<(String, u64, u64)>,
}

impl Source {
    /// Bytes `from..to` of the document of these blocks.
    pub fn new(
        records: Arc<dyn Records>,
        packs: Arc<dyn Blocks>,
        tenant: Tenant,
        blocks: &[(Digest, u64)],
        left: (u64, u64),
    ) -> Self {
        Source { records, packs, tenant, blocks: blocks.to_vec(), left, ready: VecDeque::new() }
    }

    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        let mut fresh = false;
        loop {
            if self.ready.is_empty() {
                self.look_up().await?;
                fresh = true;
            }
            let Some((pack, offset, length)) = self.ready.front_mut() else { return Ok(None) };
            let step = STEP.min(*length);
            match self.packs.read(pack, *offset, step as usize).await {
                Ok(bytes) => {
                    *offset += step;
                    *length -= step;
                    if *length == 0 {
                        self.ready.pop_front();
                    }
                    self.left.0 += step;
                    return Ok(Some(bytes));
                }
                // Whoever reads slowly may be overtaken by housekeeping, which has moved it.
                Err(StoreError::Lost(_)) if !fresh => self.ready.clear(),
                Err(error) => return Err(error),
            }
        }
    }

    /// Looks up where the next blocks lie.
    async fn look_up(&mut self) -> Result<(), StoreError> {
        let (from, to) = self.left;
        let some: Vec<_> = cut(&self.blocks, from, to).take(LOOK_UP).collect();
        let digests = some.iter().map(|(digest, ..)| *digest).collect();
        for ((digest, length, first, last), at) in some.iter().zip(self.records.locate(self.tenant, digests).await?) {
            match at {
                Some(Location { pack, offset, length: held }) if held == *length => {
                    let (start, bytes) = (offset + first, last - first);
                    match self.ready.back_mut() {
                        // Neighbours in a pack are read as one.
                        Some((before, from, more)) if *before == pack && *from + *more == start => *more += bytes,
                        _ => self.ready.push_back((pack, start, bytes)),
                    }
                }
                _ => return Err(StoreError::Lost(format!("block {digest} of a document is lost"))),
            }
        }
        Ok(())
    }
}

/// The blocks that bytes `from..to` lie in: name, whole length, and what of it is wanted.
fn cut(blocks: &[(Digest, u64)], from: u64, to: u64) -> impl Iterator<Item = (Digest, u64, u64, u64)> {
    let mut start = 0u64;
    blocks.iter().filter_map(move |(digest, length)| {
        let begin = start;
        start = start.saturating_add(*length);
        let (first, last) = (from.max(begin), to.min(start));
        (first < last).then(|| (*digest, *length, first - begin, last - begin))
    })
}
