//! A CloudIndex server, as PROTOCOL.md says.

use crate::bundle::{Load, Purpose};
use crate::config::Config;
use crate::files::{Files, Row, Work};
use crate::io::{Block, BlockKey, Encoding, Method, Request, Segment};
use cloudindex_wire::MANIFEST_PART;
use cloudindex_wire::json::{ObjectWriter, is_value, write_count, write_string};
use cloudindex_wire::text::{UPPER, fill, write_hex};

/// Bytes of a block part's framing: boundary, header with the digest, line ends.
const PART_FRAME: u64 = 200;
/// Bytes of a manifest entry without path, metadata and blocks.
const ENTRY_FRAME: u64 = 140;
/// Bytes of one `[digest, length]`.
pub(crate) const BLOCK_ENTRY: u64 = 80;

#[derive(Debug)]
pub(crate) struct CloudIndex {
    /// What `/v1` follows.
    base: String,
    pub token: Option<String>,
}

impl CloudIndex {
    pub fn new(config: &Config) -> Self {
        let mut base = config.base_url.clone();
        while base.ends_with('/') {
            base.pop();
        }
        CloudIndex { base, token: config.token.clone() }
    }

    /// Creates a batch; repeating it with the same key creates no second one.
    pub fn create_batch(&self, new_batch: &str, key: &str) -> Request {
        let mut request = self.request(Method::Post, fill("@/v1/batches", &[&self.base], &[]));
        request.headers.push(("Idempotency-Key", key.to_owned()));
        with_json(request, new_batch)
    }

    /// The batch as it stands: limits, caps, status.
    pub fn batch(&self, id: &str) -> Request {
        self.request(Method::Get, self.batch_url(id, ""))
    }

    pub fn complete(&self, id: &str) -> Request {
        self.request(Method::Post, self.batch_url(id, "/complete"))
    }

    pub fn cancel(&self, id: &str) -> Request {
        self.request(Method::Post, self.batch_url(id, "/cancel"))
    }

    /// Takes a document away.
    pub fn discard(&self, document: &str) -> Request {
        self.request(Method::Delete, fill("@/v1/documents/@", &[&self.base, &percent_encode(document)], &[]))
    }

    /// Is anybody there?
    pub fn probe(&self) -> Request {
        Request {
            method: Method::Get,
            url: fill("@/healthz", &[&self.base], &[]),
            headers: Vec::new(),
            body: Vec::new(),
            encoding: Encoding::Identity,
        }
    }

    /// The application's own call; `path` starts with a slash.
    pub fn call(&self, method: Method, path: &str, body: Option<&str>, key: &str) -> Request {
        let mut request = self.request(method, fill("@@", &[&self.base, path], &[]));
        if method == Method::Post {
            request.headers.push(("Idempotency-Key", key.to_owned()));
        }
        match body {
            Some(body) => with_json(request, body),
            None => request,
        }
    }

    /// Documents; when they are sent, with the blocks of small ones.
    pub fn documents(&self, batch: &str, load: &Load, files: &Files, boundary: String) -> Request {
        let mut body = Multipart::new(boundary);
        body.manifest();
        body.text.push_str("{\"documents\":[");
        for (at, file) in load.files().enumerate() {
            if let Some(row) = files.row(file)
                && let Some(work) = &row.work
            {
                body.text.push_str(if at > 0 { "," } else { "" });
                entry(&mut body.text, row, files.media_type(row), work);
            }
        }
        body.text.push_str("]}");
        for file in load.files().filter(|_| load.purpose == Purpose::Send) {
            if let Some(work) = files.work(file) {
                for index in work.inline() {
                    body.block(&work.blocks[index as usize], BlockKey { file, index });
                }
            }
        }
        self.multipart(self.batch_url(batch, "/documents"), body)
    }

    /// Blocks alone, or the question which of them are missing.
    pub fn blocks(&self, batch: &str, load: &Load, files: &Files, boundary: String) -> Request {
        let known = load.keys.iter().filter_map(|key| Some((*key, files.block(*key)?)));
        let mut body = Multipart::new(boundary);
        match load.purpose {
            Purpose::Send => known.for_each(|(key, block)| body.block(&block, key)),
            Purpose::Ask => {
                body.manifest();
                body.text.push('{');
                names(&mut body.text, &mut known.map(|(_, block)| block));
                body.text.push('}');
            }
        }
        self.multipart(self.batch_url(batch, "/blocks"), body)
    }

    fn multipart(&self, url: String, body: Multipart) -> Request {
        let mut request = self.request(Method::Post, url);
        request.headers.push(("Content-Type", fill("multipart/form-data; boundary=@", &[&body.boundary], &[])));
        request.body = body.end();
        request
    }

