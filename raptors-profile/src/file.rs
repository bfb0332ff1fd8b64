//! Profiles as files: read with the place of what is wrong, written so that a difference is a line.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    error, fmt,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    ops::Range,
    path::Path,
    process,
    str::FromStr,
};

use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

use crate::{
    kind::Kind,
    model::{Bucket, Caches, Cut, Place, Profile, Table, Winner},
    word::{Bytes, Percent, Span},
};

/// The version of the format.
const VERSION: i64 = 2;
/// The one before, in which tables were those of operations.
const VERSION_1: i64 = 1;

/// What a profile begins with.
const HEAD: &str = "# Winners of the tournament on this CPU. Made by `cargo bench`; read by every build.\n";

/// Why a text is no profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub col: usize,
    /// The bytes that are meant.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.col, self.message)
    }
}

impl error::Error for Error {}

/// Reads a profile. `file` is what messages call it.
///
/// # Errors
/// The first thing that is wrong, and where.
pub fn parse(text: &str, file: &str) -> Result<Profile, Error> {
    parse_version(text, file, VERSION)
}

/// Reads a profile of version 1, in which a table is of an operation, a kernel is named after it, and `body` is a hash of
/// another kind: none of it can be followed before it was carried over.
///
/// # Errors
/// The first thing that is wrong, and where; another version is.
pub fn parse_version_1(text: &str, file: &str) -> Result<Profile, Error> {
    parse_version(text, file, VERSION_1)
}

