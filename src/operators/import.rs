//! Importing users from a file, in batches: memory is bounded, and a user whose phone has an account already is skipped.
//!
//! So an import that was interrupted continues if it is repeated with the same file.

use std::io::{self, BufRead, Read};

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
const MAX_LINE: u64 = 64 * 1024;
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
    /// The store failed. The batches before this one are stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a line was rejected. It does not repeat the line, which has personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The line does not have the form of the file.
    #[error("not a user in the expected form")]
    Form,
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
        let created_at = row.created_at.unwrap_or_else(|| self.clock.now());
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

type Rows<'a> = Box<dyn Iterator<Item = io::Result<Result<Row, Rejected>>> + 'a>;

/// Returns the rows of a file. A file whose first byte is a brace has JSON.
fn rows<'a>(mut file: impl BufRead + 'a, format: Format) -> io::Result<Rows<'a>> {
    let is_json = file.fill_buf()?.first() == Some(&b'{');
    Ok(match format {
        Format::JsonLines => Box::new(lines(file).map(|line| Ok(json(&line?).and_then(Row::of_json)))),
        Format::SmsLoginDemo if is_json => Box::new(lines(file).map(|line| Ok(json(&line?).and_then(Row::of_demo)))),
        Format::SmsLoginDemo => {
            let reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
            Box::new(reader.into_deserialize::<DemoUser>().map(|row| match row {
                Ok(row) => Ok(Row::of_demo(row)),
                Err(error) if error.is_io_error() => Err(error.into()),
                Err(_) => Ok(Err(Rejected::Form)),
            }))
        }
    })
}

/// Returns the lines of a file. A line that is too long is returned in parts, which are no users.
fn lines(mut file: impl BufRead) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        match file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => Some(Ok(line)),
            Err(error) => Some(Err(error)),
        }
    })
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
        let created_at = time.map(Timestamp::from_millisecond).transpose().map_err(|_| Rejected::Form)?;
        Ok(Self { phone, name: user.name, avatar: user.avatar, created_at })
    }
}
