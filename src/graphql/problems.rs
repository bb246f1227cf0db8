//! The problems of one request, and what they mean outside of its `data`: log lines, headers, the order of keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Name;

use super::error::{ErrorCode, Fault};
use super::problem::Problem;

/// The problems of one request. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Problems(Arc<Mutex<Found>>);

/// The problems that a finished request had.
#[derive(Default)]
pub(super) struct Found {
    /// The problems by the response keys of their mutations.
    pub(super) keys: HashMap<Name, Summary>,
    /// The causes of problems that are not the client's fault.
    pub(super) faults: Vec<Fault>,
}

/// What the request's log line, metrics and headers say of a problem.
#[derive(Debug, Clone, Copy)]
pub(super) struct Summary {
    pub(super) code: ErrorCode,
    pub(super) retry_after_seconds: Option<i32>,
}

impl Problems {
    /// Adds the problem of one mutation.
    pub(super) fn add(&self, key: Name, problem: &Problem, fault: Option<Fault>) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.keys.insert(key, problem.summary());
        found.faults.extend(fault);
    }

    /// Returns the problems, after the request has finished.
    pub(super) fn take(&self) -> Found {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
