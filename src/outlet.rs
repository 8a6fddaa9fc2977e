//! Where walks put what they find: it gets rows, is shown to the application's hooks, and goes to the engine in slices.

use crate::js;
use crate::ports::ToHost;
use crate::timer::{Timer, now};
use cloudindex_engine::{FileId, Found, Now};
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
    File { file: File, path: String, facts: Facts },
    Unreadable { path: String, reason: String },
}

/// Whether `size` and `lastModified` cost nothing. On a plain `File` the first look is a trip to the browser process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Facts {
    Known,
    Costly,
}

/// The rows, and what has none yet.
pub struct Outlet {
    port: MessagePort,
    hooks: Hooks,
    seen: RefCell<Vec<Seen>>,
    flushed: Cell<Option<Now>>,
    timer: Timer,
    /// Row by row the `File`, or the text why there is none. In the JavaScript heap, where 100,000 are nothing.
    rows: Array,
    /// Row by row, what is known of it.
    facts: RefCell<Vec<Facts>>,
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
                rows: Array::new(),
                facts: RefCell::default(),
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
        let mut found = Vec::with_capacity(seen.len());
        let mut rows = Vec::with_capacity(seen.len());
        for seen in seen {
            self.facts.borrow_mut().push(match &seen {
                Seen::File { facts, .. } => *facts,
                Seen::Unreadable { .. } => Facts::Costly,
            });
            let (file, row) = self.describe(seen);
            paths.push(&JsValue::from_str(&file.path));
            files.push(row.as_ref().map_or(&JsValue::NULL, |file| file.as_ref()));
            rows.push(match (&file.unreadable, row) {
                (None, Some(file)) => file.into(),
                (reason, _) => JsValue::from(reason.as_deref().unwrap_or("it could not be opened")),
            });
            found.push(file);
        }
        let first = self.rows.length();
        for row in &rows {
            self.rows.push(row);
        }
        ToHost::Found(found).post(&self.port);
        self.flushed.set(Some(now()));
        if let Err(error) = self.hooks.found.call3(&JsValue::UNDEFINED, &first.into(), &files, &paths) {
            js::complain(&format!("found() threw {}", js::describe(&error)));
        }
    }

    /// The file at a row, or why there is none.
    pub fn file(&self, id: FileId) -> Result<File, String> {
        let row = self.rows.get(id);
        match row.as_string() {
            Some(reason) => Err(reason),
            None if row.is_undefined() => Err(format!("there is no file {id}")),
            None => Ok(row.unchecked_into()),
        }
    }

    /// The file's size, where asking costs nothing.
    pub fn known_size(&self, id: FileId) -> Option<u64> {
        let known = self.facts.borrow().get(id as usize) == Some(&Facts::Known);
        known.then(|| self.file(id).ok().map(|file| file.size() as u64)).flatten()
    }

    pub fn close(&self) {
        self.timer.arm(None);
        self.seen.take();
        self.rows.set_length(0);
    }

    fn describe(&self, seen: Seen) -> (Found, Option<File>) {
        let (file, path, facts) = match seen {
            Seen::File { file, path, facts } => (file, path, facts),
            Seen::Unreadable { path, reason } => {
                return (Found { path, unreadable: Some(reason), ..Found::default() }, None);
            }
        };
        let mut found = Found { path, media_type: js::text(&file, "type").unwrap_or_default(), ..Found::default() };
        if facts == Facts::Known {
            found.size = Some(file.size() as u64);
            found.last_modified = Some(file.last_modified().max(0.0) as u64);
        }
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
