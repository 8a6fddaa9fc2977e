//! Who reads: the thread that the engine is on, or a worker behind a port. Both do the same.

use crate::js::{self, Listener};
use crate::reading::{Cut, Outcome, Reader, StreamId, Whole};
use cloudindex_engine::{Block, CutSizes, FileId};
use js_sys::{Array, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{File, MessageEvent, MessagePort};

#[derive(Clone)]
pub enum Hand {
    Here(Reader),
    There(MessagePort),
}

const TOGETHER: u32 = 0;
const LARGE: u32 = 1;
const STOP: u32 = 2;

const READY: u32 = 0;
const CUT: u32 = 1;
const UNREADABLE: u32 = 2;

impl Hand {
    pub fn together(&self, files: Vec<Whole>) {
        match self {
            Hand::Here(reader) => reader.together(files),
            Hand::There(port) => {
                let message = js::numbers(&[TOGETHER]);
                for Whole { file, stream, source } in files {
                    message.push(&file.into());
                    message.push(&stream.into());
                    message.push(&source);
                }
                js::post(port, &message, &Array::new());
            }
        }
    }

    /// Opens a large file, or, without its `source`, lets it be read further.
    pub fn large(&self, file: FileId, stream: StreamId, up_to: u64, source: Option<File>) {
        match self {
            Hand::Here(reader) => reader.large(file, stream, up_to, source),
            Hand::There(port) => {
                let message = js::numbers(&[LARGE, file, stream]);
                message.push(&(up_to as f64).into());
                message.push(&source.into());
                js::post(port, &message, &Array::new());
            }
        }
    }

    pub fn stop(&self, file: FileId) {
        match self {
            Hand::Here(reader) => reader.stop(file),
            Hand::There(port) => js::post(port, &js::numbers(&[STOP, file]), &Array::new()),
        }
    }
}

/// What a worker says on its port.
#[derive(Debug)]
pub enum Said {
    /// It is there.
    Ready,
    Outcome(Outcome),
}

impl Said {
    pub fn post(self, port: &MessagePort) {
        let transfer = Array::new();
        let message = match self {
            Said::Ready => js::numbers(&[READY]),
            Said::Outcome(Outcome::Cut(cuts)) => {
                let message = js::numbers(&[CUT]);
                for Cut { file, stream, blocks, read, ended } in cuts {
                    message.push(&file.into());
                    message.push(&stream.into());
                    message.push(&(read as f64).into());
                    message.push(&ended.into());
                    message.push(&(blocks.len() as u32).into());
                    for (block, bytes) in blocks {
                        message.push(&Uint8Array::from(&block.to_bytes()[..]));
                        message.push(&block.len.into());
                        message.push(&bytes.as_ref().into());
                        let Some(bytes) = bytes else { continue };
                        let buffer = bytes.buffer();
                        // Of those that share a buffer, it is named once.
                        if transfer.at(-1) != **buffer {
                            transfer.push(&buffer);
                        }
                    }
                }
                message
            }
            Said::Outcome(Outcome::Unreadable { file, stream, reason }) => {
                let message = js::numbers(&[UNREADABLE, file, stream]);
                message.push(&reason.into());
                message
            }
        };
        js::post(port, &message, &transfer);
    }

    pub fn parse(message: &JsValue) -> Option<Self> {
        let message: &Array = message.dyn_ref()?;
        let number = |place| js::count(&message.get(place));
        Some(match js::id(message, 0)? {
            READY => Said::Ready,
            CUT => {
                let (mut cuts, mut at) = (Vec::new(), 1);
                while at < message.length() {
                    let (file, stream, read) = (js::id(message, at)?, js::id(message, at + 1)?, number(at + 2)?);
                    let ended = message.get(at + 3).is_truthy();
                    let end = at + 5 + 3 * js::id(message, at + 4)?;
                    let block = |place| {
                        let name: Uint8Array = message.get(place).dyn_into().ok()?;
                        let block = Block::from_bytes(&name.to_vec(), js::id(message, place + 1)?)?;
                        Some((block, message.get(place + 2).dyn_into().ok()))
                    };
                    let blocks = (at + 5..end).step_by(3).map(block).collect::<Option<_>>()?;
                    cuts.push(Cut { file, stream, blocks, read, ended });
                    at = end;
                }
                Said::Outcome(Outcome::Cut(cuts))
            }
            UNREADABLE => Said::Outcome(Outcome::Unreadable {
                file: js::id(message, 1)?,
                stream: js::id(message, 2)?,
                reason: message.get(3).as_string()?,
            }),
            _ => return None,
        })
    }
}

thread_local! {
    /// What a worker listens to, for as long as it lives.
    static LISTENING: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// Reads in this worker for the engine behind the port.
pub fn serve(sizes: CutSizes, port: MessagePort) {
    let out = port.clone();
    let reader = Reader::new(sizes, Rc::new(move |outcome| Said::Outcome(outcome).post(&out)));
    let listener = Listener::new(&port, "message", move |event| {
        let data = event.unchecked_ref::<MessageEvent>().data();
        if told(&reader, &data).is_none() {
            js::complain(&format!("a reader was sent {}", js::show(&data)));
        }
    });
    LISTENING.replace(Some(listener));
    port.start();
    Said::Ready.post(&port);
}

fn told(reader: &Reader, message: &JsValue) -> Option<()> {
    let message: &Array = message.dyn_ref()?;
    match js::id(message, 0)? {
        TOGETHER => {
            let whole = |at| {
                let source = message.get(at + 2).dyn_into().ok()?;
                Some(Whole { file: js::id(message, at)?, stream: js::id(message, at + 1)?, source })
            };
            reader.together((1..message.length()).step_by(3).map(whole).collect::<Option<_>>()?);
        }
        LARGE => {
            let source = message.get(4).dyn_into().ok();
            reader.large(js::id(message, 1)?, js::id(message, 2)?, js::count(&message.get(3))?, source);
        }
        STOP => reader.stop(js::id(message, 1)?),
        _ => return None,
    }
    Some(())
}
