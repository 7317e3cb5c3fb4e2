//! What the type checker knows of Roblox: values, methods, events and globals as `definitions/` declares them by hand,
//! properties and enums as Roblox's reflection data has them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use rbx_dom_weak::types::VariantType;
use rbx_reflection::{
    ClassDescriptor, ClassTag, DataType, PropertyDescriptor, PropertyTag, ReflectionDatabase, Scriptability,
};

const ENUMS: &str = include_str!("../definitions/enums.d.luau");
const VALUES: &str = include_str!("../definitions/values.d.luau");
const CLASSES: [&str; 4] = [
    include_str!("../definitions/instances.d.luau"),
    include_str!("../definitions/gui.d.luau"),
    include_str!("../definitions/data_stores.d.luau"),
    include_str!("../definitions/services.d.luau"),
];
const GLOBALS: &str = include_str!("../definitions/globals.d.luau");

/// Luau's two type solvers. Roblox Studio has both: the old one for places that have not chosen the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Solver {
    /// It has no type functions, so that whatever depends on a class's name is a list of overloads.
    Old,
    /// It computes types from types: one generic function for all classes.
    New,
}

/// The whole definition file, in the words that `solver` knows.
pub fn text(solver: Solver) -> anyhow::Result<String> {
    let database = rbx_reflection_database::get()?;
    let mut known = Known::default();
    let classes =
        CLASSES.iter().map(|part| known.with_properties(database, part)).collect::<anyhow::Result<String>>()?;
    let lookups = match solver {
        Solver::Old => known.overloads(),
        Solver::New => known.type_functions(),
    };
    let globals = known.with_properties(database, GLOBALS)?;
    let rest = [VALUES, &classes, &lookups, &globals].concat();
    Ok([ENUMS, &enums(database, &rest), &rest].concat())
}

/// The names of classes that were declared.
#[derive(Default)]
struct Known {
    services: BTreeSet<String>,
    creatable: BTreeSet<String>,
}

impl Known {
    /// `part` with the properties of each class that it declares; what is declared by hand is more exact, and stays.
    fn with_properties(&mut self, database: &ReflectionDatabase<'_>, part: &str) -> anyhow::Result<String> {
        let mut text = Vec::new();
        let mut lines = part.lines();
        while let Some(line) = lines.next() {
            text.push(line.to_owned());
            let Some((name, parent)) = heading(line) else { continue };
            let class = database.classes.get(name).with_context(|| format!("Roblox has no class {name}"))?;
            self.note(class);
            let by_hand: Vec<_> = lines.by_ref().take_while(|line| *line != "end").collect();
            let is_by_hand = |property: &str| by_hand.iter().any(|line| declares(line, property));
            let properties = properties(database, class, parent)?.into_iter();
            text.extend(properties.filter(|(name, _)| !is_by_hand(name)).map(|(_, declaration)| declaration));
            text.extend(by_hand.iter().map(|line| (*line).to_owned()));
            text.push("end".to_owned());
        }
        Ok(text.join("\n") + "\n")
    }

    /// `game:GetService` and `Instance.new` as one generic function each. They are types of their own because a class's
    /// declaration cannot hold a generic function itself.
    fn type_functions(&self) -> String {
        let get_service = "type GetService = <K>(self: Instance, name: K & keyof<Services>) -> index<Services, K>\n";
        let new = "type NewInstance = <K>(class: K & keyof<Creatable>, parent: Instance?) -> index<Creatable, K>\n";
        [&table("Services", &self.services), &table("Creatable", &self.creatable), get_service, new].concat()
    }

    /// The same as one overload for each class.
    fn overloads(&self) -> String {
        let get_service = self.services.iter().map(|class| format!("((self: Instance, name: \"{class}\") -> {class})"));
        let new = self.creatable.iter().map(|class| format!("((class: \"{class}\", parent: Instance?) -> {class})"));
        let intersection = |overloads: Vec<String>| overloads.join("\n\t& ");
        format!(
            "type GetService = {}\ntype NewInstance = {}\n",
            intersection(get_service.collect()),
            intersection(new.collect())
        )
    }

    fn note(&mut self, class: &ClassDescriptor<'_>) {
        if class.tags.contains(&ClassTag::Service) {
            self.services.insert(class.name.to_owned());
        } else if !class.tags.contains(&ClassTag::NotCreatable) {
            self.creatable.insert(class.name.to_owned());
        }
    }
}

