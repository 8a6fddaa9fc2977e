//! Walking what was added: trees of handles or entries, lists, generators. Everything found goes to the outlet at once, the
//! page gets its turn after every few milliseconds, and one entry that can't be read does not stop the rest.

use crate::files::{Files, Roots};
use crate::js;
use crate::outlet::Seen;
use crate::sources::{self, Dropped, Node, Source};
use js_sys::{Array, Promise};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, MessageChannel};

/// Files of a tree that are opened at once; the browser's own work on them overlaps.
const OPENING: usize = 16;
/// ms of walking before the page gets its turn.
const TURN: f64 = 8.0;

/// Why a walk ends early.
pub enum Stop {
    /// The intake was closed: no error.
    Closed,
    /// The source is not what `add` accepts, or threw.
    Wrong(JsValue),
}

/// One call of `add`.
pub struct Walk {
    files: Rc<Files>,
    roots: Roots,
    began: f64,
}

impl Walk {
    pub fn new(files: Rc<Files>, roots: Roots) -> Self {
        Walk { files, roots, began: js::millis() }
    }

    pub async fn source(&mut self, source: Source) -> Result<(), Stop> {
        match source {
            Source::Iterator(iterator) => self.list(iterator).await,
            Source::AsyncIterator(iterator) => self.generator(iterator).await,
            Source::Dropped(dropped) => self.dropped(dropped).await,
            one => self.one(one).await,
        }
    }

    async fn one(&mut self, source: Source) -> Result<(), Stop> {
        if let (Roots::Told, Source::Node(Node { handle: Some(handle), .. })) = (self.roots, &source) {
            self.files.root(handle);
        }
        match source {
            Source::File(file) => self.file(file).await,
            Source::Node(node) if node.is_folder() => self.tree(node).await,
            Source::Node(node) => self.alone(node).await,
            // `Source::one` makes none of these, so no list holds another.
            Source::Dropped(_) | Source::Iterator(_) | Source::AsyncIterator(_) => Ok(()),
        }
    }

    async fn file(&mut self, file: File) -> Result<(), Stop> {
        let relative = js::text(&file, "webkitRelativePath").filter(|path| !path.is_empty());
        let path = relative.unwrap_or_else(|| file.name());
        self.report(Seen::file(file, path)).await
    }

    async fn dropped(&mut self, dropped: Dropped) -> Result<(), Stop> {
        let Dropped { handle, entry, file } = dropped;
        let handle = match handle {
            // Rejected or null on insecure pages and for what is no real file.
            Some(handle) => handle.await.ok().filter(JsValue::is_object),
            None => None,
        };
        match (Node { handle, entry }, file) {
            (Node { handle: None, entry: None }, Some(file)) => self.file(file).await,
            (Node { handle: None, entry: None }, None) => {
                let reason = "the browser gave neither file nor folder for a dropped item".to_owned();
                self.report(Seen::Unreadable { path: "dropped item".to_owned(), reason }).await
            }
            (node, _) => self.one(Source::Node(node)).await,
        }
    }

    async fn list(&mut self, iterator: JsValue) -> Result<(), Stop> {
        while let Some(item) = step(js::invoke(&iterator, "next", &[])).map_err(Stop::Wrong)? {
            let ended = self.item(&item).await;
            if ended.is_err() {
                let _ = js::invoke(&iterator, "return", &[]);
                return ended;
            }
        }
        Ok(())
    }

    async fn generator(&mut self, iterator: JsValue) -> Result<(), Stop> {
        while let Some(item) = step(settled(js::invoke(&iterator, "next", &[])).await).map_err(Stop::Wrong)? {
            let ended = self.item(&item).await;
            if ended.is_err() {
                drop(settled(js::invoke(&iterator, "return", &[])).await);
                return ended;
            }
        }
        Ok(())
    }

    async fn item(&mut self, item: &JsValue) -> Result<(), Stop> {
        match Source::one(item) {
            Some(source) => self.one(source).await,
            None => Err(Stop::Wrong(Source::wrong(item))),
        }
    }

