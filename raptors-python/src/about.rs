//! What the package tells about itself, and how many threads it may use.

use pyo3::{prelude::*, types::PyDict};
use raptors::catalogue;

use crate::{
    Object,
    array::{View, admit, dtype_name},
    call, error,
    generated::FUNCTIONS,
};

/// Which kernel a call runs, and why.
#[pyclass(frozen, get_all, eq, hash, module = "raptors")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Explanation {
    /// The operation.
    op: String,
    /// The element type.
    dtype: String,
    /// Rows and columns.
    shape: (usize, usize),
    /// The kernel's name.
    kernel: String,
    /// The instruction set.
    isa: String,
    /// Threads that take part.
    threads: usize,
    /// Why so many.
    sharing: String,
    /// Calls of its size that were measured, if these decided how it is cut (see ``adaptive``); None if the tables did.
    adapted: Option<u64>,
    /// Bytes of a piece; None if the call is not cut, or into a piece for each thread.
    chunk: Option<usize>,
    /// Bytes from which on such calls take more than one thread; None if they never do.
    crossover: Option<usize>,
    /// Why this kernel.
    reason: String,
    /// By how much it won, and the profile that says so; None if it is the default of the spec.
    won: Option<String>,
    /// The spec's file and line.
    spec: String,
}

#[pymethods]
impl Explanation {
    fn __str__(&self) -> String {
        let chunk = self.chunk.map_or_else(String::new, |chunk| format!(", pieces of {chunk} bytes"));
        let won = self.won.as_ref().map_or_else(String::new, |won| format!("\n  won     {won}"));
        let Self { op, dtype, shape: (rows, cols), kernel, isa, threads, sharing, reason, spec, .. } = self;
        format!(
            "{op} {dtype} {rows}x{cols}\n  kernel  {kernel}\n  isa     {isa}\n  threads {threads}{chunk}: {sharing}\n  \
             reason  {reason}{won}\n  spec    {spec}"
        )
    }

    /// For pickles and copies.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Object<'py>, (Bound<'py, PyDict>,))> {
        Ok((py.import("raptors._raptors")?.getattr("_explanation")?, (self.fields(py)?,)))
    }

    fn __repr__(&self) -> String {
        format!("<Explanation of {} {}: {}>", self.op, self.dtype, self.kernel)
    }
}

/// The fields of an explanation by their names, in both directions.
macro_rules! fields {
    ($($field:ident),+) => {
        impl Explanation {
            fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
                let fields = PyDict::new(py);
                $(fields.set_item(stringify!($field), self.$field.clone())?;)+
                Ok(fields)
            }

            fn of(fields: &Bound<'_, PyDict>) -> PyResult<Self> {
                Ok(Self {
                    $($field: fields.as_any().get_item(stringify!($field))?.extract()?),+
                })
            }
        }
    };
}

fields!(op, dtype, shape, kernel, isa, threads, sharing, adapted, chunk, crossover, reason, won, spec);

/// An explanation from its fields, as a pickle has them.
#[pyfunction]
#[pyo3(name = "_explanation")]
pub(crate) fn explanation(fields: &Bound<'_, PyDict>) -> PyResult<Explanation> {
    Explanation::of(fields)
}

/// Which kernel a call of that function on `x` runs, and why.
///
/// `x` is the function's first matrix; if it is not contiguous, it is explained as its copy would be.
#[pyfunction]
#[pyo3(signature = (name, x, *, axis=None, numerics="numpy"))]
pub(crate) fn explain(
    py: Python<'_>,
    name: &str,
    x: &Object<'_>,
    axis: Option<&Object<'_>>,
    numerics: &str,
) -> PyResult<Explanation> {
    let function = FUNCTIONS.iter().find(|function| function.name == name).ok_or_else(|| {
        let known = FUNCTIONS.iter().map(|function| function.name).collect::<Vec<_>>().join(", ");
        pyo3::exceptions::PyValueError::new_err(format!("no function is called '{name}'; there are: {known}"))
    })?;
    let axis = axis.map(error::axis_of).transpose()?;
    admit(x, "x")?;
    let view = View::of(x, "x")?;
    let (rows, cols) = view.extent();
    let (_, which) = call::resolved(py, axis, view.ndim)?;
    let suffix = if function.axes.is_empty() { "" } else { ["", "_axis0", "_axis1"][which] };
    let class = call::class(numerics)?;
    let found = || {
        let op = catalogue::op(&format!("{name}{suffix}"))?;
        Ok((op, op.explain(view.dtype, class, (rows, cols))?))
    };
    let (op, found) = found().map_err(|refused| error::raised(&refused))?;
    Ok(Explanation {
        op: op.name.to_owned(),
        dtype: dtype_name(view.dtype).to_owned(),
        shape: (rows, cols),
        kernel: found.kernel.to_owned(),
        isa: found.isa.name().to_owned(),
        threads: found.threads,
        sharing: found.sharing,
        adapted: found.adapted.map(|adapted| adapted.samples),
        chunk: found.chunk,
        crossover: found.crossover,
        reason: found.reason,
        won: found.won.map(|won| won.to_string()),
        spec: found.spec,
    })
}

