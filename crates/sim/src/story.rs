//! A seed's whole story: one page, or one after the other. A page ends in the middle of things, or at rest; then the next one
//! is opened, and the user adds the same files again, or what they have become.

use crate::journal::{Damage, JournalWays, Lost};
use crate::rng::Rng;
use crate::scenario::{Doing, Scenario, walks};
use crate::sources::{Change, EPOCH, Source, Trouble, content, edited};
use cloudindex_engine::config::{Ask, Tracking};

#[derive(Debug)]
pub struct Story {
    pub seed: u64,
    pub pages: Vec<Page>,
}

/// One life of a page.
#[derive(Debug)]
pub struct Page {
    /// Server, network and user are the same in all of them; files and engine are not.
    pub scenario: Scenario,
    pub opens: Opens,
    pub ends: Ends,
    pub journal: JournalWays,
}

/// How a page comes to be.
#[derive(Debug, Clone)]
pub struct Opens {
    /// ms since the page before it was gone.
    pub gap: u64,
    pub clock: Clock,
    pub turn: Turn,
    pub damage: Damage,
    pub wish: Wish,
}

/// Where the engine's time begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// With the world.
    GoesOn,
    /// So many ms before the page.
    Restarts(u64),
}

/// What happened to the server's batches while no page was open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Nothing,
    /// All were completed, or cancelled, or dropped with their documents.
    Complete,
    Cancel,
    Vanish,
    /// Blocks that no document held were dropped.
    Collect,
}

/// What the user says to an unfinished upload before adding files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Nothing,
    Discard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Crashed, killed, reloaded, after so many events.
    AtStep(u64),
    /// Closed when nothing more happens.
    AtRest,
}

impl Story {
    pub fn new(seed: u64) -> Self {
        let mut scenario = Scenario::new(seed);
        let rng = &mut Rng::new(seed, "pages");
        scenario.config.epoch = EPOCH;
        let returns = rng.percent(33);
        if rng.percent(if returns { 80 } else { 10 }) {
            keep_journal(rng, &mut scenario);
        }
        if returns {
            scenario.config.ask = if rng.percent(8) { Ask::Never } else { Ask::WhileItPays };
            known_files(rng, &mut scenario);
        }
        let more = if returns { rng.pick(&[1, 1, 1, 1, 2, 2, 3]) } else { 0 };
        let mut pages = vec![Page::new(rng, scenario, more > 0)];
        for number in 1..=more {
            let scenario = pages[number - 1].scenario.again(rng, seed, number);
            pages.push(Page::new(rng, scenario, number < more));
        }
        Story { seed, pages }
    }
}

impl Page {
    fn new(rng: &mut Rng, scenario: Scenario, another: bool) -> Self {
        let damage = rng.pick(&[Damage::Cut, Damage::Flip, Damage::Drop, Damage::Stray]);
        let turn = rng.pick(&[Turn::Complete, Turn::Cancel, Turn::Vanish, Turn::Collect]);
        let lost = if rng.percent(30) { Lost::Opening } else { Lost::AtWrite(rng.within(1..=20)) };
        let reach = rng.pick(&[20, 100, 500, 2000]);
        let days = 24 * 3_600_000;
        let (short, long) = (rng.within(1..=3000), rng.within(1..=3 * 3_600_000));
        let far = days * rng.pick(&[1, 1, 1, 1, 20]);
        Page {
            opens: Opens {
                gap: rng.pick(&[short, short, long, far]),
                clock: if rng.percent(50) { Clock::GoesOn } else { Clock::Restarts(rng.within(0..=500)) },
                turn: if rng.percent(12) { turn } else { Turn::Nothing },
                damage: if rng.percent(10) { damage } else { Damage::None },
                wish: if rng.percent(8) { Wish::Discard } else { Wish::Nothing },
            },
            ends: if another && rng.percent(85) { Ends::AtStep(rng.within(1..=reach)) } else { Ends::AtRest },
            journal: JournalWays {
                open: rng.pick(&[0, 20, 200]),
                write: rng.pick(&[0, 5, 50, 3000]),
                busy: rng.perhaps(12, |rng| rng.within(0..=60_000)),
                lost: if rng.percent(12) { lost } else { Lost::Never },
            },
            scenario,
        }
    }
}

