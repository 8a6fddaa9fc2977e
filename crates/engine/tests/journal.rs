//! What outlives the page: the same files go on where the server's acks end.

mod common;

use cloudindex_engine::config::{Ask, GroupBy};
use cloudindex_engine::journal::unfinished;
use cloudindex_engine::*;
use common::*;
use serde_json::json;
use std::collections::BTreeSet;

const EPOCH: u64 = 1_790_000_000_000;

fn journalled() -> Config {
    Config { journal: Some("j".into()), epoch: EPOCH, ask: Ask::WhileItPays, bundle_bytes: 400, ..config() }
}

/// A page whose files are known by size and time, with the journal and the server of another.
fn page(config: Config, before: Option<Rig>) -> Rig {
    let mut rig = Rig::new(config);
    rig.times = Some(EPOCH - 60_001);
    if let Some(before) = before {
        (rig.journal, rig.held) = (before.journal, before.held);
    }
    rig
}

/// A page that dies when the server has acked `requests` bundles.
fn torn(files: &[Vec<u8>], requests: usize) -> Rig {
    torn_of(EPOCH - 60_001, files, requests)
}

/// The same with files of this time.
fn torn_of(time: u64, files: &[Vec<u8>], requests: usize) -> Rig {
    let mut rig = page(Config { concurrency: 1, ..journalled() }, None);
    rig.times = Some(time);
    rig.drop_files(files);
    rig.open_journal();
    let mut acked = 0;
    while acked < requests {
        rig.pass(70);
        acked += usize::from(!rig.sent.is_empty() && !digests(&rig.sent[0].1).is_empty());
        rig.serve();
    }
    rig
}

#[test]
fn nothing_is_read_or_sent_before_the_journal_is_there() {
    let mut rig = page(journalled(), None);
    rig.drop_files(&small(3));
    rig.pass(5000);
    assert!(rig.reads.is_empty() && rig.sent.is_empty());
    rig.input(Input::JournalBusy);
    rig.pass(5000);
    assert_eq!((rig.phase, rig.reads.len()), (Phase::Stalled, 0));
    rig.open_journal();
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
    assert_eq!((rig.phase, rig.left), (Phase::Complete, Some(Leave::Nothing)));
    assert_eq!(unfinished(&rig.journal, EPOCH, 1 << 40), None);
}

#[test]
fn without_a_journal_the_upload_goes_on() {
    for opened in [false, true] {
        let mut rig = page(journalled(), None);
        rig.drop_files(&small(3));
        if opened {
            rig.open_journal();
        }
        rig.input(Input::JournalLost { reason: "QuotaExceededError".into() });
        rig.serve_all();
        assert!(rig.all(FileState::Committed));
        assert_eq!(rig.left, opened.then_some(Leave::Nothing), "what was taken is let go");
    }
}

#[test]
fn the_next_page_goes_on_in_the_same_batch_and_reads_only_what_was_not_acked() {
    let before = torn(&small(30), 8);
    let left = unfinished(&before.journal, EPOCH, 1 << 40).unwrap();
    let acked = before.engine.progress().completed;
    assert!(acked > 3 && acked < 25, "{acked}");
    assert_eq!((&*left.batch, left.since, left.found), ("b", EPOCH + 70, 30));
    assert!(left.arrived >= acked && left.bytes > 0);

    let mut rig = page(journalled(), Some(before));
    rig.drop_files(&small(30));
    rig.open_journal();
    let urls = rig.serve_all();
    assert_eq!((&*urls[0], &*urls[urls.len() - 1]), ("/v1/batches/b", "/v1/batches/b/complete"));
    assert!(rig.all(FileState::Committed));
    assert_eq!(rig.reads.len() as u64, 30 - left.arrived);
    let sent: u64 = rig.reads.iter().map(|id| rig.files[*id as usize].len() as u64).sum();
    assert_eq!((rig.taken, rig.progress.sent_bytes), (sent, sent));
    assert_eq!((rig.left, unfinished(&rig.journal, EPOCH, 1 << 40)), (Some(Leave::Nothing), None));
}

#[test]
fn files_whose_size_and_time_are_not_known_are_asked_for_them_only_where_the_journal_knows_the_path() {
    let mut before = page(journalled(), None);
    before.drop_files(&small(5));
    before.open_journal();
    before.serve_all();
    let mut rig = page(journalled(), Some(before));
    rig.files = small(7);
    let found = |n| Found { path: format!("f/{n}"), ..Found::default() };
    rig.input(Input::Found((0..7).map(found).collect()));
    rig.input(Input::IntakeEnded);
    rig.open_journal();
    rig.serve_all();
    assert_eq!((rig.reads.clone(), rig.all(FileState::Committed)), (vec![5, 6], true));
}

