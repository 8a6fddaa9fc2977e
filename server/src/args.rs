//! The command line and the environment.

use cloudindex_server::auth::KeyOption;
use cloudindex_server::embed::http::Provider;
use cloudindex_server::extract::child::Limits;
use cloudindex_server::upkeep;
use cloudindex_server::webhooks::{self, target::Targets};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub const HELP: &str = "\
cloudindex-server: the reference CloudIndex server, on embedded storage

USAGE: cloudindex-server [FLAGS]
       cloudindex-server backup --data DIR --to DIR     copies a data directory, whether or not a server uses it

  --listen ADDR             address and port (default 127.0.0.1:8080; port 0: any free one)
  --data DIR                where records and blocks are kept (default data); one server a directory
  --page DIR                serve the files of DIR at /; where ADDR is a loopback address, /page/config.json then tells
                            the page its API key. Elsewhere that path is 404, because anyone could read the key:
                            give the page a key or token of its own there
  --api-key KEY[=TENANT]    a bearer key (repeatable; default tenant: default). Also CLOUDINDEX_API_KEYS, separated by
                            commas. With neither, a key is made on the first start, kept in DIR/api-key (mode 0600)
                            and printed to stderr
  --allow-origin ORIGIN     a page's origin that may call from a browser, like https://app.example, or * (repeatable)
  --max-bundle-bytes N      bytes of one request's body, as sent and as decoded (default 34603008: 32 MiB and a manifest)
  --max-block-bytes N       bytes of one block (default 8388608)
  --max-documents N         documents of one manifest (default 5000)
  --workers N               documents processed at once (default: one less than there are processors, 1 to 4); with 0 they wait
  --model DIR               the embedding model: model.safetensors and tokenizer.json (default: model in the data directory)
  --embeddings-url URL      instead of a model: a provider that speaks OpenAI's POST /embeddings, with
  --embeddings-model NAME   its model, and
  --embeddings-width N      the numbers of its vectors; its key, if it wants one, in CLOUDINDEX_EMBEDDINGS_KEY
  --retry-wait N            milliseconds before a document is tried again that failed by no fault of its own; four times
                            as long after each of four failures, then it fails (default 1000)
  --extract-memory N        MiB of memory in which a file must be readable (default 512)
  --extract-seconds N       seconds in which a file must be readable (default 30)
  --webhook-wait N          milliseconds before a webhook is sent again that was not acknowledged; four times as long after
                            each of eleven failures, eight hours at most, then it fails (default 5000)
  --allow-private-webhooks  webhooks may go to private, loopback and link-local addresses
  --collect-after N         seconds after which a block is dropped that no document names (default 86400); a client that was
                            told that it is held may count on it for that long, less a twenty-fourth part
  --collect-every N         seconds between two rounds of housekeeping (default 3600)
  --help, --version

Prints one line, \"listening on http://ADDR\", to stdout when ready. SIGINT and SIGTERM stop it gracefully.
";

/// Numbers of a vector, at most; what the index takes.
const MAX_WIDTH: usize = 8192;
/// Seconds that a flag of housekeeping takes at most: ten years.
const LONGEST: u64 = 10 * 365 * 86_400;

/// What was asked for.
#[derive(Debug)]
pub struct Args {
    pub listen: SocketAddr,
    pub data: PathBuf,
    pub page: Option<PathBuf>,
    /// Empty: use the key that is kept in `data`.
    pub keys: Vec<KeyOption>,
    pub origins: Vec<String>,
    pub max_bundle_bytes: u64,
    pub max_block_bytes: u64,
    pub max_documents: u64,
    pub workers: usize,
    /// `None`: the one in `data`.
    pub model: Option<PathBuf>,
    pub provider: Option<Provider>,
    pub limits: Limits,
    pub retry_wait: Duration,
    pub webhooks: webhooks::Options,
    pub upkeep: upkeep::Options,
}

/// What to do.
#[derive(Debug)]
pub enum Command {
    Serve(Box<Args>),
    /// Read files for the server that started this.
    Extract(Limits),
    /// Copy the data directory to another one.
    Backup {
        data: PathBuf,
        to: PathBuf,
    },
    /// Print this and end.
    Print(String),
}

/// What of the environment counts.
#[derive(Debug, Default)]
pub struct Environment {
    /// `CLOUDINDEX_API_KEYS`.
    pub keys: Option<String>,
    /// `CLOUDINDEX_EMBEDDINGS_KEY`.
    pub embeddings_key: Option<String>,
}

