//! The checks can fail, and say what one needs to know when they do.

use raptors::catalogue::Body;

use crate::{
    GUARDED,
    check::{Bench, Subject, Verdict, same},
    data::{Data, Float},
    layout::{Place, Spot},
    memory::Arena,
};

/// With the last bit of the last result wrong in the oracle, each kernel is reported, and the table's choice.
fn one_wrong_bit<T: Float>(subject: &Subject) {
    let mut bench = Bench::<T>::new(subject.clone());
    let mut case = bench.case((3, 17), Data::Wide);
    let expected = case.expected.as_mut().expect("there are elements");
    let right = expected.pop().expect("there are results");
    // A NaN with another last bit is as good as any, and whose bits a kernel has is open.
    let is_nan = right.to_f64().is_nan();
    let wrong = if is_nan { T::ZERO } else { T::from_bits_u64(right.to_bits_u64() ^ 1) };
    expected.push(wrong);
    let index = match (subject.op.body, expected.len()) {
        (Body::Map(_), _) => "[2, 16]".to_owned(),
        (_, len) => format!("[{}]", len - 1),
    };
    bench.compare_case(&case, &GUARDED[0]);

    let forms = if matches!(subject.op.body, Body::Map(_)) { 2 } else { 1 };
    assert_eq!(bench.failures.len(), subject.kernels.len() + forms, "{:#?}", bench.failures);
    assert!(bench.called.is_empty() && bench.calls == 0);
    for kernel in &subject.kernels {
        let message = bench.failures.iter().find(|message| message.contains(&format!("`{}`", kernel.name)));
        let message = message.unwrap_or_else(|| panic!("{} was not reported", kernel.name));
        let bits = |value: T| format!("{:x} (", value.to_bits_u64());
        let bits = [if is_nan { "(NaN), expected".to_owned() } else { bits(right) }, bits(wrong)];
        let needed = [
            subject.op.name,
            subject.dtype.name(),
            subject.numerics.name(),
            "3×17",
            &index,
            &bits[0],
            &bits[1],
        ];
        for part in needed {
            assert!(message.contains(part), "`{part}` is missing in: {message}");
        }
    }
}

#[test]
fn a_wrong_bit_is_reported_for_every_kernel() {
    for subject in Subject::all() {
        match subject.dtype {
            raptors::Dtype::F32 => one_wrong_bit::<f32>(&subject),
            raptors::Dtype::F64 => one_wrong_bit::<f64>(&subject),
        }
    }
}

#[test]
fn a_write_next_to_a_matrix_is_reported() {
    let mut arena = Arena::<f32>::new(1);
    let elements = [1.0, 2.0, f32::NAN, -0.0, 5.0, 6.0];
    for place in [Place::Start, Place::End, Place::Offset(9)] {
        let spot = Spot::new(&mut arena, (2, 3), 2, place);
        let image = spot.image(&elements);
        spot.fill(&mut arena, &image);
        assert_eq!(same(&spot, spot.window(&arena), &image), Ok(Verdict::Same));
        let (mut around, mut inside) = (0, 0);
        for at in 0..image.len() {
            let mut found = image.clone();
            found[at] = 7.0;
            let message = same(&spot, &found, &image).expect_err("it differs");
            if spot.element(at).is_some() {
                inside += 1;
                assert!(message.starts_with("element ["), "{message}");
            } else {
                around += 1;
                assert!(message.starts_with("wrote 0x40e00000 (7.0) where no element is"), "{message}");
            }
        }
        assert!(inside == 6 && around > 60);
    }
}

#[test]
fn only_nan_equals_what_has_other_bits() {
    let mut arena = Arena::<f64>::new(1);
    let spot = Spot::new(&mut arena, (1, 1), 0, Place::End);
    let compare = |got: f64, expected: f64| same(&spot, &spot.image(&[got]), &spot.image(&[expected]));
    for nan in [0, 1, 2].map(<f64 as Float>::special) {
        assert!(nan.is_nan());
        assert_eq!(compare(-f64::NAN, nan), Ok(Verdict::Same));
        assert!(compare(f64::unwritten(), nan).is_err());
    }
    let message = compare(0.0, -0.0).expect_err("they are not the same");
    assert_eq!(message, "element [0]: got 0x0000000000000000 (0.0), expected 0x8000000000000000 (-0.0)");
}
