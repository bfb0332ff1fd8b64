//! A profile changes which kernel a call runs: one of the build, and the user's own.

use std::{fs, path::PathBuf};

use crate::scratch::{Run, Scratch};

/// A profile with a row for small calls, and one about two threads.
fn profile(cpu: &str, kernel: &str, body: &str) -> String {
    format!(
        r#"version = 2
cpu     = "{cpu}"
caches  = {{ l1 = "32 KiB", l2 = "1 MiB", l3 = "32 MiB" }}
rustc   = "1.95.0"
date    = "2026-11-25"

[kernels.mul_m_s.f32.portable]
"l1 square" = {{ kernel = "{kernel}", body = "{body}", margin = "3.1%", interval = "2.7% to 3.5%" }}

[threads.2.mul_m_s.f32.portable]
"l1 square" = {{ crossover = "32 MiB", chunk = "1 MiB", margin = "4.0%", interval = "3.9% to 4.1%" }}
"l2 square" = {{ crossover = "32 MiB", chunk = "1 MiB", margin = "4.0%", interval = "3.9% to 4.1%" }}
"l3 square" = {{ crossover = "32 MiB", chunk = "1 MiB", margin = "4.0%", interval = "3.9% to 4.1%" }}
"#
    )
}

/// What the program says of something, if it does.
fn said<'a>(run: &'a Run, what: &str) -> Option<&'a str> {
    run.said.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(": "))
}

