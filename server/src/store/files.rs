//! [`Blocks`] as files: one append-only file a pack, in one directory.

use super::{Answer, Blocks, PackWriter, Removal, StoreError};
use crate::clock;
use axum::body::Bytes;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Bytes gathered before a write.
const BUFFER: usize = 512 << 10;

/// Packs in one directory.
pub struct Files {
    directory: PathBuf,
}

impl Files {
    /// Opens `directory`, and makes it if need be.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(directory)?;
        sync_directory(directory.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")))?;
        // Made by whoever serves, so that a backup by another user finds it. On a full disk it is made another time.
        let _ = Keep::file(directory);
        Ok(Files { directory: directory.to_owned() })
    }

    /// The file of a pack. Names come from records or from [`Blocks::packs`], yet none may lead out of the directory.
    fn path(&self, pack: &str) -> Result<PathBuf, StoreError> {
        if pack.is_empty() || !pack.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(StoreError::Failed(format!("{pack:?} is no name of a pack")));
        }
        Ok(self.directory.join(pack))
    }
}

/// Runs what blocks away from the threads that serve.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
}

impl Blocks for Files {
    fn create(&self) -> Answer<'_, Box<dyn PackWriter>> {
        Box::pin(async move {
            let name = clock::new_id("pack").map_err(|error| StoreError::Failed(error.to_string()))?;
            let path = self.path(&name)?;
            let file = blocking({
                let path = path.clone();
                move || Ok(File::create_new(&path)?)
            })
            .await?;
            let unsealed = Unsealed(Some(path));
            Ok(Box::new(FilePack { name, file: Some(file), buffer: Vec::new(), unsealed }) as Box<dyn PackWriter>)
        })
    }

    fn read(&self, pack: &str, offset: u64, length: usize) -> Answer<'_, Bytes> {
        let path = self.path(pack);
        Box::pin(async move {
            let path = path?;
            blocking(move || {
                let mut bytes = vec![0; length];
                let read = File::open(&path).and_then(|file| read_exact_at(&file, &mut bytes, offset));
                read.map_err(|error| unread(&path, &error))?;
                Ok(Bytes::from(bytes))
            })
            .await
        })
    }

    fn size(&self, pack: &str) -> Answer<'_, Option<u64>> {
        let path = self.path(pack);
        Box::pin(async move {
            let path = path?;
            blocking(move || match fs::metadata(path) {
                Ok(metadata) => Ok(Some(metadata.len())),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            })
            .await
        })
    }

    fn remove(&self, pack: &str) -> Answer<'_, Removal> {
        let path = self.path(pack);
        let directory = self.directory.clone();
        Box::pin(async move {
            let path = path?;
            blocking(move || {
                if Keep::is_taken(&directory)? {
                    return Ok(Removal::Kept);
                }
                match fs::remove_file(path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
                    _ => Ok(Removal::Gone),
                }
            })
            .await
        })
    }

    fn packs(&self) -> Answer<'_, Vec<String>> {
        let directory = self.directory.clone();
        Box::pin(blocking(move || {
            let mut packs = Vec::new();
            for entry in fs::read_dir(directory)? {
                // Only what this store could have written.
                if let Ok(name) = entry?.file_name().into_string()
                    && name.starts_with("pack_")
                {
                    packs.push(name);
                }
            }
            Ok(packs)
        }))
    }
}

/// Why bytes of a pack cannot be read: they are lost, or the server has trouble of its own (as too many open files).
fn unread(path: &Path, error: &std::io::Error) -> StoreError {
    let what = format!("{}: {error}", path.display());
    #[cfg(unix)]
    let broken = error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
    #[cfg(not(unix))]
    let broken = false;
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::UnexpectedEof => StoreError::Lost(what),
        _ if broken => StoreError::Lost(what),
        _ => StoreError::Failed(what),
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn read_exact_at(mut file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

struct FilePack {
    name: String,
    /// `None` only while a write is under way, and for good if one was given up.
    file: Option<File>,
    buffer: Vec<u8>,
    unsealed: Unsealed,
}

/// Removes the file unless it was sealed.
struct Unsealed(Option<PathBuf>);

impl Unsealed {
    fn keep(&mut self) {
        self.0 = None;
    }
}

impl Drop for Unsealed {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // If it stays, the sweep at the next start takes it.
            let _ = fs::remove_file(path);
        }
    }
}

impl FilePack {
    fn take_file(&mut self) -> Result<File, StoreError> {
        self.file.take().ok_or_else(|| StoreError::Failed(format!("{} failed before", self.name)))
    }
}

impl PackWriter for FilePack {
    fn append<'a>(&'a mut self, mut bytes: &'a [u8]) -> Answer<'a, ()> {
        Box::pin(async move {
            while !bytes.is_empty() {
                let (now, later) = bytes.split_at(bytes.len().min(BUFFER - self.buffer.len().min(BUFFER)));
                self.buffer.extend_from_slice(now);
                bytes = later;
                if self.buffer.len() >= BUFFER {
                    let mut file = self.take_file()?;
                    let mut buffer = std::mem::take(&mut self.buffer);
                    let written = blocking(move || {
                        file.write_all(&buffer)?;
                        buffer.clear();
                        Ok((file, buffer))
                    });
                    let (file, buffer) = written.await?;
                    (self.file, self.buffer) = (Some(file), buffer);
                }
            }
            Ok(())
        })
    }

    fn seal(mut self: Box<Self>) -> Answer<'static, String> {
        Box::pin(async move {
            let mut file = self.take_file()?;
            let buffer = std::mem::take(&mut self.buffer);
            let mut unsealed = Unsealed(self.unsealed.0.take());
            blocking(move || {
                file.write_all(&buffer)?;
                file.sync_data()?;
                if let Some(path) = &unsealed.0 {
                    sync_directory(path.parent().unwrap_or(Path::new(".")))?;
                }
                // Sealed: records may name it from now on.
                unsealed.keep();
                Ok(())
            })
            .await?;
            Ok(std::mem::take(&mut self.name))
        })
    }
}

/// While one is held, by this process or another, no pack is removed from its directory. It is a lock on the file `packs.keep`
/// beside the directory `packs`, and ends with whoever holds it.
pub struct Keep(File);

impl Keep {
    /// Waits for another one to end.
    pub fn take(directory: &Path) -> std::io::Result<Keep> {
        let file = Self::file(directory)?;
        file.lock()?;
        Ok(Keep(file))
    }

    /// Whether one is held now. Who asks must have dropped a pack from the records before: then one that is taken later finds
    /// no record that names it.
    fn is_taken(directory: &Path) -> std::io::Result<bool> {
        let file = match File::open(directory.with_extension("keep")) {
            // Whoever takes one makes it. To make it here would need room, where removing packs makes some.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn file(directory: &Path) -> std::io::Result<File> {
        File::options().read(true).write(true).create(true).truncate(false).open(directory.with_extension("keep"))
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        // Closing it would do as well.
        let _ = self.0.unlock();
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}