#[test]
fn a_walk_hears_of_its_folders_when_the_journal_is_there() {
    let mut before = page(journalled(), None);
    before.drop_files(&small(3));
    before.open_journal();
    before.serve_all();
    let mut rig = page(journalled(), Some(before));
    for folder in ["f", "g", ""] {
        rig.input(Input::Folder(folder.into()));
    }
    assert!(rig.folders.is_empty());
    rig.open_journal();
    assert_eq!(rig.folders, [Recall::Known, Recall::New, Recall::New]);
    rig.drop_files(&small(3));
    rig.serve_all();
    assert_eq!((rig.reads.len(), rig.all(FileState::Committed)), (0, true));
}

#[test]
fn a_walk_does_not_wait_for_a_journal_that_is_busy_lost_or_not_wanted() {
    for way in 0..4 {
        let config = if way == 0 { config() } else { journalled() };
        let mut rig = page(config, None);
        rig.input(Input::Folder("f".into()));
        match way {
            0 => {}
            1 => rig.input(Input::JournalBusy),
            2 => rig.input(Input::JournalLost { reason: "SecurityError".into() }),
            _ => rig.input(Input::Cancel),
        }
        assert_eq!(rig.folders, [Recall::New], "{way}");
    }
}

#[test]
fn who_groups_by_type_must_see_the_files() {
    let mut before = page(journalled(), None);
    before.drop_files(&small(3));
    before.open_journal();
    before.serve_all();
    let mut rig = page(Config { group_by: GroupBy::Type, ..journalled() }, Some(before));
    rig.input(Input::Folder("f".into()));
    rig.open_journal();
    assert_eq!(rig.folders, [Recall::New]);
}

#[test]
fn the_type_of_a_file_that_was_not_opened_is_what_it_was_before() {
    let html = |n: u8| Found {
        path: format!("f/{n}.html"),
        media_type: "text/html".into(),
        size: Some(10),
        last_modified: Some(EPOCH - 60_001),
        ..Found::default()
    };
    let mut before = page(journalled(), None);
    before.files = vec![vec![1; 10]];
    before.input(Input::Found(vec![html(0)]));
    before.input(Input::IntakeEnded);
    before.open_journal();
    before.serve_all();
    let mut rig = page(journalled(), Some(before));
    rig.files = vec![vec![1; 10], vec![2; 10]];
    rig.input(Input::Folder("f".into()));
    rig.open_journal();
    rig.input(Input::Found([0, 1].map(|n| Found { media_type: String::new(), ..html(n) }).to_vec()));
    rig.input(Input::Opened { file: 1, size: 10, last_modified: EPOCH - 60_001, media_type: "text/html".into() });
    rig.input(Input::IntakeEnded);
    let mut types = BTreeSet::new();
    rig.pass(200);
    while !rig.sent.is_empty() {
        let documents = manifest(&rig.sent[0].1)["documents"].as_array().cloned().unwrap_or_default();
        types.extend(documents.iter().map(|document| format!("{} {}", document["path"], document["type"])));
        rig.serve();
        rig.pass(200);
    }
    assert!(rig.all(FileState::Committed));
    let html = [0, 1].map(|n| format!("\"f/{n}.html\" \"text/html\""));
    assert_eq!(types, BTreeSet::from(html));
}

#[test]
fn a_file_that_changed_after_it_was_looked_at_is_read_when_it_is_tried_again() {
    let mut before = page(journalled(), None);
    before.drop_files(&small(3));
    before.open_journal();
    before.serve_all();
    let mut rig = page(journalled(), Some(before));
    rig.input(Input::Folder("f".into()));
    rig.open_journal();
    rig.drop_files(&small(3));
    rig.input(Input::Remove(vec![1]));
    rig.files[1] = vec![99; rig.files[1].len()];
    rig.times = Some(EPOCH - 50_001);
    rig.input(Input::Retry(vec![1]));
    rig.serve_all();
    assert_eq!((rig.reads.clone(), rig.all(FileState::Committed)), (vec![1], true));
}

#[test]
fn a_file_has_the_time_that_it_was_opened_with() {
    let mut rig = page(Config { ask: Ask::Never, ..journalled() }, None);
    rig.files = vec![vec![7; 10]];
    let looked = Found { path: "f/9".into(), size: Some(10), last_modified: Some(EPOCH - 60_001), ..Found::default() };
    rig.input(Input::Found(vec![looked]));
    rig.open_journal();
    rig.input(Input::Opened { file: 0, size: 10, last_modified: EPOCH - 50_001, media_type: String::new() });
    rig.input(Input::IntakeEnded);
    rig.pass(200);
    rig.serve();
    rig.pass(200);
    let document = &manifest(&rig.sent[0].1)["documents"][0];
    assert_eq!((&document["path"], &document["lastModified"]), (&json!("f/9"), &json!(EPOCH - 50_001)));
}

