//! What the operator says: flags, environment, file and defaults, in this order.
//!
//! | module | holds |
//! | --- | --- |
//! | `settings` | the table of settings: names, meanings, defaults, how a value is read |
//! | `file` | the file as text with lines |
//! | `tenants` | tenants, their keys and terms |
//! | `printed` | the settings in force, for `--check-config` |
//!
//! Flags, environment and defaults are clap's. What the file says becomes the default, so there is one precedence and one
//! reader of values.

mod file;
mod printed;
mod settings;
mod tenants;

pub use settings::{LogFormat, LogLevel, Settings};
pub use tenants::{Tenant, Terms, add};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{FromArgMatches, Parser};
use cloudindex_server::embed::http::Provider;
use cloudindex_server::extract::child::Limits;
use file::File;
use std::ffi::OsString;
use std::path::PathBuf;

/// What was asked for.
#[derive(Debug)]
pub struct Config {
    pub settings: Settings,
    /// All that have a key, or a table in the file.
    pub tenants: Vec<Tenant>,
    /// Instead of a model on the disk.
    pub provider: Option<Provider>,
}

/// What to do.
#[derive(Debug)]
pub enum Command {
    Serve(Box<Config>),
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

/// Reads the command line (with the program's name), and what else tells.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Started once a worker, and again and again: nothing else is looked at.
    if arguments.get(1).is_some_and(|word| word == "extract") {
        return extract(&arguments[2..]).map(Command::Extract);
    }
    if arguments.get(1).is_some_and(|word| word == "backup") {
        return backup(&arguments[1..]);
    }
    let command = settings::command();
    let parse = |command: clap::Command| match command.try_get_matches_from(&arguments) {
        Ok(matches) => Ok(Ok(matches)),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Err(Command::Print(error.render().to_string())))
        }
        Err(error) => Err(said(&error, &arguments)),
    };
    let mut matches = match parse(command.clone())? {
        Ok(matches) => matches,
        Err(print) => return Ok(print),
    };
    let mut file = File::default();
    if let Some(path) = matches.get_one::<std::path::PathBuf>("config") {
        file = File::open(path)?;
        matches = match parse(with_defaults(command, &file)?)? {
            Ok(matches) => matches,
            Err(print) => return Ok(print),
        };
    }
    let settings = Settings::from_arg_matches(&matches).map_err(|error| said(&error, &arguments))?;
    if settings.max_block_bytes > settings.max_bundle_bytes {
        return Err("max-block-bytes is more than max-bundle-bytes: such a block could not be sent".into());
    }
    let config = Config { tenants: tenants::all(&settings, &file)?, provider: provider(&settings)?, settings };
    if config.settings.check_config {
        return Ok(Command::Print(printed::text(&matches, &file, &config)));
    }
    Ok(Command::Serve(Box::new(config)))
}

/// Copies a data directory, whether or not a server uses it
#[derive(Debug, Parser)]
#[command(name = "cloudindex-server backup")]
struct Backup {
    /// What is copied
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Where the copy is made: a directory that is empty, or is not there yet
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

fn backup(arguments: &[OsString]) -> Result<Command, String> {
    match Backup::try_parse_from(arguments) {
        Ok(Backup { data, to }) => Ok(Command::Backup { data, to }),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Ok(Command::Print(error.render().to_string())),
        Err(error) => Err(said(&error, arguments)),
    }
}

/// The two numbers after `extract`.
fn extract(numbers: &[OsString]) -> Result<Limits, String> {
    let number = |at: usize| numbers.get(at)?.to_str()?.parse().ok();
    let limits = number(0).zip(number(1)).map(|(memory, seconds)| Limits { memory, seconds });
    limits.filter(|_| numbers.len() == 2).ok_or_else(|| "extract takes bytes of memory and seconds".into())
}

/// The settings with what the file says as their defaults.
fn with_defaults(mut command: clap::Command, file: &File) -> Result<clap::Command, String> {
    for (name, entry) in &file.entries {
        let id = name.replace('-', "_");
        let known = command.get_arguments().find(|arg| arg.get_id() == &id && arg.get_long() == Some(name));
        let Some(arg) = known.filter(|_| !["config", "check-config"].contains(&name.as_str())) else {
            return Err(file.wrong(entry.line, format!("there is no setting {name:?}; see --help")));
        };
        if entry.values.len() != 1 && !matches!(arg.get_action(), clap::ArgAction::Append) {
            return Err(file.wrong(entry.line, format!("{name} takes one value")));
        }
        // By itself first, so that an error has its line.
        let alone = clap::Command::new("file").no_binary_name(true).arg(arg.clone());
        let flags = entry.values.iter().map(|value| format!("--{name}={value}"));
        alone.try_get_matches_from(flags).map_err(|error| file.wrong(entry.line, first_line(&error)))?;
        command = command.mut_arg(id, |arg| arg.default_values(entry.values.clone()));
    }
    Ok(command)
}

/// A provider, if all of it was given; `None` if nothing was.
fn provider(settings: &Settings) -> Result<Option<Provider>, String> {
    let Settings { embeddings_url: url, embeddings_model: model, embeddings_width: width, .. } = settings;
    match (url.clone(), model.clone(), *width) {
        (None, None, None) => Ok(None),
        (Some(url), Some(model), Some(width)) => {
            Ok(Some(Provider { url, model, width, key: settings.embeddings_key.clone() }))
        }
        _ => Err("embeddings-url, embeddings-model and embeddings-width go together".into()),
    }
}

/// An error in one line, and where its value is from if that is not plain to see.
fn said(error: &clap::Error, arguments: &[OsString]) -> String {
    let mut text = first_line(error);
    if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) {
        let flag = flag.split([' ', '=', '[']).next().unwrap_or_default();
        let name = flag.trim_start_matches('-').replace('-', "_");
        let on_line = arguments.iter().any(|argument| argument.to_string_lossy().starts_with(flag));
        let variable = format!("CLOUDINDEX_{}", name.to_uppercase());
        if !on_line && std::env::var_os(&variable).is_some() {
            text = format!("{variable}: {text}");
        }
    }
    text
}

fn first_line(error: &clap::Error) -> String {
    let mut text = error.render().to_string();
    if let (Some(ContextValue::String(flag)), Some(ContextValue::String(value))) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
        && !value.is_empty()
        && settings::SECRET.iter().any(|name| flag.starts_with(&format!("--{name}")))
    {
        text = text.replace(value.as_str(), "…");
    }
    let text = text.trim_start_matches("error: ");
    let parts = text.split("\n\n").take_while(|part| !part.starts_with("Usage:") && !part.starts_with("For more"));
    parts.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}
