//! The message routes of the settings file, `[[route]]`.
//!
//! An error names the route and the key in one line: `route "tencent-cn": sign_name: needed for numbers in mainland China`.
//! The secret of a route is never printed.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use super::phones::Regions;
use super::table::{Table, Value};
use super::tencent::{TencentRoute, TencentSettings, VoiceRoute};
use super::values::masked_query;
use super::{ConfigError, SecretFile};
use crate::channel::Channel;
use crate::locale::Locale;
use crate::outbound::Timeouts;
use crate::phone::Region;
use crate::price::Price;
use crate::purpose::Purpose;
use crate::sms::NoticeKind;
use crate::sms::routes::RouteScope;
use crate::sms::tencent::voice::TencentVoiceConfig;
use crate::sms::tencent::{LocalizedTemplate, TemplateParam, Templates, TencentSmsConfig};
use crate::sms::webhook::{WebhookConfig, WebhookSecret, WebhookUrl};

/// The longest name. It is a label of metrics.
const MAX_NAME_CHARS: usize = 32;

/// The keys that every route has, and those of each provider.
const COMMON_KEYS: [&str; 7] = ["name", "provider", "regions", "purposes", "channel", "price", "group"];
const WEBHOOK_KEYS: [&str; 4] = ["url", "secret", "secret_file", "notices"];
const TENCENT_KEYS: [&str; 6] =
    ["sdk_app_id", "sign_name", "templates", "template_params", "notices", "report_conversion"];
const VOICE_KEYS: [&str; 2] = ["sdk_app_id", "play_times"];

/// The keys whose values are secrets.
const SECRET_KEYS: [&str; 1] = ["secret"];

/// A message route.
#[derive(Debug, Clone)]
pub struct RouteConfig {
    /// The name in logs, metrics and errors.
    pub name: String,
    /// The messages that it serves.
    pub scope: RouteScope,
    /// The price of a message.
    pub price: Price,
    /// The group of routes with equal rank.
    pub group: Option<String>,
    /// The sender of its messages.
    pub provider: ProviderConfig,
}

/// The sender of a route, with its settings.
#[derive(Debug, Clone)]
pub enum ProviderConfig {
    /// Messages are printed to the terminal.
    Console,
    /// Tencent Cloud sends messages.
    Tencent(Box<TencentSmsConfig>),
    /// Tencent Cloud calls phones.
    TencentVoice(Box<TencentVoiceConfig>),
    /// The operator's own gateway gets messages by HTTP.
    Webhook(Box<WebhookConfig>),
}

impl RouteConfig {
    /// Creates a route of a channel that serves every region and purpose.
    pub(super) fn for_all(name: &str, channel: Channel, provider: ProviderConfig) -> Self {
        let scope = RouteScope { channel, ..RouteScope::default() };
        Self { name: name.to_owned(), scope, price: Price::ZERO, group: None, provider }
    }
}

/// Reads the routes of the settings file, in their order.
pub(super) fn read(
    tables: &[Table],
    tencent: &TencentSettings,
    allowed: &Regions,
) -> Result<Vec<RouteConfig>, ConfigError> {
    let mut routes: Vec<RouteConfig> = Vec::new();
    for (table, number) in tables.iter().zip(1..) {
        let route = RouteTable::new(table, number)?.read(tencent, allowed)?;
        if routes.iter().any(|earlier| earlier.name == route.name) {
            return Err(ConfigError::new(format!("route {:?}", route.name), "name: another route has it"));
        }
        routes.push(route);
    }
    check_groups(&routes)?;
    Ok(routes)
}

/// Refuses groups whose routes are not neighbours: they could not have equal rank.
fn check_groups(routes: &[RouteConfig]) -> Result<(), ConfigError> {
    let mut ended: Vec<&str> = Vec::new();
    for run in routes.chunk_by(|one, next| one.group == next.group) {
        let Some((group, first)) = run.first().and_then(|first| Some((first.group.as_deref()?, first))) else {
            continue;
        };
        if ended.contains(&group) {
            let reason = "group: the routes of a group must stand one after another";
            return Err(ConfigError::new(format!("route {:?}", first.name), reason));
        }
        ended.push(group);
    }
    Ok(())
}

