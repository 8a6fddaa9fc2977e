//! A real server process on a free port, and the least client that can talk to it.
#![allow(dead_code)] // Each test file uses its own part of this.

pub mod bad;
pub mod contract;
pub mod events;
pub mod files;
pub mod model;
pub mod receiver;
pub mod state;

use cloudindex_wire::{
    Batch, BatchError, BatchStatus, BundleReply, Digest, Document, DocumentEntry, DocumentPage, ErrorPage, Manifest,
    Problem, SearchReply,
};
use serde::de::DeserializeOwned;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub const KEY: &str = "test-key";
pub const BOUNDARY: &str = "----a-boundary";

/// A new empty directory.
pub fn directory() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("server-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

pub struct Server {
    child: Child,
    pub url: String,
    pub data: PathBuf,
    agent: ureq::Agent,
    key: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

/// A status, headers and body.
pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The problem of this status and code, or the test fails.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Problem {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem: Problem = self.json();
        assert_eq!((problem.status, &*problem.code), (status, code), "{}", problem.detail);
        problem
    }
}

impl Server {
    pub fn start() -> Server {
        Self::with(&[])
    }

    pub fn with(flags: &[&str]) -> Server {
        Self::on(directory(), flags)
    }

    /// On a directory that may hold data already, with a small model.
    pub fn on(data: PathBuf, flags: &[&str]) -> Server {
        let model = model::small();
        let given = flags.iter().any(|flag| flag.starts_with("--embeddings"));
        let flags = if given { flags.to_vec() } else { [&["--model", model.to_str().unwrap()], flags].concat() };
        Self::bare(data, &flags)
    }

    /// With these flags alone.
    pub fn bare(data: PathBuf, flags: &[&str]) -> Server {
        // Starts and stops are no news among tests.
        let quiet = ["--log-level", "warn"];
        let told = flags.contains(&quiet[0]);
        Self::launch(data, &[if told { &[] } else { &quiet[..] }, flags].concat(), Stdio::inherit())
    }

    /// With these flags, and what it logs in a file, which is told.
    pub fn logged(flags: &[&str]) -> (Server, PathBuf) {
        let log = directory().join("log");
        let model = model::small();
        let flags = [&["--model", model.to_str().unwrap()], flags].concat();
        let server = Self::launch(directory(), &flags, std::fs::File::create(&log).unwrap().into());
        (server, log)
    }

    fn launch(data: PathBuf, flags: &[&str], stderr: Stdio) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloudindex-server"));
        command.args(["--listen", "127.0.0.1:0", "--data"]).arg(&data).args([
            "--api-key",
            KEY,
            "--api-key",
            "other-key=other",
        ]);
        command.args(flags).env_remove("CLOUDINDEX_API_KEY").stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Server { child, url, data, agent, key: KEY.into() }
    }

    /// As `kill -9` does; then the same data again.
    pub fn kill_and_restart(self) -> Server {
        Self::on(self.keep(), &[])
    }

    /// Ends it as `kill -9` does, and keeps the data.
    pub fn keep(mut self) -> PathBuf {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::take(&mut self.data)
    }

    /// As `kill -9` does, while others still use it.
    pub fn kill(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn terminate(mut self) -> std::process::ExitStatus {
        self.signal("-TERM");
        self.child.wait().unwrap()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for its end; keeps the data.
    pub fn ended(mut self) -> (std::process::ExitStatus, PathBuf) {
        let status = self.child.wait().unwrap();
        (status, std::mem::take(&mut self.data))
    }

    /// This server, as the other tenant sees it.
    pub fn with_key<T>(&mut self, key: &str, work: impl FnOnce(&Server) -> T) -> T {
        let before = std::mem::replace(&mut self.key, key.into());
        let result = work(self);
        self.key = before;
        result
    }

    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.try_send(method, path, headers, body).unwrap()
    }

    /// An error: no answer came, or not the whole of one.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) && !self.key.is_empty() {
            request = request.header("Authorization", format!("Bearer {}", self.key));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = if body.is_empty() && method != "POST" {
            self.agent.run(request.body(()).unwrap())
        } else {
            self.agent.run(request.body(body).unwrap())
        };
        let (head, mut body) = response?.into_parts();
        let body = if method == "HEAD" { Vec::new() } else { body.with_config().limit(1 << 30).read_to_vec()? };
        let reply = Reply { status: head.status.as_u16(), headers: head.headers, body };
        if let Some(complaint) = contract::complaint(method, path, &reply) {
            panic!("not as described: {complaint}: {}", String::from_utf8_lossy(&reply.body));
        }
        Ok(reply)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &str) -> Reply {
        self.send("POST", path, &[("Content-Type", "application/json")], body.as_bytes())
    }

    pub fn batch(&self) -> Batch {
        self.batch_with("{}")
    }

    pub fn batch_with(&self, body: &str) -> Batch {
        let reply = self.post("/v1/batches", body);
        assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
        reply.json()
    }

    pub fn status(&self, batch: &str) -> Batch {
        self.get(&format!("/v1/batches/{batch}")).json()
    }

    /// How the batch stands once no document of it waits any more.
    pub fn settled(&self, batch: &str) -> BatchStatus {
        self.until(batch, |status| status.processed_files + status.failed_files == status.total_files)
    }

    /// How the batch stands once it is so, as its events tell.
    #[track_caller]
    pub fn until(&self, batch: &str, so: impl Fn(&BatchStatus) -> bool) -> BatchStatus {
        let mut events = self.events(batch, None);
        let told = events.by_ref().map(|event| event.report.batch.status).find(|status| so(status));
        told.unwrap_or_else(|| {
            panic!(
                "the events ended before that: {}",
                String::from_utf8_lossy(&self.get(&format!("/v1/batches/{batch}")).body)
            )
        })
    }

    /// All errors of a batch.
    pub fn errors(&self, batch: &str) -> Vec<BatchError> {
        self.get(&format!("/v1/batches/{batch}/errors?limit=5000")).json::<ErrorPage>().errors
    }

    /// All documents of a batch.
    pub fn documents(&self, batch: &str) -> Vec<Document> {
        self.get(&format!("/v1/batches/{batch}/documents?limit=5000")).json::<DocumentPage>().documents
    }

    /// Sends whole files.
    pub fn upload(&self, batch: &str, files: &[(&str, Vec<u8>)]) {
        let documents: Vec<_> = files
            .iter()
            .map(|(path, bytes)| DocumentEntry { media_type: String::new(), ..document(path, &[bytes]) })
            .collect();
        let blocks: Vec<&[u8]> = files.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        let reply = self.bundle(batch, &documents, &blocks);
        for ack in reply.documents {
            assert!(matches!(ack.outcome, cloudindex_wire::DocumentOutcome::Committed { .. }), "{ack:?}");
        }
    }

    #[track_caller]
    pub fn search(&self, query: serde_json::Value) -> SearchReply {
        let reply = self.post("/v1/search", &query.to_string());
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        reply.json()
    }

    /// The paths that a search finds, the best first.
    #[track_caller]
    pub fn found(&self, query: serde_json::Value) -> Vec<String> {
        self.search(query).results.into_iter().map(|hit| hit.path).collect()
    }

    pub fn bundle_reply(&self, batch: &str, documents: Option<&[DocumentEntry]>, blocks: &[&[u8]]) -> Reply {
        let call = if documents.is_some() { "documents" } else { "blocks" };
        let body = bundle(documents, blocks);
        self.send("POST", &format!("/v1/batches/{batch}/{call}"), &[("Content-Type", &multipart())], &body)
    }

    #[track_caller]
    pub fn bundle(&self, batch: &str, documents: &[DocumentEntry], blocks: &[&[u8]]) -> BundleReply {
        let reply = self.bundle_reply(batch, Some(documents), blocks);
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        reply.json()
    }

    pub fn content(&self, id: &str) -> Vec<u8> {
        let reply = self.get(&format!("/v1/documents/{id}/content"));
        assert_eq!(reply.status, 200);
        reply.body
    }
}

