//! The page: everything that was found, in one file that needs no other.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Serialize;
use tera::{Context, Tera};

use crate::{
    Error, Run, Theme,
    run::{Case, Peer, us},
};

pub(crate) static TEMPLATES: LazyLock<Tera> = LazyLock::new(|| {
    let mut tera = Tera::default();
    tera.add_raw_templates([
        ("page.html", include_str!("../templates/page.html.tera")),
        ("telemetry.html", include_str!("../templates/telemetry.html.tera")),
        ("tune.html", include_str!("../templates/tune.html.tera")),
    ])
    .expect("the templates are part of this crate");
    tera
});

/// What the template is given: words only.
#[derive(Serialize)]
struct Page<'a> {
    machine: String,
    caches: String,
    versions: String,
    about: String,
    threads: Vec<Line<'a>>,
    skipped: &'a BTreeMap<String, String>,
    facts: Vec<Fact>,
    light: String,
    dark: String,
    precision: String,
    gaps: Vec<Gap>,
    wrong: Vec<Gap>,
    peers: Vec<&'a str>,
    cases: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    threads: usize,
    note: &'a str,
}

#[derive(Serialize)]
struct Fact {
    value: String,
    of: &'static str,
}

#[derive(Serialize)]
struct Gap {
    case: String,
    says: String,
}

#[derive(Serialize)]
struct Row<'a> {
    op: &'a str,
    dtype: &'a str,
    place: String,
    numpy: String,
    raptors: String,
    best: String,
    spread: String,
    ratio: String,
    interval: String,
    delta: String,
    rate: String,
    limit: String,
    control: String,
    kernel: &'a str,
    calls: [&'a str; 2],
    verdict: &'a str,
    settled: bool,
    peers: Vec<String>,
    fastest: &'a str,
}

impl Run {
    /// The page, as HTML.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub fn page(&self) -> Result<String, Error> {
        let mut context = Context::new();
        context.insert("page", &self.words()?);
        Ok(TEMPLATES.render("page.html", &context)?)
    }

    fn words(&self) -> Result<Page<'_>, Error> {
        let (machine, settings) = (&self.machine, &self.settings);
        let caches: Vec<_> = machine.caches.iter().map(|(level, size)| format!("{level} {size}")).collect();
        let peers = machine.packages.iter().map(|(name, version)| format!(", {name} {version}"));
        let versions = format!("raptors {} ({}), NumPy {}", machine.raptors, machine.isa, machine.numpy);
        let gate = settings.gate.map_or_else(String::new, |gate| format!(", gate at {gate}"));
        Ok(Page {
            machine: format!("{}, {} cores, {}", machine.cpu, machine.cores, machine.system),
            caches: caches.join(", "),
            versions: format!("{versions}{}, Python {}", peers.collect::<String>(), machine.python),
            about: format!(
                "{}, suite {}, instruction sets {}{gate}{}",
                settings.date,
                settings.what(),
                settings.simd_mode,
                settings.without()
            ),
            threads: settings
                .threads
                .iter()
                .map(|(name, threads)| Line { name, threads: threads.threads, note: &threads.note })
                .collect(),
            skipped: &settings.skipped,
            facts: self.facts(),
            light: self.picture(Theme::Light)?,
            dark: self.picture(Theme::Dark)?,
            precision: percent(settings.precision),
            gaps: self.gaps().into_iter().map(gap).collect(),
            wrong: self
                .wrong
                .iter()
                .map(|wrong| Gap {
                    case: format!("{} {} {}", wrong.which.op, wrong.which.dtype, wrong.which.place()),
                    says: wrong.difference.clone(),
                })
                .collect(),
            peers: self.peers().collect(),
            cases: self.cases.iter().map(|case| self.row(case)).collect(),
        })
    }

    fn facts(&self) -> Vec<Fact> {
        let even = self.cases.iter().filter(|case| case.speedup >= 1.0).count();
        let mut facts =
            vec![Fact { value: format!("{even} of {}", self.cases.len()), of: "at NumPy's speed or above" }];
        if let Some(lowest) = self.lowest() {
            facts.push(Fact {
                value: format!("{:.2}", self.geometric_mean()),
                of: "geometric mean of ratios",
            });
            facts.push(Fact { value: format!("{:.2}", lowest.ci_low), of: "lowest end of an interval" });
        }
        facts.push(Fact { value: self.threads().to_string(), of: "threads of raptors at most" });
        facts
    }

    fn row<'a>(&'a self, case: &'a Case) -> Row<'a> {
        let peer = |name| case.peers.get(name).map_or_else(|| "–".to_owned(), Peer::says);
        Row {
            op: &case.which.op,
            dtype: &case.which.dtype,
            place: case.which.place(),
            numpy: format!("{} ±{}", us(case.numpy_us), percent(case.numpy_spread / 2.0)),
            raptors: us(case.raptors_us),
            best: us(case.raptors_best_us),
            spread: percent(case.raptors_spread),
            ratio: format!("{:.2}", case.speedup),
            interval: format!("{:.2}–{:.2}", case.ci_low, case.ci_high),
            delta: us(case.delta_us),
            rate: format!("{:.1}", case.gb_per_s),
            limit: percent(case.limit_share),
            control: format!("{:.3}", case.control.ratio),
            kernel: &case.kernel,
            calls: [&case.calls.raptors, &case.calls.numpy],
            verdict: &case.verdict,
            settled: case.settled,
            peers: self.peers().map(peer).collect(),
            fastest: case.fastest(),
        }
    }
}

fn gap(case: &Case) -> Gap {
    let which = &case.which;
    let clear = if case.ci_high < 1.0 { "" } else { "; the interval reaches 1" };
    Gap {
        case: format!("{} {} {}", which.op, which.dtype, which.place()),
        says: format!("{:.3}, {} µs lost a call{clear}", case.speedup, us(case.delta_us)),
    }
}

fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

#[cfg(test)]
mod tests {
    use crate::run::tests::{part, run};

    #[test]
    fn everything_is_on_the_page() {
        let page = run().page().unwrap();
        for text in [
            "1 of 2",
            "sum f64 8²: 0.625, 6.00 µs lost a call",
            "scale f32 3×5 strided out: 1 of 15 elements",
            "numexpr: skipped, not there",
            "rp.sum(x)",
            "0.90≈",
            ">wrong<",
            "gate at 1",
        ] {
            assert!(page.contains(text), "no `{text}` in\n{page}");
        }
    }

    #[test]
    fn a_part_says_which() {
        let page = part().page().unwrap();
        assert!(page.contains("suite catalogue, part 2 of 6 (204 cases in all), instruction sets auto"));
        assert!(page.contains("gate at 1. Left out: NumPy has no fma3.</p>"), "{page}");
    }

    #[test]
    fn what_comes_from_elsewhere_is_text() {
        let page = run().page().unwrap();
        assert!(page.contains("A &lt;fast&gt; CPU") && !page.contains("<fast>"));
        assert!(page.contains("<svg viewBox"));
    }
}
