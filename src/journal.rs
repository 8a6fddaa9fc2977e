//! What outlives the page: the journal's records and the handles of what was added, in IndexedDB, and the lock by which one
//! page at a time has them. What goes wrong here is told once, and the upload goes on without.

use crate::js;
use cloudindex_engine::{Config, Input, Leave, journal};
use js_sys::{Array, Date, Function, Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// The database; also how every lock's name begins.
const NAME: &str = "cloudindex-uploader";
/// By `[scope, number]`, numbers from 0.
const RECORDS: &str = "records";
/// By `[scope, name]`: of two folders with one name, whose files would have the same paths, the later is kept.
const ROOTS: &str = "roots";
/// ms that the database may take to answer: one that never does must not hold the upload.
const PATIENCE: u32 = 20_000;

/// What tells journals apart: server and name.
pub fn scope(config: &Config) -> Option<String> {
    config.journal.as_ref().map(|name| format!("{} {name}", config.base_url))
}

/// The journal of one host, opened as often as the engine asks.
pub struct Journal {
    scope: String,
    tell: Box<dyn Fn(Told)>,
    session: RefCell<Option<Rc<Session>>>,
    /// Resolves when the newest session lets its lock go.
    held: RefCell<Promise>,
    /// Handles of which no file was reported yet. They are written after that, so that the upload before theirs, when it ends
    /// and lets its own go, does not take them along.
    roots: RefCell<Vec<JsValue>>,
}

/// What a journal says.
pub enum Told {
    Input(Input),
    /// It was closed, all that was written is there, and other pages may have it.
    LetGo,
}

/// From `OpenJournal` to `CloseJournal`.
struct Session {
    state: RefCell<State>,
    /// Lets the lock go; when called before the lock is there, it goes at once.
    release: Function,
}

enum State {
    Opening,
    /// The database, and the next record's number.
    Open(JsValue, u32),
    /// It was told. The database, if there is one: it may have refused a write and no more.
    Lost(JsValue),
    Closed,
}

impl Journal {
    /// `tell` hears what becomes of it.
    pub fn new(config: &Config, tell: impl Fn(Told) + 'static) -> Rc<Self> {
        Rc::new(Journal {
            scope: scope(config).unwrap_or_default(),
            tell: Box::new(tell),
            session: RefCell::default(),
            held: RefCell::new(Promise::resolve(&JsValue::UNDEFINED)),
            roots: RefCell::default(),
        })
    }

    /// Waits for the lock, then reads.
    pub fn open(self: &Rc<Self>) {
        self.close(Leave::Unfinished);
        let mut release = JsValue::UNDEFINED;
        let held = Promise::new(&mut |resolve, _| release = resolve.into());
        let session = Rc::new(Session { state: RefCell::new(State::Opening), release: release.unchecked_into() });
        self.session.replace(Some(Rc::clone(&session)));
        let (journal, before) = (Rc::clone(self), self.held.replace(held.clone()));
        spawn_local(async move {
            drop(JsFuture::from(before).await);
            if ask_for_lock(&journal.scope, &held, true).await.is_ok_and(|lock| lock.is_null()) {
                journal.report(&session, Input::JournalBusy);
                // Where this fails, as where there are no locks (insecure pages), the upload goes on without.
                drop(ask_for_lock(&journal.scope, &held, false).await);
            }
            if session.is_closed() {
                return;
            }
            match open_database().await {
                Ok(database) => match read(&database, RECORDS, &journal.scope).await {
                    Ok(records) => journal.opened(&session, database, bytes(&records)),
                    Err(reason) => {
                        close(&database);
                        journal.lose(&session, reason);
                    }
                },
                Err(reason) => journal.lose(&session, reason),
            }
        });
    }

    fn opened(self: &Rc<Self>, session: &Rc<Session>, database: JsValue, records: Vec<Vec<u8>>) {
        if session.is_closed() {
            return close(&database);
        }
        let (journal, of) = (Rc::downgrade(self), Rc::downgrade(session));
        let lost = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
            // One that goes away for good, or is wanted in another version, must be closed; one that is full can still forget.
            if js::text(&event, "type").as_deref() != Some("abort") {
                close(&js::get(&event, "target"));
            }
            if let (Some(journal), Some(session)) = (journal.upgrade(), of.upgrade()) {
                journal.lose(&session, why(&event));
            }
        })
        .into_js_value();
        // The abort of any of its transactions comes here.
        for event in ["onabort", "onclose", "onversionchange"] {
            js::set(&database, event, &lost);
        }
        session.state.replace(State::Open(database, records.len() as u32));
        self.report(session, Input::JournalOpened(records));
        self.keep_roots();
    }

    pub fn record(&self, record: &[u8]) {
        self.write(|transaction, next| transaction.add(&self.scope, next, record));
    }

    /// All of it by this record, or by none.
    pub fn rewrite(&self, record: Option<&[u8]>) {
        self.write(|transaction, next| {
            transaction.call(RECORDS, "delete", &[&range(&self.scope)?])?;
            *next = 0;
            record.map_or(Ok(()), |record| transaction.add(&self.scope, next, record))
        });
    }

    /// By this handle the files come that are found next.
    pub fn root(&self, handle: JsValue) {
        self.roots.borrow_mut().push(handle);
    }

    /// Files of all handles so far were reported: it is known which upload the handles belong to.
    pub fn keep_roots(&self) {
        let is_opening = |session: &Rc<Session>| matches!(*session.state.borrow(), State::Opening);
        if self.session.borrow().as_ref().is_some_and(is_opening) || self.roots.borrow().is_empty() {
            return;
        }
        let roots = self.roots.take();
        self.write(|transaction, _| {
            for root in &roots {
                // What can't be kept must be dropped again.
                let _ = transaction.call(ROOTS, "put", &[root, &key(&self.scope, &js::get(root, "name"))]);
            }
            Ok(())
        });
    }

    /// Does the work in one transaction. Nobody waits for it: transactions keep their order.
    fn write(&self, work: impl FnOnce(&Transaction, &mut u32) -> Result<(), JsValue>) {
        let Some(session) = self.session.borrow().clone() else { return };
        let done = match &mut *session.state.borrow_mut() {
            State::Open(database, next) => Transaction::begin(database, "readwrite").and_then(|transaction| {
                work(&transaction, next)?;
                transaction.commit();
                Ok(())
            }),
            _ => Ok(()),
        };
        if let Err(error) = done {
            self.lose(&session, js::describe(&error));
        }
    }

    /// Lets other pages have it, as soon as what was written is there.
    pub fn close(self: &Rc<Self>, leave: Leave) {
        let Some(session) = self.session.take() else { return };
        let (database, was_lost) = match session.state.replace(State::Closed) {
            State::Open(database, _) => (database, false),
            State::Lost(database) => (database, true),
            State::Opening | State::Closed => (JsValue::UNDEFINED, false),
        };
        let last = Transaction::begin(&database, "readwrite").and_then(|transaction| {
            if leave == Leave::Nothing {
                transaction.call(ROOTS, "delete", &[&range(&self.scope)?])?;
            }
            // Broken off, it would speak for ever of an upload that is over.
            if leave == Leave::Nothing && was_lost {
                transaction.call(RECORDS, "delete", &[&range(&self.scope)?])?;
            }
            for event in ["oncomplete", "onabort"] {
                js::set(&transaction.0, event, &session.release);
            }
            transaction.commit();
            Ok(())
        });
        if last.is_err() {
            let _ = session.release.call0(&JsValue::UNDEFINED);
        }
        close(&database);
        let (journal, held) = (Rc::clone(self), self.held.borrow().clone());
        spawn_local(async move {
            drop(JsFuture::from(held).await);
            (journal.tell)(Told::LetGo);
        });
    }

    /// Nothing is read from it or written to it now.
    pub fn is_idle(&self) -> bool {
        let is_over = |session: &Rc<Session>| matches!(*session.state.borrow(), State::Lost(_) | State::Closed);
        self.session.borrow().as_ref().is_none_or(is_over)
    }

    fn lose(&self, session: &Session, reason: String) {
        let lost = match session.state.replace(State::Closed) {
            State::Opening => State::Lost(JsValue::UNDEFINED),
            State::Open(database, _) => State::Lost(database),
            told => {
                session.state.replace(told);
                return;
            }
        };
        session.state.replace(lost);
        self.report(session, Input::JournalLost { reason });
    }

    fn report(&self, session: &Session, input: Input) {
        if !session.is_closed() {
            (self.tell)(Told::Input(input));
        }
    }
}

