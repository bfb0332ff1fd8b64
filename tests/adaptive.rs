//! Calls that adapt: their results are what they were, however they are cut, on many threads and after a fork; and a variable
//! whose name is unknown is told.
//!
//! What is learned depends on the machine, so what is decided by which times is tested without one, in the library.

#[allow(dead_code, reason = "each file of tests uses a part")]
mod common;

use std::{
    fmt::Write as _,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use raptors::{Dtype, Matrix, adaptive, ops};

/// Runs the test of that name in a process of its own, under that environment.
fn alone(test: &str, variables: &[(&str, &str)], body: fn()) {
    if common::is_alone(test) {
        return body();
    }
    println!("{}", common::rerun(test, variables));
}

const TWO: (&str, &str) = ("RAPTORS_THREADS", "2");
const ON: (&str, &str) = ("RAPTORS_ADAPTIVE", "1");

fn matrix(rows: usize, cols: usize) -> Matrix<f32> {
    let element =
        |row: usize, col: usize| f32::from(u16::try_from((row * 31 + col * 7) % 1009).expect("small"));
    Matrix::from_fn(rows, cols, |row, col| element(row, col) / 64.0).expect("memory")
}

#[test]
fn nothing_is_learned_unless_asked_for() {
    alone("nothing_is_learned_unless_asked_for", &[TWO], || {
        let x = matrix(500, 500);
        let call = || ops::sum(&x).expect("a sum");
        call();
        assert!(!adaptive::is_on() && adaptive::state().is_empty());
        adaptive::enable();
        for _ in 0..50 {
            call();
        }
        assert!(adaptive::is_on() && adaptive::state().iter().all(|row| row.op == "sum"));
        let samples = || adaptive::state().iter().map(|row| row.samples).sum::<u64>();
        let learned = samples();
        assert!(learned > 0);
        adaptive::disable();
        for _ in 0..50 {
            call();
        }
        assert_eq!((samples(), adaptive::is_on()), (learned, false));
        adaptive::reset();
        assert!(adaptive::state().is_empty());
    });
}

#[test]
fn results_are_the_same_whatever_is_learned() {
    alone("results_are_the_same_whatever_is_learned", &[TWO, ON], || {
        for (rows, cols) in [(300, 400), (1000, 700), (40_000, 8), (2, 300_000)] {
            let x = matrix(rows, cols);
            let row = vec![1.5; cols];
            adaptive::disable();
            let all = || {
                let axes = (ops::sum_axis0(&x).expect("right"), ops::sum_axis1(&x).expect("right"));
                let maps =
                    (ops::scale(&x, 3.0).expect("right"), ops::broadcast_add(&x, &row).expect("right"));
                (ops::sum(&x).expect("right"), axes, maps, ops::var(&x, 0.0).expect("right"))
            };
            let expected = all();
            adaptive::enable();
            for _ in 0..30 {
                assert!(all() == expected, "{rows}×{cols}");
            }
        }
        let state = adaptive::state();
        for op in ["broadcast_add", "scale", "sum", "sum_axis0", "sum_axis1", "var"] {
            assert!(state.iter().any(|row| row.op == op && row.samples > 10), "{op}");
        }
        // The first calls go by the table, and both sides are tried.
        for row in &state {
            let measured = row.ways.iter().filter(|way| way.samples > 0).count();
            assert!(measured > 1 || row.samples < 20, "{row:?}");
        }
    });
}

#[test]
fn a_call_is_explained_by_what_was_learned() {
    alone("a_call_is_explained_by_what_was_learned", &[TWO, ON], || {
        let x = matrix(700, 700);
        let explained = || raptors::explain("sum", Dtype::F32, x.shape()).expect("known");
        assert_eq!(explained().adapted, None);
        // Where one side is far slower it is asked for seldom, and it takes long until both have their samples.
        for _ in 0..20_000 {
            for _ in 0..100 {
                ops::sum(&x).expect("a sum");
            }
            if adaptive::state().iter().any(|row| row.decided) {
                break;
            }
        }
        let explained = explained();
        let adapted = explained.adapted.unwrap_or_else(|| panic!("{:?}", adaptive::state()));
        let row = &adaptive::state()[0];
        assert_eq!((adapted.way, adapted.samples), (row.way, row.samples));
        assert_eq!(explained.sharing, format!("adapted, {} samples: {}", row.samples, row.way));
        assert_eq!(explained.threads, if row.way == adaptive::Way::Alone { 1 } else { 2 });
        assert!(row.ways.iter().filter(|way| way.samples >= 6).count() > 1, "{row:?}");
    });
}

#[test]
fn many_threads_learn_together() {
    alone("many_threads_learn_together", &[TWO, ON], || {
        let x = matrix(400, 300);
        let expected = ops::sum(&x).expect("a sum");
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for turn in 0..300 {
                        assert_eq!(ops::sum(&x), Ok(expected));
                        if turn % 100 == 0 {
                            assert!(adaptive::state().len() <= 1);
                        }
                        if turn == 150 {
                            adaptive::reset();
                        }
                    }
                });
            }
        });
        let row = &adaptive::state()[0];
        assert!((1..=2401).contains(&row.samples), "{row:?}");
    });
}

