//! The page: all cases of a tournament, in one file that needs no other.

use serde::Serialize;
use tera::Context;

use super::{Case, Cuts, Tuning, Verdict, bytes, percent, range, time};
use crate::{Error, page::TEMPLATES};

/// What the template is given: words only.
#[derive(Serialize)]
struct Page<'a> {
    machine: String,
    settings: String,
    profile: String,
    facts: Vec<Fact>,
    wrong: &'a [(String, String)],
    changes: Vec<Change>,
    heat_map: String,
    ops: Vec<Group<'a>>,
}

#[derive(Serialize)]
struct Fact {
    value: String,
    of: &'static str,
}

#[derive(Serialize)]
struct Change {
    id: String,
    case: String,
    says: String,
}

#[derive(Serialize)]
struct Group<'a> {
    name: String,
    cases: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: String,
    name: String,
    place: &'a str,
    verdict: &'static str,
    class: &'static str,
    winner: &'a str,
    winner_short: &'a str,
    incumbent: &'a str,
    margin: String,
    interval: String,
    control: String,
    shape: String,
    as_in: Option<&'a str>,
    bytes: String,
    rate: String,
    share: String,
    picture: String,
    candidates: Vec<Line<'a>>,
    cuts: String,
    ways: Vec<Way<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    kernel: &'a str,
    variant: &'a str,
    time: String,
    faster: String,
    interval: String,
    rounds: usize,
    note: &'static str,
}

#[derive(Serialize)]
struct Way<'a> {
    kernel: &'a str,
    how: String,
    time: String,
    faster: String,
}

impl Tuning {
    /// The page, as HTML.
    ///
    /// # Errors
    /// If a picture cannot be drawn.
    pub fn page(&self) -> Result<String, Error> {
        let mut context = Context::new();
        context.insert("page", &self.words()?);
        Ok(TEMPLATES.render("tune.html", &context)?)
    }

    fn words(&self) -> Result<Page<'_>, Error> {
        let (machine, settings, findings) = (&self.machine, &self.settings, &self.findings);
        let caches = machine.caches.map(bytes);
        let part = if settings.words.is_empty() { "everything".to_owned() } else { settings.words.join(" ") };
        let profile = self
            .profile
            .as_ref()
            .map_or_else(|| "No profile was written.".to_owned(), |path| format!("Written to {path}."));
        let mut ops: Vec<Group<'_>> = Vec::new();
        for case in &findings.cases {
            let name = case.title();
            if ops.last().is_none_or(|group| group.name != name) {
                ops.push(Group { name, cases: Vec::new() });
            }
            if let Some(group) = ops.last_mut() {
                group.cases.push(row(case)?);
            }
        }
        Ok(Page {
            machine: format!(
                "{} ({}), {} cores, caches of {}, {} and {}, {}",
                machine.name, machine.cpu, machine.cores, caches[0], caches[1], caches[2], machine.system
            ),
            settings: format!(
                "{}, raptors {}: {part}, tables of {}, kernels of {}, {} threads, at most {:.0} s, of which {:.0} s \
                 were needed{}, seed {}",
                settings.date,
                machine.raptors,
                findings.isa,
                findings.competing.join(" and "),
                settings.threads,
                settings.budget_seconds,
                findings.seconds,
                if settings.full { ", several shapes a bucket" } else { "" },
                settings.seed
            ),
            profile,
            facts: self.facts(),
            wrong: &findings.wrong,
            changes: findings.cases.iter().filter_map(change).collect(),
            heat_map: self.heat_map()?,
            ops,
        })
    }

    fn facts(&self) -> Vec<Fact> {
        let cases = &self.findings.cases;
        let of =
            |wanted: &dyn Fn(&Case) -> bool| cases.iter().filter(|case| wanted(case)).count().to_string();
        vec![
            Fact { value: cases.len().to_string(), of: "rows decided" },
            Fact { value: of(&|case| case.winner != case.incumbent), of: "have another kernel now" },
            Fact {
                value: of(&|case| case.cuts.as_ref().is_some_and(|cuts| cuts.was.is_some())),
                of: "use threads otherwise",
            },
            Fact { value: of(&|case| case.verdict == Verdict::Noisy), of: "too noisy to tell" },
            Fact { value: self.findings.busy.to_string(), of: "not judged: the cores were busy" },
            Fact {
                value: cases.iter().map(|case| case.candidates.len()).sum::<usize>().to_string(),
                of: "candidates",
            },
        ]
    }
}

/// `scale-f32-avx2-l2-square`: what a link names.
fn id(case: &Case) -> String {
    format!("{}-{}", case.table.replace('.', "-"), case.row.replace(' ', "-"))
}

fn change(case: &Case) -> Option<Change> {
    let mut says = Vec::new();
    if case.winner != case.incumbent {
        let by = case
            .gain()
            .map_or_else(String::new, |gain| format!(", {} ({})", percent(gain.centre), range(gain)));
        says.push(format!("{} → {}{by}", case.short(&case.incumbent), case.short(&case.winner)));
    }
    if let Some(cuts) = case.cuts.as_ref().filter(|cuts| cuts.was.is_some()) {
        says.push(threads(cuts));
    }
    if says.is_empty() {
        return None;
    }
    Some(Change { id: id(case), case: format!("{} {}", case.title(), case.row), says: says.join("; ") })
}

