//! The private messages between the page's Intake and the host: arrays that begin with a kind, because they are the cheapest
//! to clone. `intake.js` has their other end.

use crate::js;
use cloudindex_engine::{FileId, Found, Recall};
use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::{File, MessagePort};

/// From the host to the page.
#[derive(Debug, Clone, PartialEq)]
pub enum ToPage {
    PauseWalk,
    ResumeWalk,
    /// The answer to the first [`ToHost::Folder`] that had none.
    Folder(Recall),
    /// Files that were only looked at are to be read.
    Open(Vec<FileId>),
}

/// From the page to the host, which `intake.js` posts.
#[derive(Debug)]
pub enum ToHost {
    /// The handle by which files come that are found next.
    Root(JsValue),
    /// A folder is next to be walked.
    Folder(String),
    /// The answer to [`ToPage::Open`], one by one: the file, or why it can't be read.
    Opened(FileId, Result<File, String>),
    /// Each with its file, which is nothing where it can't be read or was only looked at. The browser clones it for next to nothing, for its size
    /// was looked at before.
    Found(Vec<(Found, Option<File>)>),
    IntakeEnded,
}

const PAUSE_WALK: u32 = 0;
const RESUME_WALK: u32 = 1;
const KNOWN_FOLDER: u32 = 2;
const NEW_FOLDER: u32 = 3;
const OPEN: u32 = 4;

const FOUND: u32 = 0;
const INTAKE_ENDED: u32 = 1;
const ROOT: u32 = 2;
const FOLDER: u32 = 3;
const OPENED: u32 = 4;

impl ToPage {
    pub fn post(&self, port: &MessagePort) {
        let message = match self {
            ToPage::PauseWalk => js::numbers(&[PAUSE_WALK]),
            ToPage::ResumeWalk => js::numbers(&[RESUME_WALK]),
            ToPage::Folder(Recall::Known) => js::numbers(&[KNOWN_FOLDER]),
            ToPage::Folder(Recall::New) => js::numbers(&[NEW_FOLDER]),
            ToPage::Open(files) => js::numbers(&[&[OPEN], &files[..]].concat()),
        };
        js::post(port, &message, &Array::new());
    }
}

impl ToHost {
    pub fn parse(message: &JsValue) -> Option<Self> {
        Some(match kind(message)? {
            (message, FOUND) => ToHost::Found((1..message.length()).map(|place| found(&message.get(place))).collect()),
            (_, INTAKE_ENDED) => ToHost::IntakeEnded,
            (message, ROOT) => ToHost::Root(message.get(1)),
            (message, FOLDER) => ToHost::Folder(message.get(1).as_string()?),
            (message, OPENED) => {
                let file = message.get(2);
                let reason = |file: JsValue| file.as_string().unwrap_or_default();
                ToHost::Opened(js::id(message, 1)?, file.dyn_into().map_err(reason))
            }
            _ => return None,
        })
    }
}

fn kind(message: &JsValue) -> Option<(&Array, u32)> {
    let message: &Array = message.dyn_ref()?;
    Some((message, js::count(&message.get(0))? as u32))
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
        unreadable: text(6),
    };
    match row.get(7) {
        none if none.is_undefined() => (found, None),
        file => match file.dyn_into() {
            Ok(file) => (found, Some(file)),
            // It looked like one on the page.
            Err(other) => {
                let unreadable = found.unreadable.or_else(|| Some(format!("it is no file but {}", js::show(&other))));
                (Found { unreadable, ..found }, None)
            }
        },
    }
}
