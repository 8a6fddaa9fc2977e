//! After the upload: the batch is followed until it is processed.

mod common;

use cloudindex_engine::config::Tracking;
use cloudindex_engine::*;
use common::*;

/// How a batch of one file stands.
fn standing(id: &str, status: &str, processed: u64) -> String {
    let id = format!(r#""id":"{id}""#);
    BATCH
        .replace(r#""id":"b""#, &id)
        .replace("open", status)
        .replace(r#""totalFiles":0"#, r#""totalFiles":1"#)
        .replace(r#""processedFiles":0"#, &format!(r#""processedFiles":{processed}"#))
}

/// One file is uploaded, its batch is followed, and the server works on it.
fn following() -> Rig {
    let mut rig = Rig::new(Config { tracking: Tracking::Follow, status_interval: 5000, ..config() });
    rig.drop_files(&small(1));
    while rig.phase != Phase::Following {
        rig.serve();
        rig.pass(200);
    }
    assert_eq!(rig.sent[0].1.url, "/v1/batches/b");
    rig.reply(200, &standing("b", "processing", 0));
    rig
}

#[test]
fn what_the_server_tells_unasked_spares_asking() {
    let mut rig = following();
    for _ in 0..10 {
        rig.pass(4000);
        rig.input(Input::Status(standing("b", "processing", 0)));
    }
    assert_eq!(rig.sent, []);
    // Nothing comes any more: it asks. What comes all the same while it waits for the answer ends it.
    rig.pass(5000);
    assert_eq!((rig.sent.len(), rig.phase), (1, Phase::Following));
    rig.input(Input::Status(standing("b", "completed", 1)));
    rig.pass(100);
    assert_eq!(rig.phase, Phase::Complete);
    rig.reply(200, &standing("b", "processing", 0));
    rig.pass(60_000);
    assert_eq!((rig.sent.len(), rig.phase), (0, Phase::Complete));
}

#[test]
fn words_of_another_batch_or_of_none_are_no_news() {
    let mut rig = following();
    for words in [standing("other", "completed", 1), "{}".into(), "<html>".into(), String::new()] {
        rig.input(Input::Status(words));
    }
    rig.pass(4000);
    assert_eq!((rig.sent.len(), rig.phase), (0, Phase::Following));
    rig.pass(1000);
    assert_eq!(rig.sent.len(), 1, "and put nothing off");
    // Before there is anything to follow, too.
    let mut rig = Rig::new(Config { tracking: Tracking::Follow, ..config() });
    rig.input(Input::Status(standing("b", "completed", 1)));
    assert_eq!(rig.phase, Phase::Idle);
    rig.drop_files(&small(1));
    rig.serve();
    assert_ne!(rig.phase, Phase::Complete);
}
