//! Every setting, its default and its help.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use url::Url;

use super::connections::ConnectionSettings;
use super::network::{origin, range};
use super::source::SecretFile;
use super::test_numbers::{NumbersWithCodes, Until};
use super::values::{
    DayOffset, Regions, Secret, boolean, captcha_app_id, captcha_mode, duration, lifetime, on_outage, ratio,
    template_param,
};
use crate::captcha::{CaptchaMode, OnOutage};
use crate::phone::Region;
use crate::redis::KeyPrefix;
use crate::sms::tencent::TemplateParam;

/// Who sends the SMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SmsProvider {
    /// Tencent Cloud.
    Tencent,
    /// Nobody: the message is printed.
    Console,
}

/// What the pumping guard does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GuardModeSetting {
    /// Nothing.
    Off,
    /// Writes suspect sends to the log and counts them.
    Record,
    /// Asks for a captcha.
    Challenge,
    /// Refuses.
    Deny,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What was set, by flag or environment, else its default.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000", global = true)]
    pub listen_addr: SocketAddr,
    /// Where the embedded database and signing key are kept
    #[arg(long, value_name = "DIR", default_value = "./data", global = true)]
    pub data_dir: PathBuf,
    /// mysql://user:password@host:3306/database or sqlite://path [default: SQLite in DATA_DIR]
    #[arg(long, value_name = "URL", global = true)]
    pub database_url: Option<Secret>,
    /// Whether serve migrates a MySQL database by itself
    #[arg(long, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = boolean, action = clap::ArgAction::Set, global = true)]
    pub auto_migrate: bool,
    /// redis://host:6379 or rediss://…; several, comma-separated, are a cluster [default: in process]
    #[arg(long, value_name = "URL,…", value_delimiter = ',', global = true)]
    pub redis_url: Vec<Secret>,
    /// What every key in Redis begins with, so that several environments can share one Redis
    #[arg(long, value_name = "PREFIX", default_value_t, global = true)]
    pub redis_key_prefix: KeyPrefix,
    /// Who sends the SMS [default: tencent where TENCENTCLOUD_SECRET_ID is set, else console]
    #[arg(long, value_name = "PROVIDER", global = true)]
    pub sms_provider: Option<SmsProvider>,
    /// Whether codes may be printed while listening on an address that is not loopback
    #[arg(long, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = boolean, action = clap::ArgAction::Set, global = true)]
    pub allow_console_sms: bool,
    /// Tencent Cloud
    #[command(flatten)]
    pub tencent: TencentSettings,
    /// Captcha
    #[command(flatten)]
    pub captcha: CaptchaSettings,
    /// Ed25519 private key in PEM that signs tokens [default with SQLite: made in DATA_DIR]
    #[arg(long, value_name = "PEM", allow_hyphen_values = true, global = true)]
    pub jwt_signing_key: Option<Secret>,
    /// Shared secret of at least 32 bytes, for HS256 instead of EdDSA
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true, global = true)]
    pub jwt_secret: Option<Secret>,
    /// Older public keys whose tokens are still taken, PEM blocks one after another
    #[arg(long, value_name = "PEM", allow_hyphen_values = true, global = true)]
    pub jwt_verifying_keys: Option<String>,
    /// `iss` of every token
    #[arg(long, value_name = "NAME", default_value = "sms-login", global = true)]
    pub jwt_issuer: String,
    /// `aud` of access tokens
    #[arg(long, value_name = "NAME", default_value = "sms-login", global = true)]
    pub jwt_audience: String,
    /// `aud` of the proofs of verifyCode
    #[arg(long, value_name = "NAME", default_value = "sms-login-proof", global = true)]
    pub proof_audience: String,
    /// Whether access tokens carry phone_number, name and picture
    #[arg(long, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = boolean, action = clap::ArgAction::Set, global = true)]
    pub jwt_profile_claims: bool,
    /// How long an access token is good
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = lifetime, global = true)]
    pub access_token_ttl: Duration,
    /// How long a refresh token is good
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = lifetime, global = true)]
    pub refresh_token_ttl: Duration,
    /// How long after a refresh the token before it still gets its successor; 0 for not at all
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration, global = true)]
    pub refresh_grace: Duration,
    /// The longest life of a session, however often it is refreshed; 0 for no limit
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = duration, global = true)]
    pub session_max_age: Duration,
    /// Secret of codes, at least 32 bytes, the same on every server [default: derived from the signing key]
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true, global = true)]
    pub code_secret: Option<Secret>,
    /// How long a code is good, at most 10m
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = lifetime, global = true)]
    pub code_ttl: Duration,
    /// Wrong tries that a code bears; the last ends it
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=10), global = true)]
    pub code_max_attempts: u32,
    /// Time between two sends to one phone; 0 for none
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, global = true)]
    pub send_cooldown: Duration,
    /// Sends to one phone a day; 0 for no limit
    #[arg(long, value_name = "N", default_value = "10", global = true)]
    pub send_daily_limit: u32,
    /// Unverified sends of one client address in an hour; 0 for no limit
    #[arg(long, value_name = "N", default_value = "20", global = true)]
    pub send_ip_hourly_limit: u32,
    /// Unverified sends of one client address in a day; 0 for no limit
    #[arg(long, value_name = "N", default_value = "100", global = true)]
    pub send_ip_daily_limit: u32,
    /// Sends a day over all phones, the bill's ceiling; 0 for no limit
    #[arg(long, value_name = "N", default_value = "0", global = true)]
    pub send_total_daily_limit: u32,
    /// What becomes of sends that verified traffic does not explain
    #[arg(long, value_name = "MODE", default_value = "record", global = true)]
    pub guard_mode: GuardModeSetting,
    /// Unverified sends a day that verified ones allow, as a ratio
    #[arg(long, value_name = "RATIO", default_value = "0.3", value_parser = ratio, global = true)]
    pub guard_daily_ratio: f64,
    /// The same for an hour
    #[arg(long, value_name = "RATIO", default_value = "0.2", value_parser = ratio, global = true)]
    pub guard_hourly_ratio: f64,
    /// Unverified sends a day, to a region or a prefix, that are never suspect
    #[arg(long, value_name = "N", default_value = "20", global = true)]
    pub guard_daily_floor: u32,
    /// The same for an hour
    #[arg(long, value_name = "N", default_value = "5", global = true)]
    pub guard_hourly_floor: u32,
    /// Distinct regions a day that one client address may send to before it is suspect; 0 for any
    #[arg(long, value_name = "N", default_value = "3", global = true)]
    pub guard_regions_per_address: u32,
    /// Offset from UTC at which days begin
    #[arg(long, value_name = "OFFSET", default_value = "+08:00", allow_hyphen_values = true, global = true)]
    pub day_offset: DayOffset,
    /// Wrong codes from one client address in an hour; 0 for no limit
    #[arg(long, value_name = "N", default_value = "60", global = true)]
    pub attempt_ip_hourly_limit: u32,
    /// Consecutive wrong codes for a phone from one address that bring a wait; 0 for never
    #[arg(long, value_name = "N", default_value = "5", global = true)]
    pub attempts_before_wait: u32,
    /// The same over all addresses
    #[arg(long, value_name = "N", default_value = "50", global = true)]
    pub attempts_before_wait_total: u32,
    /// Region in which a national number is read
    #[arg(long, value_name = "REGION", default_value = "CN", global = true)]
    pub default_region: Region,
    /// Regions that codes are sent to, comma-separated, or *
    #[arg(long, value_name = "REGION,…", default_value = "CN", global = true)]
    pub allowed_regions: Regions,
    /// Numbers with a fixed code, to which nothing is sent, for app reviewers: +8613800000000=123456
    #[arg(long, value_name = "NUMBER=CODE,…", global = true)]
    pub test_numbers: Option<NumbersWithCodes>,
    /// Last day of the test numbers in DAY_OFFSET, or the instant at which they end; needed with Tencent Cloud SMS
    #[arg(long, value_name = "DATE", global = true)]
    pub test_numbers_until: Option<Until>,
    /// Whether / is a page to sign in and to try queries [default: with SQLite and no Redis]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = boolean, action = clap::ArgAction::Set, global = true)]
    pub playground: Option<bool>,
    /// Proxies whose X-Forwarded-For is believed: ranges such as 10.0.0.0/8, comma-separated [default: none]
    #[arg(long, value_name = "CIDR,…", value_delimiter = ',', value_parser = range, global = true)]
    pub trusted_proxies: Vec<IpNet>,
    /// Connections
    #[command(flatten)]
    pub connections: ConnectionSettings,
    /// Origins whose pages may call, such as `https://app.example.com`, comma-separated, or * [default: none]
    #[arg(long, value_name = "ORIGIN,…", value_delimiter = ',', value_parser = origin, global = true)]
    pub cors_origins: Vec<String>,
    /// Whether the schema can be asked for [default: with SQLite and no Redis]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = boolean, action = clap::ArgAction::Set, global = true)]
    pub introspection: Option<bool>,
    /// Avatars of new users: https: or data:image/ URLs, comma-separated, of at most 512 characters [default: a few of its own]
    #[arg(long, value_name = "URL,…", value_delimiter = ',', global = true)]
    pub avatars: Vec<String>,
    /// Where Prometheus metrics are served, at /metrics [default: nowhere]
    #[arg(long, value_name = "ADDR", global = true)]
    pub metrics_addr: Option<SocketAddr>,
    /// How long requests in flight have to finish at shutdown; 0 to break them off
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration, global = true)]
    pub shutdown_grace: Duration,
    /// What is logged: error, warn, info, debug, trace, or a filter such as sms_login=debug
    #[arg(long, value_name = "FILTER", default_value = "info", global = true)]
    pub log: String,
    /// How log lines look
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub log_format: LogFormat,
    /// The files that settings were read from
    #[arg(skip)]
    pub secret_files: Vec<SecretFile>,
}

