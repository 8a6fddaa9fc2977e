//! JSON in little: what a page reads and writes of it. Beside serde, because readers that a derive makes are 40 kB of wasm.
//!
//! [`Reader`] takes what serde_json takes, to the last escape and as deep, and refuses what it refuses; `tests/json.rs` holds
//! the two side by side. What is wrong is `None`: a page has no use for the place of a fault.

use std::borrow::Cow;

/// Reads a text from its beginning to its end.
pub struct Reader<'a> {
    rest: &'a [u8],
    /// How much deeper lists and objects may still go: hostile nesting must not overflow the stack.
    depth: u8,
}

impl<'a> Reader<'a> {
    /// Reads all of `text` as one value, as `value` says.
    pub fn read<T>(text: &'a [u8], value: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut reader = Reader { rest: text, depth: 127 };
        let read = value(&mut reader)?;
        reader.peek().is_none().then_some(read)
    }

    /// An object; `field` is called with each name and reads the value, or skips it.
    pub fn object(&mut self, field: &mut dyn FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.items(b'{', b'}', &mut |reader| {
            let name = reader.text()?;
            reader.take(b':')?;
            field(reader, &name)
        })
    }

    /// A list; `item` is called to read each of its items.
    pub fn list(&mut self, item: &mut dyn FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.items(b'[', b']', item)
    }

    fn items(&mut self, open: u8, close: u8, item: &mut dyn FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(open)?;
        self.depth = self.depth.checked_sub(1)?;
        if self.take(close).is_none() {
            loop {
                item(self)?;
                if self.take(b',').is_none() {
                    self.take(close)?;
                    break;
                }
            }
        }
        self.depth += 1;
        Some(())
    }

    pub fn string(&mut self) -> Option<String> {
        self.text().map(Cow::into_owned)
    }

    /// A string, copied only where it has escapes.
    pub fn text(&mut self) -> Option<Cow<'a, str>> {
        self.take(b'"')?;
        let plain = self.plain()?;
        if self.at(b"\"") {
            self.next();
            return str::from_utf8(plain).ok().map(Cow::Borrowed);
        }
        let mut text = plain.to_vec();
        loop {
            match self.next()? {
                b'"' => return String::from_utf8(text).ok().map(Cow::Owned),
                b'\\' => self.escape(&mut text)?,
                _ => return None,
            }
            text.extend_from_slice(self.plain()?);
        }
    }

    /// Bytes up to the next that means something in a string.
    fn plain(&mut self) -> Option<&'a [u8]> {
        let length = self.rest.iter().copied().position(means_something)?;
        let (plain, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(plain)
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Option<()> {
        let byte = match self.next()? {
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut code = self.unit()?;
                if code >> 10 == 0xd800 >> 10 {
                    // The first half of a character beyond 16 bits; the second must follow.
                    (self.next()? == b'\\' && self.next()? == b'u').then_some(())?;
                    let second = self.unit()?;
                    (second >> 10 == 0xdc00 >> 10).then_some(())?;
                    code = 0x1_0000 + ((code & 0x3ff) << 10 | second & 0x3ff);
                }
                text.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
                return Some(());
            }
            _ => return None,
        };
        text.push(byte);
        Some(())
    }

    /// Four hex digits.
    fn unit(&mut self) -> Option<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            unit = unit << 4 | char::from(self.next()?).to_digit(16)?;
        }
        Some(unit)
    }

    /// A number as it is written.
    pub fn number(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.rest;
        self.sign(b"-");
        if self.at(b"0") {
            self.next()?;
        } else {
            self.digits()?;
        }
        if self.at(b".") {
            self.next()?;
            self.digits()?;
        }
        if self.at(b"eE") {
            self.next()?;
            self.sign(b"+-");
            self.digits()?;
        }
        let length = start.len() - self.rest.len();
        start.get(..length).and_then(|number| str::from_utf8(number).ok())
    }

    fn sign(&mut self, signs: &[u8]) {
        if self.at(signs) {
            self.next();
        }
    }

    fn digits(&mut self) -> Option<()> {
        let mut any = None;
        while self.at(b"0123456789") {
            self.next();
            any = Some(());
        }
        any
    }

    /// A whole number that is not negative and has neither fraction nor exponent.
    pub fn count(&mut self) -> Option<u64> {
        let mut count = 0u64;
        for digit in self.number()?.bytes() {
            let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
            count = count.checked_mul(10)?.checked_add(digit)?;
        }
        Some(count)
    }

    pub fn flag(&mut self) -> Option<bool> {
        let flag = self.peek()? == b't';
        self.word(if flag { b"true" } else { b"false" })?;
        Some(flag)
    }

    /// `None` of the inner option for `null`.
    pub fn optional<T>(&mut self, value: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.peek()? {
            b'n' => self.word(b"null").map(|()| None),
            _ => value(self).map(Some),
        }
    }

    /// Any value.
    pub fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'{' => self.object(&mut |reader, _| reader.skip()),
            b'[' => self.list(&mut Self::skip),
            b'"' => self.text().map(drop),
            b'n' => self.word(b"null"),
            b't' | b'f' => self.flag().map(drop),
            _ => self.number().map(drop),
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        word.iter().all(|byte| self.next() == Some(*byte)).then_some(())
    }

    /// The next byte that is no white space; it stays.
    pub fn peek(&mut self) -> Option<u8> {
        while matches!(self.rest.first(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.next();
        }
        self.rest.first().copied()
    }

    /// The next byte, if it is this one, white space before it aside.
    fn take(&mut self, wanted: u8) -> Option<()> {
        if self.peek()? == wanted { self.next().map(drop) } else { None }
    }

    fn at(&self, bytes: &[u8]) -> bool {
        self.rest.first().is_some_and(|byte| bytes.contains(byte))
    }

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }
}

