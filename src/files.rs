//! The page's side: walks that find files, and the port to the engine.

use crate::js::{self, Listener, Signal};
use crate::outlet::{Hooks, Outlet};
use crate::ports::{ToHost, ToPage};
use crate::sources::Source;
use crate::walk::{Stop, Walk};
use js_sys::{Function, Promise};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{MessageEvent, MessagePort};

/// Handles that are kept of one drop, at most.
const ROOTS: usize = 50;

/// All that the page holds of one upload.
pub struct Files {
    port: MessagePort,
    outlet: Rc<Outlet>,
    roots: Roots,
    away: Option<Function>,
    gate: RefCell<Gate>,
    /// Walks under way.
    walks: Cell<u32>,
    listener: RefCell<Option<Listener>>,
}

/// Whether the host hears of handles: only a journal wants them, and each costs a trip to the browser process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Roots {
    Told,
    Untold,
}

/// What a walk meets between two steps.
enum Gate {
    Open,
    /// The engine has enough for now; these walks wait.
    Shut(Vec<Signal>),
    /// [`Files::close`] was called.
    Closed,
}

impl Files {
    pub fn new(port: MessagePort, hooks: &JsValue) -> Result<Rc<Self>, JsValue> {
        let files = Rc::new(Files {
            outlet: Outlet::new(port.clone(), Hooks::read(hooks)?),
            away: js::function(hooks, "away"),
            roots: if js::get(hooks, "roots").is_truthy() { Roots::Told } else { Roots::Untold },
            port,
            gate: RefCell::new(Gate::Open),
            walks: Cell::new(0),
            listener: RefCell::default(),
        });
        let weak = Rc::downgrade(&files);
        let listener = Listener::new(&files.port, "message", move |event| {
            if let Some(files) = weak.upgrade() {
                files.heard(&event.unchecked_ref::<MessageEvent>().data());
            }
        });
        files.listener.replace(Some(listener));
        files.port.start();
        Ok(files)
    }

    /// Takes what the source offers now, then walks it; resolves at its end.
    pub fn add(self: &Rc<Self>, source: JsValue) -> Promise {
        let sources = match Source::take(&source) {
            Ok(sources) => sources,
            Err(error) => return Promise::reject(&error),
        };
        self.walks.set(self.walks.get() + 1);
        let files = Rc::clone(self);
        // Of a few folders and files, not of thousands of loose ones: the browser would ask the user for each.
        let roots = if sources.len() > ROOTS { Roots::Untold } else { self.roots };
        future_to_promise(async move {
            let mut walk = Walk::new(Rc::clone(&files), roots);
            let mut ended = Ok(());
            for source in sources {
                ended = walk.source(source).await;
                if ended.is_err() {
                    break;
                }
            }
            files.outlet.flush();
            files.walks.set(files.walks.get() - 1);
            if files.walks.get() == 0 {
                ToHost::IntakeEnded.post(&files.port);
            }
            match ended {
                Ok(()) | Err(Stop::Closed) => Ok(JsValue::UNDEFINED),
                Err(Stop::Wrong(error)) => Err(error),
            }
        })
    }

    pub fn close(&self) {
        self.set_gate(Gate::Closed);
        self.listener.take();
        self.outlet.close();
        self.port.close();
    }

    pub fn outlet(&self) -> &Rc<Outlet> {
        &self.outlet
    }

    /// What is found next came by this handle.
    pub fn root(&self, handle: &JsValue) {
        ToHost::Root(handle.clone()).post(&self.port);
    }

    /// The folder of this handle, listed where that does not hold the page.
    pub fn away(&self, handle: JsValue) -> JsValue {
        let folder = self.away.as_ref().and_then(|away| away.call1(&JsValue::UNDEFINED, &handle).ok());
        folder.filter(JsValue::is_object).unwrap_or(handle)
    }

    /// Waits while the engine has enough.
    pub async fn pass(&self) -> Result<(), Stop> {
        loop {
            let opened = match &mut *self.gate.borrow_mut() {
                Gate::Open => return Ok(()),
                Gate::Closed => return Err(Stop::Closed),
                Gate::Shut(waiting) => {
                    let (signal, opened) = Signal::new();
                    waiting.push(signal);
                    opened
                }
            };
            drop(opened.await);
        }
    }

    /// Walks that waited look again.
    fn set_gate(&self, gate: Gate) {
        if let Gate::Shut(waiting) = self.gate.replace(gate) {
            waiting.into_iter().for_each(Signal::give);
        }
    }

    /// What the engine says.
    fn heard(self: &Rc<Self>, message: &JsValue) {
        match ToPage::parse(message) {
            Some(ToPage::PauseWalk) => {
                if matches!(*self.gate.borrow(), Gate::Open) {
                    self.set_gate(Gate::Shut(Vec::new()));
                }
            }
            Some(ToPage::ResumeWalk) => {
                if matches!(*self.gate.borrow(), Gate::Shut(_)) {
                    self.set_gate(Gate::Open);
                }
            }
            None => js::complain(&format!("the host sent {}", js::show(message))),
        }
    }
}
