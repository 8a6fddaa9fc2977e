//! What the facade is given: the engine's words as plain objects, field by field; what is not known is absent.
//!
//! By hand, because serde's way to JavaScript is 2 kB of what a page loads. `tests/web/conversion.rs` holds every field.

use crate::host::ToFacade;
use crate::js;
use cloudindex_engine::{Failure, FileChange, FileId, GroupChange, Progress, Update};
use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;

/// Has a form that JavaScript can read.
pub trait Plain {
    fn plain(&self) -> JsValue;
}

/// An object that is being filled.
struct Fields(JsValue);

impl Fields {
    fn new() -> Self {
        Fields(Object::new().into())
    }

    fn value(&self, name: &str, value: &JsValue) {
        js::set(&self.0, name, value);
    }

    fn text(&self, name: &str, text: &str) {
        self.value(name, &JsValue::from_str(text));
    }

    fn number(&self, name: &str, number: f64) {
        self.value(name, &JsValue::from_f64(number));
    }

    fn known_text(&self, name: &str, text: Option<&String>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn known_number(&self, name: &str, number: Option<f64>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    fn known_failure(&self, name: &str, failure: Option<&Failure>) {
        if let Some(failure) = failure {
            self.value(name, &failure.plain());
        }
    }
}

impl<T: Plain> Plain for [T] {
    fn plain(&self) -> JsValue {
        self.iter().map(Plain::plain).collect::<Array>().into()
    }
}

impl Plain for FileId {
    fn plain(&self) -> JsValue {
        JsValue::from_f64(f64::from(*self))
    }
}

impl Plain for ToFacade<'_> {
    fn plain(&self) -> JsValue {
        let object = Fields::new();
        object.text(
            "t",
            match self {
                ToFacade::Ready {} => "ready",
                ToFacade::Update { .. } => "update",
                ToFacade::Refresh {} => "refresh",
                ToFacade::Answer { .. } => "answer",
                ToFacade::Left {} => "left",
                ToFacade::Fatal { .. } => "fatal",
            },
        );
        match self {
            ToFacade::Ready {} | ToFacade::Refresh {} | ToFacade::Left {} => {}
            ToFacade::Update { update } => object.value("update", &update.plain()),
            ToFacade::Answer { id, body, error } => {
                object.value("id", &id.plain());
                object.known_text("body", body.as_ref());
                object.known_failure("error", error.as_ref());
            }
            ToFacade::Fatal { message } => object.text("message", message),
        }
        object.0
    }
}

impl Plain for Update {
    fn plain(&self) -> JsValue {
        let object = Fields::new();
        object.text("phase", self.phase.as_str());
        object.known_text("batchId", self.batch_id.as_ref());
        object.value("files", &self.files.plain());
        object.value("groups", &self.groups.plain());
        object.value("progress", &self.progress.plain());
        object.known_failure("reason", self.reason.as_ref());
        object.known_text("status", self.status.as_ref());
        object.0
    }
}

impl Plain for FileChange {
    fn plain(&self) -> JsValue {
        let object = Fields::new();
        object.value("id", &self.id.plain());
        object.text("state", self.state.as_str());
        object.number("percent", f64::from(self.percent));
        object.known_number("size", self.size.map(|size| size as f64));
        object.known_text("documentId", self.document_id.as_ref());
        object.known_failure("error", self.error.as_ref());
        object.0
    }
}

impl Plain for GroupChange {
    fn plain(&self) -> JsValue {
        let (change, number, files) = match self {
            GroupChange::Started { number, files } => ("started", number, files),
            GroupChange::Completed { number, files } => ("completed", number, files),
        };
        let object = Fields::new();
        object.text("change", change);
        object.value("number", &number.plain());
        object.value("files", &files.plain());
        object.0
    }
}

impl Plain for Progress {
    fn plain(&self) -> JsValue {
        let object = Fields::new();
        for (name, count) in [
            ("total", self.total),
            ("completed", self.completed),
            ("failed", self.failed),
            ("cancelled", self.cancelled),
            ("bytes", self.bytes),
            ("sentBytes", self.sent_bytes),
            ("totalBytes", self.total_bytes),
        ] {
            object.number(name, count as f64);
        }
        object.number("bytesPerSecond", self.bytes_per_second);
        object.known_number("secondsLeft", self.seconds_left);
        object.number("percent", self.percent);
        object.text("basis", self.basis.as_str());
        object.0
    }
}

impl Plain for Failure {
    fn plain(&self) -> JsValue {
        let object = Fields::new();
        object.text("type", self.kind.as_str());
        object.text("code", &self.code);
        object.text("message", &self.message);
        object.value("retryable", &self.retryable.into());
        object.known_number("status", self.status.map(f64::from));
        object.known_number("attempt", self.attempt.map(f64::from));
        object.0
    }
}
