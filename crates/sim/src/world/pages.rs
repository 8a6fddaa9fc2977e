//! Pages come and go: what dies with one, what the next one meets.

use super::{Presence, World};
use crate::check::Check;
use crate::gate::{Gate, Kind};
use crate::journal::Hold;
use crate::queue::Event;
use crate::scenario::Doing;
use crate::server::digest;
use crate::shell::Shell;
use crate::story::{Clock, Ends, Wish};
use cloudindex_engine::{Engine, FileId, Input};
use cloudindex_wire::Digest;

/// What becomes of a request whose page is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Orphan {
    /// It never gets there.
    Lost,
    /// A part of it does.
    Cut,
    /// All of it does; nobody hears the answer.
    Arrives,
}

/// What a page was told of a file before it was gone.
#[derive(Debug)]
pub struct Told {
    pub page: usize,
    pub file: FileId,
    pub source: usize,
    pub document: String,
}

impl World<'_> {
    /// The page is gone, at rest or in the middle of things. The next one is opened after a while.
    pub(super) fn leave(&mut self) {
        let (now, next) = (self.queue.now(), &self.story.pages[self.page + 1].opens);
        self.log.note(now, 5, || format!("-- page {} is gone, the next is opened in {} ms", self.page, next.gap));
        match self.story.pages[self.page].ends {
            Ends::AtStep(_) if !self.check.is_over() => self.figures.crashes += 1,
            _ => self.figures.returns += 1,
        }
        self.witness();
        self.remember();
        for (attempt, live) in std::mem::take(&mut self.gate.live) {
            let orphan = self.rng.pick(&[Orphan::Lost, Orphan::Cut, Orphan::Arrives, Orphan::Arrives]);
            self.orphans.insert((self.page, attempt), orphan);
            let names = live.keys.iter().filter_map(|key| self.shell.block(*key)).map(digest);
            let names: Vec<Digest> = names.collect();
            self.server.taken.excused.extend(names);
            self.flown += live.block_bytes;
            self.closing |= matches!(live.kind, Kind::Complete | Kind::Cancel);
        }
        self.journal.orphan(now);
        self.queue.turn_page();
        self.presence = Presence::Gone;
        self.timer = None;
        self.queue.after(next.gap, Event::Open);
    }

    /// What the page was told is kept for the end of all.
    fn remember(&mut self) {
        for (file, view) in self.check.files.iter().enumerate() {
            if let Some(document) = view.document.clone().filter(|_| view.state.is_stored()) {
                self.told.push(Told { page: self.page, file: file as FileId, source: view.source, document });
            }
        }
        self.count();
    }

    /// The page's share of the figures.
    pub(super) fn count(&mut self) {
        let stored = self.check.files.iter().filter(|file| file.state.is_stored()).count() as u64;
        self.figures.committed += stored;
        self.figures.failed += self.check.files.len() as u64 - stored;
        self.figures.saved += self.stored_bytes();
    }

    /// The next page: its engine knows nothing but what the journal will say.
    pub(super) fn open(&mut self) {
        let now = self.queue.now();
        self.page += 1;
        let page = &self.story.pages[self.page];
        self.log.note(now, 6, || {
            format!("-- page {} is opened: {:?} {:?} {:?}", self.page, page.opens, page.ends, page.journal)
        });
        self.server.turn(page.opens.turn);
        self.journal.damage(page.opens.damage);
        let offline = self.gate.offline;
        self.scenario = &page.scenario;
        (self.shell, self.gate, self.check) =
            (Shell::new(self.scenario, &mut self.queue), Gate::new(self.scenario), Check::new(self.scenario));
        self.begin();
        if offline {
            self.gate.offline = true;
            self.feed(Some(Input::Offline));
        }
        if page.opens.wish == Wish::Discard {
            self.discard();
        }
    }

    /// An engine of its own for this page.
    pub(super) fn begin(&mut self) {
        let now = self.queue.now();
        self.origin = match self.story.pages[self.page].opens.clock {
            Clock::GoesOn => 0,
            Clock::Restarts(before) => now.saturating_sub(before),
        };
        let mut config = self.scenario.config.clone();
        config.epoch += self.origin;
        self.engine = Engine::new(config, self.scenario.seed);
        (self.opened_at, self.page_steps, self.presence) = (now, 0, Presence::Open);
        (self.timer, self.over_at, self.idle_wakes, self.row) = (None, None, 0, (0, now));
        self.recalled.clear();
        self.packs_until = 0;
        self.calls.clear();
        self.folders = 0;
        self.done.clear();
        self.recollection = Default::default();
        self.server.meets(&self.scenario.sources, now);
        self.drain();
        self.arm();
    }

    /// The user did this on this page.
    pub fn has_done(&self, doing: &Doing) -> bool {
        self.done.contains(doing)
    }

    /// Files of this page with this path.
    pub fn twins(&self, path: &str) -> usize {
        self.server.disks.last().and_then(|disk| disk.paths.get(path)).map_or(0, Vec::len)
    }

    /// Bytes of what this page was told stored.
    pub(super) fn stored_bytes(&self) -> u64 {
        let stored = self.check.files.iter().filter(|file| file.state.is_stored());
        stored.map(|file| self.scenario.sources[file.source].versions[0].len() as u64).sum()
    }

    /// The page has its journal as long as it is held and no write was refused.
    pub(super) fn has_journal(&self) -> bool {
        self.journal.hold == Hold::Held
    }
}
