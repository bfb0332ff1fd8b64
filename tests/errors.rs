//! What a call refuses: with a typed error that names both sides, and before any output is touched. And what a call
//! without elements gives, as `NumPy` has it.

#![allow(clippy::float_cmp, reason = "what must not change is compared as it is")]

#[allow(dead_code, reason = "each file of tests uses a part")]
mod common;

use std::{collections::hash_map::DefaultHasher, ffi::OsStr, hash::Hasher as _};

use raptors::{
    Choice, Dtype, Element, Error, Isa, Matrix, MatrixMut, MatrixRef, Numerics, Shape,
    catalogue::{self, Arg, Axis, Body, Call, InputKind, Op, Out, Output, Place, ResultType, Status, Value},
    explain, ops,
};

/// What every output holds before a call, and after one that is refused.
const BEFORE: f32 = -7.5;

/// Arguments of an operation, all ones, that can be given wrong on purpose.
#[derive(Clone)]
struct Arguments {
    op: &'static Op,
    /// Rows and columns of each input as a matrix; a row, column or scalar has one row.
    inputs: Vec<(InputKind, (usize, usize))>,
    /// Of the output.
    out: (usize, usize),
}

impl Arguments {
    fn new(op: &'static Op, (rows, cols): (usize, usize)) -> Self {
        let extent = |kind| match kind {
            InputKind::Matrix => (rows, cols),
            InputKind::Row => (1, cols),
            InputKind::Column => (1, rows),
            InputKind::Scalar => (1, 1),
        };
        let out = op.body.extent((rows, cols));
        Self { op, inputs: op.inputs.iter().map(|input| (input.kind, extent(input.kind))).collect(), out }
    }

    /// Calls the operation, and hands back the output with what it returned.
    fn call(&self, choice: Choice<'_>) -> (Vec<f32>, Result<(), Error>) {
        let ones: Vec<Vec<f32>> =
            self.inputs.iter().map(|(_, (rows, cols))| vec![1.0; rows * cols]).collect();
        let args: Vec<_> =
            self.inputs.iter().zip(&ones).map(|((kind, shape), ones)| arg(*kind, *shape, ones)).collect();
        let mut out = vec![BEFORE; self.out.0 * self.out.1];
        let place = if self.op.body.gives_matrix() {
            Place::Matrix(MatrixMut::new(&mut out, self.out.0, self.out.1).expect("its own shape"))
        } else {
            Place::Slice(&mut out)
        };
        let result = self.op.call(&Call { choice, ..Call::default() }, &args, Out::F32(place));
        (out, result)
    }

    /// The error of a call that must fail without a trace.
    fn refused(&self, choice: Choice<'_>) -> Error {
        let (out, result) = self.call(choice);
        assert!(out.iter().all(|x| *x == BEFORE), "{} touched its output before it failed", self.op.name);
        result.expect_err(self.op.name)
    }
}

fn arg<T: Element>(kind: InputKind, (rows, cols): (usize, usize), elements: &[T]) -> Arg<'_> {
    T::arg(match kind {
        InputKind::Matrix => Value::Matrix(MatrixRef::new(elements, rows, cols).expect("its own shape")),
        InputKind::Row | InputKind::Column => Value::Slice(elements),
        InputKind::Scalar => Value::Scalar(elements[0]),
    })
}

fn of_f32() -> impl Iterator<Item = &'static Op> {
    catalogue::ops().iter().filter(|op| op.dtypes.contains(&Dtype::F32) && has_elements(op))
}

/// Whether its one result has the operation's dtype.
fn has_elements(op: &Op) -> bool {
    match op.body {
        Body::Staged { outputs, .. } => {
            matches!(outputs, [Output { result: ResultType::Element | ResultType::Matrix, .. }])
        }
        _ => true,
    }
}

fn op(name: &str) -> &'static Op {
    catalogue::op(name).expect("one of ours")
}

