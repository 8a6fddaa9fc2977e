//! Options in, updates and failures out.

use crate::rig::{eval, number};
use cloudindex_engine::error::codes;
use cloudindex_engine::progress::Basis;
use cloudindex_engine::{Failure, FileChange, FileState, Found, GroupChange, Phase, Progress, Update};
use cloudindex_uploader::host::ToFacade;
use cloudindex_uploader::js;
use cloudindex_uploader::plain::Plain;
use cloudindex_uploader::ports::ToHost;
use cloudindex_uploader::{check_options, plan_batches, validate};
use js_sys::{Array, JSON, Uint32Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

fn json(value: &JsValue) -> String {
    JSON::stringify(value).ok().and_then(|text| text.as_string()).expect("JSON")
}

#[wasm_bindgen_test]
fn right_options_pass_and_wrong_ones_are_named() {
    for right in ["{}", r#"{"concurrency":3,"memory":{"maxBufferSize":"1.5 GiB"},"retryStrategy":{"maxAttempts":5}}"#] {
        assert!(check_options(right).is_undefined(), "{right}");
    }
    for (wrong, word) in [
        (r#"{"concurency":3}"#, "concurency"),
        (r#"{"concurrency":"three"}"#, "concurrency"),
        (r#"{"limits":{"maxFileSize":"big"}}"#, "limits.maxFileSize"),
        (r#"{"retryStrategy":{"backoff":{"initial":-1}}}"#, "retryStrategy.backoff.initial"),
        ("no JSON", "options"),
    ] {
        let failure = check_options(wrong);
        assert_eq!(js::text(&failure, "type").as_deref(), Some("validation"), "{wrong}");
        assert_eq!(js::text(&failure, "code").as_deref(), Some(codes::INVALID_OPTION));
        assert!(js::text(&failure, "message").is_some_and(|message| message.contains(word)), "{wrong}: {failure:?}");
        assert!(js::get(&failure, "status").is_undefined(), "what is not known is absent");
    }
}

#[wasm_bindgen_test]
fn batches_are_planned() {
    let plan = plan_batches(vec![60.0, 60.0, 500.0, 10.0], r#"{"maxBatchBytes":100,"batchSize":2}"#).expect("a plan");
    let mut files: Vec<u32> = Array::from(&js::get(&plan, "batches"))
        .iter()
        .flat_map(|batch| batch.dyn_into::<Uint32Array>().expect("a Uint32Array").to_vec())
        .collect();
    files.sort_unstable();
    assert_eq!(files, [0, 1, 3]);
    assert_eq!(js::get(&plan, "rejected").dyn_into::<Uint32Array>().expect("a Uint32Array").to_vec(), [2]);
    let wrong = plan_batches(vec![1.0], r#"{"batchSize":0}"#).expect_err("a wrong option");
    assert!(js::text(&wrong, "message").is_some_and(|message| message.contains("batchSize")));
}

#[wasm_bindgen_test]
fn files_over_a_limit_are_refused_by_index() {
    let paths = vec!["small".to_owned(), "large".to_owned()];
    let refused = validate(paths, vec![1.0, 1000.0], r#"{"limits":{"maxFileSize":100}}"#).expect("a list");
    let refused = Array::from(&refused);
    assert_eq!(refused.length(), 1);
    assert_eq!(number(&refused.get(0), "index"), 1.0);
    assert_eq!(js::text(&js::get(&refused.get(0), "error"), "type").as_deref(), Some("validation"));
}

#[wasm_bindgen_test]
fn an_update_is_a_plain_object() {
    let update = Update {
        phase: Phase::Running,
        batch_id: Some("b1".to_owned()),
        files: vec![
            FileChange {
                id: 0,
                state: FileState::Committed,
                percent: 100,
                size: Some(1 << 40),
                document_id: Some("d".to_owned()),
                error: None,
            },
            FileChange {
                id: 1,
                state: FileState::Failed,
                percent: 3,
                size: None,
                document_id: None,
                error: Some(Failure { status: Some(503), ..Failure::system("temporary_error", "busy", true) }),
            },
        ],
        groups: vec![GroupChange::Started { number: 1, files: vec![0, 1] }],
        progress: Progress { total: 2, completed: 1, basis: Basis::Bytes, percent: 51.5, ..Progress::default() },
        ..Update::default()
    };
    let message = ToFacade::Update { update: &update }.plain();
    assert_eq!(
        json(&message),
        r#"{"t":"update","update":{"phase":"running","batchId":"b1","files":["#.to_owned()
            + r#"{"id":0,"state":"committed","percent":100,"size":1099511627776,"documentId":"d"},"#
            + r#"{"id":1,"state":"failed","percent":3,"error":{"type":"system","code":"temporary_error","message":"busy","retryable":true,"status":503}}],"#
            + r#""groups":[{"change":"started","number":1,"files":[0,1]}],"#
            + r#""progress":{"total":2,"completed":1,"failed":0,"cancelled":0,"bytes":0,"sentBytes":0,"totalBytes":0,"bytesPerSecond":0,"percent":51.5,"basis":"bytes"}}}"#
    );
}

#[wasm_bindgen_test]
fn the_other_messages_are_plain_objects_too() {
    for (message, expected) in [
        (ToFacade::Ready {}, r#"{"t":"ready"}"#),
        (ToFacade::Refresh {}, r#"{"t":"refresh"}"#),
        (ToFacade::answer(3, Ok("{}".to_owned())), r#"{"t":"answer","id":3,"body":"{}"}"#),
        (
            ToFacade::answer(4, Err(Failure::validation("unauthorized", "no"))),
            r#"{"t":"answer","id":4,"error":{"type":"validation","code":"unauthorized","message":"no","retryable":false}}"#,
        ),
        (ToFacade::Fatal { message: "a bug" }, r#"{"t":"fatal","message":"a bug"}"#),
    ] {
        assert_eq!(json(&message.plain()), expected);
    }
}

#[wasm_bindgen_test]
fn what_is_no_message_is_not_taken_for_one() {
    for odd in ["undefined", "null", "7", "'text'", "{}", "[]", "[99]", "[3]", "[3, 1]", "[4, 'x']", "[-1]"] {
        assert!(ToHost::parse(&eval(odd)).is_none(), "to host: {odd}");
    }
    // Rows are the page's own making, but never trusted to be whole.
    assert!(
        matches!(ToHost::parse(&eval("[0, undefined, 7, []]")), Some(ToHost::Found(files)) if files == vec![(Found::default(), None); 3])
    );
}

#[wasm_bindgen_test]
fn any_thrown_value_can_be_described() {
    for (thrown, expected) in [
        ("new DOMException('gone', 'NotFoundError')", "NotFoundError: gone"),
        ("new TypeError('')", "TypeError"),
        ("'just text'", "just text"),
        ("undefined", "undefined"),
        ("null", "null"),
        ("42", "42"),
        ("false", "false"),
        ("Symbol('s')", "Symbol(s)"),
        ("1n", "1"),
        ("new Map()", "a value of class Map"),
        ("Object.create(null)", "a value of class Object"),
        ("new Proxy({}, { get() { throw 1 } })", "a value of class Object"),
    ] {
        assert_eq!(js::describe(&eval(thrown)), expected, "{thrown}");
    }
}
