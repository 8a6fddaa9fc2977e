//! Which files go together: groups, and the seed's `optimizeBatchSize` without its faults.

use crate::config::{Config, GroupBy};
use crate::io::{FileId, Now};
use rustc_hash::FxHashMap;
use std::collections::BinaryHeap;

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
struct Group {
    files: Vec<FileId>,
    bytes: u64,
    opened: Now,
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
    open: FxHashMap<String, Group>,
}

impl Planner {
    pub fn new(config: &Config) -> Self {
        Planner {
            max_files: config.batch_size.max(1),
            max_bytes: config.max_batch_bytes,
            by: config.group_by,
            open: FxHashMap::default(),
        }
    }

    /// The key under which this file is grouped.
    pub fn key<'a>(&self, path: &'a str, media_type: &'a str, group: Option<&'a str>) -> &'a str {
        match self.by {
            GroupBy::Order => "",
            GroupBy::Type => media_type,
            GroupBy::Folder => path.rsplit_once('/').map_or("", |(folder, _)| folder),
            GroupBy::Application => group.unwrap_or_default(),
        }
    }

    /// Puts a file into the group of its key; gives the groups that this fills, in order.
    pub fn push(&mut self, key: &str, file: FileId, size: u64, now: Now) -> Vec<Vec<FileId>> {
        let mut full = Vec::new();
        if !self.open.contains_key(key) {
            self.open.insert(key.to_owned(), Group { opened: now, ..Group::default() });
        }
        let Some(group) = self.open.get_mut(key) else { return full };
        if !group.has_room(size, self.max_bytes, self.max_files) {
            full.push(std::mem::take(group).files);
            group.opened = now;
        }
        group.push(file, size);
        if group.files.len() >= self.max_files {
            full.extend(self.open.remove(key).map(|group| group.files));
        }
        full
    }

    /// Takes a file out again.
    pub fn remove(&mut self, file: FileId, size: u64) {
        for group in self.open.values_mut() {
            if let Some(at) = group.files.iter().position(|id| *id == file) {
                group.files.remove(at);
                group.bytes -= size;
            }
        }
        self.open.retain(|_, group| !group.files.is_empty());
    }

    /// Closes the groups that opened at or before `until`, oldest first.
    pub fn close(&mut self, until: Now) -> Vec<Vec<FileId>> {
        let due = self.open.extract_if(|_, group| group.opened <= until);
        // A heap, because the standard library's sort is 3 kB of the page's wasm.
        let due: BinaryHeap<_> = due.map(|(_, group)| (group.opened, group.files)).collect();
        due.into_sorted_vec().into_iter().map(|(_, files)| files).collect()
    }

    /// When the oldest open group opened.
    pub fn oldest(&self) -> Option<Now> {
        self.open.values().map(|group| group.opened).min()
    }
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
                    groups.extend(planner.close(Now(file as u64 / 2)));
                }
            }
            groups.extend(planner.close(Now(u64::MAX)));
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
