//! Where walks put what they find: it gets rows, is shown to the application's hooks, and goes to the engine in slices.

use crate::js;
use crate::ports::ToHost;
use crate::timer::{Timer, now};
use cloudindex_engine::{Found, Now};
use js_sys::{Array, Function, JSON, Promise};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use web_sys::{File, MessagePort};

/// Files a message. Enough that messages cost little, few enough that hooks of some µs a file are no gap.
const SLICE: usize = 128;
/// ms that a found file waits for company; the first does not wait.
const LINGER: u64 = 16;

/// What the application wants to hear or say of each file.
pub struct Hooks {
    found: Function,
    metadata: Option<Function>,
    group_by: Option<Function>,
}

impl Hooks {
    pub fn read(hooks: &JsValue) -> Result<Self, JsValue> {
        let optional = |name: &str| match js::get(hooks, name) {
            none if none.is_undefined() || none.is_null() => Ok(None),
            some => some.dyn_into().map(Some).map_err(|_| js::type_error(&format!("{name} must be a function"))),
        };
        Ok(Hooks {
            found: optional("found")?.ok_or_else(|| js::type_error("found(first, files, paths) must be given"))?,
            metadata: optional("metadata")?,
            group_by: optional("groupBy")?,
        })
    }
}

/// What a walk found.
pub enum Seen {
    File { file: File, path: String, size: u64, last_modified: u64 },
    Unreadable { path: String, reason: String },
}

impl Seen {
    /// Looks at the file's facts, which for a plain `File` is a trip to the browser process. Once made, it costs nothing to hand
    /// the file to a worker; unmade, that costs more than the trip.
    pub fn file(file: File, path: String) -> Self {
        let (size, last_modified) = (file.size() as u64, file.last_modified().max(0.0) as u64);
        Seen::File { file, path, size, last_modified }
    }
}

/// What has no row yet, and the way to them.
pub struct Outlet {
    port: MessagePort,
    hooks: Hooks,
    seen: RefCell<Vec<Seen>>,
    flushed: Cell<Option<Now>>,
    timer: Timer,
    rows: Cell<u32>,
}

impl Outlet {
    pub fn new(port: MessagePort, hooks: Hooks) -> Rc<Self> {
        Rc::new_cyclic(|outlet: &Weak<Outlet>| {
            let outlet = outlet.clone();
            Outlet {
                port,
                hooks,
                seen: RefCell::default(),
                flushed: Cell::new(None),
                timer: Timer::new(move || {
                    if let Some(outlet) = outlet.upgrade() {
                        outlet.flush();
                    }
                }),
                rows: Cell::new(0),
            }
        })
    }

    pub fn push(&self, seen: Seen) {
        let waiting = {
            let mut list = self.seen.borrow_mut();
            list.push(seen);
            list.len()
        };
        match self.flushed.get() {
            Some(flushed) if waiting < SLICE && now().0 < flushed.0 + LINGER => {
                self.timer.arm(Some(Now(flushed.0 + LINGER)));
            }
            _ => self.flush(),
        }
    }

    /// Sends what waits.
    pub fn flush(&self) {
        self.timer.arm(None);
        let seen = self.seen.take();
        if seen.is_empty() {
            return;
        }
        let (files, paths) = (Array::new(), Array::new());
        // The hooks are the application's code and may call anything: rows are given only after the last of them.
        let mut rows = Vec::with_capacity(seen.len());
        for seen in seen {
            let (found, file) = self.describe(seen);
            paths.push(&JsValue::from_str(&found.path));
            files.push(file.as_ref().map_or(&JsValue::NULL, |file| file.as_ref()));
            rows.push((found, file));
        }
        let first = self.rows.get();
        self.rows.set(first + rows.len() as u32);
        ToHost::Found(rows).post(&self.port);
        self.flushed.set(Some(now()));
        if let Err(error) = self.hooks.found.call3(&JsValue::UNDEFINED, &first.into(), &files, &paths) {
            js::complain(&format!("found() threw {}", js::describe(&error)));
        }
    }

    pub fn close(&self) {
        self.timer.arm(None);
        self.seen.take();
    }

    fn describe(&self, seen: Seen) -> (Found, Option<File>) {
        let (file, path, size, last_modified) = match seen {
            Seen::File { file, path, size, last_modified } => (file, path, size, last_modified),
            Seen::Unreadable { path, reason } => {
                return (Found { path, unreadable: Some(reason), ..Found::default() }, None);
            }
        };
        let media_type = js::text(&file, "type").unwrap_or_default();
        let (size, last_modified) = (Some(size), Some(last_modified));
        let mut found = Found { path, media_type, size, last_modified, ..Found::default() };
        let metadata = self.hooks.metadata.as_ref().map_or(Ok(None), |hook| metadata(hook, &file));
        let group = self.hooks.group_by.as_ref().map_or(Ok(None), |hook| group(hook, &file));
        match (metadata, group) {
            (Ok(metadata), Ok(group)) => (found.metadata, found.group) = (metadata, group),
            (Err(reason), _) | (_, Err(reason)) => found.unreadable = Some(reason),
        }
        (found, Some(file))
    }
}

/// What `metadata(file)` says, as JSON.
fn metadata(hook: &Function, file: &File) -> Result<Option<String>, String> {
    let said = hook.call1(&JsValue::UNDEFINED, file).map_err(|error| threw("metadata", &error))?;
    if said.is_undefined() || said.is_null() {
        return Ok(None);
    }
    if said.is_instance_of::<Promise>() {
        return Err("metadata(file) gave a promise; it must give an object at once".to_owned());
    }
    if !said.is_object() || Array::is_array(&said) {
        return Err(format!("metadata(file) gave {}; it must give an object", js::show(&said)));
    }
    let text = JSON::stringify(&said).map_err(|error| threw("JSON of metadata", &error))?;
    // Undefined, whatever its type says, where the object's toJSON gives nothing.
    Ok(JsValue::from(text).as_string())
}

/// What `groupBy(file)` says; numbers and booleans are as good as their text.
fn group(hook: &Function, file: &File) -> Result<Option<String>, String> {
    let said = hook.call1(&JsValue::UNDEFINED, file).map_err(|error| threw("groupBy", &error))?;
    if said.is_undefined() || said.is_null() {
        return Ok(None);
    }
    if said.is_object() || said.is_function() || said.is_symbol() {
        return Err(format!("groupBy(file) gave {}; it must give a text", js::show(&said)));
    }
    Ok(js_sys::Object::from(said).to_string().as_string())
}

fn threw(hook: &str, error: &JsValue) -> String {
    format!("{hook}(file) threw {}", js::describe(error))
}
