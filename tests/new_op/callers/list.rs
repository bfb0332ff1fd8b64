//! Lists the operations; with a name, calls that one, of one matrix, on 1, 2, 3.

use raptors::{
    Error, Matrix,
    catalogue::{self, Arg, Call, Out, Place, Value},
};

fn main() -> Result<(), Error> {
    for op in catalogue::ops() {
        println!("{}: {}", op.name, op.summary);
    }
    if let Some(name) = std::env::args().nth(1) {
        let x = Matrix::from_rows(&[[1.0_f64, 2.0, 3.0]])?;
        let mut out = Matrix::zeros(1, 3)?;
        let args = [Arg::F64(Value::Matrix(x.view()))];
        catalogue::op(&name)?.call(&Call::default(), &args, Out::F64(Place::Matrix(out.view_mut())))?;
        println!("{name}: {:?}", out.as_slice());
    }
    Ok(())
}
