//! Tells `src/lib.rs` where libsodium is, and the builder of the workspace when it is a slow one.

use std::{env, fs, path::Path};

/// What the root manifest has to say, for each profile that is built.
const ADVICE: &str = "libsodium was compiled without optimisation, and CURVE costs several times \
    as much: a build dependency has opt-level 0 in every profile, release included; set \
    [profile.dev.package.libsodium-sys-stable] and [profile.release.package.libsodium-sys-stable] \
    to opt-level = 3 in the root Cargo.toml";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let include_dir = of_libsodium("INCLUDE");
    println!("cargo::rustc-env=SODIUM_INCLUDE_DIR={include_dir}");
    println!("cargo::rustc-env=SODIUM_LIB_DIR={}", of_libsodium("LIB"));
    if is_unoptimised(&Path::new(&include_dir).with_file_name("Makefile")) {
        println!("cargo::warning={ADVICE}");
    }
}

/// A directory that the build script of libsodium-sys-stable announced.
fn of_libsodium(which: &str) -> String {
    env::var(format!("DEP_SODIUM_{which}")).expect(
        "libsodium-sys-stable announces its directories when it builds from its own source; \
         unset SODIUM_LIB_DIR and SODIUM_USE_PKG_CONFIG",
    )
}

/// Whether the last `-O` of the `CFLAGS` that libsodium's `configure` wrote down is `-O0`.
fn is_unoptimised(makefile: &Path) -> bool {
    let text = fs::read_to_string(makefile).unwrap_or_default();
    let flags = text.lines().find(|line| line.starts_with("CFLAGS ="));
    let level = flags.and_then(|line| line.split_whitespace().rfind(|flag| flag.starts_with("-O")));
    level == Some("-O0")
}
