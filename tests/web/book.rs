//! A journal whose host is the test.

use crate::rig::{get, resolve, text, within};
use cloudindex_uploader::options::Options;
use futures::channel::mpsc::{self, UnboundedReceiver};
use js_sys::{Array, Date, JSON, Promise, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/journal.js")]
extern "C" {
    /// The journal itself, which is JavaScript.
    #[wasm_bindgen(js_name = Book)]
    pub type Journal;
    #[wasm_bindgen(constructor, js_class = "Book")]
    pub fn new(scope: &str, tell: &JsValue) -> Journal;
    #[wasm_bindgen(method, getter)]
    pub fn idle(this: &Journal) -> bool;
    #[wasm_bindgen(method)]
    pub fn open(this: &Journal);
    #[wasm_bindgen(method)]
    pub fn record(this: &Journal, record: Uint8Array);
    #[wasm_bindgen(method)]
    pub fn rewrite(this: &Journal, record: Option<Uint8Array>);
    #[wasm_bindgen(method)]
    pub fn root(this: &Journal, handle: &JsValue);
    #[wasm_bindgen(method, js_name = keepRoots)]
    pub fn keep_roots(this: &Journal);
    #[wasm_bindgen(method, js_name = forgetRoots)]
    pub fn forget_roots(this: &Journal);
    #[wasm_bindgen(method)]
    pub fn close(this: &Journal, done: bool);

    /// What a page sees of it.
    fn look(scope: &str) -> Promise;
}

/// As `close` is told it: nothing is left to go on with, or something is.
pub const DONE: bool = true;
pub const UNFINISHED: bool = false;

/// A host's journal, and what it reports.
pub struct Book {
    pub journal: Journal,
    pub reports: UnboundedReceiver<Array>,
    _tell: Closure<dyn Fn(Array)>,
}

impl Book {
    pub fn of(name: &str) -> Self {
        let (sender, reports) = mpsc::unbounded();
        let tell = Closure::<dyn Fn(Array)>::new(move |told| drop(sender.unbounded_send(told)));
        Book { journal: Journal::new(&scope(name), tell.as_ref()), reports, _tell: tell }
    }

    pub fn record(&self, record: &[u8]) {
        self.journal.record(Uint8Array::from(record));
    }

    /// What it reports next, in a word.
    pub async fn next(&mut self) -> Option<String> {
        self.within(10_000).await
    }

    /// Nothing more is reported.
    pub async fn is_quiet(&mut self) -> bool {
        self.within(300).await.is_none()
    }

    /// That it was let go is a word of its own test.
    async fn within(&mut self, millis: u32) -> Option<String> {
        loop {
            let report = within(&mut self.reports, millis).await?;
            match report.get(0).as_string().as_deref() {
                Some("opened") => return Some(format!("opened: {}", texts(&report.get(1)).join(","))),
                Some("busy") => return Some("busy".to_owned()),
                Some("lost") => return Some(format!("lost: {}", report.get(1).as_string().expect("a reason"))),
                Some("left") => {}
                _ => panic!("{report:?}"),
            }
        }
    }

    pub async fn open(&mut self) -> Option<String> {
        self.journal.open();
        self.next().await
    }

    pub async fn lost(&mut self) -> String {
        let said = self.next().await.expect("a report");
        assert!(said.starts_with("lost: "), "{said}");
        // Once, whatever is asked of it afterwards.
        self.record(b"late");
        self.journal.rewrite(None);
        assert!(self.is_quiet().await);
        said
    }
}

fn options(name: &str) -> Options {
    let mut options = Options::new();
    for (path, text) in [("resume", name), ("baseUrl", "https://x.test")] {
        options.word(path.to_owned(), "string", f64::NAN, text.to_owned());
    }
    options
}

/// What tells it apart from other journals.
fn scope(name: &str) -> String {
    options(name).journal().expect("good options").expect("a journal")
}

fn records(list: &JsValue) -> Vec<Vec<u8>> {
    Array::from(list).iter().map(|record| Uint8Array::new(&record).to_vec()).collect()
}

fn texts(list: &JsValue) -> Vec<String> {
    records(list).iter().map(|record| String::from_utf8_lossy(record).into_owned()).collect()
}

/// What a page that comes afterwards finds.
pub async fn found(name: &str) -> Option<String> {
    let mut book = Book::of(name);
    let mut found = book.open().await;
    // The page before it may still be letting go.
    if found == said("busy") {
        found = book.next().await;
    }
    book.journal.close(UNFINISHED);
    found
}

pub fn said(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// What `js/interrupted.ts` makes of it: what is left in the records, with the handles; nothing if the browser has no journal.
pub async fn left(name: &str) -> Option<(JsValue, JsValue)> {
    let seen = resolve(&look(&scope(name))).await.ok()?;
    let records = records(&get(&seen, "records"));
    let lengths: Vec<u32> = records.iter().map(|record| record.len() as u32).collect();
    let left = options(name).unfinished(&records.concat(), &lengths, Date::now()).expect("good options")?;
    Some((JSON::parse(&left).expect("JSON"), seen))
}

/// Names of the handles that are kept, whatever is left.
pub async fn roots(name: &str) -> Vec<String> {
    let seen = resolve(&look(&scope(name))).await.expect("a look");
    let mut names: Vec<_> = Array::from(&get(&seen, "roots")).iter().filter_map(|root| text(&root, "name")).collect();
    names.sort();
    names
}
