//! Verification: what is sound is told so, and each damage by its name.

use crate::support::files::docx;
use crate::support::*;
use cloudindex_server::store::sqlite::Sqlite;
use cloudindex_wire::{Phase, VerifyPage, codes};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

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
pub fn sql(data: &Path) -> Connection {
    drop(Sqlite::open(&data.join("records.sqlite")).unwrap());
    Connection::open(data.join("records.sqlite")).unwrap()
}

/// Where a block lies: the file, and the offset.
pub fn place(data: &Path, block: &[u8]) -> (PathBuf, i64) {
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

pub fn upload_ten(server: &Server) -> (String, u64) {
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
