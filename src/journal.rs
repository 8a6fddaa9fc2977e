//! What outlives the page: the journal's records and the handles of what was added, in IndexedDB, and the lock by which one
//! page at a time has them. `journal.js` does it; this is its face.

use crate::js;
use cloudindex_engine::{Config, Input, Leave, journal};
use js_sys::{Array, Date, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(module = "/src/journal.js")]
extern "C" {
    type Book;

    #[wasm_bindgen(constructor)]
    fn new(scope: &str, tell: &JsValue) -> Book;
    #[wasm_bindgen(method)]
    fn open(this: &Book);
    #[wasm_bindgen(method)]
    fn record(this: &Book, record: &Uint8Array);
    #[wasm_bindgen(method)]
    fn rewrite(this: &Book, record: Option<Uint8Array>);
    #[wasm_bindgen(method)]
    fn root(this: &Book, handle: &JsValue);
    #[wasm_bindgen(method, js_name = keepRoots)]
    fn keep_roots(this: &Book);
    #[wasm_bindgen(method, js_name = forgetRoots)]
    fn forget_roots(this: &Book);
    #[wasm_bindgen(method)]
    fn close(this: &Book, done: bool);
    #[wasm_bindgen(method, getter)]
    fn idle(this: &Book) -> bool;

    fn look(scope: &str) -> Promise;
}

/// What tells journals apart: server and name.
fn scope(config: &Config) -> Option<String> {
    config.journal.as_ref().map(|name| format!("{} {name}", config.base_url))
}

/// What a journal says.
pub enum Told {
    Input(Input),
    /// It was closed, all that was written is there, and other pages may have it.
    LetGo,
}

/// The journal of one host, opened as often as the engine asks. What goes wrong is told once, and the upload goes on without.
pub struct Journal(Book);

impl Journal {
    /// `tell` hears what becomes of it.
    pub fn new(config: &Config, tell: impl Fn(Told) + 'static) -> Self {
        let heard = move |told: JsValue| {
            let told = Array::from(&told);
            tell(match told.get(0).as_string().as_deref() {
                Some("opened") => Told::Input(Input::JournalOpened(bytes(&told.get(1)))),
                Some("busy") => Told::Input(Input::JournalBusy),
                Some("left") => Told::LetGo,
                _ => Told::Input(Input::JournalLost { reason: told.get(1).as_string().unwrap_or_default() }),
            });
        };
        let heard = Closure::<dyn Fn(JsValue)>::new(heard).into_js_value();
        Journal(Book::new(&scope(config).unwrap_or_default(), &heard))
    }

    /// Waits for the lock, then reads.
    pub fn open(&self) {
        self.0.open();
    }

    pub fn record(&self, record: &[u8]) {
        self.0.record(&record.into());
    }

    /// All of it by this record, or by none; in one transaction.
    pub fn rewrite(&self, record: Option<&[u8]>) {
        self.0.rewrite(record.map(Uint8Array::from));
    }

    /// By this handle the files come that are found next.
    pub fn root(&self, handle: &JsValue) {
        self.0.root(handle);
    }

    /// Files of all handles so far were reported: it is known which upload the handles belong to.
    pub fn keep_roots(&self) {
        self.0.keep_roots();
    }

    /// Handles that were kept for an upload that does not count any more.
    pub fn forget_roots(&self) {
        self.0.forget_roots();
    }

    /// Lets other pages have it, as soon as what was written is there.
    pub fn close(&self, leave: Leave) {
        self.0.close(leave == Leave::Nothing);
    }

    /// Nothing is read from it or written to it now.
    pub fn is_idle(&self) -> bool {
        self.0.idle()
    }
}

/// For the page: what the journal of these options says of an upload that was left, and the handles that were kept for it.
pub async fn left(config: Config) -> JsValue {
    let Some(scope) = scope(&config) else { return JsValue::UNDEFINED };
    let found = JsFuture::from(look(&scope)).await.unwrap_or_default();
    let records = js::get(&found, "records");
    let records = records.dyn_ref::<Array>().into_iter().flat_map(|records| records.iter());
    let records = records.map(|record| Uint8Array::new(&record).to_vec());
    let Some(left) = journal::unfinished(records, Date::now() as u64, config.journal_life) else {
        return JsValue::UNDEFINED;
    };
    js::object(&[
        ("batchId", left.batch.into()),
        ("since", (left.since as f64).into()),
        ("files", (left.arrived as f64).into()),
        ("total", (left.found as f64).into()),
        ("bytes", (left.bytes as f64).into()),
        ("elsewhere", js::get(&found, "elsewhere")),
        ("roots", js::get(&found, "roots")),
    ])
}

fn bytes(records: &JsValue) -> Vec<Vec<u8>> {
    let records: Option<&Array> = records.dyn_ref();
    records.map(|records| records.iter().map(|record| Uint8Array::new(&record).to_vec()).collect()).unwrap_or_default()
}
