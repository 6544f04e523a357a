//! Asking for memory before it is needed.

/// Fetches the line of the processor's cache that `value` begins in. Unlike reading it, this waits for nothing: so many such
/// trips to memory overlap, with each other and with the work that is done meanwhile.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code)]
    // A hint: it reads nothing that the program could see and fails at no address, least of all at that of a reference.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
    // Elsewhere there is no such hint in stable Rust; the value comes when it is read.
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
