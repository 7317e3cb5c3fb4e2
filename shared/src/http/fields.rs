//! Reading a body's fields: JSON as callers send it, checked to the last digit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error_code::ErrorCode;
use super::faults::{self, Faults};
use super::problem::Problem;
use crate::domain::id::MAX_ID;

/// A JSON object's fields as they were written, so that a repeated name is seen and no number is rounded.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// Reads a body. `[]` is taken for an empty object: it is what Luau's `JSONEncode({})` writes.
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        match serde_json::from_slice::<Object>(body) {
            Ok(Object(fields)) => Ok(Self(fields)),
            Err(_) if serde_json::from_slice::<[(); 0]>(body).is_ok() => Ok(Self(Vec::new())),
            Err(_) => Err(faults::only(Problem::new(ErrorCode::InvalidJson, no_object(body)))),
        }
    }

    /// No fields at all.
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Notes each field that is there twice.
    pub(super) fn check_repetition(&self, faults: &mut Faults) {
        let mut names = BTreeMap::new();
        for (name, _) in &self.0 {
            *names.entry(name).or_insert(0_usize) += 1;
        }
        for name in names.into_iter().filter(|(_, times)| *times > 1).map(|(name, _)| name) {
            faults.note(Problem::repeated(name));
        }
    }

    /// Notes each field that is not among `known`.
    pub(super) fn check_names(&self, known: &[&str], faults: &mut Faults) {
        let sent: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        let mut told = BTreeSet::new();
        for (name, _) in self.0.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            if told.insert(name) {
                faults.note(Problem::unknown(name, known, &sent));
            }
        }
    }

    /// Whether the field is there, and not `null`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The number that a field has where another kind of value is expected; for a sentence that says more.
    pub(super) fn loose(&self, name: &str) -> Option<Loose> {
        let json = self.get(name)?;
        let text = serde_json::from_str::<String>(json).ok();
        let number = text.as_deref().map_or_else(|| exact_integer(json), digits);
        number.map(Loose::Number).or(text.map(|_| Loose::Text))
    }

    /// A rank or a pair of ranks, as written.
    pub(super) fn pair(&self, name: &str) -> Option<Vec<Option<u64>>> {
        let json = self.get(name)?;
        let read = |json: &str| {
            let text = serde_json::from_str::<String>(json).ok();
            text.as_deref().map_or_else(|| exact_integer(json), digits)
        };
        match serde_json::from_str::<Vec<Box<RawValue>>>(json) {
            Ok(several) => Some(several.iter().map(|value| read(value.get())).collect()),
            Err(_) => Some(vec![read(json)]),
        }
    }

    /// The field's JSON text; `null` is the same as leaving the field out.
    fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.get());
        value.filter(|text| *text != "null")
    }

    /// A whole number, written as a number or as a string of digits.
    pub(super) fn integer(&self, name: &str, expected: &str) -> Result<Option<u64>, Problem> {
        let Some(json) = self.get(name) else { return Ok(None) };
        let value = if json.starts_with('"') {
            serde_json::from_str::<String>(json).ok().and_then(|text| digits(&text))
        } else {
            exact_integer(json)
        };
        value.map(Some).ok_or_else(|| Problem::invalid(name, expected))
    }

    /// A string.
    pub(super) fn text(&self, name: &str, expected: &str) -> Result<Option<String>, Problem> {
        self.typed(name, expected)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.typed(name, "true or false")
    }

    fn typed<T: serde::de::DeserializeOwned>(&self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        let Some(json) = self.get(name) else { return Ok(None) };
        serde_json::from_str(json).map(Some).map_err(|_| Problem::invalid(name, expected))
    }
}

/// What is wrong with a body that is no JSON object.
fn no_object(body: &[u8]) -> &'static str {
    let body = body.trim_ascii();
    let is_text = |text: &[u8]| serde_json::from_slice::<String>(text).ok();
    match body {
        [] => "The request has no body: send a JSON object, with Content-Type: application/json.",
        [0xef, 0xbb, 0xbf, ..] => "The body begins with a byte order mark: send the JSON object without it.",
        [b'"', ..] if is_text(body).is_some_and(|text| text.trim_start().starts_with('{')) => {
            "The body is a JSON object within a JSON string: encode it once, not twice."
        }
        [b'[', ..] => "The body is a JSON array: send one JSON object, for one change.",
        [first, ..] if *first != b'{' && body.contains(&b'=') => {
            "The body is a form, not JSON: send a JSON object, with Content-Type: application/json."
        }
        _ => "The body is not a JSON object: check quotes, commas and braces.",
    }
}

