//! Webhooks: what is sent to `tracking.webhookUrl`, and the record of it.

use crate::{BatchError, Phase};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The body of a webhook: how the batch stood when something changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookEvent {
    pub batch_id: String,
    pub status: Phase,
    /// Files that are done with, whether they were processed or failed: all of them in the end.
    pub completed_files: u64,
    pub total_files: u64,
    /// The oldest of the batch's errors, as many as are sent along.
    pub errors: Vec<BatchError>,
}

/// A webhook and what became of it: a row of `GET /v1/batches/{id}/deliveries`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Its `webhook-id`; the same at every attempt.
    pub id: String,
    pub state: DeliveryState,
    /// The body, as sent.
    #[cfg_attr(feature = "openapi", schema(value_type = WebhookEvent))]
    pub event: Box<RawValue>,
    /// Attempts that have ended, since it was made or last asked for again.
    pub attempts: u32,
    /// ISO 8601.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub created_at: String,
    /// ISO 8601; when the last attempt ended.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required, format = DateTime))]
    pub attempted_at: Option<String>,
    /// ISO 8601; no attempt is made before; null when none will be.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required, format = DateTime))]
    pub next_attempt_at: Option<String>,
    /// The HTTP status that the last attempt was answered with.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub response_status: Option<u16>,
    /// What was wrong with the last attempt, for a person.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub error: Option<String>,
}

/// Where a webhook is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// To be sent, or sent again, when its turn comes.
    Waiting,
    /// Answered with a status of 2xx.
    Delivered,
    /// Given up.
    Failed,
}

/// Answer of `GET /v1/batches/{id}/deliveries`, oldest first.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryPage {
    pub deliveries: Vec<Delivery>,
    /// The `cursor` of the next page; null after the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next: Option<String>,
}

/// Answer of `/v1/webhooks/secret`: what a receiver verifies signatures with.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookSecret {
    /// `whsec_` and base64, as Standard Webhooks writes it.
    pub secret: String,
}
