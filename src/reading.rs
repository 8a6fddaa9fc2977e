//! Streams of files, opened and read on the page because that is where it is cheapest (DESIGN.md, "Intake").
//!
//! This is the hot path: for a small file one `stream()`, two `read()`s and one message, and its size is never asked.

use crate::js::{self, Signal};
use crate::ports::{Bytes, StreamId, ToHost};
use cloudindex_engine::FileId;
use js_sys::{Promise, Uint8Array};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{File, MessagePort, ReadableStreamDefaultReader, ReadableStreamReadResult};

/// Bytes of a large file in one message, about: messages cost little beside it, and the worker cuts them in some ms.
const MESSAGE: u64 = 1024 * 1024;
/// Messages of a file between two looks at whether it is still what it was.
const LOOK: u32 = 32;
const CHANGED: &str = "it changed or went away while it was read";
/// ms that asking sizes may hold the page.
const SIZING: f64 = 6.0;

/// The streams that are open.
pub struct Streams {
    port: MessagePort,
    small_file: Cell<u64>,
    open: Rc<RefCell<Vec<Rc<Stream>>>>,
}

struct Stream {
    row: FileId,
    id: StreamId,
    /// How far the engine lets it read.
    up_to: Cell<u64>,
    /// Given when the engine lets it read further, or stops it.
    waiting: Cell<Option<Signal>>,
    reader: ReadableStreamDefaultReader,
    file: File,
}

/// The stream was stopped: nobody waits for what it says.
struct Stopped;

impl Streams {
    pub fn new(port: MessagePort) -> Self {
        Streams { port, small_file: Cell::new(MESSAGE), open: Rc::default() }
    }

    /// Files that end within this many bytes are never asked their size.
    pub fn set_small_file(&self, bytes: u64) {
        self.small_file.set(bytes);
    }

    /// Goes on with the file's stream, or opens it.
    pub fn read(
        &self,
        file: FileId,
        id: StreamId,
        up_to: u64,
        size: Option<u64>,
        find: impl FnOnce() -> Result<File, String>,
    ) {
        let open = self.open.borrow().iter().find(|stream| (stream.row, stream.id) == (file, id)).cloned();
        if let Some(stream) = open {
            stream.up_to.set(up_to);
            return stream.wake();
        }
        self.stop(file);
        if size.is_some_and(|size| size <= self.small_file.get() && size < up_to) {
            return self.read_whole(file, id, find());
        }
        let row = file;
        let opened = find().and_then(|file| {
            let reader = js::invoke(&file, "stream", &[])
                .and_then(|stream| js::invoke(&stream, "getReader", &[]))
                .map_err(|error| js::describe(&error))?;
            Ok(Stream {
                row,
                id,
                up_to: Cell::new(up_to),
                waiting: Cell::default(),
                reader: reader.unchecked_into(),
                file,
            })
        });
        match opened {
            Ok(stream) => {
                let stream = Rc::new(stream);
                self.open.borrow_mut().push(Rc::clone(&stream));
                let (port, small_file, open) = (self.port.clone(), self.small_file.get(), Rc::clone(&self.open));
                spawn_local(async move {
                    let current = || open.borrow().iter().any(|now| Rc::ptr_eq(now, &stream));
                    match stream.pump(file, small_file, &port, current).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => {
                            ToHost::Unreadable { file, stream: id, reason: js::describe(&error) }.post(&port);
                        }
                        Err(Stopped) => return,
                    }
                    open.borrow_mut().retain(|now| !Rc::ptr_eq(now, &stream));
                });
            }
            Err(reason) => ToHost::Unreadable { file, stream: id, reason }.post(&self.port),
        }
    }

    /// A file known to be small, at once: one call of the browser instead of a stream and two reads, each of which holds the
    /// page. It can't be stopped; what it brings after a stop is known to be stale by its stream's number.
    fn read_whole(&self, file: FileId, id: StreamId, found: Result<File, String>) {
        let port = self.port.clone();
        let buffer = found.and_then(|file| {
            js::invoke(&file, "arrayBuffer", &[])
                .map(|promise| JsFuture::from(Promise::resolve(&promise)))
                .map_err(|error| js::describe(&error))
        });
        spawn_local(async move {
            let bytes = match buffer {
                Ok(buffer) => buffer.await.map_err(|error| js::describe(&error)),
                Err(reason) => Err(reason),
            };
            match bytes {
                Ok(buffer) => {
                    let bytes = Uint8Array::new(&buffer);
                    let chunks = if bytes.length() == 0 { Vec::new() } else { vec![bytes] };
                    ToHost::Bytes(Bytes { file, stream: id, chunks, size: None, ended: true }).post(&port);
                }
                Err(reason) => ToHost::Unreadable { file, stream: id, reason }.post(&port),
            }
        });
    }

    pub fn stop(&self, file: FileId) {
        let at = self.open.borrow().iter().position(|stream| stream.row == file);
        let stopped = at.map(|at| self.open.borrow_mut().swap_remove(at));
        if let Some(stream) = stopped {
            stream.stop();
        }
    }

    pub fn close(&self) {
        self.open.take().iter().for_each(|stream| stream.stop());
    }
}