    /// A folder and all below it; paths begin with its name. By its handle as far as that goes, which is fast, then what is
    /// missing there by its entry.
    async fn tree(&mut self, root: Node) -> Result<(), Stop> {
        let path = root.name();
        let handle = root.handle.map(|handle| self.files.away(handle));
        let mut folders = VecDeque::from([(path, Node { handle, ..root })]);
        let mut begun = None;
        while let Some((path, node)) = folders.pop_front() {
            let values = begun.take().unwrap_or_else(|| Folder::list(&node));
            // While the files of this folder are opened, the next one is listed already.
            begun = folders.front().map(|(_, next)| Folder::list(next));
            let mut folder =
                Folder { entry: node.entry, path, seen: FxHashSet::default(), folders: FxHashMap::default() };
            if let Some(values) = values {
                self.by_handle(&mut folder, values).await?;
            }
            self.by_entry(&mut folder, &mut folders).await?;
            for (name, handle) in folder.folders {
                folders.push_back((format!("{}/{name}", folder.path), Node { handle: Some(handle), entry: None }));
            }
        }
        Ok(())
    }

    /// Opens what the handle lists.
    async fn by_handle(&mut self, folder: &mut Folder, values: Result<JsValue, JsValue>) -> Result<(), Stop> {
        let mut opening = VecDeque::new();
        loop {
            let next = match &values {
                Ok(values) => step(settled(js::invoke(values, "next", &[])).await),
                Err(error) => Err(error.clone()),
            };
            match next {
                Ok(None) => break,
                Ok(Some(handle)) => {
                    let node = Node { handle: Some(handle.clone()), entry: None };
                    let name = node.name();
                    if node.is_folder() {
                        folder.folders.insert(name, handle);
                    } else {
                        opening.push_back((
                            name,
                            js::invoke(&handle, "getFile", &[]).map_or_else(js::rejected, |file| js::future(&file)),
                        ));
                    }
                }
                // What is not listed here has an entry.
                Err(_) if folder.entry.is_some() => break,
                Err(error) => {
                    let seen = Seen::Unreadable { path: folder.path.clone(), reason: js::describe(&error) };
                    self.report(seen).await?;
                    break;
                }
            }
            if opening.len() >= OPENING
                && let Some((name, file)) = opening.pop_front()
            {
                self.opened(folder, name, file).await?;
            }
            self.turn().await;
        }
        for (name, file) in opening {
            self.opened(folder, name, file).await?;
        }
        Ok(())
    }

    async fn opened(&mut self, folder: &mut Folder, name: String, file: JsFuture) -> Result<(), Stop> {
        let file = file.await;
        // What can't be opened so may be by its entry.
        if file.is_ok() || folder.entry.is_none() {
            self.report(seen(format!("{}/{name}", folder.path), file)).await?;
            if folder.entry.is_some() {
                folder.seen.insert(name);
            }
        }
        Ok(())
    }

