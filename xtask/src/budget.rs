//! What the kernels cost, each figure beside its limit: how many there are, how long they take to generate and to
//! compile, in how much memory, and how much code they become.
//!
//! Figures that gate are counts, or ratios within one run: no machine is too slow for them. Times are of processors, not
//! of clocks, so that other programs matter little.

mod bodies;
mod lab;
mod specs;
mod table;

use std::{cell::OnceCell, fmt::Write as _, fs, time::SystemTime};

use anyhow::{Context as _, Result, bail, ensure};
use raptors_codegen::{Builder, Carry, spec::FAMILIES};

use self::{
    bodies::{Catalogue, Texts},
    lab::{BASELINE, Lab},
    table::{Row, Unit, complaint, table},
};
use crate::{
    cost,
    python::{self, Wheel},
    run::{cargo, is_ci, read, root},
};

/// What the command line asks for.
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Only figures whose names hold this word; may be given several times
    #[arg(long, value_name = "WORD")]
    only: Vec<String>,
    /// In place of the figures, what each family of operations costs, as a table for docs/performance.md
    #[arg(long, conflicts_with = "only")]
    families: bool,
}

impl Arguments {
    /// Figures whose names hold one of these words.
    pub(crate) fn only(words: &[&str]) -> Self {
        Self { only: words.iter().map(|&word| word.to_owned()).collect(), families: false }
    }
}

/// Operations that go through the build script in the time that the baseline takes for its own.
const MUTANTS: usize = 300;

/// Seconds of processor time that the baseline's crate took where the limits were set, of which one more map may take
/// half a second. The ratio of the two is what holds on every machine.
const REFERENCE_SECONDS: f64 = 80.0;

const KIB: f64 = 1024.0;
const GIB: f64 = KIB * KIB * KIB;

/// Something that is measured.
struct Figure {
    name: &'static str,
    unit: Unit,
    limit: Option<f64>,
    measure: fn(&Budget) -> Result<f64>,
}

/// Every figure. What is built from nothing comes before what is content with less.
const FIGURES: [Figure; 24] = [
    gate("kernels that ship twice, by the catalogue", Unit::Count, 0.0, |it| {
        Ok(count(it.catalogue()?.duplicates()?))
    }),
    gate("kernels that ship twice, by their texts", Unit::Count, 0.0, Budget::equal_texts),
    gate("time to compile the crate, of the baseline's", Unit::Ratio, 0.5, |it| {
        Ok(it.lab.this()?.build()?.own() / it.lab.baseline()?.build()?.own())
    }),
    gate("all operations: time to compile the crate, of it", Unit::Ratio, 1.5, |it| {
        Ok(it.lab.whole()?.build()?.own() / it.lab.baseline()?.build()?.own())
    }),
    gate("all operations: code of the kernels", Unit::Bytes, 4.0 * KIB * KIB, Budget::kernel_code),
    gate("one more map: time, of the baseline's crate", Unit::Percent, 0.5 / REFERENCE_SECONDS, |it| {
        Ok(it.more_seconds()? / it.lab.baseline()?.build()?.own())
    }),
    gate("one more map: code", Unit::Bytes, 24.0 * KIB, Budget::more_code),
    gate("memory of rustc, for the library", Unit::Bytes, 1.2 * GIB, |it| {
        Ok(bytes(it.lab.whole()?.build()?.peak))
    }),
    gate("memory of rustc, for the wheel", Unit::Bytes, 1.5 * GIB, Budget::memory_of_wheel),
    gate("the wheel", Unit::Megabytes, bytes(python::LARGEST), |it| Ok(bytes(it.wheel()?.bytes))),
    gate("generated lines, of the baseline's", Unit::Ratio, 0.5, |it| {
        Ok(count(it.lab.this()?.generated()?.lines) / count(it.lab.baseline()?.generated()?.lines))
    }),
    gate("300 operations through the pipeline, of its 17", Unit::Ratio, 1.0, |it| {
        Ok(it.lab.mutants(MUTANTS)? / it.lab.baseline()?.generated()?.seconds)
    }),
    note("time of a clean build, of the baseline's", Unit::Ratio, |it| {
        Ok(it.lab.this()?.build()?.everything / it.lab.baseline()?.build()?.everything)
    }),
    note("all operations: time of a clean build, of it", Unit::Ratio, |it| {
        // The dependencies were built with the baseline's operations.
        let this = it.lab.this()?.build()?;
        let whole = it.lab.whole()?.build()?.own() + this.everything - this.own();
        Ok(whole / it.lab.baseline()?.build()?.everything)
    }),
    note("all operations: time to compile the crate", Unit::Seconds, |it| Ok(it.lab.whole()?.build()?.own())),
    note("time to compile the crate", Unit::Seconds, |it| Ok(it.lab.this()?.build()?.own())),
    note("time to compile the crate, baseline", Unit::Seconds, |it| Ok(it.lab.baseline()?.build()?.own())),
    note("time of a clean build", Unit::Seconds, |it| Ok(it.lab.this()?.build()?.everything)),
    note("one more map: time", Unit::Seconds, Budget::more_seconds),
    note("memory of rustc, for the baseline's library", Unit::Bytes, |it| {
        Ok(bytes(it.lab.baseline()?.build()?.peak))
    }),
    note("code of the library", Unit::Bytes, |it| Ok(bytes(it.lab.whole()?.build()?.code.bytes))),
    note("generated lines", Unit::Count, |it| Ok(count(it.lab.whole()?.generated()?.lines))),
    note("generated text of dispatch.rs", Unit::Bytes, |it| it.size_of("dispatch.rs")),
    note("generated text of catalogue.rs", Unit::Bytes, |it| it.size_of("catalogue.rs")),
];

