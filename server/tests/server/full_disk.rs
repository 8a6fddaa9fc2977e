//! Full disks: no false ack, a clear answer, and no end of the server.

use crate::support::{Server, multipart, state};
use axum::body::Bytes;
use cloudindex_server::app;
use cloudindex_server::auth::Keys;
use cloudindex_server::store::{
    Answer, Blocks, PackWriter, Records, Removal, StoreError, files::Files, sqlite::Sqlite,
};
use cloudindex_wire::{DocumentOutcome, NewBatch, codes};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
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
    fn size(&self, pack: &str) -> Answer<'_, Option<u64>> {
        self.files.size(pack)
    }

    fn remove(&self, pack: &str) -> Answer<'_, Removal> {
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
fn a_pack_that_cannot_be_sealed_is_no_ack() {
    let data = crate::support::directory();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let full = Arc::new(AtomicBool::new(true));
    let files = Files::open(&data.join("packs")).unwrap();
    let records = Arc::new(Sqlite::open(&data.join("records.sqlite")).unwrap());
    let (url, batch) = runtime.block_on(async {
        let tenant = records.tenant("t").await.unwrap();
        let mut keys = Keys::default();
        keys.allow(crate::support::KEY, tenant, "t");
        let cloudindex_server::store::Created::New(batch) =
            records.create_batch(tenant, NewBatch::default(), None).await.unwrap()
        else {
            panic!("not made")
        };
        let blocks = Arc::new(Disk { files, full: full.clone() });
        let state = state::of(records.clone(), blocks, keys);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app(state)).await });
        (url, batch.id)
    });
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let body = crate::support::bundle(Some(&[crate::support::document("x", &[b"block"])]), &[b"block"]);
    let send = || {
        let path = format!("{url}/v1/batches/{batch}/documents");
        let request = agent.post(path).header("Authorization", format!("Bearer {}", crate::support::KEY));
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

/// A disk of its own for a test.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(size: &str) -> Self {
        let disk = Tmpfs(crate::support::directory());
        disk.run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        // There is always something to give back, however full the disk is when it is filled.
        std::fs::write(disk.0.join("filler"), [0; 64 << 10]).unwrap();
        disk
    }

    fn resize(&self, size: &str) {
        self.run("mount", &["-o", &format!("remount,size={size}")]);
    }

    fn run(&self, command: &str, arguments: &[&str]) {
        let done = Command::new(command).args(arguments).arg(&self.0).output();
        let done = done.map_err(|error| error.to_string()).and_then(|output| match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        });
        if let Err(error) = done {
            panic!(
                "this test fills a small disk of its own: it needs Linux, root (or CAP_SYS_ADMIN) and {command}: {error}"
            );
        }
    }

    /// Takes all room but `left` bytes.
    fn fill(&self, left: usize) -> PathBuf {
        use std::io::Write;
        let path = self.0.join("filler");
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&path).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        let size = file.metadata().unwrap().len();
        file.set_len(size.saturating_sub(left as u64)).unwrap();
        path
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Documents that were acknowledged: id and bytes.
type Held = Vec<(String, Vec<u8>)>;

/// Sends documents of `size` bytes until the disk is full, two a bundle.
fn until_full(server: &Server, batch: &str, seed: u64, size: usize, held: &mut Held) -> crate::support::Reply {
    for round in 0.. {
        assert!(round < 10_000, "the disk is never full");
        let blocks: Vec<_> = (0..2).map(|i| crate::support::noise(seed << 32 | round << 1 | i, size)).collect();
        let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
        let path = |i| format!("{seed}/{round}/{i}");
        let documents: Vec<_> = (0..2).map(|i| crate::support::document(&path(i), &[slices[i]])).collect();
        let reply = server.bundle_reply(batch, Some(&documents), &slices);
        if reply.status != 200 {
            return reply;
        }
        for (ack, block) in reply.json::<cloudindex_wire::BundleReply>().documents.into_iter().zip(blocks) {
            let DocumentOutcome::Committed { id } = ack.outcome else { panic!("{ack:?}") };
            held.push((id, block));
        }
    }
    unreachable!()
}

