//! What the engine promises, one behaviour a test. The simulation (crates/sim) looks for what nobody thought of.

mod common;

use cloudindex_engine::error::codes;
use cloudindex_engine::*;
use common::*;

#[test]
fn small_files_go_in_one_bundle_and_our_batch_is_completed() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(20));
    assert_eq!(rig.serve_all(), ["/v1/batches", "/v1/batches/b/documents", "/v1/batches/b/complete"]);
    assert!(rig.all(FileState::Committed));
    assert_eq!(rig.phase, Phase::Complete);
    assert_eq!((rig.progress.completed, rig.progress.percent), (20, 100.0));
    let bytes: usize = rig.files.iter().map(Vec::len).sum();
    assert_eq!((rig.progress.bytes, rig.progress.total_bytes), (bytes as u64, bytes as u64));
}

#[test]
fn a_given_batch_is_asked_for_its_limits_and_left_open() {
    let mut rig = Rig::new(Config { batch_id: Some("b".into()), ..config() });
    rig.drop_files(&small(3));
    assert_eq!(rig.serve_all(), ["/v1/batches/b", "/v1/batches/b/documents"]);
    assert_eq!(rig.phase, Phase::Complete);
}

#[test]
fn an_empty_folder_is_complete_without_a_request() {
    let mut rig = Rig::new(config());
    rig.drop_files(&[]);
    rig.pass(100);
    assert_eq!(rig.phase, Phase::Complete);
    assert!(rig.sent.is_empty());
}

#[test]
fn empty_files_are_documents_without_blocks() {
    let mut rig = Rig::new(config());
    rig.drop_files(&[vec![], vec![]]);
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
    assert_eq!(rig.progress.percent, 100.0);
}

#[test]
fn a_large_file_goes_in_blocks_and_is_committed_last() {
    let mut rig = Rig::new(config());
    rig.drop_files(&[noise(200 * KIB)]);
    let urls = rig.serve_all();
    let blocks = urls.iter().filter(|url| url.ends_with("/blocks")).count();
    assert!(blocks > 5, "{urls:?}");
    assert!(urls[urls.len() - 2].ends_with("/documents"));
    assert!(rig.all(FileState::Committed));
}

#[test]
fn groups_are_full_and_each_starts_and_completes_once() {
    let mut rig = Rig::new(Config { batch_size: 8, ..config() });
    rig.drop_files(&small(20));
    rig.serve_all();
    let started: Vec<usize> = rig
        .groups
        .iter()
        .filter_map(|change| match change {
            GroupChange::Started { files, .. } => Some(files.len()),
            GroupChange::Completed { .. } => None,
        })
        .collect();
    assert_eq!((started, rig.groups.len()), (vec![8, 8, 4], 6));
}

#[test]
fn never_more_requests_than_the_cap() {
    let mut rig = Rig::new(Config { concurrency: 3, bundle_bytes: 200, ..config() });
    rig.drop_files(&small(60));
    while rig.phase != Phase::Complete {
        assert!(rig.sent.len() <= 3);
        if rig.sent.is_empty() {
            rig.pass(50);
        } else {
            rig.serve();
        }
    }
}

#[test]
fn the_servers_retry_after_wins() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(3));
    rig.serve();
    rig.reply_with(503, Some("7"), "");
    rig.pass(6_900);
    assert!(rig.sent.is_empty());
    assert_eq!(rig.phase, Phase::Stalled);
    rig.pass(200);
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
}

#[test]
fn a_fault_is_tried_again_as_often_as_allowed() {
    let mut rig = Rig::new(Config { attempts: 3, ..config() });
    rig.drop_files(&small(1));
    rig.serve();
    for _ in 0..3 {
        rig.pass(30_000);
        assert_eq!(rig.sent.len(), 1);
        rig.reply(500, "");
    }
    rig.pass(30_000);
    assert!(rig.all(FileState::Failed));
    let error = &rig.errors[&0];
    assert_eq!(
        (&*error.code, error.retryable, error.status, error.attempt),
        (codes::TEMPORARY_ERROR, true, Some(500), Some(3))
    );
}

