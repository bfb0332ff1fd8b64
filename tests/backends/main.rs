//! The numeric class `any`: every routine of a backend against an oracle of twice the digits, within the bound of the class;
//! and that without a row that names one, our own kernels serve.
//!
//! `cargo test --features openblas --test backends -- --nocapture` prints which library it was.

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "not all tests are about processes")]
mod common;
mod oracle;

use std::collections::BTreeSet;

use oracle::{Case, Float};
use raptors::{
    Choice, Cut, Dtype, MatrixMut, MatrixRef, Numerics,
    catalogue::{self, Body, Call, Group, InputKind, Kernel, Op, Place, Value},
};

/// Rows and columns: none, one, a few, beyond the vectors of ones, not square.
const SHAPES: [(usize, usize); 14] = [
    (0, 0),
    (0, 5),
    (5, 0),
    (1, 1),
    (1, 7),
    (7, 1),
    (2, 3),
    (17, 33),
    (64, 64),
    (33, 1025),
    (1025, 33),
    (3, 2500),
    (2500, 3),
    (130, 129),
];
/// How far rows are apart, beyond their columns.
const GAPS: [usize; 3] = [0, 1, 13];
/// What fills the gaps: nobody may write there.
const GAP: f64 = -777.0;

/// The routines of a group.
fn routines(group: &'static Group) -> impl Iterator<Item = &'static Kernel> {
    group.kernels().filter(|kernel| kernel.backend.is_some())
}

/// Every group that has routines, with an operation that can call them: of those in stages, no call can name one.
fn groups() -> impl Iterator<Item = (&'static Group, &'static Op)> {
    let has_routines = |group: &&'static Group| routines(group).next().is_some();
    catalogue::groups().iter().filter(has_routines).flat_map(|group| group.ops().map(move |op| (group, op)))
}

/// A matrix with gaps between its rows.
struct Apart<T> {
    elements: Vec<T>,
    shape: (usize, usize),
    stride: usize,
}

impl<T: Float> Apart<T> {
    fn new((rows, cols): (usize, usize), gap: usize, value: impl Fn(usize, usize) -> T) -> Self {
        let stride = cols + gap;
        let at = |at: usize| match (at / stride.max(1), at % stride.max(1)) {
            (row, col) if col < cols => value(row, col),
            _ => T::from_f64(GAP),
        };
        Self { elements: (0..rows * stride).map(at).collect(), shape: (rows, cols), stride }
    }

    fn view(&self) -> MatrixRef<'_, T> {
        let (rows, cols) = self.shape;
        MatrixRef::with_row_stride(&self.elements, rows, cols, self.stride).expect("it fits")
    }

    fn view_mut(&mut self) -> MatrixMut<'_, T> {
        let (rows, cols) = self.shape;
        MatrixMut::with_row_stride(&mut self.elements, rows, cols, self.stride).expect("it fits")
    }

    fn gaps_are_whole(&self) -> bool {
        let cols = self.shape.1;
        let mut rows = self.elements.chunks(self.stride.max(1));
        rows.all(|row| row.iter().skip(cols).all(|gap| gap.to_f64() == GAP))
    }
}

/// Calls an operation, and compares with the oracle. What comes back is what was wrong.
fn compare<T: Float>(
    op: &'static Op,
    inplace: bool,
    call: &Call<'_>,
    shape: (usize, usize),
    gap: usize,
) -> Result<(), String> {
    let case = Case { op, shape };
    let mut matrices: Vec<Apart<T>> = Vec::new();
    let mut slices: Vec<Vec<T>> = Vec::new();
    for (at, input) in op.inputs.iter().enumerate() {
        match input.kind {
            InputKind::Matrix => {
                matrices.push(Apart::new(shape, gap + at, |row, col| oracle::value(at, row, col)));
            }
            InputKind::Row => slices.push((0..shape.1).map(|col| oracle::value(at, 0, col)).collect()),
            InputKind::Column => slices.push((0..shape.0).map(|row| oracle::value(at, row, 0)).collect()),
            InputKind::Scalar => {}
        }
    }
    let first = inplace.then(|| matrices.remove(0));
    let (mut of_matrices, mut of_slices) = (matrices.iter(), slices.iter());
    let mut args = Vec::new();
    let mut left_out = inplace;
    for (at, input) in op.inputs.iter().enumerate() {
        args.push(T::arg(match input.kind {
            InputKind::Matrix if std::mem::take(&mut left_out) => continue,
            InputKind::Matrix => Value::Matrix(of_matrices.next().expect("one each").view()),
            InputKind::Row | InputKind::Column => Value::Slice(of_slices.next().expect("one each")),
            InputKind::Scalar => Value::Scalar(oracle::value(at, 0, 0)),
        }));
    }
    let (rows, cols) = op.body.extent(shape);
    let mut out = first.unwrap_or_else(|| Apart::new((rows, cols), gap, |_, _| T::from_f64(1e30)));
    let place = match op.body {
        Body::Map(_) if inplace => Place::Inplace(out.view_mut()),
        Body::Map(_) => Place::Matrix(out.view_mut()),
        _ => {
            out = Apart::new((1, rows * cols), 0, |_, _| T::from_f64(1e30));
            Place::Slice(&mut out.elements)
        }
    };
    op.call(call, &args, T::out(place)).map_err(|error| error.to_string())?;
    if !out.gaps_are_whole() {
        return Err("it wrote between the rows".to_owned());
    }
    for row in 0..out.shape.0 {
        for (col, &got) in out.view().row(row).iter().enumerate() {
            let place = if let Body::Map(_) = op.body { (row, col) } else { (0, col) };
            case.within::<T>(place, got)?;
        }
    }
    Ok(())
}

