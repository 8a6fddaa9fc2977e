//! Between JavaScript's values and Rust's. Everything here takes any value whatever and never panics.

use cloudindex_engine::Failure;
use cloudindex_engine::options::{self, Word};
use js_sys::{Array, Function, JSON, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, EventTarget, MessagePort};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(text: &str);

    /// `performance.now()` of a page or a worker.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub fn millis() -> f64;

    #[wasm_bindgen(js_name = setTimeout)]
    pub fn set_timeout(callback: &Function, millis: u32) -> JsValue;
}

/// What only a bug can cause: said, because silence would hide it; not fatal, because the upload may go on.
pub fn complain(what: &str) {
    console_error(&format!("cloudindex-uploader: {what}"));
}

/// An application's options, from JSON text, taken apart into words with their paths.
pub fn words(options: &str) -> Result<Vec<(String, Word)>, Failure> {
    let mut words = Vec::new();
    match JSON::parse(options) {
        Ok(object) if is_plain(&object) => take_words("", &object.unchecked_into(), &mut words),
        _ => return Err(options::not_an_object()),
    }
    Ok(words)
}

fn take_words(prefix: &str, object: &Object, words: &mut Vec<(String, Word)>) {
    for name in Object::keys(object).iter().filter_map(|name| name.as_string()) {
        let value = get(object, &name);
        let path = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        if options::is_section(&path) && is_plain(&value) {
            take_words(&path, &value.unchecked_into(), words);
        } else {
            words.push((path, word(&value)));
        }
    }
}

fn word(value: &JsValue) -> Word {
    let list = || {
        let list: &Array = value.dyn_ref()?;
        list.iter().map(|item| item.as_string()).collect::<Option<Vec<String>>>()
    };
    let json = || is_plain(value).then(|| JSON::stringify(value).ok()).flatten();
    (value.as_bool().map(Word::Flag))
        .or_else(|| value.as_f64().map(Word::Number))
        .or_else(|| value.as_string().map(Word::Text))
        .or_else(|| list().map(Word::List))
        .or_else(|| json().map(|json| Word::Object(json.into())))
        .unwrap_or(Word::Other)
}

fn is_plain(value: &JsValue) -> bool {
    value.is_object() && !Array::is_array(value)
}

pub fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (key, value) in fields {
        set(&object, key, value);
    }
    object.into()
}

pub fn set(object: &JsValue, key: &str, value: &JsValue) {
    // Fails only on frozen objects; every object that is set here was made here.
    let _ = Reflect::set(object, &JsValue::from_str(key), value);
}

/// `object[key]`; undefined where that would throw.
pub fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(key)).unwrap_or(JsValue::UNDEFINED)
}

/// `object[key]` if it is a string.
pub fn text(object: &JsValue, key: &str) -> Option<String> {
    get(object, key).as_string()
}

/// `object[key]` if it is a function.
pub fn function(object: &JsValue, key: &str) -> Option<Function> {
    get(object, key).dyn_into().ok()
}

/// `object[key](...arguments)`.
pub fn invoke(object: &JsValue, key: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    let Some(function) = function(object, key) else {
        return Err(type_error(&format!("{key} is not a function")));
    };
    function.apply(object, &arguments.iter().copied().cloned().collect::<Array>())
}

/// A value, or a promise of one, as a future whose rejection counts as handled from here on.
pub fn future(value: &JsValue) -> JsFuture {
    JsFuture::from(Promise::resolve(value))
}

pub fn rejected(error: JsValue) -> JsFuture {
    JsFuture::from(Promise::reject(&error))
}

pub fn type_error(message: &str) -> JsValue {
    js_sys::TypeError::new(message).into()
}

/// A whole number that is not negative.
pub fn count(value: &JsValue) -> Option<u64> {
    value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64)
}

/// A number in a message that can be an id.
pub fn id(message: &Array, place: u32) -> Option<u32> {
    count(&message.get(place))?.try_into().ok()
}

/// The beginning of a message.
pub fn numbers(numbers: &[u32]) -> Array {
    numbers.iter().map(|number| JsValue::from(*number)).collect()
}

pub fn post(port: &MessagePort, message: &Array, transfer: &Array) {
    if let Err(error) = port.post_message_with_transferable(message, transfer) {
        complain(&format!("a message was not sent: {}", describe(&error)));
    }
}

/// An error as a sentence: its name and message, as the browser gives them.
pub fn describe(error: &JsValue) -> String {
    match (text(error, "name"), text(error, "message")) {
        (Some(name), Some(message)) if message.is_empty() => name,
        (Some(name), Some(message)) => format!("{name}: {message}"),
        _ => error.as_string().unwrap_or_else(|| show(error)),
    }
}

/// A value in a few words. (`Debug` of a `JsValue` throws at objects that throw.)
pub fn show(value: &JsValue) -> String {
    if let Some(text) = value.as_string() {
        return format!("“{text}”");
    }
    if value.is_object() {
        let class = text(&get(value, "constructor"), "name").filter(|name| !name.is_empty());
        return format!("a value of class {}", class.as_deref().unwrap_or("Object"));
    }
    // The page has a formatter for numbers; Rust's would be 20 kB more of it.
    let text = invoke(&js_sys::global(), "String", &[value]);
    text.ok().and_then(|text| text.as_string()).unwrap_or_default()
}

/// Ends the wait for it. Nothing runs before it returns: futures are polled from a microtask.
pub struct Signal(Option<Function>);

impl Signal {
    pub fn new() -> (Self, JsFuture) {
        let mut resolve = None;
        let promise = Promise::new(&mut |given, _| resolve = Some(given.unchecked_into()));
        (Signal(resolve), JsFuture::from(promise))
    }

    pub fn give(self) {
        self.tell(&JsValue::UNDEFINED);
    }

    /// Who waits gets this.
    pub fn tell(self, value: &JsValue) {
        if let Some(resolve) = self.0 {
            let _ = resolve.call1(&JsValue::UNDEFINED, value);
        }
    }
}

/// An event listener that ends when it is dropped.
pub struct Listener {
    target: EventTarget,
    event: &'static str,
    closure: Closure<dyn Fn(Event)>,
}

impl Listener {
    pub fn new(target: &JsValue, event: &'static str, heard: impl Fn(Event) + 'static) -> Self {
        let target: EventTarget = target.clone().unchecked_into();
        let closure = Closure::<dyn Fn(Event)>::new(heard);
        // Both calls fail only on what is no EventTarget; ports and global scopes are.
        let _ = target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
        Listener { target, event, closure }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.target.remove_event_listener_with_callback(self.event, self.closure.as_ref().unchecked_ref());
    }
}
