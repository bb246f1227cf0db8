//! A parsed document, with what need not be computed again when it is sent again.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition};
use async_graphql::{Value, Variables};

use super::answer::Shape;
use super::scalars::MAX_PHONE_CHARS;

/// The maximum number of kinds of variables with which a document is remembered as valid. Clients leave out optional fields, so a
/// document has a few.
const MAX_KINDS: usize = 16;
/// The maximum length of a text of kinds. That of an input with ten fields has 200 bytes.
const MAX_KINDS_BYTES: usize = 1024;
/// The maximum length of a name of an enum's value.
const MAX_ENUM_BYTES: usize = 32;

/// A parsed document.
pub(super) struct Document {
    pub(super) parsed: ExecutableDocument,
    /// The shape of the response, if it is the same for all variables.
    shape: Option<OnceLock<Arc<Shape>>>,
    /// The kinds of variables with which the document is valid, the latest at the end.
    valid_with: Mutex<VecDeque<Kinds>>,
}

impl Document {
    pub(super) fn new(text: &str, parsed: ExecutableDocument) -> Self {
        // Without `@` there are no directives, which could depend on variables.
        let is_fixed = parsed.operations.iter().count() == 1 && !text.contains('@');
        Self { parsed, shape: is_fixed.then(OnceLock::new), valid_with: Mutex::default() }
    }

    /// Returns the shape of the response to an operation.
    pub(super) fn shape(&self, operation: &OperationDefinition, variables: &Variables) -> Arc<Shape> {
        let compute = || Arc::new(Shape::of(&self.parsed, operation, variables));
        self.shape.as_ref().map_or_else(compute, |shape| Arc::clone(shape.get_or_init(compute)))
    }

    /// Returns whether the library has found the document valid with variables of these kinds.
    pub(super) fn is_valid_with(&self, kinds: &Kinds) -> bool {
        self.valid_with.lock().unwrap_or_else(PoisonError::into_inner).contains(kinds)
    }

    /// Remembers that the library has found the document valid with variables of these kinds.
    pub(super) fn set_valid_with(&self, kinds: Kinds) {
        let mut valid_with = self.valid_with.lock().unwrap_or_else(PoisonError::into_inner);
        if !valid_with.contains(&kinds) {
            if valid_with.len() == MAX_KINDS {
                valid_with.pop_front();
            }
            valid_with.push_back(kinds);
        }
    }
}

/// Everything of an operation's variables that decides whether a document is valid with them: the types of the values, the names of
/// fields, and values that can be those of an enum. A test compares this with the library's decisions.
///
/// The library validates values as well as the document. Of a string it only asks which value of an enum it is, and whether it is
/// too long for a phone: no scalar of the schema may ask more in `is_valid`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kinds(String);

impl Kinds {
    /// Returns the kinds of the variables of an operation. `None` if they are too long to be remembered.
    pub(super) fn of(operation_name: Option<&str>, variables: &Variables) -> Option<Self> {
        // Names are quoted: they may have any characters here.
        let mut kinds = format!("{:?}", operation_name.unwrap_or_default());
        for (name, value) in variables.iter() {
            append(&mut kinds, format_args!("{name:?}"));
            describe(value, &mut kinds);
            if kinds.len() > MAX_KINDS_BYTES {
                return None;
            }
        }
        Some(Self(kinds))
    }
}

/// Appends the kind of a value.
fn describe(value: &Value, kinds: &mut String) {
    if kinds.len() > MAX_KINDS_BYTES {
        return;
    }
    match value {
        Value::Null => kinds.push('0'),
        Value::Boolean(_) => kinds.push('b'),
        // Whether a number fits depends on its type.
        Value::Number(number) => append(kinds, format_args!("#{number}")),
        Value::String(text) if is_of_enum(text) => append(kinds, format_args!("'{text}'")),
        Value::String(text) if text.chars().count() <= MAX_PHONE_CHARS => kinds.push('s'),
        Value::String(_) => kinds.push('S'),
        Value::Enum(name) => append(kinds, format_args!("={name}")),
        Value::Binary(_) => kinds.push('x'),
        Value::List(values) => {
            kinds.push('[');
            for value in values {
                describe(value, kinds);
                kinds.push(',');
            }
            kinds.push(']');
        }
        Value::Object(fields) => {
            kinds.push('{');
            for (name, value) in fields {
                append(kinds, format_args!("{name:?}:"));
                describe(value, kinds);
                kinds.push(',');
            }
            kinds.push('}');
        }
    }
}

