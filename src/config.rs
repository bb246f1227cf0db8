//! Settings: where they come from, what they may be, and whether they fit together.
//!
//! `Settings` is what was said; `Config` is what it comes to, checked across fields. A refusal names the setting and
//! gives the reason in one line, and never repeats a value that may be a secret.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::limits::{GuardMode, GuardPolicy, LimitPolicy};
use crate::outbound::Timeouts;
use crate::phone::PhoneRegions;
use crate::redis::KeyPrefix;
use crate::sessions::SessionPolicy;
use crate::sms::tencent::{TemplateParam, Templates, TencentSmsConfig};
use crate::tencent::tc3::Credentials;
use crate::tokens::TokenPolicy;
use crate::verification::store::FailureLimits;
use crate::verification::test_numbers::TestNumbers;
use crate::verification::{CheckingPolicy, IssuingPolicy};

mod avatars;
mod captcha;
mod connections;
mod network;
mod settings;
mod source;
mod test_numbers;
mod values;

pub use captcha::CaptchaConfig;
pub use connections::ConnectionSettings;
pub use settings::{GuardModeSetting, LogFormat, Settings, SmsProvider};
pub use source::{ParseOutcome, SecretFile, parse};
pub use test_numbers::{NumbersWithCodes, Until};
pub use values::Secret;

const MAX_CODE_TTL: Duration = Duration::from_mins(10);
const DEFAULT_TENCENT_REGION: &str = "ap-guangzhou";
const DEFAULT_TENCENT_ENDPOINT: &str = "https://sms.tencentcloudapi.com";
const DATABASE_FILE: &str = "sms-login.db";
const SIGNING_KEY_FILE: &str = "signing-key.pem";

/// A setting that is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {reason}")]
pub struct ConfigError {
    setting: String,
    reason: String,
}

impl ConfigError {
    /// A refusal of `setting`.
    #[must_use]
    pub fn new(setting: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { setting: setting.into(), reason: reason.to_string() }
    }
}

/// Which database.
#[derive(Debug, Clone)]
pub enum DatabaseConfig {
    /// An SQLite file of our own.
    File(PathBuf),
    /// An address.
    Url(Secret),
}

impl DatabaseConfig {
    /// Whether it is MySQL, which several servers can share.
    #[must_use]
    pub fn is_mysql(&self) -> bool {
        match self {
            Self::File(_) => false,
            Self::Url(url) => url.expose().starts_with("mysql:"),
        }
    }
}

/// Who sends.
#[derive(Debug, Clone)]
pub enum SmsConfig {
    /// Nobody: messages are printed.
    Console,
    /// Tencent Cloud.
    Tencent(Box<TencentSmsConfig>),
}

impl SmsConfig {
    /// Whether messages are sent to phones. Otherwise they are only printed to the terminal of this machine.
    pub(crate) fn leaves_this_machine(&self) -> bool {
        match self {
            Self::Console => false,
            Self::Tencent(_) => true,
        }
    }
}

/// Where the signing key comes from.
#[derive(Debug, Clone)]
pub enum SigningConfig {
    /// An Ed25519 key in PEM.
    Ed25519(Secret),
    /// A shared secret, for HS256.
    Hs256(Secret),
    /// An Ed25519 key in this file, made where it is missing.
    File(PathBuf),
}

/// What `/` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaygroundConfig {
    /// Nothing.
    Off,
    /// The playground.
    Page,
    /// The playground, which also shows the messages that the console sender prints.
    PageWithInbox,
}

/// Settings that fit together.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen_addr: SocketAddr,
    /// Where metrics are served, where they are.
    pub metrics_addr: Option<SocketAddr>,
    /// Which database.
    pub database: DatabaseConfig,
    /// Whether `serve` migrates a MySQL database.
    pub auto_migrate: bool,
    /// The addresses of Redis; none for codes in process.
    pub redis_urls: Vec<Secret>,
    /// What every key in Redis begins with.
    pub redis_key_prefix: KeyPrefix,
    /// Who sends.
    pub sms: SmsConfig,
    /// Who has to solve a captcha, and who verifies it.
    pub captcha: CaptchaConfig,
    /// The signing key.
    pub signing: SigningConfig,
    /// Older public keys, in PEM.
    pub verifying_keys: Option<String>,
    /// The secret of codes; derived from the signing key where it is not set.
    pub code_secret: Option<Secret>,
    /// How tokens are made out.
    pub tokens: TokenPolicy,
    /// How codes are issued.
    pub issuing: IssuingPolicy,
    /// How codes are checked.
    pub checking: CheckingPolicy,
    /// The regions that phone numbers are read in and codes are sent to.
    pub phone_regions: PhoneRegions,
    /// How much is allowed over phones.
    pub limits: LimitPolicy,
    /// How sessions are kept.
    pub sessions: SessionPolicy,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// How many client connections may be open.
    pub connections: ConnectionSettings,
    /// The origins whose pages may call; `*` is any.
    pub cors_origins: Vec<String>,
    /// Whether the schema can be asked for.
    pub introspection: bool,
    /// What `/` is.
    pub playground: PlaygroundConfig,
    /// How long requests in flight have to finish at shutdown.
    pub shutdown_grace: Duration,
    /// The files that settings were read from.
    pub secret_files: Vec<SecretFile>,
}

