//! Starts the server: flags, data directory, socket, graceful stop.

mod args;

use args::{Args, Command};
use axum::serve::ListenerExt;
use cloudindex_server::auth::{self, KeyOption};
use cloudindex_server::embed::http::{Http, Provider};
use cloudindex_server::embed::local::Local;
use cloudindex_server::metrics::Metrics;
use cloudindex_server::pipeline::{Embeddings, Options, Pipeline};
use cloudindex_server::store::{self, Doubtful, files::Files, sqlite::Sqlite};
use cloudindex_server::tokens::Tokens;
use cloudindex_server::upkeep::{Keeper, collect::Collector};
use cloudindex_server::webhooks::Courier;
use cloudindex_server::{Page, State, app, backup, extract};
use cloudindex_wire::Caps;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How to get a model, for those who have none.
const GET_MODEL: &str = "get one with: node scripts/model.mjs DIR";

/// How long requests under way may go on after a signal to stop.
const GRACE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let environment = args::Environment {
        keys: std::env::var("CLOUDINDEX_API_KEYS").ok(),
        embeddings_key: std::env::var("CLOUDINDEX_EMBEDDINGS_KEY").ok(),
    };
    let parsed = args::parse(std::env::args_os().skip(1), environment);
    let args = match parsed {
        Ok(Command::Serve(args)) => *args,
        Ok(Command::Extract(limits)) => {
            return match extract::child::run(limits) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error.to_string()),
            };
        }
        Ok(Command::Backup { data, to }) => return back_up(&data, &to),
        Ok(Command::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("cloudindex-server: {error}");
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    let result = runtime.block_on(serve(args));
    runtime.shutdown_timeout(Duration::from_secs(2));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &str) -> ExitCode {
    eprintln!("cloudindex-server: {error}");
    ExitCode::FAILURE
}

fn back_up(data: &Path, to: &Path) -> ExitCode {
    let report = match backup::run(data, to) {
        Ok(report) => report,
        Err(error) => return failed(&error),
    };
    let backup::Report { documents, packs, bytes, linked, lost } = report;
    println!("{documents} documents, and {packs} packs of {bytes} bytes ({linked} linked), are in {}", to.display());
    match lost.is_empty() {
        true => ExitCode::SUCCESS,
        false => failed(&format!("packs are missing, and with them what lay there: {}", lost.join(", "))),
    }
}

