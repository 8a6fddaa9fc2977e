//! Crashes, cut connections, full disks: what was acknowledged is there, what was not is not wrong.

mod support;

use cloudindex_wire::{BundleReply, DocumentOutcome, DocumentPage};
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};
use support::*;

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
    let server = Server::start();
    let batch = server.batch().id;
    let path = format!("/v1/batches/{batch}/documents");
    let acks = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let (server, acks, path) = (&server, &acks, &path);
            scope.spawn(move || {
                for round in 0.. {
                    let blocks: Vec<_> = (0..20).map(|i| noise(thread << 32 | round << 8 | i, 5000)).collect();
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
        std::thread::sleep(Duration::from_millis(400));
        server.kill();
    });
    let server = server.kill_and_restart();
    let acks = acks.into_inner().unwrap();
    assert!(acks.len() > 20, "{}", acks.len());
    for ack in &acks {
        let DocumentOutcome::Committed { id } = &ack.outcome else { panic!("{ack:?}") };
        assert_eq!(name(&server.content(id)).to_string(), ack.path);
    }
    let status = server.status(&batch).status;
    assert!(
        status.total_files >= acks.len() as u64 && status.total_files.is_multiple_of(20),
        "bundles are all or nothing"
    );
    assert_eq!(status.bytes, status.total_files * 5000);
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

mod full_disk {
    use super::support::{self, multipart};
    use axum::body::Bytes;
    use cloudindex_server::auth::Keys;
    use cloudindex_server::store::{Answer, Blocks, PackWriter, Records, StoreError, files::Files, sqlite::Sqlite};
    use cloudindex_server::{State, app};
    use cloudindex_wire::{Caps, NewBatch};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    /// Files on a disk that may be full.
    struct Disk {
        files: Files,
        full: Arc<AtomicBool>,
    }

    struct Pack(Box<dyn PackWriter>, Arc<AtomicBool>);

    fn check(full: &AtomicBool) -> Result<(), StoreError> {
        let error = std::io::Error::from(std::io::ErrorKind::StorageFull);
        if full.load(Relaxed) { Err(error.into()) } else { Ok(()) }
    }

    impl Blocks for Disk {
        fn create(&self) -> Answer<'_, Box<dyn PackWriter>> {
            Box::pin(async { Ok(Box::new(Pack(self.files.create().await?, self.full.clone())) as Box<dyn PackWriter>) })
        }
        fn read(&self, pack: &str, offset: u64, length: usize) -> Answer<'_, Bytes> {
            self.files.read(pack, offset, length)
        }
        fn remove(&self, pack: &str) -> Answer<'_, ()> {
            self.files.remove(pack)
        }
        fn packs(&self) -> Answer<'_, Vec<String>> {
            self.files.packs()
        }
    }

    impl PackWriter for Pack {
        fn append<'a>(&'a mut self, bytes: &'a [u8]) -> Answer<'a, ()> {
            self.0.append(bytes)
        }
        fn seal(self: Box<Self>) -> Answer<'static, String> {
            Box::pin(async move {
                check(&self.1)?;
                self.0.seal().await
            })
        }
    }

    #[test]
    fn is_no_false_ack_and_no_end() {
        let data = support::directory();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let full = Arc::new(AtomicBool::new(true));
        let files = Files::open(&data.join("packs")).unwrap();
        let records = Arc::new(Sqlite::open(&data.join("records.sqlite")).unwrap());
        let (url, batch) = runtime.block_on(async {
            let tenant = records.tenant("t").await.unwrap();
            let mut keys = Keys::default();
            keys.allow(support::KEY, tenant);
            let cloudindex_server::store::Created::New(batch) =
                records.create_batch(tenant, NewBatch::default(), None).await.unwrap()
            else {
                panic!("not made")
            };
            let state = State {
                records: records.clone(),
                blocks: Arc::new(Disk { files, full: full.clone() }),
                keys: Arc::new(keys),
                caps: Arc::new(Caps {
                    bundle_bytes: 1 << 20,
                    block_bytes: 1 << 20,
                    bundle_documents: 10,
                    encodings: Vec::new(),
                    digest: "blake3".into(),
                }),
                origins: Arc::new([]),
                page: None,
            };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, app(state)).await });
            (url, batch.id)
        });
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let body = support::bundle(Some(&[support::document("x", &[b"block"])]), &[b"block"]);
        let send = || {
            let path = format!("{url}/v1/batches/{batch}/documents");
            let request = agent.post(path).header("Authorization", format!("Bearer {}", support::KEY));
            let mut reply = request.header("Content-Type", multipart()).send(&body[..]).unwrap();
            let retry = reply.headers().contains_key("retry-after");
            (reply.status().as_u16(), retry, reply.body_mut().read_to_string().unwrap())
        };
        let (status, retry, text) = send();
        assert_eq!((status, retry), (507, true), "{text}");
        assert!(text.contains("temporary_error"));
        assert_eq!(std::fs::read_dir(data.join("packs")).unwrap().count(), 0, "what could not be kept is gone");
        full.store(false, Relaxed);
        let (status, _, text) = send();
        assert!(status == 200 && text.contains("committed"), "{text}");
        drop(runtime);
        std::fs::remove_dir_all(data).unwrap();
    }
}
