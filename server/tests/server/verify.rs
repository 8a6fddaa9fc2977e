//! Verification: what is sound is told so, and each damage by its name.

use crate::support::files::docx;
use crate::support::*;
use cloudindex_server::embed::local::Local;
use cloudindex_server::embed::{EmbedError, Embedder, Model, Vector};
use cloudindex_server::pipeline::Embeddings;
use cloudindex_server::store::files::Files;
use cloudindex_server::store::sqlite::Sqlite;
use cloudindex_server::store::{Answer, Blocks, PackWriter, Records, Removal, StoreError, Tenant};
use cloudindex_server::verify::{Bounds, Verifier};
use cloudindex_wire::{Phase, VerifyPage, VerifyQuery, codes};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One page of a batch, which must be all of it.
#[track_caller]
fn verify(server: &Server, batch: &str, body: &str) -> VerifyPage {
    let reply = server.post(&format!("/v1/batches/{batch}/verify"), body);
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let page: VerifyPage = reply.json();
    assert_eq!(page.next, None);
    page
}

/// Records as an operator with a tool of his own gets at them; vectors included.
fn sql(data: &Path) -> Connection {
    drop(Sqlite::open(&data.join("records.sqlite")).unwrap());
    Connection::open(data.join("records.sqlite")).unwrap()
}

/// Where a block lies: the file, and the offset.
fn place(data: &Path, block: &[u8]) -> (PathBuf, i64) {
    let select = "SELECT p.name, b.offset FROM blocks b JOIN packs p ON p.id = b.pack WHERE b.digest = ?1";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?));
    let (pack, offset) = sql(data).query_row(select, [name(block).0], row).unwrap();
    (data.join("packs").join(pack), offset)
}

/// Ten documents of words that only they have.
fn ten() -> Vec<(String, Vec<u8>)> {
    let word = |number: usize| format!("w{}", blake3::hash(&[number as u8]).to_hex().split_at(8).0);
    (0..10)
        .map(|number| {
            let text = format!("The car of {} is a fast vehicle. No {}.", word(number), word(number + 100));
            (format!("d/{number}"), text.into_bytes())
        })
        .collect()
}

fn upload_ten(server: &Server) -> (String, u64) {
    let batch = server.batch().id;
    let files = ten();
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    server.upload(&batch, &files);
    assert_eq!(server.settled(&batch).processed_files, 10);
    (batch, files.iter().map(|(_, bytes)| bytes.len() as u64).sum())
}