impl Session {
    fn is_closed(&self) -> bool {
        matches!(*self.state.borrow(), State::Closed)
    }
}

/// For the page: what the journal of these options says of an upload that was left, and the handles that were kept for it.
pub async fn left(config: Config) -> JsValue {
    let Some(scope) = scope(&config) else { return JsValue::UNDEFINED };
    let Ok(database) = open_database().await else { return JsValue::UNDEFINED };
    let (records, roots) = (read(&database, RECORDS, &scope).await, read(&database, ROOTS, &scope).await);
    close(&database);
    let unfinished = |records| journal::unfinished(&bytes(&records), Date::now() as u64, config.journal_life);
    let Some(left) = records.ok().and_then(unfinished) else { return JsValue::UNDEFINED };
    let asked = js::invoke(&locks(), "query", &[]).unwrap_or_default();
    let held = js::get(&JsFuture::from(Promise::resolve(&asked)).await.unwrap_or_default(), "held");
    let name = lock_name(&scope);
    let elsewhere = held.is_object() && Array::from(&held).iter().any(|lock| js::get(&lock, "name") == name);
    js::object(&[
        ("batchId", left.batch.into()),
        ("since", (left.since as f64).into()),
        ("files", (left.arrived as f64).into()),
        ("total", (left.found as f64).into()),
        ("bytes", (left.bytes as f64).into()),
        ("elsewhere", elsewhere.into()),
        ("roots", roots.unwrap_or_default()),
    ])
}

