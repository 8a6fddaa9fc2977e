//! Reads files, cuts and names their blocks: in the engine's worker, in workers of its own beside it, or on the page.
//!
//! Small files are read many at once, as one `Blob` of them all: a read costs the browser some tenths of a millisecond, and this
//! way it is one for all of them. Large ones are read in slices, each of which the browser refuses when the file is not of
//! the time that it was of when it was chosen.

use crate::js::{self, Signal};
use crate::store::slice;
use cloudindex_engine::{Block, CutSizes, Cutter, FileId};
use js_sys::{Array, Uint8Array};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, File};

/// Bytes of a large file at a time: slices cost little beside it, and it is cut in some ms.
const SLICE: u64 = 8 * 1024 * 1024;

/// One opening of a file. A file that is closed and opened again has a new one, so that what the old one still brings is known.
pub type StreamId = u32;

/// A small file, to be read whole.
pub struct Whole {
    pub file: FileId,
    pub stream: StreamId,
    pub source: File,
}

/// The next bytes of a file, cut into blocks.
#[derive(Debug)]
pub struct Cut {
    pub file: FileId,
    pub stream: StreamId,
    /// Each with its bytes, if the file is small; those of a large one stay where they are.
    pub blocks: Vec<(Block, Option<Uint8Array>)>,
    /// All bytes of the file so far.
    pub read: u64,
    pub ended: bool,
}

#[derive(Debug)]
pub enum Outcome {
    Cut(Vec<Cut>),
    Unreadable { file: FileId, stream: StreamId, reason: String },
}

/// Hears what was read.
pub type Report = Rc<dyn Fn(Outcome)>;

/// Reads on the thread that it is made on.
#[derive(Clone)]
pub struct Reader(Rc<Inner>);

struct Inner {
    sizes: CutSizes,
    /// Large files that are open.
    open: RefCell<Vec<Rc<Large>>>,
    report: Report,
    /// Where bytes are copied to be named, and those that cut: kept for the next file, because wasm's memory never shrinks.
    scratch: RefCell<Vec<u8>>,
    cutters: RefCell<Vec<Cutter>>,
}

struct Large {
    file: FileId,
    stream: StreamId,
    source: File,
    /// How far the engine lets it read.
    up_to: Cell<u64>,
    /// Given when the engine lets it read further, or stops it.
    waiting: Cell<Option<Signal>>,
}

/// Nobody waits for what it says.
struct Stopped;

impl Reader {
    pub fn new(sizes: CutSizes, report: Report) -> Self {
        Reader(Rc::new(Inner {
            sizes,
            open: RefCell::default(),
            report,
            scratch: RefCell::default(),
            cutters: RefCell::default(),
        }))
    }

    /// Reads all of these. When one spoils it for the others, each alone.
    pub fn together(&self, files: Vec<Whole>) {
        let reader = self.clone();
        spawn_local(async move {
            // Nothing is read of an empty file among others, not even that it is gone.
            let (empty, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|whole| whole.source.size() == 0.0);
            if !files.is_empty() && !reader.at_once(&files).await {
                for whole in files {
                    reader.alone(whole).await;
                }
            }
            for whole in empty {
                reader.alone(whole).await;
            }
        });
    }

    /// Whether that could be done.
    async fn at_once(&self, files: &[Whole]) -> bool {
        let sources: Array = files.iter().map(|whole| JsValue::from(&whole.source)).collect();
        let Ok(all) = Blob::new_with_blob_sequence(&sources) else { return false };
        let Ok(bytes) = bytes(&all).await else { return false };
        let lengths = || files.iter().map(|whole| whole.source.size() as u32);
        if lengths().map(f64::from).sum::<f64>() != f64::from(bytes.length()) {
            return false;
        }
        let mut scratch = self.0.scratch.borrow_mut();
        let copied = copied(&bytes, &mut scratch);
        let mut from = 0;
        let cuts = files.iter().zip(lengths()).map(|(whole, length)| {
            let to = from + length;
            let block = Block::of(&copied[from as usize..to as usize]);
            let cut = whole.cut(vec![(block, Some(bytes.subarray(from, to)))]);
            from = to;
            cut
        });
        let cuts = cuts.collect();
        drop(scratch);
        (self.0.report)(Outcome::Cut(cuts));
        true
    }

    async fn alone(&self, whole: Whole) {
        (self.0.report)(match bytes(&whole.source).await {
            Ok(bytes) => {
                let named = Block::of(copied(&bytes, &mut self.0.scratch.borrow_mut()));
                let blocks = if bytes.length() == 0 { Vec::new() } else { vec![(named, Some(bytes))] };
                Outcome::Cut(vec![whole.cut(blocks)])
            }
            Err(error) => Outcome::Unreadable { file: whole.file, stream: whole.stream, reason: js::describe(&error) },
        });
    }

