//! `cloudindex-fault-proxy --target 127.0.0.1:8080 [--seed N] [--setup JSON] [--listen ADDR] [--control ADDR] [--route GLOB]…`
//!
//! Prints `proxy on http://ADDR, control on http://ADDR` when it is ready; see the library for the rest.

use cloudindex_fault_proxy::rules::Setup;
use cloudindex_fault_proxy::{Options, Proxy};
use lexopt::{Arg, Parser, ValueExt};
use std::error::Error;
use std::io::Read;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let proxy = Proxy::start(options()?).await?;
    println!("proxy on http://{}, control on http://{}", proxy.address, proxy.control);
    // It ends with who started it, however that ends: stdin then closes.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut target = None;
    let (mut listen, mut control) = ("127.0.0.1:0".parse()?, "127.0.0.1:0".parse()?);
    let (mut seed, mut setup, mut routes) = (1, Setup::default(), Vec::new());
    let mut parser = Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("target") => target = Some(parser.value()?.parse()?),
            Arg::Long("listen") => listen = parser.value()?.parse()?,
            Arg::Long("control") => control = parser.value()?.parse()?,
            Arg::Long("seed") => seed = parser.value()?.parse()?,
            Arg::Long("setup") => setup = serde_json::from_str(&parser.value()?.string()?)?,
            Arg::Long("route") => routes.push(parser.value()?.string()?),
            _ => return Err(arg.unexpected().into()),
        }
    }
    if routes.is_empty() {
        routes = ["POST */documents", "POST */blocks", "POST */batches"].map(str::to_owned).to_vec();
    }
    Ok(Options { target: target.ok_or("--target is missing")?, listen, control, seed, routes, setup })
}
