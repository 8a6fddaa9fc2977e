//! Errors as RFC 9457 problem details (`application/problem+json`).

use crate::json::Reader;
use crate::text::fill;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The three families of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ErrorType {
    /// The file or request is not acceptable; sending it again will not help.
    Validation,
    /// The document was stored, but could not be processed.
    Processing,
    /// The server, the network or the browser failed.
    System,
}

impl ErrorType {
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorType::Validation => "validation",
            ErrorType::Processing => "processing",
            ErrorType::System => "system",
        }
    }
}

/// An error body. `code` is for programs, `detail` for people: it names the thing, the limit and the fix.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A URI that identifies the problem: `urn:cloudindex:problem:CODE`.
    #[serde(rename = "type", default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub type_uri: Cow<'static, str>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub title: Cow<'static, str>,
    /// The HTTP status, also when the problem is one item's in a reply of 200.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required, minimum = 400, maximum = 599))]
    pub status: u16,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub detail: String,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub code: Cow<'static, str>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub retryable: bool,
}

/// Codes in use. Retryable family first, then fatal.
pub mod codes {
    pub const RATE_LIMIT_EXCEEDED: &str = "rate_limit_exceeded";
    pub const TEMPORARY_ERROR: &str = "temporary_error";
    pub const CONNECTION_ERROR: &str = "connection_error";

    /// The server has no embedding model; its operator is told how to get one.
    pub const MODEL_MISSING: &str = "model_missing";

    pub const INVALID_REQUEST: &str = "invalid_request";
    pub const INVALID_FILE: &str = "invalid_file";
    pub const INVALID_PATH: &str = "invalid_path";
    pub const FILE_TOO_LARGE: &str = "file_too_large";
    pub const TOO_MANY_FILES: &str = "too_many_files";
    pub const BATCH_TOO_LARGE: &str = "batch_too_large";
    pub const BUNDLE_TOO_LARGE: &str = "bundle_too_large";
    pub const BLOCK_TOO_LARGE: &str = "block_too_large";
    pub const DIGEST_MISMATCH: &str = "digest_mismatch";
    /// A block that was acknowledged cannot be read back.
    pub const BLOCK_MISSING: &str = "block_missing";
    pub const UNAUTHORIZED: &str = "unauthorized";
    /// The token is good, but not for this call.
    pub const FORBIDDEN: &str = "forbidden";
    pub const QUOTA_EXCEEDED: &str = "quota_exceeded";
    pub const NOT_FOUND: &str = "not_found";
    pub const BATCH_NOT_FOUND: &str = "batch_not_found";
    /// The batch was completed or cancelled: it takes no more documents.
    pub const BATCH_CLOSED: &str = "batch_closed";
    /// There is no text to be had from files of this type.
    pub const UNSUPPORTED_TYPE: &str = "unsupported_type";
    /// The file opens with a password only.
    pub const ENCRYPTED: &str = "encrypted";
    /// The file holds more text than is indexed of one document.
    pub const TEXT_TOO_LONG: &str = "text_too_long";
    /// Reading the file took too long, and was stopped.
    pub const EXTRACTION_TIMEOUT: &str = "extraction_timeout";
    /// Reading the file needed too much memory, or broke its reader.
    pub const EXTRACTION_FAILED: &str = "extraction_failed";
}

impl Problem {
    /// Reads JSON as serde would.
    pub fn read(json: &[u8]) -> Option<Self> {
        Reader::read(json, Self::read_from)
    }

    pub(crate) fn read_from(reader: &mut Reader) -> Option<Self> {
        let mut problem = Problem::default();
        reader.object(&mut |reader, name| {
            match name {
                "type" => problem.type_uri = reader.string()?.into(),
                "title" => problem.title = reader.string()?.into(),
                "status" => problem.status = reader.count()?.try_into().ok()?,
                "detail" => problem.detail = reader.string()?,
                "code" => problem.code = reader.string()?.into(),
                "retryable" => problem.retryable = reader.flag()?,
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(problem)
    }

    /// A problem with `status`, `code` and the words for a person.
    pub fn new(status: u16, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Problem {
            type_uri: Cow::Owned(fill("urn:cloudindex:problem:@", &[code], &[])),
            title: Cow::Borrowed(title),
            status,
            detail: detail.into(),
            code: Cow::Borrowed(code),
            retryable: matches!(
                code,
                codes::RATE_LIMIT_EXCEEDED | codes::TEMPORARY_ERROR | codes::CONNECTION_ERROR | codes::MODEL_MISSING
            ),
        }
    }
}
