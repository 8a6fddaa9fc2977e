//! What an application writes, read into a [`Config`]: every word of the public interface, in the nesting of the seed or flat;
//! an unknown word or a wrong value is refused by its name.
//!
//! The shell takes the application's object apart ([`is_section`] says how deep) and gives each word with its path.

use crate::config::{Config, GroupBy, Refresh, Tracking};
use crate::error::{Failure, codes};
use crate::targets::cloudindex::NewBatch;
use cloudindex_wire::text::fill;
use std::borrow::Cow;

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
    for (path, word) in words {
        reader.word(&path, &word).map_err(|why| refuse(&path, &why))?;
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
            path.insert_str(0, "batch.");
        }
    }
    read(words).map(|config| config.new_batch)
}

/// What the shell says of something that is no object at all.
pub fn not_an_object() -> Failure {
    refuse("options", "must be an object")
}

struct Reader {
    config: Config,
    /// The smallest of the caps that were given.
    concurrency: Option<usize>,
    /// What the server is told when the batch is created.
    batch: NewBatch,
}

impl Reader {
    fn word(&mut self, path: &str, value: &Word) -> Result<(), Wrong> {
        let config = &mut self.config;
        match path {
            "baseUrl" => config.base_url = url(value)?,
            "apiKey" => config.token = Some(token(value)?),
            "refresh" => config.refresh = if flag(value)? { Refresh::Ask } else { Refresh::Never },
            "batchId" => config.batch_id = Some(text(value)?),
            "resume" => config.journal = Some(text(value)?),
            "batch.name" => self.batch.name = Some(text(value)?),
            "batch.description" => self.batch.description = Some(text(value)?),
            "batch.metadata" => match value {
                Word::Object(json) => self.batch.metadata = Some(json.clone()),
                _ => return Err("must be an object".into()),
            },
            "concurrency" | "processing.concurrency" | "network.maxConcurrent" => {
                let most = whole(value, 1, 64)? as usize;
                self.concurrency = Some(self.concurrency.map_or(most, |known| known.min(most)));
            }
            "batchSize" => config.batch_size = whole(value, 1, 1_000_000)? as usize,
            "maxBatchBytes" => config.max_batch_bytes = Some(bytes(value, 1)?),
            "groupBy" => config.group_by = group_by(value)?,
            "retryAttempts" | "processing.retryAttempts" | "retryStrategy.maxAttempts" => {
                config.attempts = whole(value, 1, 1000)? as u32;
            }
            "processing.timeout" => config.file_timeout = Some(whole(value, 1, u64::from(u32::MAX))?),
            "timeout" | "network.timeout" => config.network_timeout = whole(value, 1, u64::from(u32::MAX))?,
            "chunkSize" | "processing.chunkSize" => {
                self.batch.chunk_size = Some(whole(value, 1, 1_000_000)?);
            }
            "maxWorkers" | "processing.maxWorkers" => config.max_workers = whole(value, 1, 64)? as u32,
            "queueSize" | "processing.queueSize" => config.queue_size = whole(value, 1, 10_000_000)? as usize,
            "maxBatchSize" | "limits.maxBatchSize" => {
                let most = whole(value, 1, u64::from(u32::MAX))?;
                config.max_files = Some(most);
                self.batch.limits.max_batch_size = Some(most);
            }
            "maxFileSize" | "limits.maxFileSize" => {
                let most = bytes(value, 0)?;
                config.max_file_size = Some(most);
                self.batch.limits.max_file_size = Some(most);
            }
            "totalBatchBytes" | "limits.totalBatchBytes" => {
                let most = bytes(value, 0)?;
                config.total_bytes = Some(most);
                self.batch.limits.total_batch_bytes = Some(most);
            }
            "tracking.enabled" => config.tracking = if flag(value)? { Tracking::Follow } else { Tracking::Off },
            "tracking.webhookUrl" => self.batch.webhook_url = Some(url(value)?),
            "tracking.statusInterval" => config.status_interval = whole(value, 100, 86_400_000)?,
            "retryStrategy.backoff.initial" => config.backoff_initial = whole(value, 0, 3_600_000)?,
            "retryStrategy.backoff.maxDelay" => config.backoff_max = whole(value, 0, 3_600_000)?,
            "retryStrategy.backoff.multiplier" => match value {
                Word::Number(growth) if (1.0..=100.0).contains(growth) => config.backoff_multiplier = *growth,
                _ => return Err("must be a number from 1 to 100".into()),
            },
            "retryStrategy.conditions.retryable" => config.retryable.extend(list(value)?),
            "retryStrategy.conditions.fatal" => config.fatal.extend(list(value)?),
            "maxBufferSize" | "memory.maxBufferSize" => {
                // Under this not even one block of the greatest size could be read, held and sent.
                config.max_buffer = bytes(value, 4 * config.cut.max as u64)?;
            }
            "memory.clearInterval" => config.clear_interval = whole(value, 1, 86_400_000)?,
            _ if is_section(path) => return Err("must be an object".into()),
            _ => return Err("is not an option".into()),
        }
        Ok(())
    }
}

/// What a word's value must be.
type Wrong = Cow<'static, str>;

