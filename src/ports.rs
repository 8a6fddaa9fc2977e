//! The private messages between the page's Intake and the host: arrays that begin with a kind, because they are the cheapest
//! to clone.

use crate::js;
use cloudindex_engine::Found;
use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::{File, MessagePort};

/// From the host to the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ToPage {
    PauseWalk,
    ResumeWalk,
}

/// From the page to the host.
#[derive(Debug)]
pub enum ToHost {
    /// The handle by which files come that are found next.
    Root(JsValue),
    /// Each with its file, which is nothing where it can't be read. The browser clones it for next to nothing, for its size
    /// was looked at before.
    Found(Vec<(Found, Option<File>)>),
    IntakeEnded,
}

const PAUSE_WALK: u32 = 0;
const RESUME_WALK: u32 = 1;

const FOUND: u32 = 0;
const INTAKE_ENDED: u32 = 1;
const ROOT: u32 = 2;

impl ToPage {
    pub fn post(&self, port: &MessagePort) {
        let kind = match self {
            ToPage::PauseWalk => PAUSE_WALK,
            ToPage::ResumeWalk => RESUME_WALK,
        };
        js::post(port, &js::numbers(&[kind]), &Array::new());
    }

    pub fn parse(message: &JsValue) -> Option<Self> {
        Some(match kind(message)? {
            (_, PAUSE_WALK) => ToPage::PauseWalk,
            (_, RESUME_WALK) => ToPage::ResumeWalk,
            _ => return None,
        })
    }
}

impl ToHost {
    pub fn post(self, port: &MessagePort) {
        let message = match self {
            ToHost::Found(files) => return post_found(files.into_iter().map(|(found, file)| row(found, file)), port),
            ToHost::IntakeEnded => js::numbers(&[INTAKE_ENDED]),
            ToHost::Root(handle) => Array::of2(&ROOT.into(), &handle),
        };
        js::post(port, &message, &Array::new());
    }

    pub fn parse(message: &JsValue) -> Option<Self> {
        Some(match kind(message)? {
            (message, FOUND) => ToHost::Found((1..message.length()).map(|place| found(&message.get(place))).collect()),
            (_, INTAKE_ENDED) => ToHost::IntakeEnded,
            (message, ROOT) => ToHost::Root(message.get(1)),
            _ => return None,
        })
    }
}

/// One that only looks like a file can't be handed on; it is told as what can't be read, and takes nobody along.
fn post_found(rows: impl Iterator<Item = Array>, port: &MessagePort) {
    let mut message = js::numbers(&[FOUND]);
    message.extend(rows);
    if port.post_message(&message).is_ok() {
        return;
    }
    for row in message.iter().skip(1).map(|row| Array::from(&row)) {
        if let Err(error) = port.post_message(&Array::of2(&FOUND.into(), &row)) {
            row.set(UNREADABLE, js::describe(&error).into());
            row.set(FILE, JsValue::UNDEFINED);
            js::post(port, &Array::of2(&FOUND.into(), &row), &Array::new());
        }
    }
}

fn kind(message: &JsValue) -> Option<(&Array, u32)> {
    let message: &Array = message.dyn_ref()?;
    Some((message, js::count(&message.get(0))? as u32))
}

/// Places in a row.
const UNREADABLE: u32 = 6;
const FILE: u32 = 7;

/// A found file is an array too, its optional fields undefined.
fn row(found: Found, file: Option<File>) -> Array {
    let text = |value: Option<String>| value.map_or(JsValue::UNDEFINED, JsValue::from);
    let number = |value: Option<u64>| value.map_or(JsValue::UNDEFINED, |number| JsValue::from(number as f64));
    let fields = [
        found.path.into(),
        found.media_type.into(),
        number(found.size),
        number(found.last_modified),
        text(found.metadata),
        text(found.group),
        text(found.unreadable),
        file.into(),
    ];
    fields.iter().collect()
}

fn found(row: &JsValue) -> (Found, Option<File>) {
    // Even what is no row counts, or all after it would get wrong numbers.
    let Some(row) = row.dyn_ref::<Array>() else { return (Found::default(), None) };
    let text = |place| row.get(place).as_string();
    let number = |place| js::count(&row.get(place));
    let found = Found {
        path: text(0).unwrap_or_default(),
        media_type: text(1).unwrap_or_default(),
        size: number(2),
        last_modified: number(3),
        metadata: text(4),
        group: text(5),
        unreadable: text(UNREADABLE),
    };
    (found, row.get(FILE).dyn_into().ok())
}
