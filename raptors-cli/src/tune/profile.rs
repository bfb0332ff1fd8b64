//! The profile: what was there before, and what the findings make of it.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use raptors::tune::{
    Findings, Found,
    statistics::{Interval, percent},
};
use serde::Deserialize;

/// A profile as a file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    path: PathBuf,
    pub(super) cpu: String,
    pub(super) rows: BTreeMap<(String, String), Row>,
    pub(super) threads: BTreeMap<(usize, String, String), Threads>,
}

/// A row about a kernel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Row {
    pub(super) kernel: String,
    pub(super) margin: String,
    pub(super) interval: String,
}

/// A row about threads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Threads {
    pub(super) crossover: String,
    pub(super) chunk: String,
}

type Ops<R> = BTreeMap<String, BTreeMap<String, BTreeMap<String, BTreeMap<String, R>>>>;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    kernels: Ops<Row>,
    #[serde(default)]
    threads: BTreeMap<String, Ops<Threads>>,
}

fn flat<R>(ops: Ops<R>) -> impl Iterator<Item = ((String, String), R)> {
    ops.into_iter().flat_map(|(op, dtypes)| {
        dtypes.into_iter().flat_map(move |(dtype, isas)| {
            let op = op.clone();
            isas.into_iter().flat_map(move |(isa, rows)| {
                let table = format!("{op}.{dtype}.{isa}");
                rows.into_iter().map(move |(row, value)| ((table.clone(), row), value))
            })
        })
    })
}

impl Kept {
    /// What the folder has for this machine.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let cpu = cpu_key();
        let path = folder.join(format!("{cpu}.toml"));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let file: File = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let rows = flat(file.kernels).collect();
        let threads = file.threads.into_iter().filter_map(|(count, ops)| Some((count.parse().ok()?, ops)));
        let threads = threads.flat_map(|(count, ops): (usize, _)| {
            flat(ops).map(move |((table, row), value)| ((count, table, row), value))
        });
        Ok(Self { path, cpu, rows, threads: threads.collect() })
    }

    pub(super) fn cpu(&self) -> &str {
        &self.cpu
    }

    /// Rows, about kernels and about threads.
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.threads.len()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// With what was found; rows of other cases stay as they are.
    pub(super) fn with(&self, findings: &Findings) -> anyhow::Result<Self> {
        let mut after = self.clone();
        for found in &findings.cases {
            let key = (found.table.clone(), found.row.clone());
            if found.winner != found.incumbent {
                let duel = found.duel.unwrap_or(Interval { low: 0.0, centre: 0.0, high: 0.0 });
                after.rows.insert(
                    key,
                    Row {
                        kernel: found.winner.to_owned(),
                        margin: one(duel.centre),
                        interval: interval(duel),
                    },
                );
            } else if after.rows.get(&key).is_some_and(|row| row.kernel != found.incumbent) {
                after.rows.remove(&key);
            }
            after.take_cuts(found);
        }
        Ok(after)
    }

    fn take_cuts(&mut self, found: &Found) {
        let Some(cuts) = &found.cuts else { return };
        if cuts.was.is_none() {
            return;
        }
        let key = (cuts.threads, found.table.clone(), found.row.clone());
        self.threads.insert(
            key,
            Threads {
                crossover: cuts.crossover.map_or_else(|| "never".to_owned(), super::summary::bytes),
                chunk: cuts.chunk.map_or_else(|| "per thread".to_owned(), super::summary::bytes),
            },
        );
    }

    pub(super) fn write(&self) -> anyhow::Result<()> {
        let mut text = format!("version = 1\ncpu = {:?}\n", self.cpu);
        let mut table = "";
        for ((of, row), value) in &self.rows {
            if of != table {
                write!(text, "\n[kernels.{of}]\n")?;
                table = of;
            }
            writeln!(
                text,
                "{row:?} = {{ kernel = {:?}, margin = {:?}, interval = {:?} }}",
                value.kernel, value.margin, value.interval
            )?;
        }
        let mut table = (0, "");
        for ((count, of, row), value) in &self.threads {
            if (*count, of.as_str()) != table {
                write!(text, "\n[threads.{count}.{of}]\n")?;
                table = (*count, of);
            }
            writeln!(text, "{row:?} = {{ crossover = {:?}, chunk = {:?} }}", value.crossover, value.chunk)?;
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(&self.path, text)?)
    }
}

pub(super) fn one(log: f64) -> String {
    format!("{:.1}%", percent(log))
}

pub(super) fn interval(of: Interval) -> String {
    format!("{} to {}", one(of.low), one(of.high))
}

/// The folder of the user's own profiles.
pub(super) fn folder() -> anyhow::Result<PathBuf> {
    let Some(home) = env::home_dir() else { bail!("there is no home folder: name one with --into") };
    Ok(home.join(".config/raptors"))
}

fn cpu_key() -> String {
    "this".to_owned()
}
