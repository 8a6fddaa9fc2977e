//! wasm-bindgen's test runner: what `CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER` names.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}
