//! Documents, and where their blocks lie.

use super::{PAGE_WEIGHT, Result, batches, index, int, jobs, uint};
use crate::clock;
use crate::store::{Listed, Location, Page, StoreError, Tenant};
use cloudindex_wire::{Digest, Document, DocumentState};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

const COLUMNS: &str = "d.id, d.path, d.size, d.type, d.last_modified, d.metadata, d.blocks, d.created_at, d.updated_at, b.id, \
     d.state, d.detected, d.chunks";

/// One block in `documents.blocks`.
const ENTRY: usize = 40;

/// `[digest, length]` as the column holds them.
pub(super) fn pack_list(blocks: &[(Digest, u64)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(blocks.len() * ENTRY);
    for (digest, length) in blocks {
        bytes.extend_from_slice(&digest.0);
        bytes.extend_from_slice(&length.to_le_bytes());
    }
    bytes
}

/// Back again; `None` if the column is damaged.
pub(super) fn unpack_list(bytes: &[u8]) -> Option<Vec<(Digest, u64)>> {
    let (entries, rest) = bytes.as_chunks::<ENTRY>();
    let one = |entry: &[u8; ENTRY]| {
        let (digest, length) = entry.split_at(32);
        Some((Digest(digest.try_into().ok()?), u64::from_le_bytes(length.try_into().ok()?)))
    };
    entries.iter().map(one).collect::<Option<Vec<_>>>().filter(|_| rest.is_empty())
}

fn record(row: &Row<'_>) -> rusqlite::Result<Document> {
    let blocks = row.get_ref(6)?.as_blob()?;
    let blocks = unpack_list(blocks).ok_or(rusqlite::Error::InvalidColumnType(
        6,
        "blocks".into(),
        rusqlite::types::Type::Blob,
    ))?;
    Ok(Document {
        id: row.get(0)?,
        path: row.get(1)?,
        size: uint(row.get(2)?),
        media_type: row.get(3)?,
        last_modified: row.get::<_, Option<i64>>(4)?.map(uint),
        metadata: batches::raw(row.get(5)?),
        blocks,
        created_at: clock::iso(row.get(7)?),
        updated_at: clock::iso(row.get(8)?),
        batch_id: row.get(9)?,
        state: match row.get(10)? {
            jobs::PROCESSED => DocumentState::Processed,
            jobs::FAILED => DocumentState::Failed,
            _ => DocumentState::Queued,
        },
        detected_type: row.get(11)?,
        chunks: uint(row.get(12)?),
    })
}

pub(super) fn get(c: &Connection, tenant: Tenant, id: &str) -> Result<Option<Document>> {
    let mut select = c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM documents d JOIN batches b ON b.seq = d.batch WHERE d.id = ?1 AND b.tenant = ?2"
    ))?;
    Ok(select.query_row(params![id, tenant.0], record).optional()?)
}

/// The cursor is the last path in hex: it holds while documents come and go.
pub(super) fn list(c: &Connection, tenant: Tenant, batch: &str, asked: &Page) -> Result<Option<Listed<Document>>> {
    let Some((seq, _)) = batches::find(c, tenant, batch)? else { return Ok(None) };
    let after = asked.cursor.as_deref().map(|cursor| from_hex(cursor).ok_or(StoreError::Cursor)).transpose()?;
    let (rows, more) = page(c, seq, &after.unwrap_or_default(), asked.limit)?;
    let next = rows.last().filter(|_| more).map(|last: &Document| to_hex(&last.path));
    Ok(Some(Listed { rows, next }))
}

pub(super) fn after(
    c: &Connection,
    tenant: Tenant,
    batch: &str,
    path: &str,
    limit: u32,
) -> Result<Option<Vec<Document>>> {
    let Some((seq, _)) = batches::find(c, tenant, batch)? else { return Ok(None) };
    Ok(Some(page(c, seq, path, limit)?.0))
}

/// Documents after a path, and whether there are more.
fn page(c: &Connection, batch: i64, after: &str, limit: u32) -> Result<(Vec<Document>, bool)> {
    let mut select = c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM documents d JOIN batches b ON b.seq = d.batch
         WHERE d.batch = ?1 AND d.path > ?2 ORDER BY d.path LIMIT ?3"
    ))?;
    let mut found = select.query_map(params![batch, after, i64::from(limit) + 1], record)?;
    let (mut rows, mut weight) = (Vec::new(), 0);
    while let Some(document) = found.next().transpose()? {
        if rows.len() >= limit as usize || weight >= PAGE_WEIGHT {
            return Ok((rows, true));
        }
        weight += document.blocks.len() * ENTRY + document.metadata.as_ref().map_or(0, |json| json.get().len());
        rows.push(document);
    }
    Ok((rows, false))
}

fn to_hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<String> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes = pairs.iter().map(byte).collect::<Option<Vec<_>>>().filter(|_| rest.is_empty())?;
    String::from_utf8(bytes).ok()
}

