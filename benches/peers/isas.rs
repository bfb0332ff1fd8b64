//! Our kernels for one instruction set against those for another.

use std::{error::Error, fmt::Write as _};

use raptors::{
    Choice, Isa, Numerics,
    catalogue::{Call, Group, Status},
};

use crate::{
    Bench,
    buffers::Buffers,
    contenders::{Contested, Op, check, erased},
    measure::Runner,
    report::{self, WRITES},
};

const SQUARES: [(usize, usize); 3] = [(512, 512), (1024, 1024), (2048, 2048)];
const SMALL: [(usize, usize); 3] = [(5, 37), (24, 1000), (512, 512)];

/// Measures, prints, and gives the section of the documentation; nothing where there is nothing to compare.
pub(crate) fn run(bench: &mut Bench) -> Result<Option<String>, Box<dyn Error>> {
    let isas: Vec<Isa> =
        Isa::ALL.into_iter().filter(|isa| *isa != Isa::Portable && isa.is_available()).collect();
    let [first, others @ ..] = &isas[..] else { return Ok(None) };
    if others.is_empty() {
        println!("{} is the one vector instruction set here: nothing to compare it with", first.name());
        return Ok(None);
    }
    let (mut tables, mut names) = (Vec::new(), String::new());
    for op in bench.options.known_ops() {
        let mut text = format!("{:<14}", op.name());
        for isa in &isas {
            write!(text, "{:>10}", format!("{} µs", isa.name())).expect(WRITES);
        }
        for isa in others {
            write!(text, "{:>17}", format!("{}/{}", first.name(), isa.name())).expect(WRITES);
        }
        text.push('\n');
        cases::<f32>(bench, &op, &isas, &mut text, &mut names)?;
        cases::<f64>(bench, &op, &isas, &mut text, &mut names)?;
        if bench.options.test {
            println!("{}: kernels of {} instruction sets agree", op.name(), isas.len());
        }
        bench.options.show(&text);
        tables.push(text);
    }
    let section = format!(
        "\
Our kernels on one thread, called by name: the shipped kernel of the instruction set. The ratio is the time of
the first over that of the other, in the median with its 95 % interval: above 1 the other is faster. `–`: the
instruction set has no kernel of its own, and the plainer one serves.

```text
{}```
{}",
        tables.join("\n"),
        report::folded("The kernels", &names)
    );
    Ok(Some(section))
}

fn cases<T: Contested>(
    bench: &mut Bench,
    op: &Op,
    isas: &[Isa],
    text: &mut String,
    names: &mut String,
) -> Result<(), Box<dyn Error>> {
    if !op.entry.dtypes.contains(&T::DTYPE) {
        return Ok(());
    }
    let dtype = T::DTYPE.name();
    for &(rows, cols) in if bench.options.test { &SMALL } else { &SQUARES } {
        let mut buffers = Buffers::<T>::new(op, rows, cols)?;
        let mut kernels = Vec::new();
        for isa in isas {
            kernels.push(kernel::<T>(op, *isa, (rows, cols))?);
        }
        let runners: Vec<Runner<'_, _>> = kernels.iter().flatten().map(|name| by_name::<T>(name)).collect();
        if runners.is_empty() {
            continue;
        }
        check(op, &runners, &[], &mut buffers)
            .map_err(|what| format!("{} {dtype} {rows}x{cols}: {what}", op.name()))?;
        let times = bench.timer.race(&runners.iter().collect::<Vec<_>>(), &mut buffers);

        // Runners stand in the order of instruction sets, those without a kernel left out.
        let mut places = 0..;
        let places =
            kernels.iter().map(|kernel| kernel.and_then(|_| places.next())).collect::<Vec<Option<usize>>>();
        write!(text, "{:<14}", format!("{dtype} {rows:>4}²")).expect(WRITES);
        for place in &places {
            let cell =
                place.map_or_else(|| "–".to_owned(), |place| format!("{:.1}", times.seconds(place) * 1e6));
            write!(text, "{cell:>10}").expect(WRITES);
        }
        for place in &places[1..] {
            let ratio = place.zip(places[0]).map(|(other, first)| report::cell(times.ratio(first, other)));
            write!(text, "{:>17}", ratio.as_deref().unwrap_or("–")).expect(WRITES);
        }
        text.push('\n');
        let used: Vec<_> = kernels.iter().map(|kernel| kernel.unwrap_or("–")).collect();
        writeln!(names, "{}", used.join(" ")).expect(WRITES);
    }
    Ok(())
}

/// The shipped kernel of that instruction set, its default before others. It stores past the caches if the kernel does
/// that the table would choose for the shape, since that depends on the machine's caches alone; an instruction set
/// without such stores has another.
fn kernel<T: Contested>(
    op: &Op,
    isa: Isa,
    shape: (usize, usize),
) -> Result<Option<&'static str>, Box<dyn Error>> {
    let past_caches = |name: &str| name.split('_').any(|word| word == "nt");
    raptors::set_num_threads(1)?;
    let wanted = past_caches(op.entry.explain(T::DTYPE, Numerics::default(), shape)?.kernel);
    let group = op.entry.group(T::DTYPE, Numerics::default(), false);
    let fits = |past: bool| {
        let mut kernels = group.into_iter().flat_map(Group::kernels).filter(|kernel| {
            kernel.status == Status::Shipped && kernel.isa == isa && past_caches(kernel.name) == past
        });
        kernels.next().map(|kernel| kernel.name)
    };
    Ok(fits(wanted).or_else(|| fits(false)))
}

fn by_name<T: Contested>(name: &str) -> Runner<'_, Buffers<T>> {
    let call = Call { choice: Choice::Kernel(name), ..Call::default() };
    Box::new(move |b| erased(b, &call))
}
