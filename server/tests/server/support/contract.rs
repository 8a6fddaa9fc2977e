//! Holds answers against the description: every answer that a test sees by [`Server::send`](super::Server::send) comes by here.

use super::Reply;
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The description, as the server under test has it: both are of one crate.
pub static DESCRIPTION: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_slice(&cloudindex_server::openapi::JSON).unwrap());

/// What is wrong with an answer, by the description of the call that it is of. Nothing is wrong with answers to what is no
/// call: other tests look at those.
pub fn complaint(method: &str, path: &str, reply: &Reply) -> Option<String> {
    let (call, described) = operation(method, path)?;
    complain(method, call, described, reply).err().map(|wrong| format!("{method} {path}, {}: {wrong}", reply.status))
}

/// The call that a path is of, and its description.
fn operation(method: &str, path: &str) -> Option<(&'static str, &'static Value)> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let same = |template: &str| {
        path.split('/').count() == template.split('/').count()
            && path
                .split('/')
                .zip(template.split('/'))
                .all(|(given, wanted)| given == wanted || wanted.starts_with('{'))
    };
    let (template, calls) = DESCRIPTION["paths"].as_object()?.iter().find(|(template, _)| same(template))?;
    Some((template, calls.get(method.to_ascii_lowercase())?))
}

fn complain(method: &str, call: &'static str, described: &'static Value, reply: &Reply) -> Result<(), String> {
    let described = described["responses"].get(reply.status.to_string()).ok_or("the status is not described")?;
    let described = resolved(described);
    for name in described["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
        reply.headers.get(name).ok_or_else(|| format!("the header {name} is missing"))?;
    }
    let kind = reply.header("content-type");
    let Some(content) = described["content"].as_object() else {
        return if reply.body.is_empty() { Ok(()) } else { Err(format!("a body of {kind} is not described")) };
    };
    let (_, content) =
        content.iter().find(|(name, _)| *name == kind || *name == "*/*").ok_or(format!("{kind:?} is not described"))?;
    if !kind.ends_with("json") || content["schema"].is_null() {
        return Ok(());
    }
    let body = serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
    fits(&format!("{method} {call} {}", reply.status), &content["schema"], &body)
}

/// What a reference points to.
fn resolved(described: &'static Value) -> &'static Value {
    match described["$ref"].as_str() {
        Some(place) => DESCRIPTION.pointer(&place[1..]).unwrap_or(&Value::Null),
        None => described,
    }
}

/// The test fails unless `value` is as the schema of this name says.
#[track_caller]
pub fn named(name: &str, value: &Value) {
    if let Err(wrong) = fits(name, &json!({ "$ref": format!("#/components/schemas/{name}") }), value) {
        panic!("not as described: {name}: {wrong}: {value}");
    }
}

/// Whether `value` is as `schema` says, and has nothing that it does not say. `name` stands for the schema.
fn fits(name: &str, schema: &Value, value: &Value) -> Result<(), String> {
    static READY: LazyLock<Mutex<HashMap<String, Validator>>> = LazyLock::new(Mutex::default);
    let mut ready = READY.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = ready.entry(name.to_owned()).or_insert_with(|| {
        let mut whole =
            json!({ "allOf": [{ "$ref": "#/wanted" }], "wanted": schema, "components": DESCRIPTION["components"] });
        close(&mut whole);
        jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true).build(&whole).unwrap()
    });
    let wrong: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{} at {:?}", error, error.instance_path().to_string()))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// Forbids what is not described. Clients must put up with it; a test that finds it has found a field without a description.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(close),
        Value::Object(members) => {
            if members.contains_key("$ref") {
                members.insert("unevaluatedProperties".into(), false.into());
            }
            for (name, member) in members {
                match (name.as_str(), member) {
                    // What is put together is closed as a whole, not each part to the others.
                    ("allOf", Value::Array(parts)) => parts.iter_mut().for_each(|part| {
                        if part.get("$ref").is_none() {
                            close(part);
                        }
                    }),
                    (_, member) => close(member),
                }
            }
        }
        _ => {}
    }
}
