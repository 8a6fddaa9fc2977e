//! What must hold of all pages together: nothing that one of them was told stored is lost, and no byte travels in vain.

use crate::scenario::{Mood, Scenario};
use crate::server::{Batch, Document};
use crate::story::Turn;
use crate::world::{Told, World};
use cloudindex_engine::config::Ask;

/// Everything that any page was told stored is on the server, or what a later page made of it.
pub fn kept(world: &World<'_>) -> Result<(), String> {
    world.told.iter().try_for_each(|told| still(world, told).map_err(|words| format!("{told:?}: {words}")))
}

fn still(world: &World<'_>, told: &Told) -> Result<(), String> {
    let server = &world.server;
    let scenario = &world.story.pages[told.page].scenario;
    let source = &scenario.sources[told.source];
    let path = &source.found.path;
    let of = |batch: &'_ Batch| batch.documents.get(path).is_some_and(|document| document.id == told.document);
    if server.vanished.values().any(of) || server.removed.get(&told.document).is_some_and(|page| *page > told.page) {
        return Ok(());
    }
    let batch = server.batches.values().find(|batch| of(batch)).ok_or("no batch has it any more")?;
    let document: &Document = &batch.documents[path];
    let content = server.content(document).ok_or("the server lacks blocks of it")?;
    let disk = &server.disks[told.page];
    let is_what_it_was = source.versions_since(disk.since).contains(&content);
    // What a later page wrote was looked at when it was written.
    let is_newer = document.written.is_some_and(|page| page > told.page);
    let twins = disk.paths.get(path).map_or(0, Vec::len);
    // A request of a page long gone may come at last: nothing in the protocol tells it from a new one.
    if is_what_it_was || is_newer || document.late || twins > 1 {
        Ok(())
    } else {
        Err("the server has other bytes".into())
    }
}

/// In a calm world every block travels once: not again within an upload, not again when the server has it, unless it was in
/// flight when a page died, or went unasked where asking had not paid.
pub fn thrifty(world: &World<'_>) -> Result<(), String> {
    let (scenario, taken) = (world.scenario, &world.server.taken);
    if !is_plain(scenario) || world.story.pages[..=world.page].iter().any(|page| !is_plain(&page.scenario)) {
        return Ok(());
    }
    let must = |holds: bool, words: String| if holds { Ok(()) } else { Err(words) };
    must(taken.twice == 0, format!("{} bytes were sent twice", taken.twice))?;
    must(taken.over <= world.flown, format!("{} bytes were sent again, {} were in flight", taken.over, world.flown))?;
    let unasked = unasked(taken.missed);
    let asks = scenario.config.ask == Ask::WhileItPays;
    must(!asks || taken.known <= unasked, format!("{} blocks were sent that are there, {unasked} unasked", taken.known))
}

/// Nothing goes wrong, with the world or with a file, nothing is refused, and nobody meddles.
fn is_plain(scenario: &Scenario) -> bool {
    let (ways, config) = (&scenario.server, &scenario.config);
    scenario.mood == Mood::Calm
        && scenario.user.is_empty()
        && ways.token_life.is_none()
        && ways.poison.is_empty()
        && ways.hidden_cap.is_none()
        && config.file_timeout.is_none()
        && [config.max_files, config.total_bytes, config.max_file_size, ways.max_batch_size, ways.max_file_size]
            .iter()
            .all(Option::is_none)
        && !scenario.sources.iter().any(|source| source.is_shaky())
}

/// Blocks that go unasked at most after so many misses: as many again as were missed in a row, those unasked among them.
fn unasked(missed: u32) -> u64 {
    let (mut row, mut unasked) = (0u64, 0);
    for _ in 0..missed.min(40) {
        row += 1;
        if row >= 8 {
            let more = row.min(1000);
            unasked += more;
            row += more;
        }
    }
    unasked
}

/// Uploads of this page and those before it may have made so many batches, where nobody retried.
pub fn most_batches(world: &World<'_>) -> usize {
    let walks = world.story.pages[..=world.page].iter().map(|page| page.scenario.walks.len());
    // What was given up by the server is begun again.
    let turns = world.story.pages[..=world.page].iter().filter(|page| page.opens.turn != Turn::Nothing).count();
    walks.sum::<usize>() + turns
}