/// A transaction over both stores, so that all of them run in the order in which they began.
struct Transaction(JsValue);

impl Transaction {
    fn begin(database: &JsValue, mode: &str) -> Result<Self, JsValue> {
        let stores = Array::of2(&RECORDS.into(), &ROOTS.into());
        let options = js::object(&[("durability", "relaxed".into())]);
        js::invoke(database, "transaction", &[&stores, &mode.into(), &options]).map(Transaction)
    }

    fn call(&self, store: &str, method: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
        js::invoke(&js::invoke(&self.0, "objectStore", &[&store.into()])?, method, arguments)
    }

    /// `add` refuses a number that is taken: another page writes to it too, which locks would have kept out.
    fn add(&self, scope: &str, next: &mut u32, record: &[u8]) -> Result<(), JsValue> {
        let number = JsValue::from(*next);
        *next += 1;
        self.call(RECORDS, "add", &[&Uint8Array::from(record), &key(scope, &number)]).map(drop)
    }

    /// At once, and not when the page comes round to it: it may be closed before that.
    fn commit(self) {
        let _ = js::invoke(&self.0, "commit", &[]);
    }
}

/// The lock, or null if it is to be had at once and is not. It is held until `held` resolves.
async fn ask_for_lock(scope: &str, held: &Promise, at_once: bool) -> Result<JsValue, JsValue> {
    let mut asked = Err(JsValue::UNDEFINED);
    let granted = Promise::new(&mut |grant, _| {
        let held = held.clone();
        let take = Closure::once_into_js(move |lock: JsValue| {
            let _ = grant.call1(&JsValue::UNDEFINED, &lock);
            if lock.is_null() { lock } else { held.into() }
        });
        let options = js::object(&[("ifAvailable", at_once.into())]);
        asked = js::invoke(&locks(), "request", &[&lock_name(scope), &options, &take]);
    });
    JsFuture::from(Promise::race(&Array::of2(&granted, &asked?))).await
}

fn locks() -> JsValue {
    js::get(&js::get(&js_sys::global(), "navigator"), "locks")
}

fn lock_name(scope: &str) -> JsValue {
    format!("{NAME} {scope}").into()
}

/// All that a store has of the scope.
async fn read(database: &JsValue, store: &str, scope: &str) -> Result<JsValue, String> {
    let asked = Transaction::begin(database, "readonly")
        .and_then(|transaction| transaction.call(store, "getAll", &[&range(scope)?]))
        .map_err(|error| js::describe(&error))?;
    done(&asked).await
}

async fn open_database() -> Result<JsValue, String> {
    let factory = js::get(&js_sys::global(), "indexedDB");
    let request = js::invoke(&factory, "open", &[&NAME.into(), &1.into()]);
    let request = request.map_err(|error| format!("there is no IndexedDB here ({})", js::describe(&error)))?;
    let upgrade = Closure::once_into_js(move |event: JsValue| {
        let database = js::get(&js::get(&event, "target"), "result");
        for store in [RECORDS, ROOTS] {
            let _ = js::invoke(&database, "createObjectStore", &[&store.into()]);
        }
    });
    js::set(&request, "onupgradeneeded", &upgrade);
    done(&request).await
}

/// A request's result.
async fn done(request: &JsValue) -> Result<JsValue, String> {
    let settled = Promise::new(&mut |resolve, reject| {
        js::set(request, "onsuccess", &resolve);
        js::set(request, "onerror", &reject);
        js::set(request, "onblocked", &reject);
        js::set_timeout(&reject, PATIENCE);
    });
    match JsFuture::from(settled).await {
        Ok(_) => Ok(js::get(request, "result")),
        Err(event) => Err(why(&event)),
    }
}

/// What an event says that is no good news.
fn why(event: &JsValue) -> String {
    let error = js::get(&js::get(event, "target"), "error");
    match js::text(event, "type") {
        _ if error.is_object() => js::describe(&error),
        Some(event) => format!("IndexedDB: {event}"),
        None => "IndexedDB does not answer".to_owned(),
    }
}

fn close(database: &JsValue) {
    let _ = js::invoke(database, "close", &[]);
}

fn key(scope: &str, last: &JsValue) -> JsValue {
    Array::of2(&scope.into(), last).into()
}

/// All keys of the scope: an array comes after every number and text.
fn range(scope: &str) -> Result<JsValue, JsValue> {
    let ranges = js::get(&js_sys::global(), "IDBKeyRange");
    js::invoke(&ranges, "bound", &[&Array::of1(&scope.into()), &key(scope, &Array::new())])
}

fn bytes(records: &JsValue) -> Vec<Vec<u8>> {
    Array::from(records).iter().map(|record| Uint8Array::new(&record).to_vec()).collect()
}
