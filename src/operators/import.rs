//! Importing users from a file, in batches: memory is bounded, and a user whose phone has an account already is skipped.
//!
//! So an import that was interrupted continues if it is repeated with the same file.

use std::io::{self, BufRead, Read};

use csv::ByteRecord;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Operators;
use crate::phone::{PhoneNumber, Region};
use crate::random;
use crate::store::StoreError;
use crate::users::{NewUser, checked_avatar, checked_name};

/// The number of users that one transaction stores.
const BATCH: usize = 500;
/// A longer line is no user.
const MAX_LINE: usize = 64 * 1024;
/// 2000-01-01. An earlier sign-up is a mistake in the file, such as seconds that are read as milliseconds.
const EARLIEST_SIGN_UP: Timestamp = Timestamp::constant(946_684_800, 0);
/// The region of the national numbers that the table of Tencent's smsLogin demo has.
const DEMO_REGION: &str = "CN";

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line: `phone`, and optionally `name`, `avatar` and `created_at`.
    JsonLines,
    /// The table `info` of Tencent's smsLogin demo: `phone`, `name`, `avatar`, and `time` in milliseconds since 1970, as a JSON
    /// object a line, or as CSV whose first line names the columns. Other columns, such as `userId`, are ignored.
    SmsLoginDemo,
}

/// What an import needs from the settings.
pub struct Source<'a> {
    /// The form of the file.
    pub format: Format,
    /// The region in which a number without a country code is read.
    pub default_region: Region,
    /// Returns an avatar for a user without a valid one.
    pub avatar: &'a dyn Fn() -> String,
}

/// The numbers of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Users that were stored.
    pub added: usize,
    /// Users whose phone has an account already.
    pub skipped: usize,
    /// Lines that are not a user.
    pub rejected: usize,
}

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Read(#[from] io::Error),
    /// A line of CSV makes it uncertain where users begin and end. The text of a user could be read as users.
    #[error("line {line} of the file: {why}. The lines after it are not imported")]
    Csv {
        /// The number of the line.
        line: usize,
        /// What is wrong.
        why: BadCsv,
    },
    /// The store failed. The batches before this one are stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the rest of a file of CSV cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCsv {
    /// A quote has no partner in its line.
    #[error("a quote is not closed, and a user must be on one line")]
    OpenQuote,
    /// A quote or the end of the line has a backslash before it.
    #[error(
        "a backslash before a quote or the end of the line: CSV has two quotes for a quote, and a user must be on one line"
    )]
    Backslash,
    /// A carriage return is in the middle of a line.
    #[error("a carriage return in the middle of the line")]
    CarriageReturn,
    /// The line is too long.
    #[error("the line is longer than 64 KiB")]
    TooLong,
}

/// Why a line was rejected. It does not repeat the line, which has personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The line does not have the form of the file.
    #[error("not a user in the expected form")]
    Form,
    /// The line is longer than 64 KiB.
    #[error("the line is longer than 64 KiB")]
    TooLong,
    /// The time of sign-up is before 2000 or in the future.
    #[error("the time of sign-up is before 2000 or in the future")]
    Time,
    /// The phone is not one of a mobile phone.
    #[error("the phone is not the number of a mobile phone")]
    Phone,
    /// The name is too long, invisible, or has control characters.
    #[error("the name is malformed")]
    Name,
}

/// A line of JSON.
#[derive(Deserialize)]
struct JsonUser {
    phone: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    avatar: Option<String>,
    #[serde(default)]
    created_at: Option<String>,
}

/// A row of the demo's table.
#[derive(Deserialize)]
struct DemoUser {
    phone: Scalar,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    avatar: Option<String>,
    #[serde(default)]
    time: Option<Scalar>,
}

/// A value that some exports write as a number and some as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Number(i64),
    Text(String),
}

impl Operators {
    /// Imports users, and calls `report` for each rejected line with its number, and `progress` after each batch.
    ///
    /// # Errors
    /// If the file cannot be read or the store fails. The batches before that are stored.
    pub async fn import(
        &self,
        file: impl BufRead,
        source: &Source<'_>,
        mut report: impl FnMut(usize, Rejected),
        mut progress: impl FnMut(Imported),
    ) -> Result<Imported, ImportError> {
        let mut done = Imported::default();
        let mut batch = Vec::with_capacity(BATCH);
        for (number, row) in (1..).zip(rows(file, source.format)?) {
            match row?.and_then(|row| self.new_user(row, source)) {
                Ok(user) => batch.push(user),
                Err(rejected) => {
                    done.rejected += 1;
                    report(number, rejected);
                }
            }
            if batch.len() == BATCH {
                self.store(&mut batch, &mut done).await?;
                progress(done);
            }
        }
        self.store(&mut batch, &mut done).await?;
        Ok(done)
    }

    async fn store(&self, batch: &mut Vec<NewUser>, done: &mut Imported) -> Result<(), StoreError> {
        let added = self.users.add_users(batch, &self.actor, self.clock.now()).await?;
        done.added += added;
        done.skipped += batch.len() - added;
        batch.clear();
        Ok(())
    }

