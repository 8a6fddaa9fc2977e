//! The table of settings. A field is a flag (`--max-documents`), an environment variable (`CLOUDINDEX_MAX_DOCUMENTS`) and a key
//! of the file (`max-documents`), with one way to read its value.

use clap::{Arg, ArgAction, CommandFactory, Parser, ValueEnum};
use cloudindex_server::auth::KeyOption;
use cloudindex_server::throttle::Allowance;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// What a `none` may stand for. (Names that clap does not take for "may be absent".)
pub type Cap = Option<u64>;
pub type Limit = Option<Allowance>;

const AFTER: &str = "\
A value is taken from the flag, else from the environment (CLOUDINDEX_ and the flag's name, CLOUDINDEX_MAX_DOCUMENTS), else from the
file (max-documents = 5000), else it is the default. Lists have commas between in the environment, and are arrays in the file.
In the file a tenant may have a table of its own, for its keys and in the place of what all tenants have:

  [[tenant]]
  name = \"acme\"
  keys = [\"ck_…\"]
  quota-bytes = 1000000000
  rate-limit = \"50/200\"

cloudindex-server backup --data DIR --to DIR copies a data directory, whether or not a server uses it.

Prints one line, \"listening on http://ADDR\", to stdout when ready. SIGINT and SIGTERM stop it gracefully.";

/// Seconds that housekeeping may wait, at most.
const TEN_YEARS: u64 = 10 * 365 * 86_400;

/// The reference CloudIndex server, on embedded storage
#[derive(Debug, Parser)]
#[command(name = "cloudindex-server", version, after_help = AFTER)]
pub struct Settings {
    /// A file of settings, in TOML
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print the settings in force, where each is from, and no secret; then end
    #[arg(long)]
    pub check_config: bool,

    /// Address and port; port 0: any free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    pub listen: SocketAddr,

    /// Where records and blocks are kept; one server a directory
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub data: PathBuf,

    /// Serve the files of DIR at /. Where ADDR is a loopback address, /page/config.json then tells the page its API key. Elsewhere
    /// that path is 404, because anyone could read the key: give the page a token there
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,

    /// A bearer key (repeatable; tenant: default, unless named). Without any, one is made on the first start and kept in DIR/api-key
    /// (mode 0600)
    #[arg(long, value_name = "KEY[=TENANT]", value_delimiter = ',', value_parser = KeyOption::parse)]
    pub api_key: Vec<KeyOption>,

    /// A page's origin that may call from a browser, like https://app.example, or * (repeatable)
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', value_parser = origin)]
    pub allow_origin: Vec<String>,

    /// Bytes of one request's body, as sent and as decoded: 32 MiB and a manifest
    #[arg(long, value_name = "N", default_value = "34603008", value_parser = number)]
    pub max_bundle_bytes: u64,

    /// Bytes of one block
    #[arg(long, value_name = "N", default_value = "8388608", value_parser = number)]
    pub max_block_bytes: u64,

    /// Documents of one manifest
    #[arg(long, value_name = "N", default_value = "5000", value_parser = number)]
    pub max_documents: u64,

    /// Documents that a tenant may hold, in all of its batches
    #[arg(long, value_name = "N", default_value = "none", value_parser = cap)]
    pub quota_documents: Cap,

    /// Bytes of those documents
    #[arg(long, value_name = "N", default_value = "none", value_parser = cap)]
    pub quota_bytes: Cap,

    /// Batches that a tenant may hold
    #[arg(long, value_name = "N", default_value = "none", value_parser = cap)]
    pub quota_batches: Cap,

    /// Requests a second that a tenant may make, and how many at once
    #[arg(long, value_name = "N[/BURST]", default_value = "none", value_parser = limit)]
    pub rate_limit: Limit,

    /// Searches a second that a tenant may make, and how many at once; they count as requests too
    #[arg(long, value_name = "N[/BURST]", default_value = "none", value_parser = limit)]
    pub search_rate_limit: Limit,

    /// Unknown API keys a second that may come from one address, and how many at once, before no key of it is looked at. What
    /// comes from this machine is not counted: that is a proxy
    #[arg(long, value_name = "N[/BURST]", default_value = "10/100", value_parser = limit)]
    pub unknown_key_limit: Limit,

    /// Documents processed at once, up to 64 (default: one less than there are processors, 1 to 4); with 0 they wait
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=64))]
    pub workers: Option<u8>,

    /// The embedding model: model.safetensors and tokenizer.json (default: model in the data directory)
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// Instead of a model: a provider that speaks OpenAI's POST /embeddings, at http://localhost:8081/v1/embeddings, say
    #[arg(long, value_name = "URL", value_parser = url)]
    pub embeddings_url: Option<String>,

    /// Its model
    #[arg(long, value_name = "NAME")]
    pub embeddings_model: Option<String>,

    /// The numbers of its vectors: a multiple of 8 up to 8192
    #[arg(long, value_name = "N", value_parser = width)]
    pub embeddings_width: Option<usize>,

    /// Its key, if it wants one; better in the environment or in the file, because everyone on a machine can read flags
    #[arg(long, value_name = "KEY")]
    pub embeddings_key: Option<String>,

    /// Milliseconds before a document is tried again that failed by no fault of its own; four times as long after each of four
    /// failures, then it fails
    #[arg(long, value_name = "MS", default_value = "1000", value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub retry_wait: u64,

    /// MiB of memory in which a file must be readable
    #[arg(long, value_name = "MIB", default_value = "512", value_parser = number)]
    pub extract_memory: u64,

    /// Seconds in which a file must be readable
    #[arg(long, value_name = "N", default_value = "30", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub extract_seconds: u64,

    /// Seconds that requests under way may take after a signal to stop
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub stop_grace: u64,

    /// What is logged, to stderr: error, warn, info (starts and stops too) or debug (each request and each file that has no text too)
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub log_level: LogLevel,

    /// How it is logged: text for people, or json, an object a line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// Milliseconds before a webhook is sent again that was not acknowledged; four times as long after each of eleven failures,
    /// eight hours at most, then it fails
    #[arg(long, value_name = "MS", default_value = "5000", value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub webhook_wait: u64,

    /// Seconds after which a block is dropped that no document names; a client that was told that it is held may count on it for that
    /// long, less a twenty-fourth part
    #[arg(long, value_name = "N", default_value = "86400", value_parser = clap::value_parser!(u64).range(1..=TEN_YEARS))]
    pub collect_after: u64,

    /// Seconds between two rounds of housekeeping
    #[arg(long, value_name = "N", default_value = "3600", value_parser = clap::value_parser!(u64).range(1..=TEN_YEARS))]
    pub collect_every: u64,

    /// Webhooks may go to private, loopback and link-local addresses
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = ArgAction::Set)]
    pub allow_private_webhooks: bool,
}

