//! PDF to text. Readers of PDF panic on what they do not expect: that is what the child process is for.

use super::{MAX_TEXT, Refusal, detect};
use pdf_extract::{Document, OutputError, PlainTextOutput, output_doc};

/// The text of all pages. What was scanned has none.
pub fn text(bytes: &[u8]) -> Result<String, Refusal> {
    let damaged = |error: &dyn std::fmt::Display| Refusal::invalid(format!("the PDF is damaged: {error}"));
    let mut document = Document::load_mem(bytes).map_err(|error| match error {
        pdf_extract::Error::InvalidPassword | pdf_extract::Error::Decryption(_) => detect::encrypted(),
        error => damaged(&error),
    })?;
    // Many have an empty password, which only forbids to change them.
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err(detect::encrypted());
    }
    if document.get_pages().is_empty() {
        return Err(damaged(&"no page of it can be read"));
    }
    let mut text = String::new();
    output_doc(&document, &mut PlainTextOutput::new(&mut text)).map_err(|error| match error {
        OutputError::PdfError(error) => damaged(&error),
        error => damaged(&error),
    })?;
    if text.len() > MAX_TEXT { Err(Refusal::too_long()) } else { Ok(text) }
}
