//! The command as people and scripts meet it: what it writes where, and its exit codes.

use std::process::{Command, Stdio};

use raptors::{
    Dtype, Isa,
    catalogue::{self, Status},
};
use serde_json::Value;

/// Runs the command: exit code, stdout, stderr.
fn run(arguments: &[&str]) -> (i32, String, String) {
    run_with(arguments, &[])
}

fn run_with(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_raptors"));
    // From the repository's root, as the alias runs it; whatever the tests themselves run under is left out.
    command.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for variable in raptors::knobs().iter().flat_map(|knob| &knob.variables) {
        command.env_remove(variable.name);
    }
    command.envs(environment.iter().copied());
    let output = command.output().expect("the command runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

/// What a command writes that is right.
fn written(arguments: &[&str]) -> String {
    let (code, out, err) = run(arguments);
    assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
    out
}

/// What a command says that is wrong.
fn refused(arguments: &[&str]) -> String {
    let (code, out, err) = run(arguments);
    assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}: {err}");
    assert!(err.starts_with("error"), "{err}");
    err
}

fn list(arguments: &[&str]) -> Vec<Value> {
    let text = written(&[&["list", "--json"], arguments].concat());
    serde_json::from_str(&text).expect("an array")
}

#[test]
fn the_json_list_has_every_kernel_with_its_status() {
    let all = list(&[]);
    assert_eq!(all.len(), catalogue::kernels().len());
    for (entry, kernel) in all.iter().zip(catalogue::kernels()) {
        let (status, reason) = match kernel.status {
            Status::Shipped => ("shipped", None),
            Status::Candidate => ("candidate", None),
            Status::Dropped(reason) => ("dropped", Some(reason)),
        };
        let expected = serde_json::json!({
            "kernel": kernel.name,
            "body": format!("{:016x}", kernel.identity),
            "computes": kernel.computes,
            "skeleton": kernel.skeleton,
            "dtype": kernel.dtype.name(),
            "isa": kernel.isa.name(),
            "backend": kernel.backend,
            "variant": kernel.variant,
            "serves": kernel.serves().map(|op| op.name).collect::<Vec<_>>(),
            "status": status,
            "reason": reason,
        });
        assert_eq!(*entry, expected);
    }
}

/// Everybody whose calls can run a kernel is named, and whoever computes the same is named with it.
#[test]
fn operations_that_share_kernels_are_named_with_each() {
    let all = list(&[]);
    let mut served = 0;
    for (entry, kernel) in all.iter().zip(catalogue::kernels()) {
        let names: Vec<_> =
            entry["serves"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
        assert!(!names.is_empty(), "{} serves nobody", kernel.name);
        for op in catalogue::ops() {
            let is_one = op.kernels().any(|of_op| std::ptr::eq(of_op, kernel));
            assert_eq!(names.contains(&op.name), is_one, "{} and {}", kernel.name, op.name);
        }
        served += names.len();
    }
    assert!(served > all.len(), "sums and means share theirs");
    let of = |op: &str| list(&["--op", op]);
    assert!(of("mean") == of("sum") && !of("sum").is_empty());
}

#[test]
fn every_operation_and_isa_is_in_the_list() {
    let text = written(&["list"]);
    let (ops, kernels) = text.split_once("\n\nKernels\n\n").expect("two parts");
    // Whoever a title names is served by the groups below it.
    let (mut groups, mut serves) = (Vec::new(), String::new());
    for block in kernels.split("\n\n") {
        if let Some(group) = block.strip_prefix("  ") {
            groups.push((serves.clone(), group));
        } else {
            let title = block.split_whitespace().collect::<Vec<_>>().join(" ");
            title.split_once(": serves ").expect("a title").1.clone_into(&mut serves);
        }
    }
    for op in catalogue::ops() {
        let head = format!("{}: {}", op.name, op.summary);
        // A long one goes on in the next line.
        let plain = |block: &str| block.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(ops.split("\n\n").any(|block| plain(block).starts_with(&head)), "{head}");
        for dtype in op.dtypes {
            for isa in Isa::ALL {
                let title = format!("{dtype} {}\n", isa.name());
                let is_it = |(serves, group): &(String, &str)| {
                    serves.split(", ").any(|name| name == op.name) && group.starts_with(&title)
                };
                assert!(groups.iter().any(is_it), "{title} of {}", op.name);
            }
        }
    }
}

#[test]
fn what_people_read_fits_in_80_columns() {
    for arguments in [&["list"][..], &["list", "--all"], &["info"], &["explain", "sum", "f32", "512x512"]] {
        for line in written(arguments).lines() {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
    }
}

#[test]
fn filters_leave_what_they_name() {
    for entry in list(&["--op", "sum", "--dtype", "f64", "--isa", "avx2", "--status", "dropped"]) {
        assert_eq!([&entry["dtype"], &entry["isa"], &entry["status"]], ["f64", "avx2", "dropped"]);
        assert!(entry["serves"].as_array().expect("names").contains(&"sum".into()), "{entry}");
    }
    assert!(!list(&["--op", "scale", "--status", "shipped"]).is_empty());
    let (all, shipped) = (written(&["list", "--all"]), written(&["list"]));
    for kernel in catalogue::kernels() {
        let times = |text: &str| text.split_whitespace().filter(|word| *word == kernel.name).count();
        assert_eq!(times(&all), 1, "{}", kernel.name);
        assert_eq!(times(&shipped), usize::from(kernel.status == Status::Shipped), "{}", kernel.name);
    }
}

#[test]
fn explain_says_what_the_library_says() {
    let expected =
        catalogue::op("scale").and_then(|op| op.explain(Dtype::F32, raptors::Numerics::Numpy, (512, 512)));
    let expected = expected.expect("a kernel");
    let text = written(&["explain", "scale", "f32", "512x512"]);
    for part in [expected.kernel, &expected.spec, &expected.reason, expected.isa.name()] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let text = written(&["explain", "scale", "f32", "512x512", "--json"]);
    let found: Value = serde_json::from_str(&text).expect("an object");
    assert_eq!(found["kernel"], expected.kernel);
    assert_eq!(found["spec"], expected.spec);
    assert_eq!(found["reason"], expected.reason);
    assert_eq!(found["isa"], expected.isa.name());
    assert_eq!(found["sharing"], expected.sharing);
    // Nothing has been learned in that process, and it says so.
    assert_eq!(found.get("adapted"), Some(&Value::Null));
    let accurate = written(&["explain", "sum_axis0", "f64", "100x77", "--numerics", "accurate"]);
    assert!(accurate.contains("add_tree_f64_") && accurate.contains("accurate"), "{accurate}");
    for served in ["serves      ", " mean_axis0,", " sum_axis0,"] {
        assert!(accurate.contains(served), "{accurate}");
    }
}

#[test]
fn explain_tells_threads_pieces_and_crossover() {
    // What the specs say, whatever a profile of this processor does.
    let explained = |op: &str, shape: &str, environment: &[(&str, &str)]| {
        let environment = [environment, &[("RAPTORS_PROFILE", "none")]].concat();
        let (code, text, _) = run_with(&["explain", op, "f32", shape], &environment);
        assert_eq!(code, 0, "{text}");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let three = [("RAPTORS_THREADS", "3")];
    let large = explained("scale", "2000x1000", &three);
    assert!(
        large.contains("threads 3 of 3 (RAPTORS_THREADS), pieces of ")
            && large.contains(": the crossover of 1 MiB for this bucket is reached"),
        "{large}"
    );
    let small = explained("scale", "100x100", &three);
    let less = "threads 1 of 3 (RAPTORS_THREADS): less than the crossover of 1 MiB for this bucket";
    assert!(small.contains(less), "{small}");
    let columns = explained("mean_axis0", "2000x1000", &[("OMP_NUM_THREADS", "2")]);
    assert!(columns.contains("threads 2 of 2 (OMP_NUM_THREADS), a piece for each"), "{columns}");
    // Rows of 800 bytes, and of two times two cache lines.
    let tall = explained("mean_axis0", "20000x200", &three);
    assert!(tall.contains("threads 3 of 3 (RAPTORS_THREADS), a piece for each: the crossover"), "{tall}");
    let two = explained("mean_axis0", "100000x64", &three);
    assert!(two.contains("threads 2 of 3 (RAPTORS_THREADS)"), "{two}");
    assert!(two.contains("is reached, and its columns are enough for 2 threads"), "{two}");
    let few = explained("scale", "600x300", &three);
    assert!(few.contains("threads 2 of 3 (RAPTORS_THREADS)"), "{few}");
    assert!(few.contains("is reached, and its bytes are enough for 2 threads"), "{few}");
    let narrow = explained("mean_axis0", "10000000x2", &three);
    assert!(narrow.contains("threads 1 of 3 (RAPTORS_THREADS): its columns are too few"), "{narrow}");
    let one = explained("sum", "2000x1000", &[("RAPTORS_THREADS", "1")]);
    assert!(one.contains("threads 1 of 1 (RAPTORS_THREADS)"), "{one}");
}

#[test]
fn what_does_not_exist_is_answered_with_what_does() {
    let error = refused(&["explain", "scael", "f32", "4x4"]);
    assert!(error.contains("did you mean `scale`?") && error.contains("broadcast_add"), "{error}");
    let error = refused(&["explain", "scale", "f23", "4x4"]);
    assert!(error.contains("f32, f64"), "{error}");
    let error = refused(&["explain", "scale", "f32", "4x4", "--numerics", "accurate"]);
    assert!(error.contains("`scale` has no numeric class `accurate`\nthere are: numpy, any"), "{error}");
    let error = refused(&["explain", "scale", "f32", "9999999999x9999999999"]);
    assert!(error.contains("memory"), "{error}");
    let error = refused(&["list", "--isa", "avx22"]);
    assert!(error.contains("did you mean `avx2`?") && error.contains("portable"), "{error}");
    let error = refused(&["show", "mul_m_s_map_f32_portable_u3"]);
    assert!(error.contains("did you mean `mul_m_s_map_f32_portable_u"), "{error}");
    // The name begins as that of an operation.
    assert!(error.contains("`raptors list --all --op mul` names them"), "{error}");
    // Whoever names the operation is told how its kernels are called.
    let error = refused(&["show", "scale_f32_portable_u4"]);
    assert!(error.contains("raptors list --all --op scale"), "{error}");
}

#[test]
fn wrong_usage_is_an_exit_code_of_its_own() {
    for arguments in [&["explain", "scale", "f32", "4"][..], &["list", "--status", "lost"], &["shwo"], &[]] {
        let (code, out, err) = run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
    }
}

#[test]
fn kernels_that_are_not_compiled_are_shown_too() {
    for kernel in catalogue::kernels().iter().filter(|kernel| kernel.dtype == Dtype::F32).take(12) {
        match kernel.status {
            Status::Dropped(reason) => assert!(refused(&["show", kernel.name]).contains(reason)),
            _ => assert!(written(&["show", kernel.name]).contains(&format!("fn {}(", kernel.name))),
        }
    }
}

#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn assembly_comes_with_the_count_of_its_inner_loop() {
    for kernel in [
        "mul_m_s_map_f32_portable_u4",
        "mul_m_s_map_f32_avx2_u4",
        "add_m_m2_map_f64_avx2_u4",
        "mul_m_s_map_f32_avx512_u4",
        "add_m_m2_map_f64_avx512_u4",
    ] {
        let text = written(&["show", kernel, "--asm"]);
        assert!(text.contains(&format!("{}::entry: ", kernel.to_uppercase())), "{text}");
        // What the compiler makes of a kernel without optimising is not what this is for.
        if cfg!(debug_assertions) {
            assert!(text.contains("not optimised"), "{text}");
            continue;
        }
        let numbers = |name: &str| -> Vec<String> {
            let line =
                text.lines().find(|line| line.trim_start().starts_with(name)).expect("a row of the table");
            line.split_whitespace().rev().skip(1).take(3).map(str::to_owned).collect()
        };
        assert_eq!(numbers("one iteration"), numbers("minimum for"), "{text}");
        let loads = if kernel.starts_with("add") { "8" } else { "4" };
        assert_eq!(numbers("minimum for"), ["4", "4", loads], "{text}");
        let marked = text.lines().filter(|line| line.starts_with('|')).count();
        assert!(text.contains(&format!("1 step, in {marked} instructions")), "{text}");
    }
}

#[test]
fn assembly_of_a_candidate_asks_for_the_feature() {
    let mut kernels = catalogue::kernels().iter();
    let candidate = kernels.find(|kernel| kernel.status == Status::Candidate && kernel.isa == Isa::Portable);
    let candidate = candidate.expect("more can be built than ships");
    // Features of the library reach it from every package of a build.
    if candidate.is_built() {
        assert!(written(&["show", candidate.name, "--asm"]).contains(candidate.name));
        return;
    }
    let error = refused(&["show", candidate.name, "--asm"]);
    assert!(error.contains("--features candidates") && error.contains(candidate.name), "{error}");
}

#[test]
fn info_tells_this_machine_and_what_restricts_it() {
    let text = written(&["info"]);
    for part in [env!("CARGO_PKG_VERSION"), std::env::consts::ARCH, "portable", "avx2", "caches", "shipped"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let info = |environment: &[(&str, &str)]| {
        let (code, text, error) = run_with(&["info"], environment);
        assert_eq!((code, error.as_str()), (0, ""), "{environment:?}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        // As one line, wherever a field was broken.
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    // Each knob, with what is in force and where it comes from.
    let text = info(&[]);
    for knob in raptors::knobs() {
        let name = knob.variables[0].name;
        assert!(text.contains(&format!("knob {name}")), "{name} in {text}");
    }
    assert!(text.contains("RAPTORS_SIMD: ") && text.contains(", by default: the best"), "{text}");
    assert!(text.contains("RAPTORS_POOL_BYTES: 256 MiB, by default"), "{text}");
    let cores = std::thread::available_parallelism().expect("this system tells");
    assert!(text.contains(&format!("OMP_NUM_THREADS: {cores}, by default: the cores")), "{text}");
    assert!(text.contains(&format!("{cores} for this process")), "{text}");
    let text = info(&[("RAPTORS_SIMD", "off"), ("RAPTORS_POOL_BYTES", "1024"), ("OMP_NUM_THREADS", "4,2")]);
    assert!(text.contains("in use portable "), "{text}");
    assert!(text.contains("RAPTORS_SIMD: portable, by RAPTORS_SIMD=\"off\""), "{text}");
    assert!(text.contains("RAPTORS_POOL_BYTES: 1 KiB, by RAPTORS_POOL_BYTES=\"1024\""), "{text}");
    assert!(text.contains("OMP_NUM_THREADS: 4, by OMP_NUM_THREADS=\"4,2\""), "{text}");
    let text = info(&[("RAPTORS_THREADS", "3"), ("OMP_NUM_THREADS", "4,2")]);
    assert!(text.contains("OMP_NUM_THREADS: 3, by RAPTORS_THREADS=\"3\""), "{text}");
}

/// One core, by the mask that the parent sets; which core, the parent asks for as well.
#[test]
#[cfg(target_os = "linux")]
fn info_tells_what_keeps_it_from_the_other_cores() {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let list =
        status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("in there").trim();
    let first = list.split([',', '-']).next().expect("a core");
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", first, env!("CARGO_BIN_EXE_raptors"), "info"]).env_remove("RAPTORS_THREADS");
    let Ok(output) = command.env_remove("OMP_NUM_THREADS").output() else {
        println!("skipped, this system has no taskset");
        return;
    };
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").expect("Linux");
    if online.trim() != "0" {
        assert!(text.contains(&format!("; 1 for this process, by its affinity mask ({first})")), "{text}");
    }
    assert!(text.contains("RAPTORS_THREADS, OMP_NUM_THREADS: 1, by default"), "{text}");
}

#[test]
fn variables_that_cannot_be_read_are_all_named() {
    let wrong = [("RAPTORS_SIMD", "sse9"), ("OMP_NUM_THREADS", "0"), ("RAPTORS_POOL_BYTES", "lots")];
    let (code, out, error) = run_with(&["info"], &wrong);
    assert_eq!((code, out.as_str()), (1, ""));
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), wrong.len(), "{error}");
    for (line, (variable, value)) in lines.iter().zip(wrong) {
        assert!(line.starts_with(&format!("error: {variable}={value:?}: expected ")), "{error}");
    }
    // Any of them is the error of a command that asks what a call does.
    let (code, _, error) = run_with(&["explain", "scale", "f32", "4x4"], &[("RAPTORS_POOL_BYTES", "lots")]);
    assert_eq!(code, 1);
    assert!(error.starts_with("error: RAPTORS_POOL_BYTES=\"lots\": expected a number of bytes"), "{error}");
}

#[test]
fn check_counts_what_is_right_and_shows_all_that_is_wrong() {
    let text = written(&["check"]);
    let expected = format!("{} operations, ", catalogue::ops().len());
    // The tests run in the package's folder, the command in the repository's.
    let tuned = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel-specs/tuned");
    let profiles = std::fs::read_dir(tuned).map_or(0, Iterator::count);
    let counted = match profiles {
        0 => " dropped".to_owned(),
        1 => " dropped; 1 profile".to_owned(),
        more => format!(" dropped; {more} profiles"),
    };
    assert!(text.starts_with(&expected) && text.trim_end().ends_with(&counted), "{text}");
    let error = refused(&["check", "raptors-codegen/tests/ui/several-files"]);
    for file in ["add.toml:4", "broken.toml:1", "mean.toml:"] {
        assert!(error.contains(&format!("several-files/{file}")), "{file} in {error}");
    }
    let error = refused(&["check", "no/such/folder"]);
    assert!(error.contains("no folder of specs at no/such/folder"), "{error}");
    let error = refused(&["check", "raptors-cli/src"]);
    assert!(error.contains("no specs (*.toml) in raptors-cli/src"), "{error}");
}

#[test]
fn errors_of_reading_and_of_expanding_come_at_once() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("check");
    std::fs::create_dir_all(&folder).expect("a folder");
    let spec = |inputs: &str, output: &str, unroll: &str| {
        format!(
            "summary = \"Test.\"\ninputs = {{ {inputs} }}\noutput = \"{output}\"\ndtypes = [\"f32\"]\n\n\
             [variants]\nunroll = [{unroll}]\n"
        )
    };
    let unread = spec("x = \"matrix\"", "x + y", "1");
    std::fs::write(folder.join("unread.toml"), unread).expect("written");
    let many = ["u", "w", "x", "y", "z"];
    let inputs = many.map(|name| format!("{name} = \"matrix\"")).join(", ");
    let unheld = spec(&inputs, &many.join(" + "), "1, 16");
    std::fs::write(folder.join("unheld.toml"), unheld).expect("written");
    let error = refused(&["check", folder.to_str().expect("UTF-8")]);
    assert!(error.contains("unread.toml:3") && error.contains("unheld.toml:7"), "{error}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_raptors"))
        .args(["list", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn telemetry_tells_of_every_operation() {
    let text = written(&["info", "--telemetry"]);
    for op in catalogue::ops() {
        for dtype in op.dtypes {
            let begin = format!("  {:<26}{:<7}", op.name, dtype.name());
            let calls = text.lines().filter(|line| line.starts_with(&begin)).count();
            assert_eq!(calls, 1, "{} {dtype}: {text}", op.name);
        }
    }
    assert!(text.lines().any(|line| line.starts_with("  pool")), "{text}");
}