impl TryFrom<Settings> for Config {
    type Error = ConfigError;

    fn try_from(settings: Settings) -> Result<Self, ConfigError> {
        let database = database(&settings)?;
        let embedded = !database.is_mysql() && settings.redis_url.is_empty();
        let sms = sms(&settings)?;
        if !sms.leaves_this_machine() && !settings.listen_addr.ip().is_loopback() && !settings.allow_console_sms {
            let reason = "printing codes to the terminal is for loopback only: set up Tencent Cloud SMS, \
                          listen on 127.0.0.1, or set ALLOW_CONSOLE_SMS=true";
            return Err(ConfigError::new("LISTEN_ADDR", reason));
        }
        for url in &settings.redis_url {
            if !["redis://", "rediss://"].iter().any(|scheme| url.expose().starts_with(scheme)) {
                return Err(ConfigError::new("REDIS_URL", "not of the form redis://host:6379 or rediss://host:6379"));
            }
        }
        if let Some(secret) = &settings.code_secret
            && secret.expose().len() < crate::tokens::keys::MIN_SECRET_BYTES
        {
            return Err(ConfigError::new("CODE_SECRET", "shorter than 32 bytes"));
        }
        let playground = playground(&settings, embedded, &sms);
        let test_numbers = test_numbers::read(&settings, &sms)?;
        Ok(Self {
            listen_addr: settings.listen_addr,
            metrics_addr: settings.metrics_addr,
            auto_migrate: settings.auto_migrate,
            sms,
            captcha: captcha::read(&settings)?,
            signing: signing(&settings, &database)?,
            database,
            verifying_keys: settings.jwt_verifying_keys.as_deref().map(values::pem),
            code_secret: settings.code_secret.clone(),
            tokens: tokens(&settings)?,
            issuing: issuing(&settings, test_numbers)?,
            checking: CheckingPolicy { max_attempts: settings.code_max_attempts, failures: failures(&settings) },
            phone_regions: PhoneRegions {
                default: settings.default_region,
                allowed: settings.allowed_regions.0.clone(),
            },
            limits: limits(&settings),
            sessions: SessionPolicy {
                refresh_ttl: settings.refresh_token_ttl,
                refresh_grace: settings.refresh_grace,
                max_age: settings.session_max_age,
                avatars: avatars::or_own(settings.avatars)?,
            },
            trusted_proxies: settings.trusted_proxies,
            connections: settings.connections,
            cors_origins: settings.cors_origins,
            introspection: settings.introspection.unwrap_or(embedded),
            playground,
            shutdown_grace: settings.shutdown_grace,
            secret_files: settings.secret_files,
            redis_urls: settings.redis_url,
            redis_key_prefix: settings.redis_key_prefix,
        })
    }
}

fn database(settings: &Settings) -> Result<DatabaseConfig, ConfigError> {
    let Some(url) = &settings.database_url else {
        return Ok(DatabaseConfig::File(settings.data_dir.join(DATABASE_FILE)));
    };
    if !["mysql://", "sqlite:"].iter().any(|scheme| url.expose().starts_with(scheme)) {
        let reason = "not of the form mysql://user:password@host:3306/database or sqlite://path";
        return Err(ConfigError::new("DATABASE_URL", reason));
    }
    Ok(DatabaseConfig::Url(url.clone()))
}

fn signing(settings: &Settings, database: &DatabaseConfig) -> Result<SigningConfig, ConfigError> {
    match (&settings.jwt_signing_key, &settings.jwt_secret) {
        (Some(_), Some(_)) => Err(ConfigError::new("JWT_SECRET", "set JWT_SIGNING_KEY or JWT_SECRET, not both")),
        (Some(key), None) => Ok(SigningConfig::Ed25519(values::pem(key.expose()).into())),
        (None, Some(secret)) => Ok(SigningConfig::Hs256(secret.clone())),
        (None, None) if database.is_mysql() => {
            let reason = "needed with MySQL, the same on every server: `sms-login keygen` prints one";
            Err(ConfigError::new("JWT_SIGNING_KEY", reason))
        }
        (None, None) => Ok(SigningConfig::File(settings.data_dir.join(SIGNING_KEY_FILE))),
    }
}

fn playground(settings: &Settings, embedded: bool, sms: &SmsConfig) -> PlaygroundConfig {
    let is_printed_here = !sms.leaves_this_machine() && settings.listen_addr.ip().is_loopback();
    match settings.playground.unwrap_or(embedded) {
        false => PlaygroundConfig::Off,
        true if embedded && is_printed_here => PlaygroundConfig::PageWithInbox,
        true => PlaygroundConfig::Page,
    }
}