/// Returns a line for each value of the routes, without secrets.
pub(super) fn printed(tables: &[Table]) -> Vec<String> {
    let mut lines = Vec::new();
    for (table, number) in tables.iter().zip(1..) {
        let label = label(table, number);
        for (key, value) in table.0.iter().filter(|(key, _)| key != "name") {
            // A URL with a password is refused, but this prints before the check.
            let is_secret = SECRET_KEYS.contains(&key.as_str()) || (key == "url" && value.to_string().contains('@'));
            let value = match value {
                _ if is_secret => "(set)".to_owned(),
                Value::Text(text) => Value::Text(masked_query(text.clone())).to_string(),
                value @ (Value::Number(_) | Value::Flag(_) | Value::List(_) | Value::Table(_) | Value::Other) => {
                    value.to_string()
                }
            };
            lines.push(format!("{label}: {}={value}", key.escape_debug()));
        }
    }
    lines
}

/// Returns the files that contain secrets of routes. `file` is the settings file.
pub(super) fn secret_files(tables: &[Table], file: Option<&PathBuf>) -> Vec<SecretFile> {
    let has_secret = |table: &Table| SECRET_KEYS.iter().any(|key| table.get(key).is_some());
    let exposed = file.filter(|_| tables.iter().any(has_secret));
    let mut files: Vec<SecretFile> =
        exposed.map(|path| SecretFile { setting: "CONFIG".to_owned(), path: path.clone() }).into_iter().collect();

    for (table, number) in tables.iter().zip(1..) {
        if let Some(Value::Text(path)) = table.get("secret_file") {
            files.push(SecretFile { setting: format!("{}: secret_file", label(table, number)), path: path.into() });
        }
    }
    files
}

/// Returns how a line names a route: by its name, or by its number if it has no valid name.
fn label(table: &Table, number: usize) -> String {
    match table.get("name") {
        Some(Value::Text(name)) if is_name(name) => format!("route {name:?}"),
        _ => format!("route {number}"),
    }
}

fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_NAME_CHARS).contains(&text.len()) && text.bytes().all(is_plain)
}

/// The table of one route.
struct RouteTable<'a> {
    table: &'a Table,
    label: String,
    name: String,
}

impl<'a> RouteTable<'a> {
    fn new(table: &'a Table, number: usize) -> Result<Self, ConfigError> {
        let mut route = Self { table, label: label(table, number), name: String::new() };
        route.name = route.needed("name")?;
        if !is_name(&route.name) {
            return Err(route.refused("name", "must have 1 to 32 characters of a-z, 0-9 and -"));
        }
        Ok(route)
    }

    fn read(&self, tencent: &TencentSettings, allowed: &Regions) -> Result<RouteConfig, ConfigError> {
        let (provider, channel) = (self.needed("provider")?, self.channel()?);
        let own_keys: &[&str] = match provider.as_str() {
            "tencent" if channel == Channel::Voice => &VOICE_KEYS,
            "tencent" => &TENCENT_KEYS,
            "webhook" => &WEBHOOK_KEYS,
            "console" => &[],
            _ => return Err(self.refused("provider", "not one of tencent, webhook, console")),
        };
        let is_known = |key: &str| COMMON_KEYS.contains(&key) || own_keys.contains(&key);
        if let Some((unknown, _)) = self.table.0.iter().find(|(key, _)| !is_known(key)) {
            let which = if channel == Channel::Voice { " and channel VOICE" } else { "" };
            return Err(self.refused(unknown, format!("not a key of a route with provider {provider}{which}")));
        }

        let mut scope = RouteScope { regions: self.regions()?, purposes: self.purposes()?, channel };
        let provider = match provider.as_str() {
            "tencent" if channel == Channel::Voice => {
                scope.regions = Some(self.voice_regions(scope.regions)?);
                ProviderConfig::TencentVoice(Box::new(self.tencent_voice(tencent)?))
            }
            "tencent" => ProviderConfig::Tencent(Box::new(self.tencent(tencent, &scope, allowed)?)),
            "webhook" => ProviderConfig::Webhook(Box::new(self.webhook()?)),
            _ => ProviderConfig::Console,
        };
        let (price, group) = (self.price()?, self.text("group")?);
        Ok(RouteConfig { name: self.name.clone(), scope, price, group, provider })
    }

    fn tencent(
        &self,
        settings: &TencentSettings,
        scope: &RouteScope,
        allowed: &Regions,
    ) -> Result<TencentSmsConfig, ConfigError> {
        let sign_name = self.text("sign_name")?;
        let sends_to_china = allowed.has("CN") && scope.has_region("CN".parse().ok());
        if sends_to_china && sign_name.is_none() {
            return Err(self.refused("sign_name", "needed for numbers in mainland China"));
        }

        let route = TencentRoute {
            sdk_app_id: self.needed("sdk_app_id")?,
            sign_name,
            templates: self.templates()?,
            template_params: self.template_params()?,
            notices: self.notice_templates()?,
            report_conversion: self.flag("report_conversion")?,
        };
        settings.route(route)?.ok_or_else(|| self.without_key())
    }

