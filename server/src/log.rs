//! The log: to stderr, a line an event.

use crate::config::{LogFormat, LogLevel, Settings};
use std::io;
use tracing_subscriber::filter::LevelFilter;

/// Begins to log what is of the level or above it. What breaks off with a panic is logged too.
pub fn begin(settings: &Settings) {
    let level = match settings.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let log = tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(level).with_target(false);
    match settings.log_format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
    }
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a part of the server broke")));
}
