//! What the reflection database knows about classes and enums, for the Luau side's Instances.

use mlua::{IntoLua, Lua, Result, Table, Value};
use rbx_dom_weak::types::Variant;
use rbx_reflection::{ClassTag, DataType, PropertyDescriptor, PropertyKind, ReflectionDatabase, Scriptability};

/// Adds `classInfo(name)`, `enumItems(name)` to `natives`.
pub(crate) fn install(lua: &Lua, natives: &Table) -> Result<()> {
    let database = rbx_reflection_database::get().map_err(mlua::Error::external)?;
    natives.set("classInfo", lua.create_function(move |lua, name: String| class_info(lua, database, &name))?)?;
    natives.set(
        "enumItems",
        lua.create_function(move |lua, name: String| {
            let Some(descriptor) = database.enums.get(name.as_str()) else { return Ok(None) };
            let items = lua.create_table()?;
            for (item, value) in &descriptor.items {
                items.set(*item, *value)?;
            }
            Ok(Some(items))
        })?,
    )
}

/// `{ chain, properties = { [name] = { kind, readOnly } }, defaults, service, creatable }`, or nil for no such class.
fn class_info(lua: &Lua, database: &'static ReflectionDatabase, name: &str) -> Result<Option<Table>> {
    let Some(class) = database.classes.get(name) else { return Ok(None) };
    let (chain, properties, defaults) = (lua.create_table()?, lua.create_table()?, lua.create_table()?);
    for ancestor in database.superclasses_iter(class) {
        chain.push(ancestor.name)?;
        for (property, descriptor) in &ancestor.properties {
            let visible = !matches!(descriptor.scriptability, Scriptability::None);
            if visible && !properties.contains_key(*property)? {
                properties.set(*property, property_info(lua, descriptor)?)?;
            }
        }
        for (property, value) in &ancestor.default_properties {
            if !defaults.contains_key(*property)? {
                defaults.set(*property, default_value(lua, value)?)?;
            }
        }
    }
    let info = lua.create_table()?;
    info.set("chain", chain)?;
    info.set("properties", properties)?;
    info.set("defaults", defaults)?;
    info.set("service", class.tags.contains(&ClassTag::Service))?;
    info.set("creatable", !class.tags.contains(&ClassTag::NotCreatable))?;
    Ok(Some(info))
}

fn property_info(lua: &Lua, descriptor: &PropertyDescriptor) -> Result<Table> {
    let kind = match &descriptor.data_type {
        DataType::Value(kind) => format!("{kind:?}"),
        DataType::Enum(name) => format!("Enum.{name}"),
        _ => "Unknown".to_owned(),
    };
    let alias = if let PropertyKind::Alias { alias_for } = &descriptor.kind { Some(*alias_for) } else { None };
    let info = lua.create_table()?;
    info.set("kind", kind)?;
    info.set("readOnly", matches!(descriptor.scriptability, Scriptability::Read))?;
    info.set("alias", alias)?;
    Ok(info)
}

/// A default as the Luau side reads it: plain values as they are, datatypes as `{ type, … }` to build them from.
fn default_value(lua: &Lua, value: &Variant) -> Result<Value> {
    let numbers = |kind: &str, numbers: &[f32]| -> Result<Value> {
        let table = lua.create_table()?;
        table.set("type", kind)?;
        for number in numbers {
            table.push(*number)?;
        }
        Ok(Value::Table(table))
    };
    #[expect(clippy::cast_precision_loss, reason = "offsets in pixels and sizes are far below 2^24 in the defaults")]
    #[expect(clippy::wildcard_enum_match_arm, reason = "defaults of other kinds are read as nil")]
    match value {
        Variant::Bool(flag) => flag.into_lua(lua),
        Variant::String(text) => text.as_str().into_lua(lua),
        Variant::Int32(number) => number.into_lua(lua),
        Variant::Int64(number) => number.into_lua(lua),
        Variant::Float32(number) => number.into_lua(lua),
        Variant::Float64(number) => number.into_lua(lua),
        Variant::Enum(item) => numbers("Enum", &[item.to_u32() as f32]),
        Variant::UDim(dim) => numbers("UDim", &[dim.scale, dim.offset as f32]),
        Variant::UDim2(dim) => numbers("UDim2", &[dim.x.scale, dim.x.offset as f32, dim.y.scale, dim.y.offset as f32]),
        Variant::Vector2(vector) => numbers("Vector2", &[vector.x, vector.y]),
        Variant::Vector3(vector) => numbers("Vector3", &[vector.x, vector.y, vector.z]),
        Variant::Color3(color) => numbers("Color3", &[color.r, color.g, color.b]),
        _ => Ok(Value::Nil),
    }
}
