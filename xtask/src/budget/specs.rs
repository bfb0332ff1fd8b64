//! Specs that are made up, to see what more of them cost.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use raptors_codegen::{op::Op, spec};

/// Plain maps that no catalogue has: what one more operation costs is the mean over these, so that it is no luck with
/// one of them, and stands out from what two builds of the same differ by.
const MAPS: [&str; 16] = [
    "x * y + x",
    "x * y - x",
    "(x + y) * x",
    "(x - y) * (x + y)",
    "abs(x - y)",
    "sqrt(x * x + y * y)",
    "max(x, y) - min(x, y)",
    "fma(x, y, y)",
    "x / (y + 1)",
    "abs(x) + abs(y)",
    "clamp(x, 0, 1) * y",
    "select(x > y, x, y * 0.5)",
    "(x + y) * 0.5",
    "select(is_nan(x), y, x)",
    "sqrt(abs(x * y))",
    "max(x * 0.01, y)",
];

/// How many specs [`write_maps`] writes.
pub(crate) const EXTRA_MAPS: usize = MAPS.len();

/// Writes a spec for each of the made-up maps into a folder.
pub(crate) fn write_maps(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (index, output) in MAPS.iter().enumerate() {
        let text = format!(
            "summary = \"Made up to see what it costs.\"\ninputs  = {{ x = \"matrix\", y = \"matrix\" }}\n\
             output  = \"{output}\"\ndtypes  = [\"f32\", \"f64\"]\n"
        );
        fs::write(folder.join(format!("made_up_{index}.toml")), text)?;
    }
    Ok(())
}

/// The specs in a folder, sorted.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|found| found == "toml"));
    files.sort();
    Ok(files)
}

/// Their names.
pub(crate) fn names(folder: &Path) -> Result<BTreeSet<String>> {
    Ok(files(folder)?
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect())
}

/// Writes that many operations at least, made of the specs in one folder, into another one; hands back how many.
///
/// Each differs from all others in what it computes, not in its name alone: equal operations would be one.
pub(crate) fn write_mutants(from: &Path, into: &Path, operations: usize) -> Result<usize> {
    fs::create_dir_all(into)?;
    let sources = files(from)?;
    let (mut made, mut number) = (0, 0);
    while made < operations {
        let before = made;
        for source in &sources {
            let text = fs::read_to_string(source)?;
            number += 1;
            let Some((mutant, count)) = mutant(&text, number) else { continue };
            let name = source.file_stem().unwrap_or_default().to_string_lossy();
            fs::write(into.join(format!("{name}_m{number}.toml")), mutant)?;
            made += count;
            if made >= operations {
                break;
            }
        }
        ensure!(made > before, "no spec in {} has an expression to change", from.display());
    }
    Ok(made)
}

/// A spec with another expression, and the number of operations that it makes. One without an expression that could
/// change has none.
fn mutant(spec: &str, number: usize) -> Option<(String, usize)> {
    // What is counted or looked for is no value that could be changed; forms and stages make more operations than one.
    let others = ["\"count\"", "\"argmin\"", "\"argmax\"", "[reduce.stages]", "[\"matrix\","];
    if others.iter().any(|other| spec.contains(other)) {
        return None;
    }
    let mut lines: Vec<_> = spec.lines().map(str::to_owned).collect();
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned()).unwrap_or_default();
    let line = lines.iter_mut().find(|line| matches!(key(line).as_str(), "output" | "of"))?;
    let (head, rest) = line.split_once('"')?;
    let (expression, tail) = rest.rsplit_once('"')?;
    // No two have the same constant, so that specs that share kernels have mutants that do not.
    let constant = format!("{}.{:03}", 1 + number / 1000, number % 1000);
    let changed = match number % 4 {
        0 => format!("({expression}) * {constant}"),
        1 => format!("abs({expression}) + {constant}"),
        2 => format!("max({expression}, {constant})"),
        _ => format!("{constant} - ({expression})"),
    };
    *line = format!("{head}\"{changed}\"{tail}");
    // A reduction makes an operation for each of its axes.
    let axes = lines.iter().find(|line| key(line) == "axes");
    let operations = axes.map_or(1, |line| line.matches('"').count() / 2);
    // No library has a routine for it.
    lines.retain(|line| key(line) != "backends");
    Some((lines.join("\n") + "\n", operations))
}

/// Takes the operations that are not of these specs out of a checkout: their specs, and what profiles say of what they alone
/// compute. Hands back how many specs that were.
pub(crate) fn restrict(checkout: &Path, to: &BTreeSet<String>) -> Result<usize> {
    let specs = checkout.join("kernel-specs/ops");
    let others: Vec<_> = names(&specs)?.difference(to).cloned().collect();
    if others.is_empty() {
        return Ok(0);
    }
    let all = computations(&specs)?;
    for name in &others {
        fs::remove_file(specs.join(format!("{name}.toml")))?;
    }
    let gone: BTreeSet<_> = all.difference(&computations(&specs)?).cloned().collect();
    for profile in files(&checkout.join("kernel-specs/tuned"))? {
        let text = fs::read_to_string(&profile)?;
        fs::write(&profile, without(&text, &gone))?;
    }
    Ok(others.len())
}

