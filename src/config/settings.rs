//! Every setting, in the order of the help.

use std::path::PathBuf;

use clap::Args;

use super::avatars::AvatarSettings;
use super::callbacks::CallbackSettings;
use super::captcha::CaptchaSettings;
use super::codes::CodeSettings;
use super::connections::ConnectionSettings;
use super::database::DatabaseSettings;
use super::documents::DocumentSettings;
use super::events::EventSettings;
use super::guard::GuardSettings;
use super::http::HttpSettings;
use super::limits::LimitSettings;
use super::listen::ListenSettings;
use super::logs::LogSettings;
use super::network::NetworkSettings;
use super::phones::PhoneSettings;
use super::redis::RedisSettings;
use super::sessions::SessionSettings;
use super::sign_up::SignUpSettings;
use super::sms::SmsSettings;
use super::source::Origins;
use super::tencent::TencentSettings;
use super::test_numbers::TestNumberSettings;
use super::tokens::TokenSettings;

/// The value of every setting, or its default. A field has the name of its setting, in lower case.
#[derive(Debug, Clone, Args)]
#[expect(missing_docs, reason = "each group documents itself")]
pub struct Settings {
    /// TOML file with settings, whose keys are their names in lower case [default: no file]
    #[arg(long, value_name = "FILE", help_heading = "Settings file")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub listen: ListenSettings,
    #[command(flatten)]
    pub database: DatabaseSettings,
    #[command(flatten)]
    pub events: EventSettings,
    #[command(flatten)]
    pub redis: RedisSettings,
    #[command(flatten)]
    pub sms: SmsSettings,
    #[command(flatten)]
    pub tencent: TencentSettings,
    #[command(flatten)]
    pub callbacks: CallbackSettings,
    #[command(flatten)]
    pub captcha: CaptchaSettings,
    #[command(flatten)]
    pub tokens: TokenSettings,
    #[command(flatten)]
    pub sessions: SessionSettings,
    #[command(flatten)]
    pub codes: CodeSettings,
    #[command(flatten)]
    pub phones: PhoneSettings,
    #[command(flatten)]
    pub limits: LimitSettings,
    #[command(flatten)]
    pub guard: GuardSettings,
    #[command(flatten)]
    pub test_numbers: TestNumberSettings,
    #[command(flatten)]
    pub network: NetworkSettings,
    #[command(flatten)]
    pub connections: ConnectionSettings,
    #[command(flatten)]
    pub http: HttpSettings,
    #[command(flatten)]
    pub documents: DocumentSettings,
    #[command(flatten)]
    pub sign_up: SignUpSettings,
    #[command(flatten)]
    pub new_users: AvatarSettings,
    #[command(flatten)]
    pub logs: LogSettings,
    /// Where each value comes from.
    #[arg(skip)]
    pub origins: Origins,
}
