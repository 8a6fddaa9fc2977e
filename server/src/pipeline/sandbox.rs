//! The server's side of [`crate::extract::child`]: starts the process, asks it, and ends it when it takes too long.

use crate::extract::child::Limits;
use crate::extract::{Extracted, Refusal, Request};
use crate::metrics::Counter;
use crate::source::Source;
use crate::store::StoreError;
use cloudindex_wire::codes;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Files that one process reads before it makes room for a fresh one: what its readers leak goes with it.
const FILES: u32 = 2000;
/// Bytes of an answer: the most text there is, every byte of it escaped.
const MAX_ANSWER: u32 = 128 << 20;

/// Why there is no text.
#[derive(Debug)]
pub enum Failure {
    /// It is the file's fault.
    Refused(Refusal),
    /// It is ours; another attempt may do.
    Ours(String),
}

/// A process that reads files, started when it is needed.
pub struct Sandbox {
    program: PathBuf,
    limits: Limits,
    /// Processes that were started.
    started: Arc<Counter>,
    process: Option<Process>,
}

struct Process {
    // Killed when it is dropped.
    child: Child,
    requests: ChildStdin,
    answers: ChildStdout,
    files: u32,
}

/// How an exchange with the process went wrong.
enum Broken {
    /// The process ended, or said what it never says.
    Child(io::Error),
    /// The file's bytes could not be had.
    Store(StoreError),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Broken::Child(error)
    }
}

impl Sandbox {
    /// `program` is this server's own.
    pub fn new(program: PathBuf, limits: Limits, started: Arc<Counter>) -> Self {
        Sandbox { program, limits, started, process: None }
    }

    /// The text of the file that `open` gives the bytes of.
    pub async fn extract(&mut self, request: &Request<'_>, open: impl Fn() -> Source) -> Result<Extracted, Failure> {
        // A process that read other files before may have died of them: only a fresh one tells of this file.
        loop {
            let mut process = match self.process.take() {
                Some(process) => process,
                None => self.start().map_err(|error| Failure::Ours(format!("{}: {error}", self.program.display())))?,
            };
            let fresh = process.files == 0;
            // Twice what it may work: the machine is busy with others too.
            let patience = Duration::from_secs(self.limits.seconds * 2);
            match tokio::time::timeout(patience, process.ask(request, open())).await {
                Ok(Ok(answer)) => {
                    self.process = Some(process).filter(|process| process.files < FILES);
                    return answer.map_err(Failure::Refused);
                }
                Ok(Err(Broken::Store(error))) => return Err(Failure::Ours(error.to_string())),
                Ok(Err(Broken::Child(_))) if !fresh => {}
                Ok(Err(Broken::Child(error))) => return Err(self.blame(process, &error).await),
                Err(_) => return Err(Failure::Refused(self.too_slow())),
            }
        }
    }

    /// Ends the process; the next file starts one.
    pub fn rest(&mut self) {
        self.process = None;
    }

    fn start(&self) -> io::Result<Process> {
        let Limits { memory, seconds } = self.limits;
        let mut child = Command::new(&self.program)
            .args(["extract", &memory.to_string(), &seconds.to_string()])
            // Nothing of the server's environment is any business of a file's reader; it may hold keys.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        self.started.add(1);
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a process without pipes"));
        };
        Ok(Process { child, requests, answers, files: 0 })
    }

    /// Tells what a process died of.
    async fn blame(&self, mut process: Process, error: &io::Error) -> Failure {
        // It is dead or dying: it closed its end.
        let status = tokio::time::timeout(Duration::from_secs(2), process.child.wait()).await;
        #[cfg(unix)]
        if let Ok(Ok(status)) = &status {
            use rustix::process::Signal;
            use std::os::unix::process::ExitStatusExt;
            match status.signal() {
                Some(signal) if signal == Signal::XCPU.as_raw() => return Failure::Refused(self.too_slow()),
                // An operator or the system took it; the file may be innocent.
                Some(signal) if signal == Signal::TERM.as_raw() || signal == Signal::INT.as_raw() => {
                    return Failure::Ours("the process that reads files was stopped".into());
                }
                Some(_) => {}
                None => return Failure::Ours(format!("the process that reads files ended ({status}): {error}")),
            }
        }
        let detail = format!(
            "its reader broke, or needed more than {} MiB of memory; split the file, or save it anew",
            self.limits.memory >> 20
        );
        Failure::Refused(Refusal::new(codes::EXTRACTION_FAILED, detail))
    }

    fn too_slow(&self) -> Refusal {
        let detail = format!("it could not be read within {} seconds; split it, or save it anew", self.limits.seconds);
        Refusal::new(codes::EXTRACTION_TIMEOUT, detail)
    }
}

impl Process {
    async fn ask(&mut self, request: &Request<'_>, mut source: Source) -> Result<Result<Extracted, Refusal>, Broken> {
        let head = serde_json::to_vec(request).map_err(io::Error::from)?;
        self.requests.write_all(&(head.len() as u32).to_be_bytes()).await?;
        self.requests.write_all(&head).await?;
        while let Some(bytes) = source.next().await.map_err(Broken::Store)? {
            self.requests.write_all(&bytes).await?;
        }
        self.requests.flush().await?;
        let length = self.answers.read_u32().await?;
        if length > MAX_ANSWER {
            return Err(io::Error::other("an answer is too long").into());
        }
        let mut answer = vec![0; length as usize];
        self.answers.read_exact(&mut answer).await?;
        self.files += 1;
        Ok(serde_json::from_slice(&answer).map_err(io::Error::from)?)
    }
}
