//! What the kernels cost: their number, their lines, the time to compile them, the code they become.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Instant, SystemTime},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    run::{cargo, read, root, run, target},
    size::{Spread, per_kernel},
};

/// Builds from nothing, measures, and prints.
pub(crate) fn print() -> Result<()> {
    let folder = target().join("budget");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let times = compile_times(&folder)?;
    run(cargo(["build", "--release", "--package", "raptors-cli"]).env("CARGO_TARGET_DIR", &folder))?;
    let command = folder.join("release").join(format!("raptors{}", std::env::consts::EXE_SUFFIX));
    let catalogue = Catalogue::read(&command)?;

    println!("\nKernels\n{}", catalogue.counts());
    println!("Generated text, in lines\n{}", generated_lines(&folder)?);
    println!("Compile time of the release library\n{times}");
    println!("Code of the kernels that ship, in bytes\n{}", catalogue.sizes(&fs::read(&command)?)?);
    Ok(())
}

/// How long the library takes to build: from nothing, after a spec changed, with every candidate.
fn compile_times(folder: &Path) -> Result<String> {
    let build = |arguments: &[&str]| {
        let start = Instant::now();
        let mut build = cargo(["build", "--release", "--package", "raptors"]);
        run(build.args(arguments).env("CARGO_TARGET_DIR", folder))?;
        anyhow::Ok(start.elapsed().as_secs_f64())
    };
    let mut text = String::new();
    let mut line = |what: &str, seconds: f64| writeln!(text, "  {what:<56} {seconds:>8.1} s");
    // Downloads are not part of it.
    run(&mut cargo(["fetch", "--quiet"]))?;
    line("everything, from nothing", build(&[])?)?;
    touch_a_spec()?;
    line("after a spec was touched", build(&[])?)?;
    line("with every candidate", build(&["--features", "candidates"])?)?;
    Ok(text)
}

/// Makes one spec look changed, whose text stays.
fn touch_a_spec() -> Result<()> {
    let specs = root().join("kernel-specs/ops");
    let spec = files(&specs, "toml")?.into_iter().next().context("there is no spec to touch")?;
    fs::File::options().append(true).open(spec)?.set_modified(SystemTime::now())?;
    Ok(())
}

/// The lines of each file the build script wrote for the kernels that ship, and of all it wrote with the candidates.
fn generated_lines(folder: &Path) -> Result<String> {
    let mut text = String::new();
    let mut totals = BTreeMap::new();
    for output in fs::read_dir(folder.join("release/build"))? {
        let output = output?.path().join("out");
        if !output.join("kernels.rs").exists() {
            continue;
        }
        let files = files(&output, "rs")?;
        let name = |file: &Path| file.file_name().expect("a file").display().to_string();
        let with_candidates = files.iter().any(|file| name(file).contains("candidates"));
        for file in &files {
            let lines = fs::read_to_string(file)?.lines().count();
            *totals.entry(with_candidates).or_insert(0) += lines;
            if !with_candidates {
                writeln!(text, "  {:<56} {lines:>8}", name(file))?;
            }
        }
    }
    for (with_candidates, total) in totals {
        let what = if with_candidates { "total with every candidate" } else { "total" };
        writeln!(text, "  {what:<56} {total:>8}")?;
    }
    ensure!(!text.is_empty(), "no generated files in {}", folder.display());
    Ok(text)
}

/// The files of a folder that end so, sorted.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    Ok(files)
}

/// The fields of a row of the catalogue that are counted.
struct Row {
    kernel: String,
    op: String,
    isa: String,
    status: String,
}

struct Catalogue(Vec<Row>);

impl Catalogue {
    /// Asks the command for it.
    fn read(command: &Path) -> Result<Catalogue> {
        Catalogue::parse(&read(Command::new(command).args(["list", "--json"]))?)
    }

    fn parse(json: &str) -> Result<Catalogue> {
        let rows: Vec<Value> = serde_json::from_str(json).context("the catalogue is no JSON array")?;
        let rows = rows.iter().map(|row| {
            let field = |name: &str| {
                let text = row[name].as_str().with_context(|| format!("a row without `{name}`: {row}"));
                text.map(str::to_owned)
            };
            Ok(Row {
                kernel: field("kernel")?,
                op: field("op")?,
                isa: field("isa")?,
                status: field("status")?,
            })
        });
        Ok(Catalogue(rows.collect::<Result<_>>()?))
    }

