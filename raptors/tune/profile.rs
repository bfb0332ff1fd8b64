//! The profile of this processor: what was there before, and what findings make of it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use raptors_profile::{
    Aspect, Bucket, Bytes, Caches, Cut, Kind, Percent, Place, Profile, Size, Span, Table, Winner, cpu_key,
    parse,
};

use super::{
    found::{Findings, Found},
    statistics::Interval,
    tournament::Verdict,
};
use crate::{Error, dispatch, knobs};

/// The profile of this processor in a folder of profiles, and its file.
///
/// It is read before a run, so that one that cannot be read is no surprise after it. [`with`](Self::with) says what
/// the findings make of it, and [`write`](Self::write) puts the rows that changed into the file as it then is.
#[derive(Clone, Debug)]
pub struct ProfileFile {
    path: PathBuf,
    profile: Profile,
    /// As it was read.
    read: Profile,
    /// Whether it is laid over that of the build, as a user's own is.
    is_laid_over: bool,
    left_behind: Option<String>,
}

/// Why a profile cannot be read or written.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum ProfileError {
    /// The system refused.
    #[error("{}: {error}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The file is no profile: where, and what is wrong.
    #[error("{0}")]
    Damaged(String),
    /// The file is named after this processor, and says that it is of another one.
    #[error("{} is of {cpu}, and this processor is {}", path.display(), cpu_key())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The processor.
        cpu: String,
    },
}

/// The folder of the user's own profiles; `None` where there is no home folder and `XDG_CONFIG_HOME` names no other.
///
/// # Errors
/// [`Error::Environment`] if a variable cannot be honoured.
pub fn own_folder() -> Result<Option<PathBuf>, Error> {
    let settings = knobs::settings().map_err(Clone::clone)?;
    Ok(dispatch::profile::folder(settings.config.as_deref()))
}

impl ProfileFile {
    /// The user's own, which is laid over that of the build: in [`own_folder`], or in another folder.
    ///
    /// # Errors
    /// If there is a file that cannot be read, or that is no profile of this processor.
    pub fn own(folder: &Path) -> Result<Self, ProfileError> {
        Self::of(folder, true, caches())
    }

    /// One that builds read, such as those in `kernel-specs/tuned`.
    ///
    /// # Errors
    /// As [`own`](Self::own).
    pub fn built_in(folder: &Path) -> Result<Self, ProfileError> {
        Self::of(folder, false, caches())
    }

