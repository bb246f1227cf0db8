//! The problems of one request, and what they mean outside of its `data`: log lines, headers, the order of keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Name;

use super::error::Fault;
use super::problem::Problem;

/// The problems of one request. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Problems(Arc<Mutex<Found>>);

/// The problems that a finished request had.
#[derive(Default)]
pub(super) struct Found {
    /// The response keys of the mutations that ended in a problem, each with the seconds after which to retry.
    pub(super) keys: HashMap<Name, Option<i32>>,
    /// The causes of problems that are not the client's fault.
    pub(super) faults: Vec<Fault>,
}

impl Problems {
    /// Adds the problem of one mutation.
    pub(super) fn add(&self, key: Name, problem: &Problem, fault: Option<Fault>) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.keys.insert(key, problem.retry_after_seconds);
        found.faults.extend(fault);
    }

    /// Returns the problems, after the request has finished.
    pub(super) fn take(&self) -> Found {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
