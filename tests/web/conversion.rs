//! Words in, JSON out.

use cloudindex_engine::error::codes;
use cloudindex_engine::progress::Basis;
use cloudindex_engine::{Failure, FileChange, FileState, GroupChange, Phase, Progress, Update};
use cloudindex_uploader::options::{Files, Options};
use cloudindex_uploader::plain;
use js_sys::JSON;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::rig::{get, text};

/// A word, as it is given.
enum Word {
    Flag(bool),
    Number(f64),
    Text(&'static str),
    List(&'static str),
    Object(&'static str),
    Other,
}
use Word::{Flag, List, Number, Object, Other, Text};

fn options(words: &[(&str, Word)]) -> Options {
    let mut options = Options::new();
    for (path, word) in words {
        let (kind, number, text) = match *word {
            Flag(value) => ("boolean", f64::from(u8::from(value)), ""),
            Number(value) => ("number", value, ""),
            Text(value) => ("string", f64::NAN, value),
            List(items) => ("list", f64::NAN, items),
            Object(json) => ("object", f64::NAN, json),
            Other => ("undefined", f64::NAN, ""),
        };
        assert!(options.word((*path).to_owned(), kind, number, text.to_owned()), "{path}");
    }
    options
}

/// A failure's JSON names the option, and says no more than is known.
fn names(failure: &str, word: &str) {
    let failure = JSON::parse(failure).expect("JSON");
    assert_eq!(text(&failure, "type").as_deref(), Some("validation"), "{word}");
    assert_eq!(text(&failure, "code").as_deref(), Some(codes::INVALID_OPTION), "{word}");
    assert!(text(&failure, "message").is_some_and(|message| message.contains(word)), "{word}: {failure:?}");
    assert!(get(&failure, "status").is_undefined(), "what is not known is absent");
}

#[wasm_bindgen_test]
fn right_options_pass_and_wrong_ones_are_named() {
    assert_eq!(Options::new().check(), None);
    let right = [
        ("concurrency", Number(3.0)),
        ("apiKey", Text("k")),
        ("refresh", Flag(true)),
        ("memory.maxBufferSize", Text("1.5 GiB")),
        ("retryStrategy.conditions.retryable", List("a\nb")),
        ("retryStrategy.conditions.fatal", List("")),
        ("batch.metadata", Object(r#"{"of":"mine"}"#)),
    ];
    assert_eq!(options(&right).check(), None);
    for (path, word) in [
        ("concurency", Number(3.0)),
        ("concurrency", Text("three")),
        ("concurrency", Number(f64::NAN)),
        ("concurrency", Other),
        ("refresh", Text("yes")),
        ("limits", Flag(true)),
        ("limits.maxFileSize", Text("big")),
        ("retryStrategy.conditions.retryable", Text("a")),
        ("retryStrategy.backoff.initial", Number(-1.0)),
        ("apiKey", Object("{}")),
        ("", Other),
    ] {
        names(&options(&[(path, word)]).check().expect(path), &format!("“{path}”"));
    }
}

#[wasm_bindgen_test]
fn whatever_is_asked_of_wrong_options_names_them() {
    let wrong = || options(&[("batchSize", Number(0.0))]);
    let files = Files::new();
    for failure in [
        wrong().new_batch().err(),
        wrong().readers(4).err(),
        wrong().journal().err(),
        wrong().unfinished(&[], &[], 0.0).err(),
        wrong().plan_batches(&files).err(),
        wrong().validate(&files).err(),
    ] {
        names(&failure.expect("a Failure"), "“batchSize”");
    }
}

#[wasm_bindgen_test]
fn sections_are_those_whose_words_are_given_one_by_one() {
    for (path, expected) in
        [("limits", true), ("retryStrategy.backoff", true), ("", false), ("apiKey", false), ("batch.metadata", false)]
    {
        let taken = Options::new().word(path.to_owned(), "object", f64::NAN, "{}".to_owned());
        assert_eq!(!taken, expected, "{path}");
    }
}

#[wasm_bindgen_test]
fn a_new_batch_is_told_what_concerns_the_server() {
    let words = [
        ("name", Text("mine")),
        ("limits.maxFileSize", Text("1KB")),
        ("metadata", Object(r#"{"of":[1]}"#)),
        ("concurrency", Number(2.0)),
    ];
    let body = options(&words).new_batch().expect("good options");
    assert_eq!(body, r#"{"name":"mine","metadata":{"of":[1]},"limits":{"maxFileSize":1000}}"#);
}

#[wasm_bindgen_test]
fn a_journal_is_told_apart_by_server_and_name() {
    let words = [("resume", Text("mine")), ("baseUrl", Text("https://x.test"))];
    assert_eq!(options(&words).journal(), Ok(Some("https://x.test mine".to_owned())));
    assert_eq!(Options::new().journal(), Ok(None));
}

#[wasm_bindgen_test]
fn what_is_left_is_told_of_its_records() {
    // Batch "B" was opened at 5, 7 files were found, 2 of 100 bytes arrived.
    let (head, found, arrived) = (&b"CIJ2\x01\x05\x01B"[..], &b"\x03\x07"[..], &b"\x02\x64"[..]);
    let record = [head, found, arrived].concat();
    let left =
        |records: &[u8], lengths: &[u32]| Options::new().unfinished(records, lengths, 6.0).expect("good options");
    assert_eq!(
        left(&record, &[record.len() as u32]).as_deref(),
        Some(r#"{"batchId":"B","since":5,"files":2,"total":7,"bytes":100}"#)
    );
    assert_eq!(left(&[], &[]), None);
    assert_eq!(left(b"no record", &[4, 5]), None);
    assert_eq!(left(b"short", &[40, 5]), None, "lengths that are not true hurt nobody");
}

#[wasm_bindgen_test]
fn how_many_should_read_is_asked_of_the_options() {
    assert_eq!(Options::new().readers(1), Ok(0));
    let cores = |cores| Options::new().readers(cores).expect("good options");
    assert!(cores(4) > 0 && cores(64) >= cores(4));
}

/// Files with these paths and sizes.
fn files(rows: &[(&str, f64)]) -> Files {
    let mut files = Files::new();
    for (path, size) in rows {
        files.add((*path).to_owned(), String::new(), *size, f64::NAN, None, None, None);
    }
    files
}

#[wasm_bindgen_test]
fn batches_are_planned() {
    let words = [("maxBatchBytes", Number(100.0)), ("batchSize", Number(2.0))];
    let files = files(&[("", 60.0), ("", 60.0), ("", 500.0), ("", 10.0)]);
    let plan = options(&words).plan_batches(&files).expect("a plan");
    assert_eq!(plan, r#"{"batches":[[0],[1,3]],"rejected":[2]}"#);
    assert_eq!(Options::new().plan_batches(&Files::new()).expect("a plan"), r#"{"batches":[],"rejected":[]}"#);
}

#[wasm_bindgen_test]
fn files_over_a_limit_are_refused_by_index() {
    let words = || options(&[("limits.maxFileSize", Number(100.0))]);
    let refused = words().validate(&files(&[("small", 1.0), ("large", 1000.0)])).expect("a list");
    let refused = JSON::parse(&refused).expect("JSON");
    assert_eq!(get(&refused, "length"), 1);
    let first = get(&refused, "0");
    assert_eq!(get(&first, "index"), 1);
    assert_eq!(text(&get(&first, "error"), "type").as_deref(), Some("validation"));
    assert_eq!(words().validate(&files(&[("unknown", f64::NAN)])).as_deref(), Ok("[]"));
}

#[wasm_bindgen_test]
fn an_update_is_json_field_by_field() {
    let update = Update {
        phase: Phase::Running,
        batch_id: Some("b1".to_owned()),
        files: vec![
            FileChange {
                id: 0,
                state: FileState::Committed,
                percent: 100,
                size: Some(1 << 40),
                document_id: Some("d \"1\" ü🦀".to_owned()),
                error: None,
            },
            FileChange {
                id: 1,
                state: FileState::Failed,
                percent: 3,
                size: None,
                document_id: None,
                error: Some(Failure {
                    status: Some(503),
                    attempt: Some(4),
                    ..Failure::system("temporary_error", "busy", true)
                }),
            },
        ],
        groups: vec![
            GroupChange::Started { number: 1, files: vec![0, 1] },
            GroupChange::Completed { number: 2, files: vec![] },
        ],
        progress: Progress {
            total: 2,
            completed: 1,
            failed: 1,
            cancelled: 3,
            bytes: 4,
            sent_bytes: 5,
            total_bytes: 6,
            basis: Basis::Bytes,
            percent: 51.5,
            ..Progress::default()
        },
        reason: Some(Failure::validation("unauthorized", "no")),
        status: Some(r#"{"status":"open"}"#.to_owned()),
    };
    assert_eq!(
        plain::update(&update),
        r#"{"phase":"running","batchId":"b1","files":["#.to_owned()
            + r#"{"id":0,"state":"committed","percent":100,"size":1099511627776,"documentId":"d \"1\" ü🦀"},"#
            + r#"{"id":1,"state":"failed","percent":3,"error":{"type":"system","code":"temporary_error","message":"busy","retryable":true,"status":503,"attempt":4}}],"#
            + r#""groups":[{"change":"started","number":1,"files":[0,1]},{"change":"completed","number":2,"files":[]}],"#
            + r#""progress":{"total":2,"completed":1,"failed":1,"cancelled":3,"bytes":4,"sentBytes":5,"totalBytes":6,"basis":"bytes"},"#
            + r#""reason":{"type":"validation","code":"unauthorized","message":"no","retryable":false},"#
            + r#""status":"{\"status\":\"open\"}"}"#
    );
}

#[wasm_bindgen_test]
fn what_is_not_known_of_an_update_is_absent() {
    assert_eq!(
        plain::update(&Update::default()),
        r#"{"phase":"idle","files":[],"groups":[],"#.to_owned()
            + r#""progress":{"total":0,"completed":0,"failed":0,"cancelled":0,"bytes":0,"sentBytes":0,"totalBytes":0,"basis":"files"}}"#
    );
}
