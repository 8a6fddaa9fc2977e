//! The boundary and the page's JavaScript in a real browser: `wasm-pack test --headless --chrome`, or `npm test`. What runs
//! around the engine (`js/host`) has its tests in `tests/host`.
#![cfg(target_arch = "wasm32")]

#[path = "web/book.rs"]
mod book;
#[path = "web/conversion.rs"]
mod conversion;
#[path = "web/core.rs"]
mod core;
#[path = "web/hooks.rs"]
mod hooks;
#[path = "web/journal.rs"]
mod journal;
#[path = "web/rig.rs"]
mod rig;
#[path = "web/walking.rs"]
mod walking;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
