//! Starts the server: flags, data directory, socket, graceful stop.

mod config;
mod log;

use axum::serve::ListenerExt;
use cloudindex_server::auth::{self, Keys};
use cloudindex_server::embed::http::{Http, Provider};
use cloudindex_server::embed::local::Local;
use cloudindex_server::extract::child::Limits;
use cloudindex_server::metrics::Metrics;
use cloudindex_server::pipeline::{Embeddings, Options, Pipeline};
use cloudindex_server::store::{self, Doubtful, Records, StoreError, files::Files, sqlite::Sqlite};
use cloudindex_server::throttle::Throttle;
use cloudindex_server::tokens::Tokens;
use cloudindex_server::upkeep::{Keeper, collect::Collector};
use cloudindex_server::webhooks::{self, Courier, target::Targets};
use cloudindex_server::{Page, State, app, backup, extract};
use cloudindex_wire::Caps;
use config::{Command, Config, Settings, Tenant, Terms};
use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How to get a model, for those who have none.
const GET_MODEL: &str = "get one with: node scripts/model.mjs DIR";

fn main() -> ExitCode {
    let config = match config::read(std::env::args_os()) {
        Ok(Command::Serve(config)) => *config,
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
    log::begin(&config.settings);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(error = %error, "the server cannot start");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(serve(config));
    runtime.shutdown_timeout(Duration::from_secs(2));
    match result {
        Ok(()) => {
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(error, "the server ends");
            ExitCode::FAILURE
        }
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

async fn serve(config: Config) -> Result<(), String> {
    let Config { settings, mut tenants, provider } = config;
    let at_data = |error: &dyn std::fmt::Display| format!("--data {}: {error}", settings.data.display());
    fs::create_dir_all(&settings.data).map_err(|error| at_data(&error))?;
    // Held until the process ends: two servers on one directory would take each other's packs for garbage.
    let lock = File::create(settings.data.join("lock")).map_err(|error| at_data(&error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(at_data(&"another server uses this directory")),
        Err(TryLockError::Error(error)) => return Err(at_data(&error)),
    }
    let keep = Duration::from_secs(settings.collect_after);
    let records = Sqlite::keeping(&settings.data.join("records.sqlite"), keep).map_err(|error| at_data(&error))?;
    let blocks = Files::open(&settings.data.join("packs")).map_err(|error| at_data(&error))?;
    let swept = store::sweep(&records, &blocks).await.map_err(|error| at_data(&error))?;
    if swept > 0 {
        tracing::info!(packs = swept, "removed packs that a crash left behind");
    }
    if tenants.iter().all(|tenant| tenant.keys.is_empty()) {
        let key = auth::kept(&settings.data, "api-key", "ck_").map_err(|error| at_data(&error))?;
        // The key itself is not logged: logs are read by many.
        tracing::info!(file = %settings.data.join("api-key").display(), "the API key is kept in a file");
        config::add(&mut tenants, "default", key, Terms::usual(&settings));
    }
    let token_key = auth::kept(&settings.data, "token-key", "tk_").map_err(|error| at_data(&error))?;
    if let Some(directory) = settings.page.as_ref().filter(|directory| !directory.is_dir()) {
        return Err(format!("--page {}: there is no such directory", directory.display()));
    }
    let embeddings = embeddings(&settings.data, settings.model.clone(), provider)?;
    let (records, blocks) = (Arc::new(records), Arc::new(blocks));
    let retry_wait = Duration::from_millis(settings.retry_wait);
    let pipeline = Arc::new(Pipeline::new(records.clone(), records.clone(), blocks.clone(), embeddings, retry_wait));
    if let Some(lacks) = pipeline.lacks() {
        tracing::warn!(lacks, "documents are stored, but not processed");
    }
    // On Linux by the name that stays, whatever an upgrade puts in the place of the file.
    let program = match cfg!(target_os = "linux") {
        true => PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe().map_err(|error| error.to_string())?,
    };
    let limits = Limits { memory: settings.extract_memory.saturating_mul(1 << 20), seconds: settings.extract_seconds };
    let options = Options { workers: workers(&settings), program, limits };
    let workers = pipeline.start(&options).await.map_err(|error| at_data(&error))?;
    let metrics: Arc<Metrics> = Arc::default();
    let targets = if settings.allow_private_webhooks { Targets::All } else { Targets::Public };
    let webhooks = webhooks::Options { targets, wait: Duration::from_millis(settings.webhook_wait) };
    let courier = Courier::new(records.clone(), pipeline.clone(), metrics.clone(), webhooks);
    tokio::spawn(Arc::new(courier).run());
    let doubtful: Arc<Doubtful> = Arc::default();
    let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
    let collector =
        Collector::new(records.clone(), records.clone(), blocks.clone(), doubtful.clone(), metrics.clone(), keep);
    let (upkeep, every) = (records.clone(), Duration::from_secs(settings.collect_every));
    tokio::spawn(Keeper { collector, upkeep, pipeline: pipeline.clone(), every }.run());
    let first_key = settings.api_key.first().map(|option| &option.key);
    let first_key = first_key.or_else(|| tenants.iter().flat_map(|tenant| &tenant.keys).next());
    let page_key = first_key.filter(|_| settings.listen.ip().is_loopback()).map(|key| Arc::from(key.as_str()));
    let (keys, throttle) = admit(&*records, &tenants, &settings).await.map_err(|error| at_data(&error))?;
    let state = State {
        keys: Arc::new(keys),
        throttle: Arc::new(throttle),
        tokens: Arc::new(Tokens::new(&token_key)),
        jobs: records.clone(),
        deliveries: records.clone(),
        targets,
        records,
        pipeline: pipeline.clone(),
        blocks,
        doubtful,
        caps: Arc::new(Caps {
            bundle_bytes: settings.max_bundle_bytes,
            block_bytes: settings.max_block_bytes,
            bundle_documents: settings.max_documents,
            encodings: vec!["gzip".into()],
            digest: "blake3".into(),
        }),
        origins: settings.allow_origin.into(),
        page: settings.page.map(|directory| Page { directory, key: page_key }),
        metrics,
    };
    let at_listen = |error: std::io::Error| format!("--listen {}: {error}", settings.listen);
    let listener = tokio::net::TcpListener::bind(settings.listen).await.map_err(at_listen)?;
    let address = listener.local_addr().map_err(at_listen)?;
    // From here on a signal stops gracefully, so whoever reads the line may send one.
    let signals = Signals::new().map_err(|error| error.to_string())?;
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "listening on http://{address}").and_then(|()| stdout.flush());
    tracing::info!(%address, data = %settings.data.display(), version = env!("CARGO_PKG_VERSION"), "started");
    let listener = listener.tap_io(|socket| {
        let _ = socket.set_nodelay(true);
    });
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let app = app(state).into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, app).with_graceful_shutdown(async move {
        signals.wait().await;
        tracing::info!("stopping: requests under way are answered");
        pipeline.stop();
        let _ = stop.send(());
    });
    let serving = async {
        let served = serving.await;
        workers.ended().await;
        served
    };
    let mut serving = std::pin::pin!(serving);
    let grace = Duration::from_secs(settings.stop_grace);
    let late = async {
        let _ = stopped.await;
        tokio::time::sleep(grace).await;
    };
    let mut late = std::pin::pin!(late);
    std::future::poll_fn(|context| {
        use std::task::Poll;
        if let Poll::Ready(result) = serving.as_mut().poll(context) {
            return Poll::Ready(result.map_err(|error| error.to_string()));
        }
        // What was not acknowledged by now is sent again after the restart.
        late.as_mut().poll(context).map(|()| {
            tracing::warn!("what was still under way is given up");
            Ok(())
        })
    })
    .await
}

/// Makes tenants known, with their keys and on their terms.
async fn admit(records: &dyn Records, tenants: &[Tenant], settings: &Settings) -> Result<(Keys, Throttle), StoreError> {
    let (mut keys, mut allowances) = (Keys::default(), HashMap::new());
    for Tenant { name, keys: own, terms } in tenants {
        let tenant = records.tenant(name).await?;
        records.set_quota(tenant, terms.quota).await?;
        own.iter().for_each(|key| keys.allow(key, tenant, name));
        allowances.insert(tenant, terms.allowances);
    }
    Ok((keys, Throttle::new(allowances, settings.unknown_key_limit)))
}

/// How many documents are processed at once.
fn workers(settings: &Settings) -> usize {
    let usual = || std::thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).clamp(1, 4));
    settings.workers.map_or_else(usual, usize::from)
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
