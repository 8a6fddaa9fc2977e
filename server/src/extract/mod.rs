//! Bytes to text: what a file is, what stands in it, and its chunks. Pure, and run in a process of its own ([`child`]), because
//! nothing that a file does to its reader may touch the server.
//!
//! | module | reads |
//! | --- | --- |
//! | [`detect`] | the first bytes: what is it? |
//! | [`text`] | encodings; CSV, JSON, Markdown |
//! | [`html`] | HTML, token by token |
//! | [`office`] | DOCX |
//! | [`pdf`] | PDF |
//! | [`child`] | the process: limits, requests, answers |

pub mod child;
pub mod detect;
pub mod html;
pub mod office;
pub mod pdf;
pub mod text;

use cloudindex_wire::codes;
use detect::Kind;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use text_splitter::TextSplitter;

/// Bytes of a file that is read at all: what the seed's `maxFileSize` is.
pub const MAX_INPUT: u64 = 100 << 20;
/// Bytes of text of one document.
pub const MAX_TEXT: usize = 16 << 20;
/// Chunks of one document.
pub const MAX_CHUNKS: usize = 40_000;
/// Characters a chunk where the batch says nothing.
pub const CHUNK_SIZE: u32 = 1000;

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request<'a> {
    pub path: Cow<'a, str>,
    /// Media type as the browser gave it; the content knows better.
    pub media_type: Cow<'a, str>,
    pub chunk_size: u32,
    /// Bytes of the file, which follow.
    pub size: u64,
}

/// The text of a file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Extracted {
    pub kind: Kind,
    pub chunks: Vec<String>,
}

/// Why there is no text: a code for programs, words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: Cow<'static, str>,
    pub detail: String,
}

impl Refusal {
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Refusal { code: code.into(), detail: detail.into() }
    }

    /// The file is damaged, or is not what it says.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Refusal::new(codes::INVALID_FILE, detail)
    }

    pub fn too_long() -> Self {
        let detail = format!(
            "there is more text in it than the {} MiB that are indexed of one document; split it",
            MAX_TEXT >> 20
        );
        Refusal::new(codes::TEXT_TOO_LONG, detail)
    }
}

/// Reads a file.
pub fn extract(request: &Request<'_>, bytes: Vec<u8>) -> Result<Extracted, Refusal> {
    let kind = detect::kind(&bytes, &request.path, &request.media_type)?;
    let text = match kind {
        Kind::Pdf => pdf::text(&bytes)?,
        Kind::Docx => office::docx(&bytes)?,
        Kind::Text | Kind::Source => {
            let mut text = Text::default();
            text.push(&text::decode(bytes)?)?;
            text.into_string()
        }
        Kind::Html => html::text(&text::decode(bytes)?)?,
        Kind::Markdown => text::markdown(&text::decode(bytes)?)?,
        Kind::Csv => text::csv(&text::decode(bytes)?)?,
        Kind::Json => text::json(&text::decode(bytes)?)?,
    };
    Ok(Extracted { kind, chunks: split(&text, request.chunk_size)? })
}

/// Chunks of at most `size` characters, cut where paragraphs, sentences or words end.
fn split(text: &str, size: u32) -> Result<Vec<String>, Refusal> {
    let size = size.max(1) as usize;
    let splitter = TextSplitter::new(size);
    let (mut chunks, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let most = (16 * size).clamp(1 << 10, WINDOW).max(2 * size);
        let (window, after) = rest.split_at(window(rest, most));
        chunks.extend(splitter.chunks(window).map(str::to_owned));
        rest = after;
        if chunks.len() > MAX_CHUNKS {
            let detail = format!(
                "there are more than {MAX_CHUNKS} chunks of {size} characters in it; split it, or raise processing.chunkSize"
            );
            return Err(Refusal::new(codes::TEXT_TOO_LONG, detail));
        }
    }
    Ok(chunks)
}

/// Bytes of text that are split at once. The splitter's time grows with the square of what has neither sentences nor lines,
/// as minified code has none: a MiB of that took it 18 seconds, and in windows a third of one.
const WINDOW: usize = 16 << 10;

