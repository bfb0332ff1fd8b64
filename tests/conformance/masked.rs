//! Masked loads under emulation.
//!
//! The tail of an array is read by masked loads, which leave out what is past its end. Processors do not look there,
//! but AMD's manual leaves it open whether they may, and QEMU does: it reads the whole vector, and faults on a guard
//! page that no selected lane touches. What is asked here is the machine, with an instruction of the test's own.

use std::sync::LazyLock;

/// Whether masked loads touch memory of lanes that they leave out.
pub(crate) fn reads_too_far() -> bool {
    static ANSWER: LazyLock<bool> = LazyLock::new(|| {
        let answer = probe::faults();
        if answer {
            println!("masked loads read too far here: guard pages are a vector away from the last element");
        }
        answer
    });
    *ANSWER
}

#[cfg(not(target_arch = "x86_64"))]
mod probe {
    pub(super) fn faults() -> bool {
        false
    }
}

#[cfg(target_arch = "x86_64")]
mod probe {
    use std::{
        arch::x86_64::{_mm256_maskload_ps, _mm256_setr_epi32},
        hint::black_box,
    };

    use crate::memory::Arena;

    extern "C" fn leave(_signal: libc::c_int) {
        // SAFETY: what a signal handler may call.
        unsafe { libc::_exit(1) }
    }

    #[target_feature(enable = "avx")]
    fn load_one(last: &[f32; 1]) {
        // A mask that the compiler knows would become another load.
        let first_lane = black_box(_mm256_setr_epi32(-1, 0, 0, 0, 0, 0, 0, 0));
        // SAFETY: only the first lane is selected, and it is there. Where others are touched, the child ends.
        black_box(unsafe { _mm256_maskload_ps(last.as_ptr(), first_lane) });
    }

    /// Loads the last element before a guard page in a child process, whose end tells.
    pub(super) fn faults() -> bool {
        if !is_x86_feature_detected!("avx") {
            return false;
        }
        let arena = Arena::<f32>::new(1);
        let last = arena.last_chunk().expect("an arena has a page");
        // SAFETY: between `fork` and `_exit` the child calls nothing but `signal` and a load, so that no lock of
        // another thread matters to it. AVX was detected. `waitpid` fills one number.
        unsafe {
            let child = libc::fork();
            assert_ne!(child, -1, "no child process");
            if child == 0 {
                for signal in [libc::SIGSEGV, libc::SIGBUS] {
                    libc::signal(signal, leave as *const () as libc::sighandler_t);
                }
                load_one(last);
                libc::_exit(0);
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            assert!(libc::WIFEXITED(status), "the probe ended by a signal");
            libc::WEXITSTATUS(status) != 0
        }
    }
}
