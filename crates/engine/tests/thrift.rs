//! Nothing is sent twice: questions before bytes, identical blocks, edited files.

mod common;

use cloudindex_engine::config::Ask;
use cloudindex_engine::*;
use common::*;

fn asking() -> Config {
    Config { ask: Ask::WhileItPays, ..config() }
}

/// Of a request, the digests whose bytes it carries.
fn parts(rig: &Rig) -> Vec<usize> {
    rig.sent.iter().map(|(_, request)| digests(request).len()).collect()
}

#[test]
fn what_the_server_has_costs_no_bytes() {
    let files = small(30);
    let mut first = Rig::new(asking());
    first.drop_files(&files);
    first.serve_all();
    let mut second = Rig::new(asking());
    second.held = first.held;
    second.drop_files(&files);
    assert_eq!(second.serve_all(), ["/v1/batches", "/v1/batches/b/documents", "/v1/batches/b/complete"]);
    assert!(second.all(FileState::Committed));
    assert_eq!((second.taken, second.progress.sent_bytes), (0, 0));
}

#[test]
fn what_it_lacks_is_sent_once_it_says_so() {
    let mut rig = Rig::new(asking());
    rig.drop_files(&small(30));
    assert_eq!(rig.serve_all().iter().filter(|url| url.ends_with("/documents")).count(), 2);
    assert!(rig.all(FileState::Committed));
    let bytes: u64 = rig.files.iter().map(|file| file.len() as u64).sum();
    assert_eq!((rig.taken, rig.progress.sent_bytes), (bytes, bytes));
    assert_eq!(rig.reads.len(), 30);
}

#[test]
fn of_many_new_files_most_go_unasked() {
    let mut rig = Rig::new(Config { concurrency: 1, ..asking() });
    let files: Vec<Vec<u8>> = (0..600u32).map(|n| [n.to_le_bytes(); 250].concat()).collect();
    rig.drop_files(&files);
    let mut asked = 0;
    while rig.phase != Phase::Complete {
        if rig.sent.is_empty() {
            rig.pass(100);
            continue;
        }
        let (_, request) = &rig.sent[0];
        asked += if digests(request).is_empty() { paths(request).len() } else { 0 };
        rig.serve();
    }
    assert!(rig.all(FileState::Committed));
    assert!((8..300).contains(&asked), "{asked} of 600 were asked for");
}

#[test]
fn identical_files_travel_once() {
    let mut rig = Rig::new(config());
    let mut files = small(3);
    files.extend(vec![noise(900); 40]);
    rig.drop_files(&files);
    rig.serve();
    rig.pass(100);
    assert_eq!(parts(&rig), [4]);
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
    assert_eq!(rig.taken, 10 + 11 + 12 + 900);
    assert_eq!(rig.progress.bytes, 33 + 40 * 900);
}

#[test]
fn when_the_first_of_identical_files_leaves_the_next_takes_its_place() {
    for cancel_in_flight in [false, true] {
        let mut rig = Rig::new(config());
        rig.drop_files(&vec![noise(900); 3]);
        if cancel_in_flight {
            rig.serve();
            rig.pass(100);
            assert_eq!(parts(&rig), [1]);
        }
        rig.input(Input::Remove(vec![0]));
        rig.serve_all();
        let states: Vec<FileState> = (0..3).map(|id| rig.states[&id]).collect();
        assert_eq!(states, [FileState::Cancelled, FileState::Committed, FileState::Committed]);
    }
}

#[test]
fn blocks_that_large_files_share_travel_once() {
    let mut rig = Rig::new(asking());
    let one = noise(100 * KIB);
    let mut other = one.clone();
    other.extend(noise(5000));
    rig.drop_files(&[one, other]);
    rig.serve_all();
    assert!(rig.all(FileState::Committed));
    assert!(rig.progress.sent_bytes < 116 * KIB as u64, "{} bytes", rig.progress.sent_bytes);
}

#[test]
fn of_an_edited_large_file_the_changed_blocks_are_sent() {
    let before = noise(2000 * KIB);
    let mut first = Rig::new(asking());
    first.drop_files(std::slice::from_ref(&before));
    first.serve_all();
    let mut edited = before;
    edited.splice(700_000..700_100, noise(2000));
    let mut second = Rig::new(asking());
    second.held = first.held;
    second.drop_files(&[edited]);
    second.serve_all();
    assert!(second.all(FileState::Committed));
    let sent = second.progress.sent_bytes;
    assert!((2000..20_000).contains(&sent), "{sent} bytes");
}

