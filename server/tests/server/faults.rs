//! Crashes, cut connections, full disks: what was acknowledged is there, what was not is not wrong.

use crate::support::*;
use cloudindex_wire::{BundleReply, DocumentOutcome, DocumentPage};
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn packs(server: &Server) -> usize {
    std::fs::read_dir(server.data.join("packs")).unwrap().count()
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let mut server = Server::start();
    let batch = server.batch();
    let mut held = Vec::new();
    for round in 0..4u64 {
        let blocks: Vec<_> = (0..50).map(|i| noise(round * 100 + i, 3000 + i as usize)).collect();
        let documents: Vec<_> =
            blocks.iter().enumerate().map(|(i, block)| document(&format!("{round}/{i}"), &[block])).collect();
        let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
        let reply = server.bundle(&batch.id, &documents, &slices);
        for (ack, block) in reply.documents.iter().zip(blocks) {
            let DocumentOutcome::Committed { id } = &ack.outcome else { panic!("{ack:?}") };
            held.push((id.clone(), block));
        }
        // A pack without a record, as a crash between the two leaves it.
        std::fs::write(server.data.join("packs/pack_orphan"), b"half").unwrap();
        server = server.kill_and_restart();
        assert_eq!(packs(&server), round as usize + 1, "the orphan is swept, the others stay");
        for (id, block) in &held {
            assert!(&server.content(id) == block);
        }
    }
    assert_eq!(server.status(&batch.id).status.total_files, 200);
}

#[test]
fn a_server_killed_under_load_keeps_every_ack() {
    let mut server = Server::start();
    let batch = server.batch().id;
    let path = format!("/v1/batches/{batch}/documents");
    let acks = std::sync::Mutex::new(Vec::new());
    for kill in 0..4u64 {
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let (server, acks, path) = (&server, &acks, &path);
                scope.spawn(move || {
                    for round in 0.. {
                        let seed = kill << 48 | thread << 40 | round << 8;
                        let blocks: Vec<_> = (0..20).map(|i| noise(seed | i, 50_000)).collect();
                        let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
                        let documents: Vec<_> =
                            slices.iter().map(|block| document(&name(block).to_string(), &[block])).collect();
                        let body = bundle(Some(&documents), &slices);
                        // Until there is nobody to answer.
                        let Ok(reply) = server.try_send("POST", path, &[("Content-Type", &multipart())], &body) else {
                            break;
                        };
                        assert_eq!(reply.status, 200);
                        acks.lock().unwrap().extend(reply.json::<BundleReply>().documents);
                    }
                });
            }
            // A moment by seed; four senders are always in the midst of something.
            let moment = noise(kill, 2);
            std::thread::sleep(Duration::from_millis(
                150 + u64::from(u16::from_le_bytes([moment[0], moment[1]])) % 500,
            ));
            server.kill();
        });
        server = server.kill_and_restart();
        let acks = acks.lock().unwrap();
        assert!(acks.len() > 20, "{}", acks.len());
        for ack in acks.iter() {
            let DocumentOutcome::Committed { id } = &ack.outcome else { panic!("{ack:?}") };
            assert_eq!(name(&server.content(id)).to_string(), ack.path);
        }
        let status = server.status(&batch).status;
        assert!(
            status.total_files >= acks.len() as u64 && status.total_files.is_multiple_of(20),
            "bundles are all or nothing"
        );
        assert_eq!(status.bytes, status.total_files * 50_000);
    }
}

#[test]
fn a_client_that_goes_away_leaves_whole_blocks_or_nothing() {
    let server = Server::start();
    let batch = server.batch();
    let blocks = [noise(1, 100_000), noise(2, 100_000), noise(3, 100_000)];
    let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    let wanted = document("x", &slices);
    let body = bundle(Some(std::slice::from_ref(&wanted)), &slices);
    for cut in [10, 900, 50_000, 250_000, body.len() - 4] {
        let mut socket = TcpStream::connect(server.address()).unwrap();
        let head = format!(
            "POST /v1/batches/{}/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            batch.id,
            multipart(),
            body.len()
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(&body[..cut]).unwrap();
        socket.flush().unwrap();
        drop(socket);
    }
    // The last cut brought all blocks, yet its document was not acknowledged.
    let missing = |server: &Server| {
        let reply = server.bundle(
            &batch.id,
            &[document("probe/impossible", &[&blocks[0], &blocks[1], &blocks[2], b"never"])],
            &[],
        );
        let DocumentOutcome::Incomplete { missing } = &reply.documents[0].outcome else { panic!("{reply:?}") };
        missing.len()
    };
    let start = Instant::now();
    while missing(&server) > 1 {
        assert!(start.elapsed() < Duration::from_secs(10), "{} blocks are still missing", missing(&server));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.status(&batch.id).status.total_files, 0);
    let reply = server.bundle(&batch.id, &[wanted], &[]);
    let DocumentOutcome::Committed { id } = &reply.documents[0].outcome else { panic!("{reply:?}") };
    assert!(server.content(id) == blocks.concat());
}

#[test]
fn requests_at_once_agree() {
    let server = Server::start();
    let batch = server.batch();
    // Six clients send the same documents and the same blocks at the same time.
    let blocks: Vec<_> = (0..40).map(|i| noise(i, 20_000)).collect();
    let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    let documents: Vec<_> = slices.iter().enumerate().map(|(i, block)| document(&format!("d{i}"), &[block])).collect();
    let replies: Vec<BundleReply> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| server.bundle(&batch.id, &documents, &slices))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let committed = replies
        .iter()
        .flat_map(|reply| &reply.documents)
        .filter(|ack| matches!(ack.outcome, DocumentOutcome::Committed { .. }));
    assert_eq!(committed.count(), 40, "each document is committed once");
    let listed: DocumentPage = server.get(&format!("/v1/batches/{}/documents", batch.id)).json();
    assert_eq!(listed.documents.len(), 40);
    assert_eq!(server.status(&batch.id).status.bytes, 800_000);
    assert_eq!(packs(&server), 1, "packs that brought nothing new are gone");
}

#[test]
fn a_signal_stops_it_well_and_a_second_server_is_refused() {
    let server = Server::start();
    server.batch();
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_cloudindex-server"))
        .args(["--listen", "127.0.0.1:0", "--api-key", "k", "--data"])
        .arg(&server.data)
        .output()
        .unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("another server"));
    assert!(server.terminate().success());
    let wrong = std::process::Command::new(env!("CARGO_BIN_EXE_cloudindex-server")).arg("--nope").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("--nope"));
}
