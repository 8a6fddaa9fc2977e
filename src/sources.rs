//! What `add` accepts. A drop's data are gone after the event, so all that must be taken at once is taken here.

use crate::js;
use js_sys::{Array, Reflect, Symbol};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransferItemList, File, FileList};

const ACCEPTED: &str = "expected a FileList, a File, an iterable or async iterable of File, a DataTransfer, \
    a DataTransferItemList, a FileSystemHandle or a FileSystemEntry";

/// One thing to walk. Recognised by its looks rather than its class, because files cross frames and tests use plain objects.
pub enum Source {
    File(File),
    Node(Node),
    Dropped(Dropped),
    Iterator(JsValue),
    AsyncIterator(JsValue),
}

/// A file or folder of a tree, as a FileSystemHandle, a FileSystemEntry, or both. At least one is there.
///
/// Handles open files ten times as fast, but Chromium's leave out, silently, every name that is not portable (`a:b`, `x.lnk`,
/// ` lead`) and whole folders so named. Entries have them all, so where there is an entry it is the truth.
#[derive(Clone, Default)]
pub struct Node {
    pub handle: Option<JsValue>,
    pub entry: Option<JsValue>,
}

impl Node {
    pub fn name(&self) -> String {
        let name = self.entry.as_ref().or(self.handle.as_ref()).and_then(|node| js::text(node, "name"));
        // Chromium's name for a name that is not UTF-8 is empty.
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| "\u{fffd}".to_owned())
    }

    pub fn is_folder(&self) -> bool {
        match (&self.entry, &self.handle) {
            (Some(entry), _) => js::get(entry, "isDirectory").is_truthy(),
            (None, Some(handle)) => js::text(handle, "kind").as_deref() == Some("directory"),
            (None, None) => false,
        }
    }
}

/// All that a dropped item gives of itself, which of it is any good is known only later.
pub struct Dropped {
    pub handle: Option<JsFuture>,
    pub entry: Option<JsValue>,
    pub file: Option<File>,
}

impl Source {
    /// What the source offers now, or a TypeError that says what is accepted.
    pub fn take(source: &JsValue) -> Result<Vec<Source>, JsValue> {
        if let Some(one) = Source::one(source) {
            return Ok(vec![one]);
        }
        if source.is_instance_of::<DataTransferItemList>() {
            return Ok(items(source));
        }
        if source.is_object() && js::get(source, "items").is_object() && js::get(source, "files").is_object() {
            let items = items(&js::get(source, "items"));
            return if items.is_empty() { Source::take(&js::get(source, "files")) } else { Ok(items) };
        }
        // Copied, because an input that is reset empties the list it gave out.
        let copy = if source.is_instance_of::<FileList>() { Array::from(source).into() } else { source.clone() };
        if let Some(iterator) = iterator(&copy, &Symbol::async_iterator())? {
            return Ok(vec![Source::AsyncIterator(iterator)]);
        }
        if let Some(iterator) = iterator(&copy, &Symbol::iterator())? {
            return Ok(vec![Source::Iterator(iterator)]);
        }
        Err(Source::wrong(source))
    }

    /// A file, a handle or an entry.
    pub fn one(source: &JsValue) -> Option<Source> {
        if !source.is_object() {
            return None;
        }
        if let Some(file) = file(source) {
            return Some(Source::File(file));
        }
        let is_handle = match js::text(source, "kind").as_deref() {
            Some("file") => js::function(source, "getFile").is_some(),
            Some("directory") => js::function(source, "values").is_some(),
            _ => false,
        };
        let is_entry = js::get(source, "isFile").is_truthy() || js::get(source, "isDirectory").is_truthy();
        let (handle, entry) = (is_handle.then(|| source.clone()), is_entry.then(|| source.clone()));
        (is_handle || is_entry).then_some(Source::Node(Node { handle, entry }))
    }

    pub fn wrong(source: &JsValue) -> JsValue {
        js::type_error(&format!("{ACCEPTED}, but got {}", js::show(source)))
    }
}

/// The value as a `File`: of this frame by its class, of another by what it can do.
pub fn file(value: &JsValue) -> Option<File> {
    let file = value.is_instance_of::<File>()
        || js::function(value, "stream").is_some()
            && js::function(value, "arrayBuffer").is_some()
            && js::get(value, "name").is_string();
    file.then(|| value.clone().unchecked_into())
}

/// The items that are files. Asking one of them never keeps the next from being asked.
fn items(list: &JsValue) -> Vec<Source> {
    let items = Array::from(list);
    let files = items.iter().filter(|item| js::text(item, "kind").as_deref() == Some("file"));
    files
        .map(|item| {
            let ask = |name| js::invoke(&item, name, &[]).ok().filter(JsValue::is_object);
            Source::Dropped(Dropped {
                handle: ask("getAsFileSystemHandle").map(|promise| JsFuture::from(js_sys::Promise::resolve(&promise))),
                entry: ask("webkitGetAsEntry"),
                file: ask("getAsFile").and_then(|value| file(&value)),
            })
        })
        .collect()
}

fn iterator(source: &JsValue, symbol: &Symbol) -> Result<Option<JsValue>, JsValue> {
    if !source.is_object() && !source.is_function() {
        return Ok(None);
    }
    let Ok(method) = Reflect::get(source, symbol)?.dyn_into::<js_sys::Function>() else { return Ok(None) };
    method.call0(source).map(Some)
}
