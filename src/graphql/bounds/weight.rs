//! The weight of an expanded document: everything that the bounds limit, in one pass.
//!
//! All sums saturate, so a document cannot overflow its way below a bound.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Variables};
use async_graphql_value::Value;

use super::schema::{is_credential, is_list};
use super::values::{const_size, text_size};
use super::{
    LIST_SIZE, LOOKUP_COMPLEXITY, MAX_COMPARISONS, MAX_COMPLEXITY, MAX_DEPTH, MAX_INPUT_SIZE,
    MAX_INTROSPECTION_COMPLEXITY, MAX_INTROSPECTION_DEPTH, MAX_INTROSPECTION_LISTS, MAX_SELECTIONS, Refusal,
};

const INTROSPECTION_FIELDS: [&str; 2] = ["__schema", "__type"];
const INTROSPECTION_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
pub(super) const TYPENAME: &str = "__typename";
/// The field that calls a store once for each use.
const LOOKUP: &str = "codeDelivery";
/// The directives that an executable document may use. The schema declares no others for executable documents.
const DIRECTIVES: [&str; 2] = ["skip", "include"];

/// The weight of an expanded selection set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weight {
    /// The number of selections and directives.
    pub selections: u32,
    /// The size of argument values.
    pub input_size: u32,
    pub(super) depth: u32,
    pub(super) complexity: u32,
    pub(super) credentials: u32,
    /// The fields of this set, including those of its fragments, which the library compares with each other.
    siblings: u32,
    /// The sum of the siblings of this set and of all sets inside it.
    comparisons: u32,
    introspection: Introspection,
}

/// The part of a weight inside `__schema` and `__type`.
#[derive(Debug, Clone, Copy, Default)]
struct Introspection {
    depth: u32,
    complexity: u32,
    lists: u32,
}

/// Computes weights. `check_text` bounds the depth of its recursion: the nesting of the document's brackets.
pub(super) struct Scale<'a> {
    document: &'a ExecutableDocument,
    /// The size of each variable's value.
    variables: HashMap<&'a str, u32>,
    /// The weight of every fragment, by its name and by whether it is used inside introspection. `None` while the
    /// weight is being computed.
    fragments: HashMap<(&'a str, bool), Option<Result<Weight, Refusal>>>,
}

impl<'a> Scale<'a> {
    pub(super) fn new(document: &'a ExecutableDocument, variables: &'a Variables) -> Self {
        let mut sizes: HashMap<&str, u32> = HashMap::new();
        for (name, value) in variables.iter() {
            sizes.insert(name.as_str(), const_size(value));
        }

        // Two operations can declare the same variable with different defaults: the largest counts.
        for (_, operation) in document.operations.iter() {
            for definition in &operation.node.variable_definitions {
                let default = definition.node.default_value.as_ref().map_or(1, |value| const_size(&value.node));
                let size = sizes.entry(definition.node.name.node.as_str()).or_default();
                *size = default.max(*size);
            }
        }
        Self { document, variables: sizes, fragments: HashMap::new() }
    }

    pub(super) fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Weight, Refusal> {
        let mut weight = self.selections(&operation.selection_set.node, false)?;
        weight = weight.and(self.directives(&operation.directives)?);
        for definition in &operation.variable_definitions {
            weight = weight.and(self.directives(&definition.node.directives)?);
        }
        Ok(weight)
    }

    /// Returns whether an operation that was measured uses the fragment.
    pub(super) fn is_used(&self, name: &str) -> bool {
        self.fragments.contains_key(&(name, false)) || self.fragments.contains_key(&(name, true))
    }

    pub(super) fn fragment(&mut self, name: &'a str, introspects: bool) -> Result<Weight, Refusal> {
        if let Some(known) = self.fragments.get(&(name, introspects)) {
            return known.unwrap_or(Err(Refusal::Cycle));
        }

        self.fragments.insert((name, introspects), None);
        let weight = self.definition(name, introspects);
        self.fragments.insert((name, introspects), Some(weight));
        weight
    }

    fn definition(&mut self, name: &'a str, introspects: bool) -> Result<Weight, Refusal> {
        let fragment = &self.document.fragments.get(name).ok_or(Refusal::UnknownFragment)?.node;
        let weight = self.selections(&fragment.selection_set.node, introspects)?;
        Ok(weight.and(self.directives(&fragment.directives)?))
    }

