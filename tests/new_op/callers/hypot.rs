//! Calls `hypot`, an operation of which the library knows no more than its spec file.

use raptors::{
    Choice, Dtype, Element, Error, Isa, Matrix, Numerics,
    catalogue::{self, Call, Place, Status, Value},
    element::same_bits,
    explain, ops, reference,
};

/// Values whose squares and their sum round.
fn matrix<T: Element>(rows: usize, cols: usize, seed: usize) -> Result<Matrix<T>, Error> {
    Matrix::from_fn(rows, cols, |row, col| {
        T::from_f64(1.0) / T::from_f64(((31 * row + 17 * col + seed) % 997 + 3) as f64)
    })
}

fn same<T: Element>(what: &str, got: &[T], expected: &[T]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(same_bits(*got, *expected), "{what}, element {at}: got {got:?}, expected {expected:?}");
    }
}

fn typed<T: Element + ops::Supports<ops::op::Hypot>>() -> Result<(), Error> {
    for (rows, cols) in [(1, 1), (2, 3), (5, 67), (1, 1000), (100, 100)] {
        let (mut x, y) = (matrix::<T>(rows, cols, 0)?, matrix::<T>(rows, cols, 500)?);
        let pairs = x.as_slice().iter().zip(y.as_slice());
        let expected: Vec<T> = pairs.map(|(&x, &y)| (x * x + y * y).sqrt()).collect();
        same("hypot", ops::hypot(&x, &y)?.as_slice(), &expected);
        let mut out = Matrix::zeros(rows, cols)?;
        ops::hypot_into(&x, &y, &mut out)?;
        same("hypot_into", out.as_slice(), &expected);
        ops::hypot_inplace(&mut x, &y)?;
        same("hypot_inplace", x.as_slice(), &expected);
    }
    let (x, y) = (matrix::<T>(2, 3, 0)?, matrix::<T>(3, 2, 0)?);
    let error = ops::hypot(&x, &y).map(drop).expect_err("another shape");
    assert_eq!(error.to_string(), "`y`: expected 2×3, got 3×2");
    Ok(())
}

/// Every kernel that ships and can run here, by name. Gives the ISAs that ran.
fn by_name<T: Element>() -> Result<Vec<Isa>, Error> {
    let op = catalogue::op("hypot")?;
    let (x, y) = (matrix::<T>(3, 101, 0)?, matrix::<T>(3, 101, 500)?);
    let expected = reference(op, Numerics::Numpy, (3, 101), |input, row, col| {
        if input == 0 { x.as_slice()[row * 101 + col] } else { y.as_slice()[row * 101 + col] }
    })?;
    let mut ran = Vec::new();
    for isa in Isa::ALL {
        let shipped = op.kernels().filter(|kernel| {
            kernel.dtype == T::DTYPE && kernel.isa == isa && kernel.status == Status::Shipped
        });
        assert!(shipped.clone().any(|kernel| !kernel.inplace), "none for {isa:?}");
        assert!(shipped.clone().any(|kernel| kernel.inplace), "none in place for {isa:?}");
        for kernel in shipped.filter(|kernel| !kernel.inplace) {
            let mut out = Matrix::zeros(3, 101)?;
            let args = [&x, &y].map(|matrix| T::arg(Value::Matrix(matrix.view())));
            let call = Call { choice: Choice::Kernel(kernel.name), ..Call::default() };
            match op.call(&call, &args, T::out(Place::Matrix(out.view_mut()))) {
                Ok(()) => {
                    same(kernel.name, out.as_slice(), &expected);
                    ran.push(isa);
                }
                Err(error) => assert!(isa != Isa::Portable, "{error}"),
            }
        }
    }
    Ok(ran)
}

fn main() -> Result<(), Error> {
    typed::<f32>()?;
    typed::<f64>()?;

    let op = catalogue::op("hypot")?;
    assert_eq!(op.summary, "Length of the hypotenuse, element by element.");
    assert_eq!((op.file, op.line), ("kernel-specs/ops/hypot.toml", 3));
    assert_eq!(op.dtypes, [Dtype::F32, Dtype::F64]);
    let ran = [by_name::<f32>()?, by_name::<f64>()?].concat();
    assert!(ran.contains(&Isa::Portable) && ran.contains(&raptors::isa()?), "{ran:?}");

    let why = explain("hypot", Dtype::F64, (100, 100))?;
    assert!(
        why.kernel.starts_with("sqrt_add_mul_m_m_mul_m2_m2_map_f64_")
            && why.spec == "kernel-specs/ops/hypot.toml:3",
        "{why:?}"
    );
    println!("hypot is right");
    Ok(())
}
