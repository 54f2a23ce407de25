//! Compiles the C shim between Perl and Rust, as the perl in `$PERL` (or `perl`) was compiled.

use std::collections::HashMap;
use std::env;
use std::path::Path;
use std::process::{exit, Command};

use cfg_aliases::cfg_aliases;

const SHIM: [&str; 9] = [
    "src/xs/trampoline.c",
    "src/xs/answer.c",
    "src/xs/buffers.c",
    "src/xs/arguments.c",
    "src/xs/refusal.c",
    "src/xs/handle.c",
    "src/xs/list.c",
    "src/xs/callback.c",
    "src/xs/guard.c",
];
const READ_BY_THE_BUILD: [&str; 5] = [
    "build.rs",
    "inc/PerlConfig.pm",
    "perl/File/FDpasser.pm",
    "src/xs/shim.h",
    "src/xs/perl_side.h",
];
/// `FDPASSER_PERL`, set by `make`, is all that matters of perl's Config: another perl rebuilds.
const ENVIRONMENT: [&str; 4] = ["PERL", "CC", "FDPASSER_PERL", "FDPASSER_WERROR"];

fn main() {
    name_what_triggers_a_rebuild();
    declare_cfgs();
    if env::var_os("CARGO_FEATURE_PERL").is_none() {
        return;
    }
    let perl = PerlConfig::ask();
    check_versions(&perl);
    check_pointers(&perl);
    check_headers(&perl);
    compile_shim(&perl);
    emit_cfgs(&perl);
    emit_link_arguments();
}

fn name_what_triggers_a_rebuild() {
    for file in READ_BY_THE_BUILD.iter().chain(&SHIM) {
        println!("cargo:rerun-if-changed={file}");
    }
    for name in ENVIRONMENT {
        println!("cargo:rerun-if-env-changed={name}");
    }
}

fn declare_cfgs() {
    println!("cargo:rustc-check-cfg=cfg(perl_multiplicity)");
    name_families();
}

/// The families of systems, and what they have; `src/system/mod.rs` picks by these.
fn name_families() {
    cfg_aliases! {
        linux_kernel: { any(target_os = "linux", target_os = "android") },
        bsd: { any(target_os = "freebsd", target_os = "dragonfly", target_os = "netbsd", target_os = "openbsd") },
        solarish: { any(target_os = "illumos", target_os = "solaris") },
        known_system: { any(linux_kernel, bsd, solarish, target_os = "macos") },
        // Close-on-exec from the first moment.
        has_accept4: { any(linux_kernel, bsd, target_os = "illumos") },
        has_flock: { any(linux_kernel, bsd, target_os = "macos", target_os = "illumos") },
        has_memfd: { any(linux_kernel, target_os = "freebsd") },
        has_ppoll: { any(linux_kernel, bsd) },
        // stat(2) has 32 bits where 64 may be needed.
        has_narrow_stat: { all(target_os = "linux", target_pointer_width = "32") },
        // sendmsg(2) has less room than a message may have descriptors.
        sendmsg_copies: { all(target_os = "linux", target_env = "musl", target_pointer_width = "64") },
        has_sigtimedwait: { all(any(linux_kernel, bsd), not(target_os = "openbsd")) },
    }
}

/// `perl_multiplicity`: XSUBs get the interpreter as an argument.
fn emit_cfgs(perl: &PerlConfig) {
    if perl.get("multiplicity") == "1" {
        println!("cargo:rustc-cfg=perl_multiplicity");
    }
}

/// Perl's symbols stay undefined until perl loads the library, and the library stays until the process ends.
/// Its own symbols nobody replaces, so that the loader need not search for them.
fn emit_link_arguments() {
    let arguments: &[&str] = match target("OS").as_str() {
        "macos" => &["-undefined", "dynamic_lookup"],
        _ => &["-Wl,-z,nodelete", "-Wl,-Bsymbolic"],
    };
    for argument in arguments {
        println!("cargo:rustc-cdylib-link-arg={argument}");
    }
    link_unwinder();
}

