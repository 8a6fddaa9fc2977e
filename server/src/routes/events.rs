//! `GET /v1/batches/{id}/events`: how a batch stands, as server-sent events.
//!
//! Each event is the whole status, and its id grows with every change of it. So to resume is simple: whoever missed some
//! needs only the newest, and whoever has that (`Last-Event-ID`) needs nothing until it changes.

use super::batches::report;
use crate::State;
use crate::error::Fault;
use crate::openapi::Refused;
use crate::store::Tenant;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cloudindex_wire::Phase;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use utoipa::ToSchema;

/// Between two events there is at least this.
const APART: Duration = Duration::from_millis(200);
/// When nothing happens for so long a comment is sent, so that nobody between takes the connection for dead.
const SILENCE: Duration = Duration::from_secs(15);

/// One event, as the description tells it: many tools take the schema of a stream for that of its events.
#[derive(ToSchema)]
pub struct StatusEvent {
    /// Grows with each change; for `Last-Event-ID`.
    #[schema(pattern = "^[0-9]+$")]
    pub id: String,
    #[schema(pattern = "^status$")]
    pub event: String,
    /// The JSON of a `BatchReport`.
    #[schema(content_media_type = "application/json")]
    pub data: String,
}

/// Follows a batch by server-sent events.
///
/// Each tells all that there is to know, so that whoever missed some
/// needs only the newest. At most five come a second. The stream ends after the event of a batch that has ended.
#[utoipa::path(
    get,
    path = "/batches/{id}/events",
    operation_id = "followBatch",
    tag = "batches",
    params(
        ("id" = String, Path, description = "The batch."),
        ("Last-Event-ID" = Option<String>, Header, nullable = false, description = "The id of the newest event that was received: it is not sent again."),
    ),
    responses(
        (status = 200, description = "The events.", body = StatusEvent, content_type = "text/event-stream"),
        (status = 204, description = "The batch has ended, and its last event was received: there is nothing to follow."),
        Refused<404>,
    ),
)]
pub async fn get(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let record = state.records.batch(tenant, &id).await?.ok_or_else(|| Fault::batch_not_found(&id))?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    if last == Some(record.changes) && ended(record.status.status) {
        // What tells an `EventSource` not to come again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (send, events) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut stopping = state.pipeline.stopping();
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => {}
            // It ends when nobody listens any more.
            _ = tell(&state, tenant, &id, last, send) => {}
        }
    });
    let mut response = Response::new(Body::from_stream(Events(events)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather what they pass on would make news old.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Tells every change after `last`; `None` when there is no more to tell, or nobody to tell it to.
async fn tell(state: &State, tenant: Tenant, id: &str, mut last: Option<u64>, send: mpsc::Sender<Bytes>) -> Option<()> {
    let mut changes = state.pipeline.follow();
    // The head goes out at once, and whoever waits for it knows that it is being listened to.
    send.send(Bytes::from_static(b"retry: 2000\n\n")).await.ok()?;
    loop {
        changes.mark_unchanged();
        let record = state.records.batch(tenant, id).await.ok()??;
        let (number, phase) = (record.changes, record.status.status);
        if last != Some(number) {
            let report = report(state, record).await.ok()?;
            let json = serde_json::to_string(&report).ok()?;
            send.send(Bytes::from(format!("id: {number}\nevent: status\ndata: {json}\n\n"))).await.ok()?;
            last = Some(number);
        }
        if ended(phase) {
            return None;
        }
        tokio::select! {
            () = send.closed() => return None,
            () = tokio::time::sleep(APART) => {}
        }
        loop {
            tokio::select! {
                () = send.closed() => return None,
                changed = changes.changed() => {
                    changed.ok()?;
                    break;
                }
                () = tokio::time::sleep(SILENCE) => send.send(Bytes::from_static(b":\n\n")).await.ok()?,
            }
        }
    }
}

fn ended(phase: Phase) -> bool {
    matches!(phase, Phase::Completed | Phase::Cancelled)
}

struct Events(mpsc::Receiver<Bytes>);

impl futures_core::Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}