/// Settings whose values are never printed.
pub const SECRET: [&str; 2] = ["api-key", "embeddings-key"];

/// The settings as clap has them, each with its variable.
pub fn command() -> clap::Command {
    Settings::command().args_override_self(true).max_term_width(120).mut_args(|arg| {
        let name = variable(&arg);
        // Whoever composes containers passes on what is not set as what is empty.
        let empty = std::env::var_os(&name).is_some_and(|value| value.is_empty());
        if empty || arg.get_id() == "check_config" { arg } else { arg.env(name).hide_env_values(true) }
    })
}

/// The environment's name of a setting.
pub fn variable(arg: &Arg) -> String {
    format!("CLOUDINDEX_{}", arg.get_id().as_str().to_uppercase())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "it takes an address like 127.0.0.1:8080 or [::]:80".into())
}

fn origin(text: &str) -> Result<String, String> {
    let host = text.split_once("://").map(|(_, host)| host);
    match host {
        Some(host) if !host.is_empty() && !host.contains('/') && host.is_ascii() => Ok(text.into()),
        None if text == "*" => Ok(text.into()),
        _ => Err("it takes an origin like https://app.example (no path) or *".into()),
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "it takes a whole number above 0".into())
}

pub fn cap(text: &str) -> Result<Cap, String> {
    match text {
        "none" => Ok(None),
        text => number(text).map(Some).map_err(|_| "it takes a whole number above 0, or none".into()),
    }
}

pub fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(None),
        text => text.parse().map(Some),
    }
}

fn width(text: &str) -> Result<usize, String> {
    let width = text.parse().ok().filter(|width: &usize| width.is_multiple_of(8) && (8..=8192).contains(width));
    width.ok_or_else(|| "it takes a multiple of 8 up to 8192".into())
}

fn url(text: &str) -> Result<String, String> {
    match text.split_once("://") {
        Some(("https", _)) if !cfg!(feature = "tls") => {
            Err("this server was built without TLS; build it with --features tls".into())
        }
        Some(("http" | "https", host)) if !host.is_empty() => Ok(text.into()),
        _ => Err("it takes an address like http://localhost:8081/v1/embeddings".into()),
    }
}