/// A figure of `/metrics`, asked for without a key.
pub fn figure(server: &Server, name: &str) -> u64 {
    let reply = server.send("GET", "/metrics", &[("Authorization", "none")], b"");
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let text = String::from_utf8(reply.body).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.parse().unwrap())
}

/// Waits for what a server does by itself.
#[track_caller]
pub fn until(so: impl Fn() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(60), "it did not come to that");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn multipart() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

pub fn name(block: &[u8]) -> Digest {
    Digest(*blake3::hash(block).as_bytes())
}

/// A document of these blocks.
pub fn document(path: &str, blocks: &[&[u8]]) -> DocumentEntry {
    DocumentEntry {
        path: path.into(),
        size: blocks.iter().map(|block| block.len() as u64).sum(),
        media_type: "text/plain".into(),
        last_modified: Some(1_700_000_000_000),
        metadata: None,
        blocks: blocks.iter().map(|block| (name(block), block.len() as u64)).collect(),
    }
}

pub fn part(body: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"blob\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n");
}

/// The body of a bundle.
pub fn bundle(documents: Option<&[DocumentEntry]>, blocks: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    if let Some(documents) = documents {
        part(&mut body, "manifest", &serde_json::to_vec(&Manifest { documents: documents.to_vec() }).unwrap());
    }
    for block in blocks {
        part(&mut body, &name(block).to_string(), block);
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// Bytes that no one else has: `length` of them, told by `seed`.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}