/// The class and its parent, of a line that begins a class's declaration.
fn heading(line: &str) -> Option<(&str, Option<&str>)> {
    let declared = line.strip_prefix("declare extern type ")?.strip_suffix(" with")?;
    Some(declared.split_once(" extends ").map_or((declared, None), |(name, parent)| (name, Some(parent))))
}

fn declares(line: &str, property: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("read ").unwrap_or(line);
    line.strip_prefix(property).is_some_and(|rest| rest.starts_with(':'))
}

/// The declarations of a class's own properties and of those of the classes between it and `parent`, by name.
fn properties<'d>(
    database: &'d ReflectionDatabase<'d>,
    class: &'d ClassDescriptor<'d>,
    parent: Option<&str>,
) -> anyhow::Result<BTreeMap<&'d str, String>> {
    let ancestors: Vec<_> = database.superclasses_iter(class).map(|ancestor| ancestor.name).collect();
    ensure!(parent.is_none_or(|parent| ancestors.contains(&parent)), "{} does not extend {parent:?}", class.name);
    let own = database.superclasses_iter(class).take_while(|ancestor| Some(ancestor.name) != parent);
    let declared = own.flat_map(|ancestor| ancestor.properties.values());
    Ok(declared.filter_map(|property| Some((property.name, declaration(property)?))).collect())
}

/// `None` for what scripts should not or cannot use, and for values that this host does not have.
#[expect(clippy::wildcard_enum_match_arm, reason = "all but what is listed is left out")]
fn declaration(property: &PropertyDescriptor<'_>) -> Option<String> {
    let access = match property.scriptability {
        Scriptability::ReadWrite => "",
        Scriptability::Read => "read ",
        _ => return None,
    };
    if property.tags.contains(&PropertyTag::Deprecated) {
        return None;
    }
    let kind = match &property.data_type {
        DataType::Enum(name) => format!("Enum{name}"),
        DataType::Value(VariantType::Bool) => "boolean".to_owned(),
        DataType::Value(VariantType::String | VariantType::ContentId) => "string".to_owned(),
        DataType::Value(VariantType::Int32 | VariantType::Int64 | VariantType::Float32 | VariantType::Float64) => {
            "number".to_owned()
        }
        DataType::Value(VariantType::Ref) => "Instance?".to_owned(),
        DataType::Value(
            kind @ (VariantType::UDim
            | VariantType::UDim2
            | VariantType::Vector2
            | VariantType::Vector3
            | VariantType::Color3
            | VariantType::Rect
            | VariantType::Font
            | VariantType::NumberRange
            | VariantType::NumberSequence
            | VariantType::ColorSequence),
        ) => format!("{kind:?}"),
        _ => return None,
    };
    Some(format!("{access}{}: {kind}", property.name))
}

/// Each enum that `text` names: its own type, and its place in the global `Enum`.
fn enums(database: &ReflectionDatabase<'_>, text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let named: BTreeSet<_> =
        words.filter_map(|word| Some(*database.enums.get_key_value(word.strip_prefix("Enum")?)?.0)).collect();
    let enums: Vec<_> = named.iter().filter_map(|name| Some((name, &database.enums.get(name)?.items))).collect();
    let types = enums.iter().map(|(name, _)| format!("declare extern type Enum{name} extends EnumItem with\nend\n"));
    let global = enums.iter().map(|(name, items)| {
        let items: BTreeSet<_> = items.keys().map(|item| format!("{item}: Enum{name}, ")).collect();
        let items: String = items.into_iter().collect();
        format!("\t{name}: {{ {items}GetEnumItems: (self: any) -> {{ Enum{name} }} }},\n")
    });
    let types: Vec<_> = types.collect();
    let global: Vec<_> = global.collect();
    format!("{}declare Enum: {{\n{}}}\n", types.concat(), global.concat())
}

/// A table type from each class's name to the class.
fn table(name: &str, classes: &BTreeSet<String>) -> String {
    let entries: Vec<_> = classes.iter().map(|class| format!("\t{class}: {class},\n")).collect();
    format!("type {name} = {{\n{}}}\n", entries.concat())
}