/// A figure with a limit.
const fn gate(name: &'static str, unit: Unit, limit: f64, measure: fn(&Budget) -> Result<f64>) -> Figure {
    Figure { name, unit, limit: Some(limit), measure }
}

/// A figure without one, to be known.
const fn note(name: &'static str, unit: Unit, measure: fn(&Budget) -> Result<f64>) -> Figure {
    Figure { name, unit, limit: None, measure }
}

/// Measures what is asked for and prints it; fails if a figure is over its limit, or could not be measured.
pub(crate) fn judge(arguments: &Arguments) -> Result<()> {
    if arguments.families {
        println!("\n{}", families()?);
        return Ok(());
    }
    let figures = asked_for(&arguments.only)?;
    let budget = Budget { lab: Lab::new()?, catalogue: OnceCell::new(), wheel: OnceCell::new() };
    let rows: Vec<_> = figures
        .iter()
        .map(|figure| Row {
            name: figure.name,
            unit: figure.unit,
            limit: figure.limit,
            value: (figure.measure)(&budget).map_err(|error| format!("{error:#}")),
        })
        .collect();
    println!("\n{}", budget.kernels().unwrap_or_default());
    println!("The baseline is {}; times are of processors.\n\n{}", &BASELINE[..7], table(&rows));
    match complaint(&rows) {
        Some(complaint) => bail!(complaint),
        None => Ok(()),
    }
}

/// What each family of operations adds to a library without any, in Markdown.
fn families() -> Result<String> {
    let lab = Lab::new()?;
    let side = lab.whole()?;
    let mut text = "| feature | processor time to compile | code |\n|---|---|---|\n".to_owned();
    let mut line = |name: &str, seconds: f64, code: f64| {
        let (seconds, code) = (Unit::Seconds.show(seconds), Unit::Bytes.show(code));
        writeln!(text, "| {name} | {seconds} | {code} |").expect("a String");
    };
    let none = side.build_family(None)?;
    line("none", none.again(), bytes(none.code.bytes));
    for family in FAMILIES {
        let one = side.build_family(Some(family))?;
        let code = bytes(one.code.bytes) - bytes(none.code.bytes);
        line(&format!("`{family}` adds"), one.again() - none.again(), code);
    }
    Ok(text)
}

/// The figures whose names hold one of these words; all, if there is none.
fn asked_for(words: &[String]) -> Result<Vec<&'static Figure>> {
    let wanted =
        |figure: &&Figure| words.is_empty() || words.iter().any(|word| figure.name.contains(word.as_str()));
    let figures: Vec<_> = FIGURES.iter().filter(wanted).collect();
    ensure!(
        !figures.is_empty(),
        "no figure is called so; there are\n  {}",
        FIGURES.each_ref().map(|it| it.name).join("\n  ")
    );
    Ok(figures)
}

/// What the figures are measured on, each part of it once.
struct Budget {
    lab: Lab,
    catalogue: OnceCell<Catalogue>,
    wheel: OnceCell<Wheel>,
}

impl Budget {
    /// The catalogue of this checkout, by the command.
    fn catalogue(&self) -> Result<&Catalogue> {
        if let Some(catalogue) = self.catalogue.get() {
            return Ok(catalogue);
        }
        let mut command =
            cargo(["run", "--release", "--quiet", "--package", "raptors-cli", "--bin", "raptors"]);
        let catalogue = Catalogue::parse(&read(command.args(["--", "list", "--json"]))?)?;
        Ok(self.catalogue.get_or_init(|| catalogue))
    }

    /// How many of the generated functions are another one under another name.
    fn equal_texts(&self) -> Result<f64> {
        let folder = self.lab.folder("texts");
        let specs = root().join("kernel-specs");
        Builder::new(specs.join("ops"), "kernel-specs/ops", &folder)
            .profiles(specs.join("tuned"), "kernel-specs/tuned")
            .carry(Carry::Winners)
            .build()?;
        let texts = Texts::read(&folder)?;
        let duplicates = texts.duplicates();
        for (name, other) in duplicates.iter().take(8) {
            println!("{name} is {other}");
        }
        println!("{} of {} generated kernels are others", duplicates.len(), texts.count());
        Ok(count(duplicates.len()))
    }