/// Every function, as its spec describes it.
#[pyfunction]
#[pyo3(name = "_functions")]
pub(crate) fn functions(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    FUNCTIONS
        .iter()
        .map(|function| {
            let about = PyDict::new(py);
            about.set_item("name", function.name)?;
            about.set_item("summary", function.summary)?;
            about.set_item("spec", function.spec)?;
            about.set_item("inputs", function.inputs.to_vec())?;
            about.set_item("axes", function.axes.to_vec())?;
            about.set_item("dtypes", function.dtypes.to_vec())?;
            about.set_item("numerics", function.numerics.to_vec())?;
            about.set_item("numpy", function.numpy)?;
            about.set_item("defaults", function.defaults.to_vec())?;
            about.set_item("results", function.results.to_vec())?;
            about.set_item("takes", function.takes.to_vec())?;
            Ok(about)
        })
        .collect()
}

/// What [`crate`] runs on, and what is set.
#[pyfunction]
#[pyo3(name = "_config")]
pub(crate) fn config(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let about = PyDict::new(py);
    about.set_item("version", env!("CARGO_PKG_VERSION"))?;
    about.set_item("isa", raptors::isa().map_err(|refused| error::raised(&refused))?.name())?;
    about.set_item("threads", raptors::num_threads())?;
    let followed = raptors::profile().map_err(|refused| error::raised(&refused))?;
    about.set_item("cpu", followed.cpu)?;
    let caches = PyDict::new(py);
    let raptors::Caches { l1, l2, l3 } = raptors::caches();
    for (name, bytes) in [("l1", l1), ("l2", l2), ("l3", l3)] {
        caches.set_item(name, bytes)?;
    }
    about.set_item("caches", caches)?;
    let profiles = PyDict::new(py);
    let none = || "none".to_owned();
    profiles
        .set_item("yours", followed.own.as_ref().map_or_else(none, |own| own.file.display().to_string()))?;
    profiles.set_item("of the build", followed.built_in.map_or("none", |built_in| built_in.file))?;
    about.set_item("profiles", profiles)?;
    if !followed.notes.is_empty() {
        about.set_item("not followed", followed.notes.join("; "))?;
    }
    about.set_item("pool bytes", raptors::pool_bytes())?;
    let settings = PyDict::new(py);
    for knob in raptors::knobs() {
        for variable in &knob.variables {
            let value = match &knob.in_force.as_ref().map_err(error::raised)?.origin {
                raptors::Origin::Variable { name, value } if *name == variable.name => Some(value.clone()),
                _ => None,
            };
            settings.set_item(variable.name, value)?;
        }
    }
    about.set_item("environment", settings)?;
    Ok(about)
}

/// Threads that a call may use.
#[pyfunction]
pub(crate) fn num_threads() -> usize {
    raptors::num_threads()
}

/// Sets how many threads calls may use from now on, those of all threads of the program.
#[pyfunction]
pub(crate) fn set_num_threads(threads: usize) -> PyResult<()> {
    raptors::set_num_threads(threads).map_err(|refused| error::raised(&refused))
}

/// What [`set_num_threads`] said last, None before.
#[pyfunction]
#[pyo3(name = "_thread_limit")]
pub(crate) fn thread_limit() -> Option<usize> {
    raptors::thread_limit()
}

/// As [`set_num_threads`]; with None as if that had never been called.
#[pyfunction]
#[pyo3(name = "_set_thread_limit", signature = (threads))]
pub(crate) fn set_thread_limit(threads: Option<usize>) -> PyResult<()> {
    raptors::set_thread_limit(threads).map_err(|refused| error::raised(&refused))
}

/// Gives back to the system the memory that is kept for results of calls to come.
#[pyfunction]
pub(crate) fn trim(py: Python<'_>) {
    py.detach(raptors::trim);
}
