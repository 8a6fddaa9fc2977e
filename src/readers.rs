//! What the engine wants read, handed to readers; what they bring, kept in the store and told to the engine.

use crate::hand::Hand;
use crate::js;
use crate::reading::{Cut, StreamId, Whole};
use crate::store::{Kept, Store};
use cloudindex_engine::{BlockKey, Config, FileId, Input};
use js_sys::{Array, Uint8Array};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use wasm_bindgen::prelude::*;
use web_sys::File;

/// Files and bytes that are read at once: enough that the cost of a read is little for each, few enough to be cut in some ms.
const FILES: usize = 64;
const BYTES: u64 = 8 * 1024 * 1024;

/// The files of an upload, and who reads them.
pub struct Readers {
    small_file: u64,
    in_file: u64,
    /// Row by row the `File`, the text why there is none, or null: it was not opened yet. In the JavaScript heap, where 100,000
    /// are nothing.
    rows: Array,
    /// Files that are to be read, up to there, as soon as the page has opened them (0: it is enough that they are open); those of
    /// them that the page is to be told of.
    opening: RefCell<FxHashMap<FileId, u64>>,
    to_open: RefCell<Vec<FileId>>,
    open: RefCell<FxHashMap<FileId, Open>>,
    last: Cell<StreamId>,
    /// Small files that are to be read as soon as the engine has said all that it wants.
    wanted: RefCell<Vec<Whole>>,
    /// Who reads: this thread, until others are there.
    hands: RefCell<Vec<Hand>>,
    turn: Cell<usize>,
}

/// A file that is being read.
struct Open {
    stream: StreamId,
    hand: Hand,
    /// Blocks, and bytes in them, so far.
    blocks: u32,
    cut: u64,
}

/// Size in bytes, and when it was changed last, ms since 1970.
pub fn facts(file: &File) -> (u64, u64) {
    (file.size() as u64, file.last_modified().max(0.0) as u64)
}

impl Readers {
    /// Files are read, for now, by `hand`.
    pub fn new(config: &Config, hand: Hand) -> Self {
        Readers {
            small_file: config.cut.small_file as u64,
            in_file: config.in_file,
            rows: Array::new(),
            opening: RefCell::default(),
            to_open: RefCell::default(),
            open: RefCell::default(),
            last: Cell::new(0),
            wanted: RefCell::default(),
            hands: RefCell::new(vec![hand]),
            turn: Cell::new(0),
        }
    }

    /// A worker is there to read. From the first of them on, this thread reads nothing new itself.
    pub fn join(&self, hand: Hand) {
        let mut hands = self.hands.borrow_mut();
        hands.retain(|hand| matches!(hand, Hand::There(_)));
        hands.push(hand);
    }

    /// Whose turn it is.
    fn hand(&self) -> Hand {
        let hands = self.hands.borrow();
        self.turn.set((self.turn.get() + 1) % hands.len());
        hands[self.turn.get()].clone()
    }

    /// The next row's file; none if it was not opened.
    pub fn found(&self, file: Result<Option<File>, String>) {
        self.rows.push(&file.map_or_else(JsValue::from, |file| file.map_or(JsValue::NULL, JsValue::from)));
    }

    /// What the page has opened; up to where it is to be read, if it still is.
    pub fn opened(&self, id: FileId, file: &File) -> Option<u64> {
        self.rows.set(id, file.into());
        self.opening.borrow_mut().remove(&id)
    }

    /// The page could not open it; whether anybody still wants to know.
    pub fn not_opened(&self, id: FileId) -> bool {
        self.opening.borrow_mut().remove(&id).is_some()
    }

    /// Files that the page is to open.
    pub fn to_open(&self) -> Vec<FileId> {
        self.to_open.take()
    }

    fn file(&self, id: FileId) -> Result<File, String> {
        let no_file = |row: JsValue| row.as_string().unwrap_or_else(|| format!("there is no file {id}"));
        self.rows.get(id).dyn_into().map_err(no_file)
    }

    /// Its size and when it was changed last, as the page saw them; nothing if the page is to open it first.
    pub fn facts(&self, id: FileId) -> Option<Result<(u64, u64), String>> {
        if self.rows.get(id).is_null() {
            self.wait_for(id, 0);
            return None;
        }
        Some(self.file(id).map(|file| facts(&file)))
    }

    fn wait_for(&self, file: FileId, up_to: u64) {
        if self.opening.borrow_mut().insert(file, up_to).is_none() {
            self.to_open.borrow_mut().push(file);
        }
    }

