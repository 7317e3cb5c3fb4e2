//! Reading and writing DynamoDB items by attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use std::fmt::Display;

pub(super) type Item = HashMap<String, AttributeValue>;

/// An attribute is missing, or is not what this version writes there.
#[derive(Debug, thiserror::Error)]
#[error("attribute {0} is missing or unreadable")]
pub(super) struct Unreadable(pub &'static str);

/// An item whose attributes are all strings: a primary key.
pub(super) fn text_key(pairs: &[(&str, &str)]) -> Item {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), text(*value))).collect()
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(format!("{value}"))
}

pub(super) fn instant(value: Timestamp) -> AttributeValue {
    number(value.as_second())
}

pub(super) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// The text of an attribute.
pub(super) fn read_text<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, Unreadable> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).ok_or(Unreadable(name))
}

/// Any number that `T` can hold.
pub(super) fn read_number<T: std::str::FromStr>(item: &Item, name: &'static str) -> Result<T, Unreadable> {
    item.get(name).and_then(parse_number).ok_or(Unreadable(name))
}

/// A number that may be absent.
pub(super) fn read_optional_number<T: std::str::FromStr>(
    item: &Item,
    name: &'static str,
) -> Result<Option<T>, Unreadable> {
    item.contains_key(name).then(|| read_number(item, name)).transpose()
}

/// Unix seconds that may be absent.
pub(super) fn read_optional_instant(item: &Item, name: &'static str) -> Result<Option<Timestamp>, Unreadable> {
    let second = read_optional_number(item, name)?;
    second.map(Timestamp::from_second).transpose().map_err(|_| Unreadable(name))
}

/// The number of an attribute value.
pub(super) fn parse_number<T: std::str::FromStr>(value: &AttributeValue) -> Option<T> {
    value.as_n().ok().and_then(|digits| digits.parse().ok())
}

/// Bytes of a fixed length that may be absent.
pub(super) fn read_optional_bytes<const N: usize>(
    item: &Item,
    name: &'static str,
) -> Result<Option<[u8; N]>, Unreadable> {
    let Some(value) = item.get(name) else { return Ok(None) };
    let blob = value.as_b().map_err(|_| Unreadable(name))?;
    blob.as_ref().try_into().map(Some).map_err(|_| Unreadable(name))
}