#[cfg(unix)]
#[test]
fn a_forked_child_goes_on() {
    alone("a_forked_child_goes_on", &[TWO, ON], || {
        let (x, done) = (matrix(400, 300), AtomicBool::new(false));
        let expected = ops::sum(&x).expect("a sum");
        thread::scope(|scope| {
            // The parent learns on another thread while it forks.
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(ops::sum(&x), Ok(expected));
                }
            });
            for _ in 0..10 {
                let ended = common::forked(|| {
                    let begin = adaptive::state().iter().map(|row| row.samples).sum::<u64>();
                    let right = (0..100).all(|_| ops::sum(&x) == Ok(expected));
                    begin == 0 && right && adaptive::state().iter().any(|row| row.samples > 0)
                });
                assert_eq!(ended, Ok(()));
            }
            done.store(true, Ordering::Relaxed);
        });
    });
}

/// What this executable, started for a test that makes a call, says on stderr.
fn said(variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().expect("the test has a file"));
    command.args(["--exact", "a_call", "--ignored", "--nocapture", "--test-threads=1"]);
    let output = command.envs(variables.iter().copied()).output().expect("the test can run itself");
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
#[ignore = "a child of the test below, with an environment of its own"]
fn a_call() {
    let x = matrix(4, 4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| ops::sum(&x).expect("a sum"));
        }
    });
}

#[test]
fn an_unknown_variable_is_told_once() {
    // In two parts, so that no other test takes it for one that there is.
    let slip = concat!("RAPTORS_", "THREDS");
    let said_of = |said: &str| said.matches("raptors: the environment variable").count();
    let told = said(&[(slip, "2")]);
    assert_eq!(said_of(&told), 1, "{told}");
    assert!(
        told.contains(&format!("{slip} is not known, and does nothing: is RAPTORS_THREADS meant?")),
        "{told}"
    );
    for known in ["RAPTORS_THREADS", "RAPTORS_SPECS", "RAPTORS_GENERATED_DIR", "RAPTORS_BLESS"] {
        let told = said(&[(known, "2")]);
        assert_eq!(said_of(&told), 0, "{told}");
    }
}

/// A profile of this processor in which all crossovers of sums of `f32` are that, in a folder of temporary files.
fn profile_with(crossover: &str) -> std::path::PathBuf {
    let raptors::Caches { l1, l2, l3 } = raptors::caches();
    let (cpu, isa) =
        (raptors::profile().expect("an environment").cpu, raptors::isa().expect("an environment"));
    let mut rows = String::new();
    for size in ["l2", "l3", "memory"] {
        for aspect in ["wide", "square", "tall"] {
            let cut = format!("crossover = \"{crossover}\", chunk = \"1 per thread\"");
            let none = "margin = \"0.0%\", interval = \"0.0% to 0.0%\"";
            writeln!(rows, "\"{size} {aspect}\" = {{ {cut}, {none} }}").expect("memory for a line");
        }
    }
    let text = format!(
        "version = 2\ncpu = \"{cpu}\"\ncaches = {{ l1 = \"{l1} B\", l2 = \"{l2} B\", l3 = \"{l3} B\" }}\nrustc = \"\"\n\
         date = \"\"\n\n[threads.2.add_all.f32.{}]\n{rows}",
        isa.name()
    );
    let path = std::env::temp_dir().join(format!("raptors-wrong-{}.toml", crossover.replace(' ', "-")));
    std::fs::write(&path, text).expect("a file");
    path
}

/// Prints how many calls it takes until a crossover that is set wrong is found, in either direction, and what is lost where it
/// is right. To be run by hand, on a machine that does nothing else:
/// `cargo test --release --features tunable --test adaptive -- --ignored --nocapture figures`.
#[test]
#[ignore = "prints figures, which mean something on a quiet machine alone"]
fn figures() {
    if common::is_alone("figures") {
        return print_figures();
    }
    let mut profiles = vec!["none".to_owned()];
    if cfg!(feature = "tunable") {
        profiles.extend(["128 KiB", "never"].map(|crossover| profile_with(crossover).display().to_string()));
    }
    for profile in profiles {
        println!("{}", common::rerun("figures", &[ON, ("RAPTORS_PROFILE", &*profile)]));
    }
}

fn print_figures() {
    println!("profile: {:?}", raptors::profile().expect("an environment").own.as_ref().map(|own| &own.file));
    for side in [180, 256, 362, 512, 724, 1024, 1448, 2048] {
        let x = matrix(side, side);
        let call = || std::hint::black_box(ops::sum(&x)).expect("a sum");
        let row = || adaptive::state().into_iter().find(|row| row.op == "sum");
        adaptive::reset();
        let mut found = (0, None);
        for at in 1..=500 {
            call();
            let way = row().map(|row| row.way);
            if way != found.1 {
                found = (at, way);
            }
        }
        let Some(row) = row() else { continue };
        println!("{side}×{side}: {row}, since call {}", found.0);
        for tried in &row.ways {
            let slower =
                tried.slower.map_or_else(String::new, |slower| format!(", {:+.1} %", 100.0 * slower));
            println!("    {}: {} samples, {:?}{slower}", tried.way, tried.samples, tried.time);
        }
        // Adapting and not, in turn, once it is decided.
        let mut times = [const { Vec::new() }; 2];
        for round in 0..200 {
            let on = round % 2 == 0;
            if on {
                adaptive::enable();
            } else {
                adaptive::disable();
            }
            let start = Instant::now();
            for _ in 0..100 {
                call();
            }
            times[usize::from(on)].push(start.elapsed());
        }
        let [off, on] = times.map(|mut times| {
            times.sort();
            times[times.len() / 2].as_secs_f64() * 1e4
        });
        adaptive::enable();
        println!(
            "    a call: {off:.2} µs by the table, {on:.2} µs adapting: {:+.1} %",
            100.0 * (on / off - 1.0)
        );
    }
}