/// What a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loose {
    /// A whole number.
    Number(u64),
    /// Any other text.
    Text,
}

/// The fields in the order they were sent.
struct Object(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldVisitor;

        impl<'de> Visitor<'de> for FieldVisitor {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Object(fields))
            }
        }

        deserializer.deserialize_map(FieldVisitor)
    }
}

/// A string of decimal digits, at most [`MAX_ID`].
pub(super) fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = text.trim_start_matches('0');
    if significant.is_empty() { Some(0) } else { bounded(significant) }
}

/// A JSON number whose value is a whole one, `5`, `5.0` and `5e0` alike, at most [`MAX_ID`]. Judged digit by digit: as a
/// double, 9007199254740991.4 would be whole.
fn exact_integer(json: &str) -> Option<u64> {
    let (mantissa, exponent) = json.split_once(['e', 'E']).unwrap_or((json, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let significant = format!("{whole}{fraction}");
    if !significant.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let trimmed = significant.trim_end_matches('0');
    let exponent = i64::try_from(exponent.parse::<i128>().ok()?).ok()?;
    let dropped = i64::try_from(significant.len() - trimmed.len()).ok()?;
    let zeros = exponent.checked_add(dropped)?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let zeros = usize::try_from(zeros).ok().filter(|zeros| *zeros <= 16)?;
    bounded(&format!("{trimmed}{}", "0".repeat(zeros)))
}

fn bounded(significant: &str) -> Option<u64> {
    if significant.len() > 16 {
        return None;
    }
    significant.parse().ok().filter(|value| *value <= MAX_ID)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        for (json, value) in
            [("5", 5), ("5.0", 5), ("5.000", 5), ("50e-1", 5), ("0.5e1", 5), ("5E2", 500), ("0", 0), ("0.0e99", 0)]
        {
            assert_eq!(exact_integer(json), Some(value), "{json}");
        }
        assert_eq!(exact_integer("9007199254740991"), Some(MAX_ID));
        assert_eq!(exact_integer("9.007199254740991e15"), Some(MAX_ID));
    }

    #[test]
    fn what_a_double_would_round_is_refused() {
        for json in [
            "5.5",
            "-5",
            "-0",
            "9007199254740992",
            "9007199254740991.4",
            "5.00000000000000000000001",
            "1e400",
            "1e99999999999999999999999999999999999999999",
            "5e-1",
            "true",
            "[]",
        ] {
            assert_eq!(exact_integer(json), None, "{json}");
        }
    }

    #[test]
    fn strings_hold_decimal_digits_only() {
        assert_eq!(digits("007"), Some(7));
        assert_eq!(digits("000"), Some(0));
        for text in ["", " 5", "5 ", "+5", "-5", "5.0", "0x5", "٥", "9007199254740992", "99999999999999999999"] {
            assert_eq!(digits(text), None, "{text}");
        }
    }

    #[test]
    fn repeated_names_are_seen_even_when_escaped() {
        let mut faults = Faults::default();
        Fields::read(br#"{"userId":1,"user\u0049d":2}"#).unwrap().check_repetition(&mut faults);
        let problem = faults.unless_any(Some(())).unwrap_err();
        assert_eq!(problem.code, ErrorCode::InvalidParameter);
        assert!(problem.message.contains("userId"));
    }

    #[test]
    fn luaus_empty_table_is_an_empty_object_and_other_values_are_none() {
        assert!(Fields::read(b" [] ").is_ok());
        for body in [&b""[..], b"5", b"[1]", b"\"{}\"", b"{", b"{}{}", b"null", b"\xff", b"{\"a\":\xff}"] {
            assert_eq!(Fields::read(body).unwrap_err().code, ErrorCode::InvalidJson, "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn every_id_survives_as_number_and_as_string(id in 0..=MAX_ID, zeros in 0_usize..5) {
            prop_assert_eq!(exact_integer(&id.to_string()), Some(id));
            prop_assert_eq!(exact_integer(&format!("{id}.{}", "0".repeat(zeros + 1))), Some(id));
            prop_assert_eq!(digits(&format!("{}{id}", "0".repeat(zeros))), Some(id));
        }

        #[test]
        fn no_body_makes_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Fields::read(&body);
        }
    }
}