    /// Whether the browser still finds the file to be what it was when it was chosen.
    pub async fn look(&self, id: FileId) -> Result<(), String> {
        let file = self.file(id)?;
        // The last byte: where times are coarse, a shorter file can be of the same time.
        let last = file.slice_with_f64_and_f64((file.size() - 1.0).max(0.0), file.size());
        let seen = match last.map(|last| js::future(&last.array_buffer())) {
            Ok(bytes) => bytes.await,
            Err(error) => Err(error),
        };
        let length = seen.map(|bytes| Uint8Array::new(&bytes).length()).map_err(|error| js::describe(&error))?;
        if length == 0 && file.size() > 0.0 { Err("it was cut short".to_owned()) } else { Ok(()) }
    }

    /// Goes on with the file, or opens it; or says why it can't be read.
    pub fn read(&self, file: FileId, up_to: u64) -> Result<(), String> {
        if let Some(open) = self.open.borrow().get(&file) {
            open.hand.large(file, open.stream, up_to, None);
            return Ok(());
        }
        if self.rows.get(file).is_null() {
            self.wait_for(file, up_to);
            return Ok(());
        }
        let source = self.file(file)?;
        let stream = self.last.get().wrapping_add(1);
        self.last.set(stream);
        let hand = self.hand();
        let size = source.size() as u64;
        if size <= self.small_file && size < up_to {
            self.wanted.borrow_mut().push(Whole { file, stream, source });
        } else {
            hand.large(file, stream, up_to, Some(source));
        }
        self.open.borrow_mut().insert(file, Open { stream, hand, blocks: 0, cut: 0 });
        Ok(())
    }

    /// Reads what was wanted.
    pub fn flush(&self) {
        let size = |whole: &Whole| whole.source.size() as u64;
        // Apart: of what is read together all stays as long as one of them is kept.
        let (kept, in_file): (Vec<_>, Vec<_>) =
            self.wanted.take().into_iter().partition(|whole| size(whole) < self.in_file);
        for alike in [kept, in_file] {
            let (mut group, mut bytes) = (Vec::new(), 0);
            for whole in alike {
                let size = size(&whole);
                if group.len() >= FILES || (bytes + size > BYTES && !group.is_empty()) {
                    self.hand().together(std::mem::take(&mut group));
                    bytes = 0;
                }
                bytes += size;
                group.push(whole);
            }
            if !group.is_empty() {
                self.hand().together(group);
            }
        }
    }

    pub fn stop(&self, file: FileId) {
        self.opening.borrow_mut().remove(&file);
        if let Some(open) = self.open.borrow_mut().remove(&file) {
            self.wanted.borrow_mut().retain(|whole| whole.file != file);
            open.hand.stop(file);
        }
    }

    /// Whether this was the file's reading; if so it is over.
    pub fn ends(&self, file: FileId, stream: StreamId) -> bool {
        let mut open = self.open.borrow_mut();
        open.get(&file).is_some_and(|open| open.stream == stream) && open.remove(&file).is_some()
    }

    /// Nothing more is read.
    pub fn close(&self) {
        let open: Vec<FileId> = self.open.borrow().keys().copied().collect();
        open.into_iter().for_each(|file| self.stop(file));
    }

    /// Keeps what was read, and gives what the engine is to be told; nothing of a reading that was stopped.
    pub fn take(&self, cut: Cut, store: &Store) -> Option<Input> {
        let Cut { file, stream, blocks, read, ended } = cut;
        let mut open = self.open.borrow_mut();
        let at = open.get_mut(&file).filter(|open| open.stream == stream)?;
        for (block, bytes) in &blocks {
            let kept = match (bytes, self.file(file)) {
                (None, Err(_)) => return None,
                (Some(bytes), Err(_)) => Kept::Bytes(bytes.clone()),
                (Some(bytes), Ok(source)) if (source.size() as u64) < self.in_file => Kept::Bytes(bytes.clone()),
                (_, Ok(source)) => Kept::InFile { file: source, from: at.cut, len: block.len },
            };
            store.keep(BlockKey { file, index: at.blocks }, kept);
            at.blocks += 1;
            at.cut += u64::from(block.len);
        }
        let blocks = blocks.into_iter().map(|(block, _)| block).collect();
        if ended {
            open.remove(&file);
        }
        // Of a file that is tried again the engine knows no size.
        let size = if ended { None } else { self.file(file).ok().map(|source| source.size() as u64) };
        Some(Input::Cut { file, blocks, read, size, ended })
    }
}
