//! Settings: where they come from, which values they accept, and whether they fit together.
//!
//! Each concern has a module with its settings, their help and their check. `Settings` has the values as they are set;
//! `Config` is checked. An error names the setting and the reason in one line, and never repeats a value that may be a
//! secret. Nothing here opens a connection or changes a file.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::accounts::AccountPolicy;
use crate::event_log::EventConfig;
use crate::limits::LimitPolicy;
use crate::phone::{PhonePrefixes, PhoneRegions};
use crate::redis::KeyPrefix;
use crate::sessions::SessionPolicy;
use crate::tokens::TokenPolicy;
use crate::users::Avatars;
use crate::verification::{CheckingPolicy, IssuingPolicy};

mod arguments;
mod avatars;
mod callbacks;
mod captcha;
mod codes;
mod connections;
mod database;
mod documents;
mod events;
mod file;
mod guard;
mod http;
mod limits;
mod listen;
mod logs;
mod network;
mod phones;
mod redis;
mod reference;
mod routes;
mod sessions;
mod settings;
mod sign_up;
mod sms;
mod source;
mod table;
mod tencent;
mod test_numbers;
mod tokens;
mod values;

pub use avatars::AvatarSettings;
pub use callbacks::CallbackSettings;
pub use captcha::{CaptchaAppTypeSetting, CaptchaConfig, CaptchaModeSetting, CaptchaSettings, OnOutageSetting};
pub use codes::CodeSettings;
pub use connections::ConnectionSettings;
pub use database::{DatabaseConfig, DatabaseSettings};
pub use documents::{DocumentSettings, TrustedDocumentsConfig};
pub use events::EventSettings;
pub use guard::{GuardModeSetting, GuardSettings};
pub use http::{CorsConfig, HttpSettings, PlaygroundConfig};
pub use limits::{DayOffset, LimitSettings};
pub use listen::ListenSettings;
pub use logs::{LogFormat, LogSettings};
pub use network::NetworkSettings;
pub use phones::{PhoneSettings, Regions};
pub(crate) use redis::FORMS as REDIS_URL_FORMS;
pub use redis::RedisSettings;
pub use reference::markdown;
pub use routes::{ProviderConfig, RouteConfig};
pub use sessions::SessionSettings;
pub use settings::Settings;
pub use sign_up::{SignUpSetting, SignUpSettings};
pub use sms::{SmsConfig, SmsProvider, SmsSettings};
pub use source::{EffectiveSetting, Origins, ParseOutcome, SecretFile, Source, parse};
pub use table::Table;
pub use tencent::TencentSettings;
pub use test_numbers::{NumbersWithCodes, TestNumberSettings, Until};
pub use tokens::{JwtAlgorithmSetting, SigningConfig, TokenSettings};
pub use values::Secret;

/// A setting that is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {reason}")]
pub struct ConfigError {
    setting: String,
    reason: String,
}

impl ConfigError {
    /// Creates the error of a setting that is refused for this reason.
    #[must_use]
    pub fn new(setting: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { setting: setting.into(), reason: reason.to_string() }
    }
}

