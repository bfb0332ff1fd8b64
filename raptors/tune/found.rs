//! What a run found.

use std::fmt;

use serde::Serialize;

use super::{
    case::Case,
    cuts::Cuts,
    statistics::{self, Interval},
    tournament::Verdict,
};

/// What was found of a whole run.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// The instruction set whose tables were tuned.
    pub isa: &'static str,
    /// The instruction sets whose kernels competed.
    pub competing: Vec<&'static str>,
    /// Threads, for the rows about threads.
    pub threads: usize,
    /// What it took.
    pub seconds: f64,
    /// Each case.
    pub cases: Vec<Found>,
    /// Rows in which something was not judged, because other processes kept the cores busy.
    pub busy: usize,
    /// Kernels that do not compute what they should, and how that showed.
    pub wrong: Vec<(&'static str, String)>,
}

/// What was found of one case.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The operations that follow it: `mean, sum`.
    pub op: String,
    /// Element type.
    pub dtype: &'static str,
    /// The numeric class.
    pub numerics: &'static str,
    /// The table in a profile: `mul_m_s.f32.avx2`.
    pub table: String,
    /// The row of that table: `512x512`, `l2 square`.
    pub row: String,
    /// Rows and columns of what was measured.
    pub shapes: Vec<(usize, usize)>,
    /// Bytes that a call reads and writes.
    pub bytes: usize,
    /// The kernel that the table has.
    pub incumbent: &'static str,
    /// The kernel that the spec's defaults have.
    pub default: &'static str,
    /// The kernel that it should have.
    pub winner: &'static str,
    /// Why.
    pub verdict: Verdict,
    /// Who came to challenge, if anyone.
    pub challenger: Option<&'static str>,
    /// How much faster the challenger was than the incumbent, as a logarithm.
    pub duel: Option<Interval>,
    /// Threads of the calls of that duel.
    pub duel_threads: usize,
    /// How much faster the incumbent was than itself.
    pub control: Option<Interval>,
    /// How much faster the winner is than the default, if it is new and another one.
    pub margin: Option<Interval>,
    /// Seconds of a loop that only moves the bytes, on one thread, where there is one to compare with.
    pub limit: Option<f64>,
    /// Every candidate.
    pub candidates: Vec<Candidate>,
    /// What was found about threads.
    pub cuts: Option<Cuts>,
    /// The row that was measured instead, if calls of both do the same work.
    pub as_in: Option<String>,
}

impl Found {
    /// The same, said of a row whose calls do the same work.
    pub(super) fn of_twin(&self, case: &Case) -> Self {
        Self { row: case.place.to_string(), as_in: Some(self.row.clone()), ..self.clone() }
    }

    /// What was found about threads, if the table is to say something else of them.
    #[must_use]
    pub fn new_cuts(&self) -> Option<&Cuts> {
        self.cuts.as_ref().filter(|cuts| cuts.was.is_some())
    }

    /// Whether the table is to say something else: another kernel, or other cuts.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.winner != self.incumbent || self.new_cuts().is_some()
    }

    /// A kernel's name without what the table says already: `avx2_u8_pipe`.
    #[must_use]
    pub fn short<'a>(&self, kernel: &'a str) -> &'a str {
        kernel.split_once(&format!("_{}_", self.dtype)).map_or(kernel, |(_, short)| short)
    }
}

/// How it ended: `avx2_u8 replaces avx2_u4, +3.1%`; and what is new of threads.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let incumbent = self.short(self.incumbent);
        if let Some(row) = &self.as_in {
            return write!(f, "{}, as {row}", self.short(self.winner));
        }
        match self.verdict {
            Verdict::Replaced => {
                write!(f, "{} replaces {incumbent}", self.short(self.winner))?;
                if let Some(duel) = self.duel {
                    write!(f, ", {:+.1}%", statistics::percent(duel.centre))?;
                }
                if self.duel_threads > 1 {
                    write!(f, " on {} threads", self.duel_threads)?;
                }
            }
            Verdict::TooClose => write!(f, "{incumbent} stays, ties change nothing")?,
            Verdict::NoneFaster => write!(f, "{incumbent} stays, none is faster")?,
            Verdict::Alone => write!(f, "{incumbent} stays, the only one")?,
            Verdict::Noisy => write!(f, "{incumbent} stays, too noisy to tell")?,
            Verdict::Unconfirmed => write!(f, "{incumbent} stays, not confirmed")?,
            Verdict::NotEverywhere => write!(f, "{incumbent} stays, the other loses in some use")?,
            Verdict::NoTime => write!(f, "{incumbent} stays, no time was left")?,
            Verdict::IncumbentWrong => write!(f, "{} IS WRONG", self.incumbent)?,
        }
        match self.new_cuts() {
            Some(cuts) => write!(f, "; {} threads {}", cuts.threads, cuts.now()),
            None => Ok(()),
        }
    }
}

/// A candidate of a case.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// The kernel.
    pub kernel: &'static str,
    /// What it varies, in words.
    pub variant: &'static str,
    /// The hash of its generated body.
    pub body: u64,
    /// Whether it has the bits of the oracle.
    pub right: bool,
    /// Whether it was given up before the end.
    pub dropped: bool,
    /// Rounds that it ran.
    pub rounds: usize,
    /// The median of its times on one thread, in seconds.
    pub seconds: Option<f64>,
    /// How much faster it was than the incumbent, as a logarithm.
    pub faster: Option<Interval>,
}
