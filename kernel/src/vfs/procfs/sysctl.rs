//! `/proc/sys`: constants and settings of the kernel.

use super::text::{Text, put};
use crate::credentials::Capability;
use crate::task;
use crate::uts::{self, Name, Settable};
use abi::{Errno, Result};
use kernel_sync::Once;

macro_rules! constants {
    ($($name:ident = $value:expr;)*) => {
        $(pub fn $name(text: &mut Text) -> Result<()> {
            put!(text, "{}\n", $value);
            Ok(())
        })*
    };
}

constants! {
    file_max = i64::MAX;
    nr_open = crate::files::MAX_DESCRIPTORS;
    last_capability = 40;
    groups_max = 65_536;
    release = uts::RELEASE;
    system_name = uts::SYSNAME;
    version = uts::VERSION;
    pid_max = task::PID_MAX;
    randomize_va_space = 2;
    max_map_count = crate::mm::MAX_AREAS;
    mmap_min = crate::mm::MMAP_MIN.as_u64();
    overcommit = 0;
}

pub fn host_name(text: &mut Text) -> Result<()> {
    show(&uts::HOSTNAME, text);
    Ok(())
}

pub fn set_host_name(value: &[u8]) -> Result<()> {
    set(&uts::HOSTNAME, value)
}

pub fn domain_name(text: &mut Text) -> Result<()> {
    show(&uts::DOMAINNAME, text);
    Ok(())
}

pub fn set_domain_name(value: &[u8]) -> Result<()> {
    set(&uts::DOMAINNAME, value)
}

/// A random identity of this boot.
pub fn boot_id(text: &mut Text) -> Result<()> {
    static BOOT: Once<[u8; 16]> = Once::new();
    put_uuid(text, BOOT.call_once(random_uuid));
    Ok(())
}

/// A new random identity each time.
pub fn uuid(text: &mut Text) -> Result<()> {
    put_uuid(text, &random_uuid());
    Ok(())
}

fn show(name: &Settable, text: &mut Text) {
    text.bytes(name.get().as_bytes());
    text.bytes(b"\n");
}

fn set(name: &Settable, value: &[u8]) -> Result<()> {
    task::current().credentials().require(Capability::SysAdmin)?;
    name.set(Name::new(value).ok_or(Errno::EINVAL)?);
    Ok(())
}

/// RFC 9562, version 4.
fn random_uuid() -> [u8; 16] {
    let mut bytes = [0; 16];
    crate::random::fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

fn put_uuid(text: &mut Text, uuid: &[u8; 16]) {
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.bytes(b"-");
        }
        put!(text, "{byte:02x}");
    }
    text.bytes(b"\n");
}
