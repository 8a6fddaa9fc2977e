//! What the user and the browser do by themselves, and what nobody should.

use super::{Presence, World};
use crate::journal::Hold;
use crate::scenario::Doing;
use cloudindex_engine::{AttemptId, Block, CallId, FileId, FileState, Input, Method, Reply, Texture};
use cloudindex_wire::Digest;

impl World<'_> {
    /// The n-th of the scenario's doings.
    pub(super) fn user(&mut self, index: usize) {
        let doing = &self.scenario.user[index].1;
        if self.presence == Presence::Gone {
            // Nobody is there, but the network comes and goes.
            self.gate.offline = match doing {
                Doing::Offline => true,
                Doing::Online => false,
                _ => self.gate.offline,
            };
            return;
        }
        self.done.push(doing.clone());
        let input = match doing {
            Doing::Pause => {
                self.gate.paused = true;
                Input::Pause
            }
            Doing::Resume => {
                self.gate.paused = false;
                self.gate.aside.clear();
                Input::Resume
            }
            Doing::SetAside(files) => {
                // Those that are not found yet too.
                let live =
                    |file: &&FileId| self.check.files.get(**file as usize).is_none_or(|view| !view.state.is_final());
                self.gate.aside.extend(files.iter().filter(live));
                self.check.set_aside(files);
                Input::SetAside(files.clone())
            }
            Doing::TakeUp(files) => {
                self.gate.aside.retain(|file| !files.contains(file));
                Input::TakeUp(files.clone())
            }
            Doing::Cancel => {
                self.gate.cancel();
                Input::Cancel
            }
            Doing::Remove(file) => {
                self.gate.aside.remove(file);
                Input::Remove(vec![*file])
            }
            Doing::Retry(files) => {
                self.gate.retried();
                self.check.retried(files);
                // Of those that are named the page may not have been told yet that they are at rest.
                let aside = |file: &FileId| {
                    let view = self.check.files.get(*file as usize);
                    view.is_none_or(|view| {
                        view.state == FileState::Paused || !(view.state.is_final() || files.contains(file))
                    })
                };
                self.gate.aside.retain(aside);
                Input::Retry(files.clone())
            }
            Doing::Offline => {
                self.gate.offline = true;
                Input::Offline
            }
            Doing::Online => {
                self.gate.offline = false;
                Input::Online
            }
            Doing::Call => {
                let call = self.calls.len() as CallId;
                self.calls.push(0);
                let (method, path) = self.rng.pick(&[(Method::Get, "/v1/batches"), (Method::Post, "/v1/search")]);
                let body = (method == Method::Post).then(|| "{}".to_owned());
                Input::Call { call, method, path: path.to_owned(), body }
            }
            Doing::Discard => return self.discard(),
            Doing::Nonsense => return self.nonsense(),
            Doing::Told => {
                let Some(reply) = self.check.batch_id.as_deref().map(|id| self.server.told(id, self.queue.now()))
                else {
                    return;
                };
                Input::Status(String::from_utf8_lossy(&reply.body).into_owned())
            }
        };
        self.feed(Some(input));
        self.obeyed(index);
    }

    /// What must be so at once.
    fn obeyed(&mut self, index: usize) {
        match &self.scenario.user[index].1 {
            Doing::Cancel => {
                let left = (self.shell.stored(), self.shell.open_streams());
                self.check.that(left == (0, 0), || format!("cancelled, and bytes and streams are left: {left:?}"));
            }
            Doing::Remove(file) => {
                let holds = self.shell.holds(*file);
                self.check.that(!holds, || format!("file {file} was taken out, and something of it is still held"));
            }
            Doing::SetAside(_) => {
                let held = self.gate.aside.iter().find(|file| self.shell.holds(**file));
                self.check
                    .that(held.is_none(), || format!("{held:?} was set aside, and something of it is still held"));
            }
            _ => {}
        }
    }

    /// Inputs that make no sense now: stale, of nobody, out of turn. None may change anything, or even panic.
    fn nonsense(&mut self) {
        let rows = self.shell.rows.len() as FileId;
        let at_rest = (0..rows).find(|id| self.check.files[*id as usize].state.is_final() && !self.shell.holds(*id));
        let file = if self.rng.percent(50) { at_rest.unwrap_or(rows) } else { rows + self.rng.within(0..=3) as FileId };
        let attempt = AttemptId(u64::MAX - self.rng.within(0..=9));
        let block = Block { digest: Digest([7; 32]), len: 700, texture: Texture::Loose };
        let input = match self.rng.within(0..=10) {
            0 => Input::Reply { attempt, reply: Reply { status: 200, retry_after: None, body: b"{}".to_vec() } },
            1 => {
                Input::Reply { attempt, reply: Reply { status: 503, retry_after: Some("9".into()), body: Vec::new() } }
            }
            2 => Input::NoReply { attempt, reason: "of nobody".into() },
            3 => Input::Cut { file, blocks: vec![block], read: 700, size: Some(700), ended: true },
            4 => Input::Sized { file, size: 1 << 40, last_modified: Some(7) },
            5 => Input::Unreadable { file, reason: "of nobody".into() },
            6 if !self.gate.refreshing => Input::Token(Err("out of turn".into())),
            7 => Input::Found(Vec::new()),
            8 if self.journal.hold != Hold::Asked => Input::JournalOpened(vec![b"CIJ2\x02of nobody".to_vec()]),
            9 if self.journal.hold != Hold::Asked => Input::JournalBusy,
            10 => Input::Status(r#"{"id":"of nobody"}"#.into()),
            _ => Input::Wake,
        };
        self.feed(Some(input));
    }
}