    fn of(folder: &Path, is_laid_over: bool, caches: Caches) -> Result<Self, ProfileError> {
        let cpu = cpu_key();
        let path = folder.join(format!("{cpu}.toml"));
        let name = path.display().to_string();
        let empty = Profile {
            cpu: cpu.to_owned(),
            caches,
            rustc: String::new(),
            date: String::new(),
            note: None,
            kernels: BTreeMap::new(),
            threads: BTreeMap::new(),
        };
        let profile = match fs::read_to_string(&path) {
            Ok(text) => parse(&text, &name).map_err(|error| ProfileError::Damaged(error.to_string()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => empty.clone(),
            Err(error) => return Err(ProfileError::System { path, error }),
        };
        if profile.cpu != cpu {
            return Err(ProfileError::Foreign { path, cpu: profile.cpu });
        }
        // Rows of shapes hold for the caches in the head, so they cannot stand beside rows that hold for others.
        if profile.caches == caches {
            return Ok(Self { path, read: profile.clone(), profile, is_laid_over, left_behind: None });
        }
        let said = profile.caches;
        let left_behind = format!(
            "{name} is of a machine with other caches ({}, {}, {}): made anew.",
            said.l1, said.l2, said.l3
        );
        Ok(Self { path, read: empty.clone(), profile: empty, is_laid_over, left_behind: Some(left_behind) })
    }

    /// The key of the processor.
    #[must_use]
    pub fn cpu(&self) -> &str {
        &self.profile.cpu
    }

    /// The file, which need not be there.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why nothing of an older file is kept.
    #[must_use]
    pub fn left_behind(&self) -> Option<&str> {
        self.left_behind.as_deref()
    }

    /// How many rows it has, about kernels and about threads.
    #[must_use]
    pub fn rows(&self) -> usize {
        let threads = self.profile.threads.values().flat_map(BTreeMap::values);
        self.profile.kernels.values().map(BTreeMap::len).sum::<usize>()
            + threads.map(BTreeMap::len).sum::<usize>()
    }

    /// Whether both say the same of every row.
    #[must_use]
    pub fn same_rows(&self, other: &Self) -> bool {
        self.profile.kernels == other.profile.kernels && self.profile.threads == other.profile.threads
    }

    /// With what was found. Rows of other cases stay as they are, and so does the head while no row is another.
    ///
    /// A profile that builds read has no rows that say what the specs say. One of the user's may need them: it is laid
    /// over that of the build, which may say something else.
    ///
    /// # Panics
    /// If the findings are of no run: tables and rows are then called what no case calls them.
    #[must_use]
    pub fn with(&self, findings: &Findings) -> Self {
        let mut after = self.clone();
        // What was not decided stays as it was.
        for found in findings.cases.iter().filter(|found| found.verdict != Verdict::NoTime) {
            after.take_kernel(found);
            after.take_cut(found);
        }
        let profile = &mut after.profile;
        profile.kernels.retain(|_, rows| !rows.is_empty());
        for tables in profile.threads.values_mut() {
            tables.retain(|_, rows| !rows.is_empty());
        }
        profile.threads.retain(|_, tables| !tables.is_empty());
        after.dated(self)
    }

    /// With other cuts: of a number of threads, a table and the number of a bucket. Other rows stay as they are.
    pub(crate) fn with_cuts<'a>(&self, cuts: impl Iterator<Item = (usize, &'a str, usize, Cut)>) -> Self {
        let mut after = self.clone();
        for (threads, table, bucket, cut) in cuts {
            let (size, aspect) = (bucket / Aspect::ALL.len(), bucket % Aspect::ALL.len());
            let bucket = Bucket { size: Size::ALL[size], aspect: Aspect::ALL[aspect] };
            let tables = after.profile.threads.entry(threads).or_default();
            tables.entry(table_named(table)).or_default().insert(bucket, cut);
        }
        after.dated(self)
    }

    /// With today's date, if its rows are others than before.
    fn dated(mut self, before: &Self) -> Self {
        if !self.same_rows(before) {
            self.profile.date = today();
            env!("RAPTORS_RUSTC").clone_into(&mut self.profile.rustc);
        }
        self
    }

    fn take_kernel(&mut self, found: &Found) {
        let place: Place = found.row.parse().expect("a case names its row as profiles do");
        let rows = self.profile.kernels.entry(table_named(&found.table)).or_default();
        let is_default = found.winner == found.default;
        let is_news = found.incumbent != found.default || rows.contains_key(&place);
        let margin = found.margin.or_else(|| (is_default && self.is_laid_over && is_news).then_some(NONE));
        let Some(margin) = margin else {
            if is_default {
                rows.remove(&place);
            }
            return;
        };
        // One that is no candidate has not been compared with anything.
        if let Some(winner) = found.candidates.iter().find(|candidate| candidate.kernel == found.winner) {
            let row = Winner {
                kernel: winner.kernel.to_owned(),
                body: winner.body,
                margin: percent(margin.centre),
                interval: span(margin),
            };
            rows.insert(place, row);
        }
    }

