//! Text in its encodings, and the formats that are text with marks: Markdown, CSV, JSON.

use super::{Gap, Refusal, Text};
use encoding_rs::{Encoding, WINDOWS_1252};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Control characters that are in no text. One in a thousand is forgiven where the encoding is a guess.
fn controls(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127)).count()
}

/// Whether `bytes` are text in UTF-8, in UTF-16 that says so, or in one of the encodings of before.
pub fn is_text(bytes: &[u8]) -> bool {
    match Encoding::for_bom(bytes) {
        Some((encoding, mark)) if encoding != encoding_rs::UTF_8 => {
            let (text, _) = encoding.decode_without_bom_handling(&bytes[mark..bytes.len().min(4096 + mark) & !1]);
            text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER || *c == '\0').count() * 100 <= bytes.len()
        }
        _ if bytes.contains(&0) => false,
        _ if std::str::from_utf8(bytes).is_ok() => controls(bytes) * 20 <= bytes.len(),
        _ => controls(bytes) * 1000 <= bytes.len(),
    }
}

/// The text, whatever its encoding; without the mark at its beginning.
pub fn decode(bytes: Vec<u8>) -> Result<String, Refusal> {
    let bytes = match Encoding::for_bom(&bytes) {
        Some((encoding, mark)) if encoding != encoding_rs::UTF_8 => {
            return Ok(encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned());
        }
        Some((_, mark)) => bytes[mark..].to_vec(),
        None => bytes,
    };
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        // What the web takes unnamed text for.
        Err(error) => WINDOWS_1252.decode_without_bom_handling(error.as_bytes()).0.into_owned(),
    })
}

/// The text of Markdown without its marks.
pub fn markdown(source: &str) -> Result<String, Refusal> {
    let mut text = Text::default();
    for event in
        Parser::new_ext(source, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES)
    {
        match event {
            Event::Text(words) | Event::Code(words) => text.push(&words)?,
            Event::SoftBreak => text.gap(Gap::Space),
            Event::HardBreak | Event::End(TagEnd::TableRow | TagEnd::TableHead | TagEnd::Item) => text.gap(Gap::Line),
            Event::End(TagEnd::TableCell) => text.gap(Gap::Space),
            Event::Start(Tag::Item) => text.gap(Gap::Line),
            Event::Start(Tag::Paragraph | Tag::Heading { .. } | Tag::CodeBlock(_) | Tag::List(_) | Tag::Table(_))
            | Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::CodeBlock) => text.gap(Gap::Paragraph),
            Event::Html(_) | Event::InlineHtml(_) => text.gap(Gap::Space),
            _ => {}
        }
    }
    Ok(text.into_string())
}

/// A line a record, its fields after each other.
pub fn csv(source: &str) -> Result<String, Refusal> {
    let first = source.lines().next().unwrap_or_default();
    let most = |a: u8, b: u8| if count(first, b) > count(first, a) { b } else { a };
    let delimiter = most(most(b',', b';'), b'\t');
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(source.as_bytes());
    let (mut text, mut record) = (Text::default(), csv::StringRecord::new());
    while reader.read_record(&mut record).map_err(|error| Refusal::invalid(format!("it is no CSV: {error}")))? {
        text.gap(Gap::Line);
        for (at, field) in record.iter().enumerate() {
            if at > 0 {
                text.push(", ")?;
            }
            text.push(field.trim())?;
        }
    }
    Ok(text.into_string())
}

fn count(text: &str, byte: u8) -> usize {
    memchr::memchr_iter(byte, text.as_bytes()).count()
}

/// A line a value, behind its name; also of one value a line. It is read as it goes by: no tree is made.
pub fn json(source: &str) -> Result<String, Refusal> {
    let mut text = Text::default();
    let mut reader = serde_json::Deserializer::from_str(source);
    while let Err(rest) = reader.end() {
        // At the end of it there would be no rest.
        if rest.is_eof() {
            break;
        }
        let mut walk = Walk { text: &mut text, refused: None };
        if let Err(error) = (Value { walk: &mut walk, name: "" }).deserialize(&mut reader) {
            return Err(walk.refused.unwrap_or_else(|| Refusal::invalid(format!("it is no JSON: {error}"))));
        }
    }
    Ok(text.into_string())
}

struct Walk<'a> {
    text: &'a mut Text,
    refused: Option<Refusal>,
}

/// A value under its name.
struct Value<'w, 'a, 'n> {
    walk: &'w mut Walk<'a>,
    name: &'n str,
}

impl Value<'_, '_, '_> {
    fn say<E: Error>(self, value: &str) -> Result<(), E> {
        let Walk { text, refused } = self.walk;
        let mut say = || {
            text.gap(Gap::Line);
            if !self.name.is_empty() {
                text.push(self.name)?;
                text.push(": ")?;
            }
            text.push(value)
        };
        say().map_err(|refusal| {
            *refused = Some(refusal);
            E::custom("it is refused")
        })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.say(if value { "true" } else { "false" })
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.say(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.say(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.say(&value.to_string())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.say(value)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Value { walk: &mut *self.walk, name: self.name })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<Cow<'_, str>>()? {
            fields.next_value_seed(Value { walk: &mut *self.walk, name: &name })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        let utf16 =
            |text: &str| [b"\xff\xfe".to_vec(), text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
        for (bytes, text) in [
            (b"plain".to_vec(), "plain"),
            ("\u{feff}märk".as_bytes().to_vec(), "märk"),
            (utf16("zwei Bytes ü"), "zwei Bytes ü"),
            (b"caf\xe9".to_vec(), "café"),
        ] {
            assert!(is_text(&bytes), "{text}");
            assert_eq!(decode(bytes).unwrap(), text);
        }
        assert!(!is_text(b"a\0b") && !is_text(&[0x80, 1, 2, 3]) && !is_text(b"\xff\xfe\0\0\0\0"));
        assert!(is_text(b""));
    }

    #[test]
    fn marks_are_left_out() {
        let source = "# Head\n\nSome *strong* `code`\nand [a link](http://x).\n\n- one\n- two\n\n| a | b |\n|---|---|\n| c | d |\n";
        assert_eq!(markdown(source).unwrap(), "Head\n\nSome strong code and a link.\n\none\ntwo\n\na b\nc d");
        assert_eq!(csv("a;b\n\"x\ny\"; 2\n").unwrap(), "a, b\nx\ny, 2");
        assert_eq!(json(r#"{"a":{"b":["x",1.5,null]},"c":true}"#).unwrap(), "b: x\nb: 1.5\nc: true");
        assert_eq!(json("{\"a\":1}\n{\"a\":2}\n").unwrap(), "a: 1\na: 2");
        assert_eq!(json(" ").unwrap(), "");
        for wrong in ["{", "{}}", "nul", &"[".repeat(100_000), "[1,]"] {
            assert!(json(wrong).unwrap_err().detail.contains("no JSON"), "{}", &wrong[..wrong.len().min(9)]);
        }
    }
}
