//! A copy of the records as they are at one moment, while they are written.

use super::{Result, opening::connect};
use crate::store::StoreError;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// What the records were made of when they were copied.
#[derive(Debug, PartialEq, Eq)]
pub struct Copied {
    pub documents: u64,
    /// Names of the packs in which their blocks lie.
    pub packs: Vec<String>,
}

/// Copies the records at `from` to the new file `to`, durably. Another process may use them meanwhile.
pub fn copy(from: &Path, to: &Path) -> Result<Copied> {
    let source = connect(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut target = Connection::open(to)?;
    // All at once is one snapshot, which no writer can disturb. They write on meanwhile, into the log.
    match Backup::new(&source, &mut target)?.step(-1)? {
        StepResult::Done => {}
        other => return Err(StoreError::Failed(format!("the records could not be copied: {other:?}"))),
    }
    let documents = target.query_row("SELECT count(*) FROM documents", [], |row| row.get::<_, i64>(0))?;
    let mut select = target.prepare("SELECT name FROM packs ORDER BY id")?;
    let packs = select.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    drop(select);
    target.close().map_err(|(_, error)| error)?;
    std::fs::File::open(to)?.sync_all()?;
    Ok(Copied { documents: super::uint(documents), packs })
}