#[test]
fn a_wrong_shape_of_any_argument_names_both_sides() {
    let mut wrong = 0;
    for op in of_f32() {
        let right = Arguments::new(op, (3, 4));
        right.call(Choice::Table).1.expect("the right shapes");
        for (at, input) in op.inputs.iter().enumerate().skip(1) {
            let shapes: &[(usize, usize)] = match input.kind {
                InputKind::Matrix => &[(3, 5), (2, 4), (4, 3), (0, 0), (1, 12)],
                InputKind::Row => &[(1, 3), (1, 5), (1, 0), (1, 12)],
                InputKind::Column => &[(1, 2), (1, 4), (1, 0), (1, 12)],
                InputKind::Scalar => &[],
            };
            for shape in shapes {
                let mut arguments = right.clone();
                arguments.inputs[at].1 = *shape;
                let (got, expected) = match input.kind {
                    InputKind::Row => (Shape::Row(shape.1), Shape::Row(4)),
                    InputKind::Column => (Shape::Column(shape.1), Shape::Column(3)),
                    _ => ((*shape).into(), (3, 4).into()),
                };
                assert_eq!(
                    arguments.refused(Choice::Table),
                    Error::Shape { what: input.name, expected, got }
                );
                wrong += 1;
            }
        }
        for (rows, cols) in [(right.out.0, right.out.1 + 1), (right.out.0, 0), (2, 6)] {
            let arguments = Arguments { out: (rows, cols), ..right.clone() };
            let len = rows * cols;
            let (got, expected) = match op.body.axis() {
                _ if op.body.gives_matrix() => ((rows, cols).into(), (3, 4).into()),
                None | Some(Axis::All) => (Shape::Length(len), Shape::Length(1)),
                Some(Axis::Zero) => (Shape::Row(len), Shape::Row(4)),
                Some(Axis::One) => (Shape::Column(len), Shape::Column(3)),
            };
            assert_eq!(
                arguments.refused(Choice::Table),
                Error::Shape { what: "out", expected, got },
                "{}",
                op.name
            );
            wrong += 1;
        }
    }
    assert!(wrong > 20, "only {wrong} wrong calls");
}

#[test]
fn typed_functions_refuse_in_words() {
    let x = Matrix::from_fn(3, 4, |_, _| 1.0_f32).expect("memory");
    let narrow = Matrix::from_fn(3, 3, |_, _| 1.0_f32).expect("memory");
    let mut out = Matrix::from_fn(3, 3, |_, _| BEFORE).expect("memory");
    let untouched = |out: &Matrix<f32>| out.as_slice().iter().all(|x| *x == BEFORE);

    let error = ops::add(&x, &narrow).expect_err("another shape").to_string();
    assert_eq!(error, "`y`: expected 3×4, got 3×3");
    let error = ops::add_into(&x, &x, &mut out).expect_err("another shape").to_string();
    assert_eq!(error, "`out`: expected 3×4, got 3×3");
    assert!(untouched(&out));
    let error = ops::add_inplace(&mut out, &x).expect_err("another shape").to_string();
    assert_eq!(error, "`y`: expected 3×3, got 3×4");
    assert!(untouched(&out));
    let error = ops::broadcast_add_inplace(&mut out, &[1.0; 4]).expect_err("another length").to_string();
    assert_eq!(error, "`row`: expected a row of 3, got a row of 4");
    assert!(untouched(&out));

    let mut sums = [BEFORE; 3];
    let error = ops::sum_axis0_into(&x, &mut sums).expect_err("another length").to_string();
    assert_eq!(error, "`out`: expected a row of 4, got a row of 3");
    let error = ops::sum_axis1_into(&x, &mut sums[..2]).expect_err("another length").to_string();
    assert_eq!(error, "`out`: expected a column of 3, got a column of 2");
    assert_eq!(sums, [BEFORE; 3]);
}

