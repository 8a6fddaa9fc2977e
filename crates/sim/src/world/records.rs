//! What the journal says, and whether it is true.

use super::World;
use crate::frames::{Frame, frames, left};
use crate::gate::Kind;
use crate::journal::{Damage, Hold, Word};
use crate::scenario::{Doing, Mood};
use crate::server::Wire;
use crate::sources::EPOCH;
use cloudindex_engine::{Action, FileId, Input, Leave};
use cloudindex_wire::{Digest, Phase};
use std::collections::BTreeMap;

/// What follows for this page from what an earlier one wrote.
#[derive(Debug, Default)]
pub(super) struct Recollection {
    /// The batch that goes on: none is created as long as it is open.
    goes_on: Option<String>,
    /// The batch that the user does not want any more: nothing is sent to it.
    shunned: Option<String>,
    discard: Discard,
    /// Files that the earlier page had found.
    found: u64,
    /// Files by path.
    files: BTreeMap<String, Known>,
}

/// What an earlier page said of a file.
#[derive(Debug)]
struct Known {
    size: u64,
    last_modified: u64,
    blocks: Vec<(Digest, u64)>,
}

/// Where the user's wish stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Discard {
    #[default]
    None,
    /// It holds for what will be opened.
    Pressed,
    /// It came in the middle of an upload, which may keep its batch.
    Late,
}

/// Whether a file of this time would have another one after a change, seen from this moment: not a moment ago, and not in
/// whole seconds, as archives have them.
fn tells(last_modified: u64, wall: u64) -> bool {
    last_modified + 100 <= wall && !last_modified.is_multiple_of(1000)
}

