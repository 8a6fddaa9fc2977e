//! Webhooks: events that the records hold ([`crate::store::Deliveries`]) are sent until they are acknowledged.
//!
//! An event is written by the transaction that changes its batch, so no crash comes between the two. Sending is this module's
//! alone, beside requests and the pipeline: nobody waits for a receiver. Of each batch one event is under way at a time, the
//! oldest, so they arrive in order; batches do not wait for each other. An event that was sent, and whose acknowledgement was
//! not written down before a crash, is sent again under the same id.

pub mod post;
pub mod sign;
pub mod target;

use crate::clock;
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::store::{Attempt, Deliveries, Fate, Line, Most, Parcel, StoreError, Tenant};
use post::{Postman, Reply};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use target::Targets;
use tokio::task::JoinSet;

/// Attempts under way at once.
const AT_ONCE: Most = Most { all: 64, tenant: 16 };
/// Attempts before an event is given up: a day and a half, if the first wait is five seconds.
const ATTEMPTS: u32 = 12;
/// The longest wait between two attempts, whatever a receiver asks for.
const LONGEST: Duration = Duration::from_secs(8 * 3600);
/// Changes come many a second; whether they made events is looked at less often.
const APART: Duration = Duration::from_millis(50);
/// How long it waits when the records fail.
const PAUSE: Duration = Duration::from_secs(1);

/// How webhooks are sent.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub targets: Targets,
    /// The wait after the first failure; four times as long after each one that follows.
    pub wait: Duration,
}

/// Sends what is due, until the server stops.
pub struct Courier {
    deliveries: Arc<dyn Deliveries>,
    pipeline: Arc<Pipeline>,
    metrics: Arc<Metrics>,
    postman: Arc<Postman>,
    wait: Duration,
}

impl Courier {
    pub fn new(
        deliveries: Arc<dyn Deliveries>,
        pipeline: Arc<Pipeline>,
        metrics: Arc<Metrics>,
        Options { targets, wait }: Options,
    ) -> Self {
        Courier { deliveries, pipeline, metrics, postman: Arc::new(Postman::new(targets)), wait }
    }

    /// What it leaves under way when the server stops is sent again after the next start.
    pub async fn run(self: Arc<Self>) {
        let mut stopping = self.pipeline.stopping();
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => {}
            () = self.work() => {}
        }
    }

    async fn work(self: &Arc<Self>) {
        let mut changes = self.pipeline.follow();
        let mut under_way = BTreeMap::new();
        let mut attempts = JoinSet::new();
        loop {
            // From here on no change is missed.
            changes.mark_unchanged();
            let next = match self.begin(&mut under_way, &mut attempts).await {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(%error, "webhooks cannot be read");
                    Some(clock::now_ms() + PAUSE.as_millis() as i64)
                }
            };
            tokio::select! {
                Some(ended) = attempts.join_next() => {
                    ended.into_iter().for_each(|line: Line| { under_way.remove(&line); });
                }
                _ = changes.changed() => tokio::time::sleep(APART).await,
                () = until(next) => {}
            }
        }
    }

    /// Begins attempts, as many as may be; tells when the next one is ready.
    async fn begin(
        self: &Arc<Self>,
        under_way: &mut BTreeMap<Line, Tenant>,
        attempts: &mut JoinSet<Line>,
    ) -> Result<Option<i64>, StoreError> {
        let taken = under_way.iter().map(|(line, tenant)| (*line, *tenant)).collect();
        let due = self.deliveries.due(clock::now_ms(), taken, AT_ONCE).await?;
        for parcel in due.parcels {
            under_way.insert(parcel.line, parcel.tenant);
            attempts.spawn(self.clone().attempt(parcel));
        }
        Ok(due.next)
    }

    /// Makes an attempt, and writes down what came of it.
    async fn attempt(self: Arc<Self>, parcel: Parcel) -> Line {
        let (delivery, line, attempts) = (parcel.delivery, parcel.line, parcel.attempts);
        let webhook = parcel.id.clone();
        let postman = self.postman.clone();
        let reply = tokio::task::spawn_blocking(move || postman.send(&parcel, clock::now_ms())).await;
        let reply = reply.unwrap_or_else(|error| Reply::None(format!("the sender failed: {error}")));
        let now = clock::now_ms();
        let attempt = judge(reply, attempts + 1, now, self.wait, chance());
        self.metrics.webhook(attempt.fate);
        // On a full disk, say. It is not sent again for that: a receiver would get it each second.
        while let Err(error) = self.deliveries.attempted(delivery, attempt.clone(), now).await {
            tracing::error!(%error, webhook, "what became of a webhook cannot be written yet");
            tokio::time::sleep(PAUSE).await;
        }
        line
    }
}

