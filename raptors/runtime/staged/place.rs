//! Where extremes stand in a block whose elements lie in memory.

use super::{Fold, as_f64, elements};
use crate::{Element, MatrixRef, dispatch::call::Ready, kernels::search, runtime::reduce::States};

/// Bytes of a part of a row: the extremes of the parts say in which one to look.
const PART_BYTES: usize = 512;

/// Where an extreme stands first among these: a NaN, or what equals it.
///
/// # Panics
/// If it is none of them.
pub(super) fn in_run<T: Element>(run: &[T], extreme: T) -> usize {
    search::first(run, extreme).expect("the extreme of a run is one of its elements")
}

/// Where the extreme of each row stands first.
pub(super) fn in_rows<T: Element>(
    fold: &Fold<T>,
    kernel: &Ready<States<T>>,
    terms: MatrixRef<'_, T>,
    states: &mut [T],
    found: &mut [f64],
) {
    let (part, cols) = (elements::<T>(PART_BYTES), terms.ncols());
    if cols < 2 * part {
        kernel.call((terms, &mut *states));
        for (row, (to, state)) in found.iter_mut().zip(states).enumerate() {
            *to = as_f64(in_run(terms.row(row), *state) as u64);
        }
        return;
    }
    let parts = cols / part;
    let mut states = vec![fold.along.init; parts + 1];
    for (row, to) in found.iter_mut().enumerate() {
        let row = terms.row(row);
        let (whole, rest) = row.split_at(parts * part);
        let whole = MatrixRef::new(whole, parts, part).expect("it has that many elements");
        kernel.call((whole, &mut states[..parts]));
        if !rest.is_empty() {
            kernel.call((MatrixRef::from_row(rest), &mut states[parts..]));
        }
        let extreme = states.iter().fold(fold.along.init, |all, &state| (fold.along.merge)(all, state));
        let start = part * in_run(&states, extreme);
        let place = start + in_run(&row[start..cols.min(start + part)], extreme);
        *to = as_f64(place as u64);
    }
}

/// Where the extreme of each column stands first: the row, as an element. There are fewer rows than an element can count.
pub(super) fn in_columns<T: Element>(terms: MatrixRef<'_, T>, extremes: &[T]) -> Vec<T> {
    let mut places = vec![T::ZERO; extremes.len()];
    let nan = extremes.iter().fold(false, |found, x| found | x.is_nan());
    // From the last row to the first, without a branch: each column keeps the first row that holds it.
    for row in (0..terms.nrows()).rev() {
        let at = T::from_f64(as_f64(row as u64));
        let all = places.iter_mut().zip(terms.row(row).iter().zip(extremes));
        if nan {
            all.for_each(|(place, (&x, &extreme))| {
                *place = if (x == extreme) | (x.is_nan() & extreme.is_nan()) { at } else { *place };
            });
        } else {
            all.for_each(|(place, (&x, &extreme))| *place = if x == extreme { at } else { *place });
        }
    }
    places
}
