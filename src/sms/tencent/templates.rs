//! The ids of approved templates: one for each purpose and language.

use std::collections::HashMap;

use crate::locale::Locale;
use crate::purpose::Purpose;

/// The ids of approved templates.
#[derive(Debug, Clone)]
pub struct Templates {
    /// For each purpose that has no templates below.
    pub default: LocalizedTemplate,
    /// For single purposes.
    pub by_purpose: HashMap<Purpose, LocalizedTemplate>,
}

/// A template in one or more languages.
#[derive(Debug, Clone)]
pub struct LocalizedTemplate {
    /// For each language that has no template below, and if the user's language is not known.
    pub default: String,
    /// For single languages.
    pub by_locale: Vec<(Locale, String)>,
}

impl Templates {
    /// Creates templates in one language.
    #[must_use]
    pub fn new(default: impl Into<String>, by_purpose: impl IntoIterator<Item = (Purpose, String)>) -> Self {
        let by_purpose = by_purpose.into_iter().map(|(purpose, id)| (purpose, LocalizedTemplate::new(id)));
        Self { default: LocalizedTemplate::new(default), by_purpose: by_purpose.collect() }
    }

    /// Returns the id of the template for a message.
    pub(super) fn find(&self, purpose: Purpose, locale: Option<&Locale>) -> &str {
        let template = self.by_purpose.get(&purpose).unwrap_or(&self.default);
        template.find(locale)
    }
}

impl LocalizedTemplate {
    /// Creates a template in one language.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { default: id.into(), by_locale: Vec::new() }
    }

    /// Returns the id for a language.
    pub(super) fn find(&self, locale: Option<&Locale>) -> &str {
        locale.and_then(|locale| locale.lookup(&self.by_locale)).unwrap_or(&self.default)
    }
}
