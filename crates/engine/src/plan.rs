//! Which files go together: groups, and the seed's `optimizeBatchSize` without its faults.

use crate::config::{Config, GroupBy};
use crate::index::hash;
use crate::io::{FileId, Now};

/// Files by group, as indexes into the sizes that were given.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Never empty, never over a limit; every file that is not rejected is in exactly one.
    pub batches: Vec<Vec<u32>>,
    /// Files that are over `max_batch_bytes` all by themselves.
    pub rejected: Vec<u32>,
}

/// Plans files of these sizes into batches of at most `max_batch_bytes` bytes and `batch_size` files, in order.
pub fn plan_batches(sizes: &[u64], max_batch_bytes: Option<u64>, batch_size: usize) -> Plan {
    let mut plan = Plan::default();
    let mut open = Group::default();
    for (index, size) in (0u32..).zip(sizes) {
        if max_batch_bytes.is_some_and(|most| *size > most) {
            plan.rejected.push(index);
            continue;
        }
        if !open.has_room(*size, max_batch_bytes, batch_size) {
            plan.batches.push(std::mem::take(&mut open).files);
        }
        open.push(index, *size);
    }
    if !open.files.is_empty() {
        plan.batches.push(open.files);
    }
    plan
}

/// A group that still takes files.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub files: Vec<FileId>,
    bytes: u64,
    opened: Now,
    /// The hash of the key that its files share.
    name: u64,
}

impl Group {
    fn has_room(&self, size: u64, max_bytes: Option<u64>, max_files: usize) -> bool {
        self.files.is_empty()
            || (self.files.len() < max_files && max_bytes.is_none_or(|most| self.bytes.saturating_add(size) <= most))
    }

    fn push(&mut self, file: FileId, size: u64) {
        self.files.push(file);
        self.bytes = self.bytes.saturating_add(size);
    }
}

/// Forms groups from files as they come.
#[derive(Debug)]
pub(crate) struct Planner {
    max_files: usize,
    max_bytes: Option<u64>,
    by: GroupBy,
    /// The oldest first.
    open: Vec<Group>,
}

impl Planner {
    pub fn new(config: &Config) -> Self {
        Planner {
            max_files: config.batch_size.max(1),
            max_bytes: config.max_batch_bytes,
            by: config.group_by,
            open: Vec::new(),
        }
    }

    /// The key under which this file is grouped.
    pub fn key<'a>(&self, path: &'a str, media_type: &'a str, group: Option<&'a str>) -> &'a str {
        match self.by {
            GroupBy::Order => "",
            GroupBy::Type => media_type,
            GroupBy::Folder => folder(path),
            GroupBy::Application => group.unwrap_or_default(),
        }
    }

    /// Puts a file into the group of its key; gives the group that this fills.
    pub fn push(&mut self, key: &str, file: FileId, size: u64, now: Now) -> Option<Vec<FileId>> {
        let name = hash(key);
        // The newest first: neighbours are alike.
        let known = self.open.iter().rposition(|group| group.name == name);
        let full = known.filter(|at| !self.open[*at].has_room(size, self.max_bytes, self.max_files));
        let full = full.map(|at| self.open.remove(at).files);
        let at = known.filter(|_| full.is_none()).unwrap_or_else(|| {
            self.open.push(Group { name, opened: now, ..Group::default() });
            self.open.len() - 1
        });
        let group = &mut self.open[at];
        group.push(file, size);
        if group.files.len() >= self.max_files { Some(self.open.remove(at).files) } else { full }
    }

    /// Takes a file out again.
    pub fn remove(&mut self, file: FileId, size: u64) {
        for group in &mut self.open {
            if let Some(at) = group.files.iter().position(|id| *id == file) {
                group.files.remove(at);
                group.bytes -= size;
            }
        }
        self.open.retain(|group| !group.files.is_empty());
    }

    /// Closes the groups that opened at or before `until`, oldest first.
    pub fn close(&mut self, until: Now) -> Vec<Group> {
        let due = self.open.iter().position(|group| group.opened > until).unwrap_or(self.open.len());
        let later = self.open.split_off(due);
        std::mem::replace(&mut self.open, later)
    }

    /// When the oldest open group opened.
    pub fn oldest(&self) -> Now {
        self.open.first().map_or(Now::NEVER, |group| group.opened)
    }
}

/// The folder that a file is in; empty at the top.
pub(crate) fn folder(path: &str) -> &str {
    let end = path.bytes().rposition(|byte| byte == b'/').unwrap_or(0);
    path.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_file_is_in_exactly_one_batch_and_no_batch_breaks_a_limit(
            sizes in prop::collection::vec(0u64..200, 0..300),
            max_bytes in prop::option::of(1u64..400),
            batch_size in 1usize..20,
        ) {
            let plan = plan_batches(&sizes, max_bytes, batch_size);
            let mut seen: Vec<u32> = plan.batches.iter().flatten().chain(&plan.rejected).copied().collect();
            seen.sort_unstable();
            prop_assert!(seen.iter().copied().eq(0..sizes.len() as u32));
            for batch in &plan.batches {
                let bytes: u64 = batch.iter().map(|file| sizes[*file as usize]).sum();
                prop_assert!(!batch.is_empty() && batch.len() <= batch_size && max_bytes.is_none_or(|most| bytes <= most));
            }
            for file in &plan.rejected {
                prop_assert!(max_bytes.is_some_and(|most| sizes[*file as usize] > most));
            }
        }

        #[test]
        fn groups_as_files_come_keep_the_same_limits(
            files in prop::collection::vec((0u64..100, 0u8..4), 0..300),
            max_bytes in prop::option::of(100u64..400),
            batch_size in 1usize..20,
            close_every in 1usize..50,
        ) {
            let config = Config { batch_size, max_batch_bytes: max_bytes, group_by: GroupBy::Type, ..Config::default() };
            let mut planner = Planner::new(&config);
            let mut groups = Vec::new();
            for (file, (size, key)) in files.iter().enumerate() {
                groups.extend(planner.push(&key.to_string(), file as FileId, *size, Now(file as u64)));
                if file % close_every == 0 {
                    groups.extend(planner.close(Now(file as u64 / 2)).into_iter().map(|group| group.files));
                }
            }
            groups.extend(planner.close(Now::NEVER).into_iter().map(|group| group.files));
            let mut seen: Vec<FileId> = groups.iter().flatten().copied().collect();
            seen.sort_unstable();
            prop_assert!(seen.iter().copied().eq(0..files.len() as FileId));
            for group in &groups {
                let bytes: u64 = group.iter().map(|file| files[*file as usize].0).sum();
                prop_assert!(!group.is_empty() && group.len() <= batch_size && max_bytes.is_none_or(|most| bytes <= most));
                prop_assert!(group.iter().all(|file| files[*file as usize].1 == files[group[0] as usize].1));
            }
        }
    }

    #[test]
    fn the_seeds_faults_are_gone() {
        // The seed's function gives an empty first batch here, and puts the second file over the limit.
        let plan = plan_batches(&[50, 20, 30, 60], Some(50), usize::MAX);
        assert_eq!(plan, Plan { batches: vec![vec![0], vec![1, 2]], rejected: vec![3] });
    }
}