/// Reads `arguments` (without the program's name).
pub fn parse(arguments: impl IntoIterator<Item = OsString>, environment: Environment) -> Result<Command, String> {
    use lexopt::prelude::*;
    let mut args = Args {
        listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        data: "data".into(),
        page: None,
        keys: Vec::new(),
        origins: Vec::new(),
        max_bundle_bytes: 33 << 20,
        max_block_bytes: 8 << 20,
        max_documents: 5000,
        workers: std::thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).clamp(1, 4)),
        model: None,
        provider: None,
        limits: Limits { memory: 512 << 20, seconds: 30 },
        retry_wait: Duration::from_secs(1),
        webhooks: webhooks::Options { targets: Targets::Public, wait: Duration::from_secs(5) },
        upkeep: upkeep::Options::default(),
    };
    let mut provider = Provider { url: String::new(), model: String::new(), width: 0, key: environment.embeddings_key };
    let mut parser = lexopt::Parser::from_args(arguments);
    let wrong = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Long("help") | Short('h') => return Ok(Command::Print(HELP.into())),
            Long("version") | Short('V') => {
                return Ok(Command::Print(format!("cloudindex-server {}\n", env!("CARGO_PKG_VERSION"))));
            }
            Long("data") => args.data = parser.value().map_err(wrong)?.into(),
            Long("model") => args.model = Some(parser.value().map_err(wrong)?.into()),
            Long("page") => args.page = Some(parser.value().map_err(wrong)?.into()),
            Long("allow-private-webhooks") => args.webhooks.targets = Targets::All,
            Long(name) => {
                let name = name.to_owned();
                let value = || -> Result<String, String> { parser.value().and_then(|v| v.string()).map_err(wrong) };
                text_flag(&mut args, &mut provider, &name, value)?;
            }
            Value(word) if word == "extract" => {
                let mut number = || parser.value().and_then(|value| value.parse()).map_err(wrong);
                return Ok(Command::Extract(Limits { memory: number()?, seconds: number()? }));
            }
            Value(word) if word == "backup" => return backup(parser, args.data),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if args.keys.is_empty() {
        let given = environment.keys.unwrap_or_default();
        let given = given.split(',').map(str::trim).filter(|key| !key.is_empty());
        args.keys = given
            .map(|key| KeyOption::parse(key).map_err(|e| format!("CLOUDINDEX_API_KEYS: {e}")))
            .collect::<Result<_, _>>()?;
    }
    if args.max_block_bytes > args.max_bundle_bytes {
        return Err("--max-block-bytes is more than --max-bundle-bytes: such a block could not be sent".into());
    }
    args.provider = given(provider)?;
    Ok(Command::Serve(Box::new(args)))
}

