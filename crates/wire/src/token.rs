//! Upload tokens: for browsers, which must never see an API key.

use crate::BatchLimits;
use serde::{Deserialize, Serialize};

/// Body of `POST /v1/tokens`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewToken {
    /// The one batch that the token is good for.
    pub batch_id: String,
    /// Seconds; the server's usual time if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 86_400))]
    pub expires_in: Option<u64>,
    /// What the batch may hold for whoever sends the token, if that is less than the batch's own limits.
    #[serde(default, deserialize_with = "crate::object::one")]
    pub limits: BatchLimits,
}

/// Answer of `POST /v1/tokens`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UploadToken {
    /// To be sent as `Authorization: Bearer TOKEN`.
    pub token: String,
    pub batch_id: String,
    /// ISO 8601.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub expires_at: String,
    /// What the batch may hold for whoever sends the token: the batch's limits, and those asked for.
    pub limits: BatchLimits,
}