fn append(kinds: &mut String, text: fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = kinds.write_fmt(text);
}

/// Returns whether a text can be the name of an enum's value, which are upper-case in this schema.
fn is_of_enum(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    !text.is_empty() && text.len() <= MAX_ENUM_BYTES && text.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use async_graphql::parser::parse_query;
    use async_graphql::{Request, ValidationMode};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::graphql::{ApiSchema, schema};

    /// Returns what the library says of a document with these variables, without running it.
    async fn verdict(schema: &ApiSchema, text: &str, variables: Variables) -> bool {
        let response = schema.execute(Request::new(text).variables(variables).only_introspection()).await;
        response.errors.iter().all(|error| !error.path.is_empty())
    }

    /// Of all variables with equal kinds, the library accepts all or none.
    #[tokio::test]
    async fn equal_kinds_have_equal_verdicts() {
        let strings = ["", "x", "137 1111 2222", "LOGIN", "VOICE", "login", "LOGIN_", "TRUE", "null", "\"", "$a", "é"];
        let strings = strings.map(str::to_owned).into_iter().chain([63, 64, 65, 200].map(|length| "é".repeat(length)));
        let mut values: Vec<Json> = strings.map(Json::from).collect();
        values.extend([0, 1, -1, i64::from(i32::MAX), i64::from(i32::MAX) + 1, i64::MIN].map(Json::from));
        values.extend([json!(1.5), json!(1e300), json!(u64::MAX), json!(null), json!(true), json!(false)]);
        let nested: Vec<Json> =
            values.iter().flat_map(|value| [json!([value]), json!({ "phone": value }), json!([[value]])]).collect();
        values.extend(nested);

        let schema = schema(true, ValidationMode::Strict);
        let (mut valid, mut invalid, mut repeated) = (0, 0, 0);
        for text in [
            "mutation($v: RequestCodeInput!) { requestCode(input: $v) { __typename } }",
            "mutation($a: PhoneNumber!, $b: CodePurpose, $c: CodeChannel, $d: String, $e: CaptchaInput) {
               requestCode(input: { phone: $a, purpose: $b, channel: $c, locale: $d, captcha: $e }) { __typename } }",
            "query($v: ID!) { user(id: $v) { id } codeDelivery(challengeId: $v) { status } }",
        ] {
            assert!(parse_query(text).is_ok());
            let mut verdicts: HashMap<String, (bool, Variables)> = HashMap::new();
            for value in &values {
                let fields = ["phone", "purpose", "channel", "locale", "captcha", "nobody"];
                let inputs = fields.map(|field| json!({ "v": { "phone": "1", field: value } }));
                let own = ["v", "a", "b", "c", "d", "e"].map(|name| json!({ "a": "1", name: value }));
                for variables in inputs.into_iter().chain(own) {
                    let variables = Variables::from_json(variables);
                    let Kinds(kinds) = Kinds::of(None, &variables).expect("they are short");
                    let verdict = verdict(&schema, text, variables.clone()).await;
                    valid += u32::from(verdict);
                    invalid += u32::from(!verdict);
                    if let Some((known, with)) = verdicts.get(&kinds) {
                        assert_eq!(*known, verdict, "{text}\n{with:?}\n{variables:?}");
                        repeated += 1;
                    }
                    verdicts.insert(kinds, (verdict, variables));
                }
            }
        }
        assert!(valid > 100 && invalid > 100 && repeated > 100, "{valid}, {invalid}, {repeated}");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let document = Document::new("{ me { id } }", parse_query("{ me { id } }").expect("a document"));
        let kinds = |number: usize| Kinds::of(None, &Variables::from_json(json!({ "a": number }))).expect("short");
        for number in 0..100 {
            document.set_valid_with(kinds(number));
        }
        assert!(document.is_valid_with(&kinds(99)) && !document.is_valid_with(&kinds(0)));
        assert_eq!(document.valid_with.lock().expect("a lock").len(), MAX_KINDS);
        let long = Variables::from_json(json!({ "a": vec![1; MAX_KINDS_BYTES] }));
        assert!(Kinds::of(None, &long).is_none());
    }
}
