//! The journal in the browser's own IndexedDB and locks: order, turns, and every way to lose it.

use crate::rig::{Rig, eval, resolve, run, sleep};
use cloudindex_engine::{Config, Input, Leave};
use cloudindex_uploader::journal::{Journal, Told};
use cloudindex_uploader::ports::ToHost;
use cloudindex_uploader::{js, left};
use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedReceiver};
use futures::future::{Either, select};
use js_sys::{Array, Function};
use std::pin::pin;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

/// A host's journal, and what it reports.
struct Book {
    journal: Journal,
    reports: UnboundedReceiver<Input>,
}

impl Book {
    fn of(name: &str) -> Self {
        let (sender, reports) = mpsc::unbounded();
        let config = Config { journal: Some(name.to_owned()), base_url: "https://x.test".into(), ..Config::default() };
        let report = move |told| {
            if let Told::Input(input) = told {
                let _ = sender.unbounded_send(input);
            }
        };
        Book { journal: Journal::new(&config, report), reports }
    }

    /// What it reports next, in a word.
    async fn next(&mut self) -> Option<String> {
        self.within(10_000).await
    }

    /// Nothing more is reported.
    async fn is_quiet(&mut self) -> bool {
        self.within(300).await.is_none()
    }

    async fn within(&mut self, millis: u32) -> Option<String> {
        match select(pin!(self.reports.next()), pin!(sleep(millis))).await {
            Either::Left((Some(Input::JournalOpened(records)), _)) => {
                let records: Vec<_> =
                    records.into_iter().map(|record| String::from_utf8_lossy(&record).into_owned()).collect();
                Some(format!("opened: {}", records.join(",")))
            }
            Either::Left((Some(Input::JournalBusy), _)) => Some("busy".to_owned()),
            Either::Left((Some(Input::JournalLost { reason }), _)) => Some(format!("lost: {reason}")),
            Either::Left((other, _)) => panic!("{other:?}"),
            Either::Right(_) => None,
        }
    }

    async fn open(&mut self) -> Option<String> {
        self.journal.open();
        self.next().await
    }

    async fn lost(&mut self) -> String {
        let said = self.next().await.expect("a report");
        assert!(said.starts_with("lost: "), "{said}");
        // Once, whatever is asked of it afterwards.
        self.journal.record(b"late");
        self.journal.rewrite(None);
        assert!(self.is_quiet().await);
        said
    }
}

/// What a page that comes afterwards finds.
async fn found(name: &str) -> Option<String> {
    let mut book = Book::of(name);
    let mut found = book.open().await;
    // The page before it may still be letting go.
    if found == said("busy") {
        found = book.next().await;
    }
    book.journal.close(Leave::Unfinished);
    found
}

fn said(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[wasm_bindgen_test]
async fn records_come_back_in_order() {
    let mut book = Book::of("order");
    assert_eq!(book.open().await, said("opened: "));
    for record in ["a", "", "c"] {
        book.journal.record(record.as_bytes());
    }
    book.journal.close(Leave::Unfinished);
    assert_eq!(found("other").await, said("opened: "));

    assert_eq!(book.open().await, said("opened: a,,c"), "a second time, by the same host");
    (0..12).for_each(|n| book.journal.record(n.to_string().as_bytes()));
    book.journal.close(Leave::Nothing);
    assert_eq!(found("order").await, said("opened: a,,c,0,1,2,3,4,5,6,7,8,9,10,11"));
}

#[wasm_bindgen_test]
async fn one_record_or_none_takes_the_place_of_all() {
    let mut book = Book::of("anew");
    assert_eq!(book.open().await, said("opened: "));
    book.journal.record(b"a");
    book.journal.record(b"b");
    book.journal.rewrite(Some(b"all"));
    book.journal.record(b"c");
    book.journal.close(Leave::Unfinished);
    assert_eq!(book.open().await, said("opened: all,c"));
    book.journal.record(b"d");
    book.journal.rewrite(None);
    book.journal.close(Leave::Unfinished);
    assert_eq!(book.open().await, said("opened: "));
    book.journal.record(b"e");
    book.journal.close(Leave::Unfinished);
    assert_eq!(found("anew").await, said("opened: e"));
}

#[wasm_bindgen_test]
async fn one_at_a_time_has_it_and_the_next_reads_what_was_written() {
    let (mut first, mut second, mut third) = (Book::of("turns"), Book::of("turns"), Book::of("turns"));
    assert_eq!(first.open().await, said("opened: "));
    assert_eq!(second.open().await, said("busy"));
    assert_eq!(third.open().await, said("busy"));
    second.journal.close(Leave::Unfinished);
    first.journal.record(b"last");
    first.journal.close(Leave::Unfinished);
    assert_eq!(third.next().await, said("opened: last"));
    assert!(second.is_quiet().await, "who gave up waiting gets nothing and holds up nobody");
    third.journal.close(Leave::Unfinished);
    assert_eq!(found("turns").await, said("opened: last"));
}

#[wasm_bindgen_test]
async fn who_closes_before_it_is_open_hears_nothing() {
    let mut book = Book::of("early");
    book.journal.open();
    book.journal.record(b"too early");
    book.journal.close(Leave::Nothing);
    assert!(book.is_quiet().await);
    assert_eq!(found("early").await, said("opened: "));
}

/// The property has another value for as long as this lives.
struct Instead(JsValue);

impl Instead {
    fn new(object: &str, property: &str, value: &str) -> Self {
        Instead(eval(&format!(
            "(() => {{
                const before = Object.getOwnPropertyDescriptor({object}, '{property}');
                Object.defineProperty({object}, '{property}', {{ value: {value}, configurable: true }});
                return () => {{
                    delete {object}.{property};
                    if (before) Object.defineProperty({object}, '{property}', before);
                }};
            }})()"
        )))
    }
}

