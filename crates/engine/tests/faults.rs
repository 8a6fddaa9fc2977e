//! What the engine does when something goes wrong (DESIGN.md, "Failing well"), one behaviour a test.

mod common;

use cloudindex_engine::config::Ask;
use cloudindex_engine::error::codes;
use cloudindex_engine::*;
use common::*;

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
fn requests_that_left_before_the_speed_was_known_are_given_up_by_what_is_known_since() {
    let mut rig =
        Rig::new(Config { network_timeout: 1000, bundle_bytes: 400 * KIB as u64, max_buffer: 8 << 20, ..config() });
    rig.drop_files(&(0..1000).map(|n: u32| [n.to_le_bytes(); 250].concat()).collect::<Vec<_>>());
    rig.serve();
    rig.pass(100);
    assert!(rig.sent.len() > 1);
    // Others are answered at once, the first never.
    let black_hole = rig.sent.remove(0);
    for _ in 0..10 {
        rig.serve();
    }
    rig.pass(3000);
    let (attempt, _) = black_hole;
    assert!(rig.aborted.contains(&attempt));
}

#[test]
fn an_answer_to_what_left_before_the_link_broke_does_not_blame_those_that_broke() {
    let mut rig = Rig::new(Config { bundle_bytes: 200, attempts: 2, ..config() });
    rig.drop_files(&small(40));
    rig.serve();
    for _ in 0..6 {
        rig.pass(100);
        // The first is lost; the answer to the second, given before that, is heard after it; the others are lost too.
        rig.no_reply();
        rig.serve();
        while let Some(at) = rig.sent.iter().position(|(_, request)| !request.url.ends_with("/healthz")) {
            let (attempt, _) = rig.sent.remove(at);
            rig.input(Input::NoReply { attempt, reason: "reset".into() });
        }
        // The server is away for a moment, and back.
        rig.no_reply();
        rig.pass(2000);
        rig.serve();
    }
    rig.serve_all();
    assert!(rig.all(FileState::Committed), "{:?}", rig.errors.values().next());
}

#[test]
fn a_server_that_falls_and_is_back_in_no_time_blames_nobody_but_one_that_falls_for_ever_ends() {
    for ask in [Ask::Never, Ask::WhileItPays] {
        let mut rig = Rig::new(Config { bundle_bytes: 3000, attempts: 2, ask, ..config() });
        rig.drop_files(&(0..40).map(|n| vec![n; 1000]).collect::<Vec<_>>());
        rig.serve();
        let mut falls = 0;
        while rig.phase != Phase::Complete {
            rig.pass(3000);
            // Up again before anybody asks; questions it can answer.
            if let Some(at) = rig.sent.iter().position(|(_, request)| digests(request).is_empty()) {
                rig.sent.swap(0, at);
                rig.serve();
                continue;
            }
            falls += usize::from(!rig.sent.is_empty());
            for (attempt, _) in std::mem::take(&mut rig.sent) {
                rig.input(Input::NoReply { attempt, reason: "reset".into() });
            }
            assert!(falls > 4 || rig.errors.is_empty());
            assert!(falls < 1000, "{ask:?}");
        }
        assert!(rig.all(FileState::Failed));
    }
}

#[test]
fn a_file_that_vanished_from_a_body_costs_the_others_no_attempt() {
    let mut rig = Rig::new(Config { attempts: 2, ..config() });
    rig.drop_files(&small(8));
    rig.serve();
    // The browser takes bytes from the files, one of them is gone, and there is no answer: again and again.
    for file in 0..5 {
        rig.pass(100);
        assert_eq!(paths(&rig.sent[0].1).len(), 8 - file as usize, "the rest goes on at once");
        rig.input(Input::Unreadable { file, reason: "NotFoundError".into() });
        rig.no_reply();
    }
    assert!(rig.sent.iter().all(|(_, request)| request.url.ends_with("/documents")), "nobody doubts the link");
    rig.serve_all();
    assert_eq!((rig.progress.completed, rig.progress.failed), (3, 5));
    assert!(rig.errors.values().all(|error| error.code == codes::FILE_UNREADABLE));
}
