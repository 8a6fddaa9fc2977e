//! The loop: takes what happens next, gives it to the engine, does what the engine asks for, checks.

mod exchange;
mod figures;
mod pages;
mod records;
mod user;

use crate::check::Check;
use crate::gate::Gate;
use crate::journal::{Hold, Journal};
use crate::log::Log;
use crate::network::Network;
use crate::queue::{Event, Queue};
use crate::rng::Rng;
use crate::scenario::{Doing, Mood, Scenario};
use crate::server::Server;
use crate::shell::Shell;
use crate::story::{Ends, Story};
use cloudindex_engine::{Action, AttemptId, Engine, FileState, Input, Now, Recall};
use pages::Orphan;
use records::Recollection;
use std::collections::{BTreeMap, BTreeSet};

pub use figures::Figures;
pub use pages::Told;

/// A tick of virtual time that needs more steps than this has run away.
const STEPS_AN_INSTANT: u32 = 20_000;
const STEPS: u64 = 400_000;
/// Wakes that a finished engine may still want.
const LAST_WAKES: u32 = 20;

pub struct World<'a> {
    pub story: &'a Story,
    /// The page that is open, or was last; the rest of this block is its own.
    pub page: usize,
    presence: Presence,
    pub scenario: &'a Scenario,
    engine: Engine,
    /// When its engine's time began, and when it was opened.
    origin: u64,
    pub opened_at: u64,
    page_steps: u64,
    /// What the user did on it.
    pub done: Vec<Doing>,
    recollection: Recollection,
    pub journal: Journal,
    /// What earlier pages were told of their files.
    pub told: Vec<Told>,
    /// Requests whose page is gone.
    orphans: BTreeMap<(usize, AttemptId), Orphan>,
    /// A page went when it had told the server that no more would come, and had not heard of it.
    pub closing: bool,
    /// Bytes of blocks that were in flight when pages went.
    pub flown: u64,
    pub queue: Queue,
    pub shell: Shell<'a>,
    network: Network<'a>,
    pub server: Server<'a>,
    pub gate: Gate<'a>,
    pub check: Check<'a>,
    rng: Rng,
    pub log: Log,
    timer: Option<u64>,
    timers: u64,
    /// When the shell has packed what it was given.
    packs_until: u64,
    /// Attempts that were called off before they got to the server.
    recalled: BTreeSet<AttemptId>,
    pub calls: Vec<u32>,
    /// Folders that the walk has not heard of yet.
    pub folders: u32,
    pub figures: Figures,
    /// When the phase came to its end, the last time.
    pub over_at: Option<u64>,
    instant: (u64, u32),
    idle_wakes: u32,
    /// Wakes in a row with nothing between them, and when the first was.
    row: (u32, u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Open,
    /// Nobody is there.
    Gone,
}

impl<'a> World<'a> {
    pub fn new(story: &'a Story, tracing: bool) -> Self {
        let scenario = &story.pages[0].scenario;
        let mut queue = Queue::default();
        for (index, (at, _)) in scenario.user.iter().enumerate() {
            queue.at(*at, Event::User(index));
        }
        for (index, outage) in scenario.outages.iter().enumerate() {
            queue.at(outage.at, Event::Down(index));
        }
        for at in &scenario.server.collects {
            queue.at(*at, Event::Collect);
        }
        if let Some(at) = scenario.server.revoked {
            queue.at(at, Event::Revoke);
        }
        World {
            story,
            page: 0,
            presence: Presence::Gone,
            scenario,
            origin: 0,
            opened_at: 0,
            page_steps: 0,
            done: Vec::new(),
            recollection: Recollection::default(),
            journal: Journal::new(scenario.seed),
            told: Vec::new(),
            orphans: BTreeMap::new(),
            closing: false,
            flown: 0,
            shell: Shell::new(scenario, &mut queue),
            queue,
            engine: Engine::new(scenario.config.clone(), scenario.seed),
            network: Network::new(scenario.seed, &scenario.link),
            server: Server::new(scenario),
            gate: Gate::new(scenario),
            check: Check::new(scenario),
            rng: Rng::new(scenario.seed, "world"),
            log: Log::new(tracing),
            timer: None,
            timers: 0,
            packs_until: 0,
            recalled: BTreeSet::new(),
            calls: Vec::new(),
            folders: 0,
            figures: Figures::default(),
            over_at: None,
            instant: (0, 0),
            idle_wakes: 0,
            row: (0, 0),
        }
    }

