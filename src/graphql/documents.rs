//! Documents that need not be parsed again: those that clients sent lately, and the trusted ones, which clients can name by
//! their ids.
//!
//! Only documents within the bounds of `check_text` get here. The other bounds depend on the variables, so they are checked for
//! every request.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::ServerError;
use async_graphql::parser::parse_query;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::answer::bound;
use super::bounds;
use super::document::Document;
use super::error::{
    PARSE_FAILED, mark_document_error, persisted_queries_not_supported, persisted_query_not_found, untrusted_document,
};

/// The size of all texts that are remembered. A parsed document takes many times the memory of its text, so this is small; the
/// documents of an application are a few kilobytes each.
const MAX_REMEMBERED_BYTES: u64 = 128 * 1024;
/// The size of a text that is remembered. GraphiQL's introspection query has 1700 bytes.
const MAX_TEXT_BYTES: usize = 8 * 1024;
/// About as many documents as applications have.
const EXPECTED_DOCUMENTS: usize = 200;
/// What GraphQL over HTTP puts before the hash of a document.
const HASH_PREFIX: &str = "sha256:";

/// The document of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SentDocument {
    /// Its text.
    Text(String),
    /// Its id in the manifest of trusted documents.
    Id(String),
}

/// The documents that the operator trusts.
#[derive(Debug)]
pub(crate) struct TrustedDocuments {
    /// Their texts by their ids.
    pub(crate) texts: HashMap<String, String>,
    /// Whether no other documents run.
    pub(crate) only: bool,
}

/// The documents that need not be parsed again.
pub(super) struct Documents {
    recent: Cache<Box<str>, Arc<Document>, BySize>,
    trusted: Option<Trusted>,
}

struct Trusted {
    by_id: HashMap<String, Arc<Document>>,
    /// The documents of clients that send the text of a trusted one. `None` if other texts run, too.
    by_text: Option<HashMap<String, Arc<Document>>>,
}

#[derive(Clone)]
struct BySize;

impl Weighter<Box<str>, Arc<Document>> for BySize {
    fn weight(&self, text: &Box<str>, _: &Arc<Document>) -> u64 {
        // Not 0, which would never be evicted.
        text.len().max(1) as u64
    }
}

impl Documents {
    /// Trusts these documents.
    ///
    /// # Errors
    /// If one does not parse or exceeds the bounds of texts. The error has its id.
    pub(super) fn new(trusted: Option<&TrustedDocuments>) -> Result<Self, (String, Box<ServerError>)> {
        let recent = Cache::with_weighter(EXPECTED_DOCUMENTS, MAX_REMEMBERED_BYTES, BySize);
        Ok(Self { recent, trusted: trusted.map(Trusted::parse).transpose()? })
    }

    /// Returns the document of a request.
    ///
    /// # Errors
    /// If it does not parse, exceeds the bounds of texts, or is not trusted and has to be.
    pub(super) fn find(&self, sent: &SentDocument) -> Result<Arc<Document>, Box<ServerError>> {
        match (sent, &self.trusted) {
            (SentDocument::Id(id), Some(trusted)) => {
                let found = trusted.by_id.get(id).or_else(|| trusted.by_id.get(id.strip_prefix(HASH_PREFIX)?));
                found.cloned().ok_or_else(|| Box::new(persisted_query_not_found()))
            }
            (SentDocument::Id(_), None) => Err(Box::new(persisted_queries_not_supported())),
            (SentDocument::Text(text), Some(Trusted { by_text: Some(by_text), .. })) => {
                by_text.get(text).cloned().ok_or_else(|| Box::new(untrusted_document()))
            }
            (SentDocument::Text(text), _) => self.remembered(text),
        }
    }

    /// Parses a text, unless it is remembered.
    fn remembered(&self, text: &str) -> Result<Arc<Document>, Box<ServerError>> {
        if text.len() > MAX_TEXT_BYTES {
            return Ok(Arc::new(parse(text)?));
        }
        if let Some(document) = self.recent.get(text) {
            return Ok(document);
        }
        let document = Arc::new(parse(text)?);
        self.recent.insert(text.into(), Arc::clone(&document));
        Ok(document)
    }
}

impl Trusted {
    fn parse(documents: &TrustedDocuments) -> Result<Self, (String, Box<ServerError>)> {
        let (mut by_id, mut by_text) = (HashMap::new(), HashMap::new());
        for (id, text) in &documents.texts {
            let document = Arc::new(parse(text).map_err(|error| (id.clone(), error))?);
            by_id.insert(id.clone(), Arc::clone(&document));
            by_text.insert(text.clone(), document);
        }
        Ok(Self { by_id, by_text: documents.only.then_some(by_text) })
    }
}

fn parse(text: &str) -> Result<Document, Box<ServerError>> {
    // The parser's time and stack grow with the text, so the text is bounded first.
    bounds::check_text(text).map_err(ServerError::from)?;
    let parsed = parse_query(text).map_err(|error| {
        let mut error = ServerError::from(error);
        mark_document_error(&mut error, PARSE_FAILED);
        bound(std::slice::from_mut(&mut error));
        error
    })?;
    Ok(Document::new(text, parsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(documents: &Documents, text: &str) -> Arc<Document> {
        documents.find(&SentDocument::Text(text.to_owned())).expect("a document")
    }

    #[test]
    fn a_document_is_parsed_once_and_what_fails_is_not_remembered() {
        let documents = Documents::new(None).expect("no trusted documents");
        let text = "query Q { me { id } }";
        assert!(Arc::ptr_eq(&find(&documents, text), &find(&documents, text)));
        for wrong in ["{", "{ a(b: \"x) }"] {
            let error = documents.find(&SentDocument::Text(wrong.to_owned())).err().expect("it does not parse");
            assert!(!error.message.is_empty());
        }
        let long = format!("{{ me {{ id }} }} #{}", "x".repeat(MAX_TEXT_BYTES));
        assert!(!Arc::ptr_eq(&find(&documents, &long), &find(&documents, &long)));
        assert_eq!(documents.recent.len(), 1);
    }

    /// Strangers cannot fill the memory with documents, and cannot drive out one that is in use.
    #[test]
    fn many_documents_take_bounded_memory_and_leave_those_in_use() {
        let documents = Documents::new(None).expect("no trusted documents");
        let used = "query Used { me { id } }";
        let (first, mut kept) = (find(&documents, used), 0);
        for number in 0..2000 {
            find(&documents, &format!("query N{number} {{ {} }}", "a ".repeat(100)));
            if number % 10 == 0 {
                kept += u32::from(Arc::ptr_eq(&find(&documents, used), &first));
            }
        }
        assert!(documents.recent.weight() <= MAX_REMEMBERED_BYTES, "{}", documents.recent.weight());
        assert!(documents.recent.len() > 10);
        assert_eq!(kept, 200);
    }
}