    fn take_cut(&mut self, found: &Found) {
        let (Some(cuts), Ok(bucket)) = (&found.cuts, found.row.parse::<Bucket>()) else { return };
        let tables = self.profile.threads.entry(cuts.threads).or_default();
        let rows = tables.entry(table_named(&found.table)).or_default();
        let is_default = cuts.now() == cuts.default;
        let is_news = cuts.was.is_some() || rows.contains_key(&bucket);
        let faster = if is_default { (self.is_laid_over && is_news).then_some(NONE) } else { cuts.faster };
        if is_default && faster.is_none() {
            rows.remove(&bucket);
        } else if let Some(faster) = faster {
            let row = Cut {
                crossover: cuts.crossover.map(Bytes),
                chunk: cuts.chunk.map(Bytes),
                margin: percent(faster.centre),
                interval: span(faster),
            };
            rows.insert(bucket, row);
        }
    }

    /// Writes the rows that changed since it was read, whole or not at all, and hands back what the file says then: rows
    /// that somebody else has written meanwhile stay. One who writes keeps the others waiting.
    ///
    /// # Errors
    /// If the folder cannot be made or written to, or if what is there meanwhile cannot be read. The file is then as it was.
    pub fn write(&self) -> Result<Self, ProfileError> {
        let refused = |error| ProfileError::System { path: self.path.clone(), error };
        let _lock = Profile::lock(&self.path).map_err(refused)?;
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let there = Self::of(folder, self.is_laid_over, self.profile.caches)?;
        let profile = there.profile.with_changes(&self.read, &self.profile);
        profile.write(&self.path).map_err(refused)?;
        Ok(Self { read: profile.clone(), profile, ..there })
    }
}

/// This machine's.
fn caches() -> Caches {
    let crate::Caches { l1, l2, l3 } = crate::caches();
    Caches { l1: Bytes(l1), l2: Bytes(l2), l3: Bytes(l3) }
}

/// The table of that name: `add_columns.f32.avx2-acc`.
fn table_named(name: &str) -> Table {
    let mut words = name.splitn(3, '.');
    let mut word = || words.next().expect("tables are named as profiles do").to_owned();
    let (computation, dtype, isa) = (word(), word(), word());
    // The plain kind has no suffix, which every name ends with.
    let kind = Kind::ALL
        .into_iter()
        .filter(|kind| isa.ends_with(kind.suffix()))
        .max_by_key(|kind| kind.suffix().len());
    let kind = kind.unwrap_or_default();
    let isa = isa.strip_suffix(kind.suffix()).unwrap_or(&isa).to_owned();
    Table { computation, dtype, isa, kind }
}

/// What is to be said of a default.
const NONE: Interval = Interval { low: 0.0, centre: 0.0, high: 0.0 };

fn percent(log: f64) -> Percent {
    Percent::of(log.exp_m1())
}

fn span(interval: Interval) -> Span {
    Span { low: percent(interval.low), high: percent(interval.high) }
}

/// Today in UTC, as 2026-01-31.
#[must_use]
pub fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    on_day(now / 86_400)
}

