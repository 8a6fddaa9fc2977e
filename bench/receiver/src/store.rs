//! Uploads become files `N-NAME` of one directory. Written as they come, on the thread that reads the socket, never
//! synced: no back end is quicker than this, and whoever is measured against it has every advantage.

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Error};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

pub struct Store {
    directory: PathBuf,
    next: AtomicU64,
    /// Those that take several requests, by a name that the protocol gave them.
    open: Mutex<HashMap<String, Arc<Upload>>>,
    pub requests: AtomicU64,
    pub files: AtomicU64,
    pub bytes: AtomicU64,
    /// When the first byte of a body came, in microseconds since 1970; 0 before.
    pub first: AtomicU64,
}

/// A file that is being written.
pub struct Upload {
    file: File,
    pub length: u64,
    pub received: AtomicU64,
}

impl Store {
    pub fn new(directory: PathBuf) -> Self {
        Store {
            directory,
            next: AtomicU64::new(0),
            open: Mutex::default(),
            requests: AtomicU64::new(0),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            first: AtomicU64::new(0),
        }
    }

    pub fn create(&self, name: &str) -> io::Result<File> {
        let name = name.rsplit('/').next().unwrap_or_default();
        File::create(self.directory.join(format!("{}-{name}", self.next.fetch_add(1, Relaxed))))
    }

    /// A number that no other upload has.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Relaxed)
    }

    /// Counts what came, whatever becomes of it.
    pub fn came(&self, bytes: &Bytes) {
        if self.first.load(Relaxed) == 0 {
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_micros() as u64;
            let _ = self.first.compare_exchange(0, now, Relaxed, Relaxed);
        }
        self.bytes.fetch_add(bytes.len() as u64, Relaxed);
    }

    pub fn complete(&self) {
        self.files.fetch_add(1, Relaxed);
    }

    /// The upload of this name, begun by whoever asks first.
    pub fn upload(&self, key: &str, name: &str, length: u64) -> io::Result<Arc<Upload>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(upload) = open.get(key) {
            return Ok(upload.clone());
        }
        let upload = Arc::new(Upload { file: self.create(name)?, length, received: AtomicU64::new(0) });
        open.insert(key.to_owned(), upload.clone());
        Ok(upload)
    }

    pub fn find(&self, key: &str) -> Option<Arc<Upload>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Writes a body into an upload from `offset` on. Returns how much of the upload there is now; all of it: it is closed.
    pub async fn write(&self, key: &str, upload: &Upload, offset: u64, body: Body) -> io::Result<u64> {
        let mut at = offset;
        self.each(body, |bytes| {
            upload.file.write_all_at(bytes, at)?;
            at += bytes.len() as u64;
            Ok(())
        })
        .await?;
        let received = upload.received.fetch_add(at - offset, Relaxed) + at - offset;
        if received >= upload.length {
            self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
            self.complete();
        }
        Ok(received)
    }

    /// Hands on each piece of a body as it comes.
    pub async fn each(&self, mut body: Body, mut take: impl FnMut(&Bytes) -> io::Result<()>) -> io::Result<()> {
        while let Some(frame) = body.frame().await {
            if let Ok(bytes) = frame.map_err(Error::other)?.into_data() {
                self.came(&bytes);
                take(&bytes)?;
            }
        }
        Ok(())
    }
}
