//! Webhooks: which changes of a batch are events, the queue of those, and the secrets that sign them.

use super::batches::{self, raw};
use super::{Result, Sqlite, uint};
use crate::clock;
use crate::store::{
    Answer, Attempt, Deliveries, DeliveryId, Due, Fate, Line, Listed, Most, Page, Parcel, StoreError, Tenant,
};
use cloudindex_wire::{BatchError, Delivery, DeliveryState, Phase, WebhookEvent};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

/// Errors that an event tells, and bytes that they may have: receivers take 100 kB of JSON, if nobody told them more.
const ERRORS: u32 = 100;
const ERROR_BYTES: usize = 64 << 10;
/// Bytes of a secret.
const SECRET: usize = 32;

/// `deliveries.state`.
const WAITING: i64 = 0;
pub(super) const DELIVERED: i64 = 1;
const FAILED: i64 = 2;

/// How far a batch is, as coarsely as receivers are told: nothing is an event that does not change it.
fn stage(phase: Phase, done: u64, total: u64) -> i64 {
    match phase {
        // While documents come, how many tenths are done goes up and down: told is only that nothing waits.
        Phase::Open => i64::from(total > 0 && done >= total),
        Phase::Processing => 100 + super::int(done.saturating_mul(10) / total.max(1)),
        Phase::Completed => 200,
        Phase::Cancelled => 300,
    }
}

/// Makes an event if a batch, which was just changed, is at another stage than the last one told.
pub(super) fn note(c: &Connection, batch: i64, now: i64) -> Result<()> {
    let mut select = c.prepare_cached(
        "SELECT id, tenant, phase, documents + failed, processed + broken + failed, told FROM batches
         WHERE seq = ?1 AND tracking ->> '$.webhookUrl' IS NOT NULL",
    )?;
    let row = |row: &Row<'_>| {
        let (id, tenant, phase) = (row.get::<_, String>(0)?, Tenant(row.get(1)?), batches::phase(row.get(2)?));
        Ok((id, tenant, phase, uint(row.get(3)?), uint(row.get(4)?), row.get::<_, i64>(5)?))
    };
    let Some((id, tenant, status, total_files, completed_files, told)) = select.query_row([batch], row).optional()?
    else {
        return Ok(());
    };
    let stage = stage(status, completed_files, total_files);
    if stage == told {
        return Ok(());
    }
    c.prepare_cached("UPDATE batches SET told = ?2 WHERE seq = ?1")?.execute([batch, stage])?;
    if stage == 0 {
        return Ok(());
    }
    let page = Page { cursor: None, limit: ERRORS };
    let errors = batches::errors(c, tenant, &id, &page)?.map(|listed| few(listed.rows)).unwrap_or_default();
    let event = WebhookEvent { batch_id: id, status, completed_files, total_files, errors };
    let body = serde_json::to_string(&event).map_err(failed)?;
    secret(c, tenant)?;
    let mut insert =
        c.prepare_cached("INSERT INTO deliveries (id, batch, body, ready_at, created_at) VALUES (?1, ?2, ?3, ?4, ?4)")?;
    insert.execute(params![clock::new_id("msg").map_err(failed)?, batch, body, now])?;
    Ok(())
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}

/// As many errors as may be sent along.
fn few(mut errors: Vec<BatchError>) -> Vec<BatchError> {
    let mut bytes = 0;
    errors.retain(|error| {
        bytes += serde_json::to_string(error).map_or(0, |json| json.len());
        bytes <= ERROR_BYTES
    });
    errors
}

fn due(c: &Connection, now: i64, mut under_way: Vec<(Line, Tenant)>, most: Most) -> Result<Due> {
    let mut select = c.prepare_cached(
        "SELECT d.seq, d.batch, d.ready_at, d.id, b.tracking ->> '$.webhookUrl', d.body, d.attempts, b.tenant
         FROM (SELECT min(seq) AS seq FROM deliveries WHERE state = 0 GROUP BY batch) AS first
         JOIN deliveries d ON d.seq = first.seq JOIN batches b ON b.seq = d.batch ORDER BY d.ready_at, d.seq",
    )?;
    let mut rows = select.query([])?;
    let mut due = Due::default();
    while let Some(row) = rows.next()? {
        let (line, ready_at, tenant) = (Line(row.get(1)?), row.get(2)?, Tenant(row.get(7)?));
        if ready_at > now {
            due.next = Some(ready_at);
            break;
        }
        let of_tenant = under_way.iter().filter(|(_, whose)| *whose == tenant).count();
        let room = under_way.len() < most.all && of_tenant < most.tenant;
        if !room || under_way.iter().any(|(other, _)| *other == line) {
            continue;
        }
        under_way.push((line, tenant));
        due.parcels.push(Parcel {
            delivery: DeliveryId(row.get(0)?),
            line,
            tenant,
            id: row.get(3)?,
            url: row.get(4)?,
            body: row.get(5)?,
            attempts: row.get(6)?,
            secrets: secrets(c, tenant, now)?,
        });
    }
    Ok(due)
}

