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
fn a_file_set_aside_waits_while_the_others_arrive_and_arrives_when_it_is_taken_up() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(4));
    rig.input(Input::SetAside(vec![1, 2, 2, 9]));
    rig.serve_all();
    rig.pass(600_000);
    assert_eq!((rig.states[&1], rig.states[&2]), (FileState::Paused, FileState::Paused));
    assert_eq!((rig.progress.completed, rig.phase), (2, Phase::Paused));
    rig.input(Input::TakeUp(vec![2, 3]));
    rig.serve_all();
    assert_eq!((rig.progress.completed, rig.phase), (3, Phase::Paused));
    rig.input(Input::Resume);
    rig.serve_all();
    assert!(rig.all(FileState::Committed) && rig.phase == Phase::Complete);
}

#[test]
fn a_file_set_aside_while_its_request_flies_has_arrived_when_the_answer_says_so() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(4));
    rig.serve();
    rig.input(Input::SetAside(vec![1]));
    rig.serve_all();
    assert!(rig.all(FileState::Committed) && rig.phase == Phase::Complete);
}

#[test]
fn a_file_set_aside_before_it_is_found_waits_unless_it_is_taken_up() {
    let mut rig = Rig::new(config());
    rig.input(Input::SetAside(vec![0, 2]));
    rig.input(Input::TakeUp(vec![2]));
    rig.drop_files(&small(3));
    rig.serve_all();
    rig.pass(100);
    assert_eq!((rig.states[&0], rig.progress.completed, rig.phase), (FileState::Paused, 2, Phase::Paused));
}

#[test]
fn files_set_aside_outlast_a_link_that_is_away_for_long() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(2));
    rig.input(Input::SetAside(vec![0, 1]));
    rig.serve_all();
    rig.input(Input::Offline);
    rig.pass(2_000_000);
    assert_eq!((rig.states[&0], rig.states[&1], rig.phase), (FileState::Paused, FileState::Paused, Phase::Paused));
    rig.input(Input::TakeUp(vec![0, 1]));
    rig.pass(100);
    assert!(!rig.states[&0].is_final(), "{:?}", rig.states[&0]);
    rig.input(Input::Online);
    rig.serve_all();
    rig.pass(5_000);
    rig.serve_all();
    assert!(rig.all(FileState::Committed), "{:?}", rig.states);
}

#[test]
fn a_file_removed_before_it_is_found_stays_removed() {
    let mut rig = Rig::new(config());
    rig.input(Input::SetAside(vec![1]));
    rig.input(Input::Remove(vec![2]));
    rig.input(Input::SetAside(vec![2]));
    rig.drop_files(&small(4));
    rig.serve_all();
    assert_eq!((rig.states[&1], rig.states[&2]), (FileState::Paused, FileState::Cancelled));
}

#[test]
fn a_file_set_aside_can_be_removed_and_cancelled() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(3));
    rig.input(Input::SetAside(vec![0, 1]));
    rig.input(Input::Remove(vec![0]));
    rig.serve_all();
    assert_eq!((rig.progress.cancelled, rig.progress.completed, rig.phase), (1, 1, Phase::Paused));
    rig.input(Input::Cancel);
    rig.serve_all();
    assert_eq!((rig.progress.cancelled, rig.phase), (2, Phase::Cancelled));
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
    rig.input(Input::Remove(vec![2]));
    rig.serve_all();
    assert_eq!(rig.states[&2], FileState::Cancelled);
    assert_eq!(rig.progress.completed, 3);
}

#[test]
fn a_file_removed_in_flight_is_taken_off_the_server_again() {
    let mut rig = Rig::new(config());
    rig.drop_files(&small(4));
    rig.serve();
    rig.input(Input::Remove(vec![2]));
    let urls = rig.serve_all();
    assert!(urls.contains(&"/v1/documents/d-f%2F2".to_owned()), "{urls:?}");
    assert_eq!(rig.states[&2], FileState::Cancelled);
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
fn the_walk_waits_when_enough_is_queued() {
    let mut rig = Rig::new(Config { queue_size: 10, ..config() });
    rig.drop_files(&small(12));
    assert_eq!(rig.walk, ["pause"]);
    rig.serve_all();
    assert_eq!(rig.walk, ["pause", "resume"]);
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
    rig.input(Input::Sized { file: 7, size: 1, last_modified: None });
    rig.input(Input::Unreadable { file: 7, reason: String::new() });
    rig.input(Input::Remove(vec![7]));
    rig.input(Input::Retry(vec![7]));
    rig.input(Input::Token(Ok("x".into())));
    rig.input(Input::Cancel);
    rig.drop_files(&small(2));
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
}

#[test]
fn a_second_upload_has_limits_of_its_own() {
    let mut rig = Rig::new(Config { max_files: Some(3), ..config() });
    rig.drop_files(&small(3));
    rig.serve_all();
    let second: Vec<Vec<u8>> = small(3);
    rig.drop_files(&second);
    rig.serve_all();
    assert!(rig.all(FileState::Committed), "{:?}", rig.errors);
}

#[test]
fn what_stays_in_its_file_is_not_read_far_ahead_of_the_network() {
    let mut rig = Rig::new(Config { in_file: 512, read_ahead: 64 * KIB as u64, ..config() });
    rig.times = Some(1);
    rig.drop_files(
        &vec![noise(KIB); 1000]
            .iter()
            .enumerate()
            .map(|(n, file)| [file, &n.to_le_bytes()[..2]].concat()[2..].to_vec())
            .collect::<Vec<_>>(),
    );
    // Nothing is answered.
    rig.pass(5_000);
    assert!(rig.reads.len() <= 64, "{} files were read", rig.reads.len());
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
    assert_eq!(rig.reads.len(), 1000);
}

#[test]
fn a_file_that_is_removed_before_the_engine_hears_of_it_stays_away() {
    let mut rig = Rig::new(config());
    rig.input(Input::Remove(vec![1]));
    rig.drop_files(&small(3));
    rig.serve_all();
    assert_eq!([0, 1, 2].map(|id| rig.states[&id]), [FileState::Committed, FileState::Cancelled, FileState::Committed]);
    rig.input(Input::Retry(vec![1]));
    rig.serve_all();
    assert_eq!(rig.states[&1], FileState::Committed);
}
