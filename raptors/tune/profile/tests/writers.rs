//! Several who write one profile.

use std::{sync::Barrier, thread};

use super::*;

const U8: &str = "mul_m_s_map_f32_avx2_u8";
const U4: &str = "mul_m_s_map_f32_avx2_u4";

#[test]
fn what_another_one_writes_meanwhile_stays() {
    let folder = Folder::new("meanwhile");
    let read = || ProfileFile::of(&folder.0, false, CACHES).unwrap();
    read()
        .with(&findings(vec![found("l1 tall", U8, Some(0.05)), found("l1 wide", U8, Some(0.05))]))
        .write()
        .unwrap();
    // Two runs begin, one of them for longer. Both look at all rows, and each finds something new about one.
    let (long, short) = (read(), read());
    let row = |row: &str, kernel, margin| Found { incumbent: U4, ..found(row, kernel, margin) };
    let same = || vec![row("l1 tall", U8, Some(0.05)), row("l2 square", U4, None), row("l2 tall", U4, None)];
    let mut of_short = same();
    of_short[1] = row("l2 square", U8, Some(0.04));
    short.with(&findings(of_short)).write().unwrap();
    // And somebody edits the file.
    let text = fs::read_to_string(long.path()).unwrap();
    let edited = text.replace("version = 2\n", "version = 2\nnote = \"mine\"\n");
    let edited: String =
        edited.lines().filter(|line| !line.contains("l1 wide")).collect::<Vec<_>>().join("\n");
    fs::write(long.path(), edited).unwrap();
    let mut of_long = same();
    of_long[2] = row("l2 tall", U8, Some(0.06));
    let written = long.with(&findings(of_long)).write().unwrap();

    let rows = |file: &ProfileFile| -> Vec<String> {
        file.profile.kernels.values().flat_map(BTreeMap::keys).map(ToString::to_string).collect()
    };
    assert_eq!(rows(&read()), ["l1 tall", "l2 square", "l2 tall"]);
    assert_eq!(read().profile.note.as_deref(), Some("mine"));
    assert!(read().same_rows(&written));
    // What a run takes away goes, whatever else has come.
    let (before, other) = (read(), read());
    other.with(&findings(vec![row("l3 tall", U8, Some(0.07))])).write().unwrap();
    before.with(&findings(vec![row("l2 tall", U4, None)])).write().unwrap();
    assert_eq!(rows(&read()), ["l1 tall", "l2 square", "l3 tall"]);
}

#[test]
fn of_many_who_write_at_once_none_is_lost() {
    const ROWS: [&str; 8] =
        ["l1 tall", "l1 wide", "l1 square", "l2 tall", "l2 wide", "l2 square", "l3 tall", "l3 wide"];
    for round in 0..20 {
        let folder = Folder::new(&format!("at-once-{round}"));
        let start = Barrier::new(ROWS.len());
        thread::scope(|scope| {
            for row in ROWS {
                let (folder, start) = (&folder, &start);
                scope.spawn(move || {
                    let file = ProfileFile::of(&folder.0, false, CACHES).unwrap();
                    let file = file.with(&findings(vec![found(row, U8, Some(0.05))]));
                    start.wait();
                    file.write().unwrap();
                });
            }
        });
        assert_eq!(ProfileFile::of(&folder.0, false, CACHES).unwrap().rows(), ROWS.len());
    }
}
