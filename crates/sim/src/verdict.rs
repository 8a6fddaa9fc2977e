//! What must hold in the end: the page's story and the server's are one, and every failure has a cause.

use crate::check::FileView;
use crate::journal::Hold;
use crate::network::Fault;
use crate::scenario::{Doing, Mood};
use crate::server::Document;
use crate::sources::{Change, Source, Trouble};
use crate::thrift::{kept, most_batches, thrifty};
use crate::world::World;
use cloudindex_engine::config::Tracking;
use cloudindex_engine::error::codes;
use cloudindex_engine::{FileId, FileState};

/// The page has come to rest: looks at everything once more.
pub fn judge(world: &mut World<'_>) {
    if world.check.broken.is_none()
        && let Err(words) = ended(world)
            .and_then(|()| agreed(world))
            .and_then(|()| kept(world))
            .and_then(|()| thrifty(world))
            .and_then(|()| finished(world))
    {
        world.check.fail(words);
    }
}

/// Everything came to rest, in time, and nothing was left behind.
fn ended(world: &World<'_>) -> Result<(), String> {
    let (check, scenario) = (&world.check, world.scenario);
    let must = |holds: bool, words: &str| if holds { Ok(()) } else { Err(words.to_owned()) };
    must(check.is_over(), &format!("nothing more happens, and the phase is {:?}", check.phase))?;
    must(world.shell.has_walked() || world.has_done(&Doing::Cancel), "it is over, and the walk was never let go on")?;
    if let Some(id) = check.files.iter().position(|file| !file.state.is_final()) {
        return Err(format!("it is over, and file {id} is {:?}", check.files[id].state));
    }
    if let Some(call) = world.calls.iter().position(|answers| *answers != 1) {
        return Err(format!("call {call} was answered {} times", world.calls[call]));
    }
    must(world.folders == 0, &format!("the walk has never heard of {} folders", world.folders))?;
    must(
        matches!(world.journal.hold, Hold::Free | Hold::Lost),
        &format!("it is over, and the journal is {:?}", world.journal.hold),
    )?;
    must(world.gate.live.is_empty(), "it is over, and a request is in flight")?;
    must(world.shell.stored() == 0, &format!("{} bytes were never forgotten", world.shell.stored()))?;
    must(world.shell.open_streams() == 0, "a stream was never closed")?;
    if let Some(group) = check.open_group() {
        return Err(format!("group {group} was never complete"));
    }
    let full = check.files.is_empty() || check.progress.percent == 100.0;
    must(full, &format!("it is over at {} percent", check.progress.percent))?;
    let retries = scenario.user.iter().filter(|(_, doing)| matches!(doing, Doing::Retry(_))).count();
    let batches = world.server.keys.len();
    must(batches <= most_batches(world) + retries, &format!("{batches} batches were created"))?;
    let late = world.over_at.unwrap_or(0).saturating_sub(patience(world));
    must(late == 0, &format!("it ended {late} ms after all patience was over"))
}

/// When everything must have ended, whatever the server does.
fn patience(world: &World<'_>) -> u64 {
    let (scenario, config) = (world.scenario, &world.scenario.config);
    if scenario.mood != Mood::Dead {
        return u64::MAX;
    }
    let attempts = u64::from(config.attempts) * (2 * config.network_timeout + config.backoff_max);
    let sleep = 3 * scenario.shell.late.1;
    let late_walk = 10_000 + scenario.sources.len() as u64 * 200;
    scenario.settled().max(200_000).max(world.opened_at + 60_000)
        + 2 * config.patience
        + 2 * attempts
        + sleep
        + 2 * late_walk
        + 120_000
}

/// Page and server tell the same of every file.
fn agreed(world: &World<'_>) -> Result<(), String> {
    for (id, file) in world.check.files.iter().enumerate() {
        let path = &world.scenario.sources[file.source].found.path;
        let told = || {
            let code = file.error.as_ref().map(|error| error.to_owned());
            format!("file {id} {path:?} is told {:?} {code:?}", file.state)
        };
        match file.state {
            FileState::Committed | FileState::Duplicate => {
                stored(world, file).map_err(|words| format!("{}: {words}", told()))?
            }
            FileState::Cancelled => {
                let asked = world.has_done(&Doing::Cancel) || world.has_done(&Doing::Remove(id as FileId));
                if !asked {
                    return Err(format!("{}: nobody asked for that", told()));
                }
            }
            // An ack names a path: with two files of one path it may be the other's.
            _ if file.acked && !file.back_again && twins(world, path) == 1 && !may_come_late(file) => {
                return Err(format!("{}, and its ack had come", told()));
            }
            _ if !has_cause(world, file) => return Err(format!("{}: without a cause", told())),
            _ if must_arrive(world, id) => return Err(format!("{}: nothing was in its way", told())),
            FileState::Rejected if sent(world, path) => {
                return Err(format!("{}: it is on the server all the same", told()));
            }
            _ => {}
        }
        if file.state.is_stored() && file.group.is_none() {
            return Err(format!("{}: it was in no group", told()));
        }
    }
    Ok(())
}

