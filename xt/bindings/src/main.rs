//! Writes src/xs/bindings.rs from src/xs/shim.h; with `--check` compares instead.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

const HEADER: &str = "\
//! What src/xs/shim.h declares, for Rust. Made by `make bindings`; do not edit.
#![allow(dead_code, non_camel_case_types, missing_docs)]";

/// The layouts that bindgen asserts are those of the machine that it runs on:
/// true for every 64-bit system.
const LAYOUT_ASSERTION: &str =
    "#[allow(clippy::unnecessary_operation, clippy::identity_op)]\nconst _";
const GATE: &str = "#[cfg(target_pointer_width = \"64\")]\n";

fn main() -> ExitCode {
    let crate_folder = env::var("CARGO_MANIFEST_DIR").expect("run by cargo");
    let folder = Path::new(&crate_folder).join("../../src/xs");
    let generated = bindings(&folder.join("shim.h"));
    let file = folder.join("bindings.rs");
    match env::args().nth(1).as_deref() {
        None => write(&file, &generated),
        Some("--check") => compare(&file, &generated),
        Some(other) => fail(&format!("unknown argument {other}; there is only --check")),
    }
}

fn bindings(header: &Path) -> String {
    let bindings = bindgen::Builder::default()
        .header(header.to_str().expect("a path of UTF-8"))
        .allowlist_function("fdp_.*")
        .allowlist_type("fdp_.*")
        .allowlist_var("FDP_.*")
        .rust_target(bindgen::RustTarget::stable(78, 0).expect("a known version"))
        .rust_edition(bindgen::RustEdition::Edition2021)
        .disable_header_comment()
        .raw_line(HEADER)
        .formatter(bindgen::Formatter::Rustfmt)
        .generate()
        .expect("bindgen reads the header");
    let assertion = format!("{GATE}{LAYOUT_ASSERTION}");
    bindings.to_string().replace(LAYOUT_ASSERTION, &assertion)
}

fn write(file: &PathBuf, generated: &str) -> ExitCode {
    match fs::write(file, generated) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{}: {error}", file.display())),
    }
}

fn compare(file: &PathBuf, generated: &str) -> ExitCode {
    if fs::read_to_string(file).is_ok_and(|present| present == generated) {
        return ExitCode::SUCCESS;
    }
    fail("src/xs/bindings.rs is not what src/xs/shim.h says: run `make bindings`")
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("{reason}");
    ExitCode::FAILURE
}
