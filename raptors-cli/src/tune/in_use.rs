//! Whether a profile makes calls faster where people make them: from Python and from Rust, in processes of their own.
//!
//! A tournament judges kernels in its own process, and `regret` judges it there too: what is wrong with that world shows in
//! neither. Here nothing of the tournament takes part. Processes that follow the profile and processes that follow the
//! defaults time the same calls, in turn.

mod calls;

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use raptors::{
    catalogue::{self, Group, Kernel},
    tune::{
        Filter, cases,
        statistics::{Interval, margin},
        tournament::Random,
    },
};
use raptors_profile::{Bytes, Caches, Kind, Percent, Place, Profile, Span, Table, Winner, cpu_key};

use self::calls::{Call, Seconds};
use super::regret::REFERENCE;

/// What is to be done.
#[derive(clap::Subcommand)]
pub(crate) enum Arguments {
    /// Judge the profile that this process follows
    Judge(Judge),
    /// Time calls in this process
    Time {
        /// The calls, as JSON
        calls: PathBuf,
    },
    /// Write a profile whose kernels win on fresh memory, and lose in a loop
    Plant {
        /// The file
        profile: PathBuf,
    },
}

/// What is measured, and how much.
#[derive(clap::Args)]
pub(crate) struct Judge {
    /// A Python that has the package
    #[arg(long, value_name = "PROGRAM")]
    python: PathBuf,
    /// The folder for what the processes are told
    #[arg(long)]
    folder: PathBuf,
    /// Calls to judge: the reference cases, and others of rows that the profile changes
    #[arg(long, default_value_t = 72)]
    cases: usize,
    /// Pairs of processes, one with the profile and one with the defaults
    #[arg(long, default_value_t = 6)]
    pairs: usize,
    /// The profile was planted: fail unless it is seen to be slower
    #[arg(long)]
    planted: bool,
}

/// How much slower than with the defaults a call may be, as a ratio, beyond its interval.
const SLOWER: f64 = 1.03;
/// What a profile has to gain in the geometric mean that changes so many rows.
const GAIN: f64 = 1.02;
const ROWS: usize = 50;
/// Pairs without which there is no interval.
const FEWEST_PAIRS: usize = 6;

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<()> {
    match arguments {
        Arguments::Judge(judge) => judge.run(out),
        Arguments::Time { calls } => {
            let text = fs::read_to_string(calls).with_context(|| calls.display().to_string())?;
            let calls: Vec<Call> = serde_json::from_str(&text)?;
            let seconds = calls.iter().map(Call::time).collect::<anyhow::Result<Vec<Seconds>>>()?;
            Ok(writeln!(out, "{}", serde_json::to_string(&seconds)?)?)
        }
        Arguments::Plant { profile } => plant(profile),
    }
}

/// How a call is made: from where, and on which data.
const USES: [&str; 4] = ["Python, again", "Python, fresh", "Rust, again", "Rust, fresh"];

/// What was found of a call on some threads.
struct Found<'a> {
    call: &'a Call,
    threads: usize,
    /// Whether the profile changes what is run.
    is_changed: bool,
    /// For each use how much faster the call is with the profile, as logarithms: one for each pair of processes.
    faster: [Vec<f64>; USES.len()],
}

impl Found<'_> {
    fn interval(&self, of: usize) -> Interval {
        Interval::of(&self.faster[of]).expect("there is a pair of processes")
    }

    /// The uses in which it is slower with the profile, for sure.
    fn slower(&self) -> Vec<usize> {
        (0..USES.len()).filter(|&of| self.interval(of).high < -SLOWER.ln()).collect()
    }
}

