//! The engine's side: what comes over the ports and from the browser becomes an [`Input`].

use crate::driver::Driver;
use crate::hand::{Hand, Said};
use crate::http::Http;
use crate::journal::{Journal, Told};
use crate::js::{self, Listener};
use crate::plain::Plain;
use crate::ports::ToHost;
use crate::readers::Readers;
use crate::reading::Reader;
use crate::store::Store;
use crate::timer::Timer;
use cloudindex_engine::{CallId, Config, Engine, Failure, FileId, Input, Method, Update};
use js_sys::{Array, Function};
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use web_sys::{Event, MessageEvent, MessagePort};

#[wasm_bindgen(module = "/src/browser.js")]
extern "C" {
    fn dice() -> u64;
}

/// What the host says on the control port (`docs/architecture.md`).
pub enum ToFacade<'a> {
    Ready {},
    Update {
        update: &'a Update,
    },
    Refresh {},
    Answer {
        id: CallId,
        body: Option<String>,
        error: Option<Failure>,
    },
    /// The journal was let go or lost, or there is none: the answer to `discard` and `close`.
    Left {},
    Fatal {
        message: &'a str,
    },
}

impl ToFacade<'_> {
    pub fn answer(id: CallId, result: Result<String, Failure>) -> Self {
        match result {
            Ok(body) => ToFacade::Answer { id, body: Some(body), error: None },
            Err(failure) => ToFacade::Answer { id, body: None, error: Some(failure) },
        }
    }

    pub fn post(&self, control: &MessagePort) {
        if let Err(error) = control.post_message(&self.plain()) {
            js::complain(&format!("a message was not sent: {}", js::describe(&error)));
        }
    }
}

/// The hands of an engine, each with its way back to the loop.
impl Driver {
    pub fn new(
        config: Config,
        seed: u64,
        control: MessagePort,
        page: Option<MessagePort>,
        fetch: Option<Function>,
    ) -> Rc<Self> {
        Rc::new_cyclic(|driver: &Weak<Driver>| {
            let (driver, of, read, facade) = (driver.clone(), driver.clone(), driver.clone(), control.clone());
            let report = Rc::new(move |outcome| {
                if let Some(driver) = read.upgrade() {
                    driver.read(outcome);
                }
            });
            Driver {
                readers: Readers::new(&config, Hand::Here(Reader::new(config.cut, report))),
                journal: Journal::new(&config, move |told| {
                    let is_left = matches!(told, Told::LetGo | Told::Input(Input::JournalLost { .. }));
                    if let (Told::Input(input), Some(driver)) = (told, of.upgrade()) {
                        driver.feed(input);
                    }
                    if is_left {
                        ToFacade::Left {}.post(&facade);
                    }
                }),
                engine: RefCell::new(Engine::new(config, seed)),
                timer: Timer::new(move || {
                    if let Some(driver) = driver.upgrade() {
                        driver.feed(Input::Wake);
                    }
                }),
                http: Http::new(fetch),
                store: Store::default(),
                control,
                page,
            }
        })
    }
}

/// A running engine; its listeners keep it alive until `{t:'close'}`.
struct Host {
    driver: Rc<Driver>,
    listeners: RefCell<Vec<Listener>>,
}

/// Starts an engine on these ports.
pub fn start(
    config: Config,
    control: MessagePort,
    files: Option<MessagePort>,
    readers: Vec<MessagePort>,
    fetch: Option<Function>,
) {
    report_panics_to(&control);
    let driver = Driver::new(config, dice(), control.clone(), files.clone(), fetch);
    let host = Rc::new(Host { driver, listeners: RefCell::default() });

    host.listen(&control, "message", |host, event| host.control(&data(&event)));
    let scope = js_sys::global();
    host.listen(&scope, "online", |host, _| host.driver.feed(Input::Online));
    host.listen(&scope, "offline", |host, _| host.driver.feed(Input::Offline));
    if let Some(files) = &files {
        host.listen(files, "message", |host, event| host.page(&data(&event)));
        files.start();
    }
    for reader in readers {
        let port = reader.clone();
        host.listen(&reader, "message", move |host, event| host.reader(&port, &data(&event)));
        reader.start();
    }
    ToFacade::Ready {}.post(&control);
    control.start();
}

