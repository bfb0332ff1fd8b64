//! Who watches calls: telemetry, which counts them, and adaptive cut-overs, which learn from them.
//!
//! Every operation asks here once its arguments are checked, by one relaxed load. Where nobody watches it goes its way;
//! else through [`watched`], the one place that looks at the clock.

use std::{
    sync::atomic::{AtomicU8, Ordering::Relaxed},
    time::Instant,
};

use crate::{
    Dtype, Error, adaptive,
    catalogue::Call,
    dispatch::{
        call::Sig,
        table::{Table, Target},
    },
    knobs, telemetry,
};

/// Calls are counted.
pub(crate) const COUNTED: u8 = 1;
/// Calls are learned from.
pub(crate) const ADAPTED: u8 = 2;
/// Nobody asked yet what the environment says.
const UNREAD: u8 = 4;

static STATE: AtomicU8 = AtomicU8::new(UNREAD);

/// Whether anybody watches calls.
#[inline]
pub(crate) fn is_on() -> bool {
    STATE.load(Relaxed) != 0 && has(COUNTED | ADAPTED)
}

/// Whether one of these does.
#[cold]
pub(crate) fn has(watchers: u8) -> bool {
    if STATE.load(Relaxed) == UNREAD {
        // With an environment that cannot be read no call computes: there is nothing to watch.
        let asked = knobs::settings().map_or(0, |settings| {
            u8::from(settings.telemetry) * COUNTED + u8::from(settings.adaptive) * ADAPTED
        });
        STATE.compare_exchange(UNREAD, asked, Relaxed, Relaxed).ok();
    }
    STATE.load(Relaxed) & watchers != 0
}

/// Has one of them watch from now on, or no longer.
pub(crate) fn set(watcher: u8, on: bool) {
    // The others do as the environment says.
    has(watcher);
    if on {
        STATE.fetch_or(watcher, Relaxed)
    } else {
        STATE.fetch_and(!watcher, Relaxed)
    };
}

/// Does the work of a call that is watched, cut as `work` is told.
#[cold]
#[inline(never)]
pub(crate) fn watched<S: Sig, R>(
    op: &'static str,
    (table, dtype): (&'static Table<S>, Dtype),
    call: &Call<'_>,
    target: Target,
    work: impl FnOnce(&Call<'_>) -> Result<R, Error>,
) -> Result<R, Error> {
    let mut call = *call;
    let mut sample = None;
    if has(ADAPTED)
        && let Some(advice) = adaptive::advice(op, (table, dtype), &call, target)?
    {
        call.cut = advice.cut;
        sample = advice.sample;
    }
    timed(op, (table, dtype), &call, target, sample, work)
}

/// The same of a call whose work is cut in ways of its own: it is counted, and nothing is learned from it.
#[cold]
#[inline(never)]
pub(crate) fn counted<S: Sig, R>(
    op: &'static str,
    of: (&'static Table<S>, Dtype),
    call: &Call<'_>,
    target: Target,
    work: impl FnOnce(&Call<'_>) -> Result<R, Error>,
) -> Result<R, Error> {
    timed(op, of, call, target, None, work)
}

fn timed<S: Sig, R>(
    op: &'static str,
    (table, dtype): (&'static Table<S>, Dtype),
    call: &Call<'_>,
    target: Target,
    sample: Option<adaptive::Sample>,
    work: impl FnOnce(&Call<'_>) -> Result<R, Error>,
) -> Result<R, Error> {
    let is_counted = has(COUNTED);
    if !is_counted && sample.is_none() {
        return work(call);
    }
    // Of a call that is counted, which kernel it runs is found before the clock is looked at, and a second time by `work`.
    let plan = if is_counted { Some(table.pick(call.choice, call.cut, target)?) } else { None };
    let start = Instant::now();
    let result = work(call);
    let time = start.elapsed();
    if let Some(plan) = plan {
        telemetry::count(op, dtype, &plan, target, (start, time));
    }
    if let (Some(sample), Ok(_)) = (sample, &result) {
        sample.took(time, target.bytes);
    }
    result
}
