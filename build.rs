//! Hands the linker script to the linker when the image is built for the bare machine.

fn main() {
    println!("cargo:rerun-if-changed=src/link.ld");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo names the package's folder");
    for argument in [&format!("-T{root}/src/link.ld"), "-zmax-page-size=4096", "--build-id=none", "-no-pie", "-znoexecstack"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
