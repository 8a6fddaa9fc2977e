//! From the bytes that the page sends to blocks, one [`Cutter`] a file.

use crate::ports::{Bytes, StreamId};
use crate::store::Store;
use cloudindex_engine::{Block, BlockKey, CutSizes, Cutter, FileId, Input};
use js_sys::Uint8Array;

/// The files that are being read.
pub struct Cutting {
    sizes: CutSizes,
    open: Vec<Open>,
    last: StreamId,
    /// Where chunks are copied to be digested or cut: one buffer for all, because wasm's memory never shrinks.
    scratch: Vec<u8>,
}

struct Open {
    file: FileId,
    stream: StreamId,
    cutter: Cutter,
    blocks: u32,
}

impl Cutting {
    pub fn new(sizes: CutSizes) -> Self {
        Cutting { sizes, open: Vec::new(), last: 0, scratch: Vec::new() }
    }

    /// The file's stream; a new one if it has none. What an older stream still sends is then known to be stale.
    pub fn stream(&mut self, file: FileId) -> StreamId {
        if let Some(open) = self.open.iter().find(|open| open.file == file) {
            return open.stream;
        }
        self.last = self.last.wrapping_add(1);
        self.open.push(Open { file, stream: self.last, cutter: Cutter::new(self.sizes), blocks: 0 });
        self.last
    }

    pub fn stop(&mut self, file: FileId) {
        self.open.retain(|open| open.file != file);
    }

    /// Whether this is the file's stream now; if so it is over.
    pub fn end(&mut self, file: FileId, stream: StreamId) -> bool {
        let before = self.open.len();
        self.open.retain(|open| (open.file, open.stream) != (file, stream));
        self.open.len() < before
    }

    /// Cuts what came, keeps the blocks in `store`, and says so; nothing if the stream is stale.
    pub fn take(&mut self, bytes: Bytes, store: &Store) -> Option<Input> {
        let Bytes { file, stream, chunks, size, ended } = bytes;
        let at = self.open.iter().position(|open| (open.file, open.stream) == (file, stream))?;
        let open = &mut self.open[at];
        let length: usize = chunks.iter().map(|chunk| chunk.length() as usize).sum();
        if ended && open.cutter.read() == 0 && length <= self.sizes.small_file {
            self.open.swap_remove(at);
            let blocks = self.whole(file, length, chunks, store);
            return Some(Input::Cut { file, blocks, read: length as u64, size, ended });
        }

        let mut blocks = Vec::new();
        let mut index = open.blocks;
        let mut keep = |block: Block, bytes: &[u8]| {
            store.keep(BlockKey { file, index }, vec![Uint8Array::from(bytes)]);
            blocks.push(block);
            index += 1;
        };
        for chunk in chunks {
            let copy = room(&mut self.scratch, chunk.length() as usize);
            chunk.copy_to(copy);
            open.cutter.push(copy, &mut keep);
        }
        let read = open.cutter.read();
        if ended {
            self.open.swap_remove(at).cutter.finish(&mut keep);
        } else {
            open.blocks = index;
        }
        Some(Input::Cut { file, blocks, read, size, ended })
    }

    /// A file that came in one message is one block, kept as it came; an empty one is none.
    fn whole(&mut self, file: FileId, length: usize, chunks: Vec<Uint8Array>, store: &Store) -> Vec<Block> {
        if length == 0 {
            return Vec::new();
        }
        let copy = room(&mut self.scratch, length);
        let mut rest = &mut *copy;
        for chunk in &chunks {
            let (place, later) = rest.split_at_mut(chunk.length() as usize);
            chunk.copy_to(place);
            rest = later;
        }
        let block = Block::of(copy);
        store.keep(BlockKey { file, index: 0 }, chunks);
        vec![block]
    }
}

/// The first `length` bytes of the buffer, grown if need be.
fn room(buffer: &mut Vec<u8>, length: usize) -> &mut [u8] {
    if buffer.len() < length {
        buffer.resize(length, 0);
    }
    &mut buffer[..length]
}