#[test]
fn the_erased_entry_refuses_other_arguments() {
    for op in of_f32() {
        let arguments = Arguments::new(op, (3, 4));
        let ones = [1.0_f32; 12];
        let doubles = [1.0_f64; 12];
        let args: Vec<_> = arguments
            .inputs
            .iter()
            .map(|(kind, (rows, cols))| arg(*kind, (*rows, *cols), &ones[..rows * cols]))
            .collect();
        let reduces = !op.body.gives_matrix();
        let call = |args: &[Arg<'_>]| {
            let (rows, cols) = arguments.out;
            let mut out = vec![BEFORE; rows * cols];
            let place = if reduces {
                Place::Slice(&mut out)
            } else {
                Place::Matrix(MatrixMut::new(&mut out, rows, cols).expect("its own shape"))
            };
            let result = op.call(&Call::default(), args, Out::F32(place));
            assert!(result.is_ok() || out.iter().all(|x| *x == BEFORE), "{} touched its output", op.name);
            result
        };
        call(&args).expect("the right arguments");

        let count = |args: &[Arg<'_>]| {
            Err(Error::Arguments { op: op.name.to_owned(), expected: op.inputs.len(), got: args.len() })
        };
        let more: Vec<_> = args.iter().copied().chain([args[0]]).collect();
        for args in [&more, &args[1..], &[]] {
            assert_eq!(call(args), count(args));
        }

        for (at, input) in op.inputs.iter().enumerate() {
            let (kind, (rows, cols)) = arguments.inputs[at];
            let mut other = args.clone();
            other[at] = arg(kind, (rows, cols), &doubles[..rows * cols]);
            let error = Error::Dtype { what: input.name, expected: Dtype::F32, got: Dtype::F64 };
            // Formulas compute in f64, whatever the dtype, and take a scalar of that as it is.
            let is_taken = kind == InputKind::Scalar && matches!(op.body, Body::Staged { .. });
            assert_eq!(call(&other), if is_taken { Ok(()) } else { Err(error) }, "{}", op.name);

            let forms = [
                (InputKind::Matrix, "a matrix"),
                (InputKind::Row, "a row or column"),
                (InputKind::Scalar, "a scalar"),
            ];
            let kind = if kind == InputKind::Column { InputKind::Row } else { kind };
            let (_, expected) = forms.into_iter().find(|(form, _)| *form == kind).expect("one of them");
            for (form, got) in forms.into_iter().filter(|(form, _)| *form != kind) {
                let mut other = args.clone();
                other[at] = arg(form, (3, 4), &ones);
                let error = Error::Form { op: op.name, what: input.name, expected, got };
                assert_eq!(call(&other), Err(error), "{}", op.name);
            }
        }

        // The output in another form: a reduction takes a slice, a map a matrix.
        let mut out = [BEFORE; 12];
        let other = |place: Place<'_, f32>| op.call(&Call::default(), &args, Out::F32(place));
        let error = |expected, got| Err(Error::Form { op: op.name, what: "out", expected, got });
        if reduces {
            let matrix = MatrixMut::new(&mut out, 3, 4).expect("twelve elements");
            assert_eq!(other(Place::Matrix(matrix)), error("a row or column", "a matrix"));
            let matrix = MatrixMut::new(&mut out, 3, 4).expect("twelve elements");
            assert_eq!(other(Place::Inplace(matrix)), error("a row or column", "a matrix"));
        } else {
            assert_eq!(other(Place::Slice(&mut out)), error("a matrix", "a row or column"));
        }
        assert_eq!(out, [BEFORE; 12]);
    }
}

#[test]
fn in_place_the_first_matrix_is_left_out() {
    let add = op("add");
    let y = Matrix::from_fn(2, 3, |_, _| 1.0_f64).expect("memory");
    let mut x = [BEFORE.into(); 6];
    let mut call = |args: &[Arg<'_>], rows, cols| {
        let place = Place::Inplace(MatrixMut::new(&mut x, rows, cols).expect("six elements"));
        let result = add.call(&Call::default(), args, Out::F64(place));
        (x, result)
    };
    let y = Arg::F64(Value::Matrix(y.view()));
    let before = [f64::from(BEFORE); 6];
    let error = Error::Arguments { op: "add".to_owned(), expected: 1, got: 2 };
    assert_eq!(call(&[y, y], 2, 3), (before, Err(error)));
    let error = Error::Shape { what: "y", expected: (3, 2).into(), got: (2, 3).into() };
    assert_eq!(call(&[y], 3, 2), (before, Err(error)));
    assert_eq!(call(&[y], 2, 3), (before.map(|x| x + 1.0), Ok(())));
}

