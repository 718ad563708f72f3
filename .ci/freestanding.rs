//! A program without the standard library around one library, `subject`.
//!
//! If the library links std, however deep, std's panic handler and this one collide and the compiler refuses:
//! `found duplicate lang item panic_impl`. `.ci/run` compiles it against each pure crate.
#![no_std]

extern crate subject as _;

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

/// Memory that is never there: the program is linked and never run.
struct Nothing;

// SAFETY: no allocation ever succeeds, so there is nothing to be given back.
unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static NOTHING: Nothing = Nothing;

#[panic_handler]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {}
}
