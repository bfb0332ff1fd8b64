//! What a new output costs: one from the library, one from the plain allocator, and one that is used again.

use std::{error::Error, fmt::Write as _, hint::black_box};

use raptors::{
    Element, MatrixMut,
    ops::{self, Supports, op},
};

use crate::{
    Bench,
    buffers::Buffers,
    contenders::Op,
    measure::Runner,
    report::{self, WRITES},
};

const SIDES: [usize; 2] = [1024, 2048];
const SMALL: [usize; 2] = [5, 33];
/// Bytes at which outputs begin, whoever allocates them.
const ALIGN: usize = 64;

const VALID: &str = "shapes of a case agree";

/// The three ways of one operation.
type Ways<T> = [Runner<'static, Buffers<T>>; 3];

/// Measures, prints, and gives the section of the documentation; nothing if another operation was asked for.
pub(crate) fn run(bench: &mut Bench) -> Result<Option<String>, Box<dyn Error>> {
    let mut text = String::new();
    for operation in bench.options.known_ops() {
        match operation.name() {
            "scale" => {
                cases::<f32>(bench, &operation, &mut text, scale)?;
                cases::<f64>(bench, &operation, &mut text, scale)?;
            }
            "broadcast_add" => {
                cases::<f32>(bench, &operation, &mut text, broadcast_add)?;
                cases::<f64>(bench, &operation, &mut text, broadcast_add)?;
            }
            _ => {}
        }
    }
    if text.is_empty() {
        return Ok(None);
    }
    let text = format!("{:<25}{:>8}{:>9}{:>18}{:>18}\n{text}", "", "threads", "µs", "new", "unpooled");
    println!("{}", if bench.options.test { "outputs: fresh and kept ones run" } else { &text });
    Ok(Some(format!(
        "\
The time is that of a call into an output that is kept (`scale_into`); the others are over it, in the median with the
95 % interval: 1 is as fast. `new`: a call that returns a new matrix, dropped afterwards (`scale`), whose memory comes
from the library. `unpooled`: a call into memory that the system's allocator has just given, zeroed, and that goes back
to it.

```text
{text}```
"
    )))
}

fn cases<T: Element>(
    bench: &mut Bench,
    operation: &Op,
    text: &mut String,
    ways: fn() -> Ways<T>,
) -> Result<(), Box<dyn Error>> {
    let threads = bench.team.threads();
    for side in if bench.options.test { SMALL } else { SIDES } {
        let mut buffers = Buffers::<T>::new(operation, side, side)?;
        for count in if threads > 1 { vec![1, threads] } else { vec![1] } {
            raptors::set_num_threads(count)?;
            let times = bench.timer.race(&ways().each_ref(), &mut buffers);
            let name = format!("{:<14}{} {side:>4}²", operation.name(), T::DTYPE.name());
            write!(text, "{name:<25}{count:>8}{:>9.1}", times.seconds(0) * 1e6).expect(WRITES);
            for other in [1, 2] {
                write!(text, "{:>18}", report::cell(times.ratio(other, 0))).expect(WRITES);
            }
            text.push('\n');
        }
    }
    Ok(())
}

fn scale<T: Supports<op::Scale>>() -> Ways<T> {
    [
        Box::new(|b| ops::scale_into(&b.x, b.factor, &mut b.out).expect(VALID)),
        Box::new(|b| drop(black_box(ops::scale(&b.x, b.factor).expect(VALID)))),
        Box::new(|b| unpooled(b.rows, b.cols, |out| ops::scale_into(&b.x, b.factor, out).expect(VALID))),
    ]
}

fn broadcast_add<T: Supports<op::BroadcastAdd>>() -> Ways<T> {
    [
        Box::new(|b| ops::broadcast_add_into(&b.x, &b.row, &mut b.out).expect(VALID)),
        Box::new(|b| drop(black_box(ops::broadcast_add(&b.x, &b.row).expect(VALID)))),
        Box::new(|b| {
            unpooled(b.rows, b.cols, |out| ops::broadcast_add_into(&b.x, &b.row, out).expect(VALID));
        }),
    ]
}

/// Has `work` write a matrix whose memory is new, and as aligned as the library's.
fn unpooled<T: Element>(rows: usize, cols: usize, work: impl FnOnce(MatrixMut<'_, T>)) {
    let spare = ALIGN / size_of::<T>();
    let mut memory = vec![T::ZERO; rows * cols + spare];
    let start = memory.as_ptr().align_offset(ALIGN).min(spare);
    work(MatrixMut::new(&mut memory[start..][..rows * cols], rows, cols).expect(VALID));
    black_box(memory);
}
