//! The profile: what was there before, and what the findings make of it.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, anyhow};
use raptors::tune::{Findings, Found, statistics::Interval};
use raptors_profile::{
    Bucket, Bytes, Caches, Cut, Kind, Percent, Place, Profile, Span, Table, Winner, cpu_key, parse,
};

use super::document::date;

/// A profile and its file.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    path: PathBuf,
    profile: Profile,
    /// Whether it is laid over that of the build, as a user's own is.
    is_laid_over: bool,
    /// Why nothing of an older file is kept.
    pub(super) left_behind: Option<String>,
}

impl Kept {
    /// What the folder has for this machine.
    pub(super) fn read(folder: &Path, is_laid_over: bool) -> anyhow::Result<Self> {
        let caches = raptors::caches();
        Self::of(
            folder,
            is_laid_over,
            Caches { l1: Bytes(caches.l1), l2: Bytes(caches.l2), l3: Bytes(caches.l3) },
        )
    }

    fn of(folder: &Path, is_laid_over: bool, caches: Caches) -> anyhow::Result<Self> {
        let cpu = cpu_key();
        let path = folder.join(format!("{cpu}.toml"));
        let name = path.display().to_string();
        let empty = Profile {
            cpu: cpu.to_owned(),
            caches,
            rustc: String::new(),
            date: String::new(),
            kernels: BTreeMap::new(),
            threads: BTreeMap::new(),
        };
        let profile = match fs::read_to_string(&path) {
            Ok(text) => parse(&text, &name).map_err(|error| anyhow!("{error}"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => empty.clone(),
            Err(error) => return Err(error).context(name),
        };
        // Rows of shapes hold for the caches in the head, so they cannot stand beside rows that hold for others.
        if profile.caches == caches {
            return Ok(Self { path, profile, is_laid_over, left_behind: None });
        }
        let said = profile.caches;
        let left_behind = format!(
            "{name} is of a machine with other caches ({}, {}, {}): made anew.",
            said.l1, said.l2, said.l3
        );
        Ok(Self { path, profile: empty, is_laid_over, left_behind: Some(left_behind) })
    }

    pub(super) fn cpu(&self) -> &str {
        &self.profile.cpu
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Rows, about kernels and about threads.
    pub(super) fn len(&self) -> usize {
        let threads = self.profile.threads.values().flat_map(BTreeMap::values);
        self.profile.kernels.values().map(BTreeMap::len).sum::<usize>()
            + threads.map(BTreeMap::len).sum::<usize>()
    }

    /// Whether both say the same of every row.
    pub(super) fn same_rows(&self, other: &Self) -> bool {
        self.profile.kernels == other.profile.kernels && self.profile.threads == other.profile.threads
    }

    /// With what was found. Rows of other cases stay as they are, and so does the head while no row is another.
    ///
    /// A profile of the repository has no rows that say what the specs say. One of the user's may need them: it is laid
    /// over that of the build, which may say something else.
    pub(super) fn with(&self, findings: &Findings) -> anyhow::Result<Self> {
        let mut after = self.clone();
        for found in &findings.cases {
            after.take_kernel(found)?;
            after.take_cut(found)?;
        }
        let profile = &mut after.profile;
        profile.kernels.retain(|_, rows| !rows.is_empty());
        for tables in profile.threads.values_mut() {
            tables.retain(|_, rows| !rows.is_empty());
        }
        profile.threads.retain(|_, tables| !tables.is_empty());
        if !after.same_rows(self) {
            after.profile.date = date();
            after.profile.rustc = rustc();
        }
        Ok(after)
    }

    fn take_kernel(&mut self, found: &Found) -> anyhow::Result<()> {
        let place: Place = found.row.parse().map_err(|error: String| anyhow!(error))?;
        let rows = self.profile.kernels.entry(table(found)?).or_default();
        let is_default = found.winner == found.default;
        let is_news = found.incumbent != found.default || rows.contains_key(&place);
        let margin = found.margin.or_else(|| (is_default && self.is_laid_over && is_news).then_some(NONE));
        if is_default && margin.is_none() {
            rows.remove(&place);
        } else if let Some(margin) = margin {
            let winner = found.candidates.iter().find(|candidate| candidate.kernel == found.winner);
            let winner = winner.with_context(|| format!("{} is no candidate", found.winner))?;
            let row = Winner {
                kernel: winner.kernel.to_owned(),
                body: winner.body,
                margin: percent(margin.centre),
                interval: span(margin),
            };
            rows.insert(place, row);
        }
        Ok(())
    }

    fn take_cut(&mut self, found: &Found) -> anyhow::Result<()> {
        let (Some(cuts), Ok(bucket)) = (&found.cuts, found.row.parse::<Bucket>()) else { return Ok(()) };
        let tables = self.profile.threads.entry(cuts.threads).or_default();
        let rows = tables.entry(table(found)?).or_default();
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
        Ok(())
    }

    pub(super) fn write(&self) -> anyhow::Result<()> {
        self.profile.write(&self.path).with_context(|| self.path.display().to_string())
    }
}

/// The table of a case: `sum_axis0.f32.avx2-acc`.
fn table(found: &Found) -> anyhow::Result<Table> {
    let mut words = found.table.splitn(3, '.');
    let mut word =
        || words.next().map(ToOwned::to_owned).with_context(|| format!("`{}` is no table", found.table));
    let (op, dtype, isa) = (word()?, word()?, word()?);
    // The plain kind has no suffix, which every name ends with.
    let kind = Kind::ALL
        .into_iter()
        .filter(|kind| isa.ends_with(kind.suffix()))
        .max_by_key(|kind| kind.suffix().len());
    let kind = kind.unwrap_or_default();
    let isa = isa.strip_suffix(kind.suffix()).unwrap_or(&isa).to_owned();
    Ok(Table { op, dtype, isa, kind })
}

/// What is to be said of a default.
const NONE: Interval = Interval { low: 0.0, centre: 0.0, high: 0.0 };

fn percent(log: f64) -> Percent {
    Percent::of(log.exp_m1())
}

fn span(interval: Interval) -> Span {
    Span { low: percent(interval.low), high: percent(interval.high) }
}

/// The compiler's version, as `1.95.0`.
fn rustc() -> String {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(compiler).arg("--version").output();
    let said = said.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let version = said.and_then(|said| Some(said.split_whitespace().nth(1)?.to_owned()));
    version.unwrap_or_else(|| "unknown".to_owned())
}

/// The folder of the user's own profiles.
pub(super) fn folder() -> anyhow::Result<PathBuf> {
    let set = env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let configuration = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
    let folder = set.or_else(|| Some(env::home_dir()?.join(configuration)));
    Ok(folder.context("there is no home folder: name a folder with --into")?.join("raptors"))
}

#[cfg(test)]
mod tests {
    use raptors::tune::{Candidate, Cuts, Tasks, tournament::Verdict};

    use super::*;

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
            op: "scale",
            dtype: "f32",
            numerics: "numpy",
            table: "scale.f32.avx2".to_owned(),
            row: row.to_owned(),
            shapes: vec![(8, 8)],
            bytes: 512,
            incumbent: "scale_f32_avx2_u4",
            default: "scale_f32_avx2_u4",
            winner,
            verdict: Verdict::Replaced,
            challenger: Some(winner),
            duel: margin.map(interval),
            control: None,
            margin: margin.map(interval),
            limit: None,
            candidates: vec![candidate],
            cuts: None,
        }
    }

    fn findings(cases: Vec<Found>) -> Findings {
        let (isa, competing) = ("avx2", vec!["avx2"]);
        Findings { isa, competing, threads: 2, seconds: 1.0, cases, busy: 0, wrong: Vec::new() }
    }

    #[test]
    fn winners_become_rows_and_defaults_have_none() {
        let folder = Folder::new("rows");
        let before = Kept::of(&folder.0, false, CACHES).unwrap();
        let after = before
            .with(&findings(vec![
                found("512x512", "scale_f32_avx2_u8_512x512", Some(0.05)),
                found("l2 square", "scale_f32_avx2_u8", Some(0.0305)),
                found("l1 tall", "scale_f32_avx2_u4", None),
            ]))
            .unwrap();
        assert_eq!((before.len(), after.len()), (0, 2));
        after.write().unwrap();
        let text = fs::read_to_string(after.path()).unwrap();
        assert!(text.contains("[kernels.scale.f32.avx2]") && text.contains("margin = \"3.1%\""), "{text}");
        assert!(text.contains("body = \"0000000000001234\""), "{text}");

        // Read again, a run that finds the same changes nothing, not even the date.
        let again = Kept::of(&folder.0, false, CACHES).unwrap();
        assert!(again.same_rows(&after));
        let kept = Found {
            incumbent: "scale_f32_avx2_u8",
            margin: None,
            ..found("l2 square", "scale_f32_avx2_u8", None)
        };
        let same = again.with(&findings(vec![kept])).unwrap();
        assert!(same.same_rows(&again) && same.profile.date == again.profile.date);

        // Back to the default: the row goes, those of other cases stay.
        let back = again.with(&findings(vec![found("l2 square", "scale_f32_avx2_u4", None)])).unwrap();
        assert_eq!(back.len(), 1);
    }

    #[test]
    fn a_profile_of_the_users_can_say_that_the_default_wins() {
        let folder = Folder::new("over");
        let before = Kept::of(&folder.0, true, CACHES).unwrap();
        let plain = found("l1 tall", "scale_f32_avx2_u4", None);
        // The build says something else than the specs, and lost.
        let back = Found { incumbent: "scale_f32_avx2_u8", ..found("l2 square", "scale_f32_avx2_u4", None) };
        let after = before.with(&findings(vec![plain, back])).unwrap();
        assert_eq!(after.len(), 1);
        assert!(after.profile.to_text().contains("margin = \"0.0%\""), "{}", after.profile.to_text());
        // It is still there when the same is found with it in force.
        let again = after.with(&findings(vec![found("l2 square", "scale_f32_avx2_u4", None)])).unwrap();
        assert!(again.same_rows(&after));
    }

    #[test]
    fn rows_about_threads_are_by_their_number() {
        let folder = Folder::new("threads");
        let before = Kept::of(&folder.0, false, CACHES).unwrap();
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
        let with = |cuts| Found { cuts: Some(cuts), ..found("l3 square", "scale_f32_avx2_u4", None) };
        let after = before.with(&findings(vec![with(cuts(Some(2 << 20), None, Some(0.1)))])).unwrap();
        let text = after.profile.to_text();
        assert!(
            text.contains("[threads.2.scale.f32.avx2]") && text.contains("crossover = \"2 MiB\""),
            "{text}"
        );
        assert!(text.contains("chunk = \"1 per thread\""), "{text}");
        let back = after.with(&findings(vec![with(cuts(default.crossover, default.chunk, None))])).unwrap();
        assert_eq!((after.len(), back.len()), (1, 0));
        assert!(back.profile.threads.is_empty());
    }

    #[test]
    fn tables_of_a_class_have_a_kind() {
        let of = |name: &str| {
            let found = Found { table: name.to_owned(), ..found("l1 tall", "scale_f32_avx2_u4", None) };
            table(&found).unwrap()
        };
        assert_eq!(
            (of("sum_axis0.f64.avx512-acc").kind, of("sum_axis0.f64.avx512-acc").isa.as_str()),
            (Kind::Accurate, "avx512")
        );
        assert_eq!(of("scale.f32.avx2-inplace").kind, Kind::InPlace);
        assert_eq!(of("scale.f32.avx2").to_string(), "scale.f32.avx2");
    }

    #[test]
    fn a_profile_of_other_caches_is_made_anew_and_a_damaged_one_is_refused() {
        let folder = Folder::new("caches");
        let before = Kept::of(&folder.0, false, CACHES).unwrap();
        let case = found("l2 square", "scale_f32_avx2_u8", Some(0.03));
        before.with(&findings(vec![case])).unwrap().write().unwrap();
        let other = Kept::of(&folder.0, false, Caches { l3: Bytes(8 << 20), ..CACHES }).unwrap();
        assert_eq!(other.len(), 0);
        assert!(other.left_behind.unwrap().contains("32 MiB"));
        fs::write(before.path(), "version = 1\nnonsense = 2\n").unwrap();
        let error = Kept::of(&folder.0, false, CACHES).unwrap_err().to_string();
        assert!(error.contains(".toml:2:1: "), "{error}");
    }
}