    /// How many kernels of each operation and instruction set ship, can be measured, or were dropped.
    fn counts(&self) -> String {
        let mut counts: BTreeMap<(&str, &str), [usize; 3]> = BTreeMap::new();
        for row in &self.0 {
            let status = ["shipped", "candidate", "dropped"].iter().position(|&status| status == row.status);
            if let Some(status) = status {
                counts.entry((&row.isa, &row.op)).or_default()[status] += 1;
            }
        }
        let line = |isa: &str, op: &str, [shipped, candidates, dropped]: [String; 3]| {
            format!("  {isa:<12} {op:<28} {shipped:>10} {candidates:>11} {dropped:>9}\n")
        };
        let mut text = line("isa", "operation", ["shipped", "candidates", "dropped"].map(str::to_owned));
        for ((isa, op), count) in &counts {
            text += &line(isa, op, count.map(|count| count.to_string()));
        }
        let total = counts.values().fold([0; 3], |sum, count| [0, 1, 2].map(|i| sum[i] + count[i]));
        text + &line("total", "", total.map(|count| count.to_string()))
    }

    /// How much code the shipped kernels of each instruction set became.
    fn sizes(&self, executable: &[u8]) -> Result<String> {
        let mut shipped: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for row in self.0.iter().filter(|row| row.status == "shipped") {
            shipped.entry(&row.isa).or_default().insert(row.kernel.clone());
        }
        let all = shipped.values().flatten().cloned().collect();
        let sizes = per_kernel(executable, &all)?;
        let line = |words: [&str; 6]| {
            let [isa, kernels, least, median, greatest, total] = words;
            format!("  {isa:<12} {kernels:>9} {least:>9} {median:>9} {greatest:>9} {total:>11}\n")
        };
        let mut text = line(["isa", "kernels", "least", "median", "greatest", "total"]);
        for (isa, kernels) in shipped.iter().map(|(isa, kernels)| (*isa, kernels)).chain([("total", &all)]) {
            let found: Vec<_> = kernels.iter().filter_map(|kernel| sizes.get(kernel).copied()).collect();
            let count = found.len().to_string();
            if let Some(Spread { least, median, greatest, total }) = Spread::of(found) {
                let [least, median, greatest, total] =
                    [least, median, greatest, total].map(|n| n.to_string());
                text += &line([isa, &count, &least, &median, &greatest, &total]);
            }
        }
        let absent = all.len() - sizes.len();
        if absent > 0 {
            writeln!(text, "  {absent} have no symbol: of another target, or merged with an equal one")?;
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"[
        {"op": "scale", "isa": "avx2", "kernel": "scale_f32_avx2_u4", "status": "shipped"},
        {"op": "scale", "isa": "avx2", "kernel": "scale_f32_avx2_u8", "status": "candidate"},
        {"op": "add", "isa": "portable", "kernel": "add_f32_portable_u1", "status": "dropped", "reason": "live values"}
    ]"#;

    #[test]
    fn rows_are_counted_by_status() {
        let counts = Catalogue::parse(JSON).unwrap().counts();
        let rows: Vec<_> = counts.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        assert_eq!(rows[1], ["avx2", "scale", "1", "1", "0"]);
        assert_eq!(rows[2], ["portable", "add", "0", "0", "1"]);
        assert_eq!(rows[3], ["total", "1", "1", "1"]);
        assert!(counts.lines().all(|line| line.len() <= 80));
    }

    #[test]
    fn a_row_must_have_its_fields() {
        let error = Catalogue::parse(r#"[{"op": "scale"}]"#).err().unwrap().to_string();
        assert_eq!(error, r#"a row without `kernel`: {"op":"scale"}"#);
    }

    #[test]
    fn kernels_without_code_are_told() {
        let executable = fs::read(std::env::current_exe().unwrap()).unwrap();
        let sizes = Catalogue::parse(JSON).unwrap().sizes(&executable).unwrap();
        assert!(sizes.contains("1 have no symbol"), "{sizes}");
    }
}
