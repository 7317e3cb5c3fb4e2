//! `.rbxm` model files: from sources, from a host's Instances, and read back.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use mlua::{Lua, Table, Value};
use rbx_dom_weak::types::{
    Color3, ColorSequence, ColorSequenceKeypoint, Enum, NumberSequence, NumberSequenceKeypoint, Ref, UDim, UDim2,
    Variant, Vector2, Vector3,
};
use rbx_dom_weak::{InstanceBuilder, WeakDom};

/// A tree of scripts, as a folder of `.luau` files lays it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The Instance's name.
    pub name: String,
    /// The source, byte for byte.
    pub source: String,
    /// `ModuleScript`s below it, by name.
    pub children: BTreeMap<String, Module>,
}

impl Module {
    /// Reads a module from `path`: a folder with an `init.luau`, or that folder's `init.luau` alone, named `name`.
    pub fn read(path: &Path, name: &str) -> anyhow::Result<Self> {
        let init = path.join("init.luau");
        let source = std::fs::read_to_string(&init).with_context(|| format!("cannot read {}", init.display()))?;
        let mut children = BTreeMap::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?.path();
            let stem = entry.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            if entry.is_dir() {
                children.insert(stem.clone(), Self::read(&entry, &stem)?);
            } else if entry.extension().is_some_and(|extension| extension == "luau") && stem != "init" {
                let source = std::fs::read_to_string(&entry)?;
                children.insert(stem.clone(), Self { name: stem, source, children: BTreeMap::new() });
            }
        }
        Ok(Self { name: name.to_owned(), source, children })
    }

    /// The model file's bytes: the same for the same sources, on every machine and every day.
    pub fn to_rbxm(&self) -> anyhow::Result<Vec<u8>> {
        to_bytes(self.builder())
    }

    /// Reads a model file of one `ModuleScript` back, for the comparison with the sources.
    pub fn from_rbxm(bytes: &[u8]) -> anyhow::Result<Self> {
        let dom = rbx_binary::from_reader(bytes)?;
        match dom.root().children() {
            [root] => Self::from_dom(&dom, *root),
            roots => bail!("expected one Instance at the top, found {}", roots.len()),
        }
    }

    fn builder(&self) -> InstanceBuilder {
        InstanceBuilder::new("ModuleScript")
            .with_name(&self.name)
            .with_property("Source", Variant::String(self.source.clone()))
            .with_children(self.children.values().map(Self::builder))
    }

    fn from_dom(dom: &WeakDom, id: Ref) -> anyhow::Result<Self> {
        let instance = dom.get_by_ref(id).context("a child that is not there")?;
        let Some(Variant::String(source)) = instance.properties.get(&"Source".into()) else {
            bail!("{} holds no source", instance.name);
        };
        let children = instance.children().iter().map(|child| {
            let child = Self::from_dom(dom, *child)?;
            Ok((child.name.clone(), child))
        });
        let children = children.collect::<anyhow::Result<_>>()?;
        Ok(Self { name: instance.name.clone(), source: source.clone(), children })
    }
}

fn to_bytes(root: InstanceBuilder) -> anyhow::Result<Vec<u8>> {
    let mut dom = WeakDom::new(InstanceBuilder::new("DataModel"));
    let top = dom.root_ref();
    let id = dom.insert(top, root);
    let mut bytes = Vec::new();
    rbx_binary::to_writer(&mut bytes, &dom, &[id])?;
    Ok(bytes)
}

/// Adds `export(path, dump)` to `natives`: writes a host's Instances as a model file.
pub(crate) fn install(lua: &Lua, natives: &Table) -> mlua::Result<()> {
    natives.set(
        "export",
        lua.create_function(|_, (path, root): (String, Table)| {
            let bytes = to_bytes(dumped(&root)?).map_err(|error| mlua::Error::runtime(format!("{error:#}")))?;
            std::fs::write(path, bytes).map_err(mlua::Error::external)
        })?,
    )
}

