//! The index: chunks of text, their words (FTS5) and their vectors (sqlite-vec).
//!
//! Vectors are found in two steps: the signs of all of them, a bit a side, are compared by sqlite-vec, which reads little;
//! the nearest of those are compared in full.

use super::{Result, int, uint};
use crate::embed::{Model, Vector};
use crate::store::{Indexed, Tenant};
use rusqlite::{Connection, OptionalExtension, params};

/// What became of an index that is to be of some model.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Prepared {
    /// It is of this model, or is new.
    Ready,
    /// It was of another, and holds nothing now.
    Emptied,
}

pub(super) fn prepare(c: &Connection, model: &Model) -> Result<Prepared> {
    let held = model_held(c)?;
    if held.as_ref() == Some(model) {
        return Ok(Prepared::Ready);
    }
    if held.is_some() {
        c.execute_batch(
            "DROP TABLE vectors; DELETE FROM chunks; INSERT INTO chunk_text (chunk_text) VALUES ('delete-all'); DELETE FROM model;",
        )?;
    }
    let Model { id, width } = model;
    // Tenants lie apart; the batch is there to filter by. Small runs, because most tenants are small.
    c.execute_batch(&format!(
        "CREATE VIRTUAL TABLE vectors USING vec0 (tenant INTEGER PARTITION KEY, batch INTEGER, bits BIT[{width}], chunk_size = 256)"
    ))?;
    c.execute("INSERT INTO model (id, width) VALUES (?1, ?2)", params![id, *width as i64])?;
    Ok(if held.is_some() { Prepared::Emptied } else { Prepared::Ready })
}

/// The model whose vectors are held, if any were ever.
pub(super) fn model_held(c: &Connection) -> Result<Option<Model>> {
    let mut select = c.prepare_cached("SELECT id, width FROM model")?;
    let held = select.query_row([], |row| Ok(Model { id: row.get(0)?, width: row.get::<_, u32>(1)? as usize }));
    Ok(held.optional()?)
}

/// What is held of a processed document.
pub(super) fn indexed(c: &Connection, tenant: Tenant, document: &str, pick: u64) -> Result<Option<Indexed>> {
    // One snapshot: the document may be processed anew meanwhile.
    let c = &*c.unchecked_transaction()?;
    let mut select = c.prepare_cached(
        "SELECT d.seq, d.chunks FROM documents d JOIN batches b ON b.seq = d.batch
         WHERE d.id = ?1 AND b.tenant = ?2 AND d.state = 1",
    )?;
    let found =
        select.query_row(params![document, tenant.0], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
    let (Some((document, chunks)), Some(model)) = (found, model_held(c)?) else { return Ok(None) };
    let mut indexed = Indexed { width: model.width, chunks: uint(chunks), ..Indexed::default() };
    let mut select = c.prepare_cached(
        "SELECT k.embedding, v.bits FROM chunks k CROSS JOIN vectors v ON v.rowid = k.seq WHERE k.document = ?1",
    )?;
    let sound = select.query_map([document], |row| {
        let (embedding, bits) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
        let whole = embedding.len() == model.width && embedding.iter().any(|side| *side != 0);
        Ok(whole && Vector::held(embedding).bits() == bits)
    })?;
    for sound in sound {
        indexed.present += 1;
        indexed.wrong += u64::from(!sound?);
    }
    let at = pick.checked_rem(indexed.chunks).unwrap_or(0);
    let mut select = c.prepare_cached("SELECT text FROM chunks WHERE document = ?1 ORDER BY seq LIMIT 1 OFFSET ?2")?;
    indexed.text = select.query_row(params![document, int(at)], |row| row.get(0)).optional()?;
    Ok(Some(indexed))
}

/// Takes a document out.
pub(super) fn remove(c: &Connection, document: i64) -> Result<()> {
    let mut select = c.prepare_cached("SELECT seq FROM chunks WHERE document = ?1")?;
    let chunks = select.query_map([document], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    if chunks.is_empty() {
        return Ok(());
    }
    // The words' index keeps no text: it is told what it held.
    let mut words = c.prepare_cached(
        "INSERT INTO chunk_text (chunk_text, rowid, text) SELECT 'delete', seq, text FROM chunks WHERE document = ?1",
    )?;
    words.execute([document])?;
    let mut vector = c.prepare_cached("DELETE FROM vectors WHERE rowid = ?1")?;
    for chunk in &chunks {
        vector.execute([chunk])?;
    }
    c.prepare_cached("DELETE FROM chunks WHERE document = ?1")?.execute([document])?;
    Ok(())
}

/// Takes out what documents of a batch held before the content that waits, because it will never be processed.
pub(super) fn forget_replaced(c: &Connection, batch: i64) -> Result<()> {
    let mut select = c.prepare_cached("SELECT seq FROM documents WHERE batch = ?1 AND state = 0 AND chunks > 0")?;
    let replaced = select.query_map([batch], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    for document in replaced {
        remove(c, document)?;
        c.execute("UPDATE documents SET chunks = 0 WHERE seq = ?1", [document])?;
    }
    Ok(())
}

/// Puts the chunks of a document in, of which there are none before.
pub(super) fn insert(c: &Connection, document: i64, batch: i64, chunks: &[(String, Vector)]) -> Result<()> {
    if chunks.is_empty() {
        return Ok(());
    }
    let tenant: i64 = c.query_row("SELECT tenant FROM batches WHERE seq = ?1", [batch], |row| row.get(0))?;
    let mut chunk = c.prepare_cached("INSERT INTO chunks (document, text, embedding) VALUES (?1, ?2, ?3)")?;
    let mut words = c.prepare_cached("INSERT INTO chunk_text (rowid, text) VALUES (?1, ?2)")?;
    let mut bits =
        c.prepare_cached("INSERT INTO vectors (rowid, tenant, batch, bits) VALUES (?1, ?2, ?3, vec_bit(?4))")?;
    for (text, vector) in chunks {
        chunk.execute(params![document, text, vector.bytes()])?;
        let seq = c.last_insert_rowid();
        words.execute(params![seq, text])?;
        bits.execute(params![seq, tenant, batch, vector.bits()])?;
    }
    Ok(())
}