async fn serve(args: Args) -> Result<(), String> {
    let at_data = |error: &dyn std::fmt::Display| format!("--data {}: {error}", args.data.display());
    fs::create_dir_all(&args.data).map_err(|error| at_data(&error))?;
    // Held until the process ends: two servers on one directory would take each other's packs for garbage.
    let lock = File::create(args.data.join("lock")).map_err(|error| at_data(&error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(at_data(&"another server uses this directory")),
        Err(TryLockError::Error(error)) => return Err(at_data(&error)),
    }
    let records =
        Sqlite::keeping(&args.data.join("records.sqlite"), args.upkeep.keep).map_err(|error| at_data(&error))?;
    let blocks = Files::open(&args.data.join("packs")).map_err(|error| at_data(&error))?;
    let swept = store::sweep(&records, &blocks).await.map_err(|error| at_data(&error))?;
    if swept > 0 {
        eprintln!("cloudindex-server: removed {swept} packs that a crash left behind");
    }
    let mut keys = args.keys;
    if keys.is_empty() {
        let key = auth::kept(&args.data, "api-key", "ck_").map_err(|error| at_data(&error))?;
        eprintln!("cloudindex-server: the API key is {key}");
        keys.push(KeyOption { key, tenant: "default".into() });
    }
    let token_key = auth::kept(&args.data, "token-key", "tk_").map_err(|error| at_data(&error))?;
    if let Some(directory) = args.page.as_ref().filter(|directory| !directory.is_dir()) {
        return Err(format!("--page {}: there is no such directory", directory.display()));
    }
    let embeddings = embeddings(&args.data, args.model, args.provider)?;
    let (records, blocks) = (Arc::new(records), Arc::new(blocks));
    let pipeline =
        Arc::new(Pipeline::new(records.clone(), records.clone(), blocks.clone(), embeddings, args.retry_wait));
    if let Some(lacks) = pipeline.lacks() {
        eprintln!("cloudindex-server: documents are stored, but not processed: {lacks}");
    }
    // On Linux by the name that stays, whatever an upgrade puts in the place of the file.
    let program = match cfg!(target_os = "linux") {
        true => PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe().map_err(|error| error.to_string())?,
    };
    let options = Options { workers: args.workers, program, limits: args.limits };
    pipeline.start(&options).await.map_err(|error| at_data(&error))?;
    let metrics: Arc<Metrics> = Arc::default();
    let courier = Courier::new(records.clone(), pipeline.clone(), metrics.clone(), args.webhooks);
    tokio::spawn(Arc::new(courier).run());
    let doubtful: Arc<Doubtful> = Arc::default();
    let keep = i64::try_from(args.upkeep.keep.as_millis()).unwrap_or(i64::MAX);
    let collector =
        Collector::new(records.clone(), records.clone(), blocks.clone(), doubtful.clone(), metrics.clone(), keep);
    let (upkeep, every) = (records.clone(), args.upkeep.every);
    tokio::spawn(Keeper { collector, upkeep, pipeline: pipeline.clone(), every }.run());
    let page_key = keys.first().filter(|_| args.listen.ip().is_loopback()).map(|option| Arc::from(option.key.as_str()));
    let state = State {
        keys: Arc::new(auth::resolve(&*records, &keys).await.map_err(|error| at_data(&error))?),
        tokens: Arc::new(Tokens::new(&token_key)),
        jobs: records.clone(),
        deliveries: records.clone(),
        targets: args.webhooks.targets,
        records,
        pipeline: pipeline.clone(),
        blocks,
        doubtful,
        caps: Arc::new(Caps {
            bundle_bytes: args.max_bundle_bytes,
            block_bytes: args.max_block_bytes,
            bundle_documents: args.max_documents,
            encodings: vec!["gzip".into()],
            digest: "blake3".into(),
        }),
        origins: args.origins.into(),
        page: args.page.map(|directory| Page { directory, key: page_key }),
        metrics,
    };
    let at_listen = |error: std::io::Error| format!("--listen {}: {error}", args.listen);
    let listener = tokio::net::TcpListener::bind(args.listen).await.map_err(at_listen)?;
    let address = listener.local_addr().map_err(at_listen)?;
    // From here on a signal stops gracefully, so whoever reads the line may send one.
    let signals = Signals::new().map_err(|error| error.to_string())?;
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "listening on http://{address}").and_then(|()| stdout.flush());
    let listener = listener.tap_io(|socket| {
        let _ = socket.set_nodelay(true);
    });
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(listener, app(state)).with_graceful_shutdown(async move {
        signals.wait().await;
        pipeline.stop();
        let _ = stop.send(());
    });
    let mut serving = std::pin::pin!(serving.into_future());
    let late = async {
        let _ = stopped.await;
        tokio::time::sleep(GRACE).await;
    };
    let mut late = std::pin::pin!(late);
    std::future::poll_fn(|context| {
        use std::task::Poll;
        if let Poll::Ready(result) = serving.as_mut().poll(context) {
            return Poll::Ready(result.map_err(|error| error.to_string()));
        }
        // What was not acknowledged by now is sent again after the restart.
        late.as_mut().poll(context).map(Ok)
    })
    .await
}

/// Where vectors come from: a provider, or the model on the disk, or nowhere, which is no reason not to start.
fn embeddings(data: &Path, model: Option<PathBuf>, provider: Option<Provider>) -> Result<Embeddings, String> {
    if let Some(provider) = provider {
        return Ok(Embeddings::By(Arc::new(Http::new(provider))));
    }
    let asked = model.is_some();
    let directory = model.unwrap_or_else(|| data.join("model"));
    match directory.is_dir() {
        true => match Local::open(&directory) {
            Ok(local) => Ok(Embeddings::By(Arc::new(local))),
            Err(error) => Err(format!("--model {error}")),
        },
        false if asked => Err(format!("--model {}: there is no such directory; {GET_MODEL}", directory.display())),
        false => {
            let what = format!(
                "there is no embedding model in {}; {GET_MODEL}, then start the server again",
                directory.display()
            );
            Ok(Embeddings::Missing(what.into()))
        }
    }
}

/// SIGINT and SIGTERM, or what the system has.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(unix)]
    async fn wait(mut self) {
        std::future::poll_fn(|context| {
            let stop = self.interrupt.poll_recv(context).is_ready() || self.terminate.poll_recv(context).is_ready();
            if stop { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Signals {})
    }

    #[cfg(not(unix))]
    async fn wait(self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