fn attempted(c: &Connection, DeliveryId(seq): DeliveryId, attempt: Attempt, now: i64) -> Result<()> {
    let (state, ready_at) = match attempt.fate {
        Fate::Delivered => (DELIVERED, now),
        Fate::Later { ready_at } => (WAITING, ready_at),
        Fate::Failed => (FAILED, now),
    };
    let mut update = c.prepare_cached(
        "UPDATE deliveries SET state = ?2, ready_at = ?3, attempts = attempts + 1, attempted_at = ?4, answer = ?5, error = ?6
         WHERE seq = ?1",
    )?;
    update.execute(params![seq, state, ready_at, now, attempt.answer, attempt.error])?;
    Ok(())
}

const COLUMNS: &str = "seq, id, body, state, attempts, ready_at, created_at, attempted_at, answer, error";

fn delivery(row: &Row<'_>) -> rusqlite::Result<(i64, Delivery)> {
    let state = match row.get(3)? {
        WAITING => DeliveryState::Waiting,
        DELIVERED => DeliveryState::Delivered,
        _ => DeliveryState::Failed,
    };
    let next = (state == DeliveryState::Waiting).then(|| row.get(5).map(clock::iso)).transpose()?;
    let delivery = Delivery {
        id: row.get(1)?,
        state,
        event: raw(row.get(2)?).unwrap_or_default(),
        attempts: row.get(4)?,
        created_at: clock::iso(row.get(6)?),
        attempted_at: row.get::<_, Option<i64>>(7)?.map(clock::iso),
        next_attempt_at: next,
        response_status: row.get(8)?,
        error: row.get(9)?,
    };
    Ok((row.get(0)?, delivery))
}

fn list(c: &Connection, tenant: Tenant, batch: &str, page: &Page) -> Result<Option<Listed<Delivery>>> {
    let Some((batch, _)) = batches::find(c, tenant, batch)? else { return Ok(None) };
    let after = batches::after(page)?.unwrap_or(0);
    let mut select = c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM deliveries WHERE batch = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
    ))?;
    let rows = select.query_map(params![batch, after, i64::from(page.limit) + 1], delivery)?;
    batches::listed(rows, page, |delivery| delivery.event.get().len()).map(Some)
}

fn resend(c: &mut Connection, tenant: Tenant, batch: &str, id: &str, now: i64) -> Result<Option<Delivery>> {
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some((batch, _)) = batches::find(&transaction, tenant, batch)? else { return Ok(None) };
    let update = format!(
        "UPDATE deliveries SET state = 0, attempts = 0, ready_at = ?3 WHERE batch = ?1 AND id = ?2 RETURNING {COLUMNS}"
    );
    let again = transaction.query_row(&update, params![batch, id, now], delivery).optional()?;
    transaction.commit()?;
    Ok(again.map(|(_, delivery)| delivery))
}

/// All secrets of a tenant that are good, the one in force first.
fn secrets(c: &Connection, tenant: Tenant, now: i64) -> Result<Vec<Vec<u8>>> {
    let mut select = c.prepare_cached(
        "SELECT secret FROM webhook_secrets WHERE tenant = ?1 AND (ends_at IS NULL OR ends_at > ?2) ORDER BY seq DESC",
    )?;
    let secrets = select.query_map([tenant.0, now], |row| row.get(0))?;
    Ok(secrets.collect::<rusqlite::Result<_>>()?)
}

