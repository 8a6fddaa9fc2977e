//! The webhooks' side of the records: events that wait to be delivered, what became of them, and the secrets that sign them.

use super::{Answer, Listed, Page, Tenant};
use cloudindex_wire::Delivery;

/// Names a delivery, within the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeliveryId(pub i64);

/// Names the batch that deliveries are in order of, within the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line(pub i64);

/// A webhook whose turn has come.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub delivery: DeliveryId,
    pub line: Line,
    pub tenant: Tenant,
    /// `webhook-id`.
    pub id: String,
    pub url: String,
    pub body: String,
    /// Attempts before this one.
    pub attempts: u32,
    /// Keys to sign with: the one in force, and those that are still good.
    pub secrets: Vec<Vec<u8>>,
}

/// How many webhooks may be under way.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    pub all: usize,
    /// Of one tenant, so that its receivers, if they hang, do not keep those of others waiting.
    pub tenant: usize,
}

/// Webhooks to be sent.
#[derive(Debug, Default)]
pub struct Due {
    pub parcels: Vec<Parcel>,
    /// When the next is ready, in milliseconds since 1970, if there is one.
    pub next: Option<i64>,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub fate: Fate,
    /// HTTP status, if there was an answer.
    pub answer: Option<u16>,
    /// For a person; `None` when all is well.
    pub error: Option<String>,
}

/// What becomes of a webhook after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Delivered,
    /// Another attempt, not before this time.
    Later {
        ready_at: i64,
    },
    /// No other attempt, unless somebody asks for it.
    Failed,
}

/// Webhooks. Their events are made by whatever changes a batch, in the same transaction. Times are milliseconds since 1970
/// and are the caller's, so that a test has its own. What is answered `Ok` by a method that writes is durable.
pub trait Deliveries: Send + Sync {
    /// The oldest waiting webhook of each batch, if it is ready and none of the batch is under way; the longest ready first.
    fn due(&self, now: i64, under_way: Vec<(Line, Tenant)>, most: Most) -> Answer<'_, Due>;
    /// Notes what became of an attempt that ended at `now`.
    fn attempted(&self, delivery: DeliveryId, attempt: Attempt, now: i64) -> Answer<'_, ()>;
    /// Oldest first; `None`: no such batch.
    fn deliveries(&self, tenant: Tenant, batch: &str, page: Page) -> Answer<'_, Option<Listed<Delivery>>>;
    /// Has a webhook sent again, whatever became of it before. `None`: no such delivery.
    fn resend(&self, tenant: Tenant, batch: &str, id: &str, now: i64) -> Answer<'_, Option<Delivery>>;
    /// The secret in force.
    fn secret(&self, tenant: Tenant) -> Answer<'_, Vec<u8>>;
    /// Puts a new secret in the place of the one in force, which stays good until `ends_at`.
    fn new_secret(&self, tenant: Tenant, ends_at: i64) -> Answer<'_, Vec<u8>>;
}