/// What the specs in a folder compute, by the names that profiles know.
fn computations(folder: &Path) -> Result<BTreeSet<String>> {
    let specs = spec::load(&spec::load_dir(folder, "kernel-specs/ops")?)?;
    Ok(Op::of_specs(&specs).into_iter().map(|op| op.computation.name).collect())
}

/// A profile without the tables of these computations, whose names are in those of the tables:
/// `[kernels.add_columns.f32.avx2]`.
fn without(profile: &str, computations: &BTreeSet<String>) -> String {
    let is_of_these = |word: &str| computations.contains(word);
    let mut text = String::new();
    let mut keeps = true;
    for line in profile.lines() {
        if let Some(header) = line.trim().strip_prefix('[') {
            keeps = !header.split(['.', ']']).any(is_of_these);
        }
        if keeps {
            text += line;
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{root, target};

    fn empty(name: &str) -> PathBuf {
        let folder = target().join("budget-tests").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        folder
    }

    #[test]
    fn made_up_maps_are_right_and_differ() {
        let folder = empty("maps");
        write_maps(&folder).unwrap();
        assert_eq!(raptors_codegen::check_folder(&folder).unwrap().operations, EXTRA_MAPS);
        assert_eq!(BTreeSet::from(MAPS).len(), EXTRA_MAPS);
    }

    #[test]
    fn mutants_are_right_and_differ() {
        let folder = empty("mutants");
        let made = write_mutants(&root().join("kernel-specs/ops"), &folder, 120).unwrap();
        assert!((120..123).contains(&made), "{made}");
        assert_eq!(raptors_codegen::check_folder(&folder).unwrap().operations, made);
        let texts: BTreeSet<_> =
            files(&folder).unwrap().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        assert_eq!(texts.len(), files(&folder).unwrap().len());
    }

    #[test]
    fn the_expression_changes_and_nothing_else() {
        let spec = "summary = \"A.\"\noutput  = \"x + y\"  # both\ndtypes = [\"f32\"]\n";
        let (text, operations) = mutant(spec, 7).unwrap();
        assert_eq!(text, "summary = \"A.\"\noutput  = \"1.007 - (x + y)\"  # both\ndtypes = [\"f32\"]\n");
        assert_eq!(operations, 1);
        let (text, operations) = mutant("[reduce]\naxes = [\"all\", \"0\"]\nof = \"x\"\n", 2004).unwrap();
        assert_eq!(text, "[reduce]\naxes = [\"all\", \"0\"]\nof = \"(x) * 3.004\"\n");
        assert_eq!(operations, 2);
        let (text, _) = mutant("output = \"x\"\nbackends = { cblas = \"scal\" }\n", 4).unwrap();
        assert_eq!(text, "output = \"(x) * 1.004\"\n");
        assert_eq!(mutant("summary = \"A.\"\n", 1), None);
    }

    #[test]
    fn a_profile_keeps_what_it_says_of_the_others() {
        let profile = "version = 2\n\n[kernels.add_m_m2.f32.avx2]\n\"l1 wide\" = { kernel = \"a\" }\n\n\
                       [kernels.add_columns.f32.avx2]\n\"l1 wide\" = { kernel = \"b\" }\n[threads.2.add_m_m2.f32]\nc = 1\n";
        let text = without(profile, &BTreeSet::from(["add_m_m2".to_owned()]));
        assert_eq!(text, "version = 2\n\n[kernels.add_columns.f32.avx2]\n\"l1 wide\" = { kernel = \"b\" }\n");
    }

    #[test]
    fn a_checkout_can_be_restricted_and_stays_right() {
        let folder = empty("restricted");
        for part in ["ops", "tuned"] {
            let into = folder.join("kernel-specs").join(part);
            fs::create_dir_all(&into).unwrap();
            for file in files(&root().join("kernel-specs").join(part)).unwrap() {
                fs::copy(&file, into.join(file.file_name().unwrap())).unwrap();
            }
        }
        let all = names(&folder.join("kernel-specs/ops")).unwrap();
        let some = BTreeSet::from(["sum".to_owned()]);
        assert_eq!(restrict(&folder, &some).unwrap(), all.len() - 1);
        assert_eq!(names(&folder.join("kernel-specs/ops")).unwrap(), some);
        let summary = raptors_codegen::check_folder(&folder.join("kernel-specs/ops")).unwrap();
        assert!(summary.profiles > 0 && summary.operations == 3, "{summary}");
    }
}