    /// Seconds of processor time that one more map takes.
    fn more_seconds(&self) -> Result<f64> {
        let seconds = self.lab.extended()?.again() - self.lab.this()?.build()?.again();
        Ok(seconds / count(specs::EXTRA_MAPS))
    }

    /// Bytes of code that one more map becomes.
    fn more_code(&self) -> Result<f64> {
        let code = bytes(self.lab.extended()?.code.bytes) - bytes(self.lab.this()?.build()?.code.bytes);
        Ok(code / count(specs::EXTRA_MAPS))
    }

    /// Bytes of code of the kernels that ship.
    fn kernel_code(&self) -> Result<f64> {
        let sizes = self.lab.whole()?.build()?.code.per_kernel(&self.catalogue()?.names());
        Ok(bytes(sizes.values().sum()))
    }

    /// The wheel of this checkout. In CI it was built before, by this very program, which wrote down what that took;
    /// elsewhere nobody knows who compiled what lies there.
    fn wheel(&self) -> Result<&Wheel> {
        if let Some(wheel) = self.wheel.get() {
            return Ok(wheel);
        }
        if !is_ci() {
            touch_a_spec()?;
        }
        let mut wheel = Wheel::build("")?;
        if !wheel.knows_the_library() {
            touch_a_spec()?;
            wheel = Wheel::build("")?;
        }
        Ok(self.wheel.get_or_init(|| wheel))
    }

    /// Bytes of memory of the greatest compiler of the wheel's build.
    fn memory_of_wheel(&self) -> Result<f64> {
        let wheel = self.wheel()?;
        let (peak, name) = cost::peak(&wheel.compilers).context("no compiler wrote down what it took")?;
        println!("of the wheel's crates, {name} took the most memory");
        Ok(bytes(peak))
    }

    /// Bytes of a generated file.
    fn size_of(&self, file: &str) -> Result<f64> {
        let path = self.lab.whole()?.generated()?.folder.join(file);
        Ok(bytes(path.metadata().with_context(|| path.display().to_string())?.len()))
    }

    /// How many kernels there are, and their code; of what was looked at for the figures.
    fn kernels(&self) -> Option<String> {
        let catalogue = self.catalogue.get()?;
        let sizes = self.lab.whole().ok().and_then(|side| side.built());
        let sizes = sizes.map(|built| built.code.per_kernel(&catalogue.names())).unwrap_or_default();
        let (kernels, served) = (catalogue.kernels(), catalogue.served());
        Some(format!("{}\n{kernels} kernels ship, and serve as {served}.", catalogue.by_isa(&sizes)))
    }
}

/// Makes one spec look changed, whose text stays.
fn touch_a_spec() -> Result<()> {
    let specs = specs::files(&root().join("kernel-specs/ops"))?;
    let spec = specs.first().context("there is no spec to touch")?;
    Ok(fs::File::options().append(true).open(spec)?.set_modified(SystemTime::now())?)
}

#[expect(clippy::cast_precision_loss, reason = "counts are exact up to 2^53")]
const fn count(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "bytes are exact up to 2^53")]
const fn bytes(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_names_of_their_own_that_fit() {
        let names = std::collections::BTreeSet::from(FIGURES.each_ref().map(|figure| figure.name));
        assert_eq!(names.len(), FIGURES.len());
        let rows = FIGURES.each_ref().map(|figure| Row {
            name: figure.name,
            unit: figure.unit,
            limit: figure.limit,
            value: figure.limit.ok_or_else(String::new),
        });
        assert!(table(&rows).lines().all(|line| line.chars().count() <= 80), "{}", table(&rows));
    }

    #[test]
    fn words_choose_figures() {
        let names = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
            asked_for(&words).map(|figures| figures.iter().map(|figure| figure.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap().len(), FIGURES.len());
        let twice = ["kernels that ship twice, by the catalogue", "kernels that ship twice, by their texts"];
        assert_eq!(names(&["twice"]).unwrap(), twice);
        assert_eq!(names(&["texts", "catalogue,"]).unwrap(), twice[1..]);
        let error = names(&["no such figure"]).unwrap_err().to_string();
        assert!(error.starts_with("no figure is called so; there are\n  kernels that ship twice"), "{error}");
    }

    #[test]
    fn the_limits_are_those_that_were_agreed_on() {
        let limits = FIGURES.iter().filter_map(|figure| Some(figure.unit.show(figure.limit?)));
        let limits: Vec<_> = limits.collect();
        let agreed = [
            "0", "0", "0.500", "1.500", "4.0 MiB", "0.625 %", "24.0 KiB", "1.20 GiB", "1.50 GiB", "8.00 MB",
            "0.500", "1.000",
        ];
        assert_eq!(limits, agreed);
    }
}
