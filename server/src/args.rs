//! The command line and the environment.

use cloudindex_server::auth::KeyOption;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

pub const HELP: &str = "\
cloudindex-server: the reference CloudIndex server, on embedded storage

USAGE: cloudindex-server [FLAGS]

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
  --help, --version

Prints one line, \"listening on http://ADDR\", to stdout when ready. SIGINT and SIGTERM stop it gracefully.
";

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
}

/// What to do.
#[derive(Debug)]
pub enum Command {
    Serve(Box<Args>),
    /// Print this and end.
    Print(String),
}

/// Reads `arguments` (without the program's name) and the value of `CLOUDINDEX_API_KEYS`.
pub fn parse(arguments: impl IntoIterator<Item = OsString>, keys: Option<String>) -> Result<Command, String> {
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
    };
    let mut parser = lexopt::Parser::from_args(arguments);
    let wrong = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Long("help") | Short('h') => return Ok(Command::Print(HELP.into())),
            Long("version") | Short('V') => {
                return Ok(Command::Print(format!("cloudindex-server {}\n", env!("CARGO_PKG_VERSION"))));
            }
            Long("data") => args.data = parser.value().map_err(wrong)?.into(),
            Long("page") => args.page = Some(parser.value().map_err(wrong)?.into()),
            Long(name) => {
                let name = name.to_owned();
                let value = || -> Result<String, String> { parser.value().and_then(|v| v.string()).map_err(wrong) };
                text_flag(&mut args, &name, value)?;
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    if args.keys.is_empty() {
        let given = keys.unwrap_or_default();
        let given = given.split(',').map(str::trim).filter(|key| !key.is_empty());
        args.keys = given
            .map(|key| KeyOption::parse(key).map_err(|e| format!("CLOUDINDEX_API_KEYS: {e}")))
            .collect::<Result<_, _>>()?;
    }
    if args.max_block_bytes > args.max_bundle_bytes {
        return Err("--max-block-bytes is more than --max-bundle-bytes: such a block could not be sent".into());
    }
    Ok(Command::Serve(Box::new(args)))
}

fn text_flag(args: &mut Args, name: &str, value: impl FnOnce() -> Result<String, String>) -> Result<(), String> {
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
        other => return Err(format!("there is no flag --{other}; see --help")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, keys: Option<&str>) -> Result<Args, String> {
        match parse(line.split_whitespace().map(Into::into), keys.map(Into::into))? {
            Command::Serve(args) => Ok(*args),
            Command::Print(text) => Err(text),
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
        for wrong in [
            "--nope",
            "--listen x",
            "--max-documents 0",
            "--api-key",
            "--allow-origin app.example",
            "stray",
            "--max-bundle-bytes 9",
        ] {
            assert!(read(wrong, None).is_err(), "{wrong}");
        }
    }
}
