//! What an application writes, read into a [`Config`]: every word of the public interface, in the nesting of the seed or flat;
//! an unknown word or a wrong value is refused by its name.

use crate::config::{Config, GroupBy, Refresh, Tracking};
use crate::error::{Failure, codes};
use serde_json::{Map, Value};

/// Sections whose words are read one by one.
const SECTIONS: [&str; 8] = [
    "processing",
    "limits",
    "tracking",
    "retryStrategy",
    "retryStrategy.backoff",
    "retryStrategy.conditions",
    "memory",
    "network",
];

/// Reads options (a JSON object as text) over the defaults.
pub fn read(text: &str) -> Result<Config, Failure> {
    let options = parse(text)?;
    let mut reader = Reader { config: Config::default(), concurrency: None, batch: Map::new() };
    reader.section("", &options)?;
    let Reader { mut config, concurrency, batch } = reader;
    config.concurrency = concurrency.unwrap_or(config.concurrency);
    config.new_batch = Value::Object(batch).to_string();
    Ok(config)
}

/// The body of `POST /v1/batches` from what an application gives `batches.create`: the words that concern the server.
/// The rest (`processing.concurrency` and its like) is checked, and stays here.
pub fn new_batch(text: &str) -> Result<String, Failure> {
    let mut options = parse(text)?;
    let mut batch = Map::new();
    for word in ["name", "description", "metadata"] {
        if let Some(value) = options.remove(word) {
            batch.insert(word.to_owned(), value);
        }
    }
    options.insert("batch".to_owned(), Value::Object(batch));
    read(&Value::Object(options).to_string()).map(|config| config.new_batch)
}

fn parse(text: &str) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_str(text) {
        Ok(Value::Object(options)) => Ok(options),
        _ => Err(refuse("options", "must be an object")),
    }
}

struct Reader {
    config: Config,
    /// The smallest of the caps that were given.
    concurrency: Option<usize>,
    /// What the server is told when the batch is created.
    batch: Map<String, Value>,
}

impl Reader {
    fn section(&mut self, path: &str, words: &Map<String, Value>) -> Result<(), Failure> {
        for (word, value) in words {
            let path = if path.is_empty() { word.clone() } else { format!("{path}.{word}") };
            if SECTIONS.contains(&path.as_str()) {
                match value {
                    Value::Object(words) => self.section(&path, words)?,
                    _ => return Err(refuse(&path, "must be an object")),
                }
            } else {
                self.word(&path, value)?;
            }
        }
        Ok(())
    }

    fn word(&mut self, path: &str, value: &Value) -> Result<(), Failure> {
        let config = &mut self.config;
        match path {
            "baseUrl" => config.base_url = url(path, value)?,
            "apiKey" => config.token = Some(token(path, value)?),
            "refresh" => config.refresh = if flag(path, value)? { Refresh::Ask } else { Refresh::Never },
            "batchId" => config.batch_id = Some(text(path, value)?),
            "batch" => self.describe(value)?,
            "concurrency" | "processing.concurrency" | "network.maxConcurrent" => {
                let most = whole(path, value, 1, 64)? as usize;
                self.concurrency = Some(self.concurrency.map_or(most, |known| known.min(most)));
            }
            "batchSize" => config.batch_size = whole(path, value, 1, 1_000_000)? as usize,
            "maxBatchBytes" => config.max_batch_bytes = Some(bytes(path, value, 1)?),
            "groupBy" => config.group_by = group_by(path, value)?,
            "retryAttempts" | "processing.retryAttempts" | "retryStrategy.maxAttempts" => {
                config.attempts = whole(path, value, 1, 1000)? as u32;
            }
            "processing.timeout" => config.file_timeout = Some(whole(path, value, 1, u64::from(u32::MAX))?),
            "timeout" | "network.timeout" => config.network_timeout = whole(path, value, 1, u64::from(u32::MAX))?,
            "chunkSize" | "processing.chunkSize" => {
                let size = whole(path, value, 1, 1_000_000)?;
                self.tell("processing", "chunkSize", size.into());
            }
            // Web Workers are the shell's: one serves reading, cutting and hashing today, which is within every cap.
            "maxWorkers" | "processing.maxWorkers" => {
                whole(path, value, 1, 64)?;
            }
            "queueSize" | "processing.queueSize" => config.queue_size = whole(path, value, 1, 10_000_000)? as usize,
            "maxBatchSize" | "limits.maxBatchSize" => {
                let most = whole(path, value, 1, u64::from(u32::MAX))?;
                config.max_files = Some(most);
                self.tell("limits", "maxBatchSize", most.into());
            }
            "maxFileSize" | "limits.maxFileSize" => {
                let most = bytes(path, value, 0)?;
                config.max_file_size = Some(most);
                self.tell("limits", "maxFileSize", most.into());
            }
            "totalBatchBytes" | "limits.totalBatchBytes" => {
                let most = bytes(path, value, 0)?;
                config.total_bytes = Some(most);
                self.tell("limits", "totalBatchBytes", most.into());
            }
            "tracking.enabled" => config.tracking = if flag(path, value)? { Tracking::Follow } else { Tracking::Off },
            "tracking.webhookUrl" => {
                let url = url(path, value)?;
                self.tell("tracking", "webhookUrl", url.into());
            }
            "tracking.statusInterval" => config.status_interval = whole(path, value, 100, 86_400_000)?,
            "retryStrategy.backoff.initial" => config.backoff_initial = whole(path, value, 0, 3_600_000)?,
            "retryStrategy.backoff.maxDelay" => config.backoff_max = whole(path, value, 0, 3_600_000)?,
            "retryStrategy.backoff.multiplier" => match value.as_f64() {
                Some(growth) if (1.0..=100.0).contains(&growth) => config.backoff_multiplier = growth,
                _ => return Err(refuse(path, "must be a number from 1 to 100")),
            },
            "retryStrategy.conditions.retryable" => config.retryable.extend(list(path, value)?),
            "retryStrategy.conditions.fatal" => config.fatal.extend(list(path, value)?),
            "maxBufferSize" | "memory.maxBufferSize" => {
                // Under this not even one block of the greatest size could be read, held and sent.
                config.max_buffer = bytes(path, value, 4 * config.cut.max as u64)?;
            }
            "memory.clearInterval" => config.clear_interval = whole(path, value, 1, 86_400_000)?,
            _ => return Err(refuse(path, "is not an option")),
        }
        Ok(())
    }