fn tokens(settings: &Settings) -> Result<TokenPolicy, ConfigError> {
    if settings.jwt_audience == settings.proof_audience {
        let reason = "the same as JWT_AUDIENCE: a proof would pass for an access token";
        return Err(ConfigError::new("PROOF_AUDIENCE", reason));
    }
    Ok(TokenPolicy {
        issuer: settings.jwt_issuer.clone(),
        audience: settings.jwt_audience.clone(),
        proof_audience: settings.proof_audience.clone(),
        profile_claims: settings.jwt_profile_claims,
        access_ttl: settings.access_token_ttl,
    })
}

fn issuing(settings: &Settings, test_numbers: TestNumbers) -> Result<IssuingPolicy, ConfigError> {
    if settings.code_ttl > MAX_CODE_TTL {
        return Err(ConfigError::new("CODE_TTL", "longer than 10m (NIST SP 800-63B)"));
    }
    Ok(IssuingPolicy {
        code_ttl: settings.code_ttl,
        cooldown: settings.send_cooldown,
        daily_limit: settings.send_daily_limit,
        day_offset: settings.day_offset.0,
        failures: failures(settings),
        test_numbers,
    })
}

const fn failures(settings: &Settings) -> FailureLimits {
    FailureLimits { by_address: settings.attempts_before_wait, in_all: settings.attempts_before_wait_total }
}

fn limits(settings: &Settings) -> LimitPolicy {
    LimitPolicy {
        ip_hourly: settings.send_ip_hourly_limit,
        ip_daily: settings.send_ip_daily_limit,
        ip_attempts: settings.attempt_ip_hourly_limit,
        total_daily: settings.send_total_daily_limit,
        guard: GuardPolicy {
            mode: match settings.guard_mode {
                GuardModeSetting::Off => GuardMode::Off,
                GuardModeSetting::Record => GuardMode::Record,
                GuardModeSetting::Challenge => GuardMode::Challenge,
                GuardModeSetting::Deny => GuardMode::Deny,
            },
            daily_ratio: settings.guard_daily_ratio,
            hourly_ratio: settings.guard_hourly_ratio,
            daily_floor: settings.guard_daily_floor,
            hourly_floor: settings.guard_hourly_floor,
            regions_per_address: settings.guard_regions_per_address,
        },
    }
}

fn sms(settings: &Settings) -> Result<SmsConfig, ConfigError> {
    let tencent = &settings.tencent;
    let Some(secret_id) = &tencent.secret_id else {
        if settings.sms_provider == Some(SmsProvider::Tencent) {
            return Err(ConfigError::new("TENCENTCLOUD_SECRET_ID", "needed with SMS_PROVIDER=tencent"));
        }
        return match tencent.any_set() {
            Some(name) => Err(ConfigError::new(name, "set, but TENCENTCLOUD_SECRET_ID is not")),
            None => Ok(SmsConfig::Console),
        };
    };
    if settings.sms_provider == Some(SmsProvider::Console) {
        return Ok(SmsConfig::Console);
    }
    let need = |name: &str| ConfigError::new(name, "needed, since TENCENTCLOUD_SECRET_ID is set");
    let secret_key = tencent.secret_key.as_ref().ok_or_else(|| need("TENCENTCLOUD_SECRET_KEY"))?;
    let sends_to_mainland = settings.allowed_regions.has("CN");
    if sends_to_mainland && tencent.sign_name.is_none() {
        return Err(ConfigError::new("TENCENT_SMS_SIGN_NAME", "needed for numbers in mainland China"));
    }
    Ok(SmsConfig::Tencent(Box::new(TencentSmsConfig {
        credentials: Credentials::new(secret_id.expose(), secret_key.expose()),
        region: tencent.region.clone().unwrap_or_else(|| DEFAULT_TENCENT_REGION.to_owned()),
        sdk_app_id: tencent.sdk_app_id.clone().ok_or_else(|| need("TENCENT_SMS_SDK_APP_ID"))?,
        sign_name: tencent.sign_name.clone(),
        templates: Templates {
            login: tencent.template_id.clone().ok_or_else(|| need("TENCENT_SMS_TEMPLATE_ID"))?,
            change_phone: tencent.template_id_change_phone.clone(),
            delete_account: tencent.template_id_delete_account.clone(),
            verify: tencent.template_id_verify.clone(),
        },
        template_params: if tencent.template_params.is_empty() {
            vec![TemplateParam::Code, TemplateParam::Minutes]
        } else {
            tencent.template_params.clone()
        },
        endpoint: match &tencent.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => {
                Url::parse(DEFAULT_TENCENT_ENDPOINT).map_err(|error| ConfigError::new("TENCENT_SMS_ENDPOINT", error))?
            }
        },
        timeouts: Timeouts::default(),
    })))
}
