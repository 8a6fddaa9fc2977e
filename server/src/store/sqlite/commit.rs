//! The one transaction of a bundle: new blocks, documents, errors and totals, all or nothing.

use super::documents::{Notes, insert_block, pack_list, relied_on};
use super::{Result, batches, deliveries, int, jobs, tenants, uint};
use crate::clock;
use crate::rules::{self, Candidate, MAX_PATH, Totals};
use crate::store::{Bundle, Committed, StoreError, Taken, Tenant};
use cloudindex_wire::{BatchLimits, Digest, DocumentEntry, DocumentOutcome, Phase, Problem, Quota};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde_json::value::RawValue;
use std::collections::HashMap;

pub(super) fn commit(
    c: &mut Connection,
    tenant: Tenant,
    batch: &str,
    bundle: Bundle,
    now: i64,
    notes: Notes,
) -> Result<Committed> {
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some((seq, record)) = batches::find(&transaction, tenant, batch)? else { return Ok(Committed::NoBatch) };
    let phase = record.status.status;
    let usage = tenants::usage(&transaction, tenant)?;
    let mut work = Work {
        c: &transaction,
        tenant,
        seq,
        limits: record.limits.and(&bundle.limits),
        quota: usage.quota,
        room: usage.room(),
        of_tenant: Totals { documents: usage.documents, bytes: usage.bytes },
        totals: Totals { documents: record.documents, bytes: record.status.bytes },
        failed: record.rejected,
        started: record.status.started_at.is_some(),
        new: None,
        tally: jobs::Tally::default(),
        fresh: HashMap::new(),
        now,
        notes,
    };
    if phase != Phase::Open {
        // A lost ack is no error: documents that are all there are answered as they were.
        let held = bundle.documents.iter().map(|document| work.held(document)).collect::<Result<Option<Vec<_>>>>()?;
        return Ok(match held {
            Some(documents) if !documents.is_empty() && bundle.blocks.is_empty() => {
                Committed::Done { documents, blocks: Vec::new() }
            }
            _ => Committed::Closed(phase),
        });
    }
    let blocks = work.blocks(bundle.pack.as_deref(), &bundle.blocks)?;
    let documents = bundle.documents.into_iter().map(|document| work.document(document)).collect::<Result<Vec<_>>>()?;
    if let Some((first, last)) = work.new {
        jobs::enqueue_all(&transaction, first, last)?;
    }
    let (now, tally) = (work.now, std::mem::take(&mut work.tally));
    if work.started || work.failed != record.rejected {
        let mut update = transaction.prepare_cached(
            "UPDATE batches SET documents = ?2, failed = ?3, bytes = ?4, started_at = coalesce(started_at, ?5), changes = changes + 1
             WHERE seq = ?1 AND (documents <> ?2 OR failed <> ?3 OR bytes <> ?4 OR started_at IS NULL)",
        )?;
        let Totals { documents, bytes } = work.totals;
        update.execute(params![seq, int(documents), int(work.failed), int(bytes), work.now])?;
    }
    tally.write(&transaction, now)?;
    deliveries::note(&transaction, seq, now)?;
    transaction.commit()?;
    Ok(Committed::Done { documents, blocks })
}

/// A commit under way.
struct Work<'a> {
    c: &'a Transaction<'a>,
    tenant: Tenant,
    /// The batch.
    seq: i64,
    limits: BatchLimits,
    quota: Quota,
    /// Bytes of blocks that may come yet.
    room: Option<u64>,
    /// What the tenant holds in all of its batches.
    of_tenant: Totals,
    totals: Totals,
    failed: u64,
    /// Whether the batch holds, or held, a document.
    started: bool,
    /// Lengths of blocks that this bundle brought.
    fresh: HashMap<Digest, u64>,
    /// The first and the last of the new documents, which are numbered one after the other.
    new: Option<(i64, i64)>,
    /// Documents that are replaced, and so were processed or had failed no more.
    tally: jobs::Tally,
    now: i64,
    notes: Notes,
}

/// A document of the batch under the path in question.
struct Held {
    seq: i64,
    id: String,
    size: u64,
    blocks: Vec<u8>,
    state: i64,
}

