//! The document as the server keeps it, and the pages that lists come in.

use crate::{Batch, BatchError, Digest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A document as `GET /v1/documents/{id}` answers it, and a row of `GET /v1/batches/{id}/documents`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Document {
    pub id: String,
    pub batch_id: String,
    /// Relative, `/` between segments, unique in its batch.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Media type as the browser gave it; empty when unknown.
    #[serde(rename = "type", default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub media_type: String,
    /// Milliseconds since 1970, as `File.lastModified`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub last_modified: Option<u64>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<Object>))]
    pub metadata: Option<Box<RawValue>>,
    /// `[digest, length]` in the order of the bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::BlockEntry>))]
    pub blocks: Vec<(Digest, u64)>,
    /// ISO 8601; when this path was first committed.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub created_at: String,
    /// ISO 8601; when its content was last replaced.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub updated_at: String,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub state: DocumentState,
    /// Media type as the content tells it; null before it is processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_type: Option<String>,
    /// Chunks of text that can be found.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub chunks: u64,
}

/// Where a document is on its way through the pipeline.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DocumentState {
    /// Committed, and waiting for its turn; also in a cancelled batch, where it will not come.
    #[default]
    Queued,
    /// Its text can be found.
    Processed,
    /// It could not be processed; the batch's errors tell why.
    Failed,
}

/// Answer of `GET /v1/batches/{id}/documents`, in the order of the paths' bytes.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentPage {
    pub documents: Vec<Document>,
    /// The `cursor` of the next page; null after the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next: Option<String>,
}

/// Answer of `GET /v1/batches`, newest first.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchPage {
    pub batches: Vec<Batch>,
    /// The `cursor` of the next page; null after the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next: Option<String>,
}

/// Answer of `GET /v1/batches/{id}/errors`, oldest first.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorPage {
    pub errors: Vec<BatchError>,
    /// The `cursor` of the next page; null after the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next: Option<String>,
}
