//! Batches and their errors.

use super::{PAGE_WEIGHT, Result, deliveries, index, int, tenants, uint};
use crate::clock;
use crate::store::{BatchRecord, Created, Ending, Listed, Page, StoreError, Tenant};
use cloudindex_wire::{BatchError, BatchLimits, BatchStatus, ErrorType, NewBatch, Phase};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, named_params, params};
use serde_json::value::RawValue;

const COLUMNS: &str = "seq, id, name, description, metadata, max_documents, max_file, max_bytes, phase, documents, failed, \
     processed, broken, changes, bytes, started_at, ended_at";

pub(super) fn phase(number: i64) -> Phase {
    match number {
        0 => Phase::Open,
        1 => Phase::Processing,
        2 => Phase::Completed,
        _ => Phase::Cancelled,
    }
}

fn number(phase: Phase) -> i64 {
    match phase {
        Phase::Open => 0,
        Phase::Processing => 1,
        Phase::Completed => 2,
        Phase::Cancelled => 3,
    }
}

/// Free-form JSON as it was stored.
pub(super) fn raw(text: Option<String>) -> Option<Box<RawValue>> {
    text.and_then(|text| RawValue::from_string(text).ok())
}

fn record(row: &Row<'_>) -> rusqlite::Result<(i64, BatchRecord)> {
    let limit = |name: &str| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(name)?.map(uint));
    let id: String = row.get("id")?;
    let phase = phase(row.get("phase")?);
    let documents = uint(row.get("documents")?);
    let failed = uint(row.get("failed")?);
    let (processed, broken) = (uint(row.get("processed")?), uint(row.get("broken")?));
    let total = documents + failed;
    let progress = match total {
        0 if matches!(phase, Phase::Open | Phase::Processing) => 0.0,
        0 => 100.0,
        // Hundredths, and never 100 before the last.
        _ => ((processed + broken + failed) as f64 * 10_000.0 / total as f64).floor() / 100.0,
    };
    let status = BatchStatus {
        batch_id: id.clone(),
        status: phase,
        total_files: total,
        processed_files: processed,
        failed_files: failed + broken,
        progress_percentage: progress,
        started_at: row.get::<_, Option<i64>>("started_at")?.map(clock::iso),
        estimated_completion: row.get::<_, Option<i64>>("ended_at")?.map(clock::iso),
        bytes: uint(row.get("bytes")?),
    };
    let limits = BatchLimits {
        max_batch_size: limit("max_documents")?,
        max_file_size: limit("max_file")?,
        total_batch_bytes: limit("max_bytes")?,
    };
    let (name, description) = (row.get("name")?, row.get("description")?);
    let metadata = raw(row.get("metadata")?);
    let changes = uint(row.get("changes")?);
    let record = BatchRecord { id, name, description, metadata, limits, status, documents, rejected: failed, changes };
    Ok((row.get("seq")?, record))
}

/// The batch and its row number.
pub(super) fn find(c: &Connection, tenant: Tenant, id: &str) -> Result<Option<(i64, BatchRecord)>> {
    let mut select = c.prepare_cached(&format!("SELECT {COLUMNS} FROM batches WHERE id = ?1 AND tenant = ?2"))?;
    Ok(select.query_row(params![id, tenant.0], record).optional()?)
}

pub(super) fn get(c: &Connection, tenant: Tenant, id: &str) -> Result<Option<BatchRecord>> {
    Ok(find(c, tenant, id)?.map(|(_, record)| record))
}

pub(super) fn create(
    c: &mut Connection,
    tenant: Tenant,
    new: &NewBatch,
    key: Option<(String, [u8; 32])>,
) -> Result<Created> {
    let failed = |error: &dyn std::fmt::Display| StoreError::Failed(error.to_string());
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some((key, request)) = &key {
        let before: Option<(Vec<u8>, String)> = transaction
            .query_row(
                "SELECT i.request, b.id FROM idempotency i JOIN batches b ON b.seq = i.batch WHERE i.tenant = ?1 AND i.key = ?2",
                params![tenant.0, key],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        if let Some((same, id)) = before {
            let batch = find(&transaction, tenant, &id)?.filter(|_| same == request);
            return Ok(batch.map_or(Created::KeyReused, |(_, record)| Created::Same(record)));
        }
    }
    let usage = tenants::usage(&transaction, tenant)?;
    if usage.quota.max_batches.is_some_and(|max| usage.batches >= max) {
        return Ok(Created::OverQuota(usage));
    }
    let id = clock::new_id("batch").map_err(|error| failed(&error))?;
    let json = |value: serde_json::Result<String>| value.map_err(|error| failed(&error));
    let limits = new.limits.clone().unwrap_or_default();
    transaction.execute(
        "INSERT INTO batches (id, tenant, name, description, metadata, processing, tracking, max_documents, max_file, max_bytes, created_at)
         VALUES (:id, :tenant, :name, :description, :metadata, :processing, :tracking, :max_documents, :max_file, :max_bytes, :now)",
        named_params! {
            ":id": id,
            ":tenant": tenant.0,
            ":name": new.name,
            ":description": new.description,
            ":metadata": new.metadata.as_deref().map(RawValue::get),
            ":processing": new.processing.as_ref().map(|p| json(serde_json::to_string(p))).transpose()?,
            ":tracking": new.tracking.as_ref().map(|t| json(serde_json::to_string(t))).transpose()?,
            ":max_documents": limits.max_batch_size.map(int),
            ":max_file": limits.max_file_size.map(int),
            ":max_bytes": limits.total_batch_bytes.map(int),
            ":now": clock::now_ms(),
        },
    )?;
    let seq = transaction.last_insert_rowid();
    if let Some((key, request)) = key {
        let insert = "INSERT INTO idempotency (tenant, key, request, batch) VALUES (?1, ?2, ?3, ?4)";
        transaction.execute(insert, params![tenant.0, key, request, seq])?;
    }
    let (_, record) = find(&transaction, tenant, &id)?.ok_or_else(|| failed(&"a new batch is not there"))?;
    transaction.commit()?;
    Ok(Created::New(record))
}

pub(super) fn list(c: &Connection, tenant: Tenant, page: &Page) -> Result<Listed<BatchRecord>> {
    let before = after(page)?.unwrap_or(i64::MAX);
    let mut select = c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM batches WHERE tenant = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3"
    ))?;
    let rows = select.query_map(params![tenant.0, before, i64::from(page.limit) + 1], record)?;
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    listed(rows, page, |batch| {
        text(&batch.name) + text(&batch.description) + batch.metadata.as_ref().map_or(0, |json| json.get().len())
    })
}

