//! What the figures were measured on, and with.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

/// The processor's name: from Linux, else from macOS.
pub(crate) fn cpu() -> Option<String> {
    let linux = || {
        let text = fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    linux().or_else(|| output("sysctl", &["-n", "machdep.cpu.brand_string"]))
}

/// The caches that one core sees: `L1 32K data, L1 32K instruction, L2 1024K`.
pub(crate) fn caches() -> Option<String> {
    let folder = Path::new("/sys/devices/system/cpu/cpu0/cache");
    let caches = (0..).map_while(|index| {
        let read = |what: &str| fs::read_to_string(folder.join(format!("index{index}/{what}"))).ok();
        let (level, size, kind) = (read("level")?, read("size")?, read("type")?.trim().to_lowercase());
        let kind = if kind == "unified" { String::new() } else { format!(" {kind}") };
        Some(format!("L{} {}{kind}", level.trim(), size.trim()))
    });
    let text = caches.collect::<Vec<_>>().join(", ");
    (!text.is_empty()).then_some(text)
}

/// The compiler's version.
pub(crate) fn rustc() -> Option<String> {
    output(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()), &["--version"])
}

/// What the compiler could use without being asked, which decides about `ndarray`.
pub(crate) fn target() -> String {
    let beyond = if cfg!(target_feature = "avx512f") {
        " with AVX-512"
    } else if cfg!(target_feature = "avx2") {
        " with AVX2"
    } else {
        ""
    };
    format!("{}{beyond}", std::env::consts::ARCH)
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Today in UTC, as 2026-01-31.
pub(crate) fn date() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (mut year, mut day) = (1970, seconds / 86_400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", day + 1)
}
