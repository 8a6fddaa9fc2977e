//! `--check-config`: the settings in force as a file of settings, each with where it is from, and no secret.

use super::Config;
use super::file::File;
use super::settings::{self, SECRET};
use clap::ArgMatches;
use clap::parser::ValueSource;
use std::fmt::Write;

pub fn text(matches: &ArgMatches, file: &File, config: &Config) -> String {
    let mut text = String::new();
    for arg in settings::command().get_arguments() {
        let (id, Some(name)) = (arg.get_id().as_str(), arg.get_long()) else { continue };
        if id == "check_config" {
            continue;
        }
        let values = matches.get_raw(id).into_iter().flatten().map(|value| value.to_string_lossy());
        let values: Vec<String> = values.map(|value| value.into_owned()).collect();
        let from = match (matches.value_source(id), file.entries.get(name)) {
            (Some(ValueSource::CommandLine), _) => format!("--{name}"),
            (Some(ValueSource::EnvVariable), _) => settings::variable(arg),
            (_, Some(entry)) => format!("{}:{}", file.name, entry.line),
            _ => "default".into(),
        };
        // Writing into a string does not fail.
        let _ = match values.as_slice() {
            [path] if id == "config" => writeln!(text, "# config: {path} # {from}"),
            [] => writeln!(text, "# {name} is not set"),
            values if SECRET.contains(&name) => writeln!(text, "# {name}: {} given # {from}", values.len()),
            [one] if !matches!(arg.get_action(), clap::ArgAction::Append) => {
                writeln!(text, "{name} = {} # {from}", quoted(one))
            }
            values => {
                let list: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                writeln!(text, "{name} = [{}] # {from}", list.join(", "))
            }
        };
    }
    for tenant in &config.tenants {
        let (quota, calls) = (tenant.terms.quota, tenant.terms.allowances);
        let number = |max: Option<u64>| max.map_or(quoted("none"), |max| max.to_string());
        let rate = |rate: settings::Limit| quoted(&rate.map_or("none".into(), |rate| rate.to_string()));
        let _ = write!(
            text,
            "\n[[tenant]]\nname = {} # keys: {}\nquota-documents = {}\nquota-bytes = {}\nquota-batches = {}\n\
             rate-limit = {}\nsearch-rate-limit = {}\n",
            quoted(&tenant.name),
            tenant.keys.len(),
            number(quota.max_documents),
            number(quota.max_bytes),
            number(quota.max_batches),
            rate(calls.calls),
            rate(calls.searches),
        );
    }
    text
}

/// As TOML takes it; numbers and truth as they are.
fn quoted(value: &str) -> String {
    match value {
        "true" | "false" => value.into(),
        number if number.parse::<u64>().is_ok() => number.into(),
        // JSON's escapes are TOML's.
        text => serde_json::to_string(text).unwrap_or_default(),
    }
}