impl Scenario {
    /// The page's next life.
    fn again(&self, rng: &mut Rng, seed: u64, number: usize) -> Self {
        let sources = revisited(rng, self, number);
        let followed = self.config.tracking == Tracking::Follow && self.config.batch_id.is_some();
        Scenario {
            seed: seed ^ (number as u64) << 56,
            walks: walks(rng, sources.len(), followed),
            sources,
            ..self.clone()
        }
    }
}

/// ms within which a file may change twice under one time.
const TICK: u64 = 10;

fn keep_journal(rng: &mut Rng, scenario: &mut Scenario) {
    scenario.config.journal = Some("simulated".to_owned());
    if rng.percent(12) {
        scenario.config.journal_life = rng.within(1000..=4 * 3_600_000);
    }
    if rng.percent(8) {
        scenario.user.push((rng.within(0..=20_000), Doing::Discard));
    }
}

/// Most files are old, and their time tells them apart; some were written to a moment ago, and are again.
fn known_files(rng: &mut Rng, scenario: &mut Scenario) {
    let racy = rng.pick(&[0, 0, 0, 10]);
    for source in &mut scenario.sources {
        if source.change == Change::Never {
            source.times[0] = match rng.within(0..=9) {
                0 => EPOCH + rng.within(0..=100_000),
                // As archives and some file systems have them: the same for every version.
                1 => EPOCH - rng.within(3..=1_000_000) * 1000,
                _ => EPOCH - rng.within(3_000..=1_000_000_000),
            };
        }
        if source.change == Change::Never && !source.versions[0].is_empty() && rng.percent(racy) {
            // Written twice within what the file system takes for one moment.
            let (time, mut other) = (rng.within(0..=3000), source.versions[0].clone());
            other[0] ^= 1;
            source.versions.push(other);
            source.times = vec![EPOCH + time; 2];
            source.change = Change::At(rng.within(time..=time + TICK));
        }
        tell(rng, source);
    }
}

/// What the walk knows of a file without asking.
fn tell(rng: &mut Rng, source: &mut Source) {
    let (size, time) = rng.pick(&[
        (true, true),
        (true, true),
        (true, true),
        (false, false),
        (false, false),
        (false, true),
        (true, false),
    ]);
    source.found.size = size.then(|| source.versions[0].len() as u64);
    source.found.last_modified = time.then(|| source.times[0]);
}

/// The files as the next page meets them.
fn revisited(rng: &mut Rng, scenario: &Scenario, number: usize) -> Vec<Source> {
    let kept = rng.pick(&[100, 100, 100, 60, 10]);
    let busy = rng.pick(&[0, 0, 10, 40]);
    let mut sources = Vec::new();
    for source in &scenario.sources {
        if !rng.percent(kept) {
            continue;
        }
        let mut source = source.clone();
        if rng.percent(50) {
            (source.trouble, source.found.unreadable) = (Trouble::None, None);
        }
        if source.change == Change::Reopened {
            let last = source.versions.len() - 1;
            source.becomes(source.versions[last].clone(), source.times[last]);
        }
        if rng.percent(busy) {
            let last = source.versions.len() - 1;
            let later = source.times[last] + rng.within(1..=1_000_000);
            let tells = !source.times[last].is_multiple_of(1000) || rng.percent(50);
            let time = if tells { later } else { source.times[last] };
            let content = match rng.within(0..=3) {
                0 => source.versions[last].clone(),
                _ => edited(rng, &source.versions[last]),
            };
            source.becomes(content, time);
        }
        tell(rng, &mut source);
        sources.push(source);
    }
    if rng.percent(35) || sources.is_empty() {
        for index in 0..rng.size(1..=5) {
            let content = match scenario.sources.len() {
                n if n > 0 && rng.percent(50) => scenario.sources[rng.size(0..=n - 1)].versions[0].clone(),
                _ => content(rng, scenario.config.cut, 20),
            };
            let found = cloudindex_engine::Found { path: format!("new/{number}.{index}"), ..Default::default() };
            let mut source = Source {
                found,
                versions: Vec::new(),
                times: Vec::new(),
                change: Change::Never,
                trouble: Trouble::None,
            };
            source.becomes(content, EPOCH - rng.within(3_000..=1_000_000_000));
            tell(rng, &mut source);
            sources.push(source);
        }
    }
    if rng.percent(20) {
        rng.shuffle(&mut sources);
    }
    sources
}
