//! `xtask bindgen IN.wasm OUTDIR`: what `wasm-bindgen --target web` does.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bindgen", input, out] => bindgen(input, out),
        _ => {
            eprintln!("usage: xtask bindgen IN.wasm OUTDIR");
            ExitCode::from(2)
        }
    }
}

fn bindgen(input: &str, out: &str) -> ExitCode {
    let mut generator = wasm_bindgen_cli_support::Bindgen::new();
    let result = generator.input_path(input).web(true).and_then(|generator| generator.typescript(true).generate(out));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
