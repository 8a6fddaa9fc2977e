//! The engine as JavaScript drives it: an input a method, and what it then wants of its hands.

use crate::rig::{eval, get, set};
use cloudindex_engine::blocks::digest;
use cloudindex_uploader::core::Core;
use cloudindex_uploader::cutting::Cutting;
use cloudindex_uploader::hands::Hands;
use cloudindex_uploader::options::{Files, Options};
use js_sys::{Array, JSON, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

/// Hands that remember: each call by its name and what it was given, bytes as text.
const HANDS: &str = "(() => {
    const calls = [];
    const plain = (value) => value instanceof Uint8Array ? new TextDecoder().decode(value.slice()) : value;
    const known = { calls, time: 1000, now: () => known.time };
    return new Proxy(known, { get: (_, name) => known[name] ?? ((...given) => { calls.push([name, ...given.map(plain)]); }) });
})()";

/// What the server says of a new batch; it takes gzip.
const BATCH: &str = r#"{"id":"b","limits":{},"batchId":"b","status":"open","totalFiles":0,"processedFiles":0,"failedFiles":0,
    "progressPercentage":0,"bytes":0,"startedAt":null,"estimatedCompletion":null,
    "caps":{"bundleBytes":8388608,"blockBytes":4194304,"bundleDocuments":1000,"encodings":["gzip"],"digest":"blake3-256"}}"#;

struct Rig {
    core: Core,
    hands: JsValue,
}

impl Rig {
    fn new() -> Self {
        Rig::with(|_| {})
    }

    /// With more words than where the server is and who asks.
    fn with(more: impl Fn(&mut Options)) -> Self {
        let mut options = Options::new();
        text(&mut options, "baseUrl", "https://x.test");
        text(&mut options, "apiKey", "k");
        more(&mut options);
        let hands = eval(HANDS);
        let core = Core::new(options, hands.clone().unchecked_into::<Hands>(), 1_700_000_000_000.0, 7.0);
        Rig { core: core.expect("good options"), hands }
    }

    /// As `with`, and the server has opened a batch for one file, which is to be read.
    fn opened(more: impl Fn(&mut Options)) -> Self {
        let mut rig = Rig::with(more);
        rig.core.found(row("a"));
        rig.say("walked");
        rig.reply(1, 201, BATCH);
        rig.told();
        rig
    }

    fn say(&mut self, word: &str) {
        self.tell(word, 0.0, "");
    }

    fn tell(&mut self, word: &str, id: f64, text: &str) {
        assert!(self.core.say(word, id, text.to_owned()), "{word}");
    }

    fn reply(&mut self, attempt: u32, status: u16, body: &str) {
        self.core.reply(attempt.into(), status, None, body.as_bytes().to_vec());
    }

    /// File 0 was read, all of it.
    fn read(&mut self, bytes: &[u8]) {
        let names = cutting().name(&Uint8Array::from(bytes), &[bytes.len() as u32]);
        self.core.cut(0, &names, bytes.len() as f64, f64::NAN, true);
    }

