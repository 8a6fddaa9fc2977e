//! What an application writes, read into a [`Config`]: every word of the public interface, in the nesting of the seed or flat;
//! an unknown word or a wrong value is refused by its name.
//!
//! The shell takes the application's object apart ([`is_section`] says how deep) and gives each word with its path.

mod size;

use crate::config::{Config, GroupBy, Refresh, Tracking};
use crate::error::{Failure, codes};
use crate::targets::cloudindex::NewBatch;
use cloudindex_wire::text::fill;
use size::{MOST_BYTES, size};

/// A value that an application gave to a word.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<String>),
    /// An object that is no section, as JSON.
    Object(String),
    /// Anything else.
    Other,
}

/// Whether the object at this path holds words, which are then given one by one.
pub fn is_section(path: &str) -> bool {
    matches!(
        path,
        "batch"
            | "processing"
            | "limits"
            | "tracking"
            | "retryStrategy"
            | "retryStrategy.backoff"
            | "retryStrategy.conditions"
            | "memory"
            | "network"
    )
}

/// Reads words, each with its path (`processing.chunkSize`), over the defaults.
pub fn read(words: Vec<(String, Word)>) -> Result<Config, Failure> {
    let mut reader = Reader { config: Config::default(), concurrency: None, batch: NewBatch::default() };
    for (path, word) in &words {
        let mut value = Value { word, wrong: String::new() };
        reader.word(path, &mut value);
        if !value.wrong.is_empty() {
            return Err(refuse(path, &value.wrong));
        }
    }
    let Reader { mut config, concurrency, batch } = reader;
    config.concurrency = concurrency.unwrap_or(config.concurrency);
    config.new_batch = batch.json();
    Ok(config)
}

/// The body of `POST /v1/batches` from what an application gives `batches.create`: the words that concern the server.
/// The rest (`processing.concurrency` and its like) is checked, and stays here.
pub fn new_batch(mut words: Vec<(String, Word)>) -> Result<String, Failure> {
    for (path, _) in &mut words {
        if matches!(path.as_str(), "name" | "description" | "metadata") {
            *path = fill("batch.@", &[path], &[]);
        }
    }
    read(words).map(|config| config.new_batch)
}

fn refuse(path: &str, why: &str) -> Failure {
    Failure::validation(codes::INVALID_OPTION, fill("the option “@” @", &[path, why], &[]))
}

struct Reader {
    config: Config,
    /// The smallest of the caps that were given.
    concurrency: Option<usize>,
    /// What the server is told when the batch is created.
    batch: NewBatch,
}

impl Reader {
    fn word(&mut self, path: &str, value: &mut Value) {
        let (config, batch) = (&mut self.config, &mut self.batch);
        match path {
            "baseUrl" => config.base_url = value.url(),
            "apiKey" => config.token = Some(value.token()),
            "refresh" => config.refresh = if value.flag() { Refresh::Ask } else { Refresh::Never },
            "batchId" => config.batch_id = Some(value.text()),
            "resume" => config.journal = Some(value.text()),
            "batch.name" => batch.text(NewBatch::NAME, &value.text()),
            "batch.description" => batch.text(NewBatch::DESCRIPTION, &value.text()),
            "batch.metadata" => batch.json_value(NewBatch::METADATA, value.object()),
            "concurrency" | "processing.concurrency" | "network.maxConcurrent" => {
                let most = value.whole(1, 64) as usize;
                self.concurrency = Some(self.concurrency.unwrap_or(most).min(most));
            }
            "batchSize" => config.batch_size = value.whole(1, 1_000_000) as usize,
            "maxBatchBytes" => config.max_batch_bytes = Some(value.bytes(1)),
            "groupBy" => config.group_by = value.group_by(),
            "retryAttempts" | "processing.retryAttempts" | "retryStrategy.maxAttempts" => {
                config.attempts = value.whole(1, 1000) as u32;
            }
            "processing.timeout" => config.file_timeout = Some(value.whole(1, u64::from(u32::MAX))),
            "timeout" | "network.timeout" => config.network_timeout = value.whole(1, u64::from(u32::MAX)),
            "chunkSize" | "processing.chunkSize" => batch.count(NewBatch::CHUNK_SIZE, value.whole(1, 1_000_000)),
            "maxWorkers" | "processing.maxWorkers" => config.max_workers = value.whole(1, 64) as u32,
            "queueSize" | "processing.queueSize" => config.queue_size = value.whole(1, 10_000_000) as usize,
            "maxBatchSize" | "limits.maxBatchSize" => {
                let most = value.whole(1, u64::from(u32::MAX));
                config.max_files = Some(most);
                batch.count(NewBatch::MAX_BATCH_SIZE, most);
            }
            "maxFileSize" | "limits.maxFileSize" => {
                let most = value.bytes(0);
                config.max_file_size = Some(most);
                batch.count(NewBatch::MAX_FILE_SIZE, most);
            }
            "totalBatchBytes" | "limits.totalBatchBytes" => {
                let most = value.bytes(0);
                config.total_bytes = Some(most);
                batch.count(NewBatch::TOTAL_BATCH_BYTES, most);
            }
            "tracking.enabled" => config.tracking = if value.flag() { Tracking::Follow } else { Tracking::Off },
            "tracking.webhookUrl" => batch.text(NewBatch::WEBHOOK_URL, &value.url()),
            "tracking.statusInterval" => config.status_interval = value.whole(100, 86_400_000),
            "retryStrategy.backoff.initial" => config.backoff_initial = value.whole(0, 3_600_000),
            "retryStrategy.backoff.maxDelay" => config.backoff_max = value.whole(0, 3_600_000),
            "retryStrategy.backoff.multiplier" => match value.word {
                Word::Number(growth) if (1.0..=100.0).contains(growth) => config.backoff_multiplier = *growth,
                _ => value.must("be a number from 1 to 100"),
            },
            "retryStrategy.conditions.retryable" => config.retryable.extend(value.list()),
            "retryStrategy.conditions.fatal" => config.fatal.extend(value.list()),
            "maxBufferSize" | "memory.maxBufferSize" => {
                // Under this not even one block of the greatest size could be read, held and sent.
                config.max_buffer = value.bytes(4 * config.cut.max as u64);
            }
            "memory.clearInterval" => config.clear_interval = value.whole(1, 86_400_000),
            _ if is_section(path) => value.wrong = OBJECT.to_owned(),
            _ => value.wrong = "is not an option".to_owned(),
        }
    }
}

