//! The example `standardize`: good files of each kind, and what it says of bad ones.

#[path = "../examples/standardize/main.rs"]
#[expect(dead_code, reason = "the example's `main`, which the tests go round")]
mod standardize;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Exit code, standard output and standard error of a run.
fn run(arguments: &[&Path]) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = arguments.iter().map(|argument| OsString::from(*argument));
    let code = standardize::run(arguments, &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// A file with that content. Tests run at once, so each takes a name of its own.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("standardize");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path
}

/// A `.npy` file of version 1.0.
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    npy_of(&format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"), data)
}

/// The same, with any header.
fn npy_of(header: &str, data: &[u8]) -> Vec<u8> {
    let padded = (header.len() + 11).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(padded).unwrap().to_le_bytes());
    bytes.extend(format!("{header:<0$}\n", padded - 1).bytes());
    bytes.extend(data);
    bytes
}

fn little_endian(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The run of a good file: its output, of lines that fit a terminal.
#[track_caller]
fn good(name: &str, content: &[u8]) -> String {
    let (code, out, err) = run(&[&file(name, content)]);
    assert_eq!((code, err.as_str()), (0, ""), "{name}");
    for line in out.lines().skip(1) {
        assert!(line.chars().count() <= 80, "{line}");
        assert_eq!(line.trim_end(), line);
    }
    out
}

/// Bad content leads to one line that names the file and says `what`, and to nothing else.
#[track_caller]
fn bad(name: &str, content: &[u8], what: &str) {
    let path = file(name, content);
    assert_error(&path, &format!("error: {}: {what}\n", path.display()));
}

#[track_caller]
fn assert_error(path: &Path, message: &str) {
    assert_eq!(run(&[path]), (1, String::new(), message.to_owned()));
}

/// Mean and standard deviation before, then after, as printed in the row of a column.
#[track_caller]
fn moments<'a>(out: &'a str, column: &str) -> [&'a str; 4] {
    let row = out.lines().find_map(|line| line.strip_prefix(column)?.strip_prefix(' ')).unwrap();
    row.split_whitespace().collect::<Vec<_>>().try_into().unwrap()
}

/// The line about a column that is special.
#[track_caller]
fn remark<'a>(out: &'a str, column: &str) -> &'a str {
    out.lines().find_map(|line| line.strip_prefix(column)?.strip_prefix(": ")).unwrap()
}