/// Settings that fit together.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address to listen on.
    pub listen_addr: SocketAddr,
    /// The URL at which clients reach the server, if it is set.
    pub public_url: Option<String>,
    /// The address that serves metrics, if any.
    pub metrics_addr: Option<SocketAddr>,
    /// The database to use.
    pub database: DatabaseConfig,
    /// The URL of the database's read replica, if any.
    pub database_read_url: Option<Secret>,
    /// Whether `serve` migrates a MySQL database.
    pub auto_migrate: bool,
    /// How long security events are kept, and where they are delivered.
    pub events: EventConfig,
    /// The URLs of Redis; empty if codes and limits are kept in memory.
    pub redis_urls: Vec<Secret>,
    /// The prefix of every key in Redis.
    pub redis_key_prefix: KeyPrefix,
    /// The senders of SMS.
    pub sms: SmsConfig,
    /// The secret in the URL that receives Tencent's receipts.
    pub callback_secret: Option<Secret>,
    /// Which requests need a captcha, and how it is verified.
    pub captcha: CaptchaConfig,
    /// The key that signs tokens.
    pub signing: SigningConfig,
    /// Older public keys, in PEM.
    pub verifying_keys: Option<String>,
    /// The secret of stored codes; derived from the signing key if it is not set.
    pub code_secret: Option<Secret>,
    /// How tokens are issued.
    pub tokens: TokenPolicy,
    /// How codes are issued.
    pub issuing: IssuingPolicy,
    /// How codes are checked.
    pub checking: CheckingPolicy,
    /// The regions that phone numbers are read in and codes are sent to.
    pub phone_regions: PhoneRegions,
    /// The limits over all phones.
    pub limits: LimitPolicy,
    /// The kinds of numbers whose traffic the guard does not count.
    pub trusted_prefixes: PhonePrefixes,
    /// How long sessions live.
    pub sessions: SessionPolicy,
    /// How accounts are protected.
    pub accounts: AccountPolicy,
    /// The proxies that are trusted to report the client's address.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// The header in which they report it.
    pub client_address_header: String,
    /// How many client connections may be open.
    pub connections: ConnectionSettings,
    /// Which pages of other origins may call the server.
    pub cors: CorsConfig,
    /// Whether clients can query the schema.
    pub introspection: bool,
    /// The operations that clients can name by their ids.
    pub trusted_documents: Option<TrustedDocumentsConfig>,
    /// What `/` serves.
    pub playground: PlaygroundConfig,
    /// How long open requests may take to finish at shutdown.
    pub shutdown_grace: Duration,
    /// The files that contain the values of secrets.
    pub secret_files: Vec<SecretFile>,
}

impl TryFrom<Settings> for Config {
    type Error = ConfigError;

    fn try_from(mut settings: Settings) -> Result<Self, ConfigError> {
        let origins = std::mem::take(&mut settings.origins);
        let config = check(settings, &origins.routes).map_err(|error| origins.located(error))?;
        Ok(Self { secret_files: origins.secret_files, ..config })
    }
}

fn check(settings: Settings, routes: &[Table]) -> Result<Config, ConfigError> {
    let database = settings.database.config()?;
    let sms = settings.sms.config(&settings.tencent, &settings.phones.allowed_regions, routes)?;
    // Clients of an embedded server are most likely its developers.
    let is_embedded = !database.is_mysql() && settings.redis.redis_url.is_empty();
    check_console_sms(&settings, &sms)?;
    let redis_urls = settings.redis.urls()?;
    check_lan(&settings, is_embedded, &sms)?;
    check_page(&settings)?;
    settings.codes.check_secret()?;
    settings.callbacks.check()?;
    settings.limits.check(&sms)?;

    let (issuing, sessions) = (issuing(&settings, &sms)?, sessions(&settings)?);
    Ok(Config {
        captcha: settings.captcha.config(settings.guard.guard_mode, &settings.tencent)?,
        signing: settings.tokens.signing(&database, &settings.database.data_dir)?,
        verifying_keys: settings.tokens.verifying_keys(),
        tokens: settings.tokens.policy(settings.listen.public_url.as_deref())?,
        accounts: settings.sessions.account_policy(issuing.test_numbers.clone(), sessions.avatars.clone()),
        issuing,
        checking: CheckingPolicy {
            max_attempts: settings.codes.code_max_attempts,
            failures: settings.limits.failures(),
        },
        phone_regions: settings.phones.regions(),
        limits: settings.limits.policy(settings.guard.policy()),
        trusted_prefixes: settings.guard.guard_allowed_prefixes.clone().unwrap_or_default(),
        sessions,
        playground: playground(&settings, is_embedded, &sms),
        introspection: settings.http.introspection.unwrap_or(is_embedded && !settings.documents.trusted_documents_only),
        trusted_documents: settings.documents.config()?,
        listen_addr: settings.listen.address(),
        public_url: settings.listen.public_url.clone(),
        metrics_addr: settings.listen.metrics_addr,
        shutdown_grace: settings.listen.shutdown_grace,
        database_read_url: settings.database.read_url(&database)?,
        auto_migrate: settings.database.auto_migrate,
        events: settings.events.config()?,
        redis_urls,
        redis_key_prefix: settings.redis.redis_key_prefix,
        code_secret: settings.codes.code_secret,
        callback_secret: settings.callbacks.callback_secret,
        trusted_proxies: settings.network.trusted_proxies,
        client_address_header: settings.network.client_address_header,
        connections: settings.connections,
        cors: CorsConfig {
            // With LAN, the server listens on every address, for a trial on this machine and a phone.
            loopback: is_embedded && settings.listen.listen_addr.ip().is_loopback(),
            origins: settings.http.cors_origins,
            cookies: settings.http.cookies,
        },
        secret_files: Vec::new(),
        database,
        sms,
    })
}

