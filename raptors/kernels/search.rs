//! Where an element stands in a run.

use crate::Element;

/// The place of the first element that equals `wanted`; for a NaN, of the first NaN.
pub(crate) fn first<T: Element>(run: &[T], wanted: T) -> Option<usize> {
    if wanted.is_nan() { search(run, Element::is_nan) } else { search(run, |x| x == wanted) }
}

fn search<T: Element>(run: &[T], is_it: impl Fn(T) -> bool + Copy) -> Option<usize> {
    // Parts without a branch in them, which become vectors; in the part, smaller ones.
    let start = skipped::<64, T>(run, is_it);
    let start = start + skipped::<8, T>(&run[start..], is_it);
    run[start..].iter().position(|&x| is_it(x)).map(|at| start + at)
}

/// How many elements there are in the parts of that many before the first one that holds it.
fn skipped<const PART: usize, T: Element>(run: &[T], is_it: impl Fn(T) -> bool) -> usize {
    let (parts, _) = run.as_chunks::<PART>();
    let holds = |part: &[T; PART]| part.iter().fold(false, |found, &x| found | is_it(x));
    PART * parts.iter().position(holds).unwrap_or(parts.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_elements_is_found() {
        for len in [1, 31, 32, 33, 100] {
            let mut run = vec![1.0_f32; len];
            assert_eq!(first(&run, 2.0), None);
            assert_eq!(first(&run, f32::NAN), None);
            for at in (0..len).rev() {
                run[at] = -0.0;
                assert_eq!(first(&run, 0.0), Some(at));
            }
            run[len - 1] = f32::NAN;
            assert_eq!(first(&run, f32::NAN), Some(len - 1));
        }
    }
}
