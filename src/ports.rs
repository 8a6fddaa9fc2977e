//! The private messages between the page's Intake and the host: arrays that begin with a kind, because thousands of them
//! cross a second and arrays of numbers, strings and transferred buffers are the cheapest to clone.

use crate::js;
use cloudindex_engine::{FileId, Found};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::MessagePort;

/// One opening of a file. A file that is closed and opened again has a new one, so that what the old one still sends is known.
pub type StreamId = u32;

/// From the host to the page.
#[derive(Debug, Clone, PartialEq)]
pub enum ToPage {
    /// Sent first: files that end within this many bytes are never asked their size.
    Hello {
        small_file: u64,
    },
    /// Open the file under this stream, or go on with it, until `up_to` bytes have come.
    Read {
        file: FileId,
        stream: StreamId,
        up_to: u64,
    },
    Stop(FileId),
    Size(Vec<FileId>),
    PauseWalk,
    ResumeWalk,
}

/// From the page to the host.
#[derive(Debug)]
pub enum ToHost {
    /// The handle by which files come that are found next.
    Root(JsValue),
    Found(Vec<Found>),
    IntakeEnded,
    /// Each file's size, and its time if it has one.
    Sized(Vec<(FileId, u64, Option<u64>)>),
    Bytes(Bytes),
    Unreadable {
        file: FileId,
        stream: StreamId,
        reason: String,
    },
}

/// The next bytes of a file.
#[derive(Debug)]
pub struct Bytes {
    pub file: FileId,
    pub stream: StreamId,
    /// Each is wholly its buffer, which is transferred.
    pub chunks: Vec<Uint8Array>,
    /// Once, when the file turned out to be large.
    pub size: Option<u64>,
    pub ended: bool,
}

const HELLO: u32 = 0;
const READ: u32 = 1;
const STOP: u32 = 2;
const SIZE: u32 = 3;
const PAUSE_WALK: u32 = 4;
const RESUME_WALK: u32 = 5;

const FOUND: u32 = 0;
const INTAKE_ENDED: u32 = 1;
const SIZED: u32 = 2;
const BYTES: u32 = 3;
const UNREADABLE: u32 = 4;
const ROOT: u32 = 5;

impl ToPage {
    pub fn post(&self, port: &MessagePort) {
        let message = match self {
            ToPage::Hello { small_file } => numbers(HELLO, &[*small_file as f64]),
            ToPage::Read { file, stream, up_to } => {
                numbers(READ, &[f64::from(*file), f64::from(*stream), *up_to as f64])
            }
            ToPage::Stop(file) => numbers(STOP, &[f64::from(*file)]),
            ToPage::Size(files) => numbers(SIZE, &files.iter().copied().map(f64::from).collect::<Vec<_>>()),
            ToPage::PauseWalk => numbers(PAUSE_WALK, &[]),
            ToPage::ResumeWalk => numbers(RESUME_WALK, &[]),
        };
        send(port, &message, None);
    }

    pub fn parse(message: &JsValue) -> Option<Self> {
        let message: &Array = message.dyn_ref()?;
        Some(match number(message, 0)? as u32 {
            HELLO => ToPage::Hello { small_file: number(message, 1)? },
            READ => ToPage::Read { file: id(message, 1)?, stream: id(message, 2)?, up_to: number(message, 3)? },
            STOP => ToPage::Stop(id(message, 1)?),
            SIZE => ToPage::Size((1..message.length()).filter_map(|place| id(message, place)).collect()),
            PAUSE_WALK => ToPage::PauseWalk,
            RESUME_WALK => ToPage::ResumeWalk,
            _ => return None,
        })
    }
}

