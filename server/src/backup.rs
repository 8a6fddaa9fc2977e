//! `cloudindex-server backup`: a data directory as it is at one moment, while a server uses it.
//!
//! The order is what makes it whole. First the lock is taken by which packs are kept ([`Keep`]): from here on the server
//! removes none. Then the records are copied, in one snapshot. Every pack that they name was there at that moment, and still
//! is: a server drops a pack from its records first, and looks at the lock after that. So the packs can be had in peace. What
//! is uploaded meanwhile lies in packs that the copy does not name.
//!
//! The records get their name last: without them a directory is no backup.

use crate::store::files::{Keep, sync_directory};
use crate::store::sqlite::backup::{Copied, copy};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What was copied.
#[derive(Debug, Default)]
pub struct Report {
    pub documents: u64,
    pub packs: u64,
    /// Bytes of the packs.
    pub bytes: u64,
    /// Packs that are the same file in both places.
    pub linked: u64,
    /// Packs that should be there, and are not.
    pub lost: Vec<String>,
}

/// Copies the data directory `data` into `to`, which is made, or is empty.
pub fn run(data: &Path, to: &Path) -> Result<Report, String> {
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |error: &dyn std::fmt::Display| format!("{path}: {error}")
    };
    let records = data.join("records.sqlite");
    if !records.is_file() {
        return Err(format!("--data {}: there is no server's data in it", data.display()));
    }
    empty(to).map_err(|error| format!("--to {}: {error}", to.display()))?;
    let packs = data.join("packs");
    let keep = Keep::take(&packs).map_err(|error| at(&packs)(&error))?;
    let unnamed = to.join("records.new");
    let Copied { documents, packs: names } = copy(&records, &unnamed).map_err(|error| at(&records)(&error))?;
    let mut report = Report { documents, ..Report::default() };
    let target = to.join("packs");
    fs::create_dir(&target).map_err(|error| at(&target)(&error))?;
    for name in names {
        let pack = packs.join(&name);
        match have(&pack, &target.join(&name), &mut report) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => report.lost.push(name),
            Err(error) => return Err(at(&pack)(&error)),
        }
    }
    sync_directory(&target).map_err(|error| at(&target)(&error))?;
    drop(keep);
    for file in others(data).map_err(|error| at(data)(&error))? {
        let target = to.join(&file);
        let source = data.join(&file);
        copied(&source, &target).map_err(|error| at(&source)(&error))?;
    }
    fs::rename(&unnamed, to.join("records.sqlite")).map_err(|error| at(&unnamed)(&error))?;
    sync_directory(to).map_err(|error| at(to)(&error))?;
    Ok(report)
}

/// Makes the directory; one that holds something is none to be copied into.
fn empty(to: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    // Keys and secrets will lie in it.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(to)?;
    match fs::read_dir(to)?.next() {
        None => Ok(()),
        Some(_) => Err(io::Error::other("it is not empty; give another directory, or empty it")),
    }
}

/// Has a pack in another place, too: as the same file where that can be, since packs never change, else as a copy.
fn have(pack: &Path, target: &Path, report: &mut Report) -> io::Result<()> {
    let bytes = fs::metadata(pack)?.len();
    match fs::hard_link(pack, target) {
        Ok(()) => report.linked += 1,
        // Another disk, or one that knows no links.
        Err(_) => copied(pack, target)?,
    }
    report.packs += 1;
    report.bytes += bytes;
    Ok(())
}

/// Copies a file with its mode, durably.
fn copied(source: &Path, target: &Path) -> io::Result<()> {
    if let Some(directory) = target.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::copy(source, target)?;
    File::open(target)?.sync_all()
}

/// All else that a server keeps: keys, and the model.
fn others(data: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for directory in ["", "model"] {
        let entries = match fs::read_dir(data.join(directory)) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let name = entry?.file_name();
            let path = Path::new(directory).join(&name);
            let own = name.to_string_lossy().starts_with("records.") || name == "lock" || name == "packs.keep";
            if !own && data.join(&path).is_file() {
                files.push(path);
            }
        }
    }
    Ok(files)
}
