//! What is reduced, and how: an array with its plan, and reductions by their names.

use super::{ArrayMut, ArrayRef, Asked, Elements, Plan, compact};
use crate::{
    Element, Error, Expr, Numerics,
    catalogue::{self, Body, Call, Op, Place, Value},
    runtime::pool,
};

/// An array, the plan by which it is reduced, which of its elements are taken in, and from where.
#[derive(Clone, Debug)]
pub struct Over<'a, T: Element> {
    pub(crate) x: Elements<'a, T>,
    pub(crate) plan: Plan,
    pub(crate) mask: Option<ArrayRef<'a, u8>>,
    pub(crate) start: Option<T>,
}

impl<'a, T: Element> Over<'a, T> {
    /// An array, and the plan of a reduction of such an array. One of `f32` can be reduced in `f64`.
    ///
    /// # Panics
    /// If the plan is that of another shape.
    #[must_use]
    pub fn new(x: impl Into<Elements<'a, T>>, plan: Plan) -> Self {
        let x = x.into();
        assert!(x.shape() == plan.shape(), "a plan of another shape");
        Self { x, plan, mask: None, start: None }
    }

    /// Takes in the elements alone whose byte in the mask is not 0 (whose truth value is true). The bits are `NumPy`'s if the plan
    /// was made with the strides of the mask.
    ///
    /// # Panics
    /// If the mask has another shape.
    #[must_use]
    pub fn masked(self, mask: impl Into<ArrayRef<'a, u8>>) -> Self {
        let mask = mask.into();
        assert!(mask.shape() == self.plan.shape(), "a mask of another shape");
        Self { mask: Some(mask), ..self }
    }

    /// Starts each result from this value: `NumPy`'s `initial`.
    #[must_use]
    pub fn starting_from(self, initial: T) -> Self {
        Self { start: Some(initial), ..self }
    }
}

/// Refuses the class whose order is not that of a plan.
pub(crate) fn follows_plans(class: Numerics) -> Result<(), Error> {
    if class != Numerics::Accurate {
        return Ok(());
    }
    Err(Error::Unknown {
        kind: "numeric class of a reduction over an array",
        name: class.to_string(),
        known: Numerics::Numpy.to_string(),
    })
}

/// What a reduction can be told beside its axes.
///
/// All of it is of the class `numpy` (and of `any`, whose routines do not serve arrays): `accurate` fixes the order of a sum by
/// the index of its elements, all of which are there, in their own dtype.
#[derive(Clone, Debug)]
pub struct Options<'a, T: Element> {
    mask: Option<ArrayRef<'a, u8>>,
    initial: Option<T>,
}

impl<T: Element> Default for Options<'_, T> {
    fn default() -> Self {
        Self { mask: None, initial: None }
    }
}

impl<'a, T: Element> Options<'a, T> {
    /// Takes in the elements alone that the mask has: an array of truth values, or of bytes that are not 0, of the array's shape.
    /// Where it is to broadcast, its strides are 0. Minima and maxima need a value to start from as well.
    #[must_use]
    pub fn masked(self, mask: impl Into<ArrayRef<'a, u8>>) -> Self {
        Self { mask: Some(mask.into()), ..self }
    }

    /// Starts each result from this value. Not of a mean.
    #[must_use]
    pub fn starting_from(self, initial: T) -> Self {
        Self { initial: Some(initial), ..self }
    }
}

impl Op {
    /// The plan by which this reduction takes in an array. What reduces an expression of the elements reduces in `NumPy` a copy
    /// without gaps.
    #[must_use]
    pub fn plan(&self, asked: &Asked<'_>) -> Plan {
        let of_the_elements = match self.body {
            Body::Reduce { state: [field], .. } => matches!(
                field.step,
                Expr::Add(Expr::State(0), Expr::Input(0))
                    | Expr::Mul(Expr::State(0), Expr::Input(0))
                    | Expr::Min(Expr::State(0), Expr::Input(0))
                    | Expr::Max(Expr::State(0), Expr::Input(0))
            ),
            _ => false,
        };
        if of_the_elements {
            return Plan::new(asked);
        }
        Plan::new(&Asked { strides: &compact(asked.shape, asked.strides), buffered: false, ..*asked })
    }
}