#[test]
fn a_kernel_that_cannot_serve_is_refused() {
    let scale = Arguments::new(op("scale"), (3, 4));
    let error = scale.refused(Choice::Kernel("mul_m_s_map_f32_avx2_u3000"));
    let Error::Unknown { name, known, .. } = &error else { panic!("{error:?}") };
    assert_eq!(name, "mul_m_s_map_f32_avx2_u3000");
    let kernels = || scale.op.kernels().filter(|kernel| kernel.status == Status::Shipped && !kernel.inplace);
    let of_f32 = || kernels().filter(|kernel| kernel.dtype == Dtype::F32);
    assert!(of_f32().any(|kernel| kernel.isa == Isa::Portable));
    for kernel in of_f32().filter(|kernel| kernel.isa == Isa::Portable) {
        assert!(known.split(", ").any(|name| name == kernel.name), "{} is missing in: {error}", kernel.name);
    }

    // Of another dtype, another operation, another form.
    let doubles = kernels().find(|kernel| kernel.dtype == Dtype::F64).expect("it has both");
    let adds = op("add").kernels().find(|kernel| kernel.dtype == Dtype::F32).expect("it has");
    let inplace = scale.op.kernels().find(|kernel| kernel.inplace).expect("a map has");
    for kernel in [doubles, adds, inplace] {
        assert!(
            matches!(scale.refused(Choice::Kernel(kernel.name)), Error::Unknown { .. }),
            "{}",
            kernel.name
        );
    }

    // Of an instruction set that the machine lacks, or the target.
    for kernel in of_f32().filter(|kernel| !kernel.isa.is_available()) {
        match scale.refused(Choice::Kernel(kernel.name)) {
            Error::Unknown { .. } => {}
            error => {
                let reason = format!("this machine has no {}", kernel.isa.name());
                assert_eq!(error, Error::Kernel { kernel: kernel.name, reason });
            }
        }
    }
}

/// Operations that compute the same take each other's kernels, and no kernel of what is computed over something else.
#[test]
fn kernels_are_those_of_what_is_computed() {
    let kernel = |op: &'static Op| {
        let mut kernels = op.group(Dtype::F32, Numerics::Numpy, false).expect("of both").kernels();
        let wanted =
            |kernel: &&catalogue::Kernel| kernel.status == Status::Shipped && kernel.isa == Isa::Portable;
        kernels.find(wanted).expect("it ships").name
    };
    for (one, other, else_) in
        [("sum", "mean", "sum_axis0"), ("sum_axis0", "mean_axis0", "sum"), ("max", "max", "min")]
    {
        let name = kernel(op(one));
        assert_eq!(kernel(op(other)), name);
        for op in [one, other].map(op) {
            Arguments::new(op, (3, 4)).call(Choice::Kernel(name)).1.expect("it is one of its own");
        }
        let error = Arguments::new(op(else_), (3, 4)).refused(Choice::Kernel(name));
        assert!(matches!(&error, Error::Unknown { name: asked, .. } if asked == name), "{error:?}");
    }
}

#[test]
fn an_unknown_operation_is_named_with_those_there_are() {
    let error = catalogue::op("scael").expect_err("misspelt").to_string();
    assert!(error.starts_with("no operation is called `scael`; there are: "), "{error}");
    assert!(catalogue::ops().iter().all(|op| error.contains(op.name)), "{error}");
    assert_eq!(explain("scael", Dtype::F32, (2, 2)).expect_err("misspelt").to_string(), error);
}