#[test]
fn a_profile_changes_the_kernel_of_a_call() {
    let scratch = Scratch::new("profile", |path| {
        // One operation is enough, and takes little time to build.
        !path.starts_with("copy/kernel-specs") || path.ends_with("scale.toml")
    });
    let overlay = scratch.folder.join("overlay");
    let config = scratch.folder.join("config");
    for folder in [&overlay, &config] {
        fs::remove_dir_all(folder).ok();
        fs::create_dir_all(folder).expect("the folder can be written");
    }
    // Plain Rust, which every machine has; and no profile of whoever runs this.
    let run = |arguments: &[&str], more: &[(&str, PathBuf)]| {
        let usual = [
            ("RAPTORS_SPECS", overlay.clone()),
            ("RAPTORS_SIMD", "off".into()),
            ("RAPTORS_THREADS", "3".into()),
            ("XDG_CONFIG_HOME", config.clone()),
        ];
        scratch.run(&[&["explain"], arguments].concat(), &[&usual[..], more].concat()).passed()
    };
    let tunable = &["--features", "tunable"][..];

    // Without any profile.
    let first = run(tunable, &[]);
    let cpu = said(&first, "cpu").expect("it has a name");
    let body = |kernel: &str| said(&first, &format!("body of {kernel}")).expect("it is carried").to_owned();
    assert_eq!(said(&first, "kernel"), Some("mul_m_s_map_f32_portable_u4"));
    assert_eq!((said(&first, "won"), said(&first, "note")), (None, None), "{}", first.said);
    assert_eq!(said(&first, "crossover"), Some("Some(1048576)"));

    // The user's own: in the usual place, or where the variable says.
    let usual = format!("config/raptors/{cpu}.toml");
    scratch.write(&usual, profile(cpu, "mul_m_s_map_f32_portable_u8", &body("mul_m_s_map_f32_portable_u8")));
    let own = scratch.folder.join(&usual);
    let winner = format!("3.1% faster than the default (2.7% to 3.5%), by {}", own.display());
    for more in [vec![], vec![("RAPTORS_PROFILE", own.clone())]] {
        let second = run(tunable, &more);
        assert_eq!(said(&second, "kernel"), Some("mul_m_s_map_f32_portable_u8"), "{}", second.said);
        assert_eq!(said(&second, "won"), Some(winner.as_str()));
        assert_eq!(said(&second, "own"), Some(format!("{}, 4 rows", own.display()).as_str()));
        // Of two threads, as three have no rows.
        assert_eq!(said(&second, "crossover"), Some("Some(33554432)"));
        assert!(said(&second, "cut").is_some_and(|cut| cut.starts_with("4.0% faster")), "{}", second.said);
    }
    let none = run(tunable, &[("RAPTORS_PROFILE", "none".into())]);
    assert_eq!((said(&none, "kernel"), said(&none, "own")), (Some("mul_m_s_map_f32_portable_u4"), None));
    let one = run(tunable, &[("RAPTORS_THREADS", "1".into())]);
    assert_eq!(said(&one, "cut"), None, "fewer threads than were measured");

    // One that is not right: refused where it was asked for, and else left aside with a note.
    let right = fs::read_to_string(&own).expect("it was written");
    let cases = [
        (
            right.replace("\"l1 square\" = { kernel", "\"l9 square\" = { kernel"),
            ":8:1: `l9 square` is no bucket",
        ),
        (right.replace(cpu, "intel-i386"), " is of intel-i386, and this processor is "),
        (right[..right.find("aches").expect("its third line")].to_owned(), ":3:"),
    ];
    for (text, why) in &cases {
        scratch.write(&usual, text);
        let asked = run(tunable, &[("RAPTORS_PROFILE", own.clone())]);
        let error = said(&asked, "error").expect("it is refused");
        assert!(error.starts_with("RAPTORS_PROFILE=") && error.contains(why), "{error}");
        let found = run(tunable, &[]);
        assert_eq!(said(&found, "kernel"), Some("mul_m_s_map_f32_portable_u4"));
        assert!(said(&found, "note").is_some_and(|note| note.contains(why)), "{}", found.said);
    }
    let missing = run(tunable, &[("RAPTORS_PROFILE", scratch.folder.join("nowhere.toml"))]);
    assert!(said(&missing, "error").is_some_and(|error| error.contains("nowhere.toml")), "{}", missing.said);
    // Kernels that are not what they were.
    scratch.write(&usual, right.replace(&body("mul_m_s_map_f32_portable_u8"), "0123456789abcdef"));
    let stale = run(tunable, &[]);
    assert_eq!(said(&stale, "kernel"), Some("mul_m_s_map_f32_portable_u4"));
    assert!(said(&stale, "note").is_some_and(|note| note.contains("1 row left out")), "{}", stale.said);
    assert!(said(&stale, "own").is_some_and(|own| own.ends_with(", 3 rows")), "{}", stale.said);

    // One of the build: its kernel ships without the feature. The user's own is then left aside.
    let built_in = profile(cpu, "mul_m_s_map_f32_portable_u2", &body("mul_m_s_map_f32_portable_u2"));
    scratch.write(format!("overlay/tuned/{cpu}.toml"), built_in);
    let third = run(&[], &[]);
    assert_eq!(said(&third, "kernel"), Some("mul_m_s_map_f32_portable_u2"), "{}", third.said);
    assert!(
        said(&third, "won").is_some_and(|won| won.ends_with(&format!("/tuned/{cpu}.toml"))),
        "{}",
        third.said
    );
    assert!(said(&third, "built in").is_some_and(|it| it.ends_with(".toml, 4 rows")), "{}", third.said);
    assert!(said(&third, "note").is_some_and(|note| note.contains("lacks the feature")), "{}", third.said);
    let none = run(&[], &[("RAPTORS_PROFILE", "none".into())]);
    assert_eq!(said(&none, "kernel"), Some("mul_m_s_map_f32_portable_u4"));
    let asked = run(&[], &[("RAPTORS_PROFILE", own.clone())]);
    assert!(said(&asked, "error").is_some_and(|error| error.contains("expected none (")), "{}", asked.said);

    // The user's own goes before that of the build, row by row.
    scratch.write(&usual, &right);
    let both = run(tunable, &[]);
    assert_eq!(said(&both, "kernel"), Some("mul_m_s_map_f32_portable_u8"), "{}", both.said);
    fs::remove_file(&own).expect("it was written");
    assert_eq!(said(&run(tunable, &[]), "kernel"), Some("mul_m_s_map_f32_portable_u2"));
}