    fn selections(&mut self, set: &'a SelectionSet, introspects: bool) -> Result<Weight, Refusal> {
        let mut sum = Weight::default();
        for selection in &set.items {
            let own = Weight { selections: 1, ..Weight::default() }.and(self.directives(selection.node.directives())?);
            let inner = match &selection.node {
                Selection::Field(field) => self.field(&field.node, introspects)?,
                Selection::InlineFragment(inline) => self.selections(&inline.node.selection_set.node, introspects)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, introspects)?,
            };
            sum = sum.and(own.and(inner));
        }
        sum.comparisons = sum.comparisons.saturating_add(sum.siblings);
        Ok(sum)
    }

    fn field(&mut self, field: &'a Field, introspects: bool) -> Result<Weight, Refusal> {
        let name = field.name.node.as_str();
        // The library ignores both, so it would run a document that the specification rejects.
        if name == TYPENAME && !(field.arguments.is_empty() && field.selection_set.node.items.is_empty()) {
            return Err(Refusal::TypenameMisuse);
        }

        let enters = !introspects && INTROSPECTION_FIELDS.contains(&name);
        let inner = self.selections(&field.selection_set.node, introspects || enters)?;
        let mut weight = Weight { siblings: 1, ..inner };
        weight.input_size = weight.input_size.saturating_add(self.arguments(&field.arguments));
        if introspects || enters {
            weight.introspection = inner.introspection.below(name);
        }
        if !introspects {
            let times = if is_list(name) { LIST_SIZE } else { 1 };
            weight.depth = inner.depth.saturating_add(1);
            let least = if name == LOOKUP { LOOKUP_COMPLEXITY } else { 1 };
            weight.complexity = inner.complexity.saturating_mul(times).saturating_add(1).max(least);
            weight.credentials = inner.credentials.saturating_add(is_credential(name).into());
        }
        Ok(weight)
    }

    fn directives(&self, directives: &[Positioned<Directive>]) -> Result<Weight, Refusal> {
        let mut weight = Weight::default();
        for directive in directives {
            if !DIRECTIVES.contains(&directive.node.name.node.as_str()) {
                return Err(Refusal::UnknownDirective);
            }
            weight.selections = weight.selections.saturating_add(1);
            weight.input_size = weight.input_size.saturating_add(self.arguments(&directive.node.arguments));
        }
        Ok(weight)
    }

    fn arguments(&self, arguments: &[(Positioned<Name>, Positioned<Value>)]) -> u32 {
        arguments.iter().fold(0, |sum, (_, value)| sum.saturating_add(self.size(&value.node)))
    }

    /// Returns the size of an argument's value after its variables are replaced by their values.
    fn size(&self, value: &Value) -> u32 {
        match value {
            Value::Variable(name) => self.variables.get(name.as_str()).copied().unwrap_or(1).max(1),
            Value::Null | Value::Number(_) | Value::Boolean(_) | Value::Enum(_) => 1,
            Value::String(text) => text_size(text.len()),
            Value::Binary(bytes) => text_size(bytes.len()),
            Value::List(values) => values.iter().fold(1, |sum, value| sum.saturating_add(self.size(value))),
            Value::Object(fields) => fields.values().fold(1, |sum, value| sum.saturating_add(self.size(value))),
        }
    }
}

impl Weight {
    /// Returns the weight of this and `other` side by side: sums, but the larger of two depths.
    pub(super) fn and(self, other: Self) -> Self {
        let (one, two) = (self.introspection, other.introspection);
        Self {
            selections: self.selections.saturating_add(other.selections),
            input_size: self.input_size.saturating_add(other.input_size),
            depth: self.depth.max(other.depth),
            complexity: self.complexity.saturating_add(other.complexity),
            credentials: self.credentials.saturating_add(other.credentials),
            siblings: self.siblings.saturating_add(other.siblings),
            comparisons: self.comparisons.saturating_add(other.comparisons),
            introspection: Introspection {
                depth: one.depth.max(two.depth),
                complexity: one.complexity.saturating_add(two.complexity),
                lists: one.lists.max(two.lists),
            },
        }
    }

    /// Returns a bound that this operation exceeds.
    pub(super) fn per_operation(self) -> Option<Refusal> {
        let introspection = self.introspection;
        if self.depth > MAX_DEPTH {
            return Some(Refusal::Depth);
        }
        if self.complexity > MAX_COMPLEXITY {
            return Some(Refusal::Complexity);
        }
        let over = introspection.depth > MAX_INTROSPECTION_DEPTH
            || introspection.complexity > MAX_INTROSPECTION_COMPLEXITY
            || introspection.lists > MAX_INTROSPECTION_LISTS;
        over.then_some(Refusal::Introspection)
    }

    /// Returns a bound that all operations together exceed.
    pub(super) fn over_all(self) -> Option<Refusal> {
        if self.selections > MAX_SELECTIONS || self.comparisons > MAX_COMPARISONS {
            return Some(Refusal::Selections);
        }
        (self.input_size > MAX_INPUT_SIZE).then_some(Refusal::InputSize)
    }

    /// Returns whether an operation uses `__schema` or `__type`.
    pub(super) const fn introspects(self) -> bool {
        self.introspection.depth > 0
    }
}

impl Introspection {
    /// Returns the weight of a field that has this selection set.
    fn below(self, field: &str) -> Self {
        Self {
            depth: self.depth.saturating_add(1),
            complexity: self.complexity.saturating_add(1),
            lists: self.lists.saturating_add(INTROSPECTION_LISTS.contains(&field).into()),
        }
    }
}
