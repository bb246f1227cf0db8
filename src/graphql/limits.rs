//! What a document may ask for, checked before anything of it runs.
//!
//! Bounds hold for a document as it comes to be once fragments are put in their places, over all of its operations:
//! the library looks at those that will not run, too. Each fragment is weighed once, so that fragments that use one
//! another many times over cost no more than they have letters. `@skip` and `@include` do not make a document lighter.

use std::collections::HashMap;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};

mod text;

pub use text::{MAX_NESTING, MAX_TOKENS, check_text};

/// How deep fields may lie. The deepest of the schema is at 4.
pub const MAX_DEPTH: u32 = 8;
/// How many fields may be asked for, where those of a list count `LIST_SIZE` times.
pub const MAX_COMPLEXITY: u32 = 200;
/// What a list of sessions is taken to hold.
pub const LIST_SIZE: u32 = 10;
/// How deep `__schema` and `__type` may go, themselves included: GraphiQL's query has 14.
pub const MAX_INTROSPECTION_DEPTH: u32 = 20;
/// How many fields introspection may ask for: GraphiQL's query has about 260.
pub const MAX_INTROSPECTION_COMPLEXITY: u32 = 500;
/// How many of introspection's lists that lead back to types may lie in one another. Each multiplies the answer by the
/// schema's size. graphql-js draws the line at the same place (`MaxIntrospectionDepthRule`).
pub const MAX_INTROSPECTION_LISTS: u32 = 2;

/// The fields that take or give out what signs people in.
const CREDENTIAL_FIELDS: [&str; 6] =
    ["requestCode", "login", "refreshSession", "changePhone", "deleteAccount", "verifyCode"];
const LIST_FIELDS: [&str; 1] = ["sessions"];
const INTROSPECTION_FIELDS: [&str; 2] = ["__schema", "__type"];
const INTROSPECTION_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];

/// The bound that a document does not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excess {
    /// More tokens than `MAX_TOKENS`.
    Tokens,
    /// Brackets in one another, more than `MAX_NESTING`.
    Nesting,
    /// A string without its end: not a bound, but there is no telling how much follows.
    OpenString,
    /// A fragment that uses itself, which has no size.
    Cycle,
    /// Two credential fields or more in the operation that would run.
    Credentials,
    /// Deeper than `MAX_DEPTH`.
    Depth,
    /// More fields than `MAX_COMPLEXITY`.
    Complexity,
    /// Introspection beyond its bounds.
    Introspection,
}

/// What a selection set comes to.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    depth: u32,
    complexity: u32,
    credentials: u32,
    introspection: Introspection,
}

/// What introspection in it comes to.
#[derive(Debug, Clone, Copy, Default)]
struct Introspection {
    depth: u32,
    complexity: u32,
    lists: u32,
}

/// The operation that a request would run; `None` where it is for the execution to say what is wrong.
pub(super) fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(&operation.node),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name).map(|operation| &operation.node),
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            all.next().filter(|_| operations.len() == 1).map(|operation| &operation.node)
        }
    }
}

/// Checks a document that was read, of which the operation `name` is to run.
///
/// # Errors
/// The bound that it does not keep.
pub fn check_document(document: &ExecutableDocument, name: Option<&str>) -> Result<(), Excess> {
    let mut scale = Scale { document, fragments: HashMap::new() };
    let mut excesses = Vec::new();
    for (_, operation) in document.operations.iter() {
        excesses.extend(scale.selections(&operation.node.selection_set.node, false)?.excess());
    }
    if let Some(chosen) = chosen(document, name) {
        let credentials = scale.selections(&chosen.selection_set.node, false)?.credentials;
        excesses.extend((credentials > 1).then_some(Excess::Credentials));
    }
    // Operations come in no order: of several excesses, the same is told each time.
    excesses.into_iter().min().map_or(Ok(()), Err)
}

/// Weighs selections. Its recursion is no deeper than the document has brackets, which the text's bounds keep few.
struct Scale<'a> {
    document: &'a ExecutableDocument,
    /// Each fragment's weight, outside of introspection and inside; `None` while it is worked out.
    fragments: HashMap<(&'a str, bool), Option<Weight>>,
}

impl<'a> Scale<'a> {
    fn selections(&mut self, set: &'a SelectionSet, introspects: bool) -> Result<Weight, Excess> {
        let mut sum = Weight::default();
        for selection in &set.items {
            sum = sum.and(match &selection.node {
                Selection::Field(field) => self.field(&field.node, introspects)?,
                Selection::InlineFragment(inline) => self.selections(&inline.node.selection_set.node, introspects)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, introspects)?,
            });
        }
        Ok(sum)
    }

    fn field(&mut self, field: &'a Field, introspects: bool) -> Result<Weight, Excess> {
        let name = field.name.node.as_str();
        let enters = !introspects && INTROSPECTION_FIELDS.contains(&name);
        let inner = self.selections(&field.selection_set.node, introspects || enters)?;
        let introspection = if introspects || enters { inner.introspection.below(name) } else { inner.introspection };
        if introspects {
            return Ok(Weight { introspection, ..inner });
        }
        let times = if LIST_FIELDS.contains(&name) { LIST_SIZE } else { 1 };
        Ok(Weight {
            depth: inner.depth.saturating_add(1),
            complexity: inner.complexity.saturating_mul(times).saturating_add(1),
            credentials: inner.credentials.saturating_add(CREDENTIAL_FIELDS.contains(&name).into()),
            introspection,
        })
    }

    fn fragment(&mut self, name: &'a str, introspects: bool) -> Result<Weight, Excess> {
        if let Some(known) = self.fragments.get(&(name, introspects)) {
            return known.ok_or(Excess::Cycle);
        }
        // That there is none by this name is for the library to say.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Weight::default());
        };
        self.fragments.insert((name, introspects), None);
        let weight = self.selections(&fragment.node.selection_set.node, introspects)?;
        self.fragments.insert((name, introspects), Some(weight));
        Ok(weight)
    }
}

impl Weight {
    /// Of both, side by side.
    fn and(self, other: Self) -> Self {
        let (one, two) = (self.introspection, other.introspection);
        Self {
            depth: self.depth.max(other.depth),
            complexity: self.complexity.saturating_add(other.complexity),
            credentials: self.credentials.saturating_add(other.credentials),
            introspection: Introspection {
                depth: one.depth.max(two.depth),
                complexity: one.complexity.saturating_add(two.complexity),
                lists: one.lists.max(two.lists),
            },
        }
    }

    /// The bound that it does not keep.
    fn excess(self) -> Option<Excess> {
        let introspection = self.introspection;
        if self.depth > MAX_DEPTH {
            return Some(Excess::Depth);
        }
        if self.complexity > MAX_COMPLEXITY {
            return Some(Excess::Complexity);
        }
        let over = introspection.depth > MAX_INTROSPECTION_DEPTH
            || introspection.complexity > MAX_INTROSPECTION_COMPLEXITY
            || introspection.lists > MAX_INTROSPECTION_LISTS;
        over.then_some(Excess::Introspection)
    }
}

impl Introspection {
    /// With a field around it.
    fn below(self, field: &str) -> Self {
        Self {
            depth: self.depth.saturating_add(1),
            complexity: self.complexity.saturating_add(1),
            lists: self.lists.saturating_add(INTROSPECTION_LISTS.contains(&field).into()),
        }
    }
}