/// GCC's unwinder, whose shared library would take a sixth of the time that the module takes to load.  Where it
/// stands beside that, as GCC installs it, and Rust's own parts are optimised together with ours.
fn link_unwinder() {
    if [target("ARCH"), target("OS"), target("ENV")] != ["x86_64", "linux", "gnu"] {
        return;
    }
    let linker = env::var_os("RUSTC_LINKER").unwrap_or("cc".into());
    let asked = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output();
    // A name alone is said of what is not there.
    if asked.is_ok_and(|said| said.stdout.starts_with(b"/")) {
        println!("cargo:rustc-link-lib=gcc_eh");
    }
}

/// The module's version lives in the .pm; the crate's has to follow it.
fn check_versions(perl: &PerlConfig) {
    let module = perl.get("crate_version").trim_start_matches('v');
    let this_crate = env!("CARGO_PKG_VERSION");
    if module != this_crate {
        let version = perl.get("version");
        fail(&format!(
            "perl/File/FDpasser.pm has version {version}, so Cargo.toml needs version {module}, not {this_crate}"
        ));
    }
}

fn check_pointers(perl: &PerlConfig) {
    let bits = 8 * perl.get("pointer_bytes").parse::<u32>().unwrap_or(0);
    if bits.to_string() != target("POINTER_WIDTH") {
        fail(&format!(
            "this perl is a {bits}-bit program, but rustc builds for {}: use a rustc for the perl's architecture",
            env::var("TARGET").unwrap_or_default()
        ));
    }
}

fn check_headers(perl: &PerlConfig) {
    let header = Path::new(perl.get("core")).join("perl.h");
    println!("cargo:rerun-if-changed={}", header.display());
    if !header.exists() {
        fail(&format!(
            "{} is missing: `perl Makefile.PL` names the package that brings it",
            header.display()
        ));
    }
}

fn compile_shim(perl: &PerlConfig) {
    choose_compiler(perl);
    let version = format!("\"{}\"", perl.get("version"));
    let mut build = cc::Build::new();
    build
        .files(SHIM)
        .define("VERSION", version.as_str())
        .define("XS_VERSION", version.as_str())
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(env::var_os("FDPASSER_WERROR").is_some_and(|value| value == "1"));
    for flag in perl.all("ccflag") {
        build.flag(flag);
    }
    include_headers(&mut build, perl.get("core"));
    if let Err(error) = build.try_compile("fdpasser_shim") {
        fail(&error.to_string());
    }
}

/// As system headers where the compiler knows them, so that perl's own code raises no warnings here.
fn include_headers(build: &mut cc::Build, core: &str) {
    let modern = build
        .try_get_compiler()
        .is_ok_and(|compiler| compiler.is_like_gnu() || compiler.is_like_clang());
    if modern {
        build.flag("-isystem").flag(core);
    } else {
        build.include(core);
    }
}

/// The cc crate takes the compiler, of one word or more, from `$CC`.
fn choose_compiler(perl: &PerlConfig) {
    env::set_var("CC", perl.get("cc"));
}

fn target(property: &str) -> String {
    env::var(format!("CARGO_CFG_TARGET_{property}")).unwrap_or_default()
}

/// What inc/PerlConfig.pm says of the perl in use.
struct PerlConfig(HashMap<String, Vec<String>>);

impl PerlConfig {
    fn ask() -> Self {
        let perl = env::var("PERL").unwrap_or_else(|_| "perl".into());
        let output = Command::new(&perl)
            .args(["-Iinc", "-MPerlConfig", "-e", "PerlConfig::print_settings"])
            .output()
            .unwrap_or_else(|error| fail(&format!("cannot run {perl}: {error}")));
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            fail(&format!("{perl}: {}: {complaint}", output.status));
        }
        Self::parse(&String::from_utf8_lossy(&output.stdout))
    }

    fn parse(lines: &str) -> Self {
        let mut settings: HashMap<String, Vec<String>> = HashMap::new();
        for (key, value) in lines.lines().filter_map(|line| line.split_once('=')) {
            settings.entry(key.into()).or_default().push(value.into());
        }
        Self(settings)
    }

    fn get(&self, key: &str) -> &str {
        self.all(key)
            .first()
            .unwrap_or_else(|| fail(&format!("inc/PerlConfig.pm did not say {key}")))
    }

    fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}

fn fail(reason: &str) -> ! {
    eprintln!("\n{reason}\n");
    exit(1)
}
