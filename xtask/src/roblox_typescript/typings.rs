//! What the typings declare. They are read as they are written there: interfaces, and types that are unions.

use anyhow::Context as _;

use super::parity::{Declared, one_line, split, without_parameters};

pub(super) fn declared(source: &str) -> anyhow::Result<Declared> {
    let source = without_comments(source).replace("=>", "⇒").replace("RankService.", "").replace("readonly ", "");
    let mut declared = Declared::new();
    let mut rest = source.as_str();
    while let Some((line, after)) = rest.split_once('\n') {
        let line = line.trim_start();
        if let Some(name) = line.strip_prefix("interface ").and_then(|rest| rest.strip_suffix(" {")) {
            add_interface(&mut declared, without_parameters(name), after);
        } else if let Some(begin) = line.strip_prefix("type ") {
            let text = format!("{begin}\n{after}");
            let text = split(&text, ';').first().map(|text| one_line(text)).unwrap_or_default();
            let (name, meaning) = text.split_once(" =").with_context(|| format!("no type: {text}"))?;
            let meaning = meaning.trim_start().trim_start_matches("| ");
            declared.insert(without_parameters(name).to_owned(), meaning.to_owned());
        }
        rest = after;
    }
    Ok(declared)
}

/// `text` begins after the brace.
fn add_interface(declared: &mut Declared, name: &str, text: &str) {
    for member in split(text, ';') {
        // The interface's own closing brace begins what follows it.
        if member.starts_with('}') {
            return;
        }
        let member = one_line(member);
        let member = member.strip_prefix("new (").map_or(member.clone(), |rest| format!("new({rest}"));
        let end = member.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(member.len());
        let (field, kind) = member.split_at(end);
        declared.insert(format!("{name}.{field}"), kind.to_owned());
    }
}

fn without_comments(source: &str) -> String {
    let mut parts = source.split("/**");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |code, part| code + part.split_once("*/").map_or("", |(_, rest)| rest))
}