#[test]
fn a_sound_batch_is_told_so() {
    let server = Server::start();
    let (batch, bytes) = upload_ten(&server);
    // Of other kinds: without text, of many chunks, and one that cannot be read.
    let long = "A dog begins. ".repeat(500);
    let more = [("empty", Vec::new()), ("long.docx", docx(&[&long])), ("bad", vec![0; 999])];
    server.upload(&batch, &more);
    server.post(&format!("/v1/batches/{batch}/complete"), "");
    server.until(&batch, |status| status.status == Phase::Completed);
    let page = verify(&server, &batch, r#"{"probes":100}"#);
    assert_eq!((page.documents.checked, page.documents.stored, page.failed), (13, 13, 1));
    assert_eq!(page.documents.bytes, bytes + more.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
    assert!(page.documents.damaged.is_empty());
    let chunks: u64 = server.documents(&batch).iter().map(|document| document.chunks).sum();
    let embeddings = &page.embeddings;
    assert!(chunks > 15, "{chunks}");
    assert_eq!((embeddings.documents, embeddings.chunks, embeddings.present), (12, chunks, chunks));
    assert_eq!((embeddings.dimension, embeddings.wrong), (Some(64), 0));
    // What has no text cannot be asked for.
    assert_eq!((page.probes.asked, page.probes.answered), (11, 11), "{:?}", page.probes.missed);
    // Defaults, an explicit null, and none at all.
    for body in ["", "null", "{}", r#"{"cursor":null}"#] {
        assert_eq!(verify(&server, &batch, body).probes.asked, 11);
    }
    let few = verify(&server, &batch, r#"{"probes":3}"#).probes;
    assert!(few.asked < 11 && few.asked == few.answered);
    assert_eq!(verify(&server, &batch, r#"{"probes":0}"#).probes.asked, 0);
    // The shape on the wire.
    let json: serde_json::Value = server.post(&format!("/v1/batches/{batch}/verify"), "").json();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&json), "documents embeddings failed next probes");
    assert_eq!(keys(&json["documents"]), "bytes checked damaged stored");
    assert_eq!(keys(&json["embeddings"]), "chunks dimension documents present wrong");
    assert_eq!(keys(&json["probes"]), "answered asked missed");
    assert!(json["next"].is_null());
}

#[test]
fn what_was_never_processed_is_no_fault() {
    let server = Server::with(&["--workers", "0"]);
    let batch = server.batch().id;
    assert_eq!(verify(&server, &batch, ""), VerifyPage::default(), "an empty batch");
    server.upload(&batch, &[("x", b"words".to_vec())]);
    let page = verify(&server, &batch, "");
    assert_eq!((page.documents.checked, page.documents.stored, page.documents.bytes), (1, 1, 5));
    assert_eq!((page.embeddings, page.probes, page.failed), Default::default());
}

#[test]
fn a_flipped_bit_is_found() {
    let server = Server::start();
    let (batch, bytes) = upload_ten(&server);
    let (path, text) = ten().swap_remove(4);
    let (pack, offset) = place(&server.data, &text);
    let mut file = std::fs::read(&pack).unwrap();
    file[offset as usize + 7] ^= 1;
    std::fs::write(&pack, file).unwrap();
    let page = verify(&server, &batch, "");
    assert_eq!((page.documents.checked, page.documents.stored), (10, 9));
    assert_eq!(page.documents.bytes, bytes - text.len() as u64);
    let [damaged] = &page.documents.damaged[..] else { panic!("{page:?}") };
    assert_eq!((&damaged.path, damaged.code.as_str()), (&path, codes::DIGEST_MISMATCH));
    assert!(damaged.message.contains(&name(&text).to_string()), "{}", damaged.message);
    assert!(server.documents(&batch).iter().any(|document| document.id == damaged.document_id));
    assert_eq!(page.embeddings.present, page.embeddings.chunks, "its text is in the index all the same");
}

#[test]
fn packs_that_are_short_or_gone_are_found() {
    let server = Server::start();
    let batch = server.batch().id;
    let texts: Vec<Vec<u8>> = (0..3).map(|seed| noise(seed, 3000)).collect();
    let path = ["a", "b", "c"];
    for (path, text) in path.iter().zip(&texts) {
        server.upload(&batch, &[(path, text.clone())]);
    }
    std::fs::remove_file(place(&server.data, &texts[0]).0).unwrap();
    let short = std::fs::OpenOptions::new().write(true).open(place(&server.data, &texts[2]).0).unwrap();
    short.set_len(2999).unwrap();
    let documents = verify(&server, &batch, "").documents;
    assert_eq!((documents.checked, documents.stored, documents.bytes), (3, 1, 3000));
    let damaged: Vec<_> = documents.damaged.iter().map(|d| (d.path.as_str(), d.code.as_str())).collect();
    assert_eq!(damaged, [("a", codes::BLOCK_MISSING), ("c", codes::BLOCK_MISSING)]);
    // One that the records have lost.
    sql(&server.data).execute("DELETE FROM blocks WHERE digest = ?1", [name(&texts[1]).0]).unwrap();
    assert_eq!(verify(&server, &batch, "").documents.stored, 0);
}

#[test]
fn more_damage_than_is_named_is_counted() {
    let server = Server::start();
    let batch = server.batch().id;
    let files: Vec<(String, Vec<u8>)> = (0..130).map(|seed| (format!("{seed:03}"), noise(seed, 100))).collect();
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    server.upload(&batch, &files);
    std::fs::remove_file(place(&server.data, &files[0].1).0).unwrap();
    let documents = verify(&server, &batch, "").documents;
    assert_eq!((documents.checked, documents.stored, documents.damaged.len()), (130, 0, 100));
}

#[test]
fn vectors_that_are_missing_or_wrong_are_counted() {
    let server = Server::start();
    let (batch, _) = upload_ten(&server);
    let c = sql(&server.data);
    let seqs: Vec<i64> = c
        .prepare("SELECT seq FROM chunks")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(seqs.len(), 10);
    c.execute("DELETE FROM vectors WHERE rowid = ?1", [seqs[0]]).unwrap();
    c.execute("UPDATE chunks SET embedding = x'0102' WHERE seq = ?1", [seqs[1]]).unwrap();
    c.execute("UPDATE chunks SET embedding = zeroblob(64) WHERE seq = ?1", [seqs[2]]).unwrap();
    let other = "INSERT INTO vectors (rowid, tenant, batch, bits) VALUES (?1, 1, 1, vec_bit(zeroblob(8)))";
    c.execute("DELETE FROM vectors WHERE rowid = ?1", [seqs[3]]).unwrap();
    c.execute(other, [seqs[3]]).unwrap();
    c.execute("DELETE FROM chunks WHERE seq = ?1", [seqs[4]]).unwrap();
    let page = verify(&server, &batch, "");
    let embeddings = page.embeddings;
    assert_eq!((embeddings.documents, embeddings.chunks, embeddings.present, embeddings.wrong), (10, 10, 8, 3));
    assert_eq!(page.documents.stored, 10, "bytes are another matter");
}

#[test]
fn a_document_that_search_does_not_find_is_named() {
    let server = Server::start();
    let (batch, _) = upload_ten(&server);
    let c = sql(&server.data);
    let select = "SELECT k.seq, d.id FROM chunks k JOIN documents d ON d.seq = k.document WHERE d.path = 'd/6'";
    let (seq, id): (i64, String) = c.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    c.execute(
        "INSERT INTO chunk_text (chunk_text, rowid, text) SELECT 'delete', seq, text FROM chunks WHERE seq = ?1",
        [seq],
    )
    .unwrap();
    c.execute("DELETE FROM vectors WHERE rowid = ?1", [seq]).unwrap();
    let probes = verify(&server, &batch, "").probes;
    assert_eq!((probes.asked, probes.answered), (10, 9));
    assert_eq!((probes.missed[0].document_id.as_str(), probes.missed[0].path.as_str()), (id.as_str(), "d/6"));
    assert!(probes.missed[0].query.contains("is a fast vehicle."), "{:?}", probes.missed);
}

#[test]
fn documents_that_a_question_cannot_tell_apart_are_no_miss() {
    let server = Server::start();
    let batch = server.batch().id;
    let names: Vec<String> = (0..60).map(|number| format!("{number}")).collect();
    // Some say the same, others nearly the same.
    let text = |number: usize| format!("A house is a home of {} rooms, and quick money.", number / 2);
    let files = names.iter().enumerate().map(|(number, name)| (name.as_str(), text(number).into_bytes()));
    server.upload(&batch, &files.collect::<Vec<_>>());
    server.settled(&batch);
    let probes = verify(&server, &batch, r#"{"probes":60}"#).probes;
    assert_eq!((probes.asked, probes.answered), (60, 60), "{:?}", probes.missed);
}

#[test]
fn who_may_ask_and_what() {
    let mut server = Server::start();
    let batch = server.batch().id;
    let path = format!("/v1/batches/{batch}/verify");
    for wrong in
        [r#"{"probes":101}"#, r#"{"probes":-1}"#, r#"{"probe":1}"#, r#"{"cursor":"nonsense"}"#, r#"{"cursor":1}"#]
    {
        server.post(&path, wrong).problem(400, codes::INVALID_REQUEST);
    }
    server.post("/v1/batches/batch_none/verify", "").problem(404, codes::BATCH_NOT_FOUND);
    server.with_key("other-key", |server| server.post(&path, "").problem(404, codes::BATCH_NOT_FOUND));
    let token: cloudindex_wire::UploadToken =
        server.post("/v1/tokens", &serde_json::json!({ "batchId": batch }).to_string()).json();
    server.with_key(&token.token, |server| server.post(&path, "").problem(403, codes::FORBIDDEN));
    server.send("GET", &path, &[], b"").problem(405, codes::INVALID_REQUEST);
}

/// The data of a server that has ended, read in this process.
struct Held {
    records: Sqlite,
    blocks: Box<dyn Blocks>,
    embeddings: Embeddings,
    runtime: tokio::runtime::Runtime,
    tenant: Tenant,
}

impl Held {
    fn open(data: &Path) -> Held {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let records = Sqlite::open(&data.join("records.sqlite")).unwrap();
        let tenant = runtime.block_on(records.tenant("default")).unwrap();
        let embeddings = Embeddings::By(Arc::new(Local::open(&model::small()).unwrap()));
        Held { records, blocks: Box::new(Files::open(&data.join("packs")).unwrap()), embeddings, runtime, tenant }
    }

    fn page(&self, batch: &str, cursor: Option<String>, bounds: Bounds) -> VerifyPage {
        let (records, jobs, blocks) = (&self.records, &self.records, &*self.blocks);
        let verifier = Verifier { records, jobs, blocks, embeddings: &self.embeddings, bounds };
        let query = VerifyQuery { cursor, probes: None };
        self.runtime.block_on(verifier.page(self.tenant, batch, &query)).unwrap().unwrap()
    }

    /// All pages, and their sum.
    fn pages(&self, batch: &str, bounds: Bounds) -> (u64, VerifyPage) {
        let (mut pages, mut sum) = (1, self.page(batch, None, bounds));
        while let Some(cursor) = sum.next.take() {
            let page = self.page(batch, Some(cursor), bounds);
            pages += 1;
            sum.documents.checked += page.documents.checked;
            sum.documents.stored += page.documents.stored;
            sum.documents.bytes += page.documents.bytes;
            sum.documents.damaged.extend(page.documents.damaged);
            sum.embeddings.documents += page.embeddings.documents;
            sum.embeddings.chunks += page.embeddings.chunks;
            sum.embeddings.present += page.embeddings.present;
            sum.embeddings.wrong += page.embeddings.wrong;
            sum.embeddings.dimension = sum.embeddings.dimension.or(page.embeddings.dimension);
            sum.probes.asked += page.probes.asked;
            sum.probes.answered += page.probes.answered;
            sum.probes.missed.extend(page.probes.missed);
            sum.failed += page.failed;
            sum.next = page.next;
        }
        (pages, sum)
    }
}

#[test]
fn small_pages_add_up_to_one() {
    let server = Server::start();
    let (batch, _) = upload_ten(&server);
    let blocks: Vec<Vec<u8>> = (0..7).map(|seed| noise(seed, 5000)).collect();
    let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    server.bundle(&batch, &[document("a/large", &slices), document("z/large", &slices[..3])], &slices);
    server.settled(&batch);
    let data = server.keep();
    // The last but one of the seven is damaged.
    let (pack, offset) = place(&data, &blocks[5]);
    let mut file = std::fs::read(&pack).unwrap();
    file[offset as usize] ^= 0x80;
    std::fs::write(&pack, file).unwrap();
    let held = Held::open(&data);
    let (pages, whole) = held.pages(&batch, Bounds::default());
    assert_eq!(pages, 1);
    assert_eq!((whole.documents.checked, whole.documents.stored, whole.documents.damaged.len()), (12, 11, 1));
    assert_eq!(whole.failed, 2, "noise is no text");
    let bounds = |documents, bytes, chunks| Bounds { documents, bytes, chunks, ..Bounds::default() };
    for (bounds, least) in [
        (bounds(3, u64::MAX, u64::MAX), 4),
        (bounds(1, u64::MAX, u64::MAX), 12),
        (bounds(u64::MAX, 1, u64::MAX), 18),
        (bounds(u64::MAX, 10_001, u64::MAX), 3),
        (bounds(u64::MAX, u64::MAX, 2), 5),
        (Bounds { time: std::time::Duration::ZERO, ..Bounds::default() }, 1),
    ] {
        if bounds.time.is_zero() {
            // Nothing can be done in no time, and yet the answer is a page.
            assert!(held.page(&batch, None, bounds).next.is_some());
            continue;
        }
        let (pages, sum) = held.pages(&batch, bounds);
        assert!(pages >= least, "{pages} {bounds:?}");
        assert_eq!(sum, whole, "{bounds:?}");
    }
    // A document that is replaced between two of its pages is read from its beginning.
    let first = held.page(&batch, None, bounds(u64::MAX, 10_000, u64::MAX));
    assert_eq!((first.documents.checked, first.documents.bytes), (0, 10_000));
    let server = Server::on(data, &["--workers", "0"]);
    server.bundle(&batch, &[document("a/large", &[slices[5], slices[0], slices[1], slices[2]])], &[]);
    let data = server.keep();
    let held = Held::open(&data);
    let second = held.page(&batch, first.next, Bounds::default());
    assert_eq!((second.documents.checked, second.documents.damaged.len()), (12, 1));
    std::fs::remove_dir_all(data).unwrap();
}

/// Packs that cannot be read any more, and someone who acts at that moment.
struct Failing<F: Fn() + Send + Sync>(F);

impl<F: Fn() + Send + Sync> Blocks for Failing<F> {
    fn create(&self) -> Answer<'_, Box<dyn PackWriter>> {
        unreachable!()
    }

    fn read(&self, pack: &str, _: u64, _: usize) -> Answer<'_, axum::body::Bytes> {
        (self.0)();
        let lost = StoreError::Lost(pack.into());
        Box::pin(async { Err(lost) })
    }

    fn size(&self, _: &str) -> Answer<'_, Option<u64>> {
        unreachable!()
    }

    fn remove(&self, _: &str) -> Answer<'_, Removal> {
        unreachable!()
    }

    fn packs(&self) -> Answer<'_, Vec<String>> {
        unreachable!()
    }
}

