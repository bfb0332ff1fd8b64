//! Shapes of arguments, each error naming both sides.

use crate::{Error, error::Shape};

/// The matrix `what` must have the shape of the call.
#[inline]
pub(crate) fn matrix(what: &'static str, got: (usize, usize), expected: (usize, usize)) -> Result<(), Error> {
    same(what, got.into(), expected.into())
}

/// The row `what` must have an element for each column of the call.
#[inline]
pub(crate) fn row(what: &'static str, got: usize, (_, cols): (usize, usize)) -> Result<(), Error> {
    same(what, Shape::Row(got), Shape::Row(cols))
}

/// The column `what` must have an element for each row of the call.
#[inline]
pub(crate) fn column(what: &'static str, got: usize, (rows, _): (usize, usize)) -> Result<(), Error> {
    same(what, Shape::Column(got), Shape::Column(rows))
}

/// The slice `what` must have that many elements.
#[inline]
pub(crate) fn length(what: &'static str, got: usize, expected: usize) -> Result<(), Error> {
    same(what, Shape::Length(got), Shape::Length(expected))
}

#[inline]
fn same(what: &'static str, got: Shape, expected: Shape) -> Result<(), Error> {
    if got == expected { Ok(()) } else { Err(Error::Shape { what, expected, got }) }
}