    /// Until nothing more happens, or something did not hold.
    pub fn run(&mut self) {
        self.begin();
        while self.check.broken.is_none() {
            let last = self.page + 1 == self.story.pages.len();
            let Some(event) = self.queue.pop() else {
                if last {
                    break;
                }
                crate::verdict::judge(self);
                self.leave();
                continue;
            };
            self.figures.steps += 1;
            self.page_steps += u64::from(self.presence == Presence::Open);
            let now = self.queue.now();
            self.instant = if self.instant.0 == now { (now, self.instant.1 + 1) } else { (now, 0) };
            self.check.that(self.instant.1 < STEPS_AN_INSTANT, || "time stands still".into());
            self.check.that(self.figures.steps < STEPS, || "there is no end to it".into());
            self.step(event);
            let dies =
                self.presence == Presence::Open && self.story.pages[self.page].ends == Ends::AtStep(self.page_steps);
            if dies && !last {
                self.leave();
            }
        }
        let rest = if self.scenario.mended { crate::scenario::REST } else { 0 };
        self.figures.virtual_ms = self.over_at.unwrap_or(self.queue.now()).saturating_sub(rest);
        self.figures.body_bytes = self.server.taken.block_bytes;
        self.count();
        self.figures.saved = self.figures.saved.saturating_sub(self.figures.body_bytes);
    }

    fn step(&mut self, event: Event) {
        let now = self.queue.now();
        match event {
            Event::Walk(walk) => {
                let input = self.shell.walk(walk, &mut self.queue);
                self.server.taken.upload += u32::from(self.gate.walked(&input));
                if let Some(Input::Found(found)) = &input {
                    self.ask_for_folder(&found[0].path);
                    let told = self.engine.progress();
                    let live = told.total - told.completed - told.failed - told.cancelled;
                    // What was set aside holds up nobody.
                    let live = live.saturating_sub(self.gate.aside.len() as u64);
                    let most = self.scenario.config.queue_size as u64;
                    self.check.that(live < most, || format!("{live} files are under way, and the walk goes on"));
                    let rows = &self.shell.rows;
                    self.check.found(&rows[rows.len() - found.len()..]);
                }
                self.feed(input);
            }
            Event::Chunk { file, stream } => {
                let input = self.shell.chunk(file, stream, &mut self.queue);
                self.feed(input);
            }
            Event::Size(file) => {
                let input = self.shell.sized(file, now);
                self.feed(Some(input));
            }
            Event::Token => {
                self.gate.refreshing = false;
                let rough = self.scenario.mood == Mood::Rough && now < self.scenario.link.until;
                let token = if rough && self.rng.percent(2) {
                    Err("signed out".to_owned())
                } else {
                    Ok(self.server.issue(now))
                };
                self.feed(Some(Input::Token(token)));
            }
            Event::Timer(number) if number == self.timers => {
                self.timer = None;
                let idle = self.check.is_over()
                    && self.shell.has_walked()
                    && self.gate.live.is_empty()
                    && self.queue.is_quiet();
                self.idle_wakes = if idle { self.idle_wakes + 1 } else { 0 };
                self.check
                    .that(self.idle_wakes < LAST_WAKES, || "it is over, and wants to be woken again and again".into());
                let (wakes, since) = self.row;
                self.feed(Some(Input::Wake));
                self.row = if wakes == 0 { (1, now) } else { (wakes + 1, since) };
                let spins = wakes > 100 && now - since < u64::from(wakes) * 3;
                self.check.that(!spins, || format!("{wakes} wakes in {} ms, and nothing came of them", now - since));
            }
            Event::Timer(_) => {}
            Event::User(index) => self.user(index),
            Event::Open => self.open(),
            Event::Journal(word, asked) if asked == self.journal.asked => self.journal_word(word),
            Event::Journal(..) => {}
            Event::Packed { attempt, wire } => self.packed(attempt, *wire),
            Event::Arrive(exchange) => self.arrive(exchange),
            Event::Serve { exchange, epoch } => self.serve(&exchange, epoch),
            Event::Deliver { attempt, reply, acked } => self.deliver(attempt, reply, &acked),
            Event::Break(attempt) => self.lose(attempt),
            Event::Down(index) => {
                let outage = self.scenario.outages[index];
                self.log.note(now, 1, || format!("-- server down, {:?}, for {:?} ms", outage.manner, outage.lasts));
                self.server.restart(outage.manner);
                if let Some(lasts) = outage.lasts {
                    self.queue.after(lasts, Event::Up);
                }
            }
            Event::Up => {
                self.log.note(now, 2, || "-- server up");
                let dead = self.scenario.outages.iter().any(|outage| outage.lasts.is_none() && outage.at <= now);
                if !dead {
                    self.server.away = None;
                }
            }
            Event::Collect => {
                self.log.note(now, 3, || "-- server drops unused blocks");
                self.server.collect();
            }
            Event::Revoke => {
                self.log.note(now, 4, || "-- server takes back all tokens");
                self.server.revoke();
            }
        }
    }

    /// One turn of the shell's loop.
    fn feed(&mut self, input: Option<Input>) {
        let Some(input) = input.filter(|_| self.presence == Presence::Open) else { return };
        let now = self.queue.now();
        self.row = (0, now);
        self.log.note(now, crate::words::weight(&input), || crate::words::input(&input));
        self.engine.handle(input, Now(now - self.origin));
        self.drain();
        self.arm();
    }

