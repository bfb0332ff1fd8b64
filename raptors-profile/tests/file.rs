//! Profiles as files: what is written is read again, what is wrong is told with its place.
#![cfg(feature = "file")]

use std::{collections::BTreeMap, fs};

use proptest::{collection::btree_map, option, prelude::*, sample::select};
use raptors_profile::{
    Aspect, Bucket, Bytes, Caches, Cut, Kind, Percent, Place, Profile, Size, Span, Table, Winner, parse,
};

const TEXT: &str = r#"# Winners of the tournament on this CPU. Made by `cargo bench`; read by every build.
version = 2
cpu     = "amd-zen4"
caches  = { l1 = "32 KiB", l2 = "1 MiB", l3 = "32 MiB" }
rustc   = "1.95.0"
date    = "2026-11-25"

[kernels.mul_m_s.f32.avx2]
"2048x2048" = { kernel = "mul_m_s_map_f32_avx2_u2_nt", body = "002e3d4c5b6a7988", margin = "12.0%", interval = "11.7% to 12.5%" }
"l2 square" = { kernel = "mul_m_s_map_f32_avx2_u8", body = "1f2e3d4c5b6a7988", margin = "3.1%", interval = "2.7% to 3.5%" }
"512x512" = { kernel = "mul_m_s_map_f32_avx2_u8", body = "1f2e3d4c5b6a7988", margin = "3.1%", interval = "2.7% to 3.5%" }

[kernels.add_columns.f64.avx2-acc]
"memory wide" = { kernel = "add_tree_f64_avx2_u8_t4k", body = "1f2e3d4c5b6a7988", margin = "3.1%", interval = "2.7% to 3.5%" }

[threads.2.mul_m_s.f32.avx2]
"l3 tall"       = { crossover = "never", chunk = "1 per thread", margin = "3.1%", interval = "2.7% to 3.5%" }
"memory square" = { crossover = "1 MiB", chunk = "256 KiB",      margin = "3.1%", interval = "-0.1% to 3.5%" }
"#;

/// The same as it is written: tables by name, rows in the order of places, what stands below each other in columns.
const WRITTEN: &str = r#"# Winners of the tournament on this CPU. Made by `cargo bench`; read by every build.
version = 2
cpu     = "amd-zen4"
caches  = { l1 = "32 KiB", l2 = "1 MiB", l3 = "32 MiB" }
rustc   = "1.95.0"
date    = "2026-11-25"

[kernels.add_columns.f64.avx2-acc]
"memory wide" = { kernel = "add_tree_f64_avx2_u8_t4k", body = "1f2e3d4c5b6a7988", margin = "3.1%", interval = "2.7% to 3.5%" }

[kernels.mul_m_s.f32.avx2]
"512x512"   = { kernel = "mul_m_s_map_f32_avx2_u8",    body = "1f2e3d4c5b6a7988", margin = "3.1%",  interval = "2.7% to 3.5%" }
"2048x2048" = { kernel = "mul_m_s_map_f32_avx2_u2_nt", body = "002e3d4c5b6a7988", margin = "12.0%", interval = "11.7% to 12.5%" }
"l2 square" = { kernel = "mul_m_s_map_f32_avx2_u8",    body = "1f2e3d4c5b6a7988", margin = "3.1%",  interval = "2.7% to 3.5%" }

[threads.2.mul_m_s.f32.avx2]
"l3 tall"       = { crossover = "never", chunk = "1 per thread", margin = "3.1%", interval = "2.7% to 3.5%" }
"memory square" = { crossover = "1 MiB", chunk = "256 KiB",      margin = "3.1%", interval = "-0.1% to 3.5%" }
"#;

fn table(kind: Kind) -> Table {
    Table { computation: "mul_m_s".into(), dtype: "f32".into(), isa: "avx2".into(), kind }
}