/// The secret in force, made if there is none.
fn secret(c: &Connection, tenant: Tenant) -> Result<Vec<u8>> {
    let mut select = c.prepare_cached("SELECT secret FROM webhook_secrets WHERE tenant = ?1 AND ends_at IS NULL")?;
    if let Some(secret) = select.query_row([tenant.0], |row| row.get(0)).optional()? {
        return Ok(secret);
    }
    let mut secret = vec![0; SECRET];
    getrandom::fill(&mut secret).map_err(failed)?;
    c.execute("INSERT INTO webhook_secrets (tenant, secret) VALUES (?1, ?2)", params![tenant.0, secret])?;
    Ok(secret)
}

fn new_secret(c: &mut Connection, tenant: Tenant, ends_at: i64) -> Result<Vec<u8>> {
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let update = "UPDATE webhook_secrets SET ends_at = ?2 WHERE tenant = ?1 AND ends_at IS NULL";
    transaction.execute(update, [tenant.0, ends_at])?;
    let secret = secret(&transaction, tenant)?;
    transaction.commit()?;
    Ok(secret)
}

impl Deliveries for Sqlite {
    fn due(&self, now: i64, under_way: Vec<(Line, Tenant)>, most: Most) -> Answer<'_, Due> {
        Box::pin(self.read(move |c| due(c, now, under_way, most)))
    }

    fn attempted(&self, delivery: DeliveryId, attempt: Attempt, now: i64) -> Answer<'_, ()> {
        Box::pin(self.write(move |c| attempted(c, delivery, attempt, now)))
    }

    fn deliveries(&self, tenant: Tenant, batch: &str, page: Page) -> Answer<'_, Option<Listed<Delivery>>> {
        let batch = batch.to_owned();
        Box::pin(self.read(move |c| list(c, tenant, &batch, &page)))
    }

    fn resend(&self, tenant: Tenant, batch: &str, id: &str, now: i64) -> Answer<'_, Option<Delivery>> {
        let (batch, id) = (batch.to_owned(), id.to_owned());
        Box::pin(self.write(move |c| resend(c, tenant, &batch, &id, now)))
    }

    fn secret(&self, tenant: Tenant) -> Answer<'_, Vec<u8>> {
        Box::pin(self.write(move |c| secret(c, tenant)))
    }

    fn new_secret(&self, tenant: Tenant, ends_at: i64) -> Answer<'_, Vec<u8>> {
        Box::pin(self.write(move |c| new_secret(c, tenant, ends_at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Ending;
    use cloudindex_wire::{NewBatch, TrackingOptions};

    const TENANT: Tenant = Tenant(1);
    const MANY: Most = Most { all: 9, tenant: 9 };

    fn records() -> Connection {
        let mut c = Connection::open_in_memory().unwrap();
        super::super::migrate(&mut c).unwrap();
        c.execute_batch("INSERT INTO tenants (id, name) VALUES (1, 'a'), (2, 'b')").unwrap();
        c
    }

    fn batch(c: &mut Connection, url: Option<&str>) -> String {
        let tracking = url.map(|url| TrackingOptions { webhook_url: Some(url.into()) });
        let new = NewBatch { tracking, ..NewBatch::default() };
        match batches::create(c, TENANT, &new, None).unwrap() {
            crate::store::Created::New(record) => record.id,
            other => panic!("{other:?}"),
        }
    }

    /// As if so many of so many documents were processed.
    fn progress(c: &Connection, processed: i64, documents: i64) {
        c.execute("UPDATE batches SET processed = ?1, documents = ?2", [processed, documents]).unwrap();
        batches::settle(c, 1, 0).unwrap();
        note(c, 1, 0).unwrap();
    }

    fn bodies(c: &Connection, batch: &str) -> Vec<(String, u64, u64)> {
        let listed = list(c, TENANT, batch, &Page { cursor: None, limit: 100 }).unwrap().unwrap();
        let event = |delivery: &Delivery| serde_json::from_str::<WebhookEvent>(delivery.event.get()).unwrap();
        let told = |event: WebhookEvent| (format!("{:?}", event.status), event.completed_files, event.total_files);
        listed.rows.iter().map(|delivery| told(event(delivery))).collect()
    }

    #[test]
    fn each_stage_is_told_once() {
        let mut c = records();
        let id = batch(&mut c, Some("http://x"));
        for processed in [0, 10, 20, 20] {
            progress(&c, processed, 20);
        }
        progress(&c, 20, 100);
        batches::end(&mut c, TENANT, &id, Ending::Complete).unwrap();
        for processed in [21, 29, 30, 31, 99, 100, 100] {
            progress(&c, processed, 100);
        }
        let told = |status: &str, completed, total| (status.to_owned(), completed, total);
        let all = [
            told("Open", 20, 20),
            told("Processing", 20, 100),
            told("Processing", 30, 100),
            told("Processing", 99, 100),
            told("Completed", 100, 100),
        ];
        assert_eq!(bodies(&c, &id), all);
        // A batch without a webhook is no event.
        let silent = batch(&mut c, None);
        batches::end(&mut c, TENANT, &silent, Ending::Cancel).unwrap();
        assert!(bodies(&c, &silent).is_empty());
    }

    #[test]
    fn the_oldest_of_a_batch_goes_first_and_waits_for_its_time() {
        let mut c = records();
        let id = batch(&mut c, Some("http://x"));
        progress(&c, 1, 1);
        batches::end(&mut c, TENANT, &id, Ending::Complete).unwrap();
        let later = |ready_at| Attempt { fate: Fate::Later { ready_at }, answer: Some(500), error: Some("no".into()) };
        let far = clock::now_ms() + 1_000_000;
        let first = due(&c, far, Vec::new(), MANY).unwrap().parcels.remove(0);
        assert_eq!((first.url.as_str(), first.attempts, first.secrets.len()), ("http://x", 0, 1));
        assert!(due(&c, far, vec![(first.line, TENANT)], MANY).unwrap().parcels.is_empty(), "one at a time");
        let others = |tenant| vec![(Line(77), tenant), (Line(78), tenant)];
        assert!(due(&c, far, others(TENANT), Most { all: 9, tenant: 2 }).unwrap().parcels.is_empty());
        assert!(due(&c, far, others(Tenant(2)), Most { all: 2, tenant: 2 }).unwrap().parcels.is_empty());
        assert_eq!(due(&c, far, others(Tenant(2)), Most { all: 3, tenant: 2 }).unwrap().parcels.len(), 1);
        attempted(&c, first.delivery, later(far + 50), far).unwrap();
        let waits = due(&c, far + 49, Vec::new(), MANY).unwrap();
        assert!(waits.parcels.is_empty() && waits.next == Some(far + 50), "the second does not overtake the first");
        let again = due(&c, far + 50, Vec::new(), MANY).unwrap().parcels.remove(0);
        assert_eq!((again.delivery, &again.id, again.attempts), (first.delivery, &first.id, 1));
        attempted(&c, first.delivery, Attempt { fate: Fate::Failed, ..later(0) }, far).unwrap();
        let second = due(&c, far, Vec::new(), MANY).unwrap().parcels.remove(0);
        assert!(second.delivery > first.delivery);
        attempted(&c, second.delivery, Attempt { fate: Fate::Delivered, answer: Some(200), error: None }, far).unwrap();
        assert!(due(&c, far, Vec::new(), MANY).unwrap().parcels.is_empty());
        // Sent again by wish, as the same.
        assert!(resend(&mut c, Tenant(2), &id, &first.id, far).unwrap().is_none());
        let wished = resend(&mut c, TENANT, &id, &first.id, far).unwrap().unwrap();
        assert_eq!((wished.state, wished.attempts), (DeliveryState::Waiting, 0));
        assert_eq!(due(&c, far, Vec::new(), MANY).unwrap().parcels[0].body, first.body);
    }

    #[test]
    fn a_secret_outlives_its_successor_for_a_while() {
        let mut c = records();
        let old = secret(&c, TENANT).unwrap();
        assert_eq!((old.len(), secret(&c, TENANT).unwrap()), (SECRET, old.clone()));
        assert_ne!(secret(&c, Tenant(2)).unwrap(), old);
        let new = new_secret(&mut c, TENANT, 100).unwrap();
        assert_ne!(new, old);
        assert_eq!(secrets(&c, TENANT, 99).unwrap(), [new.clone(), old]);
        assert_eq!(secrets(&c, TENANT, 100).unwrap(), [new]);
    }

    #[test]
    fn errors_are_told_within_bounds() {
        let error = |message: &str| BatchError {
            error_type: cloudindex_wire::ErrorType::System,
            code: "c".into(),
            message: message.into(),
            document_id: None,
            path: None,
            retryable: false,
            at: String::new(),
        };
        assert_eq!(few(vec![error("x"); 50]).len(), 50);
        assert_eq!(few(vec![error(&"x".repeat(ERROR_BYTES / 2)); 3]).len(), 1);
    }
}
