//! `xtask bindgen IN.wasm OUTDIR`: what `wasm-bindgen --target web` does, with short names between the wasm and its JavaScript.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bindgen", input, out] => match bindgen(input, Path::new(out)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("xtask bindgen: {error:#}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("usage: xtask bindgen IN.wasm OUTDIR");
            ExitCode::from(2)
        }
    }
}

/// wasm-bindgen tells what JavaScript and wasm have of each other apart by hashes and long names, once on either side, and nothing
/// compresses a hash: they would be a twentieth of all that a page loads. Here they become numbers.
fn bindgen(input: &str, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut output = Bindgen::new().input_path(input).web(true)?.typescript(true).generate_output()?;
    let module = output.wasm_mut();
    let mut renamed = Vec::new();
    // Whoever writes JavaScript by hand knows no name with a hash.
    let imports = module.imports.iter_mut().filter(|import| has_hash(&import.name));
    for (number, import) in imports.enumerate() {
        renamed.push((std::mem::replace(&mut import.name, format!("i{number}")), format!("i{number}")));
    }
    // Where imports come from is said with each of them.
    let from = module.imports.iter().map(|import| import.module.clone()).find(|from| from.ends_with("_bg.js"));
    for import in module.imports.iter_mut().filter(|import| Some(&import.module) == from.as_ref()) {
        import.module = "js".to_owned();
    }
    renamed.extend(from.map(|from| (format!("\"{from}\""), "js".to_owned())));
    // What the wasm gives is named in one way only.
    for (number, export) in module.exports.iter_mut().enumerate() {
        let old = std::mem::replace(&mut export.name, format!("e{number}"));
        renamed.push((format!("wasm.{old}"), format!("wasm.e{number}")));
    }
    // A name may be the beginning of another one.
    renamed.sort_by_key(|(old, _)| std::cmp::Reverse(old.len()));
    output.emit(out)?;
    for file in std::fs::read_dir(out)? {
        let path = file?.path();
        if path.to_string_lossy().ends_with(".js") || path.to_string_lossy().ends_with(".d.ts") {
            let text = std::fs::read_to_string(&path)?;
            std::fs::write(path, renamed.iter().fold(text, |text, (old, new)| text.replace(old, new)))?;
        }
    }
    Ok(())
}

/// At its end, or before the number by which wasm-bindgen tells two of one hash apart.
fn has_hash(name: &str) -> bool {
    let numbered = name.trim_end_matches(|digit: char| digit.is_ascii_digit()).strip_suffix('_').unwrap_or(name);
    [name, numbered]
        .into_iter()
        .any(|name| name.len() > 16 && name.bytes().rev().take(16).all(|byte| byte.is_ascii_hexdigit()))
}
