//! What is refused before a byte of it is sent, and in which words.

use crate::config::Config;
use crate::error::{Failure, codes};
use crate::index::{Index, hash};
use crate::io::Found;
use cloudindex_wire::text::fill;

/// Bytes of a path in UTF-8; what file systems take at most.
const LONGEST_PATH: usize = 4096;

/// The limits in force: the application's, narrowed by the server's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub files: Option<u64>,
    pub file_bytes: Option<u64>,
    pub total_bytes: Option<u64>,
}

impl Limits {
    pub fn of(config: &Config) -> Self {
        Limits { files: config.max_files, file_bytes: config.max_file_size, total_bytes: config.total_bytes }
    }

    /// The smaller of each.
    pub fn narrow(&mut self, other: Limits) {
        let smaller = |mine: Option<u64>, theirs: Option<u64>| match (mine, theirs) {
            (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        self.files = smaller(self.files, other.files);
        self.file_bytes = smaller(self.file_bytes, other.file_bytes);
        self.total_bytes = smaller(self.total_bytes, other.total_bytes);
    }

    /// `taken` files were accepted before this one.
    pub fn check_count(&self, path: &str, taken: u64) -> Result<(), Failure> {
        match self.files {
            Some(most) if taken >= most => Err(Failure::validation(
                codes::TOO_MANY_FILES,
                fill(
                    "“@” is over the limit of # files a batch (limits.maxBatchSize): put it in another batch, or raise the limit",
                    &[path],
                    &[most],
                ),
            )),
            _ => Ok(()),
        }
    }

    /// `taken` bytes were accepted before this file.
    pub fn check_size(&self, path: &str, size: u64, taken: u64) -> Result<(), Failure> {
        if let Some(most) = self.file_bytes
            && size > most
        {
            return Err(Failure::validation(
                codes::FILE_TOO_LARGE,
                fill(
                    "“@” has # bytes, over the limit of # bytes a file (limits.maxFileSize): make it smaller, or raise the limit",
                    &[path],
                    &[size, most],
                ),
            ));
        }
        if let Some(most) = self.total_bytes
            && taken.saturating_add(size) > most
        {
            return Err(Failure::validation(
                codes::BATCH_TOO_LARGE,
                fill(
                    "“@” (# bytes) would take the batch over its limit of # bytes (limits.totalBatchBytes): put it in another batch, or raise the limit",
                    &[path],
                    &[size, most],
                ),
            ));
        }
        Ok(())
    }
}

/// Whether a server can keep a document under this path.
pub(crate) fn check_path(path: &str) -> Result<(), Failure> {
    let fault = if path.is_empty() {
        "is empty"
    } else if path.len() > LONGEST_PATH {
        "is longer than 4,096 bytes"
    } else if path.bytes().any(|byte| byte == 0) {
        "has a NUL character in it"
    } else if path.as_bytes().split(|byte| *byte == b'/').any(|segment| matches!(segment, b"" | b"." | b"..")) {
        "has an empty, “.” or “..” segment"
    } else {
        return Ok(());
    };
    let shown: String = path.chars().take(200).collect();
    Err(Failure::validation(codes::INVALID_PATH, fill("the path “@” @: rename the file", &[&shown, fault], &[])))
}

/// Two files of one upload under one path would overwrite each other.
pub(crate) fn duplicate_path(path: &str) -> Failure {
    Failure::validation(
        codes::DUPLICATE_PATH,
        fill("“@” is in this upload already: rename one of the two, or upload their folders", &[path], &[]),
    )
}

/// The file that a group of `most` bytes can never hold.
pub(crate) fn over_group(path: &str, size: u64, most: u64) -> Failure {
    Failure::validation(
        codes::FILE_TOO_LARGE,
        fill(
            "“@” has # bytes, over the limit of # bytes a group (maxBatchBytes): raise the limit",
            &[path],
            &[size, most],
        ),
    )
}

/// The files that an upload with this configuration would refuse, by index, each with the reason. Files whose size is
/// not given are checked by path and count only.
pub fn validate(files: &[Found], config: &Config) -> Vec<(usize, Failure)> {
    let limits = Limits::of(config);
    let (mut count, mut bytes) = (0, 0);
    let mut paths = Index::default();
    let mut refused = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let verdict = check_path(&file.path)
            .and_then(|()| match paths.insert(hash(&file.path), index as u32) {
                Some(other) if files[other as usize].path == file.path => Err(duplicate_path(&file.path)),
                _ => Ok(()),
            })
            .and_then(|()| limits.check_count(&file.path, count))
            .and_then(|()| match (file.size, config.max_batch_bytes) {
                (Some(size), Some(most)) if size > most => Err(over_group(&file.path, size, most)),
                (Some(size), _) => limits.check_size(&file.path, size, bytes),
                (None, _) => Ok(()),
            });
        match verdict {
            Ok(()) => {
                count += 1;
                bytes += file.size.unwrap_or(0);
            }
            Err(failure) => refused.push((index, failure)),
        }
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_fine_and_climbing_ones_are_not() {
        for path in ["a", "a/b", "a..b", "..a", "…", "quote\"s'", "new\nline", "%2e%2e", "back\\slash", "🦀/🦀"] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        for path in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\0b", &"x".repeat(4097)] {
            assert!(check_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn each_refusal_names_the_file_the_limit_and_the_fix() {
        let config = Config { max_files: Some(3), max_file_size: Some(10), total_bytes: Some(15), ..Config::default() };
        let file = |path: &str, size| Found { path: path.into(), size: Some(size), ..Found::default() };
        let files =
            [file("a", 10), file("b", 11), file("c", 6), file("d", 5), file("a", 0), file("e", 0), file("f", 0)];
        let refused = validate(&files, &config);
        let codes: Vec<_> = refused.iter().map(|(index, failure)| (*index, &*failure.code)).collect();
        assert_eq!(
            codes,
            [
                (1, codes::FILE_TOO_LARGE),
                (2, codes::BATCH_TOO_LARGE),
                (4, codes::DUPLICATE_PATH),
                (6, codes::TOO_MANY_FILES)
            ]
        );
        assert!(refused[0].1.message.contains("“b”") && refused[0].1.message.contains("limits.maxFileSize"));
    }
}
