//! What a file is, told by its content. Its name and the type that the browser gave decide only between kinds of text.

use super::{Refusal, text};
use cloudindex_wire::codes;
use serde::{Deserialize, Serialize};
use std::io::Cursor;

/// What can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Text,
    Source,
    Markdown,
    Html,
    Csv,
    Json,
    Pdf,
    Docx,
}

/// What is needed in a zip to make it a DOCX.
pub const DOCX_TEXT: &str = "word/document.xml";

/// Names of files whose text is code, and said to be.
const SOURCE: &[&str] = &[
    "bash", "c", "cc", "clj", "cpp", "cs", "css", "cxx", "dart", "el", "ex", "exs", "fs", "go", "graphql", "h", "hpp",
    "hs", "java", "jl", "js", "jsx", "kt", "lua", "m", "mjs", "ml", "php", "pl", "proto", "ps1", "py", "r", "rb", "rs",
    "scala", "scss", "sh", "sql", "svelte", "swift", "toml", "ts", "tsx", "vue", "wat", "xml", "yaml", "yml", "zig",
    "zsh",
];

/// Names that promise something else than text: what is text under them is damaged, or no such file.
const BINARY: &[&str] = &[
    "7z", "bmp", "doc", "docx", "epub", "exe", "gif", "gz", "jpeg", "jpg", "mov", "mp3", "mp4", "odt", "pdf", "png",
    "ppt", "pptx", "rar", "tar", "tiff", "wasm", "wav", "webp", "xls", "xlsx", "xz", "zip", "zst",
];

impl Kind {
    pub fn media_type(self) -> &'static str {
        match self {
            Kind::Text => "text/plain",
            Kind::Source => "text/x-source",
            Kind::Markdown => "text/markdown",
            Kind::Html => "text/html",
            Kind::Csv => "text/csv",
            Kind::Json => "application/json",
            Kind::Pdf => "application/pdf",
            Kind::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        }
    }
}

/// What `bytes` are.
pub fn kind(bytes: &[u8], path: &str, media_type: &str) -> Result<Kind, Refusal> {
    let is_text = text::is_text(bytes);
    let pdf = memchr::memmem::find(&bytes[..bytes.len().min(1024)], b"%PDF-");
    if pdf.is_some_and(|at| at == 0 || !is_text) {
        return Ok(Kind::Pdf);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return zip(bytes, path);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Err(compound(bytes));
    }
    let extension = path.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    let extension = extension.as_str();
    if !is_text {
        return Err(unsupported(infer::get(bytes).map_or("application/octet-stream", |found| found.mime_type())));
    }
    if BINARY.contains(&extension) {
        return Err(Refusal::invalid(format!("its name ends in .{extension}, its content is plain text")));
    }
    if bytes.starts_with(b"{\\rtf") {
        return Err(unsupported("application/rtf"));
    }
    Ok(text_kind(bytes, extension, media_type))
}

/// Kinds of text.
fn text_kind(bytes: &[u8], extension: &str, media_type: &str) -> Kind {
    let head = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let head = head[..head.len().min(64)].to_ascii_lowercase();
    let says = |name: &str| media_type.split(';').next().is_some_and(|given| given.trim().eq_ignore_ascii_case(name));
    if head.starts_with(b"<!doctype html") || head.starts_with(b"<html") {
        return Kind::Html;
    }
    match extension {
        "htm" | "html" | "xhtml" => Kind::Html,
        "md" | "markdown" | "mdx" => Kind::Markdown,
        "csv" | "tsv" => Kind::Csv,
        "json" | "jsonl" | "ndjson" | "geojson" | "ipynb" => Kind::Json,
        source if SOURCE.contains(&source) => Kind::Source,
        _ if says("text/html") => Kind::Html,
        _ if says("text/markdown") => Kind::Markdown,
        _ if says("text/csv") => Kind::Csv,
        _ if says("application/json") => Kind::Json,
        _ => Kind::Text,
    }
}

fn zip(bytes: &[u8], path: &str) -> Result<Kind, Refusal> {
    let archive = zip::ZipArchive::new(Cursor::new(bytes));
    let archive = archive.map_err(|error| Refusal::invalid(format!("the archive is damaged: {error}")))?;
    if archive.index_for_name(DOCX_TEXT).is_some() {
        return Ok(Kind::Docx);
    }
    if path.to_ascii_lowercase().ends_with(".docx") {
        return Err(Refusal::invalid(format!("its name ends in .docx, but there is no {DOCX_TEXT} in it")));
    }
    Err(unsupported(infer::get(bytes).map_or("application/zip", |found| found.mime_type())))
}

/// Microsoft's format of before, which also wraps documents that have a password.
fn compound(bytes: &[u8]) -> Refusal {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    match memchr::memmem::find(bytes, &name) {
        Some(_) => encrypted(),
        None => unsupported("application/x-ole-storage"),
    }
}

pub fn encrypted() -> Refusal {
    Refusal::new(codes::ENCRYPTED, "it opens with a password only; save it without one and send it again")
}

fn unsupported(media_type: &str) -> Refusal {
    let detail = format!(
        "its content is {media_type}; text is taken from plain text, code, Markdown, HTML, CSV, JSON, PDF and DOCX"
    );
    Refusal::new(codes::UNSUPPORTED_TYPE, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells() {
        let is = |bytes: &[u8], path: &str| kind(bytes, path, "");
        assert_eq!(is(b"%PDF-1.7\n\xff\xfe", "a.txt"), Ok(Kind::Pdf));
        assert_eq!(is(b"\x80\x81 junk %PDF-1.7\n\0\0", "a"), Ok(Kind::Pdf));
        assert_eq!(is(b"About %PDF-1.7", "a.md"), Ok(Kind::Markdown));
        assert_eq!(is(b"BMW and MZ are no magic", "a"), Ok(Kind::Text));
        assert_eq!(is(b" <!DOCTYPE HTML><p>", "a.txt"), Ok(Kind::Html));
        assert_eq!(is(b"a,b", "dir.x/a.CSV"), Ok(Kind::Csv));
        assert_eq!(is(b"fn main() {}", "a.rs"), Ok(Kind::Source));
        assert_eq!(kind(b"{}", "a", "application/json; charset=utf-8"), Ok(Kind::Json));
        assert_eq!(is(b"", "a.pdf").unwrap_err().code, codes::INVALID_FILE);
        assert_eq!(is(b"text", "a.png").unwrap_err().code, codes::INVALID_FILE);
        for (bytes, says) in [
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), "image/png"),
            (b"\x1f\x8b\x08\0\0\0\0\0", "application/gzip"),
            (b"\0\x01\x02\x03", "application/octet-stream"),
            (b"{\\rtf1 x}", "application/rtf"),
        ] {
            let refusal = is(bytes, "a.txt").unwrap_err();
            assert_eq!(refusal.code, codes::UNSUPPORTED_TYPE);
            assert!(refusal.detail.contains(says), "{}", refusal.detail);
        }
        assert_eq!(is(b"PK\x03\x04 and no more", "a.docx").unwrap_err().code, codes::INVALID_FILE);
    }
}