/// Where a window of at most `most` bytes ends: behind the last paragraph, line, sentence or word in its second half.
fn window(text: &str, most: usize) -> usize {
    if text.len() <= most {
        return text.len();
    }
    let end = text.floor_char_boundary(most);
    let half = text.floor_char_boundary(end / 2);
    let second = &text[half..end];
    let behind = |mark: &str| second.rfind(mark).map(|at| half + at + mark.len());
    behind("\n\n").or_else(|| behind("\n")).or_else(|| behind(". ")).or_else(|| behind(" ")).unwrap_or(end)
}

/// Text as it grows, with white space brought down to what it means, and an end.
#[derive(Debug, Default)]
pub struct Text {
    text: String,
    gap: Gap,
}

/// What stands between two words.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    #[default]
    None,
    Space,
    Line,
    Paragraph,
}

impl Text {
    /// Puts at least this between what is there and what comes.
    pub fn gap(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    /// Text as it is, lines and all.
    pub fn push(&mut self, text: &str) -> Result<(), Refusal> {
        if text.is_empty() {
            return Ok(());
        }
        if !self.text.is_empty() {
            self.text.push_str(["", " ", "\n", "\n\n"][self.gap as usize]);
        }
        self.gap = Gap::None;
        self.text.push_str(text);
        if self.text.len() > MAX_TEXT { Err(Refusal::too_long()) } else { Ok(()) }
    }

    /// Text in which any white space is one space.
    pub fn push_words(&mut self, text: &str) -> Result<(), Refusal> {
        if text.starts_with(char::is_whitespace) {
            self.gap(Gap::Space);
        }
        for word in text.split_whitespace() {
            self.push(word)?;
            self.gap(Gap::Space);
        }
        // A word may go on in what comes.
        if !text.ends_with(char::is_whitespace) && self.gap == Gap::Space {
            self.gap = Gap::None;
        }
        Ok(())
    }

    pub fn into_string(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn read(path: &str, bytes: &[u8]) -> Result<Extracted, Refusal> {
        let request = Request { path: path.into(), media_type: "".into(), chunk_size: 1000, size: bytes.len() as u64 };
        extract(&request, bytes.to_vec())
    }

    #[test]
    fn white_space_is_what_it_means() {
        let mut text = Text::default();
        text.push_words("  a\n b").unwrap();
        text.push_words("c d ").unwrap();
        text.gap(Gap::Line);
        text.push_words(" e ").unwrap();
        text.gap(Gap::Paragraph);
        text.gap(Gap::Line);
        text.push_words("f").unwrap();
        assert_eq!(text.into_string(), "a bc d\ne\n\nf");
    }

    #[test]
    fn chunks_end_where_sentences_do() {
        let sentence = "One sentence has some words. ";
        let chunks = split(&sentence.repeat(100), 100).unwrap();
        assert!(chunks.iter().all(|chunk| chunk.chars().count() <= 100 && chunk.ends_with('.')), "{chunks:?}");
        assert!(split("", 100).unwrap().is_empty());
        assert_eq!(split("äöü", 2).unwrap(), ["äö", "ü"]);
        let code = "x+".repeat(50_000);
        assert_eq!(split(&code, 1000).unwrap().concat(), code);
        let windows = split(&"Two words. ".repeat(10_000), 50).unwrap();
        assert!(windows.iter().all(|chunk| chunk.ends_with('.')), "a window ends where a sentence does");
        assert_eq!(split(&"a ".repeat(MAX_CHUNKS * 2), 1).unwrap_err().code, codes::TEXT_TOO_LONG);
    }

    #[test]
    fn long_text_is_refused() {
        assert_eq!(read("a.txt", &b"words ".repeat(MAX_TEXT / 5)).unwrap_err().code, codes::TEXT_TOO_LONG);
        assert_eq!(read("a.txt", b"").unwrap().chunks, [] as [&str; 0]);
    }
}
