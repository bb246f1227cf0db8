//! The reasons to reject a request before the GraphQL library sees it.

/// A bound that a request exceeds, or a rule of the specification that it breaks and the library does not check. The
/// order of the variants decides which one a client gets if several apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The document has more than `MAX_TOKENS` tokens.
    Tokens,
    /// The document nests brackets more than `MAX_NESTING` deep.
    Nesting,
    /// A name is longer than `MAX_NAME_BYTES`.
    LongName,
    /// A string is not closed, so the rest of the text cannot be measured.
    OpenString,
    /// An input object sets a field twice (GraphQL 5.6.3).
    DuplicateInputField,
    /// The document has more than `MAX_OPERATIONS` operations.
    Operations,
    /// A fragment uses itself (GraphQL 5.5.2.2), so its expanded form is infinite.
    Cycle,
    /// The document uses a fragment that it does not define (GraphQL 5.5.2.1).
    UnknownFragment,
    /// The document uses a directive other than `@skip` and `@include` (GraphQL 5.7.1).
    UnknownDirective,
    /// `__typename` has arguments or a selection set.
    TypenameMisuse,
    /// The subscription to run does not select exactly one field (GraphQL 5.2.4.1), or not directly.
    SubscriptionRoot,
    /// The document uses introspection, and the server does not allow it.
    IntrospectionOff,
    /// The operation to run has more than one credential field.
    Credentials,
    /// `variables` has more than `MAX_VARIABLE_VALUES` values.
    VariableValues,
    /// An operation is deeper than `MAX_DEPTH`.
    Depth,
    /// An operation has a complexity above `MAX_COMPLEXITY`.
    Complexity,
    /// An operation exceeds one of the three bounds of introspection.
    Introspection,
    /// The document has more than `MAX_SELECTIONS` selections or `MAX_COMPARISONS` comparisons.
    Selections,
    /// The argument values are larger than `MAX_INPUT_SIZE`.
    InputSize,
}