/// Whether the text is a value of JSON, with nothing after it.
pub fn is_value(text: &str) -> bool {
    Reader::read(text.as_bytes(), Reader::skip).is_some()
}

/// Writes an object field by field, in the bytes that serde_json would write.
#[derive(Debug, Default)]
pub struct ObjectWriter {
    text: String,
}

impl ObjectWriter {
    /// A field whose value is JSON already.
    pub fn json(&mut self, name: &str, json: &str) {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        write_string(&mut self.text, name);
        self.text.push(':');
        self.text.push_str(json);
    }

    pub fn string(&mut self, name: &str, value: &str) {
        self.json(name, "");
        write_string(&mut self.text, value);
    }

    pub fn count(&mut self, name: &str, value: u64) {
        self.json(name, "");
        write_count(&mut self.text, value);
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The object's text.
    pub fn end(mut self) -> String {
        if self.text.is_empty() {
            self.text.push('{');
        }
        self.text.push('}');
        self.text
    }
}

/// In a string.
fn means_something(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..b' ')
}

/// Writes a whole number.
pub fn write_count(text: &mut String, count: u64) {
    let (mut digits, mut rest) = ([0; 20], count);
    let mut first = digits.len();
    while first == digits.len() || rest > 0 {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text.push_str(str::from_utf8(&digits[first..]).unwrap_or_default());
}

/// Writes a string with its quotes.
pub fn write_string(text: &mut String, value: &str) {
    text.push('"');
    let mut rest = value;
    while let Some((plain, from)) = rest.bytes().position(means_something).and_then(|at| rest.split_at_checked(at)) {
        text.push_str(plain);
        let mut chars = from.chars();
        match chars.next().unwrap_or_default() {
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c @ '\0'..' ' => {
                text.push_str(if c < '\u{10}' { "\\u000" } else { "\\u001" });
                text.extend(char::from_digit(c as u32 & 15, 16));
            }
            c => text.extend(['\\', c]),
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    text.push('"');
}