#[test]
fn without_elements_as_numpy() {
    let zeros = |rows, cols| Matrix::<f64>::zeros(rows, cols).expect("nothing to allocate");
    let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    for numerics in Numerics::ALL {
        for (rows, cols) in [(0, 0), (0, 3), (3, 0), (0, 1), (1, 0), (0, 1_000_000)] {
            let x = zeros(rows, cols);
            assert_eq!(ops::sum_with(&x, numerics).map(f64::to_bits), Ok(0), "{rows}×{cols}");
            assert_eq!(ops::sum_axis0_with(&x, numerics).map(bits), Ok(vec![0; cols]), "{rows}×{cols}");
            assert_eq!(ops::sum_axis1_with(&x, numerics).map(bits), Ok(vec![0; rows]), "{rows}×{cols}");
        }
    }
    for (rows, cols) in [(0, 0), (0, 3), (3, 0)] {
        let mut x = zeros(rows, cols);
        assert_eq!(ops::scale(&x, 2.0).map(|out| out.shape()), Ok((rows, cols)));
        assert_eq!(ops::add(&x, &x).map(|out| out.shape()), Ok((rows, cols)));
        assert_eq!(ops::broadcast_add(&x, &vec![1.0; cols]).map(|out| out.shape()), Ok((rows, cols)));
        assert_eq!(ops::scale_inplace(&mut x, 2.0), Ok(()));
    }
    // Having no elements is no reason to accept another shape.
    let error = Error::Shape { what: "y", expected: (0, 3).into(), got: (3, 0).into() };
    assert_eq!(ops::add(&zeros(0, 3), &zeros(3, 0)).map(|_| ()), Err(error));
    let error = Error::Shape { what: "out", expected: Shape::Row(3), got: Shape::Row(0) };
    assert_eq!(ops::sum_axis0_into(&zeros(0, 3), &mut []), Err(error));
}

/// What a child does, no test of its own: the variable is read once, so each value needs a process of its own.
#[test]
#[ignore = "a child of the tests below, with an environment of its own"]
fn child() {
    match raptors::isa() {
        Ok(isa) => println!("isa={}", isa.name()),
        Err(error) => println!("error={error}"),
    }
    for op in of_f32() {
        let arguments = Arguments::new(op, (3, 4));
        match raptors::isa() {
            Ok(isa) => {
                for shape in [(1, 7), (300, 300), (512, 512)] {
                    let explained = op.explain(Dtype::F32, Numerics::Numpy, shape).expect("it can run");
                    assert!(explained.isa <= isa, "{explained:?}");
                    println!("kernel={}", explained.kernel);
                }
                arguments.call(Choice::Table).1.expect("it can run");
            }
            Err(error) => {
                assert_eq!(arguments.refused(Choice::Table), error, "{}", op.name);
                assert_eq!(op.explain(Dtype::F32, Numerics::Numpy, (3, 4)), Err(error));
            }
        }
    }
    if raptors::isa().is_ok() {
        println!("bits={:016x}", digest().expect("it can run"));
    }
}

/// A digest of the bits of results.
fn digest() -> Result<u64, Error> {
    fn results<T: Element>(
        op: &Op,
        numerics: Numerics,
        shape: (usize, usize),
        hash: &mut DefaultHasher,
    ) -> Result<(), Error> {
        let right =
            Arguments { op: catalogue::op(op.name)?, ..Arguments::new(catalogue::op(op.name)?, shape) };
        // Thirds, sevenths and so on: sums of them round, differently in each order.
        let value = |at: usize| {
            T::from_f64(1.0) / T::from_f64(f64::from(u16::try_from(at % 1009).expect("small") + 3))
        };
        let inputs: Vec<Vec<T>> =
            right.inputs.iter().map(|(_, (rows, cols))| (0..rows * cols).map(value).collect()).collect();
        let args: Vec<_> =
            right.inputs.iter().zip(&inputs).map(|((kind, shape), x)| arg(*kind, *shape, x)).collect();
        let mut out = vec![T::ZERO; right.out.0 * right.out.1];
        let place = if op.body.gives_matrix() {
            Place::Matrix(MatrixMut::new(&mut out, shape.0, shape.1)?)
        } else {
            Place::Slice(&mut out)
        };
        op.call(&Call { numerics, ..Call::default() }, &args, T::out(place))?;
        for x in out {
            hash.write_u64(x.to_bits_u64());
        }
        Ok(())
    }
    let mut hash = DefaultHasher::new();
    for op in catalogue::ops().iter().filter(|op| has_elements(op)) {
        for numerics in op.numerics {
            // Large where a target shape has a row of its own; without optimisation the others would take minutes.
            let large = if op.shapes.contains(&(512, 512)) { (512, 512) } else { (140, 129) };
            for shape in [(1, 1), (3, 5), (1, 1000), (67, 131), (1000, 1), large] {
                for dtype in op.dtypes {
                    match dtype {
                        Dtype::F32 => results::<f32>(op, *numerics, shape, &mut hash)?,
                        Dtype::F64 => results::<f64>(op, *numerics, shape, &mut hash)?,
                    }
                }
            }
        }
    }
    Ok(hash.finish())
}