fn parse_version(text: &str, file: &str, wanted: i64) -> Result<Profile, Error> {
    let wrong = |span: Range<usize>, message: &str| {
        let before = &text[..text.floor_char_boundary(span.start)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Error {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            col: before[line_start..].chars().count() + 1,
            span,
            message: message.to_owned(),
        }
    };
    // Asked first: the rest of another version may mean something else.
    let Head { version } =
        toml::from_str(text).map_err(|error| wrong(error.span().unwrap_or(0..0), error.message()))?;
    let found = *version.get_ref();
    if found != wanted {
        let how = if (found, wanted) == (VERSION_1, VERSION) {
            ": `raptors carry` makes it one of that version".to_owned()
        } else {
            String::new()
        };
        let message = format!("version {found} of profiles, where version {wanted} is read{how}");
        return Err(wrong(version.span(), &message));
    }
    let read: File =
        toml::from_str(text).map_err(|error| wrong(error.span().unwrap_or(0..0), error.message()))?;
    let File { version: _, cpu: Key(cpu), caches, rustc, date, note, kernels, threads } = read;
    let caches = Caches { l1: caches.l1.0, l2: caches.l2.0, l3: caches.l3.0 };
    let threads = threads.into_iter().map(|(Word(Count(count)), tables)| (count, flat(tables))).collect();
    Ok(Profile { cpu, caches, rustc, date, note, kernels: flat(kernels), threads })
}

/// Makes one map of the file's three levels of tables.
fn flat<P: Ord, R, V: From<R>>(tables: Tables<P, R>) -> BTreeMap<Table, BTreeMap<P, V>> {
    let mut all = BTreeMap::new();
    for (computation, dtypes) in tables {
        for (dtype, classes) in dtypes {
            for (Word(Class { isa, kind }), rows) in classes {
                let table = Table { computation: computation.0.clone(), dtype: dtype.0.clone(), isa, kind };
                all.insert(table, rows.into_iter().map(|(place, row)| (place.0, row.into())).collect());
            }
        }
    }
    all
}

impl Profile {
    /// The profile as a file has it. What [`parse`] makes of that is this profile again.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = HEAD.to_owned();
        let Caches { l1, l2, l3 } = self.caches;
        let head = [
            ("version", VERSION.to_string()),
            ("cpu", quoted(&self.cpu)),
            ("caches", format!(r#"{{ l1 = "{l1}", l2 = "{l2}", l3 = "{l3}" }}"#)),
            ("rustc", quoted(&self.rustc)),
            ("date", quoted(&self.date)),
        ];
        let note = self.note.iter().map(|note| ("note", quoted(note)));
        for (name, value) in head.into_iter().chain(note) {
            writeln!(text, "{name:<7} = {value}").expect("a String");
        }
        for (table, rows) in &self.kernels {
            let rows: Vec<Line> = rows.iter().map(|(place, row)| (place.to_string(), winner(row))).collect();
            section(&mut text, &format!("kernels.{table}"), &rows);
        }
        for (count, tables) in &self.threads {
            for (table, rows) in tables {
                let rows: Vec<Line> =
                    rows.iter().map(|(bucket, row)| (bucket.to_string(), cut(row))).collect();
                section(&mut text, &format!("threads.{count}.{table}"), &rows);
            }
        }
        text
    }

    /// With what changed from one profile to another. Rows that both say the same of stay as they are here, and so does the
    /// note; where rows change, the head is that of the later one.
    #[must_use]
    pub fn with_changes(&self, before: &Self, after: &Self) -> Self {
        let mut now = self.clone();
        tables(&mut now.kernels, &before.kernels, &after.kernels);
        let none = BTreeMap::new();
        for threads in keys(&before.threads, &after.threads) {
            let [before, after] =
                [before, after].map(|profile| profile.threads.get(threads).unwrap_or(&none));
            tables(now.threads.entry(*threads).or_default(), before, after);
        }
        now.threads.retain(|_, tables| !tables.is_empty());
        if now != *self {
            let Self { cpu, caches, rustc, date, .. } = after.clone();
            now = Self { cpu, caches, rustc, date, ..now };
        }
        now
    }

    /// Keeps others who ask for the same from that file, until what is handed back is dropped: who reads a profile, changes
    /// it and writes it leaves out what another one writes meanwhile. The lock is a hidden file beside, which stays.
    ///
    /// # Errors
    /// If the folder cannot be made or written to, or has no locks.
    pub fn lock(path: &Path) -> io::Result<fs::File> {
        let (folder, name) = parts(path)?;
        fs::create_dir_all(folder)?;
        let lock = fs::File::create(folder.join(format!(".{name}.lock")))?;
        lock.lock()?;
        Ok(lock)
    }

    /// Writes the profile, whole or not at all: into a file beside, which then takes the place of the old one.
    ///
    /// # Errors
    /// If the folder cannot be made or written to. The file that was there is then as it was.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let (folder, name) = parts(path)?;
        fs::create_dir_all(folder)?;
        let beside = folder.join(format!(".{name}.{}", process::id()));
        let written = fs::File::create(&beside).and_then(|mut file| {
            file.write_all(self.to_text().as_bytes())?;
            // On the disk before the name is: a crash leaves the old profile or the new one.
            file.sync_all()?;
            fs::rename(&beside, path)
        });
        if written.is_err() {
            fs::remove_file(&beside).ok();
        }
        written
    }
}

/// The folder of a file, and its name.
fn parts(path: &Path) -> io::Result<(&Path, Cow<'_, str>)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok((folder.unwrap_or(Path::new(".")), name.to_string_lossy()))
}

/// Those of either, each once.
fn keys<'a, K: Ord, V>(one: &'a BTreeMap<K, V>, other: &'a BTreeMap<K, V>) -> BTreeSet<&'a K> {
    one.keys().chain(other.keys()).collect()
}

type RowsOf<P, R> = BTreeMap<Table, BTreeMap<P, R>>;

/// Puts into the tables what changed from some to others.
fn tables<P: Clone + Ord, R: Clone + PartialEq>(
    now: &mut RowsOf<P, R>,
    before: &RowsOf<P, R>,
    after: &RowsOf<P, R>,
) {
    let none = BTreeMap::new();
    for table in keys(before, after) {
        let [before, after] = [before, after].map(|tables| tables.get(table).unwrap_or(&none));
        let rows = now.entry(table.clone()).or_default();
        for place in keys(before, after) {
            match after.get(place) {
                row if row == before.get(place) => {}
                Some(row) => drop(rows.insert(place.clone(), row.clone())),
                None => drop(rows.remove(place)),
            }
        }
    }
    now.retain(|_, rows| !rows.is_empty());
}

/// What a row is for, and its fields.
type Line = (String, Vec<(&'static str, String)>);

/// A table of the file; the fields of its rows stand below each other.
fn section(text: &mut String, name: &str, rows: &[Line]) {
    let Some((_, first)) = rows.first() else { return };
    writeln!(text, "\n[{name}]").expect("a String");
    let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let key = longest(&mut rows.iter().map(|(place, _)| place.chars().count())) + 2;
    let widths: Vec<_> = (0..first.len())
        .map(|field| longest(&mut rows.iter().map(|(_, fields)| fields[field].1.chars().count())) + 1)
        .collect();
    for (place, fields) in rows {
        write!(text, "{:<key$} = {{ ", format!("\"{place}\"")).expect("a String");
        for ((name, value), width) in fields.iter().zip(&widths).take(first.len() - 1) {
            write!(text, "{name} = {:<width$} ", format!("{value},")).expect("a String");
        }
        let (name, value) = &fields[first.len() - 1];
        writeln!(text, "{name} = {value} }}").expect("a String");
    }
}

fn winner(row: &Winner) -> Vec<(&'static str, String)> {
    vec![
        ("kernel", quoted(&row.kernel)),
        ("body", format!("\"{:016x}\"", row.body)),
        ("margin", format!("\"{}\"", row.margin)),
        ("interval", format!("\"{}\"", row.interval)),
    ]
}

fn cut(row: &Cut) -> Vec<(&'static str, String)> {
    let or =
        |bytes: Option<Bytes>, word: &str| bytes.map_or_else(|| word.to_owned(), |bytes| bytes.to_string());
    vec![
        ("crossover", format!("\"{}\"", or(row.crossover, NEVER))),
        ("chunk", format!("\"{}\"", or(row.chunk, PER_THREAD))),
        ("margin", format!("\"{}\"", row.margin)),
        ("interval", format!("\"{}\"", row.interval)),
    ]
}

/// A crossover that no call reaches.
const NEVER: &str = "never";
/// A chunk that gives each thread a piece.
const PER_THREAD: &str = "1 per thread";

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// What says how the file is to be read.
#[derive(Deserialize)]
struct Head {
    version: Spanned<i64>,
}

/// The file, as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "it was looked at before")]
    version: i64,
    cpu: Key,
    caches: FileCaches,
    rustc: String,
    date: String,
    note: Option<String>,
    #[serde(default)]
    kernels: Tables<Place, FileWinner>,
    #[serde(default)]
    threads: BTreeMap<Word<Count>, Tables<Bucket, FileCut>>,
}

/// What is computed, dtype, ISA with class, place.
type Tables<P, R> = BTreeMap<Name, BTreeMap<Name, BTreeMap<Word<Class>, BTreeMap<Word<P>, R>>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCaches {
    l1: Word<Bytes>,
    l2: Word<Bytes>,
    l3: Word<Bytes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileWinner {
    kernel: String,
    body: Word<Hash>,
    margin: Word<Percent>,
    interval: Word<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCut {
    crossover: Word<Crossover>,
    chunk: Word<Chunk>,
    margin: Word<Percent>,
    interval: Word<Span>,
}

impl From<FileWinner> for Winner {
    fn from(row: FileWinner) -> Self {
        let FileWinner { kernel, body: Word(Hash(body)), margin: Word(margin), interval: Word(interval) } =
            row;
        Self { kernel, body, margin, interval }
    }
}

impl From<FileCut> for Cut {
    fn from(row: FileCut) -> Self {
        let FileCut { crossover, chunk, margin: Word(margin), interval: Word(interval) } = row;
        Self { crossover: crossover.0.0, chunk: chunk.0.0, margin, interval }
    }
}

/// What a string means.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Word<T>(T);

impl<'de, T: FromStr<Err = String>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(from)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// A name of the processor: it is also that of the file.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let key = String::deserialize(from)?;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-+".contains(c);
        if key.is_empty() || !key.chars().all(fits) {
            return Err(de::Error::custom("a processor's name has small letters, digits, `-` and `+` alone"));
        }
        Ok(Self(key))
    }
}

/// The name of what is computed, or of a dtype.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        is_name(&name)
            .then_some(Self(name))
            .ok_or_else(|| de::Error::custom("no name of a computation or dtype"))
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// `avx2-inplace`: an ISA and which of its tables.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    isa: String,
    kind: Kind,
}

impl FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (isa, kind) = match text.find('-') {
            None => (text, Some(Kind::Plain)),
            Some(at) => {
                let suffix = &text[at..];
                (&text[..at], Kind::ALL.into_iter().find(|kind| kind.suffix() == suffix))
            }
        };
        kind.filter(|_| is_name(isa)).map(|kind| Self { isa: isa.to_owned(), kind }).ok_or_else(|| {
            format!("`{text}` is no ISA, followed by nothing, `-inplace`, `-acc`, `-any` or `-any-inplace`")
        })
    }
}

/// A number of threads.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Count(usize);

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = text.parse().ok().filter(|count: &usize| *count > 0 && count.to_string() == text);
        count.map(Self).ok_or_else(|| format!("`{text}` is no number of threads"))
    }
}

/// The hash of a body: sixteen hexadecimal digits.
struct Hash(u64);

impl FromStr for Hash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_hash = text.len() == 16 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        let hash = u64::from_str_radix(text, 16).ok().filter(|_| is_hash);
        hash.map(Self).ok_or_else(|| format!("`{text}` is no hash of sixteen hexadecimal digits"))
    }
}

struct Crossover(Option<Bytes>);

impl FromStr for Crossover {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == NEVER { Ok(Self(None)) } else { text.parse().map(|bytes| Self(Some(bytes))) }
    }
}

struct Chunk(Option<Bytes>);

impl FromStr for Chunk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            PER_THREAD => Ok(Self(None)),
            _ => match text.parse()? {
                Bytes(0) => Err("a piece has at least one byte".to_owned()),
                bytes => Ok(Self(Some(bytes))),
            },
        }
    }
}