/// The row number in the cursor.
pub(super) fn after(page: &Page) -> Result<Option<i64>> {
    page.cursor.as_deref().map(|cursor| cursor.parse().map_err(|_| StoreError::Cursor)).transpose()
}

/// The page's rows, and the row number of the last of them as a cursor if there are more. `found` has one more than the page may have.
pub(super) fn listed<T>(
    found: impl Iterator<Item = rusqlite::Result<(i64, T)>>,
    page: &Page,
    weight: impl Fn(&T) -> usize,
) -> Result<Listed<T>> {
    let (mut rows, mut last, mut heavy) = (Vec::new(), 0, 0);
    for row in found {
        let (seq, row) = row?;
        if rows.len() >= page.limit as usize || heavy >= PAGE_WEIGHT {
            return Ok(Listed { rows, next: Some(last.to_string()) });
        }
        (last, heavy) = (seq, heavy + weight(&row));
        rows.push(row);
    }
    Ok(Listed { rows, next: None })
}

pub(super) fn end(c: &mut Connection, tenant: Tenant, id: &str, ending: Ending) -> Result<Option<BatchRecord>> {
    let now = clock::now_ms();
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some((seq, record)) = find(&transaction, tenant, id)? else { return Ok(None) };
    if record.status.status == Phase::Open {
        let phase = number(match ending {
            Ending::Complete => Phase::Processing,
            Ending::Cancel => Phase::Cancelled,
        });
        let update = "UPDATE batches SET phase = ?2, ended_at = ?3, changes = changes + 1 WHERE seq = ?1";
        transaction.execute(update, params![seq, phase, (ending == Ending::Cancel).then_some(now)])?;
        if ending == Ending::Cancel {
            // A result that comes yet finds no job, and is dropped.
            transaction.execute("DELETE FROM jobs WHERE batch = ?1", [seq])?;
            index::forget_replaced(&transaction, seq)?;
        }
        settle(&transaction, seq, now)?;
        deliveries::note(&transaction, seq, now)?;
    }
    let ended = get(&transaction, tenant, id)?;
    transaction.commit()?;
    Ok(ended)
}

/// A batch that takes no more is completed exactly while all its documents are processed or have failed.
pub(super) fn settle(c: &Connection, seq: i64, now: i64) -> Result<()> {
    let mut done = c.prepare_cached(
        "UPDATE batches SET phase = 2, ended_at = ?2 WHERE seq = ?1 AND phase = 1 AND processed + broken >= documents",
    )?;
    done.execute([seq, now])?;
    let mut undone = c.prepare_cached(
        "UPDATE batches SET phase = 1, ended_at = NULL WHERE seq = ?1 AND phase = 2 AND processed + broken < documents",
    )?;
    undone.execute([seq])?;
    Ok(())
}

pub(super) fn errors(c: &Connection, tenant: Tenant, batch: &str, page: &Page) -> Result<Option<Listed<BatchError>>> {
    let Some((seq, _)) = find(c, tenant, batch)? else { return Ok(None) };
    let last = after(page)?.unwrap_or(0);
    let mut select = c.prepare_cached(
        "SELECT e.seq, e.type, e.code, e.message, e.path, e.retryable, e.at, d.id
         FROM errors e LEFT JOIN documents d ON d.batch = e.batch AND d.path = e.path
         WHERE e.batch = ?1 AND e.seq > ?2 ORDER BY e.seq LIMIT ?3",
    )?;
    let rows = select.query_map(params![seq, last, i64::from(page.limit) + 1], |row| {
        let error = BatchError {
            error_type: match row.get_ref(1)?.as_str()? {
                "processing" => ErrorType::Processing,
                "system" => ErrorType::System,
                _ => ErrorType::Validation,
            },
            code: row.get(2)?,
            message: row.get(3)?,
            path: row.get(4)?,
            retryable: row.get(5)?,
            at: clock::iso(row.get(6)?),
            document_id: row.get(7)?,
        };
        Ok((row.get::<_, i64>(0)?, error))
    })?;
    listed(rows, page, |error| error.message.len() + error.path.as_ref().map_or(0, String::len)).map(Some)
}
