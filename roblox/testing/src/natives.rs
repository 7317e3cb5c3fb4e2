//! What the Luau side of the host asks of the Rust side.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use mlua::{Lua, Table, Value};

use crate::host::Line;
use crate::http::{Answer, Network, Request};
use crate::{json, model, reflection};

/// The table of functions that every part of the runtime is given; lines of output go to `output`.
pub(crate) fn natives(lua: &Lua, network: &Rc<Network>, output: &Rc<RefCell<Vec<Line>>>) -> mlua::Result<Table> {
    let natives = lua.create_table()?;
    let lines = Rc::clone(output);
    natives.set(
        "log",
        lua.create_function(move |_, (kind, text): (String, mlua::LuaString)| {
            lines.borrow_mut().push(Line { kind, text: text.to_string_lossy() });
            Ok(())
        })?,
    )?;
    natives.set("jsonEncode", lua.create_function(|_, value: Value| json::encode(&value))?)?;
    natives
        .set("jsonDecode", lua.create_function(|lua, text: mlua::LuaString| json::decode(lua, &text.as_bytes()))?)?;
    natives.set(
        "compile",
        lua.create_function(|lua, (source, name, environment): (String, String, Table)| {
            lua.load(source).set_name(format!("={name}")).set_environment(environment).into_function()
        })?,
    )?;
    http_natives(lua, network, &natives)?;
    reflection::install(lua, &natives)?;
    model::install(lua, &natives)?;
    Ok(natives)
}

fn http_natives(lua: &Lua, network: &Rc<Network>, natives: &Table) -> mlua::Result<()> {
    let sender = Rc::clone(network);
    natives.set(
        "httpStart",
        lua.create_function(move |_, (id, request): (u64, Table)| {
            let headers = request.get::<Table>("headers")?.pairs::<String, String>().collect::<mlua::Result<_>>()?;
            let body = request.get::<Option<mlua::LuaString>>("body")?.map(|body| body.to_string_lossy());
            let timeout = Duration::try_from_secs_f64(request.get("timeout")?).map_err(mlua::Error::external)?;
            let (method, url) = (request.get("method")?, request.get("url")?);
            sender.start(Request { id, method, url, headers, body, timeout });
            Ok(())
        })?,
    )?;
    let receiver = Rc::clone(network);
    natives.set(
        "httpWait",
        lua.create_function(move |lua, ()| {
            let (id, outcome) = receiver.wait().map_err(mlua::Error::external)?;
            match outcome {
                Ok(answer) => Ok((id, answer.delay, Value::Table(response(lua, &answer)?))),
                Err(failure) => Ok((id, 0.0, Value::String(lua.create_string(failure.text())?))),
            }
        })?,
    )
}

/// The table that `RequestAsync` returns.
fn response(lua: &Lua, answer: &Answer) -> mlua::Result<Table> {
    let headers = lua.create_table()?;
    for (name, value) in &answer.headers {
        headers.set(name.as_str(), value.as_str())?;
    }
    let table = lua.create_table()?;
    table.set("StatusCode", answer.status)?;
    table.set("StatusMessage", answer.reason)?;
    table.set("Success", (200..300).contains(&answer.status))?;
    table.set("Headers", headers)?;
    table.set("Body", lua.create_string(&answer.body)?)?;
    Ok(table)
}