/// Waits until a time in milliseconds since 1970, or for ever.
async fn until(time: Option<i64>) {
    match time {
        Some(time) => {
            let left = u64::try_from(time - clock::now_ms()).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(left.max(1))).await;
        }
        None => std::future::pending().await,
    }
}

/// From 0 to 1. Without randomness there is no spread, which is no reason to fail.
fn chance() -> f64 {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    f64::from(random) / f64::from(u32::MAX)
}

/// What the `number`th attempt, which ended at `now`, means for the event.
fn judge(reply: Reply, number: u32, now: i64, first_wait: Duration, chance: f64) -> Attempt {
    let (answer, error, asked) = match reply {
        Reply::Taken(status) => return Attempt { fate: Fate::Delivered, answer: Some(status), error: None },
        Reply::Refused { status, retry_after } => {
            let what = match status {
                300..400 => "redirects are not followed; give the address itself",
                410 => "whoever was there wants no more",
                _ => "anything but 2xx is no acknowledgement",
            };
            (Some(status), format!("it answers {status}: {what}"), retry_after)
        }
        Reply::None(what) => (None, what, None),
    };
    let fate = if number >= ATTEMPTS || answer == Some(410) {
        Fate::Failed
    } else {
        let wait = backoff(first_wait, number, chance).max(asked.unwrap_or_default()).min(LONGEST);
        Fate::Later { ready_at: now.saturating_add(wait.as_millis() as i64) }
    };
    Attempt { fate, answer, error: Some(error) }
}

/// The wait after the `number`th failure: four times that after the one before, and up to a half of it less by chance, so that
/// many that failed at once do not come again at once.
fn backoff(first: Duration, number: u32, chance: f64) -> Duration {
    let whole = first.saturating_mul(4u32.saturating_pow(number.saturating_sub(1))).min(LONGEST);
    whole.mul_f64(1.0 - chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(5);

    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<u64> = (1..=ATTEMPTS).map(|number| backoff(FIRST, number, 0.0).as_secs()).collect();
        assert_eq!(waits[..6], [5, 20, 80, 320, 1280, 5120]);
        assert_eq!(waits[7..], [LONGEST.as_secs(); 5]);
        assert_eq!(backoff(FIRST, 2, 1.0).as_secs(), 10);
        assert_eq!(backoff(Duration::MAX, u32::MAX, 0.5), LONGEST.mul_f64(0.75));
        assert!((0.0..=1.0).contains(&chance()));
    }

    #[test]
    fn answers_are_judged() {
        let judge = |reply, number| judge(reply, number, 1000, FIRST, 0.0);
        let refused =
            |status, seconds: Option<u64>| Reply::Refused { status, retry_after: seconds.map(Duration::from_secs) };
        assert_eq!(judge(Reply::Taken(204), 1), Attempt { fate: Fate::Delivered, answer: Some(204), error: None });
        assert_eq!(judge(refused(500, None), 1).fate, Fate::Later { ready_at: 6000 });
        assert_eq!(judge(refused(404, None), 2).fate, Fate::Later { ready_at: 21_000 });
        assert_eq!(judge(refused(503, Some(60)), 1).fate, Fate::Later { ready_at: 61_000 });
        let longest = 1000 + LONGEST.as_millis() as i64;
        assert_eq!(judge(refused(429, Some(u64::MAX)), 1).fate, Fate::Later { ready_at: longest });
        assert_eq!(judge(refused(410, None), 1).fate, Fate::Failed);
        assert!(judge(refused(302, None), 1).error.unwrap().contains("redirects"));
        let none = judge(Reply::None("no such host".into()), ATTEMPTS);
        assert_eq!(none, Attempt { fate: Fate::Failed, answer: None, error: Some("no such host".into()) });
    }
}
