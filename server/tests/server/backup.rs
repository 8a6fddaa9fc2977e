//! Backups: made while a server works and keeps house, and as good as the data they were made of.

use crate::support::*;
use cloudindex_server::store::files::{Files, Keep};
use cloudindex_server::store::{Blocks, Removal};
use cloudindex_wire::{Phase, UploadToken, VerifyPage};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

fn back_up(data: &Path, to: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloudindex-server"));
    command.arg("backup").arg("--data").arg(data).arg("--to").arg(to).output().unwrap()
}

#[track_caller]
fn backed_up(data: &Path) -> PathBuf {
    let to = directory().join("backup");
    let output = back_up(data, &to);
    assert!(output.status.success(), "{output:?}");
    to
}

/// The sum over all pages of a batch: checked, stored, chunks, vectors.
fn verified(server: &Server, batch: &str) -> [u64; 4] {
    let (mut sum, mut cursor) = ([0; 4], None);
    loop {
        let body = json!({ "cursor": cursor }).to_string();
        let page: VerifyPage = server.post(&format!("/v1/batches/{batch}/verify"), &body).json();
        assert!(page.documents.damaged.is_empty() && page.probes.missed.is_empty(), "{page:?}");
        let counts = [page.documents.checked, page.documents.stored, page.embeddings.chunks, page.embeddings.present];
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        cursor = page.next;
        if cursor.is_none() {
            return sum;
        }
    }
}

#[test]
fn a_backup_made_in_the_midst_of_work_is_whole() {
    let server = Server::with(&["--collect-after", "1", "--collect-every", "1"]);
    let steady = server.batch().id;
    let texts: Vec<(String, Vec<u8>)> = (0..100)
        .map(|number| (format!("{number}"), format!("The dog of n{number}n has a house.").into_bytes()))
        .collect();
    let files: Vec<(&str, Vec<u8>)> = texts.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    server.upload(&steady, &files);
    server.post(&format!("/v1/batches/{steady}/complete"), "");
    server.until(&steady, |status| status.status == Phase::Completed);
    let busy = server.batch().id;
    let token: UploadToken = server.post("/v1/tokens", &json!({ "batchId": busy }).to_string()).json();
    let done = AtomicBool::new(false);
    let mut backups = Vec::new();
    std::thread::scope(|scope| {
        let (uploading, into, done) = (&server, &busy, &done);
        // Each round replaces documents, so that there is always something to collect.
        scope.spawn(move || {
            for round in 0.. {
                if done.load(SeqCst) {
                    break;
                }
                let blocks: Vec<_> = (0..12).map(|i| noise(round << 8 | i, 3000)).collect();
                let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
                let some = slices.chunks(4).enumerate();
                let documents: Vec<_> =
                    some.map(|(i, some)| document(&format!("{}", i as u64 + round % 3), some)).collect();
                uploading.bundle(into, &documents, &slices);
            }
        });
        // A moment each time: more packs have gone.
        for _ in 0..3 {
            let removed = figure(&server, "cloudindex_packs_removed_total");
            until(|| figure(&server, "cloudindex_packs_removed_total") > removed);
            backups.push(backed_up(&server.data));
        }
        done.store(true, SeqCst);
    });
    drop(server);
    for backup in backups {
        // The lock is not copied, nor what SQLite keeps beside the records.
        assert!(!backup.join("lock").exists() && !backup.join("records.sqlite-wal").exists());
        let mut restored = Server::on(backup, &["--collect-after", "1", "--collect-every", "1"]);
        assert_eq!(verified(&restored, &steady), [100; 4]);
        assert_eq!(restored.found(json!({ "query": "n42n", "limit": 1 })), ["42"]);
        let total = restored.status(&busy).status.total_files;
        assert_eq!(total, 5);
        assert_eq!(verified(&restored, &busy)[..2], [total; 2]);
        // Whoever had a token has it still.
        restored.with_key(&token.token, |page| assert_eq!(page.status(&busy).status.total_files, total));
        // Its housekeeping touches nothing that a document names.
        let unnamed = noise(u64::MAX, 100);
        restored.bundle_reply(&restored.batch().id, None, &[&unnamed]);
        until(|| figure(&restored, "cloudindex_packs_removed_total") > 0);
        assert_eq!(verified(&restored, &steady), [100; 4]);
        assert_eq!(verified(&restored, &busy)[..2], [total; 2]);
    }
}

