//! Where an element stands in a run.

use crate::Element;

/// The place of the first element that equals `wanted`; for a NaN, of the first NaN.
pub(crate) fn first<T: Element>(run: &[T], wanted: T) -> Option<usize> {
    if wanted.is_nan() { search(run, Element::is_nan) } else { search(run, |x| x == wanted) }
}

fn search<T: Element>(run: &[T], is_it: impl Fn(T) -> bool) -> Option<usize> {
    // A part without a branch in it, which becomes vectors.
    const PART: usize = 32;
    let (parts, rest) = run.as_chunks::<PART>();
    let in_parts = parts.iter().position(|part| part.iter().fold(false, |found, &x| found | is_it(x)));
    let (start, part) = match in_parts {
        Some(at) => (PART * at, &parts[at][..]),
        None => (run.len() - rest.len(), rest),
    };
    part.iter().position(|&x| is_it(x)).map(|at| start + at)
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
