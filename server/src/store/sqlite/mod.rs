//! [`Records`] and [`Jobs`] in one SQLite file: one connection that writes, some that read.
//!
//! | module | holds |
//! | --- | --- |
//! | `batches` | making, reading, listing and ending batches; their errors |
//! | `documents` | reading, listing and deleting documents; where blocks lie |
//! | `commit` | the one transaction of a bundle |
//! | `jobs` | the queue, and the one transaction that ends jobs |
//! | `deliveries` | which changes are events, and the queue of webhooks |
//! | `opening` | connections, and the steps from one schema to the next |
//! | `tenants` | what tenants hold and may |
//! | `upkeep` | which blocks nobody needs, and moving those that lie among them |
//! | [`backup`] | a copy of them, while they are written |
//! | `index`, `search` | chunks, their words and vectors; finding them |

pub mod backup;
mod batches;
mod commit;
mod deliveries;
mod documents;
mod index;
mod jobs;
mod opening;
mod search;
mod tenants;
mod upkeep;
#[cfg(test)]
mod versions;

use super::files::blocking;
use super::{
    Ahead, Answer, BatchRecord, Bundle, Committed, Created, Ending, Found, Indexed, JobId, Jobs, Listed, Location,
    Outcome, Page, Records, Retry, Standing, StoreError, Tenant, Waiting,
};
use crate::embed::{Model, Vector};
use cloudindex_wire::{BatchError, Digest, Document, NewBatch, Quota, SearchQuery, Usage};
use opening::{connect, load_vectors, migrate};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Connections that read at once.
const READERS: usize = 4;
/// How long a block that no document names is kept after a client was told of it, unless something else is asked for.
const KEEP: Duration = Duration::from_secs(24 * 3600);
/// That a block was told of is noted only if the last note is older than this part of the time it is kept, so that a probe
/// seldom writes.
const TOLD: u32 = 24;

/// Bytes of block lists and free-form JSON after which a page ends early: some records are large.
const PAGE_WEIGHT: usize = 8 << 20;

type Result<T> = std::result::Result<T, StoreError>;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi::{SQLITE_FULL, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};
        match error.sqlite_extended_error_code() {
            // A quota fails the write, a full disk the growth of the log's index.
            Some(SQLITE_FULL | SQLITE_IOERR_WRITE | SQLITE_IOERR_SHMSIZE) => StoreError::Full(error.to_string()),
            _ => StoreError::Failed(error.to_string()),
        }
    }
}

/// Records in an SQLite file.
pub struct Sqlite {
    path: PathBuf,
    writer: Arc<tokio::sync::Mutex<Writer>>,
    idle_readers: Arc<Mutex<Vec<Connection>>>,
    readers: Semaphore,
    /// The latest time that was ever given, in milliseconds since 1970.
    latest: Arc<AtomicI64>,
    /// How old a note may be that a block was told of, in milliseconds.
    told: i64,
}

/// `now`, or the latest time that was given before: a clock that is set back must not make what comes later look older.
fn later(latest: &AtomicI64, now: i64) -> i64 {
    latest.fetch_max(now, Ordering::SeqCst).max(now)
}

/// The writing connection; it is opened anew when one was lost.
struct Writer(Option<Connection>);

impl Sqlite {
    /// Opens the file, and makes it if need be. The disk must lock as a local one does.
    pub fn open(path: &Path) -> Result<Self> {
        Self::keeping(path, KEEP)
    }

    /// The same, where blocks that no document names are kept for that long.
    pub fn keeping(path: &Path, keep: Duration) -> Result<Self> {
        load_vectors()?;
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        migrate(&mut connection)?;
        jobs::resume(&connection)?;
        Ok(Sqlite {
            path: path.to_owned(),
            writer: Arc::new(tokio::sync::Mutex::new(Writer(Some(connection)))),
            idle_readers: Arc::default(),
            readers: Semaphore::new(READERS),
            latest: Arc::default(),
            told: i64::try_from((keep / TOLD).as_millis()).unwrap_or(i64::MAX),
        })
    }

    /// Runs `work` on the writing connection; one at a time.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut writer = self.writer.clone().lock_owned().await;
        let path = self.path.clone();
        blocking(move || {
            let mut connection = match writer.0.take() {
                Some(connection) => connection,
                None => connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?,
            };
            let result = work(&mut connection);
            // A transaction that could not even be rolled back must not leak into the next request.
            writer.0 = connection.is_autocommit().then_some(connection);
            result
        })
        .await
    }

    /// Runs `work` on a reading connection, which sees what was committed before.
    async fn read<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> Result<T> + Send + 'static) -> Result<T> {
        let _permit = self.readers.acquire().await.map_err(|error| StoreError::Failed(error.to_string()))?;
        let (path, idle) = (self.path.clone(), self.idle_readers.clone());
        blocking(move || {
            let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match waiting {
                Some(connection) => connection,
                None => connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
            };
            let result = work(&connection);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        })
        .await
    }
}

/// A `u64` of the wire as SQLite keeps it; nothing real is larger.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Back again.
fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