    /// Opens what the handle did not list, and pairs folders with their handles.
    async fn by_entry(&mut self, folder: &mut Folder, folders: &mut VecDeque<(String, Node)>) -> Result<(), Stop> {
        let Some(entry) = folder.entry.clone() else { return Ok(()) };
        let mut opening = VecDeque::new();
        let reader = js::invoke(&entry, "createReader", &[]);
        loop {
            // Until it gives nothing: Chromium gives a hundred at a time.
            let entries = match &reader {
                Ok(reader) => callback(reader, "readEntries").await,
                Err(error) => Err(error.clone()),
            };
            let entries = match entries {
                Ok(entries) => entries.dyn_ref::<Array>().map(|entries| entries.to_vec()).unwrap_or_default(),
                Err(error) => {
                    let seen = Seen::Unreadable { path: folder.path.clone(), reason: js::describe(&error) };
                    self.report(seen).await?;
                    break;
                }
            };
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                let node = Node { handle: None, entry: Some(entry.clone()) };
                let name = node.name();
                let path = format!("{}/{name}", folder.path);
                if node.is_folder() {
                    folders.push_back((path, Node { handle: folder.folders.remove(&name), ..node }));
                } else if !folder.seen.remove(&name) {
                    opening.push_back((path, callback(&entry, "file")));
                }
                if opening.len() >= OPENING
                    && let Some((path, file)) = opening.pop_front()
                {
                    self.report(seen(path, file.await)).await?;
                }
            }
            self.turn().await;
        }
        for (path, file) in opening {
            self.report(seen(path, file.await)).await?;
        }
        Ok(())
    }

    /// A file that is no part of a folder.
    async fn alone(&mut self, node: Node) -> Result<(), Stop> {
        let by_handle = match &node.handle {
            Some(handle) => settled(js::invoke(handle, "getFile", &[])).await,
            None => Err(JsValue::UNDEFINED),
        };
        let file = match (by_handle, &node.entry) {
            (Err(_), Some(entry)) => callback(entry, "file").await,
            (file, _) => file,
        };
        self.report(seen(node.name(), file)).await
    }

    async fn report(&mut self, seen: Seen) -> Result<(), Stop> {
        self.files.pass().await?;
        self.files.outlet().push(seen);
        self.turn().await;
        Ok(())
    }

    async fn turn(&mut self) {
        turn(&mut self.began).await;
    }
}

/// A folder on the way.
struct Folder {
    path: String,
    entry: Option<JsValue>,
    /// Files that were opened by their handles; kept only as long as there is an entry to compare with.
    seen: FxHashSet<String>,
    /// Handles of the folders in it.
    folders: FxHashMap<String, JsValue>,
}

impl Folder {
    /// Begins to list what has a handle.
    fn list(node: &Node) -> Option<Result<JsValue, JsValue>> {
        node.handle.as_ref().map(|handle| js::invoke(handle, "values", &[]))
    }
}

/// What was opened, or why it was not.
fn seen(path: String, file: Result<JsValue, JsValue>) -> Seen {
    match file {
        Ok(value) => match sources::file(&value) {
            Some(file) => Seen::file(file, path),
            None => Seen::Unreadable { path, reason: format!("the browser gave {} for a file", js::show(&value)) },
        },
        Err(error) => Seen::Unreadable { path, reason: js::describe(&error) },
    }
}

async fn settled(call: Result<JsValue, JsValue>) -> Result<JsValue, JsValue> {
    js::future(&call?).await
}

/// A method that takes a callback for success and one for failure.
fn callback(object: &JsValue, method: &str) -> JsFuture {
    let promise = Promise::new(&mut |resolve, reject| {
        if let Err(error) = js::invoke(object, method, &[&resolve, &reject]) {
            let _ = reject.call1(&JsValue::UNDEFINED, &error);
        }
    });
    JsFuture::from(promise)
}

/// The value in an iterator's answer; `None` at its end.
fn step(answer: Result<JsValue, JsValue>) -> Result<Option<JsValue>, JsValue> {
    let answer = answer?;
    if !answer.is_object() {
        return Err(js::type_error("the iterator gave no object"));
    }
    Ok(js::get(&answer, "done").is_falsy().then(|| js::get(&answer, "value")))
}

/// Gives the page its turn, if it is time.
async fn turn(began: &mut f64) {
    if js::millis() - *began > TURN {
        macrotask().await;
        *began = js::millis();
    }
}

/// Lets the page have its turn. A message, because nested timeouts are held back 4 ms, and `scheduler.yield` starves paints.
async fn macrotask() {
    let Ok(channel) = MessageChannel::new() else { return };
    let turn = Promise::new(&mut |resolve, _| {
        channel.port1().set_onmessage(Some(&resolve));
        let _ = channel.port2().post_message(&JsValue::UNDEFINED);
    });
    drop(JsFuture::from(turn).await);
    channel.port1().close();
}
