//! The journal in the browser's own IndexedDB and locks: order, turns, and every way to lose it.

use crate::book::{Book, DONE, UNFINISHED, found, left, roots, said};
use crate::rig::{Rig, ToHost, call, eval, get, resolve, run, text, within};
use js_sys::{Array, Date, Function, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
async fn records_come_back_in_order() {
    let mut book = Book::of("order");
    assert_eq!(book.open().await, said("opened: "));
    for record in ["a", "", "c"] {
        book.record(record.as_bytes());
    }
    book.journal.close(UNFINISHED);
    assert_eq!(found("other").await, said("opened: "));

    assert_eq!(book.open().await, said("opened: a,,c"), "a second time, by the same host");
    (0..12).for_each(|n| book.record(n.to_string().as_bytes()));
    book.journal.close(DONE);
    assert_eq!(found("order").await, said("opened: a,,c,0,1,2,3,4,5,6,7,8,9,10,11"));
}

#[wasm_bindgen_test]
async fn one_record_or_none_takes_the_place_of_all() {
    let mut book = Book::of("anew");
    assert_eq!(book.open().await, said("opened: "));
    book.record(b"a");
    book.record(b"b");
    book.journal.rewrite(Some(Uint8Array::from(&b"all"[..])));
    book.record(b"c");
    book.journal.close(UNFINISHED);
    assert_eq!(book.open().await, said("opened: all,c"));
    book.record(b"d");
    book.journal.rewrite(None);
    book.journal.close(UNFINISHED);
    assert_eq!(book.open().await, said("opened: "));
    book.record(b"e");
    book.journal.close(UNFINISHED);
    assert_eq!(found("anew").await, said("opened: e"));
}

#[wasm_bindgen_test]
async fn one_at_a_time_has_it_and_the_next_reads_what_was_written() {
    let (mut first, mut second, mut third) = (Book::of("turns"), Book::of("turns"), Book::of("turns"));
    assert_eq!(first.open().await, said("opened: "));
    assert_eq!(second.open().await, said("busy"));
    assert_eq!(third.open().await, said("busy"));
    second.journal.close(UNFINISHED);
    first.record(b"last");
    first.journal.close(UNFINISHED);
    assert_eq!(third.next().await, said("opened: last"));
    assert!(second.is_quiet().await, "who gave up waiting gets nothing and holds up nobody");
    third.journal.close(UNFINISHED);
    assert_eq!(found("turns").await, said("opened: last"));
}

#[wasm_bindgen_test]
async fn who_closes_before_it_is_open_hears_nothing() {
    let mut book = Book::of("early");
    book.journal.open();
    book.record(b"too early");
    book.journal.close(DONE);
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
        call(&self.0);
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
        one.record(b"one");
        two.record(b"two");
        assert!(two.lost().await.contains("ConstraintError"));
        one.record(b"more");
        one.journal.close(UNFINISHED);
        two.journal.close(UNFINISHED);
        assert_eq!(found(name).await, said("opened: one,more"));
    }
}

#[wasm_bindgen_test]
async fn a_journal_that_broke_off_says_nothing_of_an_upload_that_is_over() {
    let _instead = Instead::new("navigator", "locks", "undefined");
    for (done, expected) in [(UNFINISHED, "opened: one"), (DONE, "opened: ")] {
        let name = &format!("broken off, done {done}");
        let (mut one, mut two) = (Book::of(name), Book::of(name));
        assert_eq!((one.open().await, two.open().await), (said("opened: "), said("opened: ")));
        one.record(b"one");
        two.record(b"two");
        two.lost().await;
        two.journal.close(done);
        assert_eq!(found(name).await, said(expected));
    }
}

#[wasm_bindgen_test]
async fn a_database_that_is_deleted_is_lost_and_can_be_made_anew() {
    let mut book = Book::of("deleted");
    assert_eq!(book.open().await, said("opened: "));
    book.record(b"a");
    let delete = "new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase('cloudindex-uploader');
        request.onsuccess = () => resolve(); request.onerror = reject;
    })";
    run(delete).await;
    assert_eq!(book.lost().await, "lost: IndexedDB: versionchange");
    book.journal.close(DONE);
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
    get(&database, "close").unchecked_into::<Function>().call0(&database).expect("it closes");
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
        book.journal.close(DONE);
        assert!(left("nowhere").await.is_none());
    }
}

