//! The module's public declarations, put into TypeScript's words.

use anyhow::{Context as _, ensure};

use super::parity::{Declared, one_line, split, without_parameters};

/// What is documented with `--[=[ … ]=]` is public: types, functions. And the signals that a client has.
pub(super) fn declared(source: &str) -> anyhow::Result<Declared> {
    let mut declared = Declared::new();
    for rest in source.split("]=]\nexport type ").skip(1) {
        let text = rest.split("\n\n").next().unwrap_or(rest);
        let (name, meaning) = text.split_once(" = ").or_else(|| text.split_once(" =\n")).context("a type has none")?;
        add_type(&mut declared, without_parameters(name), &without_comments(meaning));
    }
    if let Some((_, rest)) = source.split_once("\ntype Signals = ") {
        let text = rest.split("\n\n").next().unwrap_or(rest);
        add_type(&mut declared, "RankService", &without_comments(text));
    }
    for rest in source.split("\nfunction RankService.").skip(1) {
        let (name, signature) = rest.split_once('(').context("a function has no parameters")?;
        let (parameters, rest) = signature.split_once("):").context("a function says no result")?;
        let result = rest.lines().next().unwrap_or_default();
        let name = if name == "new" { "RankServiceConstructor.new".to_owned() } else { format!("RankService.{name}") };
        declared.insert(name, format!("({}): {}", translated_parameters(&one_line(parameters)), translated(result)));
    }
    if let Some((_, rest)) = source.split_once("Events.kinds = table.freeze({\n") {
        let kinds = rest.lines().take_while(|line| *line != "})").map(constant).collect::<anyhow::Result<Vec<_>>>()?;
        declared.insert("RankServiceConstructor.EventKind".to_owned(), format!(": {{ {} }}", kinds.join(" ")));
        let codes = ": { [Code in ErrorCode]: Code }";
        declared.insert("RankServiceConstructor.ErrorCode".to_owned(), codes.to_owned());
    }
    Ok(declared)
}

/// `Retry = "retry" :: "retry",` in a table of constants.
fn constant(line: &str) -> anyhow::Result<String> {
    let (name, value) = line.trim().split_once(" = ").with_context(|| format!("no constant: {line}"))?;
    let value = value.split(" :: ").next().unwrap_or(value);
    ensure!(value.starts_with('"'), "no constant text: {line}");
    Ok(format!("{name}: {value};"))
}

fn without_comments(text: &str) -> String {
    let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    one_line(&code.join("\n")).replace("->", "→")
}

fn add_type(declared: &mut Declared, name: &str, meaning: &str) {
    // What a client is, its methods say.
    if meaning.starts_with("typeof(") {
        return;
    }
    let Some(fields) = meaning.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        let kinds = split(meaning, '|');
        declared.insert(name.to_owned(), kinds.into_iter().map(translated).collect::<Vec<_>>().join(" | "));
        return;
    };
    for field in split(fields, ',') {
        let (field, kind) = field.split_once(':').unwrap_or((field, ""));
        declared.insert(format!("{name}.{}", field.trim()), field_kind(kind.trim()));
    }
}

/// A field that is a function of its own table is a method.
fn field_kind(kind: &str) -> String {
    match function(kind) {
        Some((parameters, result)) if parameters.starts_with("self:") => {
            format!("({}): {result}", translated_parameters(parameters))
        }
        _ => with_mark(kind),
    }
}

/// What stands after a name: `: number`, or `?: number` if it may be left out.
fn with_mark(kind: &str) -> String {
    match kind.strip_suffix('?') {
        // Of a function, the mark is the result's.
        Some(optional) if function(kind).is_none() => format!("?: {}", translated(optional)),
        _ => format!(": {}", translated(kind)),
    }
}

/// The parameters of a function's type, in Luau's words, and its result in TypeScript's.
fn function(kind: &str) -> Option<(&str, String)> {
    let parts = split(kind, '→');
    let [parameters, results @ ..] = parts.as_slice() else { return None };
    let parameters = parameters.strip_prefix('(')?.strip_suffix(')')?;
    match results {
        ["()"] => Some((parameters, "void".to_owned())),
        [result] => Some((parameters, translated(result))),
        _ => None,
    }
}

fn translated_parameters(parameters: &str) -> String {
    let mut words = Vec::new();
    for parameter in split(parameters, ',') {
        let (name, kind) = parameter.split_once(':').unwrap_or((parameter, ""));
        if name != "self" {
            words.push(format!("{name}{}", with_mark(kind.trim())));
        }
    }
    words.join(", ")
}

fn translated(kind: &str) -> String {
    let kind = kind.trim();
    if let Some((parameters, result)) = function(kind) {
        return format!("({}) ⇒ {result}", translated_parameters(parameters));
    }
    let choices = split(kind, '|');
    if choices.len() > 1 {
        return choices.into_iter().map(choice).collect::<Vec<_>>().join(" | ");
    }
    if let Some(optional) = kind.strip_suffix('?') {
        return format!("{} | undefined", translated(optional));
    }
    if let Some(inner) = kind.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return translated(inner);
    }
    if let Some(inner) = kind.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        return table(inner.trim());
    }
    if let Some((name, parameters)) = kind.strip_suffix('>').and_then(|kind| kind.split_once('<')) {
        let parameters: Vec<_> = split(parameters, ',').into_iter().map(translated).collect();
        return format!("{name}<{}>", parameters.join(", "));
    }
    if kind == "any" { "unknown".to_owned() } else { kind.to_owned() }
}

/// One of several kinds: TypeScript puts a function among them in brackets.
fn choice(kind: &str) -> String {
    let words = translated(kind);
    if words.contains(" ⇒ ") { format!("({words})") } else { words }
}

/// A list, or a table by keys: keys that are no text are a Map's in roblox-ts.
fn table(inner: &str) -> String {
    let Some((key, value)) = inner.strip_prefix('[').and_then(|rest| rest.split_once("]:")) else {
        return format!("ReadonlyArray<{}>", translated(inner));
    };
    match key {
        "string" => format!("{{ [name: string]: {} }}", translated(value)),
        _ => format!("ReadonlyMap<{}, {}>", translated(key), translated(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_put_into_typescripts_words() {
        for (luau, typescript) in [
            ("number", ": number"),
            ("(Secret | string)?", "?: Secret | string"),
            ("{ Role }?", "?: ReadonlyArray<Role>"),
            ("{ [string]: any }?", "?: { [name: string]: unknown }"),
            ("{ [number]: number }?", "?: ReadonlyMap<number, number>"),
            ("((event: Event) → ())?", "?: (event: Event) ⇒ void"),
            ("(Plan | ((call: string) → Plan?))?", "?: Plan | ((call: string) ⇒ Plan | undefined)"),
            ("(call: string) → ErrorCode?", ": (call: string) ⇒ ErrorCode | undefined"),
            ("(self: Signal<T>, handler: (value: T) → ()) → Connection", "(handler: (value: T) ⇒ void): Connection"),
        ] {
            assert_eq!(field_kind(luau), typescript, "{luau}");
        }
    }
}