    fn request(&self, method: Method, url: String) -> Request {
        let mut headers = Vec::new();
        if let Some(token) = &self.token {
            headers.push(("Authorization", fill("Bearer @", &[token], &[])));
        }
        Request { method, url, headers, body: Vec::new(), encoding: Encoding::Identity }
    }

    fn batch_url(&self, id: &str, rest: &str) -> String {
        fill("@/v1/batches/@@", &[&self.base, &percent_encode(id), rest], &[])
    }
}

/// Bytes that this document takes in a bundle, with `inline` bytes of blocks in it.
pub(crate) fn document_cost(row: &Row, media_type: &str, blocks: usize, inline: u64) -> u64 {
    let text = |text: &str| text.bytes().map(|byte| if byte < b' ' { 6 } else { 2 }).sum::<u64>();
    let metadata = row.metadata().map_or(0, |metadata| metadata.len() as u64);
    let framed = if inline > 0 { inline + PART_FRAME } else { 0 };
    ENTRY_FRAME + text(&row.path) + text(media_type) + metadata + blocks as u64 * BLOCK_ENTRY + framed
}

/// Bytes that this block takes in a bundle.
pub(crate) fn block_cost(len: u32) -> u64 {
    u64::from(len) + PART_FRAME
}

/// A `cloudindex_wire::NewBatch`, as far as an application may set it: the JSON of each field.
#[derive(Debug, Default)]
pub(crate) struct NewBatch {
    values: [Option<String>; 8],
}

/// The fields by section, in the order of their values.
const SECTIONS: [(&str, &[&str]); 4] = [
    ("", &["name", "description", "metadata"]),
    ("processing", &["chunkSize"]),
    ("limits", &["maxBatchSize", "maxFileSize", "totalBatchBytes"]),
    ("tracking", &["webhookUrl"]),
];

impl NewBatch {
    pub const NAME: usize = 0;
    pub const DESCRIPTION: usize = 1;
    pub const METADATA: usize = 2;
    pub const CHUNK_SIZE: usize = 3;
    pub const MAX_BATCH_SIZE: usize = 4;
    pub const MAX_FILE_SIZE: usize = 5;
    pub const TOTAL_BATCH_BYTES: usize = 6;
    pub const WEBHOOK_URL: usize = 7;

    #[inline(never)]
    pub fn text(&mut self, field: usize, text: &str) {
        let mut json = String::new();
        write_string(&mut json, text);
        self.values[field] = Some(json);
    }

    #[inline(never)]
    pub fn count(&mut self, field: usize, count: u64) {
        self.values[field] = Some(fill("#", &[], &[count]));
    }

    pub fn json_value(&mut self, field: usize, json: &str) {
        self.values[field] = is_value(json).then(|| json.to_owned());
    }

    pub fn json(&self) -> String {
        let (mut batch, mut values) = (ObjectWriter::default(), self.values.iter());
        for (section, names) in SECTIONS {
            let mut object = ObjectWriter::default();
            for (name, value) in names.iter().zip(&mut values) {
                if let Some(json) = value {
                    object.json(name, json);
                }
            }
            if section.is_empty() {
                batch = object;
            } else if !object.is_empty() {
                batch.json(section, &object.end());
            }
        }
        batch.end()
    }
}

/// A `cloudindex_wire::DocumentEntry`, as JSON.
fn entry(text: &mut String, row: &Row, media_type: &str, work: &Work) {
    text.push_str("{\"path\":");
    write_string(text, &row.path);
    text.push_str(",\"size\":");
    write_count(text, work.read);
    if !media_type.is_empty() {
        text.push_str(",\"type\":");
        write_string(text, media_type);
    }
    if let Some(time) = row.last_modified.get() {
        text.push_str(",\"lastModified\":");
        write_count(text, time);
    }
    if let Some(metadata) = row.metadata().filter(|json| is_value(json)) {
        text.push_str(",\"metadata\":");
        text.push_str(metadata);
    }
    text.push(',');
    names(text, &mut work.blocks.iter().copied());
    text.push('}');
}

/// The field that names blocks.
fn names(text: &mut String, blocks: &mut dyn Iterator<Item = Block>) {
    text.push_str("\"blocks\":[");
    for (at, block) in blocks.enumerate() {
        text.push_str(if at > 0 { ",[\"" } else { "[\"" });
        block.digest.write(text);
        text.push_str("\",");
        write_count(text, block.len.into());
        text.push(']');
    }
    text.push(']');
}