impl World<'_> {
    fn wall(&self) -> u64 {
        EPOCH + self.queue.now()
    }

    /// The user does not want to go on with what was left.
    pub(super) fn discard(&mut self) {
        let fresh = matches!(self.journal.hold, Hold::Free | Hold::Asked) && self.check.batch_id.is_none();
        self.recollection.discard = if fresh { Discard::Pressed } else { Discard::Late };
        self.recollection.goes_on = None;
        self.feed(Some(Input::Discard));
    }

    /// The browser's word on the journal.
    pub(super) fn journal_word(&mut self, word: Word) {
        match word {
            Word::Busy => self.feed(Some(Input::JournalBusy)),
            Word::Opened => {
                let records = self.journal.opened();
                self.recollect(&records);
                self.feed(Some(Input::JournalOpened(records)));
            }
            Word::Lost => {
                self.journal.lose();
                self.recollection = Recollection { found: self.recollection.found, ..Recollection::default() };
                self.feed(Some(Input::JournalLost { reason: "QuotaExceededError".into() }));
            }
        }
    }

    fn recollect(&mut self, records: &[Vec<u8>]) {
        let life = self.scenario.config.journal_life;
        let left = left(records);
        let is_old = left.as_ref().is_some_and(|left| self.wall().saturating_sub(left.since) > life);
        let discard = std::mem::take(&mut self.recollection.discard);
        let found = left.as_ref().filter(|_| discard == Discard::None && !is_old).map_or(0, |left| left.found);
        let left = left.map(|left| left.batch);
        self.recollection = Recollection { found, ..Recollection::default() };
        if self.scenario.config.batch_id.is_none() {
            match discard {
                // Nobody goes on with what is too old.
                Discard::None if is_old => self.recollection.shunned = left.filter(|_| self.check.batch_id.is_none()),
                // What was cancelled is over, whether the server knows or not.
                Discard::None => self.recollection.goes_on = left.filter(|_| !self.has_done(&Doing::Cancel)),
                Discard::Pressed => self.recollection.shunned = left,
                Discard::Late => {}
            }
        }
        if self.is_damaged() {
            return;
        }
        for frame in records.iter().flat_map(|record| frames(record).unwrap_or_default()) {
            if let Frame::File { at, path, size, last_modified, blocks } = frame
                && self.wall().saturating_sub(at) <= life
            {
                self.recollection.files.insert(path, Known { size, last_modified, blocks });
            }
        }
    }

    /// An earlier page had found more than this one: the batch stays open for the rest.
    pub fn awaits_more(&self) -> bool {
        self.recollection.found > self.check.files.len() as u64
    }

    fn is_damaged(&self) -> bool {
        self.story.pages[..=self.page].iter().any(|page| page.opens.damage != Damage::None)
    }

    /// What the engine does with its journal.
    pub(super) fn keep(&mut self, action: Action) -> Result<(), String> {
        if self.scenario.config.journal.is_none() {
            return Err("there is no journal".into());
        }
        let ways = &self.story.pages[self.page].journal;
        match action {
            Action::OpenJournal => self.journal.open(ways, &mut self.queue),
            Action::Record(record) => {
                self.is_true(&record)?;
                self.journal.append(record, ways, &mut self.queue)
            }
            Action::Rewrite(record) => {
                record.as_deref().map_or(Ok(Vec::new()), frames)?;
                self.journal.replace(record, ways, &mut self.queue)
            }
            Action::CloseJournal(leave) => {
                if self.has_journal() {
                    self.left(leave)?;
                }
                let Recollection { discard, found, .. } = self.recollection;
                self.recollection = Recollection { discard, found, ..Recollection::default() };
                self.journal.close()
            }
            _ => Ok(()),
        }
    }

    /// A record says what is so: what it calls arrived, the server has acked.
    fn is_true(&self, record: &[u8]) -> Result<(), String> {
        for frame in frames(record)? {
            match frame {
                Frame::Opened { batch, .. } => {
                    let known = self.server.batches.contains_key(&batch);
                    if !known {
                        return Err(format!("the journal names {batch:?}, which the server does not know"));
                    }
                }
                Frame::File { at, path, size, last_modified, blocks } => {
                    if at != self.wall() || !tells(last_modified, at) {
                        return Err(format!(
                            "{path:?} is noted at {at}, of {last_modified}, and it is {}",
                            self.wall()
                        ));
                    }
                    if blocks.iter().map(|(_, len)| len).sum::<u64>() != size {
                        return Err(format!("{path:?} is noted with {size} bytes, its blocks have others"));
                    }
                    let mut sources = self.scenario.sources.iter().filter(|source| source.found.path == path);
                    if !sources.any(|source| source.times.contains(&last_modified)) {
                        return Err(format!("{path:?} is noted with the time {last_modified}, which it never had"));
                    }
                    if !self.server.acked.contains(&(path.clone(), blocks)) {
                        return Err(format!("{path:?} is noted as arrived, and was never acked"));
                    }
                }
                Frame::Tally { found, arrived, .. } if arrived > found && !self.is_damaged() => {
                    return Err(format!("{arrived} files of {found} arrived, says the journal"));
                }
                Frame::Tally { .. } | Frame::Closed => {}
            }
        }
        Ok(())
    }

    /// The journal is let go, and its last word is what the engine says of it.
    fn left(&self, leave: Leave) -> Result<(), String> {
        let left = left(&self.journal.written());
        match (leave, left) {
            // What is over by its age alone is over.
            (Leave::Nothing, Some(left))
                if self.wall().saturating_sub(left.since) > self.scenario.config.journal_life =>
            {
                Ok(())
            }
            (Leave::Nothing, Some(left)) => Err(format!("nothing is left, and the journal says {left:?}")),
            (Leave::Unfinished, None) => Err("something is left, and the journal says nothing".into()),
            (Leave::Unfinished, Some(left)) => {
                let known =
                    [self.server.batches.contains_key(&left.batch), self.server.vanished.contains_key(&left.batch)];
                if known.contains(&true) || self.is_damaged() {
                    Ok(())
                } else {
                    Err(format!("{left:?} is left, and the server does not know it"))
                }
            }
            _ => Ok(()),
        }
    }

    /// The page dies: the journal must know the batch that it was filling.
    pub(super) fn witness(&mut self) {
        let Some(batch) = self.check.batch_id.clone() else { return };
        let open = self.server.batches.get(&batch).is_some_and(|batch| batch.phase == Phase::Open);
        let calm = self.scenario.mood == Mood::Calm && self.scenario.user.is_empty();
        if calm && open && self.has_journal() && !self.check.is_over() && self.scenario.config.batch_id.is_none() {
            let left = left(&self.journal.written()).map(|left| left.batch);
            self.check
                .that(left.as_ref() == Some(&batch), || format!("{batch} is being filled, the journal says {left:?}"));
        }
    }

    /// A request, seen by what was left: an unfinished batch goes on, one that was discarded does not.
    pub(super) fn resumes(&mut self, kind: Kind, wire: &Wire) -> Result<(), String> {
        let open = |batch: &String| self.server.batches.get(batch).is_some_and(|batch| batch.phase == Phase::Open);
        self.recollection.goes_on = self.recollection.goes_on.take().filter(open);
        if let Some(batch) = &self.recollection.goes_on
            && kind == Kind::Create
        {
            return Err(format!("a batch is created, and {batch} is unfinished"));
        }
        if kind == Kind::Complete && self.awaits_more() && self.has_journal() && !self.is_damaged() {
            let (before, now) = (self.recollection.found, self.check.files.len());
            return Err(format!("a batch is completed after {now} files, and there were {before}"));
        }
        if kind == Kind::Create {
            if self.journal.hold == Hold::Asked {
                return Err("a batch is created before the journal is there".into());
            }
            self.recollection.found = 0;
        }
        if matches!(kind, Kind::Complete | Kind::Cancel) {
            self.recollection.goes_on = None;
        }
        match &self.recollection.shunned {
            Some(batch) if wire.path.starts_with(&format!("/v1/batches/{batch}/")) => {
                Err(format!("{kind:?} goes to {batch}, which was discarded, or is too old"))
            }
            _ => Ok(()),
        }
    }

    /// A file is opened: not one that looks as it did when the server got it, and that the server still has.
    pub(super) fn must_be_read(&mut self, file: FileId) {
        let source = &self.scenario.sources[self.shell.rows[file as usize]];
        let retried = self.done.iter().any(|doing| matches!(doing, Doing::Retry(_)));
        let (now, found) = (self.wall(), &source.found);
        if retried
            || source.is_shaky()
            || self.twins(&found.path) > 1
            || (found.size.is_some() && found.last_modified.is_none())
        {
            return;
        }
        let known = self.recollection.files.get(&found.path).is_some_and(|known| {
            let alike = (known.size, known.last_modified) == (source.versions[0].len() as u64, source.times[0]);
            alike && known.blocks.iter().all(|(name, _)| self.server.blocks.contains_key(name))
        });
        let old = tells(source.times[0], EPOCH + self.opened_at);
        self.check.that(!known || !old, || format!("file {file} is read at {now}, and the journal knows it"));
    }
}
