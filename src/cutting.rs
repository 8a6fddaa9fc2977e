//! Bytes into named blocks, in a worker that reads or on the engine's own thread.

use crate::options::Options;
use cloudindex_engine::{Block, Cutter};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

/// Bytes of a block's name on its way to the engine: its length (u32, little-endian), and what [`Block::to_bytes`] gives.
pub(crate) const NAME: usize = 4 + 33;

/// Cuts one file after the other.
#[wasm_bindgen]
pub struct Cutting {
    cutter: Cutter,
    /// Where bytes are copied to be named: kept for the next, because wasm's memory never shrinks.
    scratch: Vec<u8>,
}

#[wasm_bindgen]
impl Cutting {
    /// Wrong options: throws the JSON of a Failure.
    #[wasm_bindgen(constructor)]
    pub fn new(options: Options) -> Result<Cutting, String> {
        Ok(Cutting { cutter: Cutter::new(options.config()?.cut), scratch: Vec::new() })
    }

    /// The names of blocks of these lengths, one after the other in `bytes`.
    #[must_use]
    pub fn name(&mut self, bytes: &Uint8Array, lengths: &[u32]) -> Vec<u8> {
        let length = bytes.length() as usize;
        if self.scratch.len() < length {
            self.scratch.resize(length, 0);
        }
        let mut rest = &mut self.scratch[..length];
        bytes.copy_to(rest);
        let mut names = Vec::new();
        for length in lengths {
            let Some((block, after)) = rest.split_at_mut_checked(*length as usize) else { break };
            write(&mut names, Block::of(block));
            rest = after;
        }
        names
    }

    /// The names of the blocks that end in the file's next bytes; of all that is left of it, if these are the last.
    #[must_use]
    pub fn cut(&mut self, bytes: &Uint8Array, last: bool) -> Vec<u8> {
        let mut names = Vec::new();
        let mut keep = |block, _: &[u8]| write(&mut names, block);
        self.cutter.push_with(bytes.length() as usize, |room| bytes.copy_to(room), &mut keep);
        if last {
            self.cutter.finish(&mut keep);
        }
        names
    }
}

fn write(names: &mut Vec<u8>, block: Block) {
    names.extend(block.len.to_le_bytes());
    names.extend(block.to_bytes());
}

/// What [`Cutting`] wrote.
pub(crate) fn read(names: &[u8]) -> Vec<Block> {
    let block = |name: &[u8]| {
        let (len, name) = name.split_first_chunk()?;
        Block::from_bytes(name, u32::from_le_bytes(*len))
    };
    names.chunks_exact(NAME).filter_map(block).collect()
}