/// Reduces an array over some of its axes, by the name of a plain reduction: `sum`, `mean`, `max`. Gives a value for each place
/// along the others, the last of them the fastest. Over no axes, each element is reduced by itself.
///
/// The bits are those of `NumPy` for an array of these strides.
///
/// ```
/// # #[cfg(feature = "sums")]
/// # fn main() -> Result<(), raptors::Error> {
/// use raptors::ArrayRef;
///
/// let storage: Vec<f64> = (0..24).map(f64::from).collect();
/// let array = ArrayRef::new(&storage, &[2, 3, 4], &[12, 4, 1], 0)?;
/// assert_eq!(raptors::reduce("sum", &array, &[0, 2])?, [60.0, 92.0, 124.0]);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sums"))]
/// # fn main() {}
/// ```
///
/// # Errors
/// [`Error::Unknown`] for a name that nothing has, [`Error::Form`] for an operation that is no plain reduction, [`Error::Axis`]
/// for an axis that the array does not have or that is named twice, [`Error::Empty`], [`Error::OutOfMemory`],
/// [`Error::Environment`].
pub fn reduce<T: Element>(name: &str, x: &ArrayRef<'_, T>, axes: &[usize]) -> Result<Vec<T>, Error> {
    reduce_with(name, x.clone(), axes, &Options::default())
}

/// As [`reduce`], of the elements that a mask has, from a value on, or in `f64` of an array of `f32`.
///
/// The bits are those of `NumPy`'s `where=`, `initial=` and `dtype=` for an array, and a mask, of these strides.
///
/// ```
/// # #[cfg(feature = "sums")]
/// # fn main() -> Result<(), raptors::Error> {
/// use raptors::{ArrayRef, Options, reduce_with};
///
/// let storage = [1.0_f32, 2.0, 3.0, 4.0];
/// let array = ArrayRef::new(&storage, &[2, 2], &[2, 1], 0)?;
/// let mask = ArrayRef::new(&[true, false, true, true], &[2, 2], &[2, 1], 0)?;
/// let options = Options::default().masked(mask).starting_from(0.5);
/// let sums: Vec<f64> = reduce_with("sum", array, &[1], &options)?;
/// assert_eq!(sums, [1.5, 7.5]);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sums"))]
/// # fn main() {}
/// ```
///
/// # Errors
/// As [`reduce`]; [`Error::Layout`] for a mask of another shape, [`Error::NoStart`] for a mask where the operation has nothing to
/// start from, [`Error::Form`] for a start where it takes none.
pub fn reduce_with<'a, T: Element>(
    name: &str,
    x: impl Into<Elements<'a, T>>,
    axes: &[usize],
    options: &Options<'a, T>,
) -> Result<Vec<T>, Error> {
    let found = Named::new(name, x.into(), axes, options, None)?;
    let mut walked = pool::filled(found.over.plan.results(), T::ZERO)?;
    found.call(&mut walked)?;
    if found.over.plan.kept_order().is_sorted() {
        return Ok(walked);
    }
    Ok(found.results(&walked)?.to_vec())
}

/// As [`reduce_with`], with results that go to an array that lies in any way, of the lengths of the axes that are kept.
///
/// The bits are those of `NumPy`'s `out=`: how it lies has a say in which axis is walked first.
///
/// # Errors
/// As [`reduce_with`]; [`Error::Layout`] for an output of another shape.
pub fn reduce_to<'a, T: Element>(
    name: &str,
    x: impl Into<Elements<'a, T>>,
    axes: &[usize],
    options: &Options<'a, T>,
    mut out: ArrayMut<'_, T>,
) -> Result<(), Error> {
    let found = Named::new(name, x.into(), axes, options, Some(&out))?;
    // The place among the kept axes of each of them, in the order of the walk.
    let kept: Vec<usize> = found.kept().collect();
    let place = |axis: usize| kept.iter().position(|one| *one == axis);
    let order: Vec<usize> = found.over.plan.kept_order().filter_map(place).collect();
    out = match out.permuted(&order).into_slice() {
        Ok(slice) => return found.call(slice),
        Err(out) => out,
    };
    let mut walked = pool::filled(out.len(), T::ZERO)?;
    found.call(&mut walked)?;
    out.scatter(0, &walked);
    Ok(())
}