impl Records for Sqlite {
    fn tenant(&self, name: &str) -> Answer<'_, Tenant> {
        let name = name.to_owned();
        Box::pin(self.write(move |c| {
            c.execute("INSERT INTO tenants (name) VALUES (?1) ON CONFLICT DO NOTHING", [&name])?;
            Ok(Tenant(c.query_row("SELECT id FROM tenants WHERE name = ?1", [&name], |row| row.get(0))?))
        }))
    }

    fn set_quota(&self, tenant: Tenant, quota: Quota) -> Answer<'_, ()> {
        Box::pin(self.write(move |c| tenants::set_quota(c, tenant, quota)))
    }

    fn usage(&self, tenant: Tenant) -> Answer<'_, Usage> {
        Box::pin(self.read(move |c| tenants::usage(c, tenant)))
    }

    fn standing(&self) -> Answer<'_, Standing> {
        Box::pin(self.read(tenants::standing))
    }

    fn create_batch(&self, tenant: Tenant, new: NewBatch, key: Option<(String, [u8; 32])>) -> Answer<'_, Created> {
        Box::pin(self.write(move |c| batches::create(c, tenant, &new, key)))
    }

    fn batch(&self, tenant: Tenant, id: &str) -> Answer<'_, Option<BatchRecord>> {
        let id = id.to_owned();
        Box::pin(self.read(move |c| batches::get(c, tenant, &id)))
    }

    fn batches(&self, tenant: Tenant, page: Page) -> Answer<'_, Listed<BatchRecord>> {
        Box::pin(self.read(move |c| batches::list(c, tenant, &page)))
    }

    fn end_batch(&self, tenant: Tenant, id: &str, ending: Ending) -> Answer<'_, Option<BatchRecord>> {
        let id = id.to_owned();
        Box::pin(self.write(move |c| batches::end(c, tenant, &id, ending)))
    }

    fn errors(&self, tenant: Tenant, batch: &str, page: Page) -> Answer<'_, Option<Listed<BatchError>>> {
        let batch = batch.to_owned();
        Box::pin(self.read(move |c| batches::errors(c, tenant, &batch, &page)))
    }

    fn documents(&self, tenant: Tenant, batch: &str, page: Page) -> Answer<'_, Option<Listed<Document>>> {
        let batch = batch.to_owned();
        Box::pin(self.read(move |c| documents::list(c, tenant, &batch, &page)))
    }

    fn documents_after(
        &self,
        tenant: Tenant,
        batch: &str,
        path: &str,
        limit: u32,
    ) -> Answer<'_, Option<Vec<Document>>> {
        let (batch, path) = (batch.to_owned(), path.to_owned());
        Box::pin(self.read(move |c| documents::after(c, tenant, &batch, &path, limit)))
    }

    fn document(&self, tenant: Tenant, id: &str) -> Answer<'_, Option<Document>> {
        let id = id.to_owned();
        Box::pin(self.read(move |c| documents::get(c, tenant, &id)))
    }

    fn delete_document(&self, tenant: Tenant, id: &str) -> Answer<'_, bool> {
        let id = id.to_owned();
        Box::pin(self.write(move |c| documents::delete(c, tenant, &id)))
    }

    fn locate(&self, tenant: Tenant, digests: Vec<Digest>) -> Answer<'_, Vec<Option<Location>>> {
        Box::pin(self.read(move |c| documents::locate(c, tenant, &digests)))
    }

    fn hold(&self, tenant: Tenant, digests: Vec<Digest>, now: i64) -> Answer<'_, Vec<bool>> {
        let (now, latest) = (later(&self.latest, now), self.latest.clone());
        Box::pin(async move {
            let told = move |c: &Connection| Ok((documents::told_at(c, tenant, &digests)?, digests));
            let (told, digests) = self.read(told).await?;
            let mut held: Vec<bool> = told.iter().map(Option::is_some).collect();
            let stale =
                told.iter().enumerate().filter(|(_, at)| at.is_some_and(|at| at < now.saturating_sub(self.told)));
            let (places, stale): (Vec<usize>, Vec<Digest>) = stale.map(|(place, _)| (place, digests[place])).unzip();
            if !stale.is_empty() {
                // What a collector took meanwhile is held no more.
                let kept = self.write(move |c| documents::refresh(c, tenant, &stale, later(&latest, now))).await?;
                places.into_iter().zip(kept).for_each(|(place, kept)| held[place] = kept);
            }
            Ok(held)
        })
    }

    fn commit(&self, tenant: Tenant, batch: &str, bundle: Bundle, now: i64) -> Answer<'_, Committed> {
        let (batch, told, latest) = (batch.to_owned(), self.told, self.latest.clone());
        Box::pin(self.write(move |c| {
            // Only here has it the writer to itself: no round that began before this transaction has a later time.
            let noted = later(&latest, now);
            let notes = documents::Notes { now: noted, stale: noted.saturating_sub(told) };
            commit::commit(c, tenant, &batch, bundle, now, notes)
        }))
    }

    fn unused_packs(&self, packs: Vec<String>) -> Answer<'_, Vec<String>> {
        Box::pin(self.read(move |c| documents::unused_packs(c, packs)))
    }
}

