//! THE loop: feed the engine, drain it, do what it asks for, arm the one timer.

use crate::host::ToFacade;
use crate::http::Http;
use crate::journal::Journal;
use crate::ports::ToPage;
use crate::readers::Readers;
use crate::store::Store;
use crate::timer::{self, Timer};
use cloudindex_engine::{Action, Engine, FileId, Input, Leave};
use std::cell::RefCell;
use std::rc::Rc;
use web_sys::MessagePort;

/// An engine and the hands that work for it.
pub struct Driver {
    pub(crate) engine: RefCell<Engine>,
    pub(crate) timer: Timer,
    pub(crate) http: Http,
    pub(crate) journal: Journal,
    pub(crate) store: Store,
    pub(crate) readers: Readers,
    pub(crate) control: MessagePort,
    pub(crate) page: Option<MessagePort>,
}

impl Driver {
    /// Something happened.
    pub fn feed(self: &Rc<Self>, input: Input) {
        self.feed_all(std::iter::once(input));
    }

    /// Several things happened. What they make the engine want to read is read together.
    pub fn feed_all(self: &Rc<Self>, inputs: impl Iterator<Item = Input>) {
        inputs.for_each(|input| self.step(input));
        self.readers.flush();
        let to_open = self.readers.to_open();
        if !to_open.is_empty() {
            self.tell(ToPage::Open(to_open));
        }
        self.timer.arm(self.engine.borrow().wake_at());
    }

    fn step(self: &Rc<Self>, input: Input) {
        self.engine.borrow_mut().handle(input, timer::now());
        // A statement of its own: in a `while let` the borrow would last through `perform`.
        loop {
            let action = self.engine.borrow_mut().poll();
            let Some(action) = action else { break };
            self.perform(action);
        }
    }

    fn perform(self: &Rc<Self>, action: Action) {
        match action {
            Action::Size(files) => {
                let sized = |file| {
                    Some(match self.readers.facts(file)? {
                        Ok((size, time)) => Input::Sized { file, size, last_modified: Some(time) },
                        Err(reason) => Input::Unreadable { file, reason },
                    })
                };
                files.into_iter().filter_map(sized).for_each(|input| self.feed_later(input));
            }
            Action::Read { file, up_to } => self.read_on(file, up_to),
            Action::StopReading(file) => self.readers.stop(file),
            Action::Forget { file, blocks } => self.store.forget(file, blocks),
            Action::Send { attempt, request } => {
                let driver = Rc::clone(self);
                self.http.send(attempt, request, &self.store, move |input, files| driver.sent(input, files));
            }
            Action::Abort(attempt) => self.http.abort(attempt),
            Action::RefreshToken => ToFacade::Refresh {}.post(&self.control),
            Action::PauseWalk => self.tell(ToPage::PauseWalk),
            Action::ResumeWalk => self.tell(ToPage::ResumeWalk),
            Action::Folder(recall) => self.tell(ToPage::Folder(recall)),
            Action::OpenJournal => self.journal.open(),
            Action::Record(record) => self.journal.record(&record),
            Action::Rewrite(record) => self.journal.rewrite(record.as_deref()),
            Action::ForgetRoots => self.journal.forget_roots(),
            Action::CloseJournal(leave) => self.journal.close(leave),
            Action::Answer { call, result } => ToFacade::answer(call, result).post(&self.control),
            Action::Emit(update) => ToFacade::Update { update: &update }.post(&self.control),
        }
    }

    /// Opens the file, or goes on with it.
    pub(crate) fn read_on(self: &Rc<Self>, file: FileId, up_to: u64) {
        if let Err(reason) = self.readers.read(file, up_to) {
            self.feed_later(Input::Unreadable { file, reason });
        }
    }

    fn tell(&self, message: ToPage) {
        if let Some(page) = &self.page {
            message.post(page);
        }
    }

    /// Nothing of it goes on afterwards.
    pub fn close(&self) {
        self.timer.arm(None);
        self.http.abort_all();
        self.readers.close();
        self.journal.close(Leave::Unfinished);
    }
}