impl Drop for Instead {
    fn drop(&mut self) {
        let restore: &Function = self.0.unchecked_ref();
        restore.call0(&JsValue::NULL).expect("it is given back");
    }
}

#[wasm_bindgen_test]
async fn without_locks_it_goes_on_and_two_writers_do_not_mix_in_silence() {
    for locks in ["undefined", "{ request: async () => { throw new DOMException('no', 'SecurityError'); } }"] {
        let name = if locks == "undefined" { "no locks" } else { "refused locks" };
        let _instead = Instead::new("navigator", "locks", locks);
        let (mut one, mut two) = (Book::of(name), Book::of(name));
        assert_eq!(one.open().await, said("opened: "));
        assert_eq!(two.open().await, said("opened: "));
        one.journal.record(b"one");
        two.journal.record(b"two");
        assert!(two.lost().await.contains("ConstraintError"));
        one.journal.record(b"more");
        one.journal.close(Leave::Unfinished);
        two.journal.close(Leave::Unfinished);
        assert_eq!(found(name).await, said("opened: one,more"));
    }
}

#[wasm_bindgen_test]
async fn a_journal_that_broke_off_says_nothing_of_an_upload_that_is_over() {
    let _instead = Instead::new("navigator", "locks", "undefined");
    for (leave, expected) in [(Leave::Unfinished, "opened: one"), (Leave::Nothing, "opened: ")] {
        let name = &format!("broken off {leave:?}");
        let (mut one, mut two) = (Book::of(name), Book::of(name));
        assert_eq!((one.open().await, two.open().await), (said("opened: "), said("opened: ")));
        one.journal.record(b"one");
        two.journal.record(b"two");
        two.lost().await;
        two.journal.close(leave);
        assert_eq!(found(name).await, said(expected));
    }
}

#[wasm_bindgen_test]
async fn a_database_that_is_deleted_is_lost_and_can_be_made_anew() {
    let mut book = Book::of("deleted");
    assert_eq!(book.open().await, said("opened: "));
    book.journal.record(b"a");
    let delete = "new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase('cloudindex-uploader');
        request.onsuccess = () => resolve(); request.onerror = reject;
    })";
    run(delete).await;
    assert_eq!(book.lost().await, "lost: IndexedDB: versionchange");
    book.journal.close(Leave::Nothing);
    assert_eq!(found("deleted").await, said("opened: "));
}

#[wasm_bindgen_test]
async fn a_database_of_another_version_is_lost() {
    let name = "cloudindex-uploader";
    let newer = format!(
        "new Promise((resolve, reject) => {{
            const request = indexedDB.open('{name}', 7);
            request.onsuccess = () => resolve(request.result); request.onerror = reject;
        }})"
    );
    let database = run(&newer).await;
    let mut book = Book::of("version");
    book.journal.open();
    assert!(book.lost().await.starts_with("lost: VersionError"));
    js::invoke(&database, "close", &[]).expect("it closes");
    run(&format!("new Promise((resolve) => {{ indexedDB.deleteDatabase('{name}').onsuccess = resolve; }})")).await;
}

#[wasm_bindgen_test]
async fn where_there_is_no_database_it_is_lost() {
    let refused = "{ open() { throw new DOMException('not here', 'SecurityError'); } }";
    for (factory, reason) in [("undefined", "lost: TypeError"), (refused, "lost: SecurityError")] {
        let _instead = Instead::new("globalThis", "indexedDB", factory);
        let mut book = Book::of("nowhere");
        book.journal.open();
        assert!(book.lost().await.starts_with(reason));
        book.journal.close(Leave::Nothing);
        assert!(found_left("nowhere").await.is_undefined());
    }
}

