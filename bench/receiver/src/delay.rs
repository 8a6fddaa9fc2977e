//! A round trip for a link that has none: what is read is written half a round trip later, each way, and a new connection
//! costs the whole round trip of its handshake before its first byte is under way. Rates are not limited.

use crate::Failure;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// What may be under way on one connection, each way: PIECES of PIECE bytes are 16 MiB, 320 MB/s at 100 ms.
const PIECE: usize = 256 * 1024;
const PIECES: usize = 64;

pub async fn serve(listener: TcpListener, to: SocketAddr, milliseconds: f64) -> Result<(), Failure> {
    let round_trip = Duration::from_secs_f64(milliseconds / 1000.0);
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(async move {
            let open = Instant::now() + round_trip;
            // A server that is gone: the client's connection ends too, and that tells it.
            let Ok(server) = TcpStream::connect(to).await else { return };
            let _ = client.set_nodelay(true);
            let _ = server.set_nodelay(true);
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(pass(from_client, to_server, open, round_trip / 2));
            tokio::spawn(pass(from_server, to_client, open, round_trip / 2));
        });
    }
}

/// One way of a connection. Its end is told as late as its bytes, by the dropped halves.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, open: Instant, delay: Duration) {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    tokio::spawn(async move {
        while let Some((due, bytes)) = pieces.recv().await {
            sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    });
    let mut buffer = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let due = Instant::now().max(open) + delay;
        if sender.send((due, buffer[..length].to_vec())).await.is_err() {
            return;
        }
    }
}
