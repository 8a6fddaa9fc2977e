//! Blocks of this upload by digest: identical ones travel once.
//!
//! The first block of a digest is its owner and is sent; others wait for its ack and need no sending then. When the owner
//! leaves before that, the next one takes its place: those that wait keep their bytes. Digests are cut to 64 bits here,
//! because a mistake costs nothing but a question: the server names what it lacks.

use crate::io::BlockKey;
use cloudindex_wire::Digest;
use rustc_hash::{FxHashMap, FxHashSet};

#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// What the server has said that it holds.
    stored: FxHashSet<u64>,
    pending: FxHashMap<u64, Pending>,
}

#[derive(Debug)]
struct Pending {
    owner: BlockKey,
    waiting: Vec<BlockKey>,
}

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
        if self.stored.contains(&name) {
            return Claim::Stored;
        }
        let pending = self.pending.entry(name).or_insert(Pending { owner: key, waiting: Vec::new() });
        if pending.owner == key {
            return Claim::Owner;
        }
        pending.waiting.push(key);
        Claim::Waits
    }

    /// The server has it; gives those that waited.
    pub fn stored(&mut self, digest: &Digest) -> Vec<BlockKey> {
        self.stored.insert(name(digest));
        self.pending.remove(&name(digest)).map(|pending| pending.waiting).unwrap_or_default()
    }

    /// The server lacks it after all.
    pub fn lost(&mut self, digest: &Digest) {
        self.stored.remove(&name(digest));
    }

    /// This block will not be sent; gives the one that takes its place.
    pub fn release(&mut self, digest: &Digest, key: BlockKey) -> Option<BlockKey> {
        let pending = self.pending.get_mut(&name(digest))?;
        if pending.owner != key {
            pending.waiting.retain(|other| *other != key);
            return None;
        }
        if pending.waiting.is_empty() {
            self.pending.remove(&name(digest));
            return None;
        }
        pending.owner = pending.waiting.remove(0);
        Some(pending.owner)
    }

    /// None of them waits for another any more; gives those that did.
    pub fn disband(&mut self, digest: &Digest) -> Vec<BlockKey> {
        self.pending.remove(&name(digest)).map(|pending| pending.waiting).unwrap_or_default()
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