const OBJECT: &str = "must be an object";

/// A word's value as it is read. What is wrong is noted, and what is given then does not matter: nobody gets to see it.
struct Value<'a> {
    word: &'a Word,
    /// Why the value is refused; empty if it is not.
    wrong: String,
}

impl<'a> Value<'a> {
    #[inline(never)]
    fn must(&mut self, what: &str) {
        self.wrong = fill("must @", &[what], &[]);
    }

    /// A text that is not refused for another reason.
    fn text_if(&mut self, is_right: impl Fn(&str) -> bool, what: &str) -> String {
        match self.word {
            Word::Text(text) if is_right(text) => text.clone(),
            _ => {
                self.must(what);
                String::new()
            }
        }
    }

    fn text(&mut self) -> String {
        self.text_if(|text| !text.is_empty(), "be a text that is not empty")
    }

    fn url(&mut self) -> String {
        // Empty: the page's own origin.
        let is_url = |url: &str| {
            url.is_empty()
                || ["/", "https://", "http://"].iter().any(|start| url.as_bytes().starts_with(start.as_bytes()))
        };
        self.text_if(is_url, "be an http or https address")
    }

    /// What goes into a header must be able to stand there.
    fn token(&mut self) -> String {
        let token = self.text();
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.must("be printable ASCII without spaces");
        }
        token
    }

    fn flag(&mut self) -> bool {
        let Word::Flag(flag) = self.word else {
            self.must("be true or false");
            return false;
        };
        *flag
    }

    #[inline(never)]
    fn whole(&mut self, least: u64, most: u64) -> u64 {
        match self.word {
            Word::Number(number) if number.fract() == 0.0 && (least as f64..=most as f64).contains(number) => {
                *number as u64
            }
            _ => {
                self.wrong = fill("must be a whole number from # to #", &[], &[least, most]);
                0
            }
        }
    }

    fn list(&mut self) -> Vec<String> {
        let Word::List(codes) = self.word else {
            self.must("be a list of codes");
            return Vec::new();
        };
        codes.clone()
    }

    fn object(&mut self) -> &'a str {
        let Word::Object(json) = self.word else {
            self.wrong = OBJECT.to_owned();
            return "";
        };
        json
    }

    fn group_by(&mut self) -> GroupBy {
        match self.word {
            Word::Text(by) if by == "type" => GroupBy::Type,
            Word::Text(by) if by == "folder" => GroupBy::Folder,
            Word::Text(by) if by == "application" => GroupBy::Application,
            _ => {
                self.must("be 'type', 'folder' or a function");
                GroupBy::Order
            }
        }
    }

    /// A number of bytes, or a text such as `'512KB'` or `'1.5 GiB'`. KB is 1,000 bytes, KiB 1,024.
    #[inline(never)]
    fn bytes(&mut self, least: u64) -> u64 {
        let size = match self.word {
            Word::Text(text) => size(text),
            Word::Number(size) if size.fract() == 0.0 => Some(*size),
            _ => None,
        };
        match size {
            Some(size) if (0.0..=MOST_BYTES).contains(&size) => {
                if (size as u64) < least {
                    self.wrong = fill("must be at least # bytes", &[], &[least]);
                }
                size as u64
            }
            _ => {
                self.must("be a number of bytes, or a size such as '512KB' or '1.5 GiB'");
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    /// What the shell does with an application's object.
    fn words(options: &str) -> Vec<(String, Word)> {
        fn take(prefix: &str, value: &Json, words: &mut Vec<(String, Word)>) {
            for (name, value) in value.as_object().unwrap() {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                let word = match value {
                    Json::Object(_) if is_section(&path) => {
                        take(&path, value, words);
                        continue;
                    }
                    Json::Object(_) => Word::Object(value.to_string()),
                    Json::Bool(flag) => Word::Flag(*flag),
                    Json::Number(number) => Word::Number(number.as_f64().unwrap()),
                    Json::String(text) => Word::Text(text.clone()),
                    Json::Array(list) => {
                        Word::List(list.iter().map(|text| text.as_str().unwrap().to_owned()).collect())
                    }
                    Json::Null => Word::Other,
                };
                words.push((path, word));
            }
        }
        let mut found = Vec::new();
        take("", &serde_json::from_str(options).unwrap(), &mut found);
        found
    }

    fn read(options: &str) -> Result<Config, Failure> {
        super::read(words(options))
    }

    fn new_batch(options: &str) -> Result<String, Failure> {
        super::new_batch(words(options))
    }

    #[test]
    fn every_word_of_the_seed_is_read() {
        let config = read(
            r#"{
            "processing": { "concurrency": 5, "chunkSize": 1000, "retryAttempts": 4, "timeout": 300000, "maxWorkers": 3, "queueSize": 1000 },
            "limits": { "maxBatchSize": 1000, "maxFileSize": 104857600, "totalBatchBytes": "1GiB" },
            "tracking": { "enabled": true, "webhookUrl": "https://your-server.com/webhook", "statusInterval": 5000 },
            "retryStrategy": { "maxAttempts": 3, "backoff": { "initial": 1000, "multiplier": 2, "maxDelay": 30000 },
                "conditions": { "retryable": ["rate_limit_exceeded"], "fatal": ["invalid_file"] } },
            "memory": { "maxBufferSize": "1GB", "clearInterval": 1000 },
            "network": { "maxConcurrent": 4, "timeout": 30000 }
        }"#,
        )
        .unwrap();
        assert_eq!((config.concurrency, config.attempts, config.file_timeout), (4, 3, Some(300_000)));
        assert_eq!((config.max_buffer, config.total_bytes), (1_000_000_000, Some(1 << 30)));
        assert_eq!(config.tracking, Tracking::Follow);
        assert!(config.retryable == ["rate_limit_exceeded"] && config.fatal == ["invalid_file"]);
        let batch: Json = serde_json::from_str(&config.new_batch).unwrap();
        assert_eq!(batch["processing"]["chunkSize"], 1000);
        assert_eq!(batch["limits"]["maxFileSize"], 104_857_600);
        assert_eq!(batch["tracking"]["webhookUrl"], "https://your-server.com/webhook");
        assert_eq!(read("{}").unwrap(), Config::default());
    }

    #[test]
    fn unknown_and_wrong_words_are_refused_by_name() {
        for (options, name) in [
            (r#"{"concurency": 5}"#, "“concurency”"),
            (r#"{"processing": {"threads": 5}}"#, "“processing.threads”"),
            (r#"{"processing": 5}"#, "“processing”"),
            (r#"{"concurrency": 0}"#, "“concurrency”"),
            (r#"{"concurrency": "5"}"#, "“concurrency”"),
            (r#"{"batchSize": 1.5}"#, "“batchSize”"),
            (r#"{"memory": {"maxBufferSize": "1 parsec"}}"#, "“memory.maxBufferSize”"),
            (r#"{"memory": {"maxBufferSize": "1MB"}}"#, "“memory.maxBufferSize”"),
            (r#"{"retryStrategy": {"conditions": {"fatal": "x"}}}"#, "“retryStrategy.conditions.fatal”"),
            (r#"{"groupBy": "moon"}"#, "“groupBy”"),
            (r#"{"baseUrl": "javascript:alert(1)"}"#, "“baseUrl”"),
            (r#"{"apiKey": "a\nb"}"#, "“apiKey”"),
            (r#"{"batch": {"title": "x"}}"#, "“batch.title”"),
        ] {
            let failure = read(options).unwrap_err();
            assert!(failure.message.contains(name), "{options}: {}", failure.message);
            assert_eq!(failure.code, codes::INVALID_OPTION);
        }
    }

    #[test]
    fn a_new_batch_keeps_what_is_the_servers_and_drops_the_rest() {
        let body =
            new_batch(r#"{"name":"n","metadata":{"a":1},"processing":{"concurrency":5,"chunkSize":9}}"#).unwrap();
        let body: Json = serde_json::from_str(&body).unwrap();
        assert_eq!(body, serde_json::json!({"name":"n","metadata":{"a":1},"processing":{"chunkSize":9}}));
        assert!(new_batch(r#"{"nam":"n"}"#).unwrap_err().message.contains("“nam”"));
    }
}