fn compare_of(
    dtype: Dtype,
    (op, inplace): (&'static Op, bool),
    call: &Call<'_>,
    shape: (usize, usize),
    gap: usize,
) -> Result<(), String> {
    match dtype {
        Dtype::F32 => compare::<f32>(op, inplace, call, shape, gap),
        Dtype::F64 => compare::<f64>(op, inplace, call, shape, gap),
    }
}

#[test]
fn every_routine_stays_within_the_bound() {
    for linked in raptors::backends() {
        println!("{}: {}", linked.name, linked.library);
    }
    let mut failures = Vec::new();
    let (mut calls, mut called) = (0, BTreeSet::new());
    for (group, op) in groups() {
        for routine in routines(group) {
            for shape in SHAPES {
                for gap in GAPS {
                    for cut in
                        [None, Some(Cut { threads: 2, chunk: 4096 }), Some(Cut { threads: 2, chunk: 0 })]
                    {
                        let choice = Choice::Kernel(routine.name);
                        let call = Call { choice, numerics: Numerics::Any, cut };
                        // A single column is a run of its own, with kernels of another table.
                        if matches!(op.body.axis(), Some(catalogue::Axis::Zero)) && shape.1 <= 1 {
                            continue;
                        }
                        let found = compare_of(group.dtype, (op, group.inplace), &call, shape, gap);
                        calls += 1;
                        called.insert(routine.name);
                        if let Err(why) = found {
                            failures.push(format!(
                                "{} by {}, {shape:?} + {gap}, {cut:?}: {why}",
                                op.name, routine.name
                            ));
                        }
                    }
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} calls went wrong:\n{}", failures.len(), failures.join("\n"));
    println!("{calls} calls of {} routines", called.len());
    let here = !raptors::backends().is_empty();
    assert_eq!(here, !called.is_empty(), "a library that is linked has routines");
    let all = catalogue::kernels().iter().filter(|kernel| kernel.backend.is_some());
    assert!(all.clone().all(|kernel| called.contains(kernel.name)), "each is called");
}

#[test]
fn the_class_as_a_whole_stays_within_the_bound() {
    let call = Call { numerics: Numerics::Any, ..Call::default() };
    let mut count = 0;
    for op in catalogue::ops().iter().filter(|op| op.numerics.contains(&Numerics::Any)) {
        for &dtype in op.dtypes {
            for (shape, inplace) in SHAPES.iter().flat_map(|shape| [(*shape, false), (*shape, true)]) {
                if inplace && op.body.axis().is_some() {
                    continue;
                }
                let found = compare_of(dtype, (op, inplace), &call, shape, 1);
                assert_eq!(found, Ok(()), "{} {dtype} {shape:?}", op.name);
                count += 1;
            }
        }
    }
    println!("{count} calls");
    assert!(count > 0);
}

#[test]
fn without_a_row_that_names_a_routine_our_kernels_serve() {
    for op in catalogue::ops().iter().filter(|op| op.numerics.contains(&Numerics::Any)) {
        for &dtype in op.dtypes {
            for shape in [(3, 5), (512, 512), (4096, 1000)] {
                let [any, numpy] =
                    [Numerics::Any, Numerics::Numpy].map(|class| op.explain(dtype, class, shape).unwrap());
                assert_eq!((any.kernel, any.backend), (numpy.kernel, None), "{} {dtype} {shape:?}", op.name);
            }
        }
    }
}

#[test]
fn calls_longer_than_a_backend_counts_are_left_to_kernels() {
    let long = (1 << 16, 1 << 16);
    let found = catalogue::op("scale").unwrap().explain(Dtype::F32, Numerics::Any, long).unwrap();
    let counts = raptors::backends().iter().any(|linked| linked.name == "cblas");
    assert_eq!(found.reason.contains("2147483647"), counts, "{}", found.reason);
    assert_eq!(found.backend, None);
    let short = catalogue::op("scale").unwrap().explain(Dtype::F32, Numerics::Any, (512, 512)).unwrap();
    assert!(!short.reason.contains("2147483647"), "{}", short.reason);
}

#[test]
fn an_operation_without_routines_has_no_such_class() {
    let op = catalogue::op("div").unwrap();
    assert!(!op.numerics.contains(&Numerics::Any));
    let error = op.explain(Dtype::F32, Numerics::Any, (2, 2)).unwrap_err().to_string();
    assert!(error.contains("any"), "{error}");
}

/// Every row that there is, whatever the shape, names a routine for scale and for the sum down the columns.
#[cfg(all(feature = "openblas", feature = "tunable"))]
#[test]
fn a_profile_that_names_a_routine_is_followed() {
    const TEST: &str = "a_profile_that_names_a_routine_is_followed";
    if !common::is_alone(TEST) {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("backends");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{}.toml", raptors::profile().unwrap().cpu));
        std::fs::write(&file, profile()).unwrap();
        let file = file.to_str().unwrap();
        common::rerun(TEST, &[("RAPTORS_PROFILE", file)]);
        common::rerun(TEST, &[("RAPTORS_PROFILE", file), ("RAPTORS_NUMERICS", "any")]);
        return;
    }
    let preferred = Numerics::preferred();
    assert_eq!(preferred == Numerics::Any, std::env::var_os("RAPTORS_NUMERICS").is_some());
    for (op, kernel) in [
        ("scale", "mul_m_s_map_cblas_sscal"),
        ("sum_axis0", "add_columns_cblas_sgemv"),
        ("mean_axis0", "add_columns_cblas_sgemv"),
    ] {
        let op = catalogue::op(op).unwrap();
        let [any, numpy] =
            [Numerics::Any, Numerics::Numpy].map(|class| op.explain(Dtype::F32, class, (64, 32)).unwrap());
        assert_eq!((any.kernel, any.backend), (kernel, Some("cblas")));
        assert_eq!(numpy.backend, None, "{numpy:?}");
        assert!(any.won.is_some());
        let call = Call { numerics: Numerics::Any, ..Call::default() };
        compare::<f32>(op, false, &call, (64, 32), 1).unwrap();
    }
    // A call that says no class is of the class that the environment asks for; one that says its class is of that.
    let x = raptors::Matrix::from_fn(500, 3, |row, col| oracle::value::<f32>(0, row, col)).unwrap();
    let said = |class| raptors::ops::sum_axis0_with(&x, class).unwrap();
    let [any, numpy] = [Numerics::Any, Numerics::Numpy].map(said);
    assert_ne!(any, numpy, "both have the same bits, and the test shows nothing");
    assert_eq!(raptors::ops::sum_axis0(&x).unwrap(), said(preferred));
}

/// A table of the class's own has what its calls learned.
#[cfg(feature = "openblas")]
#[test]
fn what_calls_learn_is_of_their_class() {
    const TEST: &str = "what_calls_learn_is_of_their_class";
    if !common::is_alone(TEST) {
        common::rerun(TEST, &[("RAPTORS_ADAPTIVE", "1"), ("RAPTORS_THREADS", "2")]);
        return;
    }
    let mut x = raptors::Matrix::<f32>::zeros(512, 1024).unwrap();
    let op = catalogue::op("scale").unwrap();
    for class in [Numerics::Numpy, Numerics::Any] {
        for _ in 0..400 {
            raptors::ops::scale_with(&x, 2.0, class).unwrap();
            raptors::ops::scale_inplace_with(&mut x, 2.0, class).unwrap();
        }
        let state = raptors::adaptive::state();
        for inplace in [false, true] {
            let learned = state.iter().filter(|row| (row.numerics, row.inplace) == (class, inplace));
            assert_eq!(learned.count(), 1, "{class} {inplace}: {state:?}");
        }
        for row in state.iter().filter(|row| row.numerics == class && row.decided) {
            let explain = if row.inplace { Op::explain_inplace } else { Op::explain };
            let explained = explain(op, Dtype::F32, class, x.shape()).unwrap();
            assert_eq!(explained.adapted.map(|adapted| adapted.way), Some(row.way), "{explained:?}");
        }
    }
}

/// A profile of this processor whose rows of the class `any` are routines.
#[cfg(all(feature = "openblas", feature = "tunable"))]
fn profile() -> String {
    use std::fmt::Write as _;

    let mut text = format!(
        "version = 2\ncpu = {:?}\ncaches = {{ l1 = \"32 KiB\", l2 = \"1 MiB\", l3 = \"32 MiB\" }}\nrustc = \"1.95.0\"\n\
         date = \"2026-12-01\"\n",
        raptors::profile().unwrap().cpu
    );
    for (computation, kernel) in
        [("mul_m_s", "mul_m_s_map_cblas_sscal"), ("add_columns", "add_columns_cblas_sgemv")]
    {
        let body = catalogue::kernels().iter().find(|of| of.name == kernel).unwrap().identity;
        for isa in raptors::Isa::ALL {
            writeln!(text, "\n[kernels.{computation}.f32.{}-any]", isa.name()).expect("memory for a profile");
            for bucket in ["l1", "l2", "l3", "memory"]
                .map(|size| ["wide", "square", "tall"].map(|it| format!("{size} {it}")))
                .concat()
            {
                let won = "margin = \"5.0%\", interval = \"4.0% to 6.0%\"";
                writeln!(text, "{bucket:?} = {{ kernel = {kernel:?}, body = \"{body:016x}\", {won} }}")
                    .expect("memory for a profile");
            }
        }
    }
    text
}