#[test]
fn failed_files_can_be_tried_again_in_the_same_batch() {
    let mut rig = Rig::new(Config { attempts: 1, ..config() });
    rig.drop_files(&small(2));
    rig.serve();
    rig.reply(500, "");
    rig.pass(100);
    assert_eq!((rig.phase, rig.progress.failed), (Phase::Complete, 2));
    rig.input(Input::Retry(vec![]));
    assert_eq!(rig.serve_all(), ["/v1/batches/b/documents", "/v1/batches/b/complete"]);
    assert!(rig.all(FileState::Committed));
    assert_eq!((rig.progress.failed, rig.progress.completed), (0, 2));
}

#[test]
fn too_large_a_request_is_halved_and_the_lesson_kept() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(16));
    rig.serve();
    rig.reply(413, "");
    assert_eq!(rig.sent.iter().map(|(_, request)| paths(request).len()).collect::<Vec<_>>(), [8, 8]);
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
}

#[test]
fn a_poisoned_bundle_is_bisected_and_only_the_poison_fails() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(16));
    rig.serve();
    while rig.phase != Phase::Complete {
        if rig.sent.is_empty() {
            rig.pass(100);
        } else if rig.sent[0].1.url.ends_with("/documents") && paths(&rig.sent[0].1).contains(&"f/5".to_owned()) {
            rig.reply(422, "");
        } else {
            rig.serve();
        }
    }
    assert_eq!(rig.states[&5], FileState::Failed);
    assert_eq!((rig.progress.completed, rig.progress.failed), (15, 1));
}

#[test]
fn a_refusal_that_the_application_retries_still_fails_only_the_poison() {
    let mut rig = Rig::new(Config { attempts: 2, retryable: vec!["invalid_request".into()], ..config() });
    rig.drop_files(&small(8));
    rig.serve();
    while rig.phase != Phase::Complete {
        if rig.sent.is_empty() {
            rig.pass(100);
        } else if rig.sent[0].1.url.ends_with("/documents") && paths(&rig.sent[0].1).contains(&"f/5".to_owned()) {
            rig.reply(422, "");
        } else {
            rig.serve();
        }
    }
    assert_eq!((rig.progress.completed, rig.progress.failed), (7, 1));
}

#[test]
fn one_refresh_serves_all_and_a_second_refusal_is_final() {
    let mut rig = Rig::new(Config { refresh: config::Refresh::Ask, concurrency: 2, bundle_bytes: 200, ..config() });
    rig.drop_files(&small(8));
    rig.serve();
    assert_eq!(rig.sent.len(), 2);
    rig.reply(401, "");
    rig.reply(401, "");
    assert_eq!((rig.refreshes, rig.sent.len()), (1, 0));
    rig.input(Input::Token(Ok("new".into())));
    assert!(rig.sent.iter().all(|(_, request)| request.headers.contains(&("Authorization", "Bearer new".into()))));
    rig.reply(401, "");
    rig.pass(100);
    assert_eq!(rig.refreshes, 1);
    assert!(rig.all(FileState::Failed));
    assert!(rig.errors.values().all(|error| error.code == codes::UNAUTHORIZED));
}

#[test]
fn a_wrong_address_is_told_after_the_attempts() {
    let mut rig = Rig::new(Config { attempts: 2, ..config() });
    rig.drop_files(&small(3));
    rig.no_reply();
    rig.pass(1_000);
    rig.no_reply();
    rig.pass(100);
    assert!(rig.all(FileState::Failed));
    assert!(rig.errors.values().all(|error| error.code == codes::CONNECTION_ERROR));
}

#[test]
fn a_link_that_breaks_is_probed_and_spends_no_attempts() {
    let mut rig = Rig::new(Config { attempts: 1, ..config() });
    rig.drop_files(&small(3));
    rig.serve();
    rig.no_reply();
    for _ in 0..5 {
        while rig.sent.is_empty() {
            rig.pass(1000);
        }
        assert_eq!((rig.sent.len(), rig.sent[0].1.url.as_str()), (1, "/healthz"));
        rig.no_reply();
    }
    assert_eq!(rig.phase, Phase::Stalled);
    rig.input(Input::Online);
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
}

#[test]
fn a_link_that_stays_silent_fails_what_is_left_in_the_end() {
    let mut rig = Rig::new(Config { patience: 60_000, ..config() });
    rig.drop_files(&small(3));
    rig.serve();
    rig.no_reply();
    rig.pass(300_000);
    assert!(rig.all(FileState::Failed));
    assert_eq!(rig.phase, Phase::Complete);
}