/// A reduction by its name, with all that it needs.
struct Named<'a, T: Element> {
    op: &'static Op,
    over: Over<'a, T>,
}

impl<'a, T: Element> Named<'a, T> {
    fn new(
        name: &str,
        x: Elements<'a, T>,
        axes: &[usize],
        options: &Options<'a, T>,
        out: Option<&ArrayMut<'_, T>>,
    ) -> Result<Self, Error> {
        let (shape, own) = (x.shape(), x.strides());
        let ndim = shape.len();
        let mut reduced = vec![false; ndim];
        for &axis in axes {
            match reduced.get_mut(axis) {
                Some(is) if !*is => *is = true,
                _ => return Err(Error::Axis { axis, ndim }),
            }
        }
        let along = |axis: &str| catalogue::op(&format!("{name}{axis}"));
        let all = along("")?;
        if !matches!(all.body, Body::Reduce { .. }) {
            let (expected, got) = ("a plain reduction", "another one");
            return Err(Error::Form { op: all.name, what: "the operation", expected, got });
        }
        if let Some(mask) = options.mask.as_ref().filter(|mask| mask.shape() != shape) {
            let (shape, strides) = (mask.shape(), mask.strides());
            return Err(Error::Layout {
                shape,
                strides,
                first: 0,
                reason: "a mask has the shape of its array",
            });
        }
        let mut moves = None;
        if let Some(out) = out {
            let kept = (0..ndim).filter(|&axis| !reduced[axis]).map(|axis| shape[axis]);
            if !kept.eq(out.shape()) {
                let (shape, strides) = (out.shape(), out.strides());
                let reason = "an output has the lengths of the axes that are kept";
                return Err(Error::Layout { shape, strides, first: 0, reason });
            }
            let mut strides = out.strides().into_iter();
            let of = |&is: &bool| if is { Some(0) } else { strides.next() };
            moves = reduced.iter().map(of).collect::<Option<Vec<isize>>>();
        }
        let strides = options.mask.as_ref().map(ArrayRef::strides);
        let plan = all.plan(&Asked {
            shape: &shape,
            strides: &own,
            reduced: &reduced,
            out: moves.as_deref(),
            mask: strides.as_deref(),
            buffered: x.become_wider(),
        });
        let op = along(if plan.goes_down() { "_axis0" } else { "_axis1" })?;
        let Options { mask, initial } = options.clone();
        Ok(Self { op, over: Over { x, plan, mask, start: initial } })
    }

    /// The results, in the order of the walk.
    fn call(&self, out: &mut [T]) -> Result<(), Error> {
        self.op.call(&Call::default(), &[T::arg(Value::Array(&self.over))], T::out(Place::Slice(out)))
    }

    /// The axes that are kept, in the order of the array.
    fn kept(&self) -> impl Iterator<Item = usize> {
        let reduced = self.over.plan.reduced();
        (0..reduced.len()).filter(|&axis| !reduced[axis])
    }

    /// What was walked, as an array of the axes that are kept.
    fn results<'r>(&self, walked: &'r [T]) -> Result<ArrayRef<'r, T>, Error> {
        let (plan, strides) = (&self.over.plan, self.over.plan.result_strides());
        let (shape, strides): (Vec<_>, Vec<_>) =
            self.kept().map(|axis| (plan.shape()[axis], strides[axis])).unzip();
        ArrayRef::new(walked, &shape, &strides, 0)
    }
}