fn refuse(path: &str, why: &str) -> Failure {
    Failure::validation(codes::INVALID_OPTION, fill("the option “@” @", &[path, why], &[]))
}

fn text(value: &Word) -> Result<String, Wrong> {
    match value {
        Word::Text(text) if !text.is_empty() => Ok(text.clone()),
        _ => Err("must be a text that is not empty".into()),
    }
}

fn url(value: &Word) -> Result<String, Wrong> {
    match value {
        // Empty: the page's own origin.
        Word::Text(url) if url.is_empty() || url.starts_with('/') => Ok(url.clone()),
        Word::Text(url) if url.starts_with("https://") || url.starts_with("http://") => Ok(url.clone()),
        _ => Err("must be an http or https address".into()),
    }
}

/// What goes into a header must be able to stand there.
fn token(value: &Word) -> Result<String, Wrong> {
    let token = text(value)?;
    match token.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(token),
        false => Err("must be printable ASCII without spaces".into()),
    }
}

fn flag(value: &Word) -> Result<bool, Wrong> {
    match value {
        Word::Flag(flag) => Ok(*flag),
        _ => Err("must be true or false".into()),
    }
}

fn whole(value: &Word, least: u64, most: u64) -> Result<u64, Wrong> {
    match value {
        Word::Number(number) if number.fract() == 0.0 && (least as f64..=most as f64).contains(number) => {
            Ok(*number as u64)
        }
        _ => Err(fill("must be a whole number from # to #", &[], &[least, most]).into()),
    }
}

fn list(value: &Word) -> Result<Vec<String>, Wrong> {
    match value {
        Word::List(codes) => Ok(codes.clone()),
        _ => Err("must be a list of codes".into()),
    }
}

fn group_by(value: &Word) -> Result<GroupBy, Wrong> {
    let Word::Text(by) = value else { return Err("must be 'type', 'folder' or a function".into()) };
    match by.as_str() {
        "type" => Ok(GroupBy::Type),
        "folder" => Ok(GroupBy::Folder),
        "application" => Ok(GroupBy::Application),
        _ => Err("must be 'type', 'folder' or a function".into()),
    }
}

/// A number of bytes, or a text such as `'512KB'` or `'1.5 GiB'`. KB is 1,000 bytes, KiB 1,024.
fn bytes(value: &Word, least: u64) -> Result<u64, Wrong> {
    let size = match value {
        Word::Text(text) => size(text),
        // 2^53: whole numbers of JavaScript end there.
        _ => whole(value, 0, 1 << 53).ok(),
    };
    match size {
        Some(size) if size >= least => Ok(size),
        Some(_) => Err(fill("must be at least # bytes", &[], &[least]).into()),
        None => Err("must be a number of bytes, or a size such as '512KB' or '1.5 GiB'".into()),
    }
}

fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1_048_576.0,
        "gib" => 1_073_741_824.0,
        "tib" => 1_099_511_627_776.0,
        _ => return None,
    };
    let bytes = decimal(number)? * factor;
    (bytes <= (1u64 << 53) as f64).then_some(bytes as u64)
}

/// A number such as `1.5`. The standard library's parser takes every float there is, and 20 kB of the page's wasm.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| {
        let plain = (1..=15).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
        plain.then(|| text.bytes().fold(0.0, |sum, digit| sum * 10.0 + f64::from(digit - b'0')))
    };
    Some(digits(whole)? + digits(fraction)? / 10f64.powi(fraction.len() as i32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// What the shell does with an application's object.
    fn words(options: &str) -> Vec<(String, Word)> {
        fn take(prefix: &str, value: &Value, words: &mut Vec<(String, Word)>) {
            for (name, value) in value.as_object().unwrap() {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                let word = match value {
                    Value::Object(_) if is_section(&path) => {
                        take(&path, value, words);
                        continue;
                    }
                    Value::Object(_) => Word::Object(value.to_string()),
                    Value::Bool(flag) => Word::Flag(*flag),
                    Value::Number(number) => Word::Number(number.as_f64().unwrap()),
                    Value::String(text) => Word::Text(text.clone()),
                    Value::Array(list) => {
                        Word::List(list.iter().map(|text| text.as_str().unwrap().to_owned()).collect())
                    }
                    Value::Null => Word::Other,
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
        let batch: Value = serde_json::from_str(&config.new_batch).unwrap();
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
    fn sizes_take_numbers_and_words() {
        for (text, bytes) in [("512KB", 512_000), ("1.5 GiB", 1_610_612_736), ("7", 7), ("1 b", 1), ("2mib", 2_097_152)]
        {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "GB", "-1KB", "1..5KB", "9999999TB", "1 KBB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn a_new_batch_keeps_what_is_the_servers_and_drops_the_rest() {
        let body =
            new_batch(r#"{"name":"n","metadata":{"a":1},"processing":{"concurrency":5,"chunkSize":9}}"#).unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body, serde_json::json!({"name":"n","metadata":{"a":1},"processing":{"chunkSize":9}}));
        assert!(new_batch(r#"{"nam":"n"}"#).unwrap_err().message.contains("“nam”"));
    }
}
