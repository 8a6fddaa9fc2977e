//! The clock, and the one timer that the engine may ask for.

use crate::js;
use cloudindex_engine::Now;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &JsValue, millis: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: &JsValue);
}

/// Whole milliseconds since the thread's time origin; browsers promise that it never falls.
pub fn now() -> Now {
    Now(js::millis().max(0.0) as u64)
}

/// At most one `setTimeout` at a time.
pub struct Timer {
    due: Rc<Cell<Option<Now>>>,
    id: RefCell<JsValue>,
    callback: Closure<dyn Fn()>,
}

impl Timer {
    pub fn new(ring: impl Fn() + 'static) -> Self {
        let due = Rc::new(Cell::new(None));
        let fired = Rc::clone(&due);
        let callback = Closure::<dyn Fn()>::new(move || {
            // Before `ring`, so that what it finds undone is armed anew.
            fired.set(None);
            ring();
        });
        Timer { due, id: RefCell::new(JsValue::UNDEFINED), callback }
    }

    /// Rings at `due`, whatever was armed before; `None`: never.
    pub fn arm(&self, due: Option<Now>) {
        if self.due.get() == due {
            return;
        }
        if self.due.replace(due).is_some() {
            clear_timeout(&self.id.borrow());
        }
        if let Some(Now(due)) = due {
            // Up, because a timer that rings early rings twice. Browsers overflow past 31 bits.
            let delay = (due as f64 - js::millis()).ceil().clamp(0.0, f64::from(i32::MAX));
            self.id.replace(set_timeout(self.callback.as_ref(), delay));
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.arm(None);
    }
}
