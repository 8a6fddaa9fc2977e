//! The document as the server keeps it, and the pages that lists come in.

use crate::{Batch, BatchError, Digest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A document as `GET /v1/documents/{id}` answers it, and a row of `GET /v1/batches/{id}/documents`.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    pub media_type: String,
    /// Milliseconds since 1970, as `File.lastModified`.
    #[serde(default)]
    pub last_modified: Option<u64>,
    #[serde(default)]
    pub metadata: Option<Box<RawValue>>,
    /// `[digest, length]` in the order of the bytes.
    pub blocks: Vec<(Digest, u64)>,
    /// ISO 8601; when this path was first committed.
    pub created_at: String,
    /// ISO 8601; when its content was last replaced.
    pub updated_at: String,
    #[serde(default)]
    pub state: DocumentState,
    /// Media type as the content tells it; `None` before it is processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_type: Option<String>,
    /// Chunks of text that can be found.
    #[serde(default)]
    pub chunks: u64,
}

/// Where a document is on its way through the pipeline.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
pub struct DocumentPage {
    pub documents: Vec<Document>,
    /// The `cursor` of the next page; `None` after the last.
    pub next: Option<String>,
}

/// Answer of `GET /v1/batches`, newest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct BatchPage {
    pub batches: Vec<Batch>,
    pub next: Option<String>,
}

/// Answer of `GET /v1/batches/{id}/errors`, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct ErrorPage {
    pub errors: Vec<BatchError>,
    pub next: Option<String>,
}
