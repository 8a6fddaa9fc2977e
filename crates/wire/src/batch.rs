//! The batch: how it is created, what it may hold, how it stands.

use crate::ErrorType;
use crate::json::Reader;
use crate::object::optional;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Body of `POST /v1/batches`. Every field is optional.
#[derive(Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewBatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub processing: Option<ProcessingOptions>,
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub limits: Option<BatchLimits>,
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub tracking: Option<TrackingOptions>,
}

/// How the server works on the batch's documents.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessingOptions {
    /// Characters a text chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 100_000))]
    pub chunk_size: Option<u32>,
}

/// What a batch may hold; the smaller of the asked and the server's own is in force.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchLimits {
    /// Documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch_size: Option<u64>,
    /// Bytes a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_file_size: Option<u64>,
    /// Bytes of all documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_batch_bytes: Option<u64>,
}

impl BatchLimits {
    /// Those that hold when both do.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let least = |a: Option<u64>, b: Option<u64>| a.map_or(b, |a| Some(b.map_or(a, |b| a.min(b))));
        BatchLimits {
            max_batch_size: least(self.max_batch_size, other.max_batch_size),
            max_file_size: least(self.max_file_size, other.max_file_size),
            total_batch_bytes: least(self.total_batch_bytes, other.total_batch_bytes),
        }
    }
}

/// Who is told how the batch goes.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrackingOptions {
    /// Where events go: `http://` or `https://`, 2,048 characters at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = "uri", pattern = "^https?://", max_length = 2048))]
    pub webhook_url: Option<String>,
}

/// What the server takes in one request, told when a batch is created or read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Caps {
    /// Bytes of one request's body.
    pub bundle_bytes: u64,
    /// Bytes of one block.
    pub block_bytes: u64,
    /// Documents of one manifest.
    pub bundle_documents: u64,
    /// Values of `Content-Encoding` that are accepted.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub encodings: Vec<String>,
    /// The digest that names blocks: `blake3`.
    pub digest: String,
}

/// A batch as `POST /v1/batches` (201) and `GET /v1/batches/{id}` (200) answer it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<Box<RawValue>>,
    pub limits: BatchLimits,
    pub caps: Caps,
    #[serde(flatten)]
    pub status: BatchStatus,
}

/// A batch with how fast it goes, as `GET /v1/batches/{id}` and the events tell it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BatchReport {
    #[serde(flatten)]
    pub batch: Batch,
    /// Of the whole server, over the last minute; null while nothing is processed.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub documents_per_second: Option<f64>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub bytes_per_second: Option<f64>,
    /// What the server lacks to process documents, for a person; absent when nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// Answer of `POST /v1/batches/{id}/retry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Retried {
    /// Documents that wait for their turn again.
    pub retried: u64,
}

/// What an uploader reads of a [`Batch`]; the rest of it is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchView {
    pub id: String,
    pub limits: BatchLimits,
    /// The sizes of [`Caps`].
    pub bundle_bytes: u64,
    pub block_bytes: u64,
    pub bundle_documents: u64,
    /// `gzip` is among the encodings: the only one that browsers can make.
    pub gzip: bool,
    pub status: Phase,
    pub total_files: u64,
    pub processed_files: u64,
    pub failed_files: u64,
}

impl BatchView {
    /// Reads the JSON of a [`Batch`].
    pub fn read(json: &[u8]) -> Option<Self> {
        let (mut id, mut status, mut limits) = (None, None, BatchLimits::default());
        let (mut bundle_bytes, mut block_bytes, mut bundle_documents) = (None, None, None);
        let mut gzip = false;
        let (mut total_files, mut processed_files, mut failed_files) = (None, None, None);
        Reader::read(json, |reader| {
            reader.object(&mut |reader, name| {
                match name {
                    "id" => id = Some(reader.string()?),
                    "status" => status = Some(Phase::named(&reader.string()?)?),
                    "totalFiles" => total_files = Some(reader.count()?),
                    "processedFiles" => processed_files = Some(reader.count()?),
                    "failedFiles" => failed_files = Some(reader.count()?),
                    "limits" | "caps" => reader.object(&mut |reader, name| {
                        let count = match name {
                            "maxBatchSize" => &mut limits.max_batch_size,
                            "maxFileSize" => &mut limits.max_file_size,
                            "totalBatchBytes" => &mut limits.total_batch_bytes,
                            "bundleBytes" => &mut bundle_bytes,
                            "blockBytes" => &mut block_bytes,
                            "bundleDocuments" => &mut bundle_documents,
                            "encodings" => {
                                return reader.list(&mut |reader| {
                                    gzip |= reader.string()? == "gzip";
                                    Some(())
                                });
                            }
                            _ => return reader.skip(),
                        };
                        *count = reader.optional(Reader::count)?;
                        Some(())
                    })?,
                    _ => reader.skip()?,
                }
                Some(())
            })
        })?;
        Some(BatchView {
            id: id?,
            limits,
            bundle_bytes: bundle_bytes?,
            block_bytes: block_bytes?,
            bundle_documents: bundle_documents?,
            gzip,
            status: status?,
            total_files: total_files?,
            processed_files: processed_files?,
            failed_files: failed_files?,
        })
    }
}

/// How a batch stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BatchStatus {
    /// The batch's id again.
    pub batch_id: String,
    pub status: Phase,
    pub total_files: u64,
    pub processed_files: u64,
    pub failed_files: u64,
    /// 0 to 100.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 100))]
    pub progress_percentage: f64,
    /// ISO 8601; the first document's arrival, null before it.
    #[cfg_attr(feature = "openapi", schema(required, format = DateTime))]
    pub started_at: Option<String>,
    /// ISO 8601; null while there is nothing to estimate from.
    #[cfg_attr(feature = "openapi", schema(required, format = DateTime))]
    pub estimated_completion: Option<String>,
    /// Bytes of all committed documents.
    pub bytes: u64,
}

/// The life of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Takes documents.
    Open,
    /// Takes no more; some are still being processed.
    Processing,
    /// All documents are processed or have failed.
    Completed,
    /// Stopped; takes no more.
    Cancelled,
}

impl Phase {
    /// The phase by its name on the wire.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "open" => Phase::Open,
            "processing" => Phase::Processing,
            "completed" => Phase::Completed,
            "cancelled" => Phase::Cancelled,
            _ => return None,
        })
    }
}

/// One row of `GET /v1/batches/{id}/errors`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BatchError {
    #[serde(rename = "type")]
    pub error_type: ErrorType,
    pub code: String,
    pub message: String,
    /// Absent where the document was never stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    pub retryable: bool,
    /// ISO 8601.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub at: String,
}