fn tasks(crossover: Option<usize>, chunk: Option<usize>) -> String {
    let from = crossover.map_or_else(|| "never".to_owned(), |from| format!("from {} on", bytes(from)));
    let pieces = chunk
        .map_or_else(|| "a piece for each thread".to_owned(), |chunk| format!("pieces of {}", bytes(chunk)));
    if crossover.is_some() { format!("{from}, {pieces}") } else { from }
}

fn threads(cuts: &Cuts) -> String {
    let now = tasks(cuts.crossover, cuts.chunk);
    let was = cuts.was.map_or_else(String::new, |was| format!(" (was {})", tasks(was.crossover, was.chunk)));
    let by = cuts
        .faster
        .map_or_else(String::new, |faster| format!(", {} ({})", percent(faster.centre), range(faster)));
    format!("{} threads: {now}{was}{by}", cuts.threads)
}

fn row(case: &Case) -> Result<Row<'_>, Error> {
    let mut candidates: Vec<_> = case.candidates.iter().collect();
    let speed =
        |candidate: &super::Candidate| candidate.faster.map_or(f64::NEG_INFINITY, |faster| faster.centre);
    candidates.sort_by(|a, b| speed(b).total_cmp(&speed(a)));
    let note = |candidate: &super::Candidate| match candidate {
        _ if !candidate.right => "wrong: not timed",
        _ if candidate.kernel == case.winner => "winner",
        _ if candidate.kernel == case.incumbent => "incumbent",
        _ if candidate.dropped => "dropped",
        _ => "",
    };
    let shapes: Vec<_> = case.shapes.iter().map(|(rows, columns)| format!("{rows}×{columns}")).collect();
    let dash = || "–".to_owned();
    Ok(Row {
        id: id(case),
        name: case.title(),
        place: &case.row,
        verdict: case.verdict.words(),
        class: case.verdict.word(),
        winner: &case.winner,
        winner_short: case.short(&case.winner),
        incumbent: &case.incumbent,
        margin: case.gain().map_or_else(dash, |gain| percent(gain.centre)),
        interval: case.duel.map_or_else(dash, range),
        control: case.control.map_or_else(dash, range),
        shape: shapes.join(", "),
        as_in: case.as_in.as_deref(),
        bytes: bytes(case.bytes),
        rate: case.rate().map_or_else(dash, |rate| format!("{rate:.1}")),
        share: case.share().map_or_else(dash, |share| format!("{:.0} %", 100.0 * share)),
        picture: case.picture()?,
        candidates: candidates
            .into_iter()
            .map(|candidate| Line {
                kernel: &candidate.kernel,
                variant: &candidate.variant,
                time: candidate.seconds.map_or_else(dash, time),
                faster: candidate.faster.map_or_else(dash, |faster| percent(faster.centre)),
                interval: candidate.faster.map_or_else(dash, range),
                rounds: candidate.rounds,
                note: note(candidate),
            })
            .collect(),
        cuts: case.cuts.as_ref().map_or_else(String::new, threads),
        ways: case.cuts.iter().flat_map(|cuts| &cuts.ways).map(|way| self::way(case, way)).collect(),
    })
}

fn way<'a>(case: &Case, way: &'a super::Way) -> Way<'a> {
    let how = match (way.threads, way.chunk) {
        (1, _) => "1 thread".to_owned(),
        (threads, None) => format!("{threads} threads, a piece each"),
        (threads, Some(chunk)) => format!("{threads} threads, pieces of {}", bytes(chunk)),
    };
    Way {
        kernel: case.short(&way.kernel),
        how,
        time: way.seconds.map_or_else(|| "–".to_owned(), time),
        faster: way.faster.map_or_else(|| "–".to_owned(), |faster| percent(faster.centre))
            + if way.dropped { ", dropped" } else { "" },
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::tuning;

    #[test]
    fn everything_is_on_the_page() {
        let page = tuning().page().unwrap();
        for text in [
            "amd-zen4",
            "id=\"mul_m_s-f32-avx2-512x512\"",
            "href=\"#mul_m_s-f32-avx2-512x512\"",
            "avx2_u4 → avx2_u8, +3.1% (+2.7% to +3.6%)",
            "2 threads: from 1 MiB on, a piece for each thread (was from 2 MiB on, pieces of 256 KiB)",
            "too noisy to tell",
            "<b>3</b>not judged: the cores were busy",
            "result 3 is &lt;wrong&gt;",
            "2 threads, pieces of 256 KiB",
            "50 %",
            "21.0",
        ] {
            assert!(page.contains(text), "no `{text}` in\n{page}");
        }
    }

    #[test]
    fn what_comes_from_elsewhere_is_text_and_nothing_is_loaded() {
        let page = tuning().page().unwrap();
        assert!(page.contains("A &lt;fast&gt; CPU") && !page.contains("<fast>"));
        assert!(page.contains("unroll &lt;4&gt;"));
        let loads = ["src=", "@import", "url(", "<link"];
        assert!(loads.iter().all(|load| !page.contains(load)));
    }
}