#[test]
fn a_document_that_was_thought_shared_is_read_again_when_the_server_lost_the_block() {
    let mut rig = Rig::new(config());
    rig.drop_files(&[noise(900), noise(900)]);
    rig.serve();
    rig.pass(100);
    rig.serve();
    // The twin goes without bytes now; meanwhile the server forgot them.
    rig.pass(100);
    assert_eq!(parts(&rig), [0]);
    rig.held.clear();
    rig.serve_all();
    assert!(rig.all(FileState::Committed), "{:?}", rig.errors);
    assert_eq!(rig.reads, [0, 1, 1]);
}

#[test]
fn when_an_ack_is_lost_the_server_is_asked_before_the_bytes_go_again() {
    for large in [false, true] {
        let mut rig = Rig::new(asking());
        rig.held.insert("none".into());
        let files = if large {
            vec![noise(60 * KIB)]
        } else {
            vec![noise(900); 1].into_iter().chain((0..9).map(|n| vec![n; 900])).collect()
        };
        rig.drop_files(&files);
        loop {
            rig.pass(100);
            if !digests(&rig.sent[0].1).is_empty() {
                break;
            }
            rig.serve();
        }
        // The server takes it in, and its answer is lost.
        let (attempt, request) = rig.sent.remove(0);
        let parts = digests(&request);
        rig.held.extend(parts.clone());
        rig.input(Input::NoReply { attempt, reason: "reset".into() });
        let mut again = Vec::new();
        while rig.phase != Phase::Complete {
            rig.pass(100);
            if let Some((_, request)) = rig.sent.first() {
                again.extend(digests(request));
                rig.serve();
            }
        }
        assert!(rig.all(FileState::Committed), "{:?}", rig.errors);
        assert!(parts.iter().all(|part| !again.contains(part)), "sent twice");
    }
}

#[test]
fn a_link_that_swallows_bodies_alone_ends_in_failure_not_in_a_circle() {
    let mut rig = Rig::new(asking());
    rig.drop_files(&(0..9).map(|n| vec![n; 900]).collect::<Vec<_>>());
    let mut swallowed = 0;
    for _ in 0..10_000 {
        if rig.phase == Phase::Complete {
            break;
        }
        rig.pass(100);
        while let Some((_, request)) = rig.sent.first() {
            if digests(request).is_empty() {
                rig.serve();
            } else {
                rig.no_reply();
                swallowed += 1;
            }
        }
    }
    assert!(rig.all(FileState::Failed), "{swallowed} bodies swallowed");
    assert_eq!(swallowed, 3);
}

#[test]
fn what_arrived_before_a_retry_is_not_sent_again() {
    let mut rig = Rig::new(Config { bundle_bytes: 6000, attempts: 1, concurrency: 1, ..asking() });
    rig.drop_files(&(0..60).map(|n| vec![n; 1000]).collect::<Vec<_>>());
    while rig.phase != Phase::Complete {
        rig.pass(100);
        let Some((_, request)) = rig.sent.first() else { continue };
        let parts = digests(request);
        if parts.is_empty() || rig.taken < 20_000 {
            rig.serve();
        } else {
            // It arrives, and a proxy answers for the server.
            rig.taken += 1000 * parts.len() as u64;
            rig.held.extend(parts);
            rig.reply(502, "");
        }
    }
    assert!(rig.progress.failed > 0);
    rig.input(Input::Retry(vec![]));
    rig.serve_all();
    assert_eq!((rig.all(FileState::Committed), rig.taken), (true, 60_000));
}

#[test]
fn identical_files_that_are_refused_are_refused_together() {
    for ask in [Ask::Never, Ask::WhileItPays] {
        let mut rig = Rig::new(Config { ask, ..config() });
        rig.drop_files(&vec![vec![1; 100]; 200]);
        rig.serve();
        let mut requests = 0;
        while rig.phase != Phase::Complete {
            rig.pass(100);
            let Some((_, request)) = rig.sent.first() else { continue };
            let refused =
                |path| format!(r#"{{"path":"{path}","status":"rejected","error":{{"code":"quota_exceeded"}}}}"#);
            let acks: Vec<String> = paths(request).into_iter().map(refused).collect();
            rig.reply(200, &format!(r#"{{"documents":[{}]}}"#, acks.join(",")));
            requests += 1;
        }
        assert!(rig.all(FileState::Failed) && requests < 10, "{requests} requests");
    }
}