impl Jobs for Sqlite {
    fn prepare(&self, model: Model) -> Answer<'_, u64> {
        Box::pin(self.write(move |c| jobs::prepare(c, &model)))
    }

    fn waiting(&self, under_way: Vec<JobId>, limit: usize) -> Answer<'_, Waiting> {
        Box::pin(self.read(move |c| jobs::waiting(c, &under_way, limit)))
    }

    fn finish(&self, outcomes: Vec<(JobId, Outcome)>) -> Answer<'_, ()> {
        Box::pin(self.write(move |c| jobs::finish(c, outcomes)))
    }

    fn retry_document(&self, tenant: Tenant, id: &str) -> Answer<'_, Option<Retry>> {
        let id = id.to_owned();
        Box::pin(self.write(move |c| jobs::retry_document(c, tenant, &id)))
    }

    fn retry_batch(&self, tenant: Tenant, id: &str) -> Answer<'_, Option<Retry>> {
        let id = id.to_owned();
        Box::pin(self.write(move |c| jobs::retry_batch(c, tenant, &id)))
    }

    fn ahead(&self, batch: &str) -> Answer<'_, Ahead> {
        let batch = batch.to_owned();
        Box::pin(self.read(move |c| jobs::ahead(c, &batch)))
    }

    fn indexed(&self, tenant: Tenant, document: &str, pick: u64) -> Answer<'_, Option<Indexed>> {
        let document = document.to_owned();
        Box::pin(self.read(move |c| index::indexed(c, tenant, &document, pick)))
    }

    fn search(&self, tenant: Tenant, query: SearchQuery, vector: Option<Vector>) -> Answer<'_, Vec<Found>> {
        Box::pin(self.read(move |c| search::search(c, tenant, &query, vector.as_ref())))
    }
}

#[cfg(test)]
mod tests {
    use super::opening::STEPS;
    use super::*;

    #[test]
    fn data_of_before_the_pipeline_has_its_turn() {
        let path = std::env::temp_dir().join(format!("cloudindex-migrate-{}.sqlite", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let c = Connection::open(&path).unwrap();
        c.execute_batch(STEPS[0]).unwrap();
        c.execute_batch(
            "PRAGMA user_version = 1; INSERT INTO tenants VALUES (1, 't'), (2, 'u');
             INSERT INTO batches (seq, id, tenant, phase, documents, failed, created_at) VALUES
                 (1, 'done', 1, 2, 1, 1, 0), (2, 'open', 1, 0, 1, 0, 0), (3, 'cancelled', 1, 3, 1, 0, 0), (4, 'empty', 1, 2, 0, 0, 0);
             UPDATE batches SET bytes = 7 WHERE documents = 1;
             INSERT INTO packs VALUES (1, 'pack_x');
             INSERT INTO blocks (tenant, digest, pack, offset, length, at) VALUES (1, x'01', 1, 0, 5, 0), (1, x'02', 1, 5, 6, 0);
             INSERT INTO documents (seq, id, batch, path, size, type, blocks, created_at, updated_at) VALUES
                 (1, 'a', 1, 'a', 5, '', x'', 0, 0), (2, 'b', 2, 'b', 6, '', x'', 0, 0), (3, 'c', 3, 'c', 7, '', x'', 0, 0);
             INSERT INTO errors (batch, path, type, code, message, retryable, counted, at) VALUES (1, 'x', 'validation', 'c', 'm', 0, 1, 0);",
        )
        .unwrap();
        drop(c);
        drop(Sqlite::open(&path).unwrap());
        // Once more is no news.
        drop(Sqlite::open(&path).unwrap());
        let c = Connection::open(&path).unwrap();
        let list = |sql: &str| -> Vec<i64> {
            c.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect()
        };
        assert_eq!(list("SELECT document FROM jobs ORDER BY document"), [1, 2], "a cancelled batch is left alone");
        assert_eq!(list("SELECT phase FROM batches ORDER BY seq"), [1, 0, 3, 2]);
        assert_eq!(list("SELECT counted FROM errors WHERE stage = 0"), [1]);
        let held = |tenant| {
            let usage = tenants::usage(&c, Tenant(tenant)).unwrap();
            [usage.documents, usage.bytes, usage.block_bytes, usage.batches]
        };
        assert_eq!((held(1), held(2)), ([3, 21, 11, 4], [0; 4]), "what was there is counted");
        let all = Standing { open: 1, processing: 1, completed: 1, cancelled: 1, waiting: 2 };
        assert_eq!(tenants::standing(&c).unwrap(), all);
        assert!(Sqlite::open(&path).is_ok());
        c.execute_batch("PRAGMA user_version = 99").unwrap();
        assert!(Sqlite::open(&path).err().unwrap().to_string().contains("newer server"));
        drop(c);
        std::fs::remove_file(&path).unwrap();
    }
}
