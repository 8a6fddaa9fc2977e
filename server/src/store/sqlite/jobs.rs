//! The queue: which documents wait, and the one transaction in which their jobs end.

use super::{Result, batches, deliveries, documents, index, uint};
use crate::clock;
use crate::embed::Model;
use crate::store::{Ahead, Job, JobId, Outcome, Retry, Tenant, Waiting};
use cloudindex_wire::{Phase, Problem, ProcessingOptions, codes};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// `documents.state`.
pub(super) const QUEUED: i64 = 0;
pub(super) const PROCESSED: i64 = 1;
pub(super) const FAILED: i64 = 2;

/// By how much the counts of batches change.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<i64, (i64, i64)>);

impl Tally {
    /// One document of `batch` comes to `state`, or leaves it.
    pub fn count(&mut self, batch: i64, state: i64, by: i64) {
        let (processed, broken) = self.0.entry(batch).or_default();
        match state {
            PROCESSED => *processed += by,
            FAILED => *broken += by,
            _ => {}
        }
    }

    /// Writes the counts; batches that are done with that, or no more, change their phase, and events are made.
    pub fn write(self, c: &Connection, now: i64) -> Result<()> {
        let mut update = c.prepare_cached(
            "UPDATE batches SET processed = processed + ?2, broken = broken + ?3, changes = changes + 1 WHERE seq = ?1",
        )?;
        for (batch, (processed, broken)) in self.0 {
            update.execute(params![batch, processed, broken])?;
            batches::settle(c, batch, now)?;
            deliveries::note(c, batch, now)?;
        }
        Ok(())
    }
}

static NEXT: AtomicI64 = AtomicI64::new(1);

/// A new stamp.
fn stamp() -> i64 {
    NEXT.fetch_add(1, Relaxed)
}

/// Lets no stamp come again that a job of a run before this one has: it may be under way when its document gets another.
pub(super) fn resume(c: &Connection) -> Result<()> {
    let last: i64 = c.query_row("SELECT coalesce(max(stamp), 0) FROM jobs", [], |row| row.get(0))?;
    NEXT.fetch_max(last.saturating_add(1), Relaxed);
    Ok(())
}

/// Gives a document a new job, in the place of one it may have.
pub(super) fn enqueue(c: &Connection, document: i64, batch: i64, size: i64) -> Result<()> {
    let mut insert =
        c.prepare_cached("INSERT OR REPLACE INTO jobs (document, stamp, batch, size) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute([document, stamp(), batch, size])?;
    Ok(())
}

/// Gives new documents their jobs, all by one statement, because uploads wait for it.
pub(super) fn enqueue_all(c: &Connection, first: i64, last: i64) -> Result<()> {
    let mut insert = c.prepare_cached(
        "INSERT OR REPLACE INTO jobs (document, stamp, batch, size)
         SELECT seq, ?3, batch, size FROM documents WHERE seq BETWEEN ?1 AND ?2",
    )?;
    insert.execute([first, last, stamp()])?;
    Ok(())
}

pub(super) fn waiting(c: &Connection, under_way: &[JobId], limit: usize) -> Result<Waiting> {
    let now = clock::now_ms();
    let mut select = c.prepare_cached(
        "SELECT j.document, j.stamp, b.tenant, d.path, d.size, d.type, d.blocks, b.processing, j.attempts, d.id, b.id
         FROM jobs j JOIN documents d ON d.seq = j.document JOIN batches b ON b.seq = j.batch
         WHERE j.ready_at <= ?1 ORDER BY j.document",
    )?;
    let mut rows = select.query([now])?;
    let mut jobs = Vec::new();
    while jobs.len() < limit {
        let Some(row) = rows.next()? else { break };
        let job = job(row)?;
        if !under_way.contains(&job.id) {
            jobs.push(job);
        }
    }
    let next = match jobs.is_empty() {
        true => c.query_row("SELECT min(ready_at) FROM jobs WHERE ready_at > ?1", [now], |row| row.get(0))?,
        false => None,
    };
    Ok(Waiting { jobs, next })
}

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let processing: Option<String> = row.get(7)?;
    let options: ProcessingOptions = processing.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    Ok(Job {
        id: JobId { document: row.get(0)?, stamp: row.get(1)? },
        tenant: Tenant(row.get(2)?),
        path: row.get(3)?,
        size: uint(row.get(4)?),
        media_type: row.get(5)?,
        // A list that is damaged has no blocks that could be read; the sizes will not fit.
        blocks: documents::unpack_list(row.get_ref(6)?.as_blob()?).unwrap_or_default(),
        chunk_size: options.chunk_size,
        attempts: row.get(8)?,
        document: row.get(9)?,
        batch: row.get(10)?,
    })
}

pub(super) fn finish(c: &mut Connection, outcomes: Vec<(JobId, Outcome)>) -> Result<()> {
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (mut tally, now) = (Tally::default(), clock::now_ms());
    for (JobId { document, stamp }, outcome) in outcomes {
        if let Outcome::Later { ready_at } = outcome {
            let later = "UPDATE jobs SET attempts = attempts + 1, ready_at = ?3 WHERE document = ?1 AND stamp = ?2";
            transaction.execute(later, [document, stamp, ready_at])?;
            continue;
        }
        let mut delete =
            transaction.prepare_cached("DELETE FROM jobs WHERE document = ?1 AND stamp = ?2 RETURNING batch")?;
        // Without a job nobody waits for the result.
        let ended = delete.query_row([document, stamp], |row| row.get(0)).optional()?;
        let Some(batch) = ended else { continue };
        let state = end(&transaction, document, batch, outcome, now)?;
        tally.count(batch, state, 1);
    }
    tally.write(&transaction, now)?;
    transaction.commit()?;
    Ok(())
}