/// What follows the word `backup`.
fn backup(mut parser: lexopt::Parser, mut data: PathBuf) -> Result<Command, String> {
    use lexopt::prelude::*;
    let wrong = |error: lexopt::Error| error.to_string();
    let mut to = None;
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Long("data") => data = parser.value().map_err(wrong)?.into(),
            Long("to") => to = Some(parser.value().map_err(wrong)?.into()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let to = to.ok_or("backup needs --to DIR, where it is to be made")?;
    Ok(Command::Backup { data, to })
}

/// The provider, if all of it was given; `None` if nothing was.
fn given(provider: Provider) -> Result<Option<Provider>, String> {
    let Provider { url, model, width, .. } = &provider;
    match (url.is_empty(), model.is_empty(), *width) {
        (true, true, 0) => Ok(None),
        (false, false, 1..) if !width.is_multiple_of(8) || *width > MAX_WIDTH => {
            Err(format!("--embeddings-width takes a multiple of 8 up to {MAX_WIDTH}, not {width}"))
        }
        (false, false, 1..) if url.starts_with("https://") && !cfg!(feature = "tls") => {
            Err("--embeddings-url: this server was built without TLS; build it with --features tls".into())
        }
        (false, false, 1..) if url.starts_with("http://") || url.starts_with("https://") => Ok(Some(provider)),
        (false, false, 1..) => {
            Err(format!("--embeddings-url takes an address like http://localhost:8081/v1/embeddings, not {url:?}"))
        }
        _ => Err("--embeddings-url, --embeddings-model and --embeddings-width go together".into()),
    }
}

fn text_flag(
    args: &mut Args,
    provider: &mut Provider,
    name: &str,
    value: impl FnOnce() -> Result<String, String>,
) -> Result<(), String> {
    let number = |text: String| match text.parse::<u64>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("--{name} takes a whole number above 0, not {text:?}")),
    };
    match name {
        "listen" => {
            let text = value()?;
            args.listen = text
                .parse()
                .map_err(|_| format!("--listen takes an address like 127.0.0.1:8080 or [::]:80, not {text:?}"))?;
        }
        "api-key" => args.keys.push(KeyOption::parse(&value()?).map_err(|error| format!("--api-key: {error}"))?),
        "allow-origin" => {
            let text = value()?;
            let origin = text
                .split_once("://")
                .is_some_and(|(_, host)| !host.is_empty() && !host.contains('/') && host.is_ascii());
            if text != "*" && !origin {
                return Err(format!(
                    "--allow-origin takes an origin like https://app.example (no path) or *, not {text:?}"
                ));
            }
            args.origins.push(text);
        }
        "max-bundle-bytes" => args.max_bundle_bytes = number(value()?)?,
        "max-block-bytes" => args.max_block_bytes = number(value()?)?,
        "max-documents" => args.max_documents = number(value()?)?,
        "workers" => {
            let text = value()?;
            let workers = text.parse().ok().filter(|workers| *workers <= 64);
            args.workers = workers.ok_or_else(|| format!("--workers takes a number from 0 to 64, not {text:?}"))?;
        }
        "embeddings-url" => provider.url = value()?,
        "embeddings-model" => provider.model = value()?,
        "embeddings-width" => provider.width = number(value()?)?.min(u64::from(u32::MAX)) as usize,
        "retry-wait" => args.retry_wait = Duration::from_millis(number(value()?)?.min(3_600_000)),
        "webhook-wait" => args.webhooks.wait = Duration::from_millis(number(value()?)?.min(3_600_000)),
        "collect-after" => args.upkeep.keep = Duration::from_secs(number(value()?)?.min(LONGEST)),
        "collect-every" => args.upkeep.every = Duration::from_secs(number(value()?)?.min(LONGEST)),
        "extract-memory" => args.limits.memory = number(value()?)?.saturating_mul(1 << 20),
        "extract-seconds" => args.limits.seconds = number(value()?)?.min(86_400),
        other => return Err(format!("there is no flag --{other}; see --help")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, keys: Option<&str>) -> Result<Args, String> {
        let environment = Environment { keys: keys.map(Into::into), embeddings_key: None };
        match parse(line.split_whitespace().map(Into::into), environment)? {
            Command::Serve(args) => Ok(*args),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn flags() {
        let args = read(
            "--listen 127.0.0.1:0 --data d --page=p --api-key a --api-key b=t --allow-origin * --max-documents 7",
            Some("c"),
        )
        .unwrap();
        assert_eq!((args.listen.port(), args.keys.len(), args.max_documents), (0, 2, 7));
        assert_eq!(read("", Some("c, d=t,")).unwrap().keys[1].tenant, "t");
        let args =
            read("--embeddings-url http://x --embeddings-model m --embeddings-width 16 --extract-memory 1", None);
        let args = args.unwrap();
        assert_eq!((args.provider.unwrap().width, args.limits.memory), (16, 1 << 20));
        let args = read("--allow-private-webhooks --webhook-wait 7", None).unwrap();
        assert_eq!((args.webhooks.targets, args.webhooks.wait.as_millis()), (Targets::All, 7));
        assert_eq!(read("", None).unwrap().webhooks.targets, Targets::Public);
        let args = read("--collect-after 60 --collect-every 99999999999", None).unwrap();
        assert_eq!((args.upkeep.keep.as_secs(), args.upkeep.every.as_secs()), (60, LONGEST));
        let extract = parse(["extract", "5", "6"].map(Into::into), Environment::default());
        assert!(matches!(extract, Ok(Command::Extract(Limits { memory: 5, seconds: 6 }))));
        let copy = parse(["backup", "--to", "b", "--data", "a"].map(Into::into), Environment::default());
        assert!(matches!(copy, Ok(Command::Backup { data, to }) if data == *"a" && to == *"b"));
        for wrong in [
            "backup --data a",
            "backup --to b --listen 127.0.0.1:0",
            "--nope",
            "--listen x",
            "--max-documents 0",
            "--collect-after 0",
            "--api-key",
            "--allow-origin app.example",
            "stray",
            "--max-bundle-bytes 9",
            "--embeddings-url http://x",
            "--embeddings-url http://x --embeddings-model m --embeddings-width 7",
            "--embeddings-url ftp://x --embeddings-model m --embeddings-width 8",
            "extract 1",
            "extract 1 x",
        ] {
            assert!(read(wrong, None).is_err(), "{wrong}");
        }
    }
}
