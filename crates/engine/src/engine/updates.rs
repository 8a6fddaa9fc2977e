//! What the page is told: changes are gathered, and given at most once a frame.

use crate::error::Failure;
use crate::files::{Files, Shown};
use crate::io::{FileChange, FileId, GroupChange, Now, Phase, Update};
use crate::progress::Progress;
use std::collections::VecDeque;

/// Files an update: more than people can follow, few enough that the page handles them within a frame.
const FILES: usize = 2_000;

#[derive(Debug, Default)]
pub(super) struct Updates {
    stale: VecDeque<FileId>,
    groups: Vec<GroupChange>,
    pub reason: Option<Failure>,
    pub status: Option<String>,
    /// What was said last, and when.
    told: Option<(Phase, Now)>,
    news: News,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum News {
    #[default]
    None,
    Some,
}

impl Updates {
    pub fn file(&mut self, files: &mut Files, id: FileId) {
        if let Some(row) = files.row_mut(id)
            && row.shown == Shown::UpToDate
        {
            row.shown = Shown::Stale;
            self.stale.push_back(id);
        }
        self.news = News::Some;
    }

    /// A new row is stale from the start.
    pub fn found(&mut self, id: FileId) {
        self.stale.push_back(id);
        self.news = News::Some;
    }

    /// Gives back the room of a long queue.
    pub fn shrink(&mut self) {
        if self.stale.is_empty() {
            self.stale = VecDeque::new();
        }
    }

    pub fn group(&mut self, change: GroupChange) {
        self.groups.push(change);
        self.news = News::Some;
    }

    pub fn say(&mut self) {
        self.news = News::Some;
    }

    /// When there is something to tell, and the page is ready for it.
    pub fn due(&self, phase: Phase, frame: u64) -> Now {
        match self.told {
            None => Now(0),
            Some((told, at)) if self.news == News::Some || told != phase => at.after(frame),
            Some(_) => Now::NEVER,
        }
    }

    pub fn take(
        &mut self,
        files: &mut Files,
        phase: Phase,
        batch_id: Option<String>,
        progress: Progress,
        now: Now,
    ) -> Update {
        let count = self.stale.len().min(FILES);
        let rest = self.stale.len() - count;
        // The end is told when every file's end is.
        let phase = match self.told {
            Some((told, _)) if rest > 0 && matches!(phase, Phase::Complete | Phase::Cancelled) => told,
            None if rest > 0 => Phase::Running,
            _ => phase,
        };
        self.news = if rest > 0 { News::Some } else { News::None };
        self.told = Some((phase, now));
        let mut changes = Vec::with_capacity(count);
        for id in self.stale.drain(..count) {
            let Some(row) = files.row_mut(id) else { continue };
            row.shown = Shown::UpToDate;
            let (document_id, error) = match row.end.take().map(|end| *end) {
                Some(Ok(document)) => (Some(document), None),
                Some(Err(failure)) => (None, Some(failure)),
                None => (None, None),
            };
            changes.push(FileChange {
                id,
                state: row.state,
                percent: row.percent,
                size: row.size.get(),
                document_id,
                error,
            });
        }
        Update {
            phase,
            batch_id,
            files: changes,
            groups: std::mem::take(&mut self.groups),
            progress,
            reason: self.reason.clone(),
            status: self.status.take(),
        }
    }
}