/// Writes what became of a document; tells its state.
fn end(c: &Transaction<'_>, document: i64, batch: i64, outcome: Outcome, now: i64) -> Result<i64> {
    index::remove(c, document)?;
    let (state, detected, count) = match outcome {
        Outcome::Processed { detected, chunks } => {
            index::insert(c, document, batch, &chunks)?;
            (PROCESSED, Some(detected), chunks.len() as i64)
        }
        Outcome::Failed { error_type, problem } => {
            let Problem { code, detail, retryable, .. } = problem;
            let mut insert = c.prepare_cached(
                "INSERT OR REPLACE INTO errors (batch, path, stage, type, code, message, retryable, counted, at)
                 SELECT batch, path, 1, ?2, ?3, ?4, ?5, 0, ?6 FROM documents WHERE seq = ?1",
            )?;
            insert.execute(params![document, error_type.as_str(), &*code, detail, retryable, now])?;
            (FAILED, None, 0)
        }
        Outcome::Later { .. } => (QUEUED, None, 0),
    };
    let mut update = c.prepare_cached("UPDATE documents SET state = ?2, detected = ?3, chunks = ?4 WHERE seq = ?1")?;
    update.execute(params![document, state, detected, count])?;
    Ok(state)
}

/// Drops the error of a document that was processed before.
pub(super) fn forgive(c: &Connection, batch: i64, path: &str) -> Result<()> {
    let mut delete = c.prepare_cached("DELETE FROM errors WHERE batch = ?1 AND path = ?2 AND stage = 1")?;
    delete.execute(params![batch, path])?;
    Ok(())
}

pub(super) fn prepare(c: &mut Connection, model: &Model) -> Result<u64> {
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut queued = 0;
    if index::prepare(&transaction, model)? == index::Prepared::Emptied {
        queued += requeue(&transaction, "d.state = 1", "")?;
    }
    queued += requeue(&transaction, "b.phase <> 3 AND d.state = 2 AND e.code = ?1", codes::MODEL_MISSING)?;
    transaction.commit()?;
    Ok(queued)
}

pub(super) fn retry_document(c: &mut Connection, tenant: Tenant, id: &str) -> Result<Option<Retry>> {
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let select = "SELECT b.phase FROM documents d JOIN batches b ON b.seq = d.batch WHERE d.id = ?1 AND b.tenant = ?2";
    let phase = transaction.query_row(select, params![id, tenant.0], |row| row.get(0)).optional()?;
    let Some(phase) = phase.map(batches::phase) else { return Ok(None) };
    if phase == Phase::Cancelled {
        return Ok(Some(Retry::Cancelled));
    }
    let queued = requeue(&transaction, "d.state = 2 AND d.id = ?1", id)?;
    transaction.commit()?;
    Ok(Some(Retry::Queued(queued)))
}

pub(super) fn retry_batch(c: &mut Connection, tenant: Tenant, id: &str) -> Result<Option<Retry>> {
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some((_, record)) = batches::find(&transaction, tenant, id)? else { return Ok(None) };
    if record.status.status == Phase::Cancelled {
        return Ok(Some(Retry::Cancelled));
    }
    let queued = requeue(&transaction, "d.state = 2 AND e.retryable = 1 AND b.id = ?1", id)?;
    transaction.commit()?;
    Ok(Some(Retry::Queued(queued)))
}

/// Queues documents again, those that `which` says, a condition with the one parameter ?1.
fn requeue(c: &Transaction<'_>, which: &str, parameter: &str) -> Result<u64> {
    // A parameter is bound whether or not the condition names it.
    let mut select = c.prepare(&format!(
        "SELECT d.seq, d.batch, d.size, d.state, d.path FROM documents d JOIN batches b ON b.seq = d.batch
         LEFT JOIN errors e ON e.batch = d.batch AND e.path = d.path AND e.stage = 1
         WHERE ?1 = ?1 AND {which} ORDER BY d.seq"
    ))?;
    let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get::<_, String>(4)?));
    let found = select.query_map([parameter], row)?.collect::<rusqlite::Result<Vec<(i64, i64, i64, i64, String)>>>()?;
    let (mut tally, now) = (Tally::default(), clock::now_ms());
    let mut queue = c.prepare_cached("UPDATE documents SET state = 0, chunks = 0 WHERE seq = ?1")?;
    for (document, batch, size, state, path) in &found {
        queue.execute([document])?;
        forgive(c, *batch, path)?;
        enqueue(c, *document, *batch, *size)?;
        tally.count(*batch, *state, -1);
    }
    tally.write(c, now)?;
    Ok(found.len() as u64)
}

/// Jobs are done in the order of their documents, so all up to the batch's last stand before its end.
pub(super) fn ahead(c: &Connection, batch: &str) -> Result<Ahead> {
    let mut select = c.prepare_cached(
        "SELECT count(*), coalesce(sum(size), 0) FROM jobs
         WHERE document <= (SELECT max(j.document) FROM jobs j JOIN batches b ON b.seq = j.batch WHERE b.id = ?1)",
    )?;
    Ok(select.query_row([batch], |row| Ok(Ahead { documents: uint(row.get(0)?), bytes: uint(row.get(1)?) }))?)
}
