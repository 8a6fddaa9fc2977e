//! The engine's words as JSON, field by field; what is not known is absent.
//!
//! Not by serde, whose way is 20 kB of what a page loads. `tests/web/conversion.rs` holds every field.

use cloudindex_engine::journal::Unfinished;
use cloudindex_engine::plan::Plan;
use cloudindex_engine::{Failure, FileChange, FileId, GroupChange, Progress, Update};
use cloudindex_wire::json::{ObjectWriter, write_count};

pub fn failure(failure: &Failure) -> String {
    let mut object = ObjectWriter::default();
    object.string("type", failure.kind.as_str());
    object.string("code", &failure.code);
    object.string("message", &failure.message);
    object.json("retryable", if failure.retryable { "true" } else { "false" });
    known(&mut object, "status", failure.status.map(u64::from));
    known(&mut object, "attempt", failure.attempt.map(u64::from));
    object.end()
}

pub fn update(update: &Update) -> String {
    let mut object = ObjectWriter::default();
    object.string("phase", update.phase.as_str());
    known_text(&mut object, "batchId", update.batch_id.as_deref());
    object.json("files", &list(&update.files, file));
    object.json("groups", &list(&update.groups, group));
    object.json("progress", &progress(&update.progress));
    if let Some(reason) = &update.reason {
        object.json("reason", &failure(reason));
    }
    known_text(&mut object, "status", update.status.as_deref());
    object.end()
}

fn file(change: &FileChange) -> String {
    let mut object = ObjectWriter::default();
    object.count("id", change.id.into());
    object.string("state", change.state.as_str());
    object.count("percent", change.percent.into());
    known(&mut object, "size", change.size);
    known_text(&mut object, "documentId", change.document_id.as_deref());
    if let Some(error) = &change.error {
        object.json("error", &failure(error));
    }
    object.end()
}

fn group(change: &GroupChange) -> String {
    let (change, number, files) = match change {
        GroupChange::Started { number, files } => ("started", number, files),
        GroupChange::Completed { number, files } => ("completed", number, files),
    };
    let mut object = ObjectWriter::default();
    object.string("change", change);
    object.count("number", (*number).into());
    object.json("files", &list(files, number_text));
    object.end()
}

fn progress(progress: &Progress) -> String {
    let mut object = ObjectWriter::default();
    for (name, count) in [
        ("total", progress.total),
        ("completed", progress.completed),
        ("failed", progress.failed),
        ("cancelled", progress.cancelled),
        ("bytes", progress.bytes),
        ("sentBytes", progress.sent_bytes),
        ("totalBytes", progress.total_bytes),
    ] {
        object.count(name, count);
    }
    object.string("basis", progress.basis.as_str());
    object.end()
}

pub fn unfinished(left: &Unfinished) -> String {
    let mut object = ObjectWriter::default();
    object.string("batchId", &left.batch);
    object.count("since", left.since);
    object.count("files", left.arrived);
    object.count("total", left.found);
    object.count("bytes", left.bytes);
    object.end()
}

pub fn plan(plan: &Plan) -> String {
    let mut object = ObjectWriter::default();
    object.json("batches", &list(&plan.batches, |batch| list(batch, number_text)));
    object.json("rejected", &list(&plan.rejected, number_text));
    object.end()
}

pub fn refused(files: &[(usize, Failure)]) -> String {
    list(files, |(index, error)| {
        let mut object = ObjectWriter::default();
        object.count("index", *index as u64);
        object.json("error", &failure(error));
        object.end()
    })
}

fn known(object: &mut ObjectWriter, name: &str, count: Option<u64>) {
    if let Some(count) = count {
        object.count(name, count);
    }
}

fn known_text(object: &mut ObjectWriter, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        object.string(name, text);
    }
}

fn number_text(id: &FileId) -> String {
    let mut text = String::new();
    write_count(&mut text, u64::from(*id));
    text
}

fn list<T>(items: &[T], one: impl Fn(&T) -> String) -> String {
    let mut text = String::from("[");
    for item in items {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&one(item));
    }
    text.push(']');
    text
}
