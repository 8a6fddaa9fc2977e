//! Inputs and actions as one line each, and as one number each for the fingerprint.

use crate::frames::{Frame, frames};
use cloudindex_engine::{Action, Input, Segment};

pub fn input(input: &Input) -> String {
    match input {
        Input::Found(found) => {
            let names: Vec<_> = found.iter().map(|file| (&*file.path, file.size)).collect();
            format!("<- found {names:?}")
        }
        Input::Cut { file, blocks, read, size, ended } => {
            let lens: Vec<u32> = blocks.iter().map(|block| block.len).collect();
            format!(
                "<- cut file {file}: blocks {lens:?}, read {read}, size {size:?}{}",
                if *ended { ", ended" } else { "" }
            )
        }
        Input::Reply { attempt, reply } => {
            let body: String = String::from_utf8_lossy(&reply.body).chars().take(600).collect();
            format!("<- {attempt:?} {} retry-after {:?} {body}", reply.status, reply.retry_after)
        }
        Input::JournalOpened(records) => {
            let records: Vec<String> = records.iter().map(|record| said(record)).collect();
            format!("<- journal opened {records:?}")
        }
        other => format!("<- {other:?}"),
    }
}

pub fn action(action: &Action) -> String {
    match action {
        Action::Send { attempt, request } => {
            let mut text = String::new();
            for segment in &request.body {
                match segment {
                    Segment::Block(key) => text.push_str(&format!(" [{}.{}]", key.file, key.index)),
                    Segment::Bytes(bytes) => {
                        let bytes = String::from_utf8_lossy(bytes);
                        let paths = bytes.split("\"path\":").skip(1).filter_map(|rest| rest.split(",\"size\"").next());
                        paths.for_each(|path| text.push_str(&format!(" {path}")));
                    }
                }
            }
            format!("-> send {attempt:?} {} {}{text}", request.method.as_str(), request.url)
        }
        Action::Emit(update) => {
            let files: Vec<String> = update
                .files
                .iter()
                .map(|change| {
                    let code = change.error.as_ref().map(|error| error.code.to_string()).unwrap_or_default();
                    format!("{}:{:?} {}%{code}", change.id, change.state, change.percent)
                })
                .collect();
            let told = &update.progress;
            format!(
                "-> emit {:?} {files:?} {:?} {:.1}% of {} ({} done, {} failed) {:?}",
                update.phase, update.groups, told.percent, told.total, told.completed, told.failed, update.reason
            )
        }
        Action::Record(record) => format!("-> record {}", said(record)),
        Action::ForgetRoots => "-> forget the roots".into(),
        Action::Rewrite(record) => format!("-> rewrite {:?}", record.as_deref().map(said)),
        other => format!("-> {other:?}"),
    }
}

/// What a record of the journal says, in short.
fn said(record: &[u8]) -> String {
    let frames = match frames(record) {
        Ok(frames) => frames,
        Err(words) => return words,
    };
    let frames: Vec<String> = frames
        .into_iter()
        .map(|frame| match frame {
            Frame::File { path, size, last_modified, blocks, .. } => {
                format!("{path:?} {size} {last_modified} {} blocks", blocks.len())
            }
            other => format!("{other:?}"),
        })
        .collect();
    frames.join(", ")
}

/// A number that tells inputs apart.
pub fn weight(input: &Input) -> u64 {
    match input {
        Input::Found(found) => 10 + found.len() as u64,
        Input::Cut { file, read, blocks, .. } => 1 << 20 | u64::from(*file) << 32 ^ read ^ (blocks.len() as u64) << 50,
        Input::Reply { attempt, reply } => {
            2 << 20 | attempt.0 << 32 ^ reply.body.len() as u64 ^ u64::from(reply.status) << 50
        }
        Input::NoReply { attempt, .. } => 3 << 20 | attempt.0,
        _ => 4 << 20,
    }
}

/// A number that tells actions apart.
pub fn worth(action: &Action) -> u64 {
    match action {
        Action::Size(files) => 5 << 20 | files.len() as u64,
        Action::Read { file, up_to } => 6 << 20 | u64::from(*file) << 40 ^ up_to,
        Action::StopReading(file) => 7 << 20 | u64::from(*file),
        Action::Forget { file, blocks } => {
            8 << 20 | u64::from(*file) << 40 ^ u64::from(blocks.start) << 20 ^ u64::from(blocks.end)
        }
        Action::Send { attempt, request } => 9 << 20 | attempt.0 << 40 ^ request.body.len() as u64,
        Action::Abort(attempt) => 10 << 20 | attempt.0,
        Action::Emit(update) => 11 << 20 | (update.files.len() as u64) << 40 ^ update.progress.bytes,
        _ => 12 << 20,
    }
}