    fn new_user(&self, row: Row, source: &Source<'_>) -> Result<NewUser, Rejected> {
        let region = match source.format {
            Format::JsonLines => source.default_region,
            Format::SmsLoginDemo => DEMO_REGION.parse().unwrap_or(source.default_region),
        };
        let phone = PhoneNumber::parse(&row.phone, region).map_err(|_| Rejected::Phone)?;
        let name = row.name.filter(|name| !name.is_empty());
        let name = name.map(|name| checked_name(&name).ok_or(Rejected::Name)).transpose()?.unwrap_or_default();
        let avatar = row.avatar.as_deref().and_then(checked_avatar).unwrap_or_else(|| (source.avatar)());
        let now = self.clock.now();
        let created_at = row.created_at.unwrap_or(now);
        if created_at < EARLIEST_SIGN_UP || created_at > now {
            return Err(Rejected::Time);
        }
        Ok(NewUser { id: random::id(created_at), phone, name, avatar, created_at })
    }
}

/// A user as a file has them.
struct Row {
    phone: String,
    name: Option<String>,
    avatar: Option<String>,
    created_at: Option<Timestamp>,
}

type Rows<'a> = Box<dyn Iterator<Item = Result<Result<Row, Rejected>, ImportError>> + 'a>;

/// Returns the rows of a file. A file whose first byte is a brace has JSON.
fn rows<'a>(mut file: impl BufRead + 'a, format: Format) -> Result<Rows<'a>, ImportError> {
    let is_json = file.fill_buf()?.first() == Some(&b'{');
    let of_json = match format {
        Format::JsonLines => |line: &[u8]| json(line).and_then(Row::of_json),
        Format::SmsLoginDemo => |line: &[u8]| json(line).and_then(Row::of_demo),
    };
    let lines = lines(file);
    Ok(match format {
        Format::SmsLoginDemo if !is_json => Box::new(demo_rows(lines)?),
        Format::SmsLoginDemo | Format::JsonLines => Box::new(lines.map(move |line| match line? {
            Line::Whole(line) => Ok(of_json(&line)),
            Line::TooLong => Ok(Err(Rejected::TooLong)),
        })),
    })
}

/// Returns the rows of CSV, whose first line names the columns. Each line is read for itself, so that a stray quote cannot join
/// lines. Empty lines are skipped.
fn demo_rows(
    lines: impl Iterator<Item = io::Result<Line>>,
) -> Result<impl Iterator<Item = Result<Result<Row, Rejected>, ImportError>>, ImportError> {
    let mut records = lines.zip(1..).map(|(line, number)| match line? {
        Line::Whole(line) => record(&line).map_err(|why| ImportError::Csv { line: number, why }),
        Line::TooLong => Err(ImportError::Csv { line: number, why: BadCsv::TooLong }),
    });
    let columns = records.next().transpose()?.flatten().unwrap_or_default();
    Ok(records.filter_map(Result::transpose).map(move |record| {
        let user: Result<DemoUser, _> = record?.deserialize(Some(&columns));
        Ok(user.map_err(|_| Rejected::Form).and_then(Row::of_demo))
    }))
}

/// Returns the record of a line of CSV, or `None` if the line is empty.
fn record(line: &[u8]) -> Result<Option<ByteRecord>, BadCsv> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let has = |bytes: &[u8; 2]| line.windows(2).any(|window| window == bytes);
    if has(b"\\\"") || line.ends_with(b"\\") {
        return Err(BadCsv::Backslash);
    }
    if line.iter().fold(false, |is_open, byte| is_open ^ (*byte == b'"')) {
        return Err(BadCsv::OpenQuote);
    }
    if line.contains(&b'\r') {
        return Err(BadCsv::CarriageReturn);
    }

    let mut record = ByteRecord::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).buffer_capacity(line.len() + 1).from_reader(line);
    // Reading from memory cannot fail.
    Ok(reader.read_byte_record(&mut record).unwrap_or(false).then_some(record))
}

/// A line of a file.
enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// Returns the lines of a file. The text of a line that is too long is dropped.
fn lines(mut file: impl BufRead) -> impl Iterator<Item = io::Result<Line>> {
    let mut next = move || {
        let mut line = Vec::new();
        let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        file.by_ref().take(limit).read_until(b'\n', &mut line)?;
        if line.len() < MAX_LINE || line.ends_with(b"\n") {
            return Ok((!line.is_empty()).then_some(Line::Whole(line)));
        }
        skip_line(&mut file)?;
        Ok(Some(Line::TooLong))
    };
    std::iter::from_fn(move || next().transpose())
}

/// Skips the rest of a line, in bounded memory.
fn skip_line(file: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = file.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (length, is_end) = (end.map_or(buffer.len(), |end| end + 1), end.is_some() || buffer.is_empty());
        file.consume(length);
        if is_end {
            return Ok(());
        }
    }
}

fn json<T: DeserializeOwned>(line: &[u8]) -> Result<T, Rejected> {
    serde_json::from_slice(line).map_err(|_| Rejected::Form)
}

impl Row {
    fn of_json(user: JsonUser) -> Result<Self, Rejected> {
        let JsonUser { phone, name, avatar, created_at } = user;
        let created_at = created_at.map(|at| at.parse().map_err(|_| Rejected::Form)).transpose()?;
        Ok(Self { phone, name, avatar, created_at })
    }

    fn of_demo(user: DemoUser) -> Result<Self, Rejected> {
        let phone = match user.phone {
            Scalar::Number(phone) => phone.to_string(),
            Scalar::Text(phone) => phone,
        };
        let time = match user.time {
            Some(Scalar::Number(time)) => Some(time),
            Some(Scalar::Text(time)) if !time.is_empty() => Some(time.parse().map_err(|_| Rejected::Form)?),
            Some(Scalar::Text(_)) | None => None,
        };
        let created_at = time.map(Timestamp::from_millisecond).transpose().map_err(|_| Rejected::Time)?;
        Ok(Self { phone, name: user.name, avatar: user.avatar, created_at })
    }
}
