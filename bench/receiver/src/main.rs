//! The bench's native half.
//!
//! | command | does |
//! | --- | --- |
//! | `receive DIR` | takes uploads over HTTP in the peers' protocols ([`routes`], [`tus`]) and keeps them in DIR |
//! | `delay ADDR MS` | a TCP proxy to ADDR with a round trip of MS ([`delay`]) |
//! | `digests DIR` | BLAKE3, size and name of every file under DIR ([`digests`]) |
//! | `blocks` | are files made of these blocks? ([`digests`]) |
//!
//! What listens prints `listening on http://ADDR` when it is ready, as the reference server does.

mod delay;
mod digests;
mod routes;
mod store;
mod tus;

use lexopt::prelude::*;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

enum Command {
    Receive(PathBuf),
    Delay(SocketAddr, f64),
    Digests(PathBuf),
    Blocks,
}

fn main() -> ExitCode {
    match parse().map_err(Failure::from).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-receiver: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Command, lexopt::Error> {
    let mut args = lexopt::Parser::from_env();
    let command = args.value()?.string()?;
    let command = match command.as_str() {
        "receive" => Command::Receive(args.value()?.into()),
        "delay" => Command::Delay(args.value()?.parse()?, args.value()?.parse()?),
        "digests" => Command::Digests(args.value()?.into()),
        "blocks" => Command::Blocks,
        other => return Err(format!("no such command: {other}").into()),
    };
    match args.next()? {
        None => Ok(command),
        Some(more) => Err(more.unexpected()),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Digests(directory) => return digests::print(&directory),
        Command::Blocks => return digests::check_blocks(),
        Command::Receive(_) | Command::Delay(..) => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut stdout = std::io::stdout();
        writeln!(stdout, "listening on http://{}", listener.local_addr()?)?;
        stdout.flush()?;
        match command {
            Command::Receive(directory) => routes::serve(listener, directory).await,
            Command::Delay(to, milliseconds) => delay::serve(listener, to, milliseconds).await,
            Command::Digests(_) | Command::Blocks => unreachable!("done above"),
        }
    })
}