impl Judge {
    fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        ensure!(self.pairs >= FEWEST_PAIRS, "an interval takes {FEWEST_PAIRS} pairs");
        let followed = raptors::profile()?;
        writeln!(out, "{}\n", followed_in_words(followed))?;
        let (calls, rows) = chosen(self.cases)?;
        if rows == 0 {
            ensure!(!self.planted, "the planted profile changes no row");
            return Ok(writeln!(out, "It changes no row: there is nothing to judge.")?);
        }
        let all = raptors::num_threads();
        let mut found = Vec::new();
        for threads in if all > 1 { vec![1, all] } else { vec![1] } {
            found.extend(self.measure(&calls, threads, self.pairs)?);
        }
        table(&found, out)?;
        out.flush()?;
        let slower = self.slower_again(&found, out)?;
        let changed: Vec<&Found<'_>> = found.iter().filter(|found| found.is_changed).collect();
        let logs = changed.iter().flat_map(|found| (0..USES.len()).map(|of| found.interval(of).centre));
        let gain = (logs.sum::<f64>() / to_f64((changed.len() * USES.len()).max(1))).exp();
        writeln!(
            out,
            "{} calls on {} numbers of threads: {} that the profile, which changes {rows} rows, makes others.\n\
             Of those slower than with the defaults by more than 3%, twice: {slower}.\n\
             Their geometric mean: {gain:.3}.",
            calls.len(),
            found.len() / calls.len(),
            changed.len(),
        )?;
        if self.planted {
            ensure!(slower > 0, "the profile was planted, and is not seen to be slower");
            return Ok(writeln!(out, "The planted profile was seen.")?);
        }
        ensure!(slower == 0, "{slower} of the calls are slower with the profile than with the defaults");
        ensure!(
            rows < ROWS || gain >= GAIN,
            "the profile changes {rows} rows and gains {gain:.3}, less than {GAIN}"
        );
        Ok(())
    }

    /// Times these calls on so many threads, in turn with the profile and with the defaults.
    fn measure<'a>(&self, calls: &'a [Call], threads: usize, pairs: usize) -> anyhow::Result<Vec<Found<'a>>> {
        fs::create_dir_all(&self.folder).with_context(|| self.folder.display().to_string())?;
        let file = self.folder.join("calls.json");
        let mut random = Random::new(threads as u64);
        let mut order: Vec<usize> = (0..calls.len()).collect();
        raptors::set_num_threads(threads)?;
        let mut found = calls
            .iter()
            .map(|call| {
                Ok(Found { call, threads, is_changed: call.is_changed()?, faster: Default::default() })
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        for pair in 0..pairs {
            // Where the data of a call lie hangs on the calls before it, which are others in each pair.
            random.shuffle(&mut order);
            let shuffled: Vec<&Call> = order.iter().map(|&at| &calls[at]).collect();
            fs::write(&file, serde_json::to_string(&shuffled)?)
                .with_context(|| file.display().to_string())?;
            // Who comes first takes turns.
            let is_first = pair % 2 == 0;
            let first = self.processes(&file, threads, is_first)?;
            let second = self.processes(&file, threads, !is_first)?;
            let (profile, defaults) = if is_first { (first, second) } else { (second, first) };
            for (&at, (profile, defaults)) in order.iter().zip(profile.iter().zip(&defaults)) {
                for (logs, (profile, defaults)) in
                    found[at].faster.iter_mut().zip(profile.iter().zip(defaults))
                {
                    logs.push((defaults / profile).ln());
                }
            }
        }
        Ok(found)
    }

    /// The seconds of each call in each use, from one process of each kind.
    fn processes(
        &self,
        calls: &Path,
        threads: usize,
        profile: bool,
    ) -> anyhow::Result<Vec<[f64; USES.len()]>> {
        let python: [&OsStr; 4] =
            ["-P".as_ref(), "-m".as_ref(), "raptors.compare.calls".as_ref(), calls.as_ref()];
        let rust: [&OsStr; 3] = ["in-use".as_ref(), "time".as_ref(), calls.as_ref()];
        let of = |program: &Path, arguments: &[&OsStr]| {
            let mut command = Command::new(program);
            command.args(arguments).env("RAPTORS_THREADS", threads.to_string());
            if !profile {
                command.env("RAPTORS_PROFILE", "none");
            }
            let output = command.stderr(Stdio::inherit()).output();
            let output = output.with_context(|| program.display().to_string())?;
            ensure!(output.status.success(), "{} ended with {}", program.display(), output.status);
            let seconds: Vec<Seconds> = serde_json::from_slice(&output.stdout)?;
            anyhow::Ok(seconds)
        };
        let (python, rust) = (of(&self.python, &python)?, of(&env::current_exe()?, &rust)?);
        Ok(python.iter().zip(&rust).map(|(p, r)| [p.again, p.fresh, r.again, r.fresh]).collect())
    }

    /// How many of the calls that are slower are so in other processes, too. What the profile does not change is a control.
    fn slower_again(&self, found: &[Found<'_>], out: &mut impl Write) -> anyhow::Result<usize> {
        let mut count = 0;
        let mut threads: Vec<usize> = found.iter().map(|found| found.threads).collect();
        threads.dedup();
        for threads in threads {
            let suspects: Vec<_> =
                found.iter().filter(|found| found.threads == threads && !found.slower().is_empty()).collect();
            if suspects.is_empty() {
                continue;
            }
            let calls: Vec<Call> = suspects.iter().map(|found| found.call.clone()).collect();
            for (before, again) in suspects.iter().zip(self.measure(&calls, threads, 2 * self.pairs)?) {
                let first = before.slower();
                let both: Vec<_> = again.slower().into_iter().filter(|of| first.contains(of)).collect();
                count += usize::from(before.is_changed && !both.is_empty());
                for of in first {
                    let verdict = match (both.contains(&of), before.is_changed) {
                        (true, true) => "SLOWER",
                        (true, false) => "noise, since it is the same call",
                        (false, _) => "not once more",
                    };
                    writeln!(
                        out,
                        "{} on {threads}, {}: {}, then {}: {verdict}",
                        before.call,
                        USES[of],
                        margin(before.interval(of)),
                        margin(again.interval(of)),
                    )?;
                }
            }
            writeln!(out)?;
        }
        Ok(count)
    }
}

fn followed_in_words(followed: &raptors::Followed) -> String {
    match (&followed.own, followed.built_in) {
        (Some(own), _) => format!("Follows {}, {} rows.", own.file.display(), own.rows),
        (None, Some(built_in)) => format!("Follows {}, {} rows.", built_in.file, built_in.rows),
        (None, None) => format!("Follows the defaults: there is no profile of {}.", followed.cpu),
    }
}

/// Of each call how much faster it is with the profile.
fn table(found: &[Found<'_>], out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "Time with the defaults over time with the profile (`=`: it changes nothing):\n")?;
    writeln!(out, "| call | threads | {} |", USES.join(" | "))?;
    writeln!(out, "|---|---|{}", "---|".repeat(USES.len()))?;
    for found in found {
        let ratios: Vec<_> =
            (0..USES.len()).map(|of| format!("{:.2}", found.interval(of).centre.exp())).collect();
        let same = if found.is_changed { "" } else { " =" };
        writeln!(out, "| {}{same} | {} | {} |", found.call, found.threads, ratios.join(" | "))?;
    }
    Ok(writeln!(out)?)
}

/// The calls to judge, and how many rows the profile changes: the reference cases, and others spread over those rows.
fn chosen(wanted: usize) -> anyhow::Result<(Vec<Call>, usize)> {
    let mut calls = Vec::new();
    for name in REFERENCE {
        // A build without the family has none of it.
        let Some(op) = catalogue::ops().iter().find(|op| op.name == name) else { continue };
        for &dtype in op.dtypes {
            calls.extend([512, 1024, 2048].map(|n| Call::of(op.name, dtype, (n, n))));
        }
    }
    let mut changed = Vec::new();
    for case in cases(&Filter::default(), raptors::caches(), false) {
        let call = Call::of_case(&case);
        if call.is_changed()? {
            changed.push(call);
        }
    }
    let rows = changed.len();
    changed.retain(|call| !calls.contains(call));
    let more = wanted.saturating_sub(calls.len()).min(changed.len());
    calls.extend((0..more).map(|at| changed[at * changed.len() / more].clone()));
    Ok((calls, rows))
}

/// Writes a profile of this processor in which maps store past the caches though these could hold what is stored. Such
/// kernels win where nobody reads the output, and lose where it is written again and again.
fn plant(file: &Path) -> anyhow::Result<()> {
    let isa = raptors::isa()?;
    let mut kernels: BTreeMap<Table, BTreeMap<Place, Winner>> = BTreeMap::new();
    for case in cases(&Filter::default(), raptors::caches(), false) {
        let past = |kernel: &&&Kernel| kernel.name.ends_with("_nt") && kernel.isa == isa && kernel.is_built();
        let (Place::Shape(..), Some(kernel)) =
            (case.place, case.candidates(&[isa]).iter().find(past).copied())
        else {
            continue;
        };
        let Group { computation, dtype, .. } = *case.group;
        let table = Table {
            computation: computation.to_owned(),
            dtype: dtype.name().to_owned(),
            isa: isa.name().to_owned(),
            kind: Kind::Plain,
        };
        let [margin, low, high] = [9.0, 8.0, 10.0].map(|percent| Percent::of(percent / 100.0));
        let interval = Span { low, high };
        let winner = Winner { kernel: kernel.name.to_owned(), body: kernel.identity, margin, interval };
        kernels.entry(table).or_default().insert(case.place, winner);
    }
    ensure!(!kernels.is_empty(), "no kernel of {} stores past the caches", isa.name());
    let raptors::Caches { l1, l2, l3 } = raptors::caches();
    let profile = Profile {
        cpu: cpu_key().to_owned(),
        caches: Caches { l1: Bytes(l1), l2: Bytes(l2), l3: Bytes(l3) },
        rustc: "planted".to_owned(),
        date: raptors::tune::today(),
        note: Some("planted: kernels that lose in a loop".to_owned()),
        kernels,
        threads: BTreeMap::new(),
    };
    profile.write(file).with_context(|| file.display().to_string())
}

fn to_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slower_is_what_is_so_beyond_its_interval() {
        let call = Call::of("sum", raptors::Dtype::F32, (8, 8));
        let found = |logs: [f64; 6]| Found {
            call: &call,
            threads: 1,
            is_changed: true,
            faster: [vec![0.0; 6], logs.to_vec(), vec![0.0; 6], vec![0.0; 6]],
        };
        assert!(found([-0.05; 6]).slower() == [1]);
        // By less than 3 %, or not for sure, or faster.
        assert!(found([-0.02; 6]).slower().is_empty());
        assert!(found([-0.3, -0.3, -0.3, -0.3, -0.3, 0.0]).slower().is_empty());
        assert!(found([0.3; 6]).slower().is_empty());
    }

    #[test]
    fn the_reference_cases_come_first_and_calls_are_timed() {
        let (calls, _) = chosen(40).unwrap();
        let reference: usize = catalogue::ops()
            .iter()
            .filter(|op| REFERENCE.contains(&op.name))
            .map(|op| 3 * op.dtypes.len())
            .sum();
        assert!(calls.len() >= reference);
        let small = |name: &str| Call::of(name, raptors::Dtype::F64, (8, 8));
        for op in catalogue::ops() {
            let seconds = small(op.name).time();
            if matches!(op.body, catalogue::Body::Staged { .. }) {
                assert!(seconds.unwrap_err().to_string().contains("kernels of several rows"), "{}", op.name);
                continue;
            }
            let seconds = seconds.unwrap();
            assert!(seconds.again > 0.0 && seconds.fresh > 0.0, "{}", op.name);
        }
    }
}