/// The lines that the child prints under that value of `RAPTORS_SIMD`.
fn under(simd: Option<&OsStr>) -> Vec<String> {
    let variables: Vec<_> = simd.iter().map(|simd| ("RAPTORS_SIMD", simd)).collect();
    let stdout = common::rerun("child", &variables);
    // The harness writes the test's name before the first line.
    let lines: Vec<String> = stdout
        .lines()
        .map(|line| line.strip_prefix("test child ... ").unwrap_or(line))
        .filter(|line| ["isa=", "error=", "kernel=", "bits="].iter().any(|word| line.starts_with(word)))
        .map(ToOwned::to_owned)
        .collect();
    assert!(!lines.is_empty(), "the child did nothing: {stdout}");
    lines
}

fn under_word(simd: &str) -> Vec<String> {
    under(Some(simd.as_ref()))
}

#[test]
fn the_variable_restricts_the_isa_and_changes_no_bit() {
    let auto = under(None);
    let best = auto[0].strip_prefix("isa=").expect("it can run").to_owned();
    for word in ["", "auto", "1", "force", " Auto "] {
        assert_eq!(under_word(word), auto, "{word:?}");
    }
    let off = under_word("off");
    assert_eq!(off[0], "isa=portable");
    let kernels = |lines: &[String]| {
        lines.iter().filter(|line| line.starts_with("kernel=")).cloned().collect::<Vec<_>>()
    };
    assert!(
        kernels(&off).len() > 10 && kernels(&off).iter().all(|kernel| kernel.contains("_portable_")),
        "{off:?}"
    );
    for word in ["0", "disable", "portable", "OFF"] {
        assert_eq!(under_word(word), off, "{word:?}");
    }
    assert_eq!(off.last(), auto.last(), "the bits of results");
    assert!(off.last().is_some_and(|line| line.starts_with("bits=")));

    // By name, each one that is here; what is not here is an error that names it.
    for isa in Isa::ALL {
        let lines = under_word(isa.name());
        if let Some(error) = lines[0].strip_prefix("error=") {
            assert!(isa.name() != best && isa != Isa::Portable, "{error}");
            assert!(error.contains(&format!("this machine has no {}", isa.name())), "{error}");
        } else {
            assert_eq!(lines[0], format!("isa={}", isa.name()));
            assert_eq!(lines.last(), auto.last(), "the bits of results on {}", isa.name());
        }
    }
}

#[test]
fn a_value_that_cannot_be_read_is_an_error() {
    for value in ["sse9", "2", "on", "avx2,portable", "портативный"] {
        // The child has found each call refused with the same error, and no output touched.
        let lines = under_word(value);
        let [error] = &lines[..] else { panic!("{lines:?}") };
        let start = format!("error=RAPTORS_SIMD={value:?}: expected auto, off, or one of portable");
        assert!(error.starts_with(&start), "{error}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let lines = under(Some(OsStr::from_bytes(b"avx2\xff")));
        assert!(lines[0].starts_with("error=RAPTORS_SIMD="), "{lines:?}");
    }
}