impl ToHost {
    pub fn post(self, port: &MessagePort) {
        let transfer = Array::new();
        let message = match self {
            ToHost::Found(files) => {
                let message = numbers(FOUND, &[]);
                for file in files {
                    message.push(&row(file));
                }
                message
            }
            ToHost::Root(handle) => Array::of2(&ROOT.into(), &handle),
            ToHost::IntakeEnded => numbers(INTAKE_ENDED, &[]),
            ToHost::Sized(sizes) => {
                let message = numbers(SIZED, &[]);
                for (file, size, time) in sizes {
                    for fact in [file.into(), (size as f64).into(), optional(time)] {
                        message.push(&fact);
                    }
                }
                message
            }
            ToHost::Bytes(Bytes { file, stream, chunks, size, ended }) => {
                let message = numbers(BYTES, &[f64::from(file), f64::from(stream)]);
                message.push(&optional(size));
                message.push(&ended.into());
                for chunk in chunks {
                    transfer.push(&chunk.buffer());
                    message.push(&chunk);
                }
                message
            }
            ToHost::Unreadable { file, stream, reason } => {
                let message = numbers(UNREADABLE, &[f64::from(file), f64::from(stream)]);
                message.push(&reason.into());
                message
            }
        };
        send(port, &message, Some(&transfer));
    }

    pub fn parse(message: &JsValue) -> Option<Self> {
        let message: &Array = message.dyn_ref()?;
        Some(match number(message, 0)? as u32 {
            FOUND => ToHost::Found((1..message.length()).map(|place| found(&message.get(place))).collect()),
            INTAKE_ENDED => ToHost::IntakeEnded,
            SIZED => {
                let rows = (1..message.length()).step_by(3);
                let row = |at| Some((id(message, at)?, number(message, at + 1)?, number(message, at + 2)));
                ToHost::Sized(rows.filter_map(row).collect())
            }
            BYTES => ToHost::Bytes(Bytes {
                file: id(message, 1)?,
                stream: id(message, 2)?,
                size: number(message, 3),
                ended: message.get(4).is_truthy(),
                chunks: (5..message.length()).filter_map(|place| message.get(place).dyn_into().ok()).collect(),
            }),
            UNREADABLE => ToHost::Unreadable {
                file: id(message, 1)?,
                stream: id(message, 2)?,
                reason: message.get(3).as_string()?,
            },
            ROOT => ToHost::Root(message.get(1)),
            _ => return None,
        })
    }
}

/// A found file is an array too, its optional fields undefined.
fn row(file: Found) -> Array {
    let text = |value: Option<String>| value.map_or(JsValue::UNDEFINED, JsValue::from);
    let fields = [
        file.path.into(),
        file.media_type.into(),
        optional(file.size),
        optional(file.last_modified),
        text(file.metadata),
        text(file.group),
        text(file.unreadable),
    ];
    fields.iter().collect()
}

fn found(row: &JsValue) -> Found {
    // Even what is no row counts, or all after it would get wrong numbers.
    let Some(row) = row.dyn_ref::<Array>() else { return Found::default() };
    let text = |place| row.get(place).as_string();
    Found {
        path: text(0).unwrap_or_default(),
        media_type: text(1).unwrap_or_default(),
        size: number(row, 2),
        last_modified: number(row, 3),
        metadata: text(4),
        group: text(5),
        unreadable: text(6),
    }
}

fn numbers(kind: u32, rest: &[f64]) -> Array {
    let message = Array::of1(&kind.into());
    for number in rest {
        message.push(&(*number).into());
    }
    message
}

fn optional(number: Option<u64>) -> JsValue {
    number.map_or(JsValue::UNDEFINED, |number| JsValue::from(number as f64))
}

fn number(message: &Array, place: u32) -> Option<u64> {
    js::count(&message.get(place))
}

fn id(message: &Array, place: u32) -> Option<u32> {
    number(message, place)?.try_into().ok()
}

fn send(port: &MessagePort, message: &Array, transfer: Option<&Array>) {
    let sent = match transfer {
        Some(transfer) if transfer.length() > 0 => port.post_message_with_transferable(message, transfer),
        _ => port.post_message(message),
    };
    if let Err(error) = sent {
        js::complain(&format!("a message was not sent: {}", js::describe(&error)));
    }
}
