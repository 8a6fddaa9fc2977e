//! [`Records`] in one SQLite file: one connection that writes, some that read.
//!
//! | module | holds |
//! | --- | --- |
//! | `batches` | making, reading, listing and ending batches; their errors |
//! | `documents` | reading, listing and deleting documents; where blocks lie |
//! | `commit` | the one transaction of a bundle |

mod batches;
mod commit;
mod documents;

use super::files::blocking;
use super::{Answer, BatchRecord, Bundle, Committed, Created, Listed, Location, Page, Records, StoreError, Tenant};
use crate::clock;
use cloudindex_wire::{BatchError, Digest, Document, NewBatch, Phase};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The schema's version, in `PRAGMA user_version`.
const VERSION: i64 = 1;
/// Connections that read at once.
const READERS: usize = 4;
/// Milliseconds for which a block that was told of as held need not be noted again, so that a probe seldom writes.
const TOLD: i64 = 3_600_000;

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
}

/// The writing connection; it is opened anew when one was lost.
struct Writer(Option<Connection>);

impl Sqlite {
    /// Opens the file, and makes it if need be. The disk must lock as a local one does.
    pub fn open(path: &Path) -> Result<Self> {
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        migrate(&mut connection)?;
        Ok(Sqlite {
            path: path.to_owned(),
            writer: Arc::new(tokio::sync::Mutex::new(Writer(Some(connection)))),
            idle_readers: Arc::default(),
            readers: Semaphore::new(READERS),
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

fn connect(path: &Path, how: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(20))?;
    connection.set_prepared_statement_cache_capacity(64);
    if !how.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        // FULL: a commit is on the disk before it is answered. A checkpoint each 16 MiB of log rather than 4.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -65536;",
        )?;
    }
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match version {
        0 => {
            transaction.execute_batch(include_str!("schema.sql"))?;
            transaction.pragma_update(None, "user_version", VERSION)?;
            transaction.commit()?;
            Ok(())
        }
        VERSION => Ok(()),
        other => Err(StoreError::Failed(format!(
            "the data is of version {other}, this server knows {VERSION}: use a newer server, or another --data directory"
        ))),
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

    fn end_batch(&self, tenant: Tenant, id: &str, phase: Phase) -> Answer<'_, Option<BatchRecord>> {
        let id = id.to_owned();
        Box::pin(self.write(move |c| batches::end(c, tenant, &id, phase)))
    }

    fn errors(&self, tenant: Tenant, batch: &str, page: Page) -> Answer<'_, Option<Listed<BatchError>>> {
        let batch = batch.to_owned();
        Box::pin(self.read(move |c| batches::errors(c, tenant, &batch, &page)))
    }

    fn documents(&self, tenant: Tenant, batch: &str, page: Page) -> Answer<'_, Option<Listed<Document>>> {
        let batch = batch.to_owned();
        Box::pin(self.read(move |c| documents::list(c, tenant, &batch, &page)))
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

    fn hold(&self, tenant: Tenant, digests: Vec<Digest>) -> Answer<'_, Vec<bool>> {
        Box::pin(async move {
            let now = clock::now_ms();
            let told = move |c: &Connection| Ok((documents::told_at(c, tenant, &digests)?, digests));
            let (told, digests) = self.read(told).await?;
            let mut held: Vec<bool> = told.iter().map(Option::is_some).collect();
            let stale = told.iter().enumerate().filter(|(_, at)| at.is_some_and(|at| at < now - TOLD));
            let (places, stale): (Vec<usize>, Vec<Digest>) = stale.map(|(place, _)| (place, digests[place])).unzip();
            if !stale.is_empty() {
                // What a collector took meanwhile is held no more.
                let kept = self.write(move |c| documents::refresh(c, tenant, &stale, now)).await?;
                places.into_iter().zip(kept).for_each(|(place, kept)| held[place] = kept);
            }
            Ok(held)
        })
    }

    fn commit(&self, tenant: Tenant, batch: &str, bundle: Bundle) -> Answer<'_, Committed> {
        let batch = batch.to_owned();
        Box::pin(self.write(move |c| commit::commit(c, tenant, &batch, bundle)))
    }

    fn unused_packs(&self, packs: Vec<String>) -> Answer<'_, Vec<String>> {
        Box::pin(self.read(move |c| documents::unused_packs(c, packs)))
    }
}
