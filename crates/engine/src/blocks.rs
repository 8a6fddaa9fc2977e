//! Cutting a file into blocks and naming them.
//!
//! A file of at most [`CutSizes::small_file`] bytes is one block, an empty file none. A larger one is cut where its content
//! says so (FastCDC), so that an edit moves only the blocks around it.

use crate::io::Block;
use crate::rng::Rng;
use cloudindex_wire::Digest;
use fastcdc::v2020::{MASKS, cut_gear};
use std::ops::Range;

/// Sizes in bytes that decide where a file is cut. Both ends of a resume must use the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutSizes {
    pub small_file: usize,
    pub min: usize,
    pub average: usize,
    pub max: usize,
}

/// The name of these bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest(*blake3::hash(bytes).as_bytes())
}

/// Cuts one file as its bytes stream in. Holds at most one block and what was pushed last.
#[derive(Debug)]
pub struct Cutter {
    sizes: CutSizes,
    /// What is not cut yet is a part of it: it only grows, because to make room anew takes as long as to cut.
    buffer: Vec<u8>,
    held: Range<usize>,
    read: u64,
}

impl Cutter {
    pub fn new(sizes: CutSizes) -> Self {
        Cutter { sizes, buffer: Vec::new(), held: 0..0, read: 0 }
    }

    /// Bytes of the file seen so far.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Takes the next bytes; gives each block that is now certain to `sink`.
    pub fn push(&mut self, bytes: &[u8], sink: impl FnMut(Block, &[u8])) {
        self.push_with(bytes.len(), |room| room.copy_from_slice(bytes), sink);
    }

    /// The same, with bytes that `fill` writes where they are needed.
    pub fn push_with(&mut self, length: usize, fill: impl FnOnce(&mut [u8]), mut sink: impl FnMut(Block, &[u8])) {
        if self.held.end + length > self.buffer.len() {
            self.buffer.copy_within(self.held.clone(), 0);
            self.held = 0..self.held.len();
            let room = self.held.end + length;
            if room > self.buffer.len() {
                self.buffer.resize(room, 0);
            }
        }
        let end = self.held.end + length;
        fill(&mut self.buffer[self.held.end..end]);
        self.held.end = end;
        self.read += length as u64;
        if self.read > self.sizes.small_file as u64 {
            self.cut(self.sizes.max, &mut sink);
        }
    }

    /// The file is over: gives the blocks that are left, and is ready for another file.
    pub fn finish(&mut self, mut sink: impl FnMut(Block, &[u8])) {
        let held = &self.buffer[self.held.clone()];
        if self.read > self.sizes.small_file as u64 {
            self.cut(1, &mut sink);
        } else if !held.is_empty() {
            sink(Block::of(held), held);
        }
        (self.held, self.read) = (0..0, 0);
    }

    /// Cuts what is certain: where the content says so, or where a whole block of the greatest size lies behind; and, when
    /// `greatest` is 1, what is left.
    fn cut(&mut self, greatest: usize, sink: &mut impl FnMut(Block, &[u8])) {
        let knife = Knife::new(self.sizes);
        let mut rest = &self.buffer[self.held.clone()];
        while !rest.is_empty() {
            let (block, later) = rest.split_at(knife.first(rest));
            if later.is_empty() && block.len() < greatest {
                break;
            }
            sink(Block::of(block), block);
            rest = later;
        }
        self.held.start = self.held.end - rest.len();
    }
}

/// FastCDC (2020) with one level of normalisation. Its tables are made, which takes a microsecond, because the crate's own
/// would be 4 kB of noise in the page's wasm.
struct Knife {
    sizes: CutSizes,
    gear: [u64; 256],
    shifted: [u64; 256],
    /// Cuts are rarer before the average size is reached than after it.
    masks: (u64, u64),
}

impl Knife {
    fn new(sizes: CutSizes) -> Self {
        // Another seed would move every cut, and with them all that can be resumed or is known to servers.
        let mut rng = Rng::new(0);
        let gear = std::array::from_fn(|_| rng.next());
        let bits = sizes.average.ilog2() as usize;
        Knife { sizes, gear, shifted: gear.map(|noise| noise << 1), masks: (MASKS[bits + 1], MASKS[bits - 1]) }
    }

    /// Where the first block of these bytes ends.
    fn first(&self, bytes: &[u8]) -> usize {
        let CutSizes { min, average, max, .. } = self.sizes;
        let (rare, often) = self.masks;
        cut_gear(bytes, min, average, max, rare, often, rare << 1, often << 1, &self.gear, &self.shifted).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZES: CutSizes = CutSizes { small_file: 1024, min: 256, average: 1024, max: 4096 };

    fn noise(len: usize, seed: u32) -> Vec<u8> {
        let mut state = seed | 1;
        (0..len)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state as u8
            })
            .collect()
    }

    fn cut(bytes: &[u8], pieces: &[usize]) -> Vec<(Block, Vec<u8>)> {
        let mut found = Vec::new();
        let mut cutter = Cutter::new(SIZES);
        let mut rest = bytes;
        for piece in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*piece).clamp(1, rest.len()));
            cutter.push(now, |block, bytes| found.push((block, bytes.to_vec())));
            rest = later;
        }
        cutter.finish(|block, bytes| found.push((block, bytes.to_vec())));
        found
    }

    proptest! {
        #[test]
        fn blocks_put_together_are_the_file(len in 0usize..40_000, seed: u32, pieces in prop::collection::vec(1usize..9000, 1..5)) {
            let file = noise(len, seed);
            let blocks = cut(&file, &pieces);
            let whole: Vec<u8> = blocks.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
            prop_assert!(whole == file);
            for (block, bytes) in &blocks {
                prop_assert!(block.len as usize == bytes.len() && (1..=SIZES.max).contains(&bytes.len()));
                prop_assert_eq!(block.digest, digest(bytes));
            }
            prop_assert!(len > SIZES.small_file || blocks.len() == usize::from(len > 0));
        }

        #[test]
        fn how_the_bytes_arrive_does_not_matter(len in 0usize..40_000, seed: u32, pieces in prop::collection::vec(1usize..9000, 1..5)) {
            let file = noise(len, seed);
            prop_assert!(cut(&file, &pieces) == cut(&file, &[len.max(1)]));
        }
    }

    #[test]
    fn an_edit_moves_only_the_blocks_around_it() {
        let file = noise(200_000, 7);
        let mut edited = file.clone();
        edited.splice(100_000..100_010, *b"some other words");
        let before: Vec<_> = cut(&file, &[5000]).into_iter().map(|(block, _)| block).collect();
        let after = cut(&edited, &[5000]);
        let fresh = after.iter().filter(|(block, _)| !before.contains(block)).count();
        assert!(fresh <= 3, "{fresh} of {} blocks are new", after.len());
    }
}
