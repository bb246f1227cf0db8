//! Why a request is refused before the GraphQL library sees it.

/// A bound that a request exceeds, or a rule of the specification that it breaks and that the library does not check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// More tokens than `MAX_TOKENS`.
    Tokens,
    /// More brackets open at once than `MAX_NESTING`.
    Nesting,
    /// A name longer than `MAX_NAME_BYTES`.
    LongName,
    /// A string without its end. Nothing can be said about the rest of the text.
    OpenString,
    /// An input object that sets a field twice (GraphQL 5.6.3).
    DuplicateInputField,
    /// More operations than `MAX_OPERATIONS`.
    Operations,
    /// A fragment that uses itself (GraphQL 5.5.2.2). It has no finite size.
    Cycle,
    /// A fragment that the document does not define (GraphQL 5.5.2.1).
    UnknownFragment,
    /// A directive other than `@skip` and `@include` (GraphQL 5.7.1).
    UnknownDirective,
    /// `__typename` with arguments or with a selection set.
    TypenameMisuse,
    /// Introspection, which is off.
    IntrospectionOff,
    /// More than one credential field in the operation that would run.
    Credentials,
    /// More than `MAX_VARIABLE_VALUES` values in `variables`.
    VariableValues,
    /// Deeper than `MAX_DEPTH`.
    Depth,
    /// More fields than `MAX_COMPLEXITY`.
    Complexity,
    /// More introspection than its bounds allow.
    Introspection,
    /// More selections than `MAX_SELECTIONS`, or more to compare than `MAX_COMPARISONS`.
    Selections,
    /// Argument values larger than `MAX_INPUT_SIZE`.
    InputSize,
}
