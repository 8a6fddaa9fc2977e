//! The verifier by itself: small bounds, and what others do meanwhile.

use crate::support::*;
use crate::verify::{place, sql, upload_ten};
use cloudindex_server::embed::local::Local;
use cloudindex_server::embed::{EmbedError, Embedder, Model, Vector};
use cloudindex_server::pipeline::Embeddings;
use cloudindex_server::store::files::Files;
use cloudindex_server::store::sqlite::Sqlite;
use cloudindex_server::store::{Answer, Blocks, PackWriter, Records, Removal, StoreError, Tenant};
use cloudindex_server::verify::{Bounds, Verifier};
use cloudindex_wire::{VerifyPage, VerifyQuery};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

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