/// The document that the page was told of is there, with the file's bytes.
fn stored(world: &World<'_>, file: &FileView) -> Result<(), String> {
    let source = &world.scenario.sources[file.source];
    let documents =
        |batch: &'_ crate::server::Batch| batch.documents.get(&source.found.path).map(|found| found.id.clone());
    let batch = world.server.batches.values().find(|batch| documents(batch) == file.document);
    let document: &Document =
        batch.and_then(|batch| batch.documents.get(&source.found.path)).ok_or("no batch has it")?;
    let content = world.server.content(document).ok_or("the server lacks blocks of it")?;
    let known = source.versions_since(world.opened_at);
    let twins = twins(world, &source.found.path);
    // A request of a page long gone may come at last: nothing in the protocol tells it from a new one.
    if known.contains(&content) || twins > 1 || document.late {
        Ok(())
    } else {
        Err("the server has other bytes".into())
    }
}

/// The server has a document of this path that came by this upload, and no other file of the path explains it.
fn sent(world: &World<'_>, path: &str) -> bool {
    let mut batches = world.server.batches.values();
    // What was sent once may be refused when it is tried again, because others took its place under a limit.
    let retried = world.done.iter().any(|doing| matches!(doing, Doing::Retry(_)));
    !retried
        && twins(world, path) == 1
        && batches.any(|batch| batch.documents.get(path).is_some_and(|document| document.told == Some(world.page)))
}

/// The page may learn of the file's end a frame after the engine knew; an ack can fall between.
fn may_come_late(file: &FileView) -> bool {
    file.error.as_ref().is_some_and(|error| [codes::TIMEOUT, codes::DUPLICATE_PATH].contains(&&*error.code))
}

/// Something in the scenario explains this failure.
fn has_cause(world: &World<'_>, file: &FileView) -> bool {
    let scenario = world.scenario;
    let (config, ways, source) = (&scenario.config, &scenario.server, &scenario.sources[file.source]);
    let Some(error) = &file.error else { return false };
    let faults = |some: &[Fault]| scenario.link.rates.iter().any(|(fault, _)| some.contains(fault));
    let size = longest(source);
    let twins = twins(world, &source.found.path);
    let rough = scenario.mood != Mood::Calm;
    let code = &*error.code;
    match (file.state, code) {
        (FileState::Failed, codes::CONNECTION_ERROR) => rough || scenario.has(&Doing::Offline),
        // Blocks that are lost once are sent again.
        (FileState::Failed, codes::TEMPORARY_ERROR) if error.message.contains("lost blocks") => {
            faults(&[Fault::Corrupt])
        }
        (FileState::Failed, codes::TEMPORARY_ERROR) => {
            !ways.collects.is_empty() || faults(&[Fault::ErrorBefore, Fault::ErrorAfter, Fault::Busy, Fault::Corrupt])
        }
        (FileState::Failed, codes::RATE_LIMIT_EXCEEDED) => faults(&[Fault::Busy]),
        (FileState::Failed, codes::INVALID_REPLY) => faults(&[Fault::Garbage, Fault::Corrupt]),
        (FileState::Failed, codes::TIMEOUT) => config.file_timeout.is_some(),
        (FileState::Failed, codes::FILE_CHANGED) => source.versions.len() > 1,
        (FileState::Failed, codes::FILE_UNREADABLE) => source.is_shaky(),
        (FileState::Failed, codes::UNAUTHORIZED) => {
            ways.revoked.is_some() || (rough && (ways.token_life.is_some() || config.token.is_none()))
        }
        (FileState::Failed, codes::INVALID_FILE) => ways.poison.contains_key(&source.found.path),
        (FileState::Failed, codes::INVALID_REQUEST) => {
            // A proxy's page in place of the server's words leaves the status alone.
            let garbled = faults(&[Fault::Garbage]) && (ways.given.is_some() || ways.revoked.is_some());
            ways.poison.contains_key(&source.found.path) || garbled
        }
        (FileState::Failed, codes::BUNDLE_TOO_LARGE) => {
            ways.hidden_cap.is_some() || manifest(size, config.cut.min) > ways.bundle_bytes
        }
        (FileState::Failed, codes::BLOCK_TOO_LARGE) => ways.block_bytes < config.cut.max as u64,
        (FileState::Failed, codes::BATCH_CLOSED) => world.closing,
        (FileState::Failed, codes::BATCH_NOT_FOUND) => ways.given.as_ref().is_some_and(|given| !given.exists),
        (FileState::Rejected, codes::INVALID_PATH) => source.has_bad_path(),
        (FileState::Rejected, codes::DUPLICATE_PATH) => twins > 1,
        (_, codes::TOO_MANY_FILES) => config.max_files.is_some() || ways.max_batch_size.is_some(),
        (FileState::Rejected, codes::BATCH_TOO_LARGE) => config.total_bytes.is_some(),
        (FileState::Rejected, codes::FILE_TOO_LARGE) => {
            [config.max_file_size, config.max_batch_bytes, ways.max_file_size].iter().flatten().any(|most| size > *most)
        }
        _ => false,
    }
}

