//! An Intake whose other end is the test, and small helpers.

use cloudindex_engine::Found;
use cloudindex_uploader::js::{self, Listener};
use cloudindex_uploader::ports::{ToHost, ToPage};
use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedReceiver};
use futures::future::{Either, select};
use js_sys::{Array, Promise, Uint8Array};
use std::pin::pin;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, MessageChannel, MessageEvent, MessagePort};

#[wasm_bindgen(module = "/src/intake.js")]
extern "C" {
    /// The page's side, which is JavaScript.
    pub type Intake;
    #[wasm_bindgen(constructor, catch)]
    pub fn new(port: MessagePort, hooks: JsValue) -> Result<Intake, JsValue>;
    #[wasm_bindgen(method)]
    pub fn add(this: &Intake, source: JsValue) -> Promise;
    #[wasm_bindgen(method)]
    pub fn close(this: &Intake);
}

// Modules that it imports are there for who asks for them.
#[wasm_bindgen(module = "/src/sources.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub fn take(source: &JsValue) -> Result<Array, JsValue>;
}
#[wasm_bindgen(module = "/src/walk.js")]
extern "C" {
    #[wasm_bindgen(js_name = open)]
    pub fn open_entry(entry: &JsValue) -> Promise;
}
#[wasm_bindgen(module = "/src/say.js")]
extern "C" {
    pub fn describe(error: &JsValue) -> String;
}

/// Evaluates an expression.
pub fn eval(script: &str) -> JsValue {
    js_sys::eval(&format!("({script})")).unwrap_or_else(|error| panic!("{script}: {error:?}"))
}

/// Evaluates an expression and awaits it.
pub async fn run(script: &str) -> JsValue {
    resolve(&eval(script)).await.unwrap_or_else(|error| panic!("{script}: {error:?}"))
}

pub async fn resolve(value: &JsValue) -> Result<JsValue, JsValue> {
    JsFuture::from(Promise::resolve(value)).await
}

pub async fn sleep(millis: u32) {
    run(&format!("new Promise((resolve) => setTimeout(resolve, {millis}))")).await;
}

/// What comes over a port, one by one.
pub struct Inbox {
    messages: UnboundedReceiver<JsValue>,
    _listener: Listener,
}

impl Inbox {
    pub fn new(port: &MessagePort) -> Self {
        let (sender, messages) = mpsc::unbounded();
        let listener = Listener::new(port, "message", move |event: Event| {
            let _ = sender.unbounded_send(event.unchecked_into::<MessageEvent>().data());
        });
        port.start();
        Inbox { messages, _listener: listener }
    }

    /// The next message; `None` if there is none for this long.
    pub async fn within(&mut self, millis: u32) -> Option<JsValue> {
        match select(pin!(self.messages.next()), pin!(sleep(millis))).await {
            Either::Left((message, _)) => message,
            Either::Right(_) => None,
        }
    }

    pub async fn next(&mut self) -> JsValue {
        self.within(20_000).await.expect("a message within 20 s")
    }
}

/// An Intake and the host's end of its port.
pub struct Rig {
    pub intake: Intake,
    pub port: MessagePort,
    pub inbox: Inbox,
    /// What `found` was called with: `[first, files, paths]` each.
    pub shown: Array,
}

impl Rig {
    pub fn new() -> Self {
        Rig::with("{}")
    }

    /// `hooks`: an object's source, without `found`.
    pub fn with(hooks: &str) -> Self {
        let channel = MessageChannel::new().expect("a channel");
        let shown = Array::new();
        let hooks = eval(&format!("(shown) => ({{...{hooks}, found: (...slice) => shown.push(slice)}})"));
        let hooks = hooks.unchecked_into::<js_sys::Function>().call1(&JsValue::NULL, &shown).expect("hooks");
        let intake = Intake::new(channel.port1(), hooks).unwrap_or_else(|error| panic!("{error:?}"));
        let port = channel.port2();
        Rig { intake, inbox: Inbox::new(&port), port, shown }
    }

    pub fn tell(&self, message: ToPage) {
        message.post(&self.port);
    }

    pub async fn next(&mut self) -> ToHost {
        let message = self.inbox.next().await;
        ToHost::parse(&message).unwrap_or_else(|| panic!("{message:?}"))
    }

    /// Adds a source and gives all that was found, in row order, when the walk is over.
    pub async fn walk(&mut self, source: &JsValue) -> Vec<Found> {
        let added = self.intake.add(source.clone());
        let mut found = Vec::new();
        loop {
            match self.next().await {
                ToHost::Found(files) => found.extend(files.into_iter().map(|(found, _)| found)),
                ToHost::Root(_) | ToHost::Folder(_) | ToHost::Opened(..) => {}
                ToHost::IntakeEnded => break,
            }
        }
        resolve(&added).await.unwrap_or_else(|error| panic!("{error:?}"));
        found
    }
}

pub fn paths(found: &[Found]) -> Vec<&str> {
    found.iter().map(|file| file.path.as_str()).collect()
}

pub fn sorted(found: &[Found]) -> Vec<&str> {
    let mut paths = paths(found);
    paths.sort_unstable();
    paths
}

/// Bytes that look random and are the same every time.
pub fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

/// `new File([bytes], name)`.
pub fn file(bytes: &[u8], name: &str) -> JsValue {
    let make = eval("(bytes, name) => new File([bytes], name, {type: 'application/x-test'})");
    let make: js_sys::Function = make.unchecked_into();
    make.call2(&JsValue::NULL, &Uint8Array::from(bytes), &name.into()).expect("a file")
}

/// `key` of an object as a number.
pub fn number(object: &JsValue, key: &str) -> f64 {
    js::get(object, key).as_f64().unwrap_or_else(|| panic!("{key} of {object:?}"))
}

/// A file of the origin's private file system, of so many bytes.
pub async fn stored(name: &str, length: usize) -> JsValue {
    run(&format!(
        "(async () => {{
            const folder = await navigator.storage.getDirectory();
            const handle = await folder.getFileHandle('{name}', {{ create: true }});
            const writable = await handle.createWritable();
            await writable.write(new Uint8Array({length}).fill(1));
            await writable.close();
            return handle.getFile();
        }})()"
    ))
    .await
}

pub async fn overwrite(name: &str) {
    let write = "async (name) => {
        const folder = await navigator.storage.getDirectory();
        const writable = await (await folder.getFileHandle(name)).createWritable({ keepExistingData: true });
        await writable.write({ type: 'write', position: 0, data: new Uint8Array([2, 2, 2]) });
        await writable.close();
    }";
    let write: js_sys::Function = eval(write).unchecked_into();
    resolve(&write.call1(&JsValue::NULL, &name.into()).expect("a promise")).await.expect("it is written");
}
