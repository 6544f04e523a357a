//! What the processor and the system are told of memory that is visited here and there: hints, without which all is the same but
//! slower.

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

/// From this size on a vector is worth it: two huge pages of x86-64.
const LARGE: usize = 4 << 20;

/// Asks for huge pages for what a large vector has room for, to be called when it has grown. The processor knows where a few
/// thousand pages are; of more it has to look that up in memory before each visit.
pub fn huge_pages<T>(vector: &mut Vec<T>) {
    let bytes = vector.capacity() * size_of::<T>();
    let page = rustix::param::page_size();
    let start = vector.as_mut_ptr().cast::<u8>();
    let skipped = start.align_offset(page);
    if bytes < LARGE || skipped >= bytes {
        return;
    }
    #[allow(unsafe_code)]
    // Whole pages within the vector's own allocation; what they hold stays as it is. Where the system has no huge pages it says
    // so, and nothing is lost.
    unsafe {
        let length = (bytes - skipped) / page * page;
        let _ = rustix::mm::madvise(
            start.add(skipped).cast(),
            length,
            rustix::mm::Advice::LinuxHugepage,
        );
    }
}
