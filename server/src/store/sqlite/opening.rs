//! Opening the file: connections, and the steps from one version of the schema to the next.

use super::{Result, search};
use crate::store::StoreError;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// What leads from one version of the schema to the next, from nothing on. `PRAGMA user_version` tells how many are done.
pub(super) const STEPS: [&str; 5] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
];
/// Lets every connection that is opened from now on know vectors.
pub(super) fn load_vectors() -> Result<()> {
    // SAFETY: the function is SQLite's own kind of entry point for an extension, which the crate declares without its
    // parameters; it was compiled into this program, so it lives as long as any connection.
    let code = unsafe {
        type Entry = unsafe extern "C" fn(
            *mut rusqlite::ffi::sqlite3,
            *mut *mut std::ffi::c_char,
            *const rusqlite::ffi::sqlite3_api_routines,
        ) -> std::ffi::c_int;
        let entry = std::mem::transmute::<*const (), Entry>(sqlite_vec::sqlite3_vec_init as *const ());
        rusqlite::ffi::sqlite3_auto_extension(Some(entry))
    };
    match code {
        rusqlite::ffi::SQLITE_OK => Ok(()),
        code => Err(StoreError::Failed(format!("SQLite did not take the extension for vectors: code {code}"))),
    }
}

pub(super) fn connect(path: &Path, how: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(20))?;
    connection.set_prepared_statement_cache_capacity(64);
    search::add_functions(&connection)?;
    if !how.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        // FULL: a commit is on the disk before it is answered. A checkpoint each 16 MiB of log rather than 4.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -65536;",
        )?;
    }
    Ok(connection)
}

pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    let Some(steps) = STEPS.get(done..) else {
        return Err(StoreError::Failed(format!(
            "the data is of version {version}, this server knows {}: use a newer server, or another --data directory",
            STEPS.len()
        )));
    };
    if steps.is_empty() {
        // Not a byte is written: a server must start on a full disk.
        return Ok(());
    }
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", STEPS.len() as i64)?;
    transaction.commit()?;
    Ok(())
}