#[cfg(unix)]
#[test]
fn keys_and_model_come_along_as_they_were() {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
    let server = Server::start();
    let batch = server.batch().id;
    server.upload(&batch, &[("x", b"a fast car".to_vec())]);
    server.settled(&batch);
    let data = server.keep();
    let mut key =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(data.join("api-key")).unwrap();
    std::io::Write::write_all(&mut key, b"ck_secret\n").unwrap();
    std::fs::create_dir(data.join("model")).unwrap();
    std::fs::write(data.join("model/tokenizer.json"), "{}").unwrap();
    let to = backed_up(&data);
    let mode = |path: &str| std::fs::metadata(to.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("api-key"), mode("token-key")), (0o700, 0o600, 0o600));
    assert_eq!(std::fs::read(to.join("api-key")).unwrap(), b"ck_secret\n");
    assert_eq!(std::fs::read(to.join("model/tokenizer.json")).unwrap(), b"{}");
    // On the same disk a pack is one file with two names.
    let packs = std::fs::read_dir(to.join("packs")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().nlink());
    assert_eq!(packs.collect::<Vec<_>>(), [2]);
    // Where the original is gone, it is whole all the same.
    std::fs::remove_dir_all(&data).unwrap();
    let restored = Server::on(to, &[]);
    assert_eq!(verified(&restored, &batch), [1; 4]);
}

#[test]
fn what_cannot_be_backed_up_is_said() {
    let server = Server::start();
    let batch = server.batch().id;
    server.upload(&batch, &[("x", b"first".to_vec())]);
    server.upload(&batch, &[("y", b"second".to_vec())]);
    let says = |output: &Output, what: &str| {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && text.contains(what), "{output:?}");
    };
    let to = directory();
    std::fs::write(to.join("something"), "").unwrap();
    says(&back_up(&server.data, &to), "not empty");
    says(&back_up(&to, &directory()), "no server's data");
    // A pack that is lost is named, and all else is there.
    let mut packs: Vec<_> = std::fs::read_dir(server.data.join("packs")).unwrap().map(|e| e.unwrap().path()).collect();
    packs.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("pack_"));
    std::fs::remove_file(&packs[0]).unwrap();
    let to = directory();
    says(&back_up(&server.data, &to), &packs[0].file_name().unwrap().to_string_lossy());
    let restored = Server::on(to, &["--workers", "0"]);
    let page: VerifyPage = restored.post(&format!("/v1/batches/{batch}/verify"), "").json();
    assert_eq!((page.documents.checked, page.documents.stored), (2, 1));
}

#[test]
fn no_pack_is_removed_while_one_is_made() {
    let packs = directory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let files = Files::open(&packs).unwrap();
        let mut pack = files.create().await.unwrap();
        pack.append(b"bytes").await.unwrap();
        let name = pack.seal().await.unwrap();
        let keep = Keep::take(&packs).unwrap();
        assert_eq!(files.remove(&name).await.unwrap(), Removal::Kept);
        assert_eq!(files.size(&name).await.unwrap(), Some(5));
        drop(keep);
        assert_eq!(files.remove(&name).await.unwrap(), Removal::Gone);
        assert_eq!(files.size(&name).await.unwrap(), None);
        assert_eq!(files.remove(&name).await.unwrap(), Removal::Gone, "once more is no error");
    });
    std::fs::remove_dir_all(packs).unwrap();
}
