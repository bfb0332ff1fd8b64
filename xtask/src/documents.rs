//! The commands that documents name, for the tests that each is one: included by those of the command `raptors` too.

use std::{fs, path::Path};

/// A command in a document.
pub(crate) struct Named {
    /// `docs/tuning.md:14`.
    pub(crate) place: String,
    /// What follows the words that were looked for.
    pub(crate) words: Vec<String>,
    /// Flags that the comment behind it names.
    pub(crate) also: Vec<String>,
}

/// Every command in the documents of the repository that begins with these words, in a block of code or between
/// backticks.
pub(crate) fn commands(root: &Path, beginning: &str) -> Vec<Named> {
    let mut found = Vec::new();
    for file in documents(root) {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let mut is_block = false;
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                is_block = !is_block;
                continue;
            }
            let spans: Vec<&str> =
                if is_block { vec![line] } else { line.split('`').skip(1).step_by(2).collect() };
            for span in spans {
                // Behind a prompt, or variables that are set.
                let from = span.find(beginning).filter(|from| {
                    span[..*from].split(' ').all(|word| matches!(word, "" | "$") || word.contains('='))
                });
                let Some(rest) = from.map(|from| &span[from + beginning.len()..]) else { continue };
                // The end of a longer word.
                if !rest.is_empty() && !rest.starts_with(' ') {
                    continue;
                }
                let (command, comment) = rest.split_once(" #").unwrap_or((rest, ""));
                let word = |word: &str| word.trim_matches([',', ';', '.', ')', '(', '`', ':']).to_owned();
                found.push(Named {
                    place: format!("{name}:{}", number + 1),
                    words: command.split_whitespace().map(str::to_owned).collect(),
                    also: comment
                        .split_whitespace()
                        .map(word)
                        .filter(|word| word.starts_with("--"))
                        .collect(),
                });
            }
        }
    }
    assert!(!found.is_empty(), "no document names `{beginning}`");
    found
}

/// The documents: all that are called so, but for those that say what was.
fn documents(root: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                if name != "target" && !name.as_encoded_bytes().starts_with(b".") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") && name != "CHANGELOG.md" {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