#[test]
fn a_profile_is_read() {
    let profile = parse(TEXT, "amd-zen4.toml").expect("a profile");
    assert_eq!(profile.cpu, "amd-zen4");
    assert_eq!(profile.caches.l2, Bytes(1 << 20));
    let rows = &profile.kernels[&table(Kind::Plain)];
    let row = &rows[&Place::Shape(512, 512)];
    assert_eq!((row.kernel.as_str(), row.body), ("mul_m_s_map_f32_avx2_u8", 0x1f2e_3d4c_5b6a_7988));
    assert_eq!(
        rows.keys().next_back(),
        Some(&Place::Bucket(Bucket { size: Size::L2, aspect: Aspect::Square }))
    );
    let cuts = &profile.threads[&2][&table(Kind::Plain)];
    let never = cuts[&Bucket { size: Size::L3, aspect: Aspect::Tall }];
    assert_eq!((never.crossover, never.chunk), (None, None));
}

#[test]
fn a_profile_is_written_sorted_and_aligned() {
    let profile = parse(TEXT, "amd-zen4.toml").expect("a profile");
    let text = profile.to_text();
    assert_eq!(text, WRITTEN);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (from, to, place, message) in [
        ("version = 2", "version = 1", "2:11", "`raptors carry`"),
        ("version = 2", "version = 3", "2:11", "version 3 of profiles"),
        ("\"amd-zen4\"", "\"AMD Zen 4\"", "3:11", "small letters"),
        ("\"1 MiB\", l3", "\"1 MB\", l3", "4:33", "`1 MB` is no number of bytes"),
        ("date ", "data ", "6:1", "unknown field"),
        ("f32.avx2]\n\"2048", "f32.avx2-fast]\n\"2048", "8:22", "`avx2-fast` is no ISA"),
        ("\"512x512\" ", "\"512×512\" ", "11:1", "neither a shape"),
        ("l2 square", "l4 square", "10:1", "no bucket"),
        ("\"002e3d4c5b6a7988\"", "\"2e3d4c5b6a7988\"", "9:63", "no hash"),
        ("\"12.0%\"", "\"12%\"", "9:92", "no number of per cent"),
        ("\"11.7% to 12.5%\"", "\"11.7%-12.5%\"", "9:112", "no interval"),
        ("body = \"002e3d4c5b6a7988\", ", "", "9:15", "missing field `body`"),
        ("threads.2", "threads.two", "16:10", "no number of threads"),
        ("\"256 KiB\"", "\"0 B\"", "18:50", "at least one byte"),
    ] {
        assert!(TEXT.contains(from), "{from}");
        let error = parse(&TEXT.replacen(from, to, 1), "my.toml").expect_err(to);
        assert!(error.to_string().starts_with(&format!("my.toml:{place}: ")), "{error}\nfor {to}");
        assert!(error.message.contains(message), "{error}\nfor {to}");
    }
}

#[test]
fn a_text_that_was_cut_off_is_no_profile_or_has_fewer_rows() {
    let whole = parse(TEXT, "my.toml").expect("a profile");
    for end in 0..TEXT.len() {
        if let Ok(profile) = parse(&TEXT[..end], "my.toml") {
            let count = |of: &Profile| of.kernels.values().map(BTreeMap::len).sum::<usize>();
            assert!(count(&profile) <= count(&whole));
            assert_eq!(profile.caches, whole.caches);
        }
    }
}

#[test]
fn a_shape_has_the_class_that_its_bytes_have_in_these_caches() {
    let caches = Caches { l1: Bytes(32 << 10), l2: Bytes(1 << 20), l3: Bytes(32 << 20) };
    for (bytes, size) in [
        (0, Size::L1),
        (32 << 10, Size::L1),
        ((32 << 10) + 1, Size::L2),
        (1 << 20, Size::L2),
        ((32 << 20) / 3 * 2, Size::L3),
        ((32 << 20) / 3 * 2 + 1, Size::Memory),
    ] {
        assert_eq!(caches.size(bytes, raptors_profile::USUAL_THIRD), size, "{bytes}");
    }
}