#[test]
fn of_an_upload_that_was_broken_off_early_no_folder_is_known() {
    let before = torn(&small(30), 2);
    let mut rig = page(journalled(), Some(before));
    rig.input(Input::Folder("f".into()));
    rig.open_journal();
    assert_eq!(rig.folders, [Recall::New]);
}

#[test]
fn a_file_that_changed_between_is_read() {
    let mut before = page(journalled(), None);
    before.drop_files(&small(3));
    before.open_journal();
    before.serve_all();
    let mut rig = page(journalled(), Some(before));
    rig.times = Some(EPOCH - 50_001);
    rig.drop_files(&small(3));
    rig.open_journal();
    rig.serve_all();
    assert_eq!((rig.reads.len(), rig.taken, rig.all(FileState::Committed)), (3, 0, true));
}

#[test]
fn the_servers_word_counts_not_the_journals() {
    let mut before = page(journalled(), None);
    before.drop_files(&small(3));
    before.open_journal();
    before.serve_all();
    before.held.clear();
    let mut rig = page(journalled(), Some(before));
    rig.drop_files(&small(3));
    rig.open_journal();
    rig.serve_all();
    assert_eq!((rig.reads.len(), rig.taken, rig.all(FileState::Committed)), (3, 33, true));
}

#[test]
fn a_file_that_is_not_what_the_journal_says_is_uploaded_as_it_is() {
    let (mut files, mut before) = (vec![noise(9 * KIB), vec![1; 700]], page(journalled(), None));
    before.drop_files(&files);
    before.open_journal();
    before.serve_all();
    before.held.clear();
    // Another content under the same size and time: the journal can't know, but once it is read it shows.
    files[0][8000] ^= 1;
    files[1][5] ^= 1;
    let mut rig = page(journalled(), Some(before));
    rig.drop_files(&files);
    rig.open_journal();
    rig.serve_all();
    assert!(rig.all(FileState::Committed), "{:?}", rig.errors);
    assert_eq!(rig.progress.sent_bytes, 9 * KIB as u64 + 700);
}

#[test]
fn times_that_would_not_tell_a_change_are_no_proof() {
    // Written a moment ago; and whole seconds, as all files of a package have them.
    for time in [EPOCH - 50, 499_162_500_000] {
        let mut before = page(journalled(), None);
        before.times = Some(time);
        before.drop_files(&small(2));
        before.open_journal();
        before.serve_all();
        let mut rig = page(Config { epoch: EPOCH + 60_000, ..journalled() }, Some(before));
        rig.times = Some(time);
        rig.drop_files(&small(2));
        rig.open_journal();
        rig.serve_all();
        assert_eq!((rig.reads.len(), rig.taken), (2, 0));
    }
}

#[test]
fn the_next_page_hears_how_much_had_arrived_of_files_whose_times_are_no_proof() {
    // Whole seconds: WebKit knows no others, of any file.
    let before = torn_of(EPOCH - 60_000, &small(30), 8);
    let left = unfinished(&before.journal, EPOCH, 1 << 40).unwrap();
    let acked = before.engine.progress().completed;
    assert!(acked > 3 && acked < 25, "{acked}");
    assert_eq!(left.found, 30);
    assert!(left.arrived >= acked && left.bytes > 0, "{left:?}, and {acked} arrived");
}

#[test]
fn a_part_of_the_files_leaves_the_batch_open_for_the_rest_and_more_files_join() {
    let mut rig = page(journalled(), Some(torn(&small(20), 1)));
    rig.drop_files(&small(12));
    rig.open_journal();
    let urls = rig.serve_all();
    assert!(!urls.iter().any(|url| url.ends_with("/complete")), "{urls:?}");
    assert_eq!((rig.phase, rig.left), (Phase::Complete, Some(Leave::Unfinished)));
    let left = unfinished(&rig.journal, EPOCH, 1 << 40).unwrap();
    assert_eq!((&*left.batch, left.found, left.arrived), ("b", 20, 12));

    let mut rig = page(journalled(), Some(rig));
    rig.drop_files(&small(25));
    rig.open_journal();
    let urls = rig.serve_all();
    assert!(urls[0] == "/v1/batches/b" && urls[urls.len() - 1].ends_with("/complete"), "{urls:?}");
    assert!(rig.all(FileState::Committed));
    assert_eq!(rig.left, Some(Leave::Nothing));
}