    fn tencent_voice(&self, settings: &TencentSettings) -> Result<TencentVoiceConfig, ConfigError> {
        let play_times = match self.table.get("play_times") {
            None => None,
            Some(Value::Number(times)) => {
                let times = [1_u8, 2, 3].into_iter().find(|allowed| allowed.to_string() == times.to_string());
                Some(times.ok_or_else(|| self.refused("play_times", "must be 1, 2 or 3"))?)
            }
            Some(_) => return Err(self.refused("play_times", "must be 1, 2 or 3")),
        };
        let route = VoiceRoute { sdk_app_id: self.needed("sdk_app_id")?, play_times };
        settings.voice_route(route)?.ok_or_else(|| self.without_key())
    }

    /// Returns the regions of a route that calls by Tencent Cloud, whose voice service calls mainland China only.
    fn voice_regions(&self, regions: Option<Vec<Region>>) -> Result<Vec<Region>, ConfigError> {
        let china: Region = "CN".parse().map_err(|_| self.refused("regions", "CN is not a region"))?;
        match regions {
            None => Ok(vec![china]),
            Some(regions) if regions.iter().all(|region| *region == china) => Ok(regions),
            Some(_) => Err(self.refused("regions", "Tencent Cloud calls numbers in CN only")),
        }
    }

    fn without_key(&self) -> ConfigError {
        self.refused("provider", "tencent needs TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY")
    }

    fn webhook(&self) -> Result<WebhookConfig, ConfigError> {
        let url = self.needed("url")?;
        let no_url = "not an https URL without a user (http is accepted for loopback only)";
        let url = WebhookUrl::parse(&url).ok_or_else(|| self.refused("url", no_url))?;

        let (key, secret) = match (self.text("secret")?, self.text("secret_file")?) {
            (Some(secret), None) => ("secret", secret),
            (None, Some(path)) => {
                let read = std::fs::read_to_string(path).map_err(|error| self.refused("secret_file", error))?;
                ("secret_file", read.trim_end_matches(['\r', '\n']).to_owned())
            }
            (Some(_), Some(_)) => return Err(self.refused("secret_file", "set secret or secret_file, not both")),
            (None, None) => return Err(self.refused("secret", "needed")),
        };
        let no_secret = "not whsec_ and base64 of 24 to 64 bytes: echo whsec_$(openssl rand -base64 32)";
        let secret = WebhookSecret::parse(&secret).ok_or_else(|| self.refused(key, no_secret))?;
        let notices: Option<_> = self.list("notices")?.unwrap_or_default().iter().map(|name| notice(name)).collect();
        let notices = notices.ok_or_else(|| self.refused("notices", format!("not a list of {}", notice_names())))?;
        Ok(WebhookConfig { url, secret, notices, timeouts: Timeouts::default() })
    }

    fn regions(&self) -> Result<Option<Vec<Region>>, ConfigError> {
        let Some(codes) = self.list("regions")? else {
            return Ok(None);
        };
        let regions: Result<_, _> = codes.iter().map(|code| code.parse()).collect();
        regions.map(Some).map_err(|_| self.refused("regions", "not a list of region codes such as [\"CN\", \"HK\"]"))
    }

    fn purposes(&self) -> Result<Option<Vec<Purpose>>, ConfigError> {
        let Some(names) = self.list("purposes")? else {
            return Ok(None);
        };
        let purposes: Option<_> = names.iter().map(|name| purpose(name)).collect();
        purposes.map(Some).ok_or_else(|| self.refused("purposes", format!("not a list of {}", purpose_names())))
    }

    fn channel(&self) -> Result<Channel, ConfigError> {
        match self.text("channel")?.as_deref() {
            None | Some("SMS") => Ok(Channel::Sms),
            Some("VOICE") => Ok(Channel::Voice),
            Some(_) => Err(self.refused("channel", "not SMS or VOICE")),
        }
    }

    fn price(&self) -> Result<Price, ConfigError> {
        let price = match self.table.get("price") {
            None => return Ok(Price::ZERO),
            Some(Value::Number(price)) => Price::of_message(*price),
            Some(_) => None,
        };
        price.ok_or_else(|| self.refused("price", "must be a number from 0 to 500"))
    }