/// Packs that are there, and packs that records name.
fn packs(server: &Server) -> BTreeSet<String> {
    let entries = std::fs::read_dir(server.data.join("packs")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn named(server: &Server) -> BTreeSet<String> {
    let sql = rusqlite::Connection::open(server.data.join("records.sqlite")).unwrap();
    let mut select = sql.prepare("SELECT name FROM packs").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[track_caller]
fn is_full(reply: &crate::support::Reply) {
    let problem = reply.problem(507, codes::TEMPORARY_ERROR);
    assert!(problem.retryable && problem.title.contains("full"), "{problem:?}");
    assert!(!reply.header("retry-after").is_empty());
}

#[track_caller]
fn all_there(server: &Server, batch: &str, held: &Held) {
    for (id, bytes) in held {
        assert!(server.content(id) == *bytes, "{id}");
    }
    assert_eq!(server.status(batch).status.total_files, held.len() as u64);
}

#[test]
fn a_disk_that_is_really_full_is_said_and_survived() {
    let disk = Tmpfs::mount("8m");
    // What workers write would make room, or take it, behind our back; they come last.
    let idle = ["--workers", "0"];
    let server = Server::on(disk.0.join("data"), &idle);
    let batch = server.batch().id;
    let mut held = Held::new();
    // Blocks do not fit.
    is_full(&until_full(&server, &batch, 1, 200_000, &mut held));
    assert!(held.len() > 10);
    // The answer comes to a client that has far more to send.
    let (large, more) = (crate::support::noise(9, 8 << 20), crate::support::noise(10, 8 << 20));
    is_full(&server.bundle_reply(&batch, None, &[&large, &more]));
    is_full(&server.bundle_reply(
        &batch,
        Some(&[crate::support::document("large", &[&large, &more])]),
        &[&large, &more],
    ));
    is_full(&until_full(&server, &batch, 2, 100, &mut held));
    // Records do not fit: first where a pack still does, then where nothing does.
    disk.fill(8192);
    let empty: Vec<_> = (0..500).map(|i| crate::support::document(&format!("empty/{i}"), &[])).collect();
    is_full(&server.bundle_reply(&batch, Some(&empty), &[b"lost"]));
    let filler = disk.fill(0);
    is_full(&server.bundle_reply(&batch, Some(&empty), &[]));
    // Large, because the log of what failed before has room for something small.
    is_full(&server.post("/v1/batches", &serde_json::json!({ "name": "x".repeat(200_000) }).to_string()));
    // Reading goes on.
    assert_eq!(server.get("/healthz").status, 200);
    all_there(&server, &batch, &held);
    // A little room: the next bundle is taken, and removes what a failed commit left.
    std::fs::remove_file(filler).unwrap();
    disk.resize("9m");
    let before = packs(&server);
    assert!(before.len() > named(&server).len(), "a pack is left whose records did not fit");
    let reply = server.bundle(&batch, &[crate::support::document("small", &[b"small"])], &[b"small"]);
    let DocumentOutcome::Committed { id } = &reply.documents[0].outcome else { panic!("{reply:?}") };
    held.push((id.clone(), b"small".to_vec()));
    assert_eq!(packs(&server), named(&server));
    // A crash while nothing fits.
    let filler = disk.fill(0);
    is_full(&server.bundle_reply(&batch, Some(&empty), &[]));
    let server = Server::on(server.keep(), &idle);
    all_there(&server, &batch, &held);
    is_full(&server.bundle_reply(&batch, Some(&empty), &[]));
    // With room again all goes on.
    std::fs::remove_file(filler).unwrap();
    disk.resize("64m");
    for ack in server.bundle(&batch, &empty, &[]).documents {
        let DocumentOutcome::Committed { id } = ack.outcome else { panic!("{ack:?}") };
        held.push((id, Vec::new()));
    }
    let reply = server.bundle(&batch, &[crate::support::document("large", &[&large, &more])], &[&large, &more]);
    let DocumentOutcome::Committed { id } = &reply.documents[0].outcome else { panic!("{reply:?}") };
    held.push((id.clone(), [large, more].concat()));
    all_there(&server, &batch, &held);
    // The pipeline, too: it begins where nothing fits, and goes on when there is room.
    let filler = disk.fill(0);
    let server = Server::on(server.keep(), &["--retry-wait", "1"]);
    all_there(&server, &batch, &held);
    std::fs::remove_file(filler).unwrap();
    let status = server.settled(&batch);
    assert_eq!(status.total_files, held.len() as u64);
    // All but the empty ones and the small one are noise.
    assert_eq!(status.processed_files, 501);
}

#[cfg(unix)]
#[test]
fn packs_are_removed_also_where_the_lock_of_backups_cannot_be_made() {
    let data = crate::support::directory();
    // As on a disk that was full when this server was started for the first time.
    std::os::unix::fs::symlink(data.join("nowhere/x"), data.join("packs.keep")).unwrap();
    let files = Files::open(&data.join("packs")).unwrap();
    std::fs::write(data.join("packs/pack_x"), "x").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(files.remove("pack_x")).unwrap(), Removal::Gone);
    assert!(runtime.block_on(files.packs()).unwrap().is_empty());
    std::fs::remove_dir_all(data).unwrap();
}
