//! Blocks of this upload by digest: identical ones travel once.
//!
//! The first block of a digest is its owner and is sent; others wait for its ack and need no sending then. When the owner
//! leaves before that, the next one takes its place: those that wait keep their bytes. Digests are cut to 64 bits here,
//! because a mistake costs nothing but a question: the server names what it lacks.

use crate::index::Index;
use crate::io::BlockKey;
use cloudindex_wire::Digest;

#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The line of each digest, or [`STORED`].
    places: Index,
    /// Blocks that the server lacks: the owner first, those that wait behind it.
    lines: Vec<Vec<BlockKey>>,
    /// Lines that are over.
    free: Vec<u32>,
}

/// Instead of a line: the server has said that it holds it.
const STORED: u32 = u32::MAX - 1;

/// What a block is among those of its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The one to be sent.
    Owner,
    /// Another is on its way.
    Waits,
    /// The server has it.
    Stored,
}

impl Shared {
    pub fn claim(&mut self, digest: &Digest, key: BlockKey) -> Claim {
        let name = name(digest);
        match self.places.get(name) {
            Some(STORED) => Claim::Stored,
            Some(at) => {
                let line = &mut self.lines[at as usize];
                if line[0] == key {
                    return Claim::Owner;
                }
                line.push(key);
                Claim::Waits
            }
            None => {
                let at = self.free.pop().unwrap_or_else(|| {
                    self.lines.push(Vec::new());
                    self.lines.len() as u32 - 1
                });
                self.lines[at as usize].push(key);
                self.places.insert(name, at);
                Claim::Owner
            }
        }
    }

    /// The server has it; gives those that waited.
    pub fn stored(&mut self, digest: &Digest) -> Vec<BlockKey> {
        let at = self.places.insert(name(digest), STORED);
        self.waited(at)
    }

    /// The server lacks it after all.
    pub fn lost(&mut self, digest: &Digest) {
        if self.places.get(name(digest)) == Some(STORED) {
            self.places.remove(name(digest));
        }
    }

    /// This block will not be sent; gives the one that takes its place.
    pub fn release(&mut self, digest: &Digest, key: BlockKey) -> Option<BlockKey> {
        let at = self.places.get(name(digest))?;
        let line = self.lines.get_mut(at as usize)?;
        let owns = line[0] == key;
        line.retain(|other| *other != key);
        if line.is_empty() {
            self.places.remove(name(digest));
            self.free.push(at);
            return None;
        }
        owns.then_some(line[0])
    }

    /// None of them waits for another any more; gives those that did.
    pub fn disband(&mut self, digest: &Digest) -> Vec<BlockKey> {
        if self.places.get(name(digest)) == Some(STORED) {
            return Vec::new();
        }
        let at = self.places.remove(name(digest));
        self.waited(at)
    }

    /// The end of a line.
    fn waited(&mut self, at: Option<u32>) -> Vec<BlockKey> {
        let Some(line) = at.and_then(|at| self.lines.get_mut(at as usize)) else { return Vec::new() };
        let mut line = std::mem::take(line);
        self.free.extend(at);
        line.remove(0);
        line
    }

    /// The upload is over, and what the server holds may change before the next.
    pub fn clear(&mut self) {
        *self = Shared::default();
    }
}

/// The digest cut to 64 bits.
pub(crate) fn name(digest: &Digest) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = digest.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::digest;

    #[test]
    fn one_is_sent_the_others_wait_and_the_next_takes_its_place() {
        let (mut shared, a) = (Shared::default(), digest(b"a"));
        let key = |file| BlockKey { file, index: 0 };
        let claims = [1, 2, 3, 1].map(|file| shared.claim(&a, key(file)));
        assert_eq!(claims, [Claim::Owner, Claim::Waits, Claim::Waits, Claim::Owner]);
        assert_eq!(shared.release(&a, key(2)), None);
        assert_eq!(shared.release(&a, key(1)), Some(key(3)));
        assert_eq!(shared.claim(&a, key(4)), Claim::Waits);
        assert_eq!(shared.stored(&a), [key(4)]);
        assert_eq!(shared.claim(&a, key(5)), Claim::Stored);
        shared.lost(&a);
        assert_eq!(shared.claim(&a, key(5)), Claim::Owner);
        assert_eq!(shared.release(&a, key(5)), None);
        assert_eq!(shared.claim(&a, key(6)), Claim::Owner);
    }
}
