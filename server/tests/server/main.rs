//! The server as its callers see it: a real process, unless a file says otherwise. One program, so that `support` is built once.

mod support;

mod backup;
mod config;
mod documents;
mod faults;
mod figures;
mod full_disk;
mod http;
mod kills;
mod log;
mod openapi;
mod pipeline;
mod poison;
mod probe;
mod quotas;
mod rates;
mod status;
mod stop;
mod tenants;
mod tokens;
mod upkeep;
mod verifier;
mod verify;
mod webhooks;
