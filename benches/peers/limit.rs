//! The memory limit: loops that touch the bytes of an operation and do nothing else worth mentioning.
//!
//! Which loop is fastest depends on the machine and on the size, so there are several and the best one counts. An
//! operation that beats it shows that the loops are not the limit yet. At several threads each does the same loop on its
//! own part of the buffers.

use std::slice;

use raptors::Element;

use crate::contenders::{Contender, Op};

/// The loops for `op`, by the number of matrices it reads and writes.
pub(crate) fn contenders<T: Element>(op: &Op) -> Vec<Contender<T>> {
    let plain: Vec<Contender<T>> = match (op.reads, op.writes()) {
        (1, 0) => vec![Contender { name: "plain read", work: |p| *p.word = read(bytes(p.x)) }],
        (1, 1) => vec![Contender { name: "memcpy", work: |p| p.out.copy_from_slice(p.x) }],
        (2, 1) => {
            vec![Contender { name: "plain merge", work: |p| merge(bytes(p.x), bytes(p.y), bytes_mut(p.out)) }]
        }
        _ => Vec::new(),
    };
    #[cfg(target_arch = "x86_64")]
    let plain = plain.into_iter().chain(x86::contenders(op)).collect();
    plain
}

/// The bytes of floats.
fn bytes<T: Element>(floats: &[T]) -> &[u8] {
    // SAFETY: an `Element` is a float, which has no padding; the length is that of the same memory in bytes.
    unsafe { slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats)) }
}

/// The bytes of floats, to write.
fn bytes_mut<T: Element>(floats: &mut [T]) -> &mut [u8] {
    // SAFETY: as above, and any bytes are a float.
    unsafe { slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), size_of_val(floats)) }
}

/// Reads all bytes, as the compiler would have it.
fn read(bytes: &[u8]) -> u64 {
    let (steps, tail) = bytes.as_chunks::<64>();
    let mut words = [0_u64; 8];
    for step in steps {
        for (word, bytes) in words.iter_mut().zip(step.as_chunks().0) {
            *word ^= u64::from_ne_bytes(*bytes);
        }
    }
    words.iter().fold(0, |all, word| all ^ word) ^ read_tail(tail)
}

fn read_tail(tail: &[u8]) -> u64 {
    tail.iter().fold(0, |all, &byte| all ^ u64::from(byte))
}

