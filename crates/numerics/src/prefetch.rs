//! Memory that will be needed soon.
//!
//! # Why this is sound
//! A prefetch changes nothing that a program can see, and never faults, whatever its address.
#![allow(unsafe_code)]

/// Bytes of a cache line.
const LINE: usize = 64;

/// Asks the CPU to bring a value near while other work is done. It decides nothing: a hint, where
/// the CPU takes hints.
#[inline]
pub fn prefetch<T: ?Sized>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<i8>();
    let bytes = size_of_val(value);
    for at in (0..bytes).step_by(LINE) {
        line(start.wrapping_add(at));
    }
    if bytes > 0 {
        // The last line, where the value does not begin with one.
        line(start.wrapping_add(bytes - 1));
    }
}

#[inline(always)]
#[cfg(target_arch = "x86_64")]
fn line(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: see above.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
fn line(_: *const i8) {}