    /// `batch`: what the batch is called.
    fn describe(&mut self, value: &Value) -> Result<(), Failure> {
        let Value::Object(words) = value else { return Err(refuse("batch", "must be an object")) };
        for (word, value) in words {
            let path = format!("batch.{word}");
            let fits = match word.as_str() {
                "name" | "description" => value.is_string(),
                "metadata" => value.is_object(),
                _ => return Err(refuse(&path, "is not an option")),
            };
            if !fits {
                return Err(refuse(&path, if word == "metadata" { "must be an object" } else { "must be a text" }));
            }
            self.batch.insert(word.clone(), value.clone());
        }
        Ok(())
    }

    fn tell(&mut self, section: &str, word: &str, value: Value) {
        let section = self.batch.entry(section).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(words) = section {
            words.insert(word.to_owned(), value);
        }
    }
}

fn refuse(path: &str, why: &str) -> Failure {
    Failure::validation(codes::INVALID_OPTION, format!("the option “{path}” {why}"))
}

fn text(path: &str, value: &Value) -> Result<String, Failure> {
    match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        _ => Err(refuse(path, "must be a text that is not empty")),
    }
}

fn url(path: &str, value: &Value) -> Result<String, Failure> {
    match value {
        // Empty: the page's own origin.
        Value::String(url) if url.is_empty() || url.starts_with('/') => Ok(url.clone()),
        Value::String(url) if url.starts_with("https://") || url.starts_with("http://") => Ok(url.clone()),
        _ => Err(refuse(path, "must be an http or https address")),
    }
}

/// What goes into a header must be able to stand there.
fn token(path: &str, value: &Value) -> Result<String, Failure> {
    let token = text(path, value)?;
    match token.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(token),
        false => Err(refuse(path, "must be printable ASCII without spaces")),
    }
}

fn flag(path: &str, value: &Value) -> Result<bool, Failure> {
    value.as_bool().ok_or_else(|| refuse(path, "must be true or false"))
}

fn whole(path: &str, value: &Value, least: u64, most: u64) -> Result<u64, Failure> {
    // JavaScript has one kind of number: 5.0 is whole.
    let number = value.as_u64().or_else(|| value.as_f64().filter(|n| n.fract() == 0.0 && *n >= 0.0).map(|n| n as u64));
    match number {
        Some(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(refuse(path, &format!("must be a whole number from {least} to {most}"))),
    }
}

fn list(path: &str, value: &Value) -> Result<Vec<String>, Failure> {
    let texts = value
        .as_array()
        .and_then(|list| list.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>());
    texts.ok_or_else(|| refuse(path, "must be a list of codes"))
}

fn group_by(path: &str, value: &Value) -> Result<GroupBy, Failure> {
    match value.as_str() {
        Some("type") => Ok(GroupBy::Type),
        Some("folder") => Ok(GroupBy::Folder),
        Some("application") => Ok(GroupBy::Application),
        _ => Err(refuse(path, "must be 'type', 'folder' or a function")),
    }
}

/// A number of bytes, or a text such as `'512KB'` or `'1.5 GiB'`. KB is 1,000 bytes, KiB 1,024.
fn bytes(path: &str, value: &Value, least: u64) -> Result<u64, Failure> {
    let size = match value {
        Value::String(text) => size(text),
        // 2^53: whole numbers of JavaScript end there.
        _ => whole(path, value, 0, 1 << 53).ok(),
    };
    match size {
        Some(size) if size >= least => Ok(size),
        Some(_) => Err(refuse(path, &format!("must be at least {least} bytes"))),
        None => Err(refuse(path, "must be a number of bytes, or a size such as '512KB' or '1.5 GiB'")),
    }
}

fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
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
    let bytes = number.parse::<f64>().ok()? * factor;
    (bytes <= (1u64 << 53) as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(config.retryable.contains("rate_limit_exceeded") && config.fatal.contains("invalid_file"));
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
            ("[]", "“options”"),
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
