//! `kill -9` while documents are processed: every one is processed exactly once, or has a typed error, and counts add up.

use crate::support::*;
use cloudindex_wire::{DocumentState, Phase};
use serde_json::json;
use std::collections::BTreeMap;

/// Kills, and as many uploads, so that there is always work under way.
const KILLS: u64 = 20;
/// Documents an upload; every tenth is none that can be read.
const EACH: usize = 100;
const DOCUMENTS: usize = KILLS as usize * EACH;

fn file(number: usize) -> Vec<u8> {
    match number % 10 {
        3 => vec![0; 10 + number],
        5 => files::docx(&[&format!("Document w{number}x of paragraphs."), "More."]),
        _ => format!("Document w{number}x. {}", "It has some sentences to be cut. ".repeat(200)).into_bytes(),
    }
}

#[test]
fn every_document_is_processed_once_whenever_the_server_dies() {
    let mut server = Server::start();
    let batch = server.batch_with(r#"{"processing":{"chunkSize":200}}"#).id;
    let names: Vec<String> = (0..DOCUMENTS).map(|number| format!("d/{number}")).collect();
    let all: Vec<(&str, Vec<u8>)> =
        names.iter().enumerate().map(|(number, name)| (name.as_str(), file(number))).collect();
    let (mut last, mut amid) = (0, 0);
    for (kill, some) in all.chunks(EACH).enumerate() {
        server.upload(&batch, some);
        // A moment by seed: so many documents more are done, and then anything is under way.
        let least = last + 1 + u64::from(noise(kill as u64, 1)[0]) % 40;
        let seen = server.until(&batch, |status| status.processed_files + status.failed_files >= least);
        server = server.kill_and_restart();
        let now = server.status(&batch).status;
        assert_eq!(now.total_files, ((kill + 1) * EACH) as u64);
        last = now.processed_files + now.failed_files;
        assert!(last >= seen.processed_files + seen.failed_files, "what was told as done stays done");
        amid += u64::from(last < now.total_files);
    }
    eprintln!("{amid} of {KILLS} kills in the midst of work");
    assert!(amid * 4 >= KILLS * 3, "{amid}");
    server.post(&format!("/v1/batches/{batch}/complete"), "");
    let status = server.until(&batch, |status| status.status == Phase::Completed);
    let broken = (0..DOCUMENTS).filter(|number| number % 10 == 3).count() as u64;
    assert_eq!((status.processed_files, status.failed_files), (DOCUMENTS as u64 - broken, broken));
    let errors = server.errors(&batch);
    assert_eq!(errors.len() as u64, broken);
    let documents = server.documents(&batch);
    let count = |state| documents.iter().filter(|document| document.state == state).count() as u64;
    assert_eq!((count(DocumentState::Processed), count(DocumentState::Failed)), (DOCUMENTS as u64 - broken, broken));
    // The index holds each chunk once, in all of its tables.
    let data = server.keep();
    let c = rusqlite::Connection::open(data.join("records.sqlite")).unwrap();
    let number = |sql: &str| c.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let chunks = documents.iter().map(|document| document.chunks).sum::<u64>() as i64;
    assert!(chunks > DOCUMENTS as i64 * 20);
    assert_eq!(number("SELECT count(*) FROM chunks"), chunks);
    assert_eq!(number("SELECT count(*) FROM vectors_rowids"), chunks);
    assert_eq!(number("SELECT count(*) FROM chunk_text_docsize"), chunks);
    assert_eq!(number("SELECT count(*) FROM jobs"), 0);
    assert_eq!(number("SELECT processed + broken FROM batches"), DOCUMENTS as i64);
    c.execute_batch("INSERT INTO chunk_text (chunk_text, rank) VALUES ('integrity-check', 1)").unwrap();
    let mut per_document = BTreeMap::new();
    let mut select =
        c.prepare("SELECT d.path, count(*) FROM chunks k JOIN documents d ON d.seq = k.document GROUP BY 1").unwrap();
    for row in select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)? as u64))).unwrap() {
        let (path, chunks) = row.unwrap();
        per_document.insert(path, chunks);
    }
    for document in &documents {
        assert_eq!(per_document.get(&document.path).copied().unwrap_or(0), document.chunks, "{}", document.path);
    }
    drop(select);
    drop(c);
    let server = Server::on(data, &[]);
    assert_eq!(server.found(json!({ "query": "w77x", "limit": 1 })), ["d/77"]);
}