/// Reads two, writes one, as the compiler would have it.
fn merge(x: &[u8], y: &[u8], out: &mut [u8]) {
    for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
        *out = x ^ y;
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::{
        is_x86_feature_detected as detected,
        x86_64::{
            __m256i, __m512i, _mm_sfence, _mm256_loadu_si256, _mm256_setzero_si256, _mm256_storeu_si256,
            _mm256_stream_si256, _mm256_xor_si256, _mm512_loadu_si512, _mm512_setzero_si512,
            _mm512_storeu_si512, _mm512_stream_si512, _mm512_xor_si512,
        },
    };

    use super::{Contender, Element, Op, bytes, bytes_mut, merge, read_tail};
    use crate::buffers::Parts;

    const LINE: usize = 64;

    /// Loops over 64-byte lines with vectors of one width: read `STREAMS` places at once, `LINES` from each a step.
    macro_rules! loops {
        ($width:ident, $feature:tt, $vector:ty, $zero:ident, $load:ident, $xor:ident, $store:ident, $stream:ident) => {
            pub(super) mod $width {
                use super::*;

                const PER_LINE: usize = LINE / size_of::<$vector>();

                #[target_feature(enable = $feature)]
                fn read_lines<const STREAMS: usize, const LINES: usize>(bytes: &[u8]) -> u64 {
                    let apart = bytes.len() / STREAMS / (LINES * LINE) * LINES * LINE;
                    let mut sums = [[$zero(); LINES]; STREAMS];
                    for step in (0..apart).step_by(LINES * LINE) {
                        for (stream, sums) in sums.iter_mut().enumerate() {
                            for (line, sum) in sums.iter_mut().enumerate() {
                                for part in 0..PER_LINE {
                                    let at =
                                        stream * apart + step + line * LINE + part * size_of::<$vector>();
                                    // SAFETY: `step` leaves room for LINES lines below `apart`, and STREAMS times
                                    // `apart` is no more than the length. The load needs no alignment.
                                    let vector = unsafe { $load(bytes.as_ptr().add(at).cast()) };
                                    *sum = $xor(*sum, vector);
                                }
                            }
                        }
                    }
                    // The value does not matter, only that the loads cannot be left out.
                    std::hint::black_box(sums);
                    read_tail(&bytes[STREAMS * apart..])
                }

                /// Writes `x`, or `x` and `y` merged, to `out`, past the caches if `PAST`.
                #[target_feature(enable = $feature)]
                fn write_lines<const STREAMS: usize, const LINES: usize, const PAST: bool>(
                    x: &[u8],
                    y: Option<&[u8]>,
                    out: &mut [u8],
                ) {
                    // A store past the caches faults if it is not aligned.
                    if PAST && !out.as_ptr().addr().is_multiple_of(LINE) {
                        return write_lines::<STREAMS, LINES, false>(x, y, out);
                    }
                    assert!(x.len() == out.len() && y.is_none_or(|y| y.len() == out.len()));
                    let apart = out.len() / STREAMS / (LINES * LINE) * LINES * LINE;
                    for step in (0..apart).step_by(LINES * LINE) {
                        for stream in 0..STREAMS {
                            let mut parts = [[$zero(); PER_LINE]; LINES];
                            let at = |line: usize, part: usize| {
                                stream * apart + step + line * LINE + part * size_of::<$vector>()
                            };
                            for (line, parts) in parts.iter_mut().enumerate() {
                                for (part, vector) in parts.iter_mut().enumerate() {
                                    // SAFETY: as in `read_lines`; all slices have the same length.
                                    *vector = unsafe { $load(x.as_ptr().add(at(line, part)).cast()) };
                                    if let Some(y) = y {
                                        // SAFETY: as above.
                                        let other = unsafe { $load(y.as_ptr().add(at(line, part)).cast()) };
                                        *vector = $xor(*vector, other);
                                    }
                                }
                            }
                            for (line, parts) in parts.iter().enumerate() {
                                for (part, &vector) in parts.iter().enumerate() {
                                    // SAFETY: as above; `apart` is a multiple of the line, so that past the caches
                                    // each store is as aligned as `out`, which was looked at.
                                    unsafe {
                                        let place = out.as_mut_ptr().add(at(line, part)).cast();
                                        if PAST { $stream(place, vector) } else { $store(place, vector) }
                                    }
                                }
                            }
                        }
                    }
                    if PAST {
                        _mm_sfence();
                    }
                    let (x, out) = (&x[STREAMS * apart..], &mut out[STREAMS * apart..]);
                    match y {
                        None => out.copy_from_slice(x),
                        Some(y) => merge(x, &y[STREAMS * apart..], out),
                    }
                }

                fn read<T: Element, const STREAMS: usize, const LINES: usize>(p: Parts<'_, T>) {
                    assert!(detected!($feature));
                    // SAFETY: the feature is there.
                    *p.word = unsafe { read_lines::<STREAMS, LINES>(bytes(p.x)) };
                }

                fn write<
                    T: Element,
                    const TWO: bool,
                    const STREAMS: usize,
                    const LINES: usize,
                    const PAST: bool,
                >(
                    p: Parts<'_, T>,
                ) {
                    assert!(detected!($feature));
                    let y = TWO.then(|| bytes(p.y));
                    // SAFETY: the feature is there.
                    unsafe { write_lines::<STREAMS, LINES, PAST>(bytes(p.x), y, bytes_mut(p.out)) };
                }

                fn writers<T: Element, const TWO: bool>() -> Vec<Contender<T>> {
                    vec![
                        Contender {
                            name: concat!(stringify!($width), ", 4 lines"),
                            work: write::<T, TWO, 1, 4, false>,
                        },
                        Contender {
                            name: concat!(stringify!($width), ", 2 places"),
                            work: write::<T, TWO, 2, 2, false>,
                        },
                        Contender {
                            name: concat!(stringify!($width), ", past caches"),
                            work: write::<T, TWO, 1, 4, true>,
                        },
                    ]
                }

                pub(super) fn contenders<T: Element>(op: &Op) -> Vec<Contender<T>> {
                    match (op.reads, op.writes()) {
                        (1, 0) => vec![
                            Contender {
                                name: concat!(stringify!($width), ", 1 place"),
                                work: read::<T, 1, 8>,
                            },
                            Contender {
                                name: concat!(stringify!($width), ", 4 places"),
                                work: read::<T, 4, 2>,
                            },
                            Contender {
                                name: concat!(stringify!($width), ", 8 places"),
                                work: read::<T, 8, 1>,
                            },
                        ],
                        (1, 1) => writers::<T, false>(),
                        (2, 1) => writers::<T, true>(),
                        _ => Vec::new(),
                    }
                }
            }
        };
    }

    loops!(
        avx2,
        "avx2",
        __m256i,
        _mm256_setzero_si256,
        _mm256_loadu_si256,
        _mm256_xor_si256,
        _mm256_storeu_si256,
        _mm256_stream_si256
    );
    loops!(
        avx512,
        "avx512f",
        __m512i,
        _mm512_setzero_si512,
        _mm512_loadu_si512,
        _mm512_xor_si512,
        _mm512_storeu_si512,
        _mm512_stream_si512
    );

    pub(super) fn contenders<T: Element>(op: &Op) -> Vec<Contender<T>> {
        let mut all = Vec::new();
        if detected!("avx2") {
            all.extend(avx2::contenders(op));
        }
        if detected!("avx512f") {
            all.extend(avx512::contenders(op));
        }
        all
    }
}