#[test]
fn an_attempt_without_an_answer_is_given_up() {
    let mut rig = Rig::new(Config { network_timeout: 500, ..config() });
    rig.drop_files(&small(1));
    rig.serve();
    assert_eq!(rig.sent.len(), 1);
    rig.pass(800);
    assert_eq!(rig.sent[0].1.url, "/healthz");
}

#[test]
fn offline_stops_sending_and_online_goes_on() {
    let mut rig = Rig::new(config());
    rig.input(Input::Offline);
    rig.drop_files(&small(3));
    rig.pass(500);
    assert!(rig.sent.is_empty());
    assert_eq!(rig.phase, Phase::Stalled);
    rig.input(Input::Online);
    assert_eq!(rig.sent[0].1.url, "/healthz");
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
}

#[test]
fn pause_calls_off_what_flies_and_resume_sends_it_again() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(3));
    rig.serve();
    assert_eq!(rig.sent.len(), 1);
    rig.input(Input::Pause);
    rig.pass(60_000);
    assert!(rig.sent.is_empty());
    assert_eq!(rig.phase, Phase::Paused);
    rig.input(Input::Resume);
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
}

#[test]
fn cancel_ends_everything_that_is_not_stored() {
    let mut rig = Rig::new(Config { bundle_bytes: 200, concurrency: 1, ..config() });
    rig.drop_files(&small(8));
    rig.serve();
    rig.serve();
    let stored = rig.progress.completed;
    rig.input(Input::Cancel);
    rig.pass(100);
    assert_eq!(rig.phase, Phase::Cancelled);
    assert_eq!(rig.sent.len(), 1);
    assert!(rig.sent[0].1.url.ends_with("/cancel"));
    assert!(rig.progress.cancelled > 0 && rig.progress.completed >= stored);
    assert_eq!(rig.progress.cancelled + rig.progress.completed, 8);
}

#[test]
fn removing_one_file_leaves_the_others_alone() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(4));
    rig.input(Input::Remove(2));
    rig.serve_all();
    assert_eq!(rig.states[&2], FileState::Cancelled);
    assert_eq!(rig.progress.completed, 3);
}

#[test]
fn a_file_removed_in_flight_is_taken_off_the_server_again() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(4));
    rig.serve();
    rig.input(Input::Remove(2));
    let urls = rig.serve_all();
    assert!(urls.contains(&"/v1/documents/d-f%2F2".to_owned()), "{urls:?}");
    assert_eq!(rig.states[&2], FileState::Cancelled);
}

#[test]
fn missing_blocks_are_read_and_sent_again() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(2));
    rig.serve();
    let digest = blocks::digest(&rig.files[0]);
    let answer = format!(
        r#"{{"documents":[{{"path":"f/0","status":"incomplete","missing":["{digest}"]}},{{"path":"f/1","status":"committed","id":"x"}}]}}"#
    );
    rig.reply(200, &answer);
    rig.pass(100);
    assert_eq!(paths(&rig.sent[0].1), ["f/0"]);
    assert!(rig.sent[0].1.body.iter().any(|segment| matches!(segment, Segment::Block(_))));
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
}

#[test]
fn a_file_that_changed_between_readings_fails_alone() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(2));
    rig.serve();
    let digest = blocks::digest(&rig.files[0]);
    let answer = format!(
        r#"{{"documents":[{{"path":"f/0","status":"incomplete","missing":["{digest}"]}},{{"path":"f/1","status":"committed","id":"x"}}]}}"#
    );
    rig.files[0] = b"something else".to_vec();
    rig.reply(200, &answer);
    rig.serve_all();
    assert_eq!(rig.errors[&0].code, codes::FILE_CHANGED);
    assert_eq!(rig.progress.completed, 1);
}

#[test]
fn what_is_over_a_limit_is_rejected_before_a_byte_is_sent() {
    let mut rig = Rig::new(Config { max_file_size: Some(12), max_files: Some(5), ..config() });
    rig.drop_files(&small(6));
    rig.pass(100);
    rig.serve();
    assert_eq!(paths(&rig.sent[0].1), ["f/0", "f/1", "f/2"]);
    rig.serve_all();
    assert_eq!(rig.errors[&3].code, codes::FILE_TOO_LARGE);
    assert_eq!(rig.errors[&5].code, codes::TOO_MANY_FILES);
    assert_eq!((rig.progress.completed, rig.progress.failed), (3, 3));
}

