//! Settings: flags before the environment before the file before the default; what is wrong is named, secrets are not.

use crate::support::*;
use cloudindex_wire::{Quota, Usage};
use std::collections::BTreeMap;
use std::process::{Command, Output};

fn run(flags: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloudindex-server"));
    // Nothing of the machine's own.
    command.env_clear().envs(environment.iter().copied()).args(flags).output().unwrap()
}

/// The settings in force: values, and where they are from.
#[track_caller]
fn settings(flags: &[&str], environment: &[(&str, &str)]) -> BTreeMap<String, (String, String)> {
    let output = run(&[flags, &["--check-config"]].concat(), environment);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let table = text.split("[[tenant]]").next().unwrap();
    let lines = table.lines().filter_map(|line| {
        let (line, from) = line.rsplit_once(" # ")?;
        let (name, value) = line.trim_start_matches("# ").split_once(" = ").or_else(|| line.split_once(": "))?;
        Some((name.trim_start_matches("# ").to_owned(), (value.to_owned(), from.to_owned())))
    });
    lines.collect()
}

/// What a start with a mistake says, in one line.
#[track_caller]
fn mistake(flags: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(flags, environment);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text.trim().to_owned()
}

/// A file of settings.
struct File(std::path::PathBuf);

impl File {
    fn with(text: &str) -> File {
        let path = directory().join("server.toml");
        std::fs::write(&path, text).unwrap();
        File(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

#[test]
fn flags_go_before_the_environment_before_the_file_before_the_default() {
    let file = File::with("# One line is a comment.\nmax-documents = 1\nworkers = 2\nallow-private-webhooks = true\n");
    let told = |flags: &[&str], environment: &[(&str, &str)], name: &str| settings(flags, environment)[name].clone();
    let (flag, variable) = (["--max-documents", "3"], ("CLOUDINDEX_MAX_DOCUMENTS", "2"));
    let config = ["--config", file.path()];
    let by = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    let line = |line: usize| format!("{}:{line}", file.path());
    assert_eq!(told(&[], &[], "max-documents"), by("5000", "default"));
    assert_eq!(told(&config, &[], "max-documents"), by("1", &line(2)));
    assert_eq!(told(&config, &[variable], "max-documents"), by("2", "CLOUDINDEX_MAX_DOCUMENTS"));
    assert_eq!(told(&[config, flag].concat(), &[variable], "max-documents"), by("3", "--max-documents"));
    assert_eq!(told(&flag, &[variable], "max-documents"), by("3", "--max-documents"));
    // The file may be named by the environment, and what is empty there is not said.
    let environment = [("CLOUDINDEX_CONFIG", file.path()), ("CLOUDINDEX_MAX_DOCUMENTS", "")];
    assert_eq!(told(&[], &environment, "max-documents"), by("1", &line(2)));
    // What is on may be turned off.
    assert_eq!(told(&config, &[], "allow-private-webhooks"), by("true", &line(4)));
    let off = ["--allow-private-webhooks=false"];
    assert_eq!(told(&[&config[..], &off].concat(), &[], "allow-private-webhooks").0, "false");
    assert_eq!(told(&["--allow-private-webhooks"], &[], "allow-private-webhooks").0, "true");
    assert_eq!(told(&[], &[("CLOUDINDEX_ALLOW_PRIVATE_WEBHOOKS", "true")], "allow-private-webhooks").0, "true");
}

#[test]
fn every_setting_is_a_flag_a_variable_and_a_key() {
    let values = [
        ("listen", "[::1]:7"),
        ("data", "d"),
        ("page", "p"),
        ("max-bundle-bytes", "99"),
        ("max-block-bytes", "98"),
        ("max-documents", "97"),
        ("quota-documents", "96"),
        ("quota-bytes", "95"),
        ("quota-batches", "94"),
        ("rate-limit", "9/90"),
        ("search-rate-limit", "8/80"),
        ("unknown-key-limit", "none"),
        ("workers", "0"),
        ("model", "m"),
        ("embeddings-url", "https://x.example/embeddings"),
        ("embeddings-model", "small"),
        ("embeddings-width", "64"),
        ("embeddings-key", "a secret"),
        ("retry-wait", "93"),
        ("extract-memory", "92"),
        ("extract-seconds", "91"),
        ("stop-grace", "89"),
        ("log-level", "debug"),
        ("log-format", "json"),
        ("webhook-wait", "90"),
        ("collect-after", "88"),
        ("collect-every", "87"),
        ("allow-private-webhooks", "true"),
        ("api-key", "a secret"),
        ("allow-origin", "https://a.example,https://b.example"),
    ];
    let value = |name: &str, value: &'static str| if name == "api-key" { "secret1,secret2=t" } else { value };
    let flags: Vec<String> = values.iter().map(|(name, text)| format!("--{name}={}", value(name, text))).collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let by_flag = settings(&flags, &[]);
    let shout = |name: &str| format!("CLOUDINDEX_{}", name.replace('-', "_").to_uppercase());
    let variables: Vec<(String, &str)> = values.iter().map(|(name, text)| (shout(name), value(name, text))).collect();
    let by_variable = settings(&[], &variables.iter().map(|(name, text)| (name.as_str(), *text)).collect::<Vec<_>>());
    let lines: Vec<String> = values
        .iter()
        .map(|(name, text)| match value(name, text) {
            text if text.contains(',') => format!("{name} = {:?}", text.split(',').collect::<Vec<_>>()),
            "true" => format!("{name} = true"),
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => format!("{name} = {number}"),
            text => format!("{name} = {text:?}"),
        })
        .collect();
    let file = File::with(&lines.join("\n"));
    let by_file = settings(&["--config", file.path()], &[]);
    let all = settings(&[], &[]);
    for (at, (name, _)) in values.iter().enumerate() {
        assert_eq!(by_flag[*name].1, format!("--{name}"));
        assert_eq!(by_variable[*name], (by_flag[*name].0.clone(), shout(name)));
        assert_eq!(by_file[*name], (by_flag[*name].0.clone(), format!("{}:{}", file.path(), at + 1)));
        assert!(all.get(*name).is_none_or(|(usual, _)| *usual != by_flag[*name].0), "{name} is not its default");
    }
    // Nothing is left out here.
    let help = String::from_utf8(run(&["--help"], &[]).stdout).unwrap();
    let named = help.lines().filter_map(|line| line.trim().strip_prefix("--")?.split([' ', '[']).next());
    for flag in named.filter(|flag| !["config", "check-config"].contains(flag)) {
        assert!(values.iter().any(|(name, _)| *name == flag), "{flag}");
        assert!(help.contains(&shout(flag)), "{flag}");
    }
    // No secret is told.
    for flags in [vec!["--config", file.path()], flags] {
        let text = String::from_utf8(run(&[&flags[..], &["--check-config"]].concat(), &[]).stdout).unwrap();
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("name = \"t\" # keys: 1"), "{text}");
    }
}

#[test]
fn what_is_printed_is_a_file_of_settings() {
    let text = "max-documents = 7\nallow-origin = [\"https://a.example\"]\nrate-limit = \"0.5/3\"\n\
         [[tenant]]\nname = \"acme\"\nkeys = [\"k1\", \"k2\"]\nquota-bytes = 100\nrate-limit = \"none\"\n";
    let printed = |text: &str| {
        let file = File::with(text);
        let output = run(&["--config", file.path(), "--check-config"], &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let values = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.split(" # ").next())
            .filter(|line| !line.starts_with('#'))
            .map(Into::into)
            .collect()
    };
    let once = printed(text);
    assert!(once.contains("quota-bytes = 100") && once.contains("rate-limit = \"0.5/3\""), "{once}");
    assert_eq!(values(&printed(&once)), values(&once));
}

#[test]
fn mistakes_are_named() {
    for (flags, words) in [
        (&["--nope"][..], &["--nope"][..]),
        (&["--lisen", "x"], &["--lisen", "--listen"]),
        (&["--listen", "x"], &["--listen", "'x'", "127.0.0.1:8080"]),
        (&["--max-documents", "0"], &["--max-documents", "above 0"]),
        (&["--workers", "65"], &["--workers", "65", "64"]),
        (&["--api-key"], &["--api-key"]),
        (&["--allow-origin", "app.example"], &["--allow-origin", "app.example", "https://"]),
        (&["--rate-limit", "fast"], &["--rate-limit", "fast", "50/200"]),
        (&["stray"], &["stray"]),
        (&["--max-bundle-bytes", "9"], &["max-block-bytes", "max-bundle-bytes"]),
        (&["--embeddings-url", "http://x"], &["embeddings-model", "embeddings-width"]),
        (&["--embeddings-width", "7"], &["--embeddings-width", "multiple of 8"]),
        (&["--embeddings-url", "ftp://x"], &["--embeddings-url", "http://"]),
        (&["--config", "/nowhere.toml"], &["--config", "/nowhere.toml"]),
        (&["extract", "1"], &["extract"]),
        (&["extract", "1", "x"], &["extract"]),
    ] {
        let said = mistake(flags, &[]);
        assert!(said.starts_with("cloudindex-server: ") && words.iter().all(|word| said.contains(word)), "{said}");
    }
    let said = mistake(&[], &[("CLOUDINDEX_MAX_DOCUMENTS", "many")]);
    assert!(said.contains("CLOUDINDEX_MAX_DOCUMENTS") && said.contains("many"), "{said}");
    for key in ["hush hush", "hush=", "hush=ü"] {
        let said = mistake(&["--api-key", key], &[]);
        assert!(said.contains("--api-key") && !said.contains("hush"), "{said}");
    }
}

#[test]
fn mistakes_of_a_file_have_its_name_the_line_and_the_word() {
    for (text, line, words) in [
        ("\nmax-document = 5", 2, &["max-document"][..]),
        ("max_documents = 5", 1, &["max_documents"]),
        ("check-config = true", 1, &["check-config"]),
        ("config = \"x\"", 1, &["config"]),
        ("\n\nmax-documents = \"many\"", 3, &["max-documents", "many"]),
        ("max-documents = [1, 2]", 1, &["max-documents", "one value"]),
        ("workers = -1", 1, &["workers", "-1"]),
        ("listen = 8080", 1, &["listen", "8080", "127.0.0.1:8080"]),
        ("listen = { port = 1 }", 1, &["listen"]),
        ("max-documents = 1\nmax-documents = 2", 2, &["duplicate"]),
        ("x = ", 1, &["value"]),
        ("tenant = 1", 1, &["[[tenant]]"]),
        ("[[tenant]]\nkeys = [\"k\"]", 1, &["name"]),
        ("[[tenant]]\nname = \"a\"\nquota = 1", 3, &["quota", "quota-bytes"]),
        ("[[tenant]]\nname = \"a\"\nquota-bytes = 0", 3, &["quota-bytes", "above 0"]),
        ("[[tenant]]\nname = \"a\"\nrate-limit = [1, 2]", 3, &["rate-limit", "one value"]),
        ("[[tenant]]\nname = \"a\"\n[[tenant]]\nname = \"a\"", 3, &["\"a\""]),
        ("[[tenant]]\nname = \"a b\"", 1, &["spaces"]),
    ] {
        let file = File::with(text);
        let said = mistake(&["--config", file.path()], &[]);
        let place = format!("cloudindex-server: {}:{line}: ", file.path());
        assert!(said.starts_with(&place) && words.iter().all(|word| said.contains(word)), "{text}: {said}");
    }
    let file = File::with("api-key = [\"hush\"]\n[[tenant]]\nname = \"a\"\nkeys = [\"hush\"]\n");
    let said = mistake(&["--config", file.path()], &[]);
    assert!(said.contains("twice") && !said.contains("hush"), "{said}");
}

#[test]
fn tenants_have_keys_and_terms_of_their_own() {
    let text = "quota-bytes = 1000\n[[tenant]]\nname = \"acme\"\nkeys = [\"acme-1\", \"acme-2\"]\nquota-bytes = 50\n\
         quota-documents = 9\n[[tenant]]\nname = \"free\"\nkeys = [\"free-1\"]\nquota-bytes = \"none\"\n";
    let file = File::with(text);
    let mut server = Server::with(&["--config", file.path()]);
    let quota = |server: &Server| server.get("/v1/usage").json::<Usage>().quota;
    assert_eq!(quota(&server).max_bytes, Some(1000), "what all have");
    let acme = Quota { max_bytes: Some(50), max_documents: Some(9), max_batches: None };
    let batch = server.with_key("acme-1", |server| {
        assert_eq!(quota(server), acme);
        server.batch().id
    });
    server.with_key("acme-2", |server| assert_eq!(server.status(&batch).id, batch, "the same tenant"));
    server.with_key("free-1", |server| assert_eq!(quota(server), Quota::default()));
}
