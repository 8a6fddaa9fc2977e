//! The state machine: takes inputs, decides, queues actions.
//!
//! | file | decides |
//! | --- | --- |
//! | `engine.rs` | what there is, and the order of things after each input |
//! | `engine/reading.rs` | files found, sized, grouped, read and cut |
//! | `engine/holding.rs` | which blocks are held here, asked for, on their way, stored there |
//! | `engine/remembering.rs` | the journal: what an earlier page knew, what the next one will |
//! | `engine/sending.rs` | which request goes next |
//! | `engine/replies.rs` | what an answer means |
//! | `engine/faults.rs` | what no answer, or a bad one, means |
//! | `engine/aside.rs` | files that the user set aside |
//! | `engine/lifecycle.rs` | pause, cancel, remove, retry, the end |
//! | `engine/updates.rs` | what the page is told |

mod aside;
mod faults;
mod holding;
mod lifecycle;
mod reading;
mod remembering;
mod replies;
mod sending;
mod updates;

use crate::asking::Asking;
use crate::bundle::{More, Ready, Terms};
use crate::compression::Compression;
use crate::config::{Config, Refresh};
use crate::error::Failure;
use crate::files::{Awaits, Files};
use crate::intake::Intake;
use crate::io::{Action, FileId, FileState, Input, Now};
use crate::limits::Limits;
use crate::plan::Planner;
use crate::progress::{Progress, Tally};
use crate::rng::Rng;
use crate::shared::Shared;
use crate::targets::cloudindex::CloudIndex;
use crate::transport::{Token, Transport};
use remembering::Memory;
use std::collections::VecDeque;
use updates::Updates;

/// The state machine. See the [crate's page](crate) for the loop around it.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    rng: Rng,
    now: Now,
    actions: VecDeque<Action>,

    files: Files,
    groups: Vec<Group>,
    planner: Planner,
    /// Files that were removed or set aside before they were found: those few that the page has, while their message is on its way.
    early: Vec<(FileId, FileState)>,
    intake: Intake,
    ready: Ready,
    shared: Shared,
    /// Whether to ask for the next document before its bytes are sent.
    asking: Asking,
    memory: Memory,
    transport: Transport,
    compression: Compression,
    target: CloudIndex,

    limits: Limits,
    /// Files and bytes that the limits let pass.
    accepted: (u64, u64),
    /// Greatest body, and most documents, of a bundle: ours, the server's, or what 413 taught.
    bundle_bytes: u64,
    /// Greatest share of a body that is copied from memory.
    held_bytes: u64,
    bundle_documents: usize,

    batch: Batch,
    /// Idempotency key of the batch's creation.
    batch_key: String,
    run: Run,
    walk: Walk,
    walk_gate: Gate,
    stage: Stage,
    /// A new token that no success has proven yet.
    token_trust: Trust,
    /// When the token came: one that waited long before its first use may have expired meanwhile.
    token_since: Now,
    /// Since when the server has asked for silence without a success in between.
    held_since: Option<Now>,

    clock: ActiveClock,
    deadlines: VecDeque<(FileId, u64)>,
    sweep_at: Now,
    tally: Tally,
    updates: Updates,
}

/// Files planned to go together.
#[derive(Debug)]
struct Group {
    files: Vec<FileId>,
    /// Files not yet at rest.
    left: usize,
}

/// The server's resource that the documents go to.
#[derive(Debug)]
enum Batch {
    Unopened,
    Opening,
    Open(String),
    /// Told complete or cancelled; what comes later needs another one.
    Closed(String),
    /// It can't be had, and why.
    Refused(Failure),
}

impl Batch {
    /// Of one that is there.
    fn id(&self) -> Option<&str> {
        match self {
            Batch::Open(id) | Batch::Closed(id) => Some(id),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Running,
    Paused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    Ended,
    Walking,
}

/// Whether the walk may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Shut,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Nothing was found yet.
    Idle,
    Working,
    /// All files are at rest; the batch is being told complete.
    Completing,
    /// The server processes; asked again at that time.
    Following(Now),
    Done,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Proven,
    Unproven,
}

/// A clock that stops while nothing can move: paused, or no link.
#[derive(Debug, Default)]
struct ActiveClock {
    stopped: u64,
    stopped_at: Option<Now>,
}

impl ActiveClock {
    fn read(&self, now: Now) -> u64 {
        self.stopped_at.unwrap_or(now).0.saturating_sub(self.stopped)
    }

    fn set_running(&mut self, running: bool, now: Now) {
        match (running, self.stopped_at) {
            (true, Some(since)) => {
                self.stopped += now.since(since);
                self.stopped_at = None;
            }
            (false, None) => self.stopped_at = Some(now),
            _ => {}
        }
    }
}

impl Engine {
    /// A new engine; equal seeds and inputs give equal actions.
    pub fn new(config: Config, seed: u64) -> Self {
        let mut engine = Engine {
            rng: Rng::new(seed),
            now: Now(0),
            actions: VecDeque::new(),
            files: Files::default(),
            groups: Vec::new(),
            planner: Planner::new(&config),
            early: Vec::new(),
            intake: Intake::new(&config),
            ready: Ready::default(),
            shared: Shared::default(),
            asking: Asking::default(),
            memory: Memory::new(config.journal.is_some()),
            transport: Transport::new(&config),
            compression: Compression::new(),
            target: CloudIndex::new(&config),
            limits: Limits::of(&config),
            accepted: (0, 0),
            bundle_bytes: config.bundle_bytes,
            held_bytes: sending::held_bytes(&config),
            bundle_documents: config.bundle_documents.max(1),
            batch: Batch::Unopened,
            batch_key: String::new(),
            run: Run::Running,
            walk: Walk::Ended,
            walk_gate: Gate::Open,
            stage: Stage::Idle,
            token_trust: Trust::Proven,
            token_since: Now(0),
            held_since: None,
            clock: ActiveClock::default(),
            deadlines: VecDeque::new(),
            sweep_at: Now::NEVER,
            tally: Tally::default(),
            updates: Updates::default(),
            config,
        };
        if engine.target.token.is_none() && engine.config.refresh == Refresh::Ask {
            engine.transport.token = Token::Refreshing;
            engine.actions.push_back(Action::RefreshToken);
        }
        engine
    }