impl Work<'_> {
    fn blocks(&mut self, pack: Option<&str>, blocks: &[(Digest, u64, u64)]) -> Result<Vec<Taken>> {
        let Some(pack) = pack else { return Ok(Vec::new()) };
        self.c.execute("INSERT INTO packs (name) VALUES (?1)", [pack])?;
        let pack = self.c.last_insert_rowid();
        let (mut all, mut bytes) = (Vec::with_capacity(blocks.len()), 0);
        for block in blocks {
            let (digest, _, length) = *block;
            // What passes the bound is let in, as it was on its way.
            let room = self.room.is_none_or(|room| bytes < room);
            let taken = if room && insert_block(self.c, self.tenant, pack, *block, self.notes.now)? {
                self.fresh.insert(digest, length);
                bytes += length;
                Taken::New
            } else if relied_on(self.c, self.tenant, &digest, self.notes)?.is_some() {
                // The client is told that it is held.
                Taken::Held
            } else {
                Taken::NoRoom
            };
            all.push(taken);
        }
        if bytes > 0 {
            tenants::add_blocks(self.c, self.tenant, bytes)?;
        }
        if !all.contains(&Taken::New) {
            self.c.execute("DELETE FROM packs WHERE id = ?1", [pack])?;
        }
        Ok(all)
    }

    fn find(&self, path: &str) -> Result<Option<Held>> {
        let mut select = self
            .c
            .prepare_cached("SELECT seq, id, size, blocks, state FROM documents WHERE batch = ?1 AND path = ?2")?;
        let held = select.query_row(params![self.seq, path], |row| {
            let (seq, id, size) = (row.get(0)?, row.get(1)?, uint(row.get(2)?));
            Ok(Held { seq, id, size, blocks: row.get(3)?, state: row.get(4)? })
        });
        Ok(held.optional()?)
    }

    /// The ack of a document that is held just so.
    fn held(&self, document: &Candidate) -> Result<Option<DocumentOutcome>> {
        if document.fault.is_some() {
            return Ok(None);
        }
        let held = self.find(&document.entry.path)?;
        let same = held.filter(|held| held.blocks == pack_list(&document.entry.blocks));
        Ok(same.map(|held| DocumentOutcome::Duplicate { id: held.id }))
    }

    fn document(&mut self, Candidate { entry, fault }: Candidate) -> Result<DocumentOutcome> {
        if let Some(error) = fault {
            return self.reject(&entry, error);
        }
        let held = self.find(&entry.path)?;
        let blocks = pack_list(&entry.blocks);
        if let Some(held) = held.as_ref().filter(|held| held.blocks == blocks) {
            self.describe(held, &entry)?;
            self.forgive(&entry.path)?;
            return Ok(DocumentOutcome::Duplicate { id: held.id.clone() });
        }
        let replaced = held.as_ref().map(|held| held.size);
        let admitted = rules::admit(&self.limits, self.totals, &entry, replaced)
            .and_then(|totals| Ok((totals, rules::within(&self.quota, self.of_tenant, &entry, replaced)?)));
        let (totals, of_tenant) = match admitted {
            Ok(totals) => totals,
            Err(error) => return self.reject(&entry, error),
        };
        match self.missing(&entry)? {
            Ok(missing) if missing.is_empty() => {}
            Ok(missing) => return Ok(DocumentOutcome::Incomplete { missing }),
            Err(error) => return self.reject(&entry, error),
        }
        let id = self.put(held, &entry, &blocks)?;
        (self.totals, self.of_tenant) = (totals, of_tenant);
        self.started = true;
        self.forgive(&entry.path)?;
        Ok(DocumentOutcome::Committed { id })
    }

    /// Blocks that are not there, each once; or what is wrong with one that is. Whoever is told relies on the others.
    fn missing(&self, entry: &DocumentEntry) -> Result<std::result::Result<Vec<Digest>, Problem>> {
        let (mut missing, mut seen) = (Vec::new(), HashMap::new());
        for (digest, length) in &entry.blocks {
            let held = match (seen.get(digest), self.fresh.get(digest)) {
                (Some(held), _) => *held,
                (None, Some(fresh)) => Some(*fresh),
                (None, None) => relied_on(self.c, self.tenant, digest, self.notes)?,
            };
            let first = seen.insert(digest, held).is_none();
            match held {
                Some(held) if held == *length => {}
                Some(held) => {
                    let name = crate::error::brief(&entry.path);
                    let detail = format!(
                        "{name:?} says that block {digest} has {length} bytes, it has {held}; cut the file again"
                    );
                    return Ok(Err(rules::invalid_file(detail)));
                }
                None if first => missing.push(*digest),
                None => {}
            }
        }
        Ok(Ok(missing))
    }

    /// Writes the document in the place of `held`; tells its id, which stays with the path.
    fn put(&mut self, held: Option<Held>, entry: &DocumentEntry, blocks: &[u8]) -> Result<String> {
        let metadata = entry.metadata.as_deref().map(RawValue::get);
        let modified = entry.last_modified.map(int);
        if let Some(held) = held {
            let mut update = self.c.prepare_cached(
                "UPDATE documents SET size = ?2, type = ?3, last_modified = ?4, metadata = ?5, blocks = ?6, updated_at = ?7, state = 0
                 WHERE seq = ?1",
            )?;
            update.execute(params![
                held.seq,
                int(entry.size),
                entry.media_type,
                modified,
                metadata,
                blocks,
                self.now
            ])?;
            // What is found of it stays that of before until the new content is processed.
            jobs::enqueue(self.c, held.seq, self.seq, int(entry.size))?;
            jobs::forgive(self.c, self.seq, &entry.path)?;
            self.tally.count(self.seq, held.state, -1);
            return Ok(held.id);
        }
        let id = clock::new_id("doc").map_err(|error| StoreError::Failed(error.to_string()))?;
        let mut insert = self.c.prepare_cached(
            "INSERT INTO documents (id, batch, path, size, type, last_modified, metadata, blocks, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
        )?;
        insert.execute(params![
            id,
            self.seq,
            entry.path,
            int(entry.size),
            entry.media_type,
            modified,
            metadata,
            blocks,
            self.now
        ])?;
        let seq = self.c.last_insert_rowid();
        self.new.get_or_insert((seq, seq)).1 = seq;
        Ok(id)
    }

    /// The same bytes may come with another description: the newest holds.
    fn describe(&self, held: &Held, entry: &DocumentEntry) -> Result<()> {
        let mut update = self.c.prepare_cached(
            "UPDATE documents SET type = ?2, last_modified = ?3, metadata = ?4
             WHERE seq = ?1 AND (type IS NOT ?2 OR last_modified IS NOT ?3 OR metadata IS NOT ?4)",
        )?;
        let metadata = entry.metadata.as_deref().map(RawValue::get);
        update.execute(params![held.seq, entry.media_type, entry.last_modified.map(int), metadata])?;
        Ok(())
    }

    /// Records the error of a path, in the place of an older one.
    fn reject(&mut self, entry: &DocumentEntry, error: Problem) -> Result<DocumentOutcome> {
        let path = truncated(&entry.path);
        let counted = self.find(path)?.is_none();
        let mut delete = self
            .c
            .prepare_cached("DELETE FROM errors WHERE batch = ?1 AND path = ?2 AND stage = 0 RETURNING counted")?;
        let before: Option<bool> = delete.query_row(params![self.seq, path], |row| row.get(0)).optional()?;
        let mut insert = self.c.prepare_cached(
            "INSERT INTO errors (batch, path, type, code, message, retryable, counted, at) VALUES (?1, ?2, 'validation', ?3, ?4, ?5, ?6, ?7)",
        )?;
        insert.execute(params![self.seq, path, &*error.code, error.detail, error.retryable, counted, self.now])?;
        self.failed = (self.failed + u64::from(counted)).saturating_sub(u64::from(before.unwrap_or(false)));
        Ok(DocumentOutcome::Rejected { error })
    }

    /// Drops the error of a path that is held now.
    fn forgive(&mut self, path: &str) -> Result<()> {
        let mut delete = self
            .c
            .prepare_cached("DELETE FROM errors WHERE batch = ?1 AND path = ?2 AND stage = 0 RETURNING counted")?;
        let counted: Option<bool> = delete.query_row(params![self.seq, path], |row| row.get(0)).optional()?;
        self.failed = self.failed.saturating_sub(u64::from(counted.unwrap_or(false)));
        Ok(())
    }
}

/// What is kept of a path that is too long.
fn truncated(path: &str) -> &str {
    let mut end = path.len().min(MAX_PATH);
    while !path.is_char_boundary(end) {
        end -= 1;
    }
    &path[..end]
}