/// The settings of the captcha.
#[derive(Debug, Clone, Args)]
pub struct CaptchaSettings {
    /// When a captcha is needed for a code: off, always, or challenge (for suspect requests) [default: off]
    #[arg(long = "captcha", value_name = "WHEN", value_parser = captcha_mode, global = true)]
    pub mode: Option<CaptchaMode>,
    /// Tencent Captcha application's id
    #[arg(long = "tencent-captcha-app-id", value_name = "ID", value_parser = captcha_app_id, global = true)]
    pub app_id: Option<u64>,
    /// Tencent Captcha application's secret key
    #[arg(long = "tencent-captcha-app-secret-key", value_name = "KEY", global = true)]
    pub app_secret_key: Option<Secret>,
    /// Address of Tencent Captcha
    #[arg(
        id = "captcha_endpoint",
        long = "tencent-captcha-endpoint",
        value_name = "URL",
        default_value = "https://captcha.tencentcloudapi.com",
        global = true
    )]
    pub endpoint: Url,
    /// What becomes of a request while Captcha is down: refuse, or allow, which also lets past who only says so
    #[arg(long = "captcha-outage", value_name = "WHAT", default_value = "refuse", value_parser = on_outage, global = true)]
    pub on_outage: OnOutage,
}

/// The settings of Tencent Cloud.
#[derive(Debug, Clone, Args)]
pub struct TencentSettings {
    /// API key's id; turns Tencent Cloud SMS on
    #[arg(long = "tencentcloud-secret-id", value_name = "ID", global = true)]
    pub secret_id: Option<Secret>,
    /// API key
    #[arg(long = "tencentcloud-secret-key", value_name = "KEY", global = true)]
    pub secret_key: Option<Secret>,
    /// Region of the SMS service [default: ap-guangzhou]
    #[arg(long = "tencentcloud-region", value_name = "REGION", global = true)]
    pub region: Option<String>,
    /// SMS application's id
    #[arg(long = "tencent-sms-sdk-app-id", value_name = "ID", global = true)]
    pub sdk_app_id: Option<String>,
    /// Text of the approved signature
    #[arg(long = "tencent-sms-sign-name", value_name = "TEXT", global = true)]
    pub sign_name: Option<String>,
    /// Template's id
    #[arg(long = "tencent-sms-template-id", value_name = "ID", global = true)]
    pub template_id: Option<String>,
    /// Template for CHANGE_PHONE [default: TENCENT_SMS_TEMPLATE_ID]
    #[arg(long = "tencent-sms-template-id-change-phone", value_name = "ID", global = true)]
    pub template_id_change_phone: Option<String>,
    /// Template for DELETE_ACCOUNT [default: TENCENT_SMS_TEMPLATE_ID]
    #[arg(long = "tencent-sms-template-id-delete-account", value_name = "ID", global = true)]
    pub template_id_delete_account: Option<String>,
    /// Template for VERIFY [default: TENCENT_SMS_TEMPLATE_ID]
    #[arg(long = "tencent-sms-template-id-verify", value_name = "ID", global = true)]
    pub template_id_verify: Option<String>,
    /// What fills a template's places, in order [default: code,minutes]
    #[arg(long = "tencent-sms-template-params", value_name = "NAME,…", value_delimiter = ',', value_parser = template_param, global = true)]
    pub template_params: Vec<TemplateParam>,
    /// Address of the SMS service
    #[arg(
        long = "tencent-sms-endpoint",
        value_name = "URL",
        help = "Address of the SMS service [default: https://sms.tencentcloudapi.com]",
        global = true
    )]
    pub endpoint: Option<Url>,
}

impl TencentSettings {
    /// The name of a setting that is of no use without the secret id, where one is set.
    pub(super) fn any_set(&self) -> Option<&'static str> {
        [
            ("TENCENTCLOUD_SECRET_KEY", self.secret_key.is_some()),
            ("TENCENTCLOUD_REGION", self.region.is_some()),
            ("TENCENT_SMS_TEMPLATE_PARAMS", !self.template_params.is_empty()),
            ("TENCENT_SMS_ENDPOINT", self.endpoint.is_some()),
            ("TENCENT_SMS_SDK_APP_ID", self.sdk_app_id.is_some()),
            ("TENCENT_SMS_SIGN_NAME", self.sign_name.is_some()),
            ("TENCENT_SMS_TEMPLATE_ID", self.template_id.is_some()),
            ("TENCENT_SMS_TEMPLATE_ID_CHANGE_PHONE", self.template_id_change_phone.is_some()),
            ("TENCENT_SMS_TEMPLATE_ID_DELETE_ACCOUNT", self.template_id_delete_account.is_some()),
            ("TENCENT_SMS_TEMPLATE_ID_VERIFY", self.template_id_verify.is_some()),
        ]
        .into_iter()
        .find_map(|(name, set)| set.then_some(name))
    }
}
