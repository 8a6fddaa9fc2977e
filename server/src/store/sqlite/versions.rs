//! Data that servers of before left behind: each version of the schema opens, and nothing of it is lost.

use super::{Sqlite, documents::pack_list, opening::STEPS};
use crate::store::{Deliveries, Jobs, Page, Records, Tenant, Upkeep};
use cloudindex_wire::{Digest, DocumentState, Phase};
use rusqlite::{Connection, params};

const DIGEST: Digest = Digest([7; 32]);

/// Records as the server of `version` left them: a document that waits, of one block, in a batch that takes no more.
fn left_by(version: usize, path: &std::path::Path) {
    let c = Connection::open(path).unwrap();
    STEPS[..version].iter().for_each(|step| c.execute_batch(step).unwrap());
    c.pragma_update(None, "user_version", version as i64).unwrap();
    c.execute_batch(
        "INSERT INTO tenants (id, name) VALUES (1, 't');
         INSERT INTO batches (seq, id, tenant, phase, documents, failed, bytes, created_at, started_at, tracking)
             VALUES (1, 'batch', 1, 1, 1, 1, 5, 1000, 2000, '{\"webhookUrl\":\"https://example.com\"}');
         INSERT INTO idempotency (tenant, key, request, batch) VALUES (1, 'key', x'', 1);
         INSERT INTO errors (batch, path, type, code, message, retryable, counted, at) VALUES (1, 'no', 'validation', 'c', 'm', 0, 1, 0);
         INSERT INTO packs (id, name) VALUES (1, 'pack_x');",
    )
    .unwrap();
    let document = "INSERT INTO documents (seq, id, batch, path, size, type, blocks, created_at, updated_at)
         VALUES (1, 'doc', 1, 'a/b', 5, 'text/plain', ?1, 1000, 2000)";
    c.execute(document, [pack_list(&[(DIGEST, 5)])]).unwrap();
    let block = "INSERT INTO blocks (tenant, digest, pack, offset, length, at) VALUES (1, ?1, 1, 3, 5, 1000)";
    c.execute(block, params![DIGEST.0]).unwrap();
    if version >= 2 {
        c.execute_batch("INSERT INTO jobs (document, stamp, batch, size, attempts) VALUES (1, 9, 1, 5, 2)").unwrap();
    }
    if version >= 3 {
        c.execute_batch(
            "INSERT INTO deliveries (id, batch, body, ready_at, created_at) VALUES ('msg', 1, '{}', 0, 0);
             INSERT INTO webhook_secrets (tenant, secret) VALUES (1, x'0102');",
        )
        .unwrap();
    }
}

#[tokio::test]
async fn data_of_every_version_before_opens_and_works() {
    for version in 1..STEPS.len() {
        let path = std::env::temp_dir().join(format!("cloudindex-version-{version}-{}.sqlite", std::process::id()));
        let _ = std::fs::remove_file(&path);
        left_by(version, &path);
        let records = Sqlite::open(&path).unwrap();
        let tenant = records.tenant("t").await.unwrap();
        assert_eq!(tenant, Tenant(1));
        let batch = records.batch(tenant, "batch").await.unwrap().unwrap().status;
        assert_eq!((batch.status, batch.total_files, batch.bytes), (Phase::Processing, 2, 5), "version {version}");
        let page = || Page { cursor: None, limit: 10 };
        assert_eq!(records.errors(tenant, "batch", page()).await.unwrap().unwrap().rows[0].message, "m");
        let documents = records.documents(tenant, "batch", page()).await.unwrap().unwrap().rows;
        assert_eq!((documents[0].path.as_str(), documents[0].state), ("a/b", DocumentState::Queued));
        assert_eq!(documents[0].blocks, [(DIGEST, 5)]);
        let place = records.locate(tenant, vec![DIGEST]).await.unwrap().remove(0).unwrap();
        assert_eq!((place.pack.as_str(), place.offset, place.length), ("pack_x", 3, 5));
        let jobs = records.waiting(Vec::new(), 10).await.unwrap().jobs;
        assert_eq!((jobs.len(), jobs[0].attempts), (1, if version >= 2 { 2 } else { 0 }));
        let deliveries = records.deliveries(tenant, "batch", page()).await.unwrap().unwrap().rows;
        assert_eq!(deliveries.len(), usize::from(version >= 3));
        // What came since works on it, too.
        assert!(records.delete_document(tenant, "doc").await.unwrap());
        let dropped = records.drop_blocks(vec![(tenant, DIGEST)], 1001).await.unwrap();
        assert_eq!((dropped.blocks, dropped.bytes, dropped.packs), (1, 5, vec!["pack_x".to_owned()]));
        drop(records);
        std::fs::remove_file(&path).unwrap();
    }
}
