//! Files that break their readers: each ends as a typed error, and the server, its memory and its other work stay sound.

use crate::support::*;
use cloudindex_server::embed::local::Local;
use cloudindex_server::embed::{EmbedError, Embedder, Model, Vector};
use cloudindex_server::extract::child::Limits;
use cloudindex_server::pipeline::{Embeddings, Options, Pipeline};
use cloudindex_server::store::{Page, Records, files::Files, sqlite::Sqlite};
use cloudindex_wire::{ErrorType, Phase, codes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The most memory that a process ever held, in MiB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// The processes that a server has read files.
fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()).collect()
}

#[test]
fn a_bad_corpus_ends_in_typed_errors() {
    let server = Server::with(&["--extract-memory", "384", "--extract-seconds", "20"]);
    let batch = server.batch().id;
    let mut all = bad::all();
    assert!(all.len() >= 60, "{}", all.len());
    for (path, bytes, _) in &all {
        let blocks: Vec<&[u8]> = bytes.chunks(8 << 20).collect();
        // As many as fit into a request.
        for some in blocks.chunks(4) {
            assert_eq!(server.bundle_reply(&batch, None, some).status, 200);
        }
        server.bundle(&batch, &[document(path, &blocks)], &[]);
    }
    // A gigabyte of text, which is the same eight megabytes again and again.
    let block = b"A line of text.\n".repeat(1 << 19);
    assert_eq!(server.bundle_reply(&batch, None, &[&block]).status, 200);
    server.bundle(&batch, &[document("gigabyte.txt", &[block.as_slice(); 128])], &[]);
    all.push(("gigabyte.txt".into(), Vec::new(), &[codes::FILE_TOO_LARGE]));
    // Whoever comes after them is served.
    server.upload(&batch, &[("good.txt", b"The good one.".to_vec())]);
    server.post(&format!("/v1/batches/{batch}/complete"), "");
    let status = server.until(&batch, |status| status.status == Phase::Completed);
    let errors: BTreeMap<String, (ErrorType, String, String)> = server
        .errors(&batch)
        .into_iter()
        .map(|error| (error.path.unwrap(), (error.error_type, error.code, error.message)))
        .collect();
    for (path, _, may) in &all {
        let (error_type, code, message) = errors.get(path).unwrap_or_else(|| panic!("{path} has no error"));
        assert!(may.contains(&code.as_str()), "{path}: {code}: {message}");
        let ours = matches!(code.as_str(), codes::EXTRACTION_FAILED | codes::EXTRACTION_TIMEOUT);
        assert_eq!(*error_type, if ours { ErrorType::Processing } else { ErrorType::Validation }, "{path}");
        assert!(message.len() > 20, "{path}: {message}");
        eprintln!("{path}: {code}: {message}");
    }
    assert_eq!((status.processed_files, status.failed_files), (1, all.len() as u64));
    assert_eq!(server.found(serde_json::json!({ "query": "good one" })), ["good.txt"]);
    let peak = peak(server.pid());
    eprintln!("{} files, the server's peak: {peak} MiB", all.len());
    assert!(peak < 1024, "{peak} MiB");
}

#[test]
fn a_reader_that_hangs_is_ended_and_one_that_dies_is_replaced() {
    let server = Server::with(&["--extract-seconds", "1"]);
    let batch = server.batch().id;
    server.upload(&batch, &[("first", b"first".to_vec())]);
    server.settled(&batch);
    let signal = |name: &str, pid: u32| {
        let status = std::process::Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
        assert!(status.success());
    };
    // It is stopped in its tracks: the next file waits in vain.
    let stopped = children(server.pid());
    stopped.iter().for_each(|pid| signal("-STOP", *pid));
    assert!(!stopped.is_empty());
    server.upload(&batch, &[("second", b"second".to_vec())]);
    assert_eq!(server.settled(&batch).failed_files, 1);
    let error = server.errors(&batch).remove(0);
    assert_eq!((error.error_type, error.code.as_str()), (ErrorType::Processing, codes::EXTRACTION_TIMEOUT));
    // It is gone before the next file comes: no fault of that file.
    server.upload(&batch, &[("third", b"third".to_vec())]);
    assert_eq!(server.settled(&batch).processed_files, 2);
    children(server.pid()).iter().for_each(|pid| signal("-KILL", *pid));
    server.upload(&batch, &[("fourth", b"fourth".to_vec())]);
    assert_eq!(server.settled(&batch).processed_files, 3);
    // Its bounds are its own.
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", children(server.pid())[0])).unwrap();
    assert!(
        limits.lines().any(|line| line.starts_with("Max address space") && line.contains(&(512u64 << 20).to_string()))
    );
}

/// A model that breaks of one text.
struct Breaking(Local);

impl Embedder for Breaking {
    fn model(&self) -> Model {
        self.0.model()
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vector>, EmbedError> {
        assert!(!texts.contains(&"poison"), "it breaks");
        self.0.embed(texts)
    }
}

#[test]
fn a_text_that_breaks_the_model_fails_alone_and_workers_live_on() {
    let server = Server::with(&["--workers", "0"]);
    let batch = server.batch().id;
    server.upload(&batch, &[("a", b"poison".to_vec()), ("b", b"a fast car".to_vec())]);
    let data = server.keep();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let records = Arc::new(Sqlite::open(&data.join("records.sqlite")).unwrap());
    let blocks = Arc::new(Files::open(&data.join("packs")).unwrap());
    let model = Embeddings::By(Arc::new(Breaking(Local::open(&model::small()).unwrap())));
    let wait = Duration::from_millis(1);
    let pipeline = Arc::new(Pipeline::new(records.clone(), records.clone(), blocks, model, wait));
    let program = env!("CARGO_BIN_EXE_cloudindex-server").into();
    let options = Options { workers: 1, program, limits: Limits { memory: 512 << 20, seconds: 20 } };
    let workers = runtime.block_on(pipeline.start(&options)).unwrap();
    let tenant = runtime.block_on(records.tenant("default")).unwrap();
    let status = || runtime.block_on(records.batch(tenant, &batch)).unwrap().unwrap().status;
    until(|| status().processed_files + status().failed_files == 2);
    assert_eq!((status().processed_files, status().failed_files), (1, 1));
    let page = Page { cursor: None, limit: 9 };
    let error = runtime.block_on(records.errors(tenant, &batch, page)).unwrap().unwrap().rows.remove(0);
    assert_eq!((error.error_type, error.code.as_str()), (ErrorType::System, codes::TEMPORARY_ERROR));
    pipeline.stop();
    runtime.block_on(workers.ended());
    std::fs::remove_dir_all(data).unwrap();
}

#[test]
fn where_a_server_keeps_what_it_lost_is_not_told() {
    let server = Server::with(&["--workers", "0"]);
    let batch = server.batch().id;
    server.upload(&batch, &[("a", b"words".to_vec())]);
    let data = server.keep();
    std::fs::remove_dir_all(data.join("packs")).unwrap();
    let server = Server::on(data, &["--retry-wait", "1"]);
    assert_eq!(server.settled(&batch).failed_files, 1);
    let error = server.errors(&batch).remove(0);
    assert_eq!((error.error_type, error.code.as_str()), (ErrorType::System, codes::TEMPORARY_ERROR));
    assert!(!error.message.contains("packs") && error.message.contains("storage"), "{}", error.message);
}
