//! The bytes of blocks from the moment they are cut until the engine forgets them.
//!
//! Those of small files are kept as they were read, in the JavaScript heap: wasm's memory never shrinks. Those of large files
//! are kept where they are, in the file: the browser takes them from there as the body is sent, which is half the work of
//! copying them through this thread, and no memory.

use cloudindex_engine::{BlockKey, FileId};
use js_sys::Uint8Array;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::ops::Range;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, File};

#[derive(Default)]
pub struct Store {
    blocks: RefCell<FxHashMap<BlockKey, Kept>>,
}

pub enum Kept {
    /// Blocks of files that were read together are views of one buffer, which stays as long as one of them does.
    Bytes(Uint8Array),
    InFile {
        file: File,
        from: u64,
        len: u32,
    },
}

impl Kept {
    fn len(&self) -> u32 {
        match self {
            Kept::Bytes(bytes) => bytes.length(),
            Kept::InFile { len, .. } => *len,
        }
    }
}

/// Where a body gets the bytes of a block from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Memory,
    /// The browser reads it as the body is sent.
    File,
}

/// These bytes of a file. A slice is a trip to the browser process, so that there is none where it would be the whole file.
pub fn slice(file: &File, from: u64, to: u64) -> Result<Blob, JsValue> {
    if from == 0 && to == file.size() as u64 {
        return Ok(file.clone().into());
    }
    file.slice_with_f64_and_f64(from as f64, to as f64)
}

impl Store {
    pub fn keep(&self, key: BlockKey, kept: Kept) {
        self.blocks.borrow_mut().insert(key, kept);
    }

    /// The block's length, if it is kept.
    pub fn len(&self, key: BlockKey) -> Option<u32> {
        self.blocks.borrow().get(&key).map(Kept::len)
    }

    /// The block as a part of a body, if it is kept.
    pub fn part(&self, key: BlockKey) -> Option<Result<(JsValue, Source), JsValue>> {
        Some(match self.blocks.borrow().get(&key)? {
            Kept::Bytes(bytes) => Ok((bytes.into(), Source::Memory)),
            Kept::InFile { file, from, len } => {
                slice(file, *from, *from + u64::from(*len)).map(|part| (part.into(), Source::File))
            }
        })
    }

    /// Drops blocks of a file. Their bytes are left to the collector: freed by hand (`buffer.transfer(0)`), they take away its
    /// reason to run, and Chromium's own copies of the bodies then pile up.
    pub fn forget(&self, file: FileId, blocks: Range<u32>) {
        let mut kept = self.blocks.borrow_mut();
        for index in blocks {
            kept.remove(&BlockKey { file, index });
        }
    }

    /// Bytes kept, wherever they are, for tests.
    pub fn bytes(&self) -> u64 {
        self.blocks.borrow().values().map(|kept| u64::from(kept.len())).sum()
    }
}
