//! Every command that a document names is one, with the flags that it is said to have.

use std::path::Path;

use clap::{CommandFactory as _, error::ErrorKind};

#[path = "../../xtask/src/documents.rs"]
mod found;

use found::Named;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository")
}

/// What is wrong with a command of `raptors`, if anything is.
fn wrong(words: &[String], also: &[String]) -> Option<String> {
    let command = crate::Arguments::command();
    let given = std::iter::once("raptors").chain(words.iter().map(String::as_str));
    if let Err(error) = command.clone().try_get_matches_from(given) {
        // A text may name a command without its arguments.
        let is_part = matches!(
            error.kind(),
            ErrorKind::MissingRequiredArgument
                | ErrorKind::DisplayHelp
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                | ErrorKind::MissingSubcommand
        );
        if !is_part {
            return Some(error.to_string());
        }
    }
    let subcommand = words.first().and_then(|name| command.find_subcommand(name));
    let flags: Vec<String> = subcommand
        .into_iter()
        .flat_map(clap::Command::get_arguments)
        .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
        .collect();
    let unknown = also.iter().find(|flag| !flags.contains(flag))?;
    Some(format!("there is no {unknown}, but {}", flags.join(", ")))
}

#[track_caller]
fn all_are_right(commands: &[Named], given: impl Fn(&Named) -> Vec<String>) {
    let wrong: Vec<String> = commands
        .iter()
        .filter_map(|named| {
            Some(format!(
                "{}: {}: {}",
                named.place,
                given(named).join(" "),
                wrong(&given(named), &named.also)?
            ))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a command can be judged in this build.
fn is_built(words: &[String]) -> bool {
    cfg!(feature = "tune")
        || !words.first().is_some_and(|word| matches!(&word[..], "tune" | "regret" | "in-use"))
}

#[test]
fn commands_in_documents_are_commands() {
    for beginning in ["cargo raptors", "raptors"] {
        let mut commands = found::commands(root(), beginning);
        // Without any, it is the name of the library, in a block of another language or in the tree of folders.
        commands.retain(|named| {
            named
                .words
                .first()
                .is_some_and(|word| word.starts_with(|letter: char| letter.is_ascii_lowercase()))
                && is_built(&named.words)
        });
        all_are_right(&commands, |named| named.words.clone());
    }
}

/// `cargo bench` runs `raptors tune`, on what stands behind `--`.
#[test]
#[cfg(feature = "tune")]
fn what_cargo_bench_is_given_is_known() {
    let mut commands = found::commands(root(), "cargo bench");
    commands.retain(|named| !named.words.iter().any(|word| word == "--bench"));
    all_are_right(&commands, |named| {
        let given = named.words.iter().skip_while(|word| *word != "--").skip(1).cloned();
        std::iter::once("tune".to_owned()).chain(given).collect()
    });
}

#[test]
fn what_is_no_command_is_found() {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (command, also) in
        [("list scale --all", ""), ("lists", ""), ("explain sum f32 3", ""), ("info", "--json2")]
    {
        let also = also.split(' ').filter(|flag| !flag.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        assert!(wrong(&words(command), &also).is_some(), "{command}");
    }
    assert_eq!(wrong(&words("list --op scale"), &words("--all --json")), None);
    assert_eq!(wrong(&words("explain"), &[]), None);
}
