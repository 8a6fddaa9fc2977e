//! What must hold at every step. [`Check`] sees all that the engine does, the way the page and the wire see it.

use crate::scenario::Scenario;
use cloudindex_engine::config::GroupBy;
use cloudindex_engine::{Failure, FileId, FileState, GroupChange, Phase, Progress, Update};
use std::collections::BTreeMap;

/// A file as the page knows it.
#[derive(Debug)]
pub struct FileView {
    pub source: usize,
    pub state: FileState,
    pub percent: u8,
    pub document: Option<String>,
    pub error: Option<Failure>,
    pub group: Option<u32>,
    /// The shell got the server's ack while the file was under way.
    pub acked: bool,
    /// It was taken out and put in again: an ack may be for the time before, and comes to nothing.
    pub back_again: bool,
}

#[derive(Debug)]
pub struct Check<'a> {
    scenario: &'a Scenario,
    /// The first thing that did not hold.
    pub broken: Option<String>,
    pub files: Vec<FileView>,
    groups: BTreeMap<u32, GroupView>,
    pub progress: Progress,
    pub phase: Phase,
    emitted: Option<u64>,
    pub batch_id: Option<String>,
    pub reason: Option<Failure>,
}

#[derive(Debug)]
struct GroupView {
    files: Vec<FileId>,
    completed: bool,
}

impl<'a> Check<'a> {
    pub fn new(scenario: &'a Scenario) -> Self {
        Check {
            scenario,
            broken: None,
            files: Vec::new(),
            groups: BTreeMap::new(),
            progress: Progress::default(),
            phase: Phase::Idle,
            emitted: None,
            batch_id: None,
            reason: None,
        }
    }

    pub fn that(&mut self, holds: bool, words: impl FnOnce() -> String) {
        if !holds {
            self.fail(words());
        }
    }

    pub fn fail(&mut self, words: String) {
        self.broken.get_or_insert(words);
    }

    pub fn found(&mut self, sources: &[usize]) {
        self.files.extend(sources.iter().map(|source| FileView {
            source: *source,
            state: FileState::Waiting,
            percent: 0,
            document: None,
            error: None,
            group: None,
            acked: false,
            back_again: false,
        }));
    }

    /// The user asked for these once more: what was said of them counts no longer.
    pub fn retried(&mut self, files: &[FileId]) {
        for (id, file) in self.files.iter_mut().enumerate() {
            if files.is_empty() || files.contains(&(id as FileId)) {
                file.percent = 0;
                file.acked = false;
                file.back_again |= !files.is_empty();
            }
        }
    }

    /// The user set these aside: an ack of what was on its way may come when they are on their way anew.
    pub fn set_aside(&mut self, files: &[FileId]) {
        for id in files {
            if let Some(file) = self.files.get_mut(*id as usize) {
                file.back_again = true;
            }
        }
    }

    /// The shell delivers an ack for this path.
    pub fn acked(&mut self, path: &str) {
        for file in &mut self.files {
            if self.scenario.sources[file.source].found.path == path && !file.state.is_final() {
                file.acked = true;
            }
        }
    }

    pub fn update(&mut self, update: &Update, now: u64) {
        let frame = self.scenario.config.frame;
        if let Some(last) = self.emitted.replace(now) {
            self.that(now >= last + frame, || format!("two updates within {} ms, a frame has {frame}", now - last));
        }
        self.phase = update.phase;
        self.batch_id.clone_from(&update.batch_id);
        self.reason.clone_from(&update.reason);
        for change in &update.files {
            let Some(file) = self.files.get_mut(change.id as usize) else {
                return self.fail(format!("an update tells of file {}, which was never found", change.id));
            };
            let falls = change.percent < file.percent;
            let was = std::mem::replace(&mut file.percent, change.percent);
            file.state = change.state;
            if change.document_id.is_some() {
                file.document.clone_from(&change.document_id);
            }
            file.error.clone_from(&change.error);
            let (full, fails) =
                (change.percent == 100, matches!(change.state, FileState::Failed | FileState::Rejected));
            self.that(!falls, || format!("file {} fell from {was} to {} percent", change.id, change.percent));
            self.that(full == change.state.is_stored(), || format!("{change:?}: 100 percent is for what is stored"));
            self.that(change.error.is_some() == fails, || format!("{change:?}: errors are for what failed"));
            self.that(change.document_id.is_some() == change.state.is_stored(), || {
                format!("{change:?}: which document?")
            });
        }
        for change in &update.groups {
            self.group(change);
        }
        self.counts(&update.progress);
    }

