//! JSON as `HttpService` reads and writes it, with its peculiarities: `{}` is `[]`, a table with an array part loses
//! its string keys, `NaN` and infinities come out as invalid JSON, `null` is `nil`.

use std::collections::HashSet;
use std::ffi::c_void;
use std::fmt::Write as _;

use mlua::{Lua, Result, Table, Value};

/// Largest whole number a double holds exactly; anything within is written without an exponent or a fraction.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// What `HttpService:JSONEncode(value)` returns.
pub(crate) fn encode(value: &Value) -> Result<String> {
    let mut out = String::new();
    write_value(value, &mut out, &mut HashSet::new())?;
    Ok(out)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "JSON has forms for these kinds and no others")]
fn write_value(value: &Value, out: &mut String, open: &mut HashSet<*const c_void>) -> Result<()> {
    match value {
        Value::Boolean(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Integer(number) => out.push_str(&number.to_string()),
        Value::Number(number) => write_number(*number, out),
        Value::String(text) => {
            let text = text.to_str().map_err(|_| mlua::Error::runtime("Can't convert to JSON"))?;
            write_string(&text, out);
        }
        Value::Table(table) => {
            if !open.insert(table.to_pointer()) {
                return Err(mlua::Error::runtime("Can't convert to JSON: tables cannot be cyclic"));
            }
            write_table(table, out, open)?;
            open.remove(&table.to_pointer());
        }
        // Roblox writes what JSON has no form for (functions, Instances, Secrets) as null.
        _ => out.push_str("null"),
    }
    Ok(())
}

fn write_number(number: f64, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = if number.is_nan() {
        out.write_str("nan")
    } else if number.is_infinite() {
        out.write_str(if number > 0.0 { "inf" } else { "-inf" })
    } else if number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER {
        write!(out, "{number:.0}")
    } else {
        write!(out, "{number:?}")
    };
}

fn write_string(text: &str, out: &mut String) {
    // A JSON string of a Rust string cannot fail; the fallback keeps the function total.
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()));
}

fn write_table(table: &Table, out: &mut String, open: &mut HashSet<*const c_void>) -> Result<()> {
    if table.raw_len() > 0 || table.is_empty() {
        out.push('[');
        for (index, item) in table.sequence_values::<Value>().enumerate() {
            if index > 0 {
                out.push(',');
            }
            write_value(&item?, out, open)?;
        }
        out.push(']');
        return Ok(());
    }
    out.push('{');
    let mut first = true;
    for pair in table.pairs::<Value, Value>() {
        let (Value::String(key), value) = pair? else { continue };
        if !first {
            out.push(',');
        }
        first = false;
        write_string(&key.to_string_lossy(), out);
        out.push(':');
        write_value(&value, out, open)?;
    }
    out.push('}');
    Ok(())
}

/// What `HttpService:JSONDecode(text)` returns; throws on anything that is not one JSON value.
pub(crate) fn decode(lua: &Lua, text: &[u8]) -> Result<Value> {
    let value: serde_json::Value =
        serde_json::from_slice(text).map_err(|_| mlua::Error::runtime("Can't parse JSON"))?;
    to_luau(lua, &value)
}

/// `value` as Luau sees it: `null` is `nil`, every number a double.
pub(crate) fn to_luau(lua: &Lua, value: &serde_json::Value) -> Result<Value> {
    Ok(match value {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(flag) => Value::Boolean(*flag),
        serde_json::Value::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Value::String(lua.create_string(text)?),
        serde_json::Value::Array(items) => {
            let table = lua.create_table()?;
            for (index, item) in items.iter().enumerate() {
                table.raw_set(index + 1, to_luau(lua, item)?)?;
            }
            Value::Table(table)
        }
        serde_json::Value::Object(fields) => {
            let table = lua.create_table()?;
            for (name, field) in fields {
                table.raw_set(name.as_str(), to_luau(lua, field)?)?;
            }
            Value::Table(table)
        }
    })
}

/// A script's result for the test to look at: like [`encode`], but keys of every table are kept where there are any.
#[expect(clippy::wildcard_enum_match_arm, reason = "JSON has forms for these kinds and no others")]
pub(crate) fn to_test(value: &Value) -> Result<serde_json::Value> {
    Ok(match value {
        Value::Boolean(flag) => (*flag).into(),
        Value::Integer(number) => (*number).into(),
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the safe range")]
        Value::Number(number) if number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER => (*number as i64).into(),
        Value::Number(number) => {
            serde_json::Number::from_f64(*number).map_or_else(|| format!("{number}").into(), serde_json::Value::Number)
        }
        Value::String(text) => text.to_string_lossy().into(),
        Value::Table(table) if table.raw_len() > 0 || table.is_empty() => {
            table.sequence_values::<Value>().map(|item| to_test(&item?)).collect::<Result<Vec<_>>>()?.into()
        }
        Value::Table(table) => {
            let mut fields = serde_json::Map::new();
            for pair in table.pairs::<Value, Value>() {
                let (key, field) = pair?;
                fields.insert(key.to_string()?, to_test(&field)?);
            }
            fields.into()
        }
        _ => serde_json::Value::Null,
    })
}