impl Stream {
    /// Reads to the end, as far as the engine lets it. The inner result is the browser's.
    async fn pump(
        &self,
        file: FileId,
        small_file: u64,
        port: &MessagePort,
        current: impl Fn() -> bool,
    ) -> Result<Result<(), JsValue>, Stopped> {
        let (mut read, mut held, mut messages): (u64, u64, u32) = (0, 0, 0);
        let mut chunks = Vec::new();
        // What the browser says of a file that is over `small_file`, and the same until it is told.
        let (mut size, mut untold) = (None, None);
        loop {
            // At its known size only the end is to come, and costs no memory.
            let must_wait = read >= self.up_to.get() && size != Some(read);
            let enough = read > small_file && held >= MESSAGE;
            if held > 0 && (must_wait || enough) {
                let (chunks, size) = (std::mem::take(&mut chunks), untold.take());
                ToHost::Bytes(Bytes { file, stream: self.id, chunks, size, ended: false }).post(port);
                (held, messages) = (0, messages + 1);
                // Now and then, so that a file that is of no use any more does not travel to its end.
                if messages.is_multiple_of(LOOK) && self.look_again().await.is_err() {
                    return Ok(Err(CHANGED.into()));
                }
            }
            if must_wait {
                let (signal, given) = Signal::new();
                self.waiting.set(Some(signal));
                drop(given.await);
                if !current() {
                    return Err(Stopped);
                }
                continue;
            }
            let result = JsFuture::from(self.reader.read()).await;
            if !current() {
                return Err(Stopped);
            }
            let result: ReadableStreamReadResult = match result {
                Ok(result) => result.unchecked_into(),
                Err(error) => return Ok(Err(error)),
            };
            if result.get_done().unwrap_or(false) {
                if messages > 0 && self.look_again().await.is_err() {
                    return Ok(Err(CHANGED.into()));
                }
                if !current() {
                    return Err(Stopped);
                }
                ToHost::Bytes(Bytes { file, stream: self.id, chunks, size: untold, ended: true }).post(port);
                return Ok(Ok(()));
            }
            let Ok(chunk) = result.get_value().dyn_into::<Uint8Array>() else {
                return Ok(Err(js::type_error("the file's stream gave no bytes")));
            };
            let length = u64::from(chunk.length());
            (read, held) = (read + length, held + length);
            chunks.push(own(chunk));
            if read > small_file && size.is_none() {
                size = Some(self.file.size() as u64);
                untold = size;
            }
        }
    }

    /// A stream reads on through a file that is overwritten. To begin anew the browser refuses, when the file is not of the
    /// time that it was of when it was chosen; else the server would get the beginning of one file and the end of another.
    async fn look_again(&self) -> Result<(), JsValue> {
        let first = js::invoke(&self.file, "slice", &[&0.into(), &1.into()])?;
        let read = js::invoke(&first, "arrayBuffer", &[])?;
        JsFuture::from(Promise::resolve(&read)).await.map(drop)
    }

    fn wake(&self) {
        self.waiting.take().into_iter().for_each(Signal::give);
    }

    fn stop(&self) {
        self.wake();
        let cancelled = JsFuture::from(self.reader.cancel());
        spawn_local(async move { drop(cancelled.await) });
    }
}

/// A chunk whose buffer is wholly its own, so that it can be transferred.
fn own(chunk: Uint8Array) -> Uint8Array {
    if chunk.length() == chunk.buffer().byte_length() { chunk } else { chunk.slice(0, chunk.length()) }
}

/// Asks the files' sizes and times, each file a trip to the browser process, in slices when the page is idle.
pub async fn sizes(port: MessagePort, files: Vec<(FileId, File)>) {
    let mut files = files.into_iter().peekable();
    while files.peek().is_some() {
        idle().await;
        let began = js::millis();
        let mut sizes = Vec::new();
        while js::millis() - began < SIZING
            && let Some((id, file)) = files.next()
        {
            sizes.push((id, file.size() as u64, js::count(&js::get(&file, "lastModified"))));
        }
        ToHost::Sized(sizes).post(&port);
    }
}

/// When the page has nothing to do, or soon: sizes are wanted for the totals, and a page may never be idle.
async fn idle() {
    let promise = Promise::new(&mut |resolve, _| {
        let options = js::object(&[("timeout", 200.into())]);
        if js::invoke(&js_sys::global(), "requestIdleCallback", &[&resolve, &options]).is_err() {
            js::set_timeout(&resolve, 20);
        }
    });
    drop(JsFuture::from(promise).await);
}