impl Host {
    fn listen(self: &Rc<Self>, target: &JsValue, event: &'static str, heard: impl Fn(&Rc<Host>, Event) + 'static) {
        let host = Rc::clone(self);
        let listener = Listener::new(target, event, move |event| heard(&host, event));
        self.listeners.borrow_mut().push(listener);
    }

    /// What the page's Intake says.
    fn page(&self, message: &JsValue) {
        let driver = &self.driver;
        match ToHost::parse(message) {
            Some(ToHost::Root(handle)) => driver.journal.root(&handle),
            Some(ToHost::Found(files)) => {
                let found = files.into_iter().map(|(found, file)| {
                    driver.readers.found(found.unreadable.clone().map_or(Ok(file), Err));
                    found
                });
                driver.feed(Input::Found(found.collect()));
                driver.journal.keep_roots();
            }
            Some(ToHost::Folder(path)) => driver.feed(Input::Folder(path)),
            Some(ToHost::Opened(id, file)) => driver.opened(id, file),
            Some(ToHost::IntakeEnded) => driver.feed(Input::IntakeEnded),
            None => js::complain(&format!("the files port brought {}", js::show(message))),
        }
    }

    /// What a worker that reads says.
    fn reader(&self, port: &MessagePort, message: &JsValue) {
        match Said::parse(message) {
            Some(Said::Ready) => self.driver.readers.join(Hand::There(port.clone())),
            Some(Said::Outcome(outcome)) => self.driver.read(outcome),
            None => js::complain(&format!("a reader sent {}", js::show(message))),
        }
    }

    /// What the facade says.
    fn control(&self, message: &JsValue) {
        let input = match js::text(message, "t").as_deref() {
            Some("pause") => Some(Input::Pause),
            Some("resume") => Some(Input::Resume),
            Some("cancel") => Some(Input::Cancel),
            Some("discard") => return self.discard(),
            Some("remove") => row(&js::get(message, "id")).map(Input::Remove),
            Some("retry") => js::get(message, "ids")
                .dyn_ref::<Array>()
                .map(|ids| Input::Retry(ids.iter().filter_map(|id| row(&id)).collect())),
            Some("token") => Some(Input::Token(
                js::text(message, "token")
                    .ok_or_else(|| js::text(message, "error").unwrap_or_else(|| "getToken gave no text".to_owned())),
            )),
            Some("call") => self.call(message),
            Some("close") => return self.close(),
            _ => None,
        };
        match input {
            Some(input) => self.driver.feed(input),
            None => js::complain(&format!("the control port brought {}", js::show(message))),
        }
    }

    fn discard(&self) {
        self.driver.feed(Input::Discard);
        self.left();
    }

    /// If the journal is not to be let go, that is told at once.
    fn left(&self) {
        if self.driver.journal.is_idle() {
            ToFacade::Left {}.post(&self.driver.control);
        }
    }

    fn call(&self, message: &JsValue) -> Option<Input> {
        let call = row(&js::get(message, "id"))?;
        let method = match js::text(message, "method")?.as_str() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "DELETE" => Method::Delete,
            _ => return None,
        };
        Some(Input::Call { call, method, path: js::text(message, "path")?, body: js::text(message, "body") })
    }

    fn close(&self) {
        self.left();
        self.driver.close();
        HOSTS.with_borrow_mut(|hosts| hosts.retain(|port| port != &self.driver.control));
        // Taken first: a listener that drops itself must not do so while the list is borrowed.
        let listeners = self.listeners.take();
        drop(listeners);
    }
}

fn data(event: &Event) -> JsValue {
    event.unchecked_ref::<MessageEvent>().data()
}

fn row(value: &JsValue) -> Option<FileId> {
    js::count(value)?.try_into().ok()
}

thread_local! {
    /// Every host of this instance: a panic ends them all.
    static HOSTS: RefCell<Vec<MessagePort>> = const { RefCell::new(Vec::new()) };
}

/// A panic is a bug and poisons the instance; the facade must hear of it, or the upload would just be silent.
fn report_panics_to(control: &MessagePort) {
    let first = HOSTS.with_borrow_mut(|hosts| {
        hosts.push(control.clone());
        hosts.len() == 1
    });
    if first {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            previous(panic);
            let message = panic.to_string();
            js::complain(&message);
            HOSTS.with_borrow(|hosts| hosts.iter().for_each(|host| ToFacade::Fatal { message: &message }.post(host)));
        }));
    }
}
