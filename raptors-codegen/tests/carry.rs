//! A profile of version 1 becomes one of today's, and what does not is told.

use raptors_codegen::{
    expand::{Expanded, expand},
    op::Op,
    profiles::carry::{Carried, carry},
    spec::{self, Source},
};
use raptors_profile::{Profile, parse, parse_version_1};

const SPECS: [(&str, &str); 3] = [
    (
        "scale",
        "summary = \"A map.\"\ninputs = { x = \"matrix\", k = \"scalar\" }\noutput = \"x * k\"\ndtypes = [\"f32\"]\n\
         [variants]\nunroll = [1, 4, 8]\n",
    ),
    (
        "sum",
        "summary = \"A sum.\"\ninputs = { x = \"matrix\" }\ndtypes = [\"f32\"]\n[reduce]\naxes = [\"all\", \"0\"]\n\
         of = \"x\"\ncombine = \"add\"\nnumerics = [\"numpy\", \"accurate\"]\n[variants]\nunroll = [1, 2, 4]\n",
    ),
    (
        "mean",
        "summary = \"A mean.\"\ninputs = { x = \"matrix\" }\ndtypes = [\"f32\"]\n[reduce]\naxes = [\"all\", \"0\"]\n\
         of = \"x\"\ncombine = \"add\"\nfinish = \"acc / count\"\nnumerics = [\"numpy\", \"accurate\"]\n\
         [variants]\nunroll = [1, 2, 4]\n",
    ),
];

/// A row about a kernel, by how much it was faster at least.
fn row(place: &str, kernel: &str, low: &str) -> String {
    format!(
        "\"{place}\" = {{ kernel = \"{kernel}\", body = \"0123456789abcdef\", margin = \"9.0%\", interval = \"{low}% to 10.0%\" }}\n"
    )
}

fn carried<T>(rows: &str, look: impl FnOnce(&Profile, &Carried, &Expanded<'_>) -> T) -> T {
    let sources =
        SPECS.map(|(name, text)| Source { name: format!("ops/{name}.toml"), text: text.to_owned() });
    let specs = spec::load(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    let ops = Op::of_specs(&specs);
    let expanded = expand(&ops).unwrap_or_else(|errors| panic!("{errors}"));
    let text = format!(
        "version = 1\ncpu = \"amd-zen4\"\ncaches = {{ l1 = \"32 KiB\", l2 = \"1 MiB\", l3 = \"32 MiB\" }}\n\
         rustc = \"1.95.0\"\ndate = \"2026-11-25\"\n{rows}"
    );
    let old = parse_version_1(&text, "old.toml").unwrap_or_else(|error| panic!("{error}"));
    look(&old, &carry(&old, &expanded), &expanded)
}

#[test]
fn rows_go_to_the_tables_of_what_is_computed_and_name_todays_kernels() {
    let rows = [
        "[kernels.scale.f32.avx2]\n",
        &row("l2 square", "scale_f32_avx2_u8", "5.0"),
        "[kernels.scale.f32.avx2-inplace]\n",
        &row("l2 square", "scale_f32_avx2_u8_inplace", "5.0"),
        "[kernels.sum_axis0.f32.avx2-acc]\n",
        &row("l1 tall", "sum_axis0_f32_avx2_u8_t1k_acc", "5.0"),
        "[threads.2.sum.f32.avx2]\n",
        "\"l3 tall\" = { crossover = \"never\", chunk = \"1 per thread\", margin = \"3.1%\", interval = \"2.7% to 3.5%\" }\n",
    ];
    carried(&rows.concat(), |old, carried, expanded| {
        assert_eq!((carried.rows, carried.merged.len(), carried.left_out.len()), (4, 0, 0));
        let text = carried.profile.to_text();
        for part in [
            "version = 2",
            "[kernels.mul_m_s.f32.avx2]\n\"l2 square\" = { kernel = \"mul_m_s_map_f32_avx2_u8\"",
            "[kernels.mul_m_s.f32.avx2-inplace]\n\"l2 square\" = { kernel = \"mul_m_s_map_f32_avx2_u8_inplace\"",
            "[kernels.add_columns.f32.avx2-acc]\n\"l1 tall\" = { kernel = \"add_tree_f32_avx2_u8_t1k\"",
            "[threads.2.add_all.f32.avx2]\n",
            "carried over from version 1",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        // Each names a kernel by its identity of today, and can be read again.
        let again = parse(&text, "new.toml").expect("a profile of today's version");
        assert_eq!((again.kernels.len(), &again.cpu), (3, &old.cpu));
        for winner in again.kernels.values().flat_map(|rows| rows.values()) {
            let is_it = |name: &str| expanded.candidates.iter().find(|of| of.kernel.name == name);
            assert_eq!(is_it(&winner.kernel).expect("a kernel").kernel.identity(), winner.body);
        }
    });
}

/// Whoever won by more for sure stays, whichever comes first.
#[test]
fn operations_that_share_a_row_now_are_told() {
    for (sum, mean, stays) in [("5.0", "6.0", "add_runs_f32_avx2_u2"), ("7.0", "6.0", "add_runs_f32_avx2_u4")]
    {
        let rows = [
            "[kernels.mean.f32.avx2]\n",
            &row("l2 square", "mean_f32_avx2_u2_s2", mean),
            "[kernels.sum.f32.avx2]\n",
            &row("l2 square", "sum_f32_avx2_u4_s2", sum),
        ];
        carried(&rows.concat(), |_, carried, _| {
            let [line] = &carried.merged[..] else { panic!("{:?}", carried.merged) };
            assert!(line.starts_with("kernels.sum.f32.avx2 \"l2 square\""), "{line}");
            assert!(line.contains(stays), "{line}");
            let text = carried.profile.to_text();
            assert!(text.contains(stays) && text.matches("kernel = ").count() == 1, "{text}");
        });
    }
}

#[test]
fn what_cannot_be_carried_is_told_with_the_reason() {
    let rows = [
        "[kernels.scale.f32.avx2]\n",
        &row("512x512", "scale_f32_avx2_u4_512x512", "5.0"),
        &row("l1 tall", "scale_f32_avx2_u6", "5.0"),
        "[kernels.softmax.f32.avx2]\n",
        &row("l1 tall", "softmax_f32_avx2_u4", "5.0"),
    ];
    carried(&rows.concat(), |_, carried, _| {
        assert_eq!((carried.rows, carried.merged.len()), (3, 0));
        let reasons = ["was for one shape", "no such variant", "no such operation"];
        assert_eq!(carried.left_out.len(), reasons.len(), "{:?}", carried.left_out);
        for (line, reason) in carried.left_out.iter().zip(reasons) {
            assert!(line.contains(reason), "{reason} in {line}");
        }
        assert!(!carried.profile.to_text().contains("kernel = "));
    });
}