    /// Opens a large file, or, without its `source`, lets it be read further.
    pub fn large(&self, file: FileId, stream: StreamId, up_to: u64, source: Option<File>) {
        let open = self.0.open.borrow().iter().find(|large| (large.file, large.stream) == (file, stream)).cloned();
        if let Some(large) = open {
            large.up_to.set(up_to);
            return large.wake();
        }
        self.stop(file);
        let Some(source) = source else { return };
        let large = Rc::new(Large { file, stream, source, up_to: Cell::new(up_to), waiting: Cell::default() });
        self.0.open.borrow_mut().push(Rc::clone(&large));
        let reader = self.clone();
        spawn_local(async move {
            if let Ok(Err(error)) = reader.cut(&large).await {
                let reason = js::describe(&error);
                (reader.0.report)(Outcome::Unreadable { file: large.file, stream: large.stream, reason });
            }
            reader.0.open.borrow_mut().retain(|open| !Rc::ptr_eq(open, &large));
        });
    }

    pub fn stop(&self, file: FileId) {
        self.0.open.borrow_mut().retain(|large| {
            let stays = large.file != file;
            if !stays {
                large.wake();
            }
            stays
        });
    }

    /// Reads to the end, as far as the engine lets it, one slice ahead of the cutting. The inner result is the browser's.
    async fn cut(&self, large: &Rc<Large>) -> Result<Result<(), JsValue>, Stopped> {
        let size = large.source.size() as u64;
        let spare = self.0.cutters.borrow_mut().pop();
        let mut cutter = spare.unwrap_or_else(|| Cutter::new(self.0.sizes));
        let (mut asked, mut ahead) = (0, None);
        loop {
            if ahead.is_none() {
                while large.up_to.get() <= asked && asked < size {
                    let (signal, given) = Signal::new();
                    large.waiting.set(Some(signal));
                    drop(given.await);
                    self.goes_on(large)?;
                }
                ahead = Some(large.ask(&mut asked, size));
            }
            let Some((length, answer)) = ahead.take() else { continue };
            let answer = answer.await;
            self.goes_on(large)?;
            let bytes = match answer {
                Ok(bytes) => Uint8Array::new(&bytes),
                Err(error) => return Ok(Err(error)),
            };
            if u64::from(bytes.length()) != length {
                return Ok(Err(js::type_error("it changed while it was read")));
            }
            if asked < size && large.up_to.get() > asked {
                ahead = Some(large.ask(&mut asked, size));
            }
            let mut blocks = Vec::new();
            let mut keep = |block, _: &[u8]| blocks.push((block, None));
            cutter.push_with(bytes.length() as usize, |room| bytes.copy_to(room), &mut keep);
            let read = cutter.read();
            let ended = read == size;
            if ended {
                cutter.finish(&mut keep);
            }
            let Large { file, stream, .. } = **large;
            (self.0.report)(Outcome::Cut(vec![Cut { file, stream, blocks, read, ended }]));
            if ended {
                self.0.cutters.borrow_mut().push(cutter);
                return Ok(Ok(()));
            }
            self.goes_on(large)?;
        }
    }

    fn goes_on(&self, large: &Rc<Large>) -> Result<(), Stopped> {
        if self.0.open.borrow().iter().any(|open| Rc::ptr_eq(open, large)) { Ok(()) } else { Err(Stopped) }
    }
}

impl Whole {
    fn cut(&self, blocks: Vec<(Block, Option<Uint8Array>)>) -> Cut {
        let read = blocks.iter().map(|(block, _)| u64::from(block.len)).sum();
        Cut { file: self.file, stream: self.stream, blocks, read, ended: true }
    }
}

impl Large {
    /// Asks for the next slice; says how long it must be.
    fn ask(&self, asked: &mut u64, size: u64) -> (u64, JsFuture) {
        let from = *asked;
        *asked = size.min(self.up_to.get()).min(from + SLICE);
        let slice = slice(&self.source, from, *asked);
        (*asked - from, slice.map_or_else(js::rejected, |slice| js::future(&slice.array_buffer())))
    }

    fn wake(&self) {
        self.waiting.take().into_iter().for_each(Signal::give);
    }
}

/// All bytes of a blob.
async fn bytes(blob: &Blob) -> Result<Uint8Array, JsValue> {
    js::future(&blob.array_buffer()).await.map(|buffer| Uint8Array::new(&buffer))
}

/// The bytes in wasm's memory.
fn copied<'a>(bytes: &Uint8Array, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let length = bytes.length() as usize;
    if scratch.len() < length {
        scratch.resize(length, 0);
    }
    let room = &mut scratch[..length];
    bytes.copy_to(room);
    room
}
