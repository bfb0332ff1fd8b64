//! Says whose winners a call of `scale` follows, a fact a line.

use raptors::{Dtype, Error, catalogue};

fn main() {
    if let Err(error) = say() {
        println!("error: {error}");
    }
}

fn say() -> Result<(), Error> {
    let followed = raptors::profile()?;
    println!("cpu: {}", followed.cpu);
    if let Some(built_in) = followed.built_in {
        println!("built in: {}, {} rows", built_in.file, built_in.rows);
    }
    if let Some(own) = &followed.own {
        println!("own: {}, {} rows", own.file.display(), own.rows);
    }
    for note in &followed.notes {
        println!("note: {note}");
    }
    let found = raptors::explain("scale", Dtype::F32, (32, 32))?;
    println!("kernel: {}", found.kernel);
    if let Some(won) = found.won {
        println!("won: {won}");
    }
    let found = raptors::explain("scale", Dtype::F32, (256, 256))?;
    println!("crossover: {:?}", found.crossover);
    if let Some(won) = found.cut_won {
        println!("cut: {won}");
    }
    for kernel in catalogue::op("scale")?.kernels() {
        println!("body of {}: {:016x}", kernel.name, kernel.identity);
    }
    Ok(())
}