    fn drain(&mut self) {
        let mut actions = 0;
        while let Some(action) = self.engine.poll() {
            actions += 1;
            self.check.that(actions < STEPS_AN_INSTANT, || "there is no end to the actions".into());
            if self.check.broken.is_some() {
                return;
            }
            self.perform(action);
        }
        let config = &self.scenario.config;
        let weight = self.shell.weight() + self.gate.flying;
        // A stream gives whole chunks: each open file may go over by one.
        let most = config.max_buffer + (config.open_files * self.scenario.shell.chunk) as u64;
        self.check
            .that(weight <= most, || format!("{weight} bytes are held or granted, {} allowed", config.max_buffer));
        let open = self.shell.open_streams();
        self.check.that(open <= config.open_files, || format!("{open} files are open, {} allowed", config.open_files));
    }

    fn perform(&mut self, action: Action) {
        let now = self.queue.now();
        self.log.note(now, crate::words::worth(&action), || crate::words::action(&action));
        let known = self.shell.rows.len() as u32;
        let (check, queue) = (&mut self.check, &mut self.queue);
        let mut is_known = |file: u32| check.that(file < known, || format!("there is no file {file}"));
        match action {
            Action::Size(files) => {
                files.iter().for_each(|file| is_known(*file));
                self.shell.size(&files, queue);
            }
            Action::Read { file, up_to } => {
                is_known(file);
                check.that(!self.gate.paused, || format!("file {file} is read while paused"));
                // Where the page was not told yet, it may have come to rest before.
                let aside = check.files.get(file as usize).is_some_and(|view| view.state == FileState::Paused);
                let aside = aside && self.gate.aside.contains(&file);
                check.that(!aside, || format!("file {file} is read, and was set aside"));
                let awaited = self.journal.hold == Hold::Asked;
                check.that(!awaited, || format!("file {file} is read before the journal is there"));
                if self.shell.read(file, up_to, queue) == Some(1) {
                    self.must_be_read(file);
                }
            }
            Action::StopReading(file) => self.shell.stop_reading(file),
            Action::Forget { file, blocks } => self.shell.forget(file, blocks),
            Action::Send { attempt, request } => self.send(attempt, request),
            Action::Abort(attempt) => {
                let live = self.gate.land(attempt).is_some();
                check.that(live, || format!("{attempt:?} is called off and not in flight"));
                if !self.network.outlives_abort() {
                    self.recalled.insert(attempt);
                }
            }
            Action::RefreshToken => {
                check.that(!self.gate.refreshing, || "a token is asked for twice at once".into());
                self.gate.refreshing = true;
                queue.after(self.rng.within(0..=3000), Event::Token);
            }
            Action::PauseWalk => self.shell.pause_walk(),
            Action::ResumeWalk => self.shell.resume_walk(queue),
            Action::Folder(recall) => {
                check.that(self.folders > 0, || "nobody asked for a folder".into());
                self.folders = self.folders.saturating_sub(1);
                let awaited = self.journal.hold == Hold::Asked && recall == Recall::Known;
                check.that(!awaited, || "a folder is known before the journal is there".into());
            }
            Action::OpenJournal
            | Action::Record(_)
            | Action::Rewrite(_)
            | Action::ForgetRoots
            | Action::CloseJournal(_) => {
                let kept = self.keep(action);
                kept.unwrap_or_else(|words| self.check.fail(words));
            }
            Action::Answer { call, .. } => match self.calls.get_mut(call as usize) {
                Some(answers) => *answers += 1,
                None => check.fail(format!("there was no call {call}")),
            },
            Action::Emit(update) => {
                check.update(&update, now);
                let mut at_rest = update.files.iter().filter(|change| change.state.is_final());
                if let Some(change) = at_rest.find(|change| self.shell.holds(change.id)) {
                    check.fail(format!("{change:?}: it is at rest, and something of it is held"));
                }
                if check.is_over() {
                    if self.over_at.is_none() {
                        self.over_at = Some(now);
                        self.server.taken.upload += 1;
                    }
                    self.shell.completed(queue);
                } else {
                    self.over_at = None;
                }
            }
        }
    }

    /// The walk comes to the folder of this file, and goes on without waiting for what it is told: it may then be late.
    fn ask_for_folder(&mut self, path: &str) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.folders += 1;
        self.feed(Some(Input::Folder(folder.to_owned())));
    }

    fn arm(&mut self) {
        let wanted = self.engine.wake_at().map(|at| at.0.saturating_add(self.origin));
        if wanted == self.timer {
            return;
        }
        self.timer = wanted;
        self.timers += 1;
        if let Some(at) = wanted {
            let (percent, most) = self.scenario.shell.late;
            let late = if self.rng.percent(percent) { self.rng.within(0..=most) } else { 0 };
            self.queue.at(at.max(self.queue.now()) + late, Event::Timer(self.timers));
        }
    }
}
