//! From names a person types to what they stand for; what is unknown is answered with what is near and what there is.

use anyhow::{Error, anyhow};
use raptors::{
    Dtype, Isa, Numerics,
    catalogue::{self, Kernel, Op},
};

/// The operation of that name.
pub(crate) fn op(name: &str) -> Result<&'static Op, Error> {
    let ops = catalogue::ops();
    ops.iter()
        .find(|op| op.name == name)
        .ok_or_else(|| unknown("operation", name, ops.iter().map(|op| op.name)))
}

/// The dtype of that name.
pub(crate) fn dtype(name: &str) -> Result<Dtype, Error> {
    of("dtype", name, &Dtype::ALL, Dtype::name)
}

/// The instruction set of that name.
pub(crate) fn isa(name: &str) -> Result<Isa, Error> {
    of("instruction set", name, &Isa::ALL, Isa::name)
}

/// The numeric class of that name.
pub(crate) fn numerics(name: &str) -> Result<Numerics, Error> {
    of("numeric class", name, &Numerics::ALL, Numerics::name)
}

fn of<T: Copy>(kind: &str, name: &str, all: &[T], name_of: fn(T) -> &'static str) -> Result<T, Error> {
    let found = all.iter().copied().find(|&one| name_of(one) == name);
    found.ok_or_else(|| unknown(kind, name, all.iter().map(|&one| name_of(one))))
}

/// The kernel of that name.
pub(crate) fn kernel(name: &str) -> Result<&'static Kernel, Error> {
    if let Some(found) = catalogue::kernels().iter().find(|kernel| kernel.name == name) {
        return Ok(found);
    }
    // There are too many kernels to list: those of the operation that the name begins with are what was looked for.
    let of_op = catalogue::ops()
        .iter()
        .filter(|op| name.strip_prefix(op.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_')))
        .max_by_key(|op| op.name.len());
    let list =
        of_op.map_or("raptors list --all".to_owned(), |op| format!("raptors list --all --op {}", op.name));
    let near = match nearest(name, catalogue::kernels().iter().map(|kernel| kernel.name)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    Err(anyhow!("no kernel is called `{name}`{near}\n`{list}` names them"))
}

fn unknown<'a>(kind: &str, name: &str, all: impl Iterator<Item = &'a str> + Clone) -> Error {
    let near = nearest(name, all.clone()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    anyhow!("no {kind} is called `{name}`{near}\nthere are: {}", all.collect::<Vec<_>>().join(", "))
}

/// The name that was probably meant: at most a third of its letters differ.
fn nearest<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    all.map(|other| (strsim::osa_distance(&name, other), other))
        .filter(|(distance, other)| *distance <= name.chars().count().max(other.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

/// Rows and columns, as `512x512`.
pub(crate) fn shape(text: &str) -> Result<(usize, usize), String> {
    let wrong = || "expected rows and columns, such as 512x512".to_owned();
    let (rows, cols) = text.split_once(['x', 'X', '×']).ok_or_else(wrong)?;
    let number = |text: &str| text.parse().map_err(|_| wrong());
    Ok((number(rows)?, number(cols)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_two_numbers() {
        assert_eq!(shape("512x1024"), Ok((512, 1024)));
        assert_eq!(shape("0×7"), Ok((0, 7)));
        for wrong in ["", "512", "x", "512x", "-1x2", "1x2x3", "1 x 2", "99999999999999999999x1"] {
            assert!(shape(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        assert_eq!(nearest("scael", ["add", "scale"].into_iter()), Some("scale"));
        assert_eq!(nearest("SCALE", ["add", "scale"].into_iter()), Some("scale"));
        assert_eq!(nearest("softmax", ["add", "scale"].into_iter()), None);
    }
}
