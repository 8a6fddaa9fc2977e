//! An Intake whose other end is the test, and small helpers.

use cloudindex_engine::{Found, Recall};
use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedReceiver};
use futures::future::{Either, select};
use js_sys::{Array, Function, Promise, Reflect};
use std::pin::pin;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{MessageChannel, MessageEvent, MessagePort};

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

pub fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or_else(|error| panic!("{key}: {error:?}"))
}

pub fn set(object: &JsValue, key: &str, value: &JsValue) {
    Reflect::set(object, &key.into(), value).unwrap_or_else(|error| panic!("{key}: {error:?}"));
}

/// `key` of an object, if it is a text.
pub fn text(object: &JsValue, key: &str) -> Option<String> {
    get(object, key).as_string()
}

/// Calls a function without arguments.
pub fn call(function: &JsValue) -> JsValue {
    let function: &Function = function.unchecked_ref();
    function.call0(&JsValue::NULL).unwrap_or_else(|error| panic!("{error:?}"))
}

/// A whole number.
fn count(value: &JsValue) -> Option<u64> {
    value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0).map(|number| number as u64)
}

/// What the page tells the host.
#[derive(Debug)]
pub enum ToHost {
    /// Each with its file, which is undefined where it can't be read or was only looked at.
    Found(Vec<(Found, JsValue)>),
    IntakeEnded,
    Root(JsValue),
    Folder(String),
    Opened(u32, Result<JsValue, String>),
}

impl ToHost {
    fn parse(message: &JsValue) -> Option<Self> {
        let message: &Array = message.dyn_ref()?;
        Some(match count(&message.get(0))? {
            0 => ToHost::Found((1..message.length()).map(|place| row(&Array::from(&message.get(place)))).collect()),
            1 => ToHost::IntakeEnded,
            2 => ToHost::Root(message.get(1)),
            3 => ToHost::Folder(message.get(1).as_string()?),
            4 => {
                let file = message.get(2);
                ToHost::Opened(count(&message.get(1))? as u32, file.as_string().map_or(Ok(file), Err))
            }
            _ => return None,
        })
    }
}

fn row(row: &Array) -> (Found, JsValue) {
    let text = |place| row.get(place).as_string();
    let found = Found {
        path: text(0).expect("a path"),
        // Of what only looks like a file there may be none.
        media_type: text(1).unwrap_or_default(),
        size: count(&row.get(2)),
        last_modified: count(&row.get(3)),
        metadata: text(4),
        group: text(5),
        unreadable: text(6),
    };
    (found, row.get(7))
}

/// What the host tells the page.
pub enum ToPage {
    PauseWalk,
    ResumeWalk,
    Folder(Recall),
    Open(Vec<u32>),
}

/// An Intake and the host's end of its port.
pub struct Rig {
    pub intake: Intake,
    pub inbox: Inbox,
    port: MessagePort,
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
        let hooks = hooks.unchecked_into::<Function>().call1(&JsValue::NULL, &shown).expect("hooks");
        let intake = Intake::new(channel.port1(), hooks).unwrap_or_else(|error| panic!("{error:?}"));
        let port = channel.port2();
        Rig { intake, inbox: Inbox::new(&port), port, shown }
    }

    pub fn tell(&self, message: ToPage) {
        let message = match message {
            ToPage::PauseWalk => vec![0],
            ToPage::ResumeWalk => vec![1],
            ToPage::Folder(Recall::Known) => vec![2],
            ToPage::Folder(Recall::New) => vec![3],
            ToPage::Open(files) => [&[4], &files[..]].concat(),
        };
        let message: Array = message.into_iter().map(JsValue::from).collect();
        self.port.post_message(&message).expect("posted");
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

/// What comes over a port, one by one.
pub struct Inbox {
    messages: UnboundedReceiver<JsValue>,
    port: MessagePort,
    _heard: Closure<dyn Fn(MessageEvent)>,
}

impl Inbox {
    fn new(port: &MessagePort) -> Self {
        let (sender, messages) = mpsc::unbounded();
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let _ = sender.unbounded_send(event.data());
        });
        // This starts the port, too.
        port.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        Inbox { messages, port: port.clone(), _heard: heard }
    }

    /// The next message; `None` if there is none for this long.
    pub async fn within(&mut self, millis: u32) -> Option<JsValue> {
        within(&mut self.messages, millis).await
    }

    pub async fn next(&mut self) -> JsValue {
        self.within(20_000).await.expect("a message within 20 s")
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.port.set_onmessage(None);
    }
}

/// What comes next, if anything does for this long.
pub async fn within<T>(source: &mut UnboundedReceiver<T>, millis: u32) -> Option<T> {
    match select(pin!(source.next()), pin!(sleep(millis))).await {
        Either::Left((next, _)) => next,
        Either::Right(_) => None,
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