/// A folder of the browser's own, by a real handle.
async fn folder(name: &str) -> JsValue {
    run(&format!(
        "navigator.storage.getDirectory().then((root) => root.getDirectoryHandle('{name}', {{ create: true }}))"
    ))
    .await
}

/// As the engine writes it: batch "B" was opened now, 5 files were found, 2 of 100 bytes arrived.
fn unfinished() -> Vec<u8> {
    let mut record = b"CIJ2\x01".to_vec();
    let mut now = Date::now() as u64;
    while now >= 0x80 {
        record.push(now as u8 | 0x80);
        now >>= 7;
    }
    record.push(now as u8);
    record.extend(b"\x01B\x03\x05\x02\x64");
    record
}

#[wasm_bindgen_test]
async fn what_is_left_is_told_with_the_handles_that_belong_to_it() {
    let mut book = Book::of("left");
    book.journal.root(&folder("one").await);
    book.journal.root(&eval("{ name: 'no handle', call() {} }"));
    assert_eq!(book.open().await, said("opened: "));
    assert!(left("left").await.is_none());
    book.record(&unfinished());
    book.journal.root(&folder("two").await);
    book.journal.root(&folder("one").await);
    let (_, seen) = left("left").await.expect("something is left");
    assert_eq!(roots("left").await, ["one"], "a handle is kept when its files are reported");
    assert!(get(&seen, "elsewhere").is_truthy());
    book.journal.keep_roots();
    book.journal.close(UNFINISHED);

    let (left_now, seen) = left("left").await.expect("something is left");
    assert_eq!(roots("left").await, ["one", "two"]);
    assert_eq!(text(&left_now, "batchId").as_deref(), Some("B"));
    let numbers = ["files", "total", "bytes"].map(|field| get(&left_now, field).as_f64());
    assert_eq!(numbers, [Some(2.0), Some(5.0), Some(100.0)]);
    assert!((get(&left_now, "since").as_f64().expect("a time") - Date::now()).abs() < 60_000.0);
    assert!(get(&seen, "elsewhere").is_falsy());
    assert!(left("not left").await.is_none());

    // The upload ends; the handles of the next one, whose files were not reported yet, stay.
    assert!(book.open().await.is_some());
    book.journal.root(&folder("next").await);
    book.journal.close(DONE);
    assert_eq!(roots("left").await, [""; 0]);
    assert!(book.open().await.is_some());
    assert_eq!(roots("left").await, ["next"]);
    book.journal.forget_roots();
    assert_eq!(roots("left").await, [""; 0], "of an upload that does not count any more");
    book.journal.close(UNFINISHED);
}

#[wasm_bindgen_test]
async fn letting_go_is_told_when_others_may_have_it() {
    let mut book = Book::of("let go");
    assert!(book.journal.idle());
    book.journal.open();
    assert!(!book.journal.idle());
    assert_eq!(book.next().await, said("opened: "));
    book.record(b"last");
    book.journal.close(UNFINISHED);
    assert!(book.journal.idle());
    let report = within(&mut book.reports, 10_000).await.expect("a report");
    assert_eq!(report.get(0), "left");
    let mut next = Book::of("let go");
    assert_eq!(next.open().await, said("opened: last"), "it is free, and what was written is there");
    next.journal.close(UNFINISHED);
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
                    assert!(get(&handle, "isSameEntry").is_function());
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
    let began = Date::now();
    (0..1000).for_each(|_| book.record(&record));
    let took = Date::now() - began;
    book.journal.close(UNFINISHED);
    let began = Date::now();
    assert!(book.open().await.is_some_and(|found| found.len() > 4_000_000));
    let read = Date::now() - began;
    book.journal.rewrite(None);
    book.journal.close(DONE);
    eval(&format!("console.log('a thousand records: {took} ms to write, {read} ms to read')"));
    assert!(took < 2000.0, "{took} ms for a thousand records, {read} ms to read them");
}
