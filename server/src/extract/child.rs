//! The process in which files are read: `cloudindex-server extract`. It takes requests on stdin and answers on stdout, one after
//! the other, until stdin ends. It binds itself: so much memory, so much time on a processor, and the lowest priority.
//! What goes over a bound, overflows the stack or breaks otherwise ends this process, and nothing else.
//!
//! A request is a length of four bytes, big-endian, so many bytes of JSON ([`Request`]), and the file. An answer is a length
//! and JSON: `Result<Extracted, Refusal>`.

use super::{Extracted, Refusal, Request, extract};
use cloudindex_wire::codes;
use std::fs::File;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the process may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of address space.
    pub memory: u64,
    /// Seconds a file.
    pub seconds: u64,
}

/// Bytes of a request's JSON: a path has 4,096 at most, and JSON at most six for one.
const MAX_HEAD: u32 = 1 << 16;

/// Serves until stdin ends.
pub fn run(limits: Limits) -> io::Result<()> {
    bind(limits)?;
    let mut answers = answers()?;
    let mut requests = io::stdin().lock();
    // What a reader of ours has to say when it breaks is told in the answer.
    std::panic::set_hook(Box::new(|_| {}));
    while let Some(head) = head(&mut requests)? {
        let request: Request<'_> = serde_json::from_slice(&head)?;
        renew(limits)?;
        let mut bytes = Vec::new();
        (&mut requests).take(request.size).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != request.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let answer = read(&request, bytes);
        let answer = serde_json::to_vec(&answer)?;
        let length = u32::try_from(answer.len()).map_err(io::Error::other)?;
        answers.write_all(&length.to_be_bytes())?;
        answers.write_all(&answer)?;
        answers.flush()?;
    }
    Ok(())
}

fn read(request: &Request<'_>, bytes: Vec<u8>) -> Result<Extracted, Refusal> {
    catch_unwind(AssertUnwindSafe(|| extract(request, bytes))).unwrap_or_else(|panic| {
        let says = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let says: String = says.unwrap_or("without a word").chars().take(200).collect();
        Err(Refusal::new(
            codes::EXTRACTION_FAILED,
            format!("its reader gave up ({says}); the file is damaged, or rare"),
        ))
    })
}

/// The JSON of the next request; `None` when no more come.
fn head(requests: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match requests.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_be_bytes(length);
    if length > MAX_HEAD {
        return Err(io::Error::other("a request is too long"));
    }
    let mut head = vec![0; length as usize];
    requests.read_exact(&mut head)?;
    Ok(Some(head))
}

/// Where answers go. Readers of files that print to stdout must not come between them.
#[cfg(unix)]
fn answers() -> io::Result<File> {
    let answers = rustix::io::dup(rustix::stdio::stdout())?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok(answers.into())
}

#[cfg(not(unix))]
fn answers() -> io::Result<io::Stdout> {
    Ok(io::stdout())
}

#[cfg(unix)]
fn bind(limits: Limits) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, nice, setrlimit};
    let most = |value| Rlimit { current: Some(value), maximum: Some(value) };
    setrlimit(Resource::As, most(limits.memory))?;
    // A crash of ours is no news, and its core would be as large as the limit.
    setrlimit(Resource::Core, most(0))?;
    // Whoever waits for an upload goes first. It is no fault if there is nothing lower.
    let _ = nice(19);
    Ok(())
}

/// Starts the time of one file. The server has a watch too; this one also runs when the server was killed.
#[cfg(unix)]
fn renew(limits: Limits) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use rustix::time::{ClockId, clock_gettime};
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec.unsigned_abs();
    let maximum = getrlimit(Resource::Cpu).maximum;
    let current = Some(used + limits.seconds + 1).map(|seconds| maximum.map_or(seconds, |most| seconds.min(most)));
    Ok(setrlimit(Resource::Cpu, Rlimit { current, maximum })?)
}

#[cfg(not(unix))]
fn bind(_: Limits) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn renew(_: Limits) -> io::Result<()> {
    Ok(())
}