    fn templates(&self) -> Result<Templates, ConfigError> {
        let table = match self.table.get("templates") {
            Some(Value::Table(table)) => table,
            Some(_) => return Err(self.refused("templates", "must be a table such as { default = \"100001\" }")),
            None => return Err(self.refused("templates", "needed")),
        };

        let default = table.get("default").ok_or_else(|| self.refused("templates.default", "needed"))?;
        let default = self.template("templates.default", default)?;
        let mut templates = Templates { default, by_purpose: HashMap::new() };
        for (key, value) in table.0.iter().filter(|(key, _)| key != "default") {
            let reason = || format!("not default or one of {}", purpose_names());
            let purpose = purpose(key).ok_or_else(|| self.refused(&format!("templates.{key}"), reason()))?;
            templates.by_purpose.insert(purpose, self.template(&format!("templates.{key}"), value)?);
        }
        Ok(templates)
    }

    fn notice_templates(&self) -> Result<HashMap<NoticeKind, LocalizedTemplate>, ConfigError> {
        let table = match self.table.get("notices") {
            None => return Ok(HashMap::new()),
            Some(Value::Table(table)) => table,
            Some(_) => return Err(self.refused("notices", "must be a table such as { PHONE_CHANGED = \"100009\" }")),
        };
        let read = |(key, value): &(String, Value)| {
            let path = format!("notices.{key}");
            let kind = notice(key).ok_or_else(|| self.refused(&path, format!("not one of {}", notice_names())))?;
            Ok((kind, self.template(&path, value)?))
        };
        table.0.iter().map(read).collect()
    }

    /// Reads the ids of a purpose's templates: one for all languages, or a table by language. For a language that is not in
    /// the table, the id of `default` is used, or without that the first one.
    fn template(&self, key: &str, value: &Value) -> Result<LocalizedTemplate, ConfigError> {
        let table = match value {
            Value::Text(id) if !id.is_empty() => return Ok(LocalizedTemplate::new(id)),
            Value::Table(table) if !table.0.is_empty() => table,
            Value::Text(_) | Value::Number(_) | Value::Flag(_) | Value::List(_) | Value::Table(_) | Value::Other => {
                return Err(self.refused(key, "must be an id in quotes, or a table such as { zh = \"100001\" }"));
            }
        };

        let mut default = None;
        let mut by_locale = Vec::new();
        for (tag, id) in &table.0 {
            let key = format!("{key}.{tag}");
            let Value::Text(id) = id else {
                return Err(self.refused(&key, "must be an id in quotes"));
            };
            if tag == "default" {
                default = Some(id.clone());
            } else {
                let locale = Locale::parse(tag);
                by_locale
                    .push((locale.ok_or_else(|| self.refused(&key, "not default or a language tag"))?, id.clone()));
            }
        }
        let default = default.or_else(|| by_locale.first().map(|(_, id)| id.clone())).unwrap_or_default();
        Ok(LocalizedTemplate { default, by_locale })
    }

    fn template_params(&self) -> Result<Vec<TemplateParam>, ConfigError> {
        let Some(words) = self.list("template_params")? else {
            return Ok(vec![TemplateParam::Code, TemplateParam::Minutes]);
        };
        let params: Option<_> = words.iter().map(|word| TemplateParam::parse(word)).collect();
        params.ok_or_else(|| {
            self.refused("template_params", "not a list of \"code\", \"minutes\", \"app_hash\" and \"reference\"")
        })
    }

    fn flag(&self, key: &str) -> Result<bool, ConfigError> {
        match self.table.get(key) {
            None => Ok(false),
            Some(Value::Flag(flag)) => Ok(*flag),
            Some(_) => Err(self.refused(key, "must be true or false")),
        }
    }

    fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) if !text.is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(self.refused(key, "must be a string, in quotes, that is not empty")),
        }
    }

    fn needed(&self, key: &str) -> Result<String, ConfigError> {
        self.text(key)?.ok_or_else(|| self.refused(key, "needed"))
    }

    fn list(&self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::List(texts)) if !texts.is_empty() => Ok(Some(texts.clone())),
            Some(_) => Err(self.refused(key, "must be a list of strings that is not empty")),
        }
    }

    fn refused(&self, key: &str, reason: impl fmt::Display) -> ConfigError {
        ConfigError::new(format!("{}: {}", self.label, key.escape_debug()), reason)
    }
}

/// Parses the name that a purpose has in the API, such as `CHANGE_PHONE`.
fn purpose(name: &str) -> Option<Purpose> {
    Purpose::ALL.into_iter().find(|purpose| purpose.name().to_uppercase() == name)
}

/// Parses the name of a notice.
fn notice(name: &str) -> Option<NoticeKind> {
    NoticeKind::ALL.into_iter().find(|kind| kind.name() == name)
}

fn notice_names() -> String {
    NoticeKind::ALL.map(NoticeKind::name).join(", ")
}

fn purpose_names() -> String {
    Purpose::ALL.map(|purpose| purpose.name().to_uppercase()).join(", ")
}
