//! The memory devices: `null`, `zero`, `full`, `random`, `urandom` (null(4), full(4), random(4)).

use super::register as register_device;
use crate::io::{Sink, Source, get_all, put_all};
use crate::mm::{MapObject, shared_memory};
use crate::vfs::file::{File, FileOps, Whence};
use crate::vfs::inode::DeviceId;
use crate::{ioctl, random};
use abi::{Errno, Result};
use alloc::sync::Arc;
use kernel_core::addr::PAGE_SIZE;

const MAJOR: u32 = 1;
const MODE: u32 = 0o666;
/// `RNDGETENTCNT` of linux/random.h.
const RNDGETENTCNT: u32 = 0x8004_5200;
/// What the pool of Linux always holds once it is ready, in bits.
const ENTROPY_BITS: i32 = 256;
/// The largest file that can be mapped: the device has no end.
const ENDLESS: u64 = i64::MAX as u64 & !(PAGE_SIZE as u64 - 1);

/// Makes their nodes.
pub(super) fn register() -> Result<()> {
    register_device("null", DeviceId::new(MAJOR, 3), MODE, |_| Ok(Arc::new(Null)))?;
    register_device("zero", DeviceId::new(MAJOR, 5), MODE, |_| Ok(Arc::new(Zero)))?;
    register_device("full", DeviceId::new(MAJOR, 7), MODE, |_| Ok(Arc::new(Full)))?;
    register_device("random", DeviceId::new(MAJOR, 8), MODE, |_| Ok(Arc::new(Random)))?;
    register_device("urandom", DeviceId::new(MAJOR, 9), MODE, |_| Ok(Arc::new(Random)))
}

struct Null;
struct Zero;
struct Full;
struct Random;

impl FileOps for Null {
    fn tells_of_events(&self) -> bool {
        false
    }

    fn read(&self, _file: &File, _sink: &mut dyn Sink, _offset: &mut u64) -> Result<usize> {
        Ok(0)
    }

    fn write(&self, _file: &File, source: &mut dyn Source, _offset: &mut u64) -> Result<usize> {
        Ok(source.remaining())
    }

    fn seek(&self, _file: &File, _offset: i64, _whence: Whence, _current: u64) -> Result<u64> {
        Ok(0)
    }
}

impl FileOps for Zero {
    fn tells_of_events(&self) -> bool {
        false
    }

    fn read(&self, _file: &File, sink: &mut dyn Sink, _offset: &mut u64) -> Result<usize> {
        put_zeros(sink)
    }

    fn write(&self, _file: &File, source: &mut dyn Source, _offset: &mut u64) -> Result<usize> {
        Ok(source.remaining())
    }

    fn seek(&self, _file: &File, _offset: i64, _whence: Whence, _current: u64) -> Result<u64> {
        Ok(0)
    }

    fn map_object(&self, _file: &File) -> Result<Arc<dyn MapObject>> {
        Ok(shared_memory(ENDLESS))
    }
}

impl FileOps for Full {
    fn tells_of_events(&self) -> bool {
        false
    }

    fn read(&self, _file: &File, sink: &mut dyn Sink, _offset: &mut u64) -> Result<usize> {
        put_zeros(sink)
    }

    fn write(&self, _file: &File, _source: &mut dyn Source, _offset: &mut u64) -> Result<usize> {
        Err(Errno::ENOSPC)
    }

    fn seek(&self, _file: &File, _offset: i64, _whence: Whence, _current: u64) -> Result<u64> {
        Ok(0)
    }
}

impl FileOps for Random {
    fn read(&self, _file: &File, sink: &mut dyn Sink, _offset: &mut u64) -> Result<usize> {
        const CHUNK: usize = 512;
        let mut done = 0;
        while sink.remaining() > 0 {
            let mut chunk = [0; CHUNK];
            let wanted = sink.remaining().min(CHUNK);
            random::fill(&mut chunk[..wanted]);
            match put_all(sink, &chunk[..wanted]) {
                Ok(count) => done += count,
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
            // As on Linux a signal ends a long read, at a page.
            if done % PAGE_SIZE == 0 && kernel_sync::park::interrupted() {
                break;
            }
        }
        Ok(done)
    }

    fn write(&self, _file: &File, source: &mut dyn Source, _offset: &mut u64) -> Result<usize> {
        let mut done = 0;
        while source.remaining() > 0 {
            let mut chunk = [0; 64];
            let count = get_all(source, &mut chunk)?;
            random::mix(&chunk[..count]);
            done += count;
        }
        Ok(done)
    }

    fn seek(&self, _file: &File, _offset: i64, _whence: Whence, current: u64) -> Result<u64> {
        Ok(current)
    }

    fn ioctl(&self, _file: &File, command: u32, argument: u64) -> Result<usize> {
        match command {
            RNDGETENTCNT => ioctl::put_i32(argument, ENTROPY_BITS),
            _ => Err(Errno::EINVAL),
        }
    }
}

static ZEROS: [u8; PAGE_SIZE] = [0; PAGE_SIZE];

fn put_zeros(sink: &mut dyn Sink) -> Result<usize> {
    let mut done = 0;
    while sink.remaining() > 0 {
        match put_all(sink, &ZEROS) {
            Ok(count) => done += count,
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
        if kernel_sync::park::interrupted() {
            break;
        }
    }
    Ok(done)
}