#[test]
fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
    let folder = std::env::temp_dir().join(format!("raptors-profile-{}", std::process::id()));
    let path = folder.join("deeper").join("amd-zen4.toml");
    let mut profile = parse(TEXT, "my.toml").expect("a profile");
    profile.write(&path).expect("a folder that can be written to");
    profile.date = "2026-11-26".into();
    profile.write(&path).expect("a file that can be replaced");
    let text = fs::read_to_string(&path).expect("it was written");
    assert_eq!(parse(&text, "my.toml").as_ref(), Ok(&profile));
    let names: Vec<_> = fs::read_dir(folder.join("deeper")).expect("a folder").collect();
    assert_eq!(names.len(), 1, "{names:?}");
    // Where the name is taken by a folder, an error, and again nothing beside.
    fs::create_dir(folder.join("taken.toml")).expect("a folder");
    fs::write(folder.join("taken.toml/inside"), "").expect("a file");
    profile.write(&folder.join("taken.toml")).expect_err("a folder is in the way");
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 2);
    fs::remove_dir_all(&folder).expect("it was made here");
}

fn percent() -> impl Strategy<Value = Percent> {
    (-99_999..99_999).prop_map(|tenths| Percent { tenths })
}

fn span() -> impl Strategy<Value = Span> {
    (percent(), percent()).prop_map(|(a, b)| Span { low: a.min(b), high: a.max(b) })
}

fn bucket() -> impl Strategy<Value = Bucket> {
    (select(&Size::ALL[..]), select(&Aspect::ALL[..])).prop_map(|(size, aspect)| Bucket { size, aspect })
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        (1..99_999_usize, 1..99_usize).prop_map(|(rows, cols)| Place::Shape(rows, cols)),
        bucket().prop_map(Place::Bucket)
    ]
}

fn tables() -> impl Strategy<Value = Table> {
    ("[a-z][a-z0-9_]{0,8}", select(&["f32", "f64"][..]), "[a-z][a-z0-9]{0,5}", select(&Kind::ALL[..]))
        .prop_map(|(computation, dtype, isa, kind)| Table { computation, dtype: dtype.into(), isa, kind })
}

fn winner() -> impl Strategy<Value = Winner> {
    (".{0,12}", any::<u64>(), percent(), span()).prop_map(|(kernel, body, margin, interval)| Winner {
        kernel,
        body,
        margin,
        interval,
    })
}

fn cut() -> impl Strategy<Value = Cut> {
    (option::of(0..usize::MAX), option::of(1..usize::MAX), percent(), span()).prop_map(
        |(crossover, chunk, margin, interval)| Cut {
            crossover: crossover.map(Bytes),
            chunk: chunk.map(Bytes),
            margin,
            interval,
        },
    )
}

fn profile() -> impl Strategy<Value = Profile> {
    let caches = [0..usize::MAX, 0..usize::MAX, 0..usize::MAX].prop_map(|[l1, l2, l3]| Caches {
        l1: Bytes(l1),
        l2: Bytes(l2),
        l3: Bytes(l3),
    });
    let kernels = btree_map(tables(), btree_map(place(), winner(), 1..4), 0..4);
    let threads = btree_map(1..99_usize, btree_map(tables(), btree_map(bucket(), cut(), 1..4), 1..3), 0..3);
    ("[a-z0-9+-]{1,9}", caches, ".{0,9}", ".{0,9}", option::of(".{0,9}"), kernels, threads).prop_map(
        |(cpu, caches, rustc, date, note, kernels, threads)| Profile {
            cpu,
            caches,
            rustc,
            date,
            note,
            kernels,
            threads,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(profile in profile()) {
        let text = profile.to_text();
        let read = parse(&text, "my.toml");
        prop_assert_eq!(read.as_ref(), Ok(&profile), "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(at in 0..TEXT.len(), instead in ".{0,3}") {
        let mut text = TEXT.to_owned();
        if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
            text.replace_range(at..=at, &instead);
        }
        parse(&text, "my.toml").ok();
    }
}