/// The day that is so many after the first of January 1970. Years begin in March here, so that leap days end them.
fn on_day(day: u64) -> String {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{}-{month:02}-{day:02}", era * 400 + year + later)
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;
    use crate::{
        Isa,
        tune::{Candidate, Cuts, Filter, Tasks, cases},
    };

    mod writers;

    const CACHES: Caches = Caches { l1: Bytes(32 << 10), l2: Bytes(1 << 20), l3: Bytes(32 << 20) };

    /// A folder of its own, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = env::temp_dir().join(format!("raptors-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    fn interval(centre: f64) -> Interval {
        Interval { low: centre - 0.005, centre, high: centre + 0.005 }
    }

    /// What says that this kernel wins, by so much more than the default.
    fn found(row: &str, winner: &'static str, margin: Option<f64>) -> Found {
        let candidate = Candidate {
            kernel: winner,
            variant: "unroll 8",
            body: 0x1234,
            right: true,
            dropped: false,
            rounds: 9,
            seconds: Some(1e-5),
            faster: None,
        };
        Found {
            op: "scale".to_owned(),
            dtype: "f32",
            numerics: "numpy",
            table: "mul_m_s.f32.avx2".to_owned(),
            row: row.to_owned(),
            shapes: vec![(8, 8)],
            bytes: 512,
            incumbent: "mul_m_s_map_f32_avx2_u4",
            default: "mul_m_s_map_f32_avx2_u4",
            winner,
            verdict: Verdict::Replaced,
            challenger: Some(winner),
            duel: margin.map(interval),
            control: None,
            margin: margin.map(interval),
            limit: None,
            candidates: vec![candidate],
            cuts: None,
            as_in: None,
            duel_threads: 1,
        }
    }

    fn findings(cases: Vec<Found>) -> Findings {
        let (isa, competing) = ("avx2", vec!["avx2"]);
        Findings { isa, competing, threads: 2, seconds: 1.0, cases, busy: 0, wrong: Vec::new() }
    }

    #[test]
    fn winners_become_rows_and_defaults_have_none() {
        let folder = Folder::new("rows");
        let before = ProfileFile::of(&folder.0, false, CACHES).unwrap();
        let after = before.with(&findings(vec![
            found("512x512", "mul_m_s_map_f32_avx2_u8", Some(0.05)),
            found("l2 square", "mul_m_s_map_f32_avx2_u8", Some(0.0305)),
            found("l1 tall", "mul_m_s_map_f32_avx2_u4", None),
        ]));
        assert_eq!((before.rows(), after.rows()), (0, 2));
        after.write().unwrap();
        let text = fs::read_to_string(after.path()).unwrap();
        assert!(text.contains("[kernels.mul_m_s.f32.avx2]") && text.contains("margin = \"3.1%\""), "{text}");
        assert!(text.contains("body = \"0000000000001234\""), "{text}");

        // Read again, a run that finds the same changes nothing, not even the date.
        let again = ProfileFile::of(&folder.0, false, CACHES).unwrap();
        assert!(again.same_rows(&after));
        let kept = Found {
            incumbent: "mul_m_s_map_f32_avx2_u8",
            margin: None,
            ..found("l2 square", "mul_m_s_map_f32_avx2_u8", None)
        };
        let same = again.with(&findings(vec![kept]));
        assert!(same.same_rows(&again) && same.profile.date == again.profile.date);

        // Back to the default: the row goes, those of other cases stay.
        let back = again.with(&findings(vec![found("l2 square", "mul_m_s_map_f32_avx2_u4", None)]));
        assert_eq!(back.rows(), 1);
    }

    #[test]
    fn a_profile_of_the_users_can_say_that_the_default_wins() {
        let folder = Folder::new("over");
        let before = ProfileFile::of(&folder.0, true, CACHES).unwrap();
        let plain = found("l1 tall", "mul_m_s_map_f32_avx2_u4", None);
        // The build says something else than the specs, and lost.
        let back = Found {
            incumbent: "mul_m_s_map_f32_avx2_u8",
            ..found("l2 square", "mul_m_s_map_f32_avx2_u4", None)
        };
        let after = before.with(&findings(vec![plain, back]));
        assert_eq!(after.rows(), 1);
        assert!(after.profile.to_text().contains("margin = \"0.0%\""), "{}", after.profile.to_text());
        // It is still there when the same is found with it in force.
        let again = after.with(&findings(vec![found("l2 square", "mul_m_s_map_f32_avx2_u4", None)]));
        assert!(again.same_rows(&after));
    }

    #[test]
    fn rows_about_threads_are_by_their_number() {
        let folder = Folder::new("threads");
        let before = ProfileFile::of(&folder.0, false, CACHES).unwrap();
        let default = Tasks { crossover: Some(1 << 20), chunk: Some(256 << 10) };
        let cuts = |crossover, chunk, faster: Option<f64>| Cuts {
            threads: 2,
            crossover,
            chunk,
            default,
            was: Some(default),
            faster: faster.map(interval),
            verdict: Verdict::Replaced,
            ways: Vec::new(),
        };
        let with = |cuts| Found { cuts: Some(cuts), ..found("l3 square", "mul_m_s_map_f32_avx2_u4", None) };
        let after = before.with(&findings(vec![with(cuts(Some(2 << 20), None, Some(0.1)))]));
        let text = after.profile.to_text();
        assert!(
            text.contains("[threads.2.mul_m_s.f32.avx2]") && text.contains("crossover = \"2 MiB\""),
            "{text}"
        );
        assert!(text.contains("chunk = \"1 per thread\""), "{text}");
        let back = after.with(&findings(vec![with(cuts(default.crossover, default.chunk, None))]));
        assert_eq!((after.rows(), back.rows()), (1, 0));
        assert!(back.profile.threads.is_empty());
    }

    #[test]
    fn tables_of_a_class_have_a_kind() {
        let of = |name: &str| {
            let found = Found { table: name.to_owned(), ..found("l1 tall", "mul_m_s_map_f32_avx2_u4", None) };
            table_named(&found.table)
        };
        assert_eq!(
            (of("add_columns.f64.avx512-acc").kind, of("add_columns.f64.avx512-acc").isa.as_str()),
            (Kind::Accurate, "avx512")
        );
        assert_eq!(of("mul_m_s.f32.avx2-inplace").kind, Kind::InPlace);
        assert_eq!(of("mul_m_s.f32.avx2").to_string(), "mul_m_s.f32.avx2");
    }

    #[test]
    fn a_profile_of_other_caches_is_made_anew_and_a_damaged_one_is_refused() {
        let folder = Folder::new("caches");
        let before = ProfileFile::of(&folder.0, false, CACHES).unwrap();
        let case = found("l2 square", "mul_m_s_map_f32_avx2_u8", Some(0.03));
        before.with(&findings(vec![case])).write().unwrap();
        let other = ProfileFile::of(&folder.0, false, Caches { l3: Bytes(8 << 20), ..CACHES }).unwrap();
        assert_eq!(other.rows(), 0);
        assert!(other.left_behind().unwrap().contains("32 MiB"));
        let text = fs::read_to_string(before.path()).unwrap();
        let refused = |text: &str| {
            fs::write(before.path(), text).unwrap();
            ProfileFile::of(&folder.0, false, CACHES).unwrap_err().to_string()
        };
        let error = refused("version = 2\nnonsense = 2\n");
        assert!(error.contains(".toml:2:1: "), "{error}");
        let error = refused(&text.replace(cpu_key(), "acme-1"));
        assert!(error.contains("is of acme-1, and this processor is"), "{error}");
    }

    #[test]
    fn a_kernel_that_was_not_compared_changes_no_row() {
        let folder = Folder::new("alone");
        let before = ProfileFile::of(&folder.0, true, CACHES).unwrap();
        let before = before.with(&findings(vec![found("l2 square", "mul_m_s_map_f32_avx2_u8", Some(0.03))]));
        let alone = Found { candidates: Vec::new(), ..found("l2 square", "mul_m_s_map_f32_avx2_u4", None) };
        assert!(before.with(&findings(vec![alone])).same_rows(&before));
    }

    #[test]
    fn cases_name_tables_and_rows_as_profiles_do() {
        for case in cases(&Filter::default(), crate::caches(), false) {
            for isa in Isa::ALL {
                let (name, row) = (case.table(isa), case.place.to_string());
                let found = Found {
                    table: name.clone(),
                    row: row.clone(),
                    ..found("", "mul_m_s_map_f32_avx2_u4", None)
                };
                let table = table_named(&found.table);
                assert_eq!((table.to_string(), table.isa.as_str()), (name, isa.name()));
                assert_eq!(found.row.parse::<Place>().map(|place| place.to_string()), Ok(row));
            }
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let days = [0, 58, 59, 11_016, 11_017, 19_782, 20_782, 47_540].map(on_day);
        let expected = [
            "1970-01-01",
            "1970-02-28",
            "1970-03-01",
            "2000-02-29",
            "2000-03-01",
            "2024-02-29",
            "2026-11-25",
            "2100-02-28",
        ];
        assert_eq!(days, expected);
    }
}