    /// Something happened. Never fails: what is stale or makes no sense is ignored.
    pub fn handle(&mut self, input: Input, now: Now) {
        let now = self.now.max(now);
        self.now = now;
        match input {
            Input::Found(found) => self.found(found, now),
            Input::Folder(path) => self.folder(path, now),
            Input::IntakeEnded => self.intake_ended(),
            Input::Opened { file, size, last_modified, media_type } => {
                self.file_opened(file, (size, last_modified), &media_type);
            }
            Input::Sized { file, size, last_modified } => self.sized(file, size, last_modified, now),
            Input::Cut { file, blocks, read, size, ended } => self.cut(file, blocks, read, size, ended, now),
            Input::Unreadable { file, reason } => self.unreadable(file, &reason, now),
            Input::Reply { attempt, reply } => self.reply(attempt, reply, now),
            Input::Packed { attempt, bytes } => self.packed(attempt, bytes, now),
            Input::NoReply { attempt, reason } => self.no_reply(attempt, &reason, now),
            Input::Token(token) => self.token(token, now),
            Input::Pause => self.pause(now),
            Input::Resume => self.resume(now),
            Input::Cancel => self.cancel(now),
            Input::SetAside(files) => self.set_aside(&files, now),
            Input::TakeUp(files) => self.take_up(&files, now),
            Input::Remove(files) => self.remove(&files, now),
            Input::Retry(files) => self.retry(files, now),
            Input::Online => self.online(now),
            Input::Offline => self.offline(now),
            Input::Call { call, method, path, body } => self.call(call, method, path, body, now),
            Input::JournalOpened(records) => self.journal_opened(&records, now),
            Input::JournalBusy => self.journal_busy(),
            Input::JournalLost { .. } => self.journal_lost(now),
            Input::Status(body) => self.told(body, now),
            Input::Discard => self.discard(),
            Input::Wake => {}
        }
        self.settle(now);
    }

    /// What to do next; call until `None` after each [`Engine::handle`].
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to send [`Input::Wake`] if nothing else happens before.
    pub fn wake_at(&self) -> Option<Now> {
        let now = self.now;
        let paused = self.run == Run::Paused;
        let mut wake = self.transport.wake_at(now, &self.config, paused, self.wants_link());
        if self.may_send_bundles(now) {
            wake = wake.min(self.ready.due(self.terms()));
        }
        if !paused && self.intake.is_drained() {
            wake = wake.min(self.planner.oldest().after(self.config.group_linger));
        }
        if let (None, Some((_, at))) = (self.clock.stopped_at, self.deadlines.front()) {
            wake = wake.min(Now(at + self.clock.stopped));
        }
        if let Stage::Following(at) = self.stage {
            wake = wake.min(at);
        }
        wake = wake.min(self.updates.due(self.phase(now), self.config.frame)).min(self.sweep_at);
        // What was due by now has been done; a timer never fires in the same instant again.
        (wake < Now::NEVER).then(|| wake.max(now.after(1)))
    }

    /// How far it is; constant time.
    pub fn progress(&self) -> Progress {
        self.tally.peek(self.now)
    }

    /// After each input: what time brought, then groups, reads, requests, and the end.
    fn settle(&mut self, now: Now) {
        self.expire(now);
        self.form_groups(now);
        self.read_on(now);
        self.send_on(now);
        self.guide_walk();
        self.advance(now);
        self.keep_journal(now);
        self.recall_folders();
        self.clock.set_running(self.run == Run::Running && !self.is_down(), now);
        if self.sweep_at <= now {
            self.sweep_at = Now::NEVER;
            self.shrink();
        }
        let phase = self.phase(now);
        if self.updates.due(phase, self.config.frame) <= now {
            let batch = self.batch.id().or(self.config.batch_id.as_deref()).map(str::to_owned);
            let progress = self.tally.snapshot(now);
            let update = self.updates.take(&mut self.files, phase, batch, progress, now);
            self.actions.push_back(Action::Emit(Box::new(update)));
        }
    }

    /// Wants this done.
    #[inline(never)]
    fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// Queues that were long give their room back.
    fn shrink(&mut self) {
        self.intake.shrink();
        self.updates.shrink();
    }

    fn terms(&self) -> Terms {
        let nothing_more = self.intake.is_stuck()
            || (self.walk == Walk::Ended
                && self.intake.is_idle()
                && self.planner.oldest() == Now::NEVER
                && !self.files.any(Awaits::SizeToGroup)
                && !self.files.any(Awaits::SizeToRecall));
        let bundles = if self.transport.flying_bytes() == 0 { 0 } else { self.transport.flying() as u64 };
        Terms {
            target: self.request_bytes().min(self.bundle_bytes),
            cap: self.bundle_bytes,
            held: self.held_bytes.min(self.bundle_bytes),
            documents: self.bundle_documents,
            linger: self.config.linger,
            // Nothing is lost by waiting while others fly: they take as much of the machine, the fewer the better.
            patience: self.config.linger * (1 + 3 * bundles),
            more: if nothing_more { More::Nothing } else { More::Coming },
        }
    }
}