fn with_json(mut request: Request, body: &str) -> Request {
    request.headers.push(("Content-Type", "application/json".to_owned()));
    request.body.push(Segment::Bytes(body.as_bytes().to_vec()));
    request
}

/// What is not an unreserved character of RFC 3986 is escaped: an id comes from the application.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => {
                encoded.push('%');
                write_hex(&mut encoded, &[byte], UPPER);
            }
        }
    }
    encoded
}

/// Writes `multipart/form-data` (RFC 7578), with places for the bytes that only the shell has.
struct Multipart {
    boundary: String,
    segments: Vec<Segment>,
    text: String,
}

impl Multipart {
    fn new(boundary: String) -> Self {
        Multipart { boundary, segments: Vec::new(), text: String::new() }
    }

    /// Up to the name of a part.
    fn part(&mut self) {
        if !self.text.is_empty() || !self.segments.is_empty() {
            self.text.push_str("\r\n");
        }
        self.text.push_str("--");
        self.text.push_str(&self.boundary);
        self.text.push_str("\r\nContent-Disposition: form-data; name=\"");
    }

    /// The manifest's text follows.
    fn manifest(&mut self) {
        self.part();
        self.text.push_str(MANIFEST_PART);
        self.text.push_str("\"\r\nContent-Type: application/json\r\n\r\n");
    }

    fn block(&mut self, block: &Block, key: BlockKey) {
        self.part();
        block.digest.write(&mut self.text);
        self.text.push_str("\"\r\n\r\n");
        self.cut();
        self.segments.push(Segment::Block(key));
    }

    fn end(mut self) -> Vec<Segment> {
        self.text.push_str("\r\n--");
        self.text.push_str(&self.boundary);
        self.text.push_str("--\r\n");
        self.cut();
        self.segments
    }

    fn cut(&mut self) {
        // What frames the next block is there at once, not by doublings.
        let next = String::with_capacity(PART_FRAME as usize);
        self.segments.push(Segment::Bytes(std::mem::replace(&mut self.text, next).into_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::What;
    use crate::files::{Awaits, BlockState, Extra, Facts, Shown};
    use crate::io::FileState;

    fn row(path: &str) -> Row {
        Row {
            state: FileState::Sending,
            percent: 0,
            shown: Shown::Stale,
            group: 1,
            size: Some(3).into(),
            counted: 0,
            path: path.into(),
            media_type: 0,
            last_modified: Some(5).into(),
            facts: Facts::Loose,
            awaits: Awaits::Nothing,
            extra: Extra::new(Some(r#"{"a":1}"#.into()), None),
            work: None,
            end: None,
        }
    }

    #[test]
    fn a_bundle_is_a_manifest_and_its_blocks_and_costs_no_more_than_reckoned() {
        let mut files = Files::default();
        let path = "odd \"name\"\n🦀.txt";
        let media_type = files.intern("text/plain");
        let id = files.push(Row { media_type, ..row(path) });
        let block = Block::of(b"abc");
        let work = files.row_mut(id).unwrap().work.get_or_insert_default();
        (work.blocks, work.states, work.read) = (vec![block], vec![BlockState::Held], 3);
        let keys = vec![BlockKey { file: id, index: 0 }];
        let load = Load { what: What::Documents, purpose: Purpose::Send, keys };
        let config = Config { base_url: "http://h/".into(), token: Some("k".into()), ..Config::default() };
        let request = CloudIndex::new(&config).documents("b/1", &load, &files, "XX".into());
        assert_eq!(request.url, "http://h/v1/batches/b%2F1/documents");
        assert!(request.headers.contains(&("Authorization", "Bearer k".into())));
        let mut text = Vec::new();
        for segment in &request.body {
            match segment {
                Segment::Bytes(bytes) => text.extend_from_slice(bytes),
                Segment::Block(key) => {
                    assert_eq!(*key, BlockKey { file: id, index: 0 });
                    text.extend_from_slice(b"abc");
                }
            }
        }
        let text = String::from_utf8(text).unwrap();
        let manifest = format!(
            r#"{{"documents":[{{"path":"odd \"name\"\n🦀.txt","size":3,"type":"text/plain","lastModified":5,"metadata":{{"a":1}},"blocks":[["{0}",3]]}}]}}"#,
            block.digest
        );
        assert_eq!(
            text,
            format!(
                "--XX\r\nContent-Disposition: form-data; name=\"manifest\"\r\nContent-Type: application/json\r\n\r\n{manifest}\r\n\
                 --XX\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\nabc\r\n--XX--\r\n",
                block.digest
            )
        );
        assert!(document_cost(files.row(id).unwrap(), "text/plain", 1, 3) + 200 >= text.len() as u64);
    }
}
