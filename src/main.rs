//! The bootable image: order of initialisation, nothing else.
#![no_std]
#![no_main]
use kernel as _; use posix_x as _;
use kernel_arch as _;
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
struct A;
unsafe impl core::alloc::GlobalAlloc for A { unsafe fn alloc(&self,_:core::alloc::Layout)->*mut u8{core::ptr::null_mut()} unsafe fn dealloc(&self,_:*mut u8,_:core::alloc::Layout){} }
#[global_allocator] static G: A = A;
#[unsafe(no_mangle)] extern "C" fn _start() -> ! { loop {} }