#[test]
fn shipped_files() {
    let (code, out, err) = run(&[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    assert!(out.contains("seattle-weather.npy\n  1461 rows x 4 columns, f64, C order\n"), "{out}");
    assert!(out.contains("seattle-weather.csv\n  1461 rows x 4 columns, f64, text\n"), "{out}");
    assert!(out.contains("both files hold the same values, bit for bit\n"), "{out}");
    // What NumPy gives for the mean and the standard deviation of the columns.
    for (column, mean, std) in [
        ("precipitation", "3.0294", "6.6779"),
        ("temp_max", "16.4391", "7.3472"),
        ("temp_min", "8.2348", "5.0213"),
        ("wind", "3.2411", "1.4373"),
    ] {
        let [before_mean, before_std, after_mean, after_std] = moments(&out, column);
        assert_eq!((before_mean, before_std, after_std), (mean, std, "1.0000"), "{column}");
        assert!(after_mean.parse::<f64>().unwrap().abs() < 1e-13, "{column}: {after_mean}");
    }
}

/// So many rows that an `f32` sum, taken row after row, no longer sees how far the values lie from a power of two.
#[test]
fn a_tall_table_of_f32_is_standardized_too() {
    const ROWS: u32 = 1_500_000;
    let mut state = 1_u32;
    let mut uniform = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        257.0 + 6.0 * f32::from((state >> 16) as u16) / 65_536.0
    };
    let values: Vec<f32> = (0..2 * ROWS).map(|_| uniform()).collect();
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let out = good("tall.npy", &npy("'<f4'", false, &format!("({ROWS}, 2)"), &data));
    for (column, name) in ["column 1", "column 2"].iter().enumerate() {
        let values = || values.iter().skip(column).step_by(2).map(|value| f64::from(*value));
        let mean = values().sum::<f64>() / f64::from(ROWS);
        let std = (values().map(|value| (value - mean).powi(2)).sum::<f64>() / f64::from(ROWS)).sqrt();
        let [before_mean, before_std, after_mean, after_std] =
            moments(&out, name).map(|it| it.parse::<f64>().unwrap());
        assert!((before_mean - mean).abs() < 1e-3 && (before_std - std).abs() < 1e-3, "{out}");
        assert!(after_mean.abs() < 1e-4 && (after_std - 1.0).abs() < 1e-3, "{out}");
    }
    assert!(!out.contains("are off"), "{out}");
}

#[test]
fn help() {
    for flag in ["--help", "-h"] {
        let (code, out, err) = run(&[Path::new(flag)]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.contains("usage: standardize [FILE]"));
    }
}

#[test]
fn command_line() {
    assert_error(Path::new("--fast"), "error: unknown option --fast; see --help\n");
    let (code, out, err) = run(&[Path::new("a.csv"), Path::new("b.csv")]);
    assert_eq!((code, out.as_str(), err.as_str()), (1, "", "error: at most one file; see --help\n"));
}

#[test]
fn npy_in_either_order_and_byte_order() {
    let c = good("c.npy", &npy("'<f8'", false, "(3, 2)", &little_endian(&[1.0, 10.0, 2.0, 30.0, 3.0, 20.0])));
    assert!(c.contains("  3 rows x 2 columns, f64, C order\n"), "{c}");
    assert_eq!(moments(&c, "column 1"), ["2.0000", "0.8165", "0.0000", "1.0000"]);
    assert_eq!(moments(&c, "column 2"), ["20.0000", "8.1650", "0.0000", "1.0000"]);

    let data = little_endian(&[1.0, 2.0, 3.0, 10.0, 30.0, 20.0]);
    let fortran = good("fortran.npy", &npy("'<f8'", true, "(3, 2)", &data));
    assert!(
        fortran.contains("  3 rows x 2 columns, f64, Fortran order (converted to C order)\n"),
        "{fortran}"
    );

    let data: Vec<u8> = [1.0_f64, 10.0, 2.0, 30.0, 3.0, 20.0].iter().flat_map(|v| v.to_be_bytes()).collect();
    let big = good("big.npy", &npy("'>f8'", false, "(3, 2)", &data));

    let after_source = |out: &str| out.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(after_source(&c), after_source(&fortran));
    assert_eq!(after_source(&c), after_source(&big));
}

#[test]
fn npy_of_f32_stays_f32() {
    let data: Vec<u8> = [0.1_f32, 0.2, 0.4].iter().flat_map(|value| value.to_le_bytes()).collect();
    let out = good("f32.npy", &npy("'<f4'", false, "(3, 1)", &data));
    assert!(out.contains("  3 rows x 1 columns, f32, C order\n"), "{out}");
    let [mean, std, _, after] = moments(&out, "column 1");
    assert_eq!((mean, std, after), ("0.2333", "0.1247", "1.0000"));
}

#[test]
fn npy_that_is_cut_off() {
    let whole = npy("'<f8'", false, "(3, 2)", &[0; 48]);
    let data = whole.len() - 48;
    bad(
        "cut-data.npy",
        &whole[..data + 20],
        "the file is truncated: 3 rows x 2 columns of f64 are 48 bytes, it has 20",
    );
    for length in [3, 7, 9, 40, data - 1] {
        let name = format!("cut-at-{length}.npy");
        bad(&name, &whole[..length], "the .npy header is cut off");
    }
    bad(
        "long.npy",
        &[&whole[..], b"more"].concat(),
        "the file goes on after its data: 3 rows x 2 columns of f64 are 48 bytes, it has 52",
    );
}

#[test]
fn npy_with_a_bad_header() {
    bad("magic.npy", b"PK\x03\x04 a zip archive", "not a .npy file: it does not begin with \\x93NUMPY");
    let mut version = npy("'<f8'", false, "(3, 2)", &[0; 48]);
    version[6] = 9;
    bad("version.npy", &version, "the .npy header is damaged: unknown version number: 9.0");
    let damaged = "the .npy header is damaged: it is not a Python dictionary";
    bad("no-dictionary.npy", &npy_of("{'descr': <f8", &[]), damaged);
    let deep = "the .npy header is damaged: its brackets are nested too deep";
    bad("deep.npy", &npy_of(&"[".repeat(40), &[]), deep);
    bad(
        "deep-after-line.npy",
        &npy_of(&format!("    \n{}", "[".repeat(40)), &[]),
        "the .npy header is cut off",
    );
    // Sizes that no file has must not be allocated.
    bad(
        "huge.npy",
        &npy("'<f8'", false, "(1000000000, 1000000)", &[0; 48]),
        "the file is truncated: 1000000000 rows x 1000000 columns of f64 are 8000000000000000 bytes, it has 48",
    );
    bad(
        "overflow.npy",
        &npy("'<f8'", false, "(4294967296, 4294967296)", &[]),
        "the .npy header promises 4294967296 rows x 4294967296 columns of f64, more than can be addressed",
    );
}

#[test]
fn npy_of_another_dtype() {
    for (name, descr) in [("i4", "'<i4'"), ("f2", "'<f2'"), ("bool", "'|b1'"), ("object", "'|O'")] {
        bad(
            &format!("{name}.npy"),
            &npy(descr, false, "(3, 2)", &[0; 24]),
            &format!(
                "dtype {descr} is not supported, only float32 ('<f4', '>f4') and float64 ('<f8', '>f8'): \
                 convert with x.astype('f8')"
            ),
        );
    }
    let record = file("record.npy", &npy("[('a', '<f8'), ('b', '<f8')]", false, "(3,)", &[0; 48]));
    let (code, _, err) = run(&[&record]);
    assert_eq!(code, 1);
    assert!(err.contains("dtype [('a', '<f8'), ('b', '<f8')] is not supported"), "{err}");
}

#[test]
fn npy_of_other_dimensions() {
    let other = |shape| npy("'<f8'", false, shape, &[0; 48]);
    let expected = "expected a 2-D array, rows and columns, got";
    bad(
        "1d.npy",
        &other("(6,)"),
        &format!("{expected} 1-D of shape (6); x.reshape(-1, 1) makes it one column"),
    );
    bad(
        "3d.npy",
        &other("(1, 2, 3)"),
        &format!("{expected} 3-D of shape (1, 2, 3); x.reshape(len(x), -1) keeps its first axis as rows"),
    );
    bad("0d.npy", &other("()"), &format!("{expected} 0-D of shape ()"));
    bad("no-rows.npy", &other("(0, 3)"), "the table has 0 rows: a mean needs at least one");
    bad("no-columns.npy", &other("(3, 0)"), "the table has 0 columns");
}

#[test]
fn csv_with_and_without_names() {
    let named = good("named.csv", b"height, weight\n1, 10\n2, 30\n3, 20\n");
    assert!(named.contains("  3 rows x 2 columns, f64, text\n"), "{named}");
    assert_eq!(moments(&named, "height"), ["2.0000", "0.8165", "0.0000", "1.0000"]);
    assert_eq!(moments(&named, "weight"), ["20.0000", "8.1650", "0.0000", "1.0000"]);
    let bare = good("bare.csv", b"1,10\n2,30\n3,20");
    assert_eq!(moments(&bare, "column 1"), ["2.0000", "0.8165", "0.0000", "1.0000"]);
    let marked = good("marked.csv", b"\xef\xbb\xbf1,10\r\n2,30\r\n\r\n3,20\r\n");
    assert_eq!(moments(&marked, "column 2"), ["20.0000", "8.1650", "0.0000", "1.0000"]);
}

#[test]
fn csv_cell_that_is_no_number() {
    bad("word.csv", b"a,b\n1,2\n3,four\n", "line 3, column 2: \"four\" is not a number");
    bad("crlf.csv", b"a,b\r\n1,2\r\n\r\n3,four\r\n", "line 4, column 2: \"four\" is not a number");
    bad("gap.csv", b"a,b\n1,2\n\n,4\n", "line 4, column 1: the cell is empty");
    bad("first.csv", b"1,b\n1,2\n", "line 1, column 2: \"b\" is not a number");
    bad(
        "long.csv",
        format!("a\n{}\n", "x".repeat(1000)).as_bytes(),
        "line 2, column 1: \"xxxxxxxxxxxxxxxxxxxxxxxx\"… is not a number",
    );
}

#[test]
fn csv_of_another_form() {
    bad("ragged.csv", b"a,b\n1,2\n3\n", "line 3: expected 2 cells, as in the first row, got 1");
    bad("ragged-crlf.csv", b"a,b\r\n1,2,3\r\n", "line 2: expected 2 cells, as in the first row, got 3");
    bad("names-only.csv", b"a,b\n", "the table has 0 rows: a mean needs at least one");
    bad("blank.csv", b"\n\n\n", "the file has no line with cells");
    let path = file("latin.csv", b"a,b\n1,2\n1,\xb5\n");
    let (code, _, err) = run(&[&path]);
    assert_eq!(code, 1);
    assert!(err.contains(": line 3: not UTF-8 text: ") && err.lines().count() == 1, "{err}");
}

#[test]
fn files_that_are_not_there_or_not_tables() {
    bad("empty.npy", b"", "the file is empty");
    bad("empty.csv", b"", "the file is empty");
    bad("table.txt", b"1,2\n", "expected a file that ends in .npy or .csv");
    let missing = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-such-file.npy");
    let (code, out, err) = run(&[&missing]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with(&format!("error: {}: cannot be read: ", missing.display())), "{err}");
    assert_eq!(err.lines().count(), 1);
}

#[test]
fn columns_that_cannot_be_scaled() {
    // The sum of three times 0.1 is not 0.3: the mean misses the values, and what is left must not be blown up.
    let out = good("special.csv", b"constant,gappy,unbounded,plain\n0.1,1,1,1\n0.1,nan,inf,2\n0.1,3,3,3\n");
    assert_eq!(moments(&out, "constant"), ["0.1000", "0.0000", "0.0000", "0.0000"]);
    assert_eq!(remark(&out, "constant"), "all values are equal (std 0): set to 0");
    assert_eq!(moments(&out, "gappy"), ["NaN"; 4]);
    assert_eq!(remark(&out, "gappy"), "1 NaN in the input: the whole column is NaN");
    assert_eq!(remark(&out, "unbounded"), "1 infinite in the input: the mean is no number");
    assert_eq!(moments(&out, "plain"), ["2.0000", "0.8165", "0.0000", "1.0000"]);

    let out = good("one-row.csv", b"5,6\n");
    assert_eq!(moments(&out, "column 2"), ["6.0000", "0.0000", "0.0000", "0.0000"]);

    // Squares too large, squares too small, a sum too large.
    let data: Vec<u8> =
        [1e30_f32, 1e-30, 3e38, -1e30, 2e-30, 3e38].iter().flat_map(|value| value.to_le_bytes()).collect();
    let out = good("range.npy", &npy("'<f4'", false, "(2, 3)", &data));
    for column in ["column 1", "column 2", "column 3"] {
        assert_eq!(remark(&out, column), "its sum or squares over- or underflow: not scaled");
    }
}

#[test]
fn tables_that_are_wide_or_have_odd_names() {
    let name = "a name that goes on and on\x1b[31m";
    let names: Vec<String> = (0..30).map(|column| format!("{column} {name}")).collect();
    let cells = vec!["7"; 30].join(",");
    let out = good("wide.csv", format!("{}\n{cells}\n{cells}\n", names.join(",")).as_bytes());
    assert!(out.contains("… and 10 more columns\n"), "{out}");
    assert!(out.contains("… and 10 more\n"), "{out}");
    assert!(!out.contains('\x1b'), "{out}");
}