    /// The server, asked by attempt 2, does not have the one block of file 0.
    fn lacks(&mut self, bytes: &[u8]) {
        let missing = digest(bytes);
        let answer =
            format!(r#"{{"documents":[{{"path":"a","status":"incomplete","missing":["{missing}"]}}],"blocks":[]}}"#);
        self.reply(2, 200, &answer);
    }

    /// What the hands were told since this was asked last, each as JSON. Updates come when their time has come.
    fn told(&mut self) -> Vec<String> {
        self.later(100.0);
        let calls: Array = get(&self.hands, "calls").unchecked_into();
        let told = calls.iter().map(|call| JSON::stringify(&call).expect("JSON").into()).collect();
        calls.set_length(0);
        told
    }

    fn later(&mut self, millis: f64) {
        let time = get(&self.hands, "time").as_f64().expect("a time");
        set(&self.hands, "time", &(time + millis).into());
        self.say("wake");
    }

    /// Calls that begin like these were told, in this order.
    fn told_in_order(&mut self, expected: &[&str]) {
        let told = self.told();
        let mut rest = told.iter();
        for expected in expected {
            assert!(rest.any(|call| call.starts_with(expected)), "no {expected} in its place: {told:#?}");
        }
    }
}

fn text(options: &mut Options, path: &str, text: &str) {
    options.word(path.to_owned(), "string", f64::NAN, text.to_owned());
}

fn number(options: &mut Options, path: &str, number: f64) {
    options.word(path.to_owned(), "number", number, String::new());
}

fn row(path: &str) -> Files {
    let mut files = Files::new();
    files.add(path.to_owned(), String::new(), f64::NAN, f64::NAN, None, None, None);
    files
}

fn cutting() -> Cutting {
    Cutting::new(Options::new()).expect("good options")
}

#[wasm_bindgen_test]
fn an_upload_is_told_to_its_hands() {
    let mut rig = Rig::new();
    rig.told();
    assert_eq!(rig.core.wake_at(), f64::INFINITY);
    rig.core.found(row("a"));
    rig.say("walked");
    rig.told_in_order(&[
        r#"["read",0,1048577]"#,
        r#"["bytes","{}"]"#,
        r#"["header","Authorization","Bearer k"]"#,
        r#"["header","Content-Type","application/json"]"#,
        r#"["send",1,"POST","https://x.test/v1/batches",false]"#,
        r#"["update","{\"phase\":\"running\""#,
    ]);
    assert!(rig.core.wake_at().is_finite(), "an answer is waited for");
    rig.reply(1, 201, BATCH);
    rig.told();
    rig.read(b"hello");
    let name = digest(b"hello").to_string();
    let told = rig.told();
    assert!(told[0].starts_with(r#"["bytes","--cloudindex-"#) && told[0].contains(&name), "{told:#?}");
    assert!(told.iter().any(|call| call == r#"["send",2,"POST","https://x.test/v1/batches/b/documents",false]"#));
    let answer = r#"{"documents":[{"path":"a","status":"committed","id":"d"}],"blocks":[]}"#;
    rig.reply(2, 200, answer);
    rig.told_in_order(&[
        r#"["forget",0,0,1]"#,
        r#"["header","Authorization","Bearer k"]"#,
        r#"["send",3,"POST","https://x.test/v1/batches/b/complete",false]"#,
        r#"["update","{\"phase\":\"running\""#,
    ]);
    rig.reply(3, 200, BATCH);
    let told = rig.told();
    assert!(told[0].starts_with(r#"["update","{\"phase\":\"complete\""#), "{told:#?}");
    assert!(told[0].ends_with(",0,null,100]"), "not whole or not known: {told:#?}");
}

#[wasm_bindgen_test]
fn what_needs_no_more_words_is_one() {
    let mut rig = Rig::new();
    for word in ["wake", "walked", "pause", "resume", "online", "offline", "journalBusy", "discard", "cancel"] {
        rig.say(word);
    }
    rig.told();
    for odd in ["", "Wake", "wake ", "found", "left"] {
        assert!(!rig.core.say(odd, 0.0, String::new()), "{odd}");
    }
    assert_eq!(rig.told(), [""; 0], "nothing came of it");
}

#[wasm_bindgen_test]
fn names_come_to_the_engine_as_they_were_cut() {
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut cutting = cutting();
    let mut rig = Rig::opened(|_| {});
    let (mut read, mut names) = (0, Vec::new());
    for slice in bytes.chunks(2_000_000) {
        read += slice.len();
        let ended = read == bytes.len();
        let cut = cutting.cut(&Uint8Array::from(slice), ended);
        let size = if ended { f64::NAN } else { bytes.len() as f64 };
        rig.core.cut(0, &cut, read as f64, size, ended);
        names.extend(cut);
    }
    let blocks: Vec<&[u8]> = names.chunks(37).collect();
    let lengths: Vec<u32> =
        blocks.iter().map(|name| u32::from_le_bytes(name[..4].try_into().expect("four bytes"))).collect();
    assert_eq!(lengths.iter().sum::<u32>(), 5_000_000);
    assert_eq!(cutting.name(&Uint8Array::from(&bytes[..]), &lengths), names, "together as one by one");
    let mut rest = &bytes[..];
    let told = rig.told().concat();
    for length in lengths {
        let (block, after) = rest.split_at(length as usize);
        rest = after;
        assert!(told.contains(&digest(block).to_string()), "a block of {length} bytes is not sent by its name");
    }
}

#[wasm_bindgen_test]
fn what_the_server_lacks_is_sent_from_where_it_is_kept() {
    let mut rig = Rig::opened(|_| {});
    rig.read(b"hello");
    rig.told();
    rig.lacks(b"hello");
    let told = rig.told();
    let at = told.iter().position(|call| call == r#"["block",0,0]"#).unwrap_or_else(|| panic!("no block: {told:#?}"));
    assert!(
        told[at - 1].starts_with(r#"["bytes","--"#) && told[at + 1].starts_with(r#"["bytes","\r\n--"#),
        "{told:#?}"
    );
    assert!(told[at..].iter().any(|call| call.starts_with(r#"["send",3,"POST""#)), "{told:#?}");
}

#[wasm_bindgen_test]
fn lengths_that_are_not_true_name_what_is_there() {
    let mut cutting = cutting();
    let bytes = Uint8Array::from(&b"abc"[..]);
    assert_eq!(cutting.name(&bytes, &[3, 1]).len(), 37);
    assert_eq!(cutting.name(&bytes, &[4]).len(), 0);
    assert_eq!(cutting.cut(&Uint8Array::new_with_length(0), true).len(), 0, "an empty file has no blocks");
}

#[wasm_bindgen_test]
fn what_is_under_way_is_called_off() {
    let mut rig = Rig::new();
    rig.core.found(row("a"));
    rig.say("walked");
    rig.told();
    rig.say("pause");
    rig.told_in_order(&[r#"["abort",1]"#, r#"["update","{\"phase\":\"paused\""#]);
    rig.say("resume");
    rig.told_in_order(&[r#"["send",2,"#, r#"["update","{\"phase\":\"running\""#]);
    assert!(rig.core.files("remove", vec![0]));
    rig.told_in_order(&[r#"["stop",0]"#, r#"["abort",2]"#, r#"["update","{\"phase\":\"complete\""#]);
    rig.core.found(row("b"));
    rig.say("cancel");
    rig.told_in_order(&[r#"["update","{\"phase\":\"cancelled\""#]);
}

#[wasm_bindgen_test]
fn files_are_set_aside_and_taken_up() {
    let mut rig = Rig::opened(|_| {});
    assert!(rig.core.files("pause", vec![0]));
    rig.told_in_order(&[r#"["stop",0]"#, r#"["update","{\"phase\":\"paused\""#]);
    assert!(rig.core.files("resume", vec![0]));
    rig.told_in_order(&[r#"["read",0,"#, r#"["update","{\"phase\":\"running\""#]);
}

#[wasm_bindgen_test]
fn a_file_that_can_not_be_read_may_be_tried_again() {
    let mut rig = Rig::opened(|_| {});
    rig.tell("unreadable", 0.0, "gone");
    let told = rig.told().concat();
    assert!(told.contains("file_unreadable") && told.contains("(gone)"), "{told}");
    assert!(rig.core.files("retry", vec![0]) && !rig.core.files("lose", vec![0]));
    rig.told_in_order(&[r#"["read",0,"#]);
}

#[wasm_bindgen_test]
fn sizes_are_asked_for_and_a_walk_that_is_far_ahead_waits() {
    let mut rig = Rig::with(|options| number(options, "maxBatchBytes", 1e9));
    rig.core.found(row("a"));
    rig.say("walked");
    rig.told_in_order(&[r#"["size",0]"#]);
    rig.core.sized(0, 5.0, f64::NAN);
    rig.told_in_order(&[r#"["read",0,"#]);
    let mut many = Files::new();
    for n in 0..20_000 {
        many.add(n.to_string(), String::new(), 1.0, 2.0, None, None, None);
    }
    rig.core.found(many);
    rig.told_in_order(&[r#"["walk",false]"#]);
    rig.say("cancel");
    rig.told_in_order(&[r#"["walk",true]"#]);
}

#[wasm_bindgen_test]
fn what_is_told_of_an_attempt_that_is_over_is_nothing() {
    let mut rig = Rig::opened(|_| {});
    rig.told();
    for attempt in [1, 99] {
        rig.reply(attempt, 500, "");
        rig.core.packed(attempt.into(), f64::NAN);
        rig.tell("noReply", attempt.into(), "late");
    }
    assert_eq!(rig.told(), [""; 0]);
}

#[wasm_bindgen_test]
fn calls_are_answered_and_tokens_asked_for() {
    let mut rig = Rig::with(|options| assert!(options.word("refresh".to_owned(), "boolean", 1.0, String::new())));
    rig.told();
    assert!(!rig.core.call(1, "PATCH", "/x".to_owned(), None));
    assert_eq!(rig.told(), [""; 0]);
    assert!(rig.core.call(2, "POST", "/v1/batches".to_owned(), Some("{}".to_owned())));
    rig.told_in_order(&[r#"["bytes","{}"]"#, r#"["send",1,"POST","https://x.test/v1/batches",false]"#]);
    rig.reply(1, 401, "");
    rig.told_in_order(&[r#"["refresh"]"#]);
    rig.tell("token", 0.0, "new");
    rig.told_in_order(&[r#"["header","Authorization","Bearer new"]"#, r#"["send",2,"#]);
    rig.core.reply(2.0, 429, Some("3".to_owned()), Vec::new());
    rig.later(2_800.0);
    assert_eq!(rig.told().iter().find(|call| call.contains("send")), None, "not before the time that the server wants");
    rig.later(10_000.0);
    rig.told_in_order(&[r#"["send",3,"POST","#]);
    rig.reply(3, 200, r#"{"id":"b"}"#);
    rig.told_in_order(&[r#"["answer",2,true,"{\"id\":\"b\"}"]"#]);

    rig.core.call(3, "GET", "/x".to_owned(), None);
    rig.reply(4, 401, "");
    rig.tell("noToken", 0.0, "signed out");
    rig.told_in_order(&[r#"["refresh"]"#, r#"["answer",3,false,"{\"type\":"#]);
}

#[wasm_bindgen_test]
fn where_no_reply_comes_it_is_tried_again() {
    let mut rig = Rig::new();
    rig.core.call(1, "GET", "/x".to_owned(), None);
    rig.tell("noReply", 1.0, "TypeError: gone");
    assert!(rig.core.wake_at().is_finite());
    rig.later(120_000.0);
    rig.told_in_order(&[r#"["send",2,"GET","https://x.test/x",false]"#]);
}

/// With a journal of its own.
fn resumed() -> Rig {
    Rig::with(|options| text(options, "resume", "mine"))
}

#[wasm_bindgen_test]
fn a_journal_is_opened_written_and_closed() {
    let mut rig = resumed();
    rig.tell("folder", 0.0, "dir");
    rig.core.found(row("dir/a"));
    rig.say("walked");
    rig.told_in_order(&[r#"["openJournal"]"#]);
    rig.say("journalBusy");
    rig.told_in_order(&[r#"["folder",false]"#, r#"["update","{\"phase\":\"stalled\""#]);
    rig.core.journal_opened(&[], &[]);
    rig.told_in_order(&[r#"["forgetRoots"]"#, r#"["read",0,"#, r#"["send",1,"#]);
    rig.reply(1, 201, BATCH);
    rig.told_in_order(&[r#"["record","CIJ2"#]);
    assert!(rig.core.files("remove", vec![0]));
    rig.told_in_order(&[
        r#"["stop",0]"#,
        r#"["record","CIJ2"#,
        r#"["closeJournal",true]"#,
        r#"["update","{\"phase\":\"complete\""#,
    ]);
}

#[wasm_bindgen_test]
fn a_journal_may_be_strange_lost_or_discarded() {
    let mut rig = resumed();
    rig.core.found(row("a"));
    rig.core.journal_opened(b"strange", &[7]);
    rig.told_in_order(&[r#"["openJournal"]"#, r#"["rewrite","CIJ2"#]);
    let mut rig = resumed();
    rig.core.found(row("a"));
    rig.tell("journalLost", 0.0, "gone");
    rig.say("walked");
    rig.told_in_order(&[r#"["openJournal"]"#, r#"["read",0,"#]);
    let mut rig = resumed();
    rig.say("discard");
    rig.told_in_order(&[r#"["openJournal"]"#]);
    let record = [&b"CIJ2\x01"[..], &[0x80, 0x90, 0xf1, 0x86, 0xbd, 0x31], b"\x01B"].concat();
    rig.core.journal_opened(&record, &[record.len() as u32]);
    rig.told_in_order(&[r#"["forgetRoots"]"#, r#"["record","CIJ2"#, r#"["closeJournal",true]"#]);
}

#[wasm_bindgen_test]
fn a_known_folder_is_looked_at_and_its_files_opened() {
    let mut rig = resumed();
    rig.tell("folder", 0.0, "dir");
    rig.core.journal_opened(&[], &[]);
    rig.told_in_order(&[r#"["folder",false]"#]);
    let mut files = Files::new();
    files.add("dir/a".to_owned(), String::new(), 5.0, 7.0, Some("{}".to_owned()), Some("g".to_owned()), None);
    files.add("dir/b".to_owned(), String::new(), f64::NAN, f64::NAN, None, None, Some("locked".to_owned()));
    rig.core.found(files);
    rig.core.opened(0, 6.0, 8.0, "text/plain".to_owned());
    rig.say("walked");
    let told = rig.told().concat();
    assert!(told.contains("(locked)") && told.contains(r#"["read",0,"#), "{told}");
}

#[wasm_bindgen_test]
fn wrong_options_make_no_engine() {
    let wrong = || {
        let mut options = Options::new();
        number(&mut options, "concurency", 3.0);
        options
    };
    let hands = eval(HANDS).unchecked_into::<Hands>();
    assert!(Core::new(wrong(), hands, 0.0, 0.0).err().is_some_and(|failure| failure.contains("“concurency”")));
    assert!(Cutting::new(wrong()).err().is_some_and(|failure| failure.contains("“concurency”")));
}