/// Refuses to print codes while the server listens on an address that is not loopback: strangers could use it by accident.
fn check_console_sms(settings: &Settings, sms: &SmsConfig) -> Result<(), ConfigError> {
    let is_meant = settings.listen.listen_addr.ip().is_loopback() || settings.listen.lan;
    if is_meant || settings.sms.allow_console_sms || !sms.prints() {
        return Ok(());
    }
    let reason = "printing codes to the terminal is for loopback only: set up an SMS provider, \
                  listen on 127.0.0.1, or set ALLOW_CONSOLE_SMS=true";
    Err(ConfigError::new("LISTEN_ADDR", reason))
}

/// Refuses to share the inbox of a server that is more than a trial.
fn check_lan(settings: &Settings, is_embedded: bool, sms: &SmsConfig) -> Result<(), ConfigError> {
    let is_trial = is_embedded && !sms.sends_to_phones() && settings.http.playground != Some(false);
    if is_trial || !settings.listen.lan {
        return Ok(());
    }
    let reason =
        "for trying the page on a phone: only with SQLite, without Redis, with printed messages and with the page";
    Err(ConfigError::new("LAN", reason))
}

/// Refuses a page whose operations would not run.
fn check_page(settings: &Settings) -> Result<(), ConfigError> {
    if settings.documents.trusted_documents_only && settings.http.playground == Some(true) {
        let reason = "the operations of the page are not in TRUSTED_DOCUMENTS: set TRUSTED_DOCUMENTS_ONLY=false";
        return Err(ConfigError::new("PLAYGROUND", reason));
    }
    Ok(())
}

fn issuing(settings: &Settings, sms: &SmsConfig) -> Result<IssuingPolicy, ConfigError> {
    let (phones, limits) = (&settings.phones, &settings.limits);
    let test_numbers = settings.test_numbers.numbers(&phones.allowed_regions, limits.day_offset, sms)?;
    Ok(IssuingPolicy {
        code_ttl: settings.codes.checked_ttl()?,
        cooldown: limits.send_cooldown,
        daily_limit: limits.send_daily_limit,
        daily_limit_per_address: limits.send_daily_limit_per_address,
        day_offset: limits.day_offset.0,
        failures: limits.failures(),
        test_numbers,
    })
}

fn sessions(settings: &Settings) -> Result<SessionPolicy, ConfigError> {
    let avatars = avatars::or_default(settings.new_users.avatars.clone(), &settings.listen.public_url())?;
    Ok(settings.sessions.policy(Avatars(avatars), settings.sign_up.sign_up.into()))
}

/// Returns what `/` serves. Everybody who can open the inbox can read codes, so it is for loopback, or behind a token.
fn playground(settings: &Settings, is_embedded: bool, sms: &SmsConfig) -> PlaygroundConfig {
    let is_printed_here = !sms.sends_to_phones() && settings.listen.address().ip().is_loopback();
    match settings.http.playground.unwrap_or(is_embedded && !settings.documents.trusted_documents_only) {
        false => PlaygroundConfig::Off,
        true if settings.listen.lan => PlaygroundConfig::PageWithLanInbox,
        true if is_embedded && is_printed_here => PlaygroundConfig::PageWithInbox,
        true => PlaygroundConfig::Page,
    }
}
