//! DOCX to text: a zip with XML in it.

use super::detect::{self, DOCX_TEXT};
use super::{Gap, Refusal, Text};
use cloudindex_wire::codes;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::io::{BufReader, Cursor, Read};

/// Bytes that the document's XML may unpack to. A bomb is made of more.
const MAX_XML: u64 = 64 << 20;

/// The text of the document's body.
pub fn docx(bytes: &[u8]) -> Result<String, Refusal> {
    let damaged = |error: &dyn std::fmt::Display| Refusal::invalid(format!("the DOCX is damaged: {error}"));
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    let index = archive.index_for_name(DOCX_TEXT).ok_or_else(|| damaged(&"its text is missing"))?;
    let file = match archive.by_index(index) {
        Ok(file) => file,
        Err(zip::result::ZipError::InvalidPassword) => return Err(detect::encrypted()),
        Err(zip::result::ZipError::UnsupportedArchive(zip::result::ZipError::PASSWORD_REQUIRED)) => {
            return Err(detect::encrypted());
        }
        Err(error) => return Err(damaged(&error)),
    };
    let mut reader = Reader::from_reader(BufReader::new(file.take(MAX_XML)));
    let text = body(&mut reader);
    if reader.get_ref().get_ref().limit() == 0 {
        let detail = format!("it unpacks to more than {} MiB", MAX_XML >> 20);
        return Err(Refusal::new(codes::TEXT_TOO_LONG, detail));
    }
    text
}

fn body<R: std::io::BufRead>(reader: &mut Reader<R>) -> Result<String, Refusal> {
    let damaged = |error: &dyn std::fmt::Display| Refusal::invalid(format!("the DOCX is damaged: {error}"));
    let (mut text, mut buffer, mut run) = (Text::default(), Vec::new(), Run::Outside);
    let mut depth = 0u64;
    let mut seen = false;
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(|error| damaged(&error))? {
            Event::Start(tag) => {
                (seen, depth) = (true, depth + 1);
                if tag.local_name().as_ref() == "t" {
                    run = Run::Inside;
                }
            }
            Event::Empty(tag) => match tag.local_name().as_ref() {
                "br" | "cr" => text.gap(Gap::Line),
                "tab" => text.gap(Gap::Space),
                _ => {}
            },
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                match tag.local_name().as_ref() {
                    "t" => run = Run::Outside,
                    "p" => text.gap(Gap::Paragraph),
                    "tc" => text.gap(Gap::Space),
                    "tr" => text.gap(Gap::Line),
                    _ => {}
                }
            }
            Event::Text(words) if run == Run::Inside => text.push(&words)?,
            Event::CData(words) if run == Run::Inside => text.push(&words)?,
            // Entities of one's own are not expanded, so they cannot grow.
            Event::GeneralRef(name) if run == Run::Inside => {
                let reference = format!("&{};", &*name);
                text.push(&quick_xml::escape::unescape(&reference).unwrap_or_default())?;
            }
            Event::Eof if !seen || depth > 0 => return Err(damaged(&"its XML is not whole")),
            Event::Eof => return Ok(text.into_string()),
            _ => {}
        }
    }
}

/// Whether text is of the document.
#[derive(PartialEq)]
enum Run {
    Inside,
    Outside,
}