#[test]
fn one_path_twice_in_one_upload_is_refused() {
    let mut rig = Rig::new(config());
    rig.files = small(2);
    let twice = || Found { path: "same".into(), ..Found::default() };
    rig.input(Input::Found(vec![twice(), twice()]));
    rig.input(Input::IntakeEnded);
    rig.serve_all();
    assert_eq!((rig.states[&0], rig.states[&1]), (FileState::Committed, FileState::Rejected));
    assert_eq!(rig.errors[&1].code, codes::DUPLICATE_PATH);
}

#[test]
fn an_unreadable_entry_does_not_stop_the_rest() {
    let mut rig = Rig::new(config());
    rig.files = small(2);
    let broken = Found { path: "broken".into(), unreadable: Some("NotFoundError".into()), ..Found::default() };
    rig.input(Input::Found(vec![broken, Found { path: "fine".into(), ..Found::default() }]));
    rig.input(Input::IntakeEnded);
    rig.serve_all();
    assert_eq!(rig.errors[&0].code, codes::FILE_UNREADABLE);
    assert_eq!(rig.states[&1], FileState::Committed);
}

#[test]
fn the_walk_waits_when_enough_is_queued() {
    let mut rig = Rig::new(Config { queue_size: 10, ..config() });
    rig.drop_files(&small(12));
    assert_eq!(rig.walk, ["pause"]);
    rig.serve_all();
    assert_eq!(rig.walk, ["pause", "resume"]);
}

#[test]
fn a_batch_that_is_not_there_fails_all_with_one_clear_reason() {
    let mut rig = Rig::new(Config { batch_id: Some("typo".into()), ..config() });
    rig.drop_files(&small(50));
    rig.reply(404, r#"{"code":"batch_not_found","detail":"no batch “typo”"}"#);
    rig.pass(100);
    assert!(rig.all(FileState::Failed) && rig.sent.is_empty());
    assert_eq!(rig.errors[&7].message, "no batch “typo”");
}

#[test]
fn a_file_that_takes_too_long_fails_and_pauses_do_not_count() {
    let mut rig = Rig::new(Config { file_timeout: Some(5000), ..config() });
    rig.drop_files(&small(1));
    rig.serve();
    rig.input(Input::Pause);
    rig.pass(60_000);
    rig.input(Input::Resume);
    rig.pass(4_000);
    assert_eq!(rig.states[&0], FileState::Sending);
    rig.pass(2_000);
    assert_eq!(rig.errors[&0].code, codes::TIMEOUT);
}

#[test]
fn calls_get_the_same_retries_and_answers() {
    let mut rig = Rig::new(config());
    let call = |call| Input::Call { call, method: Method::Get, path: "/v1/batches/b".into(), body: None };
    rig.input(call(1));
    rig.reply(503, "");
    rig.pass(30_000);
    rig.reply(200, "{}");
    rig.input(call(2));
    rig.reply(404, r#"{"code":"batch_not_found","detail":"no"}"#);
    assert_eq!(rig.answers[0], (1, Ok("{}".into())));
    assert!(matches!(&rig.answers[1], (2, Err(failure)) if failure.code == codes::BATCH_NOT_FOUND));
}

#[test]
fn stale_and_senseless_inputs_are_ignored() {
    let mut rig = Rig::new(config());
    rig.input(Input::Reply { attempt: AttemptId(99), reply: Reply::default() });
    rig.input(Input::NoReply { attempt: AttemptId(99), reason: String::new() });
    rig.input(Input::Cut { file: 7, blocks: vec![], read: 5, size: None, ended: true });
    rig.input(Input::Sized { file: 7, size: 1 });
    rig.input(Input::Unreadable { file: 7, reason: String::new() });
    rig.input(Input::Remove(7));
    rig.input(Input::Retry(vec![7]));
    rig.input(Input::Token(Ok("x".into())));
    rig.input(Input::Cancel);
    rig.drop_files(&small(2));
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
}
