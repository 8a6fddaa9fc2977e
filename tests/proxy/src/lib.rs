//! A proxy for HTTP/1.1 that breaks requests by rule. A rule names requests by method, path, size and occurrence, and says
//! what becomes of them. Chance comes from a seed, so a scenario can be had again.
//!
//! | module | holds |
//! | --- | --- |
//! | [`rules`] | what is written in JSON: faults, which requests they strike |
//! | [`state`] | what all connections share: target, rules with their counts, figures, the link |
//! | [`pace`] | bytes per second |
//! | [`http`] | heads and bodies of HTTP/1.1, as much as a proxy needs |
//! | [`proxy`] | one exchange after another between browser and server, and their faults |
//! | [`control`] | the port by which a scenario changes rules and reads figures |

mod control;
mod http;
mod pace;
mod proxy;
pub mod rules;
mod state;

use rules::Setup;
use state::State;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How a proxy is started.
pub struct Options {
    pub target: SocketAddr,
    pub listen: SocketAddr,
    pub control: SocketAddr,
    /// What chance is made from.
    pub seed: u64,
    /// Globs over `METHOD /path` that requests are counted by; the first that fits counts.
    pub routes: Vec<String>,
    pub setup: Setup,
}

/// A proxy that listens. It runs until the runtime ends.
pub struct Proxy {
    pub address: SocketAddr,
    pub control: SocketAddr,
}

impl Proxy {
    pub async fn start(options: Options) -> io::Result<Self> {
        // A small buffer: what has been taken from the browser is then nearly what has gone on.
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_recv_buffer_size(256 * 1024)?;
        socket.bind(options.listen)?;
        let listener = socket.listen(1024)?;
        let control = TcpListener::bind(options.control).await?;
        let proxy = Proxy { address: listener.local_addr()?, control: control.local_addr()? };
        let state = Arc::new(State::new(options.target, options.seed, options.routes, options.setup));
        tokio::spawn(accept(listener, state.clone(), proxy::serve));
        tokio::spawn(accept(control, state, control::serve));
        Ok(proxy)
    }
}

async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    state: Arc<State>,
    serve: fn(TcpStream, Arc<State>) -> F,
) {
    loop {
        // An error is that of one connection, or of a lack of sockets that will pass.
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, state.clone()))),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}
