//! Why something failed, in the words of the wire: a type, a code, and a sentence that names the file, the limit and the fix.

use cloudindex_wire::{ErrorType, Problem};
use std::borrow::Cow;

/// Codes that only the client gives; the rest are in [`cloudindex_wire::codes`].
pub mod codes {
    pub use cloudindex_wire::codes::*;

    /// An option is unknown or has a wrong value.
    pub const INVALID_OPTION: &str = "invalid_option";
    /// Two files of one upload have the same path.
    pub const DUPLICATE_PATH: &str = "duplicate_path";
    /// The browser could not read the file.
    pub const FILE_UNREADABLE: &str = "file_unreadable";
    /// The file is not what it was when it was first read.
    pub const FILE_CHANGED: &str = "file_changed";
    /// `processing.timeout` is over.
    pub const TIMEOUT: &str = "timeout";
    /// Another page has the journal.
    pub const JOURNAL_BUSY: &str = "journal_busy";
    pub const CANCELLED: &str = "cancelled";
    /// The server answered something that is not of the protocol.
    pub const INVALID_REPLY: &str = "invalid_reply";
}

/// A failure as the page shows it and `UploadError` carries it.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub kind: ErrorType,
    pub code: Cow<'static, str>,
    pub message: String,
    /// Trying again may help.
    pub retryable: bool,
    /// HTTP status, when there was a response.
    pub status: Option<u16>,
    /// How many attempts were made.
    pub attempt: Option<u32>,
}

impl Failure {
    /// The user or the application must change something first.
    pub fn validation(code: &'static str, message: impl Into<String>) -> Self {
        Failure {
            kind: ErrorType::Validation,
            code: Cow::Borrowed(code),
            message: message.into(),
            retryable: false,
            status: None,
            attempt: None,
        }
    }

    /// Network, server or browser failed.
    pub fn system(code: &'static str, message: impl Into<String>, retryable: bool) -> Self {
        Failure { kind: ErrorType::System, retryable, ..Failure::validation(code, message) }
    }

    /// What the server said of one document, block or request.
    pub(crate) fn from_problem(problem: Problem) -> Self {
        let kind = match problem.status {
            400 | 403 | 404 | 409 | 410 | 413 | 415 | 422 => ErrorType::Validation,
            _ => ErrorType::System,
        };
        let message = if problem.detail.is_empty() { problem.title.into_owned() } else { problem.detail };
        Failure {
            kind,
            code: problem.code,
            message,
            retryable: problem.retryable,
            status: Some(problem.status),
            attempt: None,
        }
    }
}