fn dumped(dump: &Table) -> mlua::Result<InstanceBuilder> {
    let mut builder = InstanceBuilder::new(dump.get::<String>("class")?).with_name(dump.get::<String>("name")?);
    for pair in dump.get::<Table>("properties")?.pairs::<String, Table>() {
        let (name, property) = pair?;
        if let Some(value) = variant(&property.get::<String>("kind")?, &property.get::<Value>("value")?)? {
            builder = builder.with_property(name.as_str(), value);
        }
    }
    for child in dump.get::<Table>("children")?.sequence_values::<Table>() {
        builder = builder.with_child(dumped(&child?)?);
    }
    Ok(builder)
}

/// A property's value in the file's own terms; `None` for kinds that no interface here uses.
#[expect(clippy::wildcard_enum_match_arm, reason = "other kinds of values are no properties")]
fn variant(kind: &str, value: &Value) -> mlua::Result<Option<Variant>> {
    Ok(match value {
        Value::Boolean(flag) => Some(Variant::Bool(*flag)),
        Value::String(text) if kind == "Content" => Some(Variant::Content(text.to_string_lossy().into())),
        Value::String(text) if kind == "ContentId" => Some(Variant::ContentId(text.to_string_lossy().into())),
        Value::String(text) => Some(Variant::String(text.to_string_lossy())),
        #[expect(clippy::cast_precision_loss, reason = "properties here are far below 2^53")]
        Value::Integer(number) => Some(number_variant(kind, *number as f64)),
        Value::Number(number) => Some(number_variant(kind, *number)),
        Value::Table(fields) => datatype(kind, fields)?,
        _ => None,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "the property's own width decides, as it does in Roblox")]
fn number_variant(kind: &str, number: f64) -> Variant {
    match kind {
        "Int32" => Variant::Int32(number as i32),
        "Int64" => Variant::Int64(number as i64),
        "Float64" => Variant::Float64(number),
        _ => Variant::Float32(number as f32),
    }
}

fn datatype(kind: &str, fields: &Table) -> mlua::Result<Option<Variant>> {
    if kind.starts_with("Enum.") {
        return Ok(Some(Variant::Enum(Enum::from_u32(fields.get("Value")?))));
    }
    Ok(match kind {
        "UDim" => Some(Variant::UDim(udim(fields)?)),
        "UDim2" => Some(Variant::UDim2(UDim2::new(udim(&fields.get("X")?)?, udim(&fields.get("Y")?)?))),
        "Vector2" => Some(Variant::Vector2(Vector2::new(fields.get("X")?, fields.get("Y")?))),
        "Vector3" => Some(Variant::Vector3(Vector3::new(fields.get("X")?, fields.get("Y")?, fields.get("Z")?))),
        "Color3" => Some(Variant::Color3(color(fields)?)),
        "ColorSequence" => Some(Variant::ColorSequence(ColorSequence {
            keypoints: keypoints(fields, |point| {
                Ok(ColorSequenceKeypoint::new(point.get("Time")?, color(&point.get("Value")?)?))
            })?,
        })),
        "NumberSequence" => Some(Variant::NumberSequence(NumberSequence {
            keypoints: keypoints(fields, |point| {
                Ok(NumberSequenceKeypoint::new(point.get("Time")?, point.get("Value")?, point.get("Envelope")?))
            })?,
        })),
        _ => None,
    })
}

fn keypoints<P>(sequence: &Table, read: impl Fn(&Table) -> mlua::Result<P>) -> mlua::Result<Vec<P>> {
    let points = sequence.get::<Table>("Keypoints")?;
    points.sequence_values::<Table>().map(|point| read(&point?)).collect()
}

fn udim(fields: &Table) -> mlua::Result<UDim> {
    Ok(UDim::new(fields.get("Scale")?, fields.get("Offset")?))
}

fn color(fields: &Table) -> mlua::Result<Color3> {
    Ok(Color3::new(fields.get("R")?, fields.get("G")?, fields.get("B")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_file_holds_the_same_sources_and_is_the_same_each_time() {
        let child = Module { name: "Types".into(), source: "return nil\n".into(), children: BTreeMap::new() };
        let module = Module {
            name: "RankService".into(),
            source: "-- é\nreturn {}\n".into(),
            children: BTreeMap::from([("Types".into(), child)]),
        };
        let bytes = module.to_rbxm().unwrap();
        assert_eq!(bytes, module.to_rbxm().unwrap());
        assert_eq!(Module::from_rbxm(&bytes).unwrap(), module);
    }
}