/// A folder of the browser's own, by a real handle.
async fn folder(name: &str) -> JsValue {
    run(&format!(
        "navigator.storage.getDirectory().then((root) => root.getDirectoryHandle('{name}', {{ create: true }}))"
    ))
    .await
}

async fn found_left(name: &str) -> JsValue {
    let options = format!(r#"{{"resume":"{name}","baseUrl":"https://x.test"}}"#);
    resolve(&left(&options).expect("good options")).await.expect("it answers")
}

/// As the engine writes it: batch "B" was opened now, 5 files were found, 2 of 100 bytes arrived.
fn unfinished() -> Vec<u8> {
    let mut record = b"CIJ2\x01".to_vec();
    let mut now = js_sys::Date::now() as u64;
    while now >= 0x80 {
        record.push(now as u8 | 0x80);
        now >>= 7;
    }
    record.push(now as u8);
    record.extend(b"\x01B\x03\x05\x02\x64");
    record
}

fn names(left: &JsValue) -> Vec<String> {
    let mut names: Vec<_> =
        Array::from(&js::get(left, "roots")).iter().filter_map(|root| js::text(&root, "name")).collect();
    names.sort();
    names
}

#[wasm_bindgen_test]
async fn what_is_left_is_told_with_the_handles_that_belong_to_it() {
    let mut book = Book::of("left");
    book.journal.root(&folder("one").await);
    book.journal.root(&eval("{ name: 'no handle', call() {} }"));
    assert_eq!(book.open().await, said("opened: "));
    assert!(found_left("left").await.is_undefined());
    book.journal.record(&unfinished());
    book.journal.root(&folder("two").await);
    book.journal.root(&folder("one").await);
    let left = found_left("left").await;
    assert_eq!(names(&left), ["one"], "a handle is kept when its files are reported");
    assert!(js::get(&left, "elsewhere").is_truthy());
    book.journal.keep_roots();
    book.journal.close(Leave::Unfinished);

    let left = found_left("left").await;
    assert_eq!(names(&left), ["one", "two"]);
    assert_eq!(js::text(&left, "batchId").as_deref(), Some("B"));
    let numbers = ["files", "total", "bytes"].map(|field| js::get(&left, field).as_f64());
    assert_eq!(numbers, [Some(2.0), Some(5.0), Some(100.0)]);
    assert!((js::get(&left, "since").as_f64().expect("a time") - js_sys::Date::now()).abs() < 60_000.0);
    assert!(js::get(&left, "elsewhere").is_falsy());
    assert!(found_left("not left").await.is_undefined());

    // The upload ends; the handles of the next one, whose files were not reported yet, stay.
    assert!(book.open().await.is_some());
    book.journal.root(&folder("next").await);
    book.journal.close(Leave::Nothing);
    assert_eq!(names(&found_left("left").await), [""; 0]);
    assert!(book.open().await.is_some());
    assert_eq!(names(&found_left("left").await), ["next"]);
    book.journal.close(Leave::Unfinished);
}

#[wasm_bindgen_test]
async fn a_walk_tells_of_handles_if_somebody_keeps_them() {
    for (hooks, expected) in [("{ roots: true }", 2), ("{}", 0)] {
        let mut rig = Rig::with(hooks);
        let list = Array::of3(&folder("walked").await, &eval("new File([], 'plain')"), &folder("too").await);
        let added = rig.intake.add(list.into());
        let (mut roots, mut found) = (0, 0);
        loop {
            match rig.next().await {
                ToHost::Root(handle) => {
                    assert!(js::function(&handle, "isSameEntry").is_some());
                    roots += 1;
                }
                ToHost::Found(files) => found += files.len(),
                ToHost::IntakeEnded => break,
                other => panic!("{other:?}"),
            }
        }
        resolve(&added).await.expect("the walk ends");
        assert_eq!((roots, found), (expected, 1));
    }
}

#[wasm_bindgen_test]
async fn a_thousand_records_are_no_work_for_the_loop() {
    let mut book = Book::of("many");
    book.journal.open();
    book.next().await;
    let record = vec![b'x'; 4096];
    let began = js::millis();
    (0..1000).for_each(|_| book.journal.record(&record));
    let took = js::millis() - began;
    book.journal.close(Leave::Unfinished);
    let began = js::millis();
    assert!(book.open().await.is_some_and(|found| found.len() > 4_000_000));
    let read = js::millis() - began;
    book.journal.rewrite(None);
    book.journal.close(Leave::Nothing);
    eval(&format!("console.log('a thousand records: {took} ms to write, {read} ms to read')"));
    assert!(took < 2000.0, "{took} ms for a thousand records, {read} ms to read them");
}
