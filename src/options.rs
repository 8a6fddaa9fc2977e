//! An application's options on their way in, and what can be asked of them before any upload.

use crate::known;
use crate::plain;
use cloudindex_engine::options::{self, Word};
use cloudindex_engine::{Config, Found, journal, limits, plan};
use wasm_bindgen::prelude::*;

/// Words, each with its path (`processing.chunkSize`). What is asked of wrong ones throws the JSON of a Failure.
#[wasm_bindgen]
#[derive(Default)]
pub struct Options(Vec<(String, Word)>);

#[wasm_bindgen]
impl Options {
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Options::default()
    }

    /// A word. `kind` is what JavaScript calls its type, or "list" (texts, a line each); `number` and `text` (of an object:
    /// its JSON) are its value. False if it is a section: then its words are to be given instead, one by one.
    pub fn word(&mut self, path: String, kind: &str, number: f64, text: String) -> bool {
        let word = match kind {
            "object" if options::is_section(&path) => return false,
            "object" => Word::Object(text),
            "boolean" => Word::Flag(number != 0.0),
            "number" => Word::Number(number),
            "string" => Word::Text(text),
            "list" => Word::List(text.lines().map(str::to_owned).collect()),
            _ => Word::Other,
        };
        self.0.push((path, word));
        true
    }

    /// The JSON of the Failure that names the wrong one.
    #[must_use]
    pub fn check(self) -> Option<String> {
        self.config().err()
    }

    /// The body of `POST /v1/batches` from what `batches.create` was given.
    #[wasm_bindgen(js_name = newBatch)]
    pub fn new_batch(self) -> Result<String, String> {
        options::new_batch(self.0).map_err(|failure| plain::failure(&failure))
    }

    /// How many workers should read for an upload on a machine of so many cores.
    pub fn readers(self, cores: u32) -> Result<u32, String> {
        Ok(self.config()?.readers(cores))
    }

    /// What tells the journal apart from those of other uploads; undefined where none is wanted.
    pub fn journal(self) -> Result<Option<String>, String> {
        let Config { base_url, journal, .. } = self.config()?;
        Ok(journal.map(|name| [&*base_url, " ", &name].concat()))
    }

    /// What an earlier page left, by the records of its journal: JSON, or undefined. `now`: ms since 1970.
    pub fn unfinished(self, records: &[u8], lengths: &[u32], now: f64) -> Result<Option<String>, String> {
        let left = journal::unfinished(split(records, lengths), now as u64, self.config()?.journal_life);
        Ok(left.map(|left| plain::unfinished(&left)))
    }

    /// The seed's optimizeBatchSize without its faults, as JSON: indexes by batch, and of files over the limit.
    #[wasm_bindgen(js_name = planBatches)]
    pub fn plan_batches(self, files: &Files) -> Result<String, String> {
        let config = self.config()?;
        let sizes: Vec<u64> = files.0.iter().map(|file| file.size.unwrap_or_default()).collect();
        Ok(plain::plan(&plan::plan_batches(&sizes, config.max_batch_bytes, config.batch_size)))
    }

    /// Best practice 1, as JSON: each file that would be refused, by index, with its Failure.
    pub fn validate(self, files: &Files) -> Result<String, String> {
        Ok(plain::refused(&limits::validate(&files.0, &self.config()?)))
    }

    pub(crate) fn config(self) -> Result<Config, String> {
        options::read(self.0).map_err(|failure| plain::failure(&failure))
    }
}

/// Records that were put one after the other for the way here.
pub(crate) fn split<'a>(mut bytes: &'a [u8], lengths: &[u32]) -> Vec<&'a [u8]> {
    let mut records = Vec::new();
    for length in lengths {
        let (record, rest) = bytes.split_at_checked(*length as usize).unwrap_or((bytes, &[]));
        records.push(record);
        bytes = rest;
    }
    records
}

/// Files that were found, or may be.
#[wasm_bindgen]
#[derive(Default)]
pub struct Files(pub(crate) Vec<Found>);

#[wasm_bindgen]
impl Files {
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Files::default()
    }

    /// The next row. `metadata`: JSON; `unreadable`: why it can't be read; numbers that are not known are NaN.
    #[allow(clippy::too_many_arguments, reason = "a file a call: an object would be more bytes on either side")]
    pub fn add(
        &mut self,
        path: String,
        media_type: String,
        size: f64,
        last_modified: f64,
        metadata: Option<String>,
        group: Option<String>,
        unreadable: Option<String>,
    ) {
        let (size, last_modified) = (known(size), known(last_modified));
        self.0.push(Found { path, media_type, size, last_modified, metadata, group, unreadable });
    }
}
