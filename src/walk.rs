//! Walking what was added: trees of handles or entries, lists, generators. Everything found goes to the outlet at once, the
//! page gets its turn after every few milliseconds, and one entry that can't be read does not stop the rest.

use crate::files::{Files, Roots};
use crate::js::{self, Signal};
use crate::outlet::Seen;
use crate::sources::{self, Dropped, Node, Source};
use js_sys::{Array, Promise};
use rustc_hash::FxHashMap;
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
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

/// A file that is being opened; its promise was made already.
struct Opening {
    path: String,
    node: Node,
    file: JsFuture,
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
            Source::Node(node) => self.opened(Opening::of(node.name(), node)).await,
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

    /// A folder and all below it; paths begin with its name.
    async fn tree(&mut self, root: Node) -> Result<(), Stop> {
        let mut folders = VecDeque::new();
        let mut next = Some(Folder::list(root.name(), root));
        let mut opening = VecDeque::new();
        while let Some(Folder { path: folder, listing, listed }) = next.take() {
            drop(listed.await);
            let listed = listing.take().unwrap_or_else(|| Err(js::type_error("the folder was not listed")));
            // While the files of this folder are opened, the next one is listed already.
            next = folders.pop_front().map(|(path, node)| Folder::list(path, node));
            let mut listing = match listed {
                Ok(listing) => listing,
                Err(error) => {
                    self.report(Seen::Unreadable { path: folder, reason: js::describe(&error) }).await?;
                    continue;
                }
            };
            loop {
                let nodes = match listing.next().await {
                    Ok(nodes) if nodes.is_empty() => break,
                    Ok(nodes) => nodes,
                    Err(error) => {
                        self.report(Seen::Unreadable { path: folder.clone(), reason: js::describe(&error) }).await?;
                        break;
                    }
                };
                for node in nodes {
                    let path = format!("{folder}/{}", node.name());
                    if node.is_folder() {
                        match &next {
                            None => next = Some(Folder::list(path, node)),
                            Some(_) => folders.push_back((path, node)),
                        }
                        continue;
                    }
                    opening.push_back(Opening::of(path, node));
                    if opening.len() >= OPENING
                        && let Some(first) = opening.pop_front()
                    {
                        self.opened(first).await?;
                    }
                }
                self.turn().await;
            }
        }
        for opening in opening {
            self.opened(opening).await?;
        }
        Ok(())
    }

    async fn opened(&mut self, opening: Opening) -> Result<(), Stop> {
        let Opening { path, node, file } = opening;
        let mut file = file.await;
        if let (Err(_), Node { handle: Some(_), entry: Some(entry) }) = (&file, node) {
            file = callback(&entry, "file").await;
        }
        self.report(match file {
            Ok(value) => match sources::file(&value) {
                Some(file) => Seen::file(file, path),
                None => Seen::Unreadable { path, reason: format!("the browser gave {} for a file", js::show(&value)) },
            },
            Err(error) => Seen::Unreadable { path, reason: js::describe(&error) },
        })
        .await
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

impl Opening {
    /// Asks for the file now.
    fn of(path: String, node: Node) -> Self {
        let file = match (&node.handle, &node.entry) {
            (Some(handle), _) => js::invoke(handle, "getFile", &[]).map_or_else(js::rejected, |file| js::future(&file)),
            (None, entry) => callback(entry.as_ref().unwrap_or(&JsValue::UNDEFINED), "file"),
        };
        Opening { path, node, file }
    }
}

/// A folder whose listing has begun.
struct Folder {
    path: String,
    listing: Rc<Cell<Option<Result<Listing, JsValue>>>>,
    listed: JsFuture,
}

impl Folder {
    fn list(path: String, node: Node) -> Self {
        let (listing, (signal, listed)) = (Rc::new(Cell::new(None)), Signal::new());
        let begun = Rc::clone(&listing);
        spawn_local(async move {
            begun.set(Some(Listing::of(node).await));
            signal.give();
        });
        Folder { path, listing, listed }
    }
}

/// What is in a folder.
enum Listing {
    Handles(JsValue),
    /// `readEntries` until it gives nothing: Chromium gives a hundred at a time.
    Entries {
        reader: JsValue,
        handles: FxHashMap<String, JsValue>,
    },
}

impl Listing {
    /// By entries where there is an entry, with the handles of the same names.
    async fn of(node: Node) -> Result<Self, JsValue> {
        let Some(entry) = node.entry else {
            return Ok(Listing::Handles(js::invoke(&node.handle.unwrap_or_default(), "values", &[])?));
        };
        let reader = js::invoke(&entry, "createReader", &[])?;
        let mut handles = FxHashMap::default();
        if let Some(Ok(values)) = node.handle.map(|handle| js::invoke(&handle, "values", &[])) {
            let mut began = js::millis();
            // An error ends it early: what has no handle is opened by its entry.
            while let Ok(Some(handle)) = step(settled(js::invoke(&values, "next", &[])).await) {
                handles.insert(js::text(&handle, "name").unwrap_or_default(), handle);
                turn(&mut began).await;
            }
        }
        Ok(Listing::Entries { reader, handles })
    }

    /// The next few nodes; none: the end.
    async fn next(&mut self) -> Result<Vec<Node>, JsValue> {
        match self {
            Listing::Handles(values) => {
                let handle = step(settled(js::invoke(values, "next", &[])).await)?;
                Ok(handle.map(|handle| Node { handle: Some(handle), entry: None }).into_iter().collect())
            }
            Listing::Entries { reader, handles } => {
                let entries = callback(reader, "readEntries").await?;
                let entries = entries.dyn_ref::<Array>().map(|entries| entries.to_vec()).unwrap_or_default();
                Ok(entries
                    .into_iter()
                    .map(|entry| Node {
                        handle: js::text(&entry, "name").and_then(|name| handles.remove(&name)),
                        entry: Some(entry),
                    })
                    .collect())
            }
        }
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