#[test]
fn what_is_deleted_or_replaced_meanwhile_is_not_damaged() {
    let server = Server::with(&["--workers", "0"]);
    let batch = server.batch().id;
    server.upload(&batch, &[("x", b"some".to_vec()), ("y", b"more".to_vec())]);
    let data = server.keep();
    let mut held = Held::open(&data);
    let c = sql(&data);
    held.blocks = Box::new(Failing(|| ()));
    assert_eq!(held.page(&batch, None, Bounds::default()).documents.damaged.len(), 2, "as long as they are there");
    // One is emptied, the other goes, just when their blocks cannot be read.
    let meanwhile = std::sync::Mutex::new(c);
    held.blocks = Box::new(Failing(move || {
        let c = meanwhile.lock().unwrap();
        c.execute_batch(
            "DELETE FROM jobs; DELETE FROM documents WHERE path = 'x'; UPDATE documents SET blocks = x'', size = 0",
        )
        .unwrap();
    }));
    let documents = held.page(&batch, None, Bounds::default()).documents;
    assert_eq!((documents.checked, documents.stored, documents.bytes), (1, 1, 0));
    assert!(documents.damaged.is_empty());
    std::fs::remove_dir_all(data).unwrap();
}

/// A model that is asked about a question just when somebody acts.
struct Meanwhile<F: Fn() + Send + Sync>(Local, F);