#[test]
fn discarded_the_next_batch_is_a_new_one_but_nothing_is_sent_twice() {
    for early in [true, false] {
        let mut rig = page(journalled(), Some(torn(&small(10), 1)));
        if early {
            rig.input(Input::Discard);
            rig.open_journal();
            assert_eq!((rig.left, unfinished(&rig.journal, EPOCH, 1 << 40)), (Some(Leave::Nothing), None));
        }
        rig.drop_files(&small(10));
        if !early {
            rig.input(Input::Discard);
        }
        rig.open_journal();
        assert_eq!(rig.serve(), "/v1/batches");
        rig.serve_all();
        assert!(rig.all(FileState::Committed) && rig.reads.len() < 10);
    }
}

#[test]
fn a_batch_that_is_gone_or_closed_is_followed_by_a_new_one() {
    let closed = BATCH.replace("\"open\"", "\"completed\"");
    for (status, body) in [(404, r#"{"code":"batch_not_found","detail":"no"}"#), (200, &*closed)] {
        let mut rig = page(journalled(), Some(torn(&small(10), 1)));
        rig.drop_files(&small(10));
        rig.open_journal();
        assert_eq!(rig.sent[0].1.url, "/v1/batches/b");
        rig.reply(status, body);
        let urls = rig.serve_all();
        assert_eq!(urls[0], "/v1/batches");
        assert!(rig.all(FileState::Committed), "{:?}", rig.errors);
    }
}

#[test]
fn what_is_too_old_counts_for_nothing() {
    let mut rig = page(Config { journal_life: 1000, epoch: EPOCH + 5000, ..journalled() }, Some(torn(&small(10), 1)));
    rig.drop_files(&small(10));
    rig.open_journal();
    assert_eq!(rig.serve_all()[0], "/v1/batches");
    assert!(rig.all(FileState::Committed));
    assert_eq!(rig.reads.len(), 10);
}

#[test]
fn a_retry_and_a_second_upload_open_the_journal_again() {
    let mut rig = page(journalled(), None);
    rig.drop_files(&small(2));
    rig.open_journal();
    rig.serve();
    rig.pass(100);
    while rig.phase != Phase::Complete {
        rig.reply(403, "");
        rig.pass(100);
    }
    assert_eq!((rig.left, rig.has_journal), (Some(Leave::Unfinished), false));
    rig.input(Input::Retry(vec![]));
    rig.pass(1000);
    assert!(rig.sent.is_empty(), "the journal comes first");
    rig.open_journal();
    rig.serve_all();
    assert_eq!((rig.all(FileState::Committed), rig.left), (true, Some(Leave::Nothing)));
}

#[test]
fn a_cancel_before_the_batch_is_open_leaves_what_an_earlier_page_left() {
    for busy in [false, true] {
        let mut rig = page(journalled(), Some(torn(&small(30), 8)));
        rig.drop_files(&small(3));
        if busy {
            rig.input(Input::JournalBusy);
        }
        rig.input(Input::Cancel);
        rig.pass(100);
        assert_eq!(rig.left, Some(Leave::Unfinished), "let go at once");
        rig.open_journal();
        assert_eq!(unfinished(&rig.journal, EPOCH, 1 << 40).unwrap().batch, "b");
    }
}

#[test]
fn a_second_upload_to_a_batch_that_is_open_is_written_down_too() {
    let mut rig = page(Config { batch_id: Some("b".into()), ..journalled() }, None);
    rig.drop_files(&small(3));
    rig.open_journal();
    rig.serve_all();
    assert_eq!((rig.left, unfinished(&rig.journal, EPOCH, 1 << 40)), (Some(Leave::Nothing), None));
    rig.drop_files(&small(30));
    rig.open_journal();
    rig.pass(70);
    rig.serve();
    assert_eq!(unfinished(&rig.journal, EPOCH, 1 << 40).unwrap().batch, "b");
}

#[test]
fn an_answer_that_lacks_nothing_and_commits_nothing_does_not_stop_a_known_file() {
    let mut before = page(journalled(), None);
    before.drop_files(&small(1));
    before.open_journal();
    before.serve_all();
    let mut rig = page(journalled(), Some(before));
    rig.drop_files(&small(1));
    rig.open_journal();
    rig.serve();
    rig.pass(100);
    rig.reply(200, r#"{"documents":[{"path":"f/0","status":"incomplete","missing":[]}]}"#);
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
}

#[test]
fn a_discard_does_not_wait_for_another_page_to_leave() {
    let mut rig = page(journalled(), Some(torn(&small(10), 2)));
    rig.input(Input::Discard);
    rig.input(Input::JournalBusy);
    assert_eq!(rig.left, Some(Leave::Unfinished));
    rig.input(Input::Discard);
    rig.open_journal();
    assert_eq!((rig.left, unfinished(&rig.journal, EPOCH, 1 << 40)), (Some(Leave::Nothing), None));
}