/// Bytes that the longest manifest entry of a file of this size takes.
fn manifest(size: u64, least_block: usize) -> u64 {
    size / least_block as u64 * 80 + 600
}

/// In a calm world, or once the world has calmed down, a good file has no excuse.
fn must_arrive(world: &World<'_>, id: usize) -> bool {
    let (scenario, file) = (world.scenario, &world.check.files[id]);
    let (config, ways, source) = (&scenario.config, &scenario.server, &scenario.sources[file.source]);
    let size = longest(source);
    let fits = [config.max_file_size, config.max_batch_bytes, ways.max_file_size, ways.hidden_cap.map(|_| 0)]
        .iter()
        .flatten()
        .all(|most| size <= *most);
    let twins = twins(world, &source.found.path);
    let untouched = !world.has_done(&Doing::Cancel)
        && !scenario.has(&Doing::Offline)
        && !world.has_done(&Doing::Remove(id as FileId));
    let welcome = ways.revoked.is_none()
        && ways.block_bytes >= config.cut.max as u64
        && ways.given.as_ref().is_none_or(|given| given.exists)
        && !ways.poison.contains_key(&source.found.path)
        && manifest(size, config.cut.min) < ways.bundle_bytes;
    let readable = match source.trouble {
        // Its first reading may be the very last.
        Trouble::Always(_) | Trouble::Once(_) => false,
        Trouble::None => scenario.mended || source.change == Change::Never,
    };
    // A manifest is not divided: on some links that are slow by intent it takes longer than an answer may.
    let link = &scenario.link;
    let carries = manifest(size, config.cut.min) as f64 * 2.0 < link.bytes_per_ms * link.timeout as f64;
    let calm = scenario.mood == Mood::Calm && untouched;
    (calm || scenario.mended || is_late(world))
        && welcome
        && carries
        && fits
        && twins == 1
        && config.max_files.is_none()
        && ways.max_batch_size.is_none()
        && config.total_bytes.is_none()
        && config.file_timeout.is_none()
        && readable
        && source.found.unreadable.is_none()
        && !source.has_bad_path()
        && !(world.closing && file.error.as_ref().is_some_and(|error| error.code == codes::BATCH_CLOSED))
}

/// The page was opened when all that could go wrong had.
fn is_late(world: &World<'_>) -> bool {
    let scenario = world.scenario;
    scenario.mood != Mood::Dead && scenario.server.revoked.is_none() && world.opened_at > scenario.settled()
}

/// Files of this path.
fn twins(world: &World<'_>, path: &str) -> usize {
    world.twins(path)
}

/// Bytes of its longest version.
fn longest(source: &Source) -> u64 {
    source.versions.iter().map(Vec::len).max().unwrap_or(0) as u64
}

/// Where nothing fails, the server is told that the batch is complete, and followed until it is.
fn finished(world: &World<'_>) -> Result<(), String> {
    let scenario = world.scenario;
    let alone = scenario.user.iter().all(|(_, doing)| *doing == Doing::Told);
    let calm = scenario.mood == Mood::Calm && alone;
    let files = &world.check.files;
    if !calm || files.is_empty() || !files.iter().all(|file| file.state.is_stored()) {
        return Ok(());
    }
    let ours = world.check.batch_id.as_ref().and_then(|id| world.server.batches.get(id));
    let open = ours.is_some_and(|batch| batch.phase == cloudindex_wire::Phase::Open);
    if scenario.config.batch_id.is_none() && open && !world.awaits_more() {
        return Err("all files are stored, and a batch was left open".into());
    }
    let documents = world.server.batches.values().flat_map(|batch| batch.documents.values());
    let processed = documents.map(|document| document.since + scenario.server.processing).max().unwrap_or(0);
    let early = scenario.config.tracking == Tracking::Follow && world.over_at.unwrap_or(0) < processed;
    if early { Err("it was followed, and is over before the server is".into()) } else { Ok(()) }
}