pub(super) fn delete(c: &mut Connection, tenant: Tenant, id: &str) -> Result<bool> {
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let select = "SELECT d.seq, d.batch, d.size, d.state, d.path FROM documents d JOIN batches b ON b.seq = d.batch
         WHERE d.id = ?1 AND b.tenant = ?2";
    let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get::<_, String>(4)?));
    let gone: Option<(i64, i64, i64, i64, String)> =
        transaction.query_row(select, params![id, tenant.0], row).optional()?;
    let Some((document, batch, size, state, path)) = gone else { return Ok(false) };
    index::remove(&transaction, document)?;
    // Also what was said against other content in its place, which does not count while a document is held.
    transaction.execute("DELETE FROM errors WHERE batch = ?1 AND path = ?2", params![batch, path])?;
    transaction.execute("DELETE FROM jobs WHERE document = ?1", [document])?;
    transaction.execute("DELETE FROM documents WHERE seq = ?1", [document])?;
    let update = "UPDATE batches SET documents = documents - 1, bytes = bytes - ?2 WHERE seq = ?1";
    transaction.execute(update, [batch, size])?;
    let mut tally = jobs::Tally::default();
    tally.count(batch, state, -1);
    tally.write(&transaction, clock::now_ms())?;
    transaction.commit()?;
    Ok(true)
}

/// How it is noted that clients are told of blocks. Times are milliseconds since 1970, and never go back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Notes {
    pub now: i64,
    /// Notes from before this are made anew.
    pub stale: i64,
}

/// The length of a block of the tenant's, which is noted to be relied on from now on; `None`: there is none of that name.
///
/// Without the note a collector that saw the documents of before could take the block from the one that names it now.
pub(super) fn relied_on(c: &Connection, tenant: Tenant, digest: &Digest, notes: Notes) -> Result<Option<u64>> {
    let mut select = c.prepare_cached("SELECT length, at FROM blocks WHERE tenant = ?1 AND digest = ?2")?;
    let held =
        select.query_row(params![tenant.0, digest.0], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?))).optional()?;
    let Some((length, at)) = held else { return Ok(None) };
    if at < notes.stale {
        note(c, tenant, digest, notes.now)?;
    }
    Ok(Some(uint(length)))
}

/// Notes that a client is told of a block; whether it is there.
fn note(c: &Connection, tenant: Tenant, digest: &Digest, now: i64) -> Result<bool> {
    let mut update = c.prepare_cached("UPDATE blocks SET at = ?3 WHERE tenant = ?1 AND digest = ?2")?;
    Ok(update.execute(params![tenant.0, digest.0, now])? > 0)
}

pub(super) fn locate(c: &Connection, tenant: Tenant, digests: &[Digest]) -> Result<Vec<Option<Location>>> {
    let mut select = c.prepare_cached(
        "SELECT p.name, b.offset, b.length FROM blocks b JOIN packs p ON p.id = b.pack WHERE b.tenant = ?1 AND b.digest = ?2",
    )?;
    let mut all = Vec::with_capacity(digests.len());
    for digest in digests {
        let one = select.query_row(params![tenant.0, digest.0], |row| {
            Ok(Location { pack: row.get(0)?, offset: uint(row.get(1)?), length: uint(row.get(2)?) })
        });
        all.push(one.optional()?);
    }
    Ok(all)
}

/// When a client was last told of each block; `None`: it is not held.
pub(super) fn told_at(c: &Connection, tenant: Tenant, digests: &[Digest]) -> Result<Vec<Option<i64>>> {
    // One snapshot, and one lock instead of one a digest.
    let snapshot = c.unchecked_transaction()?;
    let mut select = snapshot.prepare_cached("SELECT at FROM blocks WHERE tenant = ?1 AND digest = ?2")?;
    let told = digests.iter().map(|digest| select.query_row(params![tenant.0, digest.0], |row| row.get(0)).optional());
    Ok(told.collect::<rusqlite::Result<_>>()?)
}

/// Notes that clients are told of these blocks now; whether each is there.
pub(super) fn refresh(c: &mut Connection, tenant: Tenant, digests: &[Digest], now: i64) -> Result<Vec<bool>> {
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let kept = digests.iter().map(|digest| note(&transaction, tenant, digest, now)).collect::<Result<_>>()?;
    transaction.commit()?;
    Ok(kept)
}

pub(super) fn unused_packs(c: &Connection, mut packs: Vec<String>) -> Result<Vec<String>> {
    let mut select = c.prepare_cached("SELECT 1 FROM packs WHERE name = ?1")?;
    let mut failed = None;
    packs.retain(|pack| {
        let used = select.exists([pack]).unwrap_or_else(|error| {
            failed = Some(error);
            true
        });
        !used
    });
    failed.map_or(Ok(packs), |error| Err(StoreError::from(error)))
}

/// Inserts a block; whether it was new.
pub(super) fn insert_block(
    c: &Connection,
    tenant: Tenant,
    pack: i64,
    block: (Digest, u64, u64),
    now: i64,
) -> Result<bool> {
    let (digest, offset, length) = block;
    let mut insert = c.prepare_cached(
        "INSERT INTO blocks (tenant, digest, pack, offset, length, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
    )?;
    Ok(insert.execute(params![tenant.0, digest.0, pack, int(offset), int(length), now])? > 0)
}