impl<F: Fn() + Send + Sync> Embedder for Meanwhile<F> {
    fn model(&self) -> Model {
        self.0.model()
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vector>, EmbedError> {
        (self.1)();
        self.0.embed(texts)
    }
}

#[test]
fn what_is_deleted_or_replaced_meanwhile_is_not_missed() {
    let server = Server::start();
    let (batch, _) = upload_ten(&server);
    let data = server.keep();
    for act in [
        "UPDATE chunks SET document = -1; DELETE FROM documents",
        "UPDATE chunks SET document = -1; UPDATE documents SET state = 0",
    ] {
        let mut held = Held::open(&data);
        let c = sql(&data);
        c.execute_batch("PRAGMA foreign_keys = OFF; CREATE TABLE before AS SELECT * FROM documents").unwrap();
        let path = data.join("records.sqlite");
        let small = Local::open(&model::small()).unwrap();
        held.embeddings = Embeddings::By(Arc::new(Meanwhile(small, move || {
            let c = Connection::open(&path).unwrap();
            c.execute_batch(&format!("PRAGMA foreign_keys = OFF; {act}")).unwrap();
        })));
        let page = held.page(&batch, None, Bounds::default());
        assert_eq!(page.probes, cloudindex_wire::ProbesAnswered::default(), "{act}");
        c.execute_batch("INSERT OR REPLACE INTO documents SELECT * FROM before; DROP TABLE before").unwrap();
    }
    std::fs::remove_dir_all(data).unwrap();
}