    fn group(&mut self, change: &GroupChange) {
        match change {
            GroupChange::Started { number, files } => self.group_started(*number, files),
            GroupChange::Completed { number, files } => {
                let Some(group) = self.groups.get_mut(number) else {
                    return self.fail(format!("group {number} is complete and never started"));
                };
                let (again, same) = (std::mem::replace(&mut group.completed, true), group.files == *files);
                self.that(!again, || format!("group {number} is complete twice"));
                self.that(same, || format!("group {number} ends with other files than it began"));
                for file in files {
                    // A retry may have put it on its way again within the same frame.
                    let at_rest = self.files.get(*file as usize).is_some_and(|view| view.state.is_final());
                    let retried =
                        self.scenario.user.iter().any(|(_, doing)| matches!(doing, crate::scenario::Doing::Retry(_)));
                    self.that(at_rest || retried, || format!("group {number} is complete, file {file} is not"));
                }
            }
        }
    }

    fn group_started(&mut self, number: u32, files: &[FileId]) {
        let config = &self.scenario.config;
        let fresh = self.groups.insert(number, GroupView { files: files.to_vec(), completed: false }).is_none();
        let expected = self.groups.len() as u32;
        self.that(fresh && number == expected, || format!("group {number} starts as number {expected}"));
        self.that(!files.is_empty(), || format!("group {number} is empty"));
        self.that(files.len() <= config.batch_size, || format!("group {number} has {} files", files.len()));
        let (mut bytes, mut keys) = (0, Vec::new());
        for file in files {
            let Some(view) = self.files.get_mut(*file as usize) else {
                return self.fail(format!("group {number} has file {file}, which was never found"));
            };
            let source = &self.scenario.sources[view.source];
            let before = view.group.replace(number);
            bytes += if source.is_shaky() { 0 } else { source.versions[0].len() as u64 };
            keys.push(match config.group_by {
                GroupBy::Order => "",
                GroupBy::Type => &source.found.media_type,
                GroupBy::Folder => source.found.path.rsplit_once('/').map_or("", |(folder, _)| folder),
                GroupBy::Application => source.found.group.as_deref().unwrap_or_default(),
            });
            self.that(before.is_none(), || format!("file {file} is in group {number} and {before:?}"));
        }
        let most = config.max_batch_bytes.unwrap_or(u64::MAX);
        self.that(bytes <= most, || format!("group {number} has {bytes} bytes, {most} allowed"));
        self.that(keys.iter().all(|key| *key == keys[0]), || format!("group {number} mixes {keys:?}"));
    }

    /// What is counted is what there is, and no bar falls.
    fn counts(&mut self, progress: &Progress) {
        let count = |is: fn(&FileState) -> bool| self.files.iter().filter(|file| is(&file.state)).count() as u64;
        let counted = [
            self.files.len() as u64,
            count(|state| state.is_stored()),
            count(|state| matches!(state, FileState::Failed | FileState::Rejected)),
            count(|state| *state == FileState::Cancelled),
        ];
        let told = [progress.total, progress.completed, progress.failed, progress.cancelled];
        self.that(told == counted, || {
            format!("total, completed, failed, cancelled: told {told:?}, counted {counted:?}")
        });
        let before = self.progress.percent;
        let fine = progress.percent >= before && (0.0..=100.0).contains(&progress.percent);
        self.that(fine, || format!("the whole fell from {before} to {} percent", progress.percent));
        let speeds = [progress.bytes_per_second, progress.seconds_left.unwrap_or(0.0)];
        let sane = speeds.iter().all(|speed| speed.is_finite() && *speed >= 0.0);
        self.that(sane, || format!("speed and time left: {speeds:?}"));
        let whole = progress.basis == cloudindex_engine::progress::Basis::Bytes;
        let fits = !whole || progress.bytes <= progress.total_bytes;
        self.that(fits, || format!("{} bytes acked of {}", progress.bytes, progress.total_bytes));
        self.progress = *progress;
    }

    /// The engine says that it is through.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Complete | Phase::Cancelled)
    }

    /// Groups that began and did not end.
    pub fn open_group(&self) -> Option<u32> {
        self.groups.iter().find(|(_, group)| !group.completed).map(|(number, _)| *number)
    }
}
