//! Calls that are told times, of sizes that nobody computes: what they decide, and how that is told and saved.

use std::time::Duration;

use super::*;
use crate::{
    Choice, Cut, Dtype, Numerics,
    catalogue::{self, Call},
    dispatch::table::Target,
    ops::{Supports, op},
};

/// A number of threads that no other test has.
const THREADS: usize = 3;
const COLS: usize = 1 << 12;

fn target(rows: usize) -> Target {
    Target { rows, cols: COLS, bytes: 8 * rows * COLS, contiguous: true, stores: true }
}

/// A call of `scale` on so many rows.
fn advice_on(rows: usize) -> Option<buckets::Advice> {
    let table = <f32 as Supports<op::Scale>>::TABLES.into;
    advice("scale", (table, Dtype::F32), &Call::default(), target(rows))
        .expect("an environment that can be read")
}

/// So many calls, which take as long as `takes` says of calls that are shared and of others, in microseconds.
fn calls(rows: usize, count: usize, takes: impl Fn(bool) -> u64) {
    for _ in 0..count {
        let Some(advice) = advice_on(rows) else { continue };
        let is_shared = advice.cut.is_some_and(|cut| cut.threads > 1);
        if let Some(sample) = advice.sample {
            sample.took(Duration::from_micros(takes(is_shared)), target(rows).bytes);
        }
    }
}

fn row(rows: usize) -> Option<Row> {
    let bytes = target(rows).bytes.next_power_of_two();
    state().into_iter().find(|row| (row.op, row.threads, row.bytes) == ("scale", THREADS, bytes))
}

#[test]
fn what_is_learned_is_followed_told_and_forgotten() {
    crate::set_num_threads(THREADS).expect("a number of threads");
    enable();
    let (rows, other) = (1 << 15, 1 << 16);
    let explain = |rows| catalogue::explain("scale", Dtype::F32, (rows, COLS)).expect("known");
    assert_eq!((explain(rows).threads, explain(rows).adapted), (THREADS, None));

    // The table shares, and that is slow.
    calls(rows, 400, |is_shared| if is_shared { 5000 } else { 2000 });
    let learned = row(rows).expect("there were calls");
    assert!(learned.decided && learned.way == Way::Alone && learned.by_table != Way::Alone, "{learned:?}");
    assert_eq!((learned.switches, learned.samples), (1, learned.ways.iter().map(|way| way.samples).sum()));
    let alone = &learned.ways[0];
    assert!((1990..2010).contains(&alone.time.as_micros()) && alone.slower.is_none(), "{alone:?}");
    assert!(learned.ways[1].slower.is_some_and(|slower| (slower - 1.5).abs() < 0.01), "{learned:?}");

    // Calls follow it, and explanations say so.
    let found = explain(rows);
    let adapted = found.adapted.expect("decided");
    assert_eq!((found.threads, adapted.way, adapted.samples), (1, Way::Alone, learned.samples));
    assert_eq!(found.sharing, format!("adapted, {} samples: on one thread", learned.samples));
    let cuts: Vec<_> =
        (0..20).filter_map(|_| advice_on(rows)).filter(|advice| advice.sample.is_none()).collect();
    assert!(cuts.iter().all(|advice| advice.cut == Some(Cut::ALONE)));
    // Of another size nothing is known, nor with another number of threads.
    assert_eq!((row(other), explain(other).adapted), (None, None));

    // A cut or a kernel that the caller names is not touched, nor is a small call.
    let table = <f32 as Supports<op::Scale>>::TABLES.into;
    let asked = |call: &Call<'_>, target| {
        advice("scale", (table, Dtype::F32), call, target).expect("right").is_some()
    };
    assert!(asked(&Call::default(), target(rows)) && !asked(&Call::default(), target(1)));
    assert!(!asked(&Call { cut: Some(Cut { threads: 2, chunk: 0 }), ..Call::default() }, target(rows)));
    assert!(!asked(
        &Call { choice: Choice::Kernel("any"), numerics: Numerics::Numpy, cut: None },
        target(rows)
    ));

    #[cfg(feature = "tune")]
    saved();

    reset();
    assert_eq!((row(rows), explain(rows).adapted, explain(rows).threads), (None, None, THREADS));
}

/// A profile says it of the bucket of the table, for calls of the other sizes too.
#[cfg(feature = "tune")]
fn saved() {
    use crate::tune::ProfileFile;

    let folder = std::env::temp_dir().join(format!("raptors-adapted-{}", std::process::id()));
    let before = ProfileFile::own(&folder).expect("an empty one");
    let after = with(&before);
    assert_eq!(after.rows(), before.rows() + 1);
    after.write().expect("a folder of temporary files");
    let text = std::fs::read_to_string(after.path()).expect("it was written");
    assert!(text.contains(&format!("[threads.{THREADS}.mul_m_s.f32.")), "{text}");
    assert!(text.contains("margin = \"150.0%\"") && text.contains("crossover = \"2 GiB\""), "{text}");
    let again = ProfileFile::own(&folder).expect("a profile");
    assert!(again.same_rows(&after) && with(&again).same_rows(&after));
    std::fs::remove_dir_all(folder).ok();
}
