//! What the module and its typings declare, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{luau, typings};

/// What is declared, in TypeScript's words without `readonly`: `Role.rank` is `: number`, `Plan` is `"starter" | "pro"`.
pub(super) type Declared = BTreeMap<String, String>;

/// Where the typings say more than Luau's types can.
const REFINED: [(&str, &str, &str); 1] =
    [(".ifRank", "?: number | ReadonlyArray<number>", "?: number | [lowest: number, highest: number]")];

/// Compares both, and the package's two manifests. Returns the names of a client's methods.
pub(super) fn check(package: &Path) -> anyhow::Result<BTreeSet<String>> {
    let read = |path: &str| {
        let path = package.join(path);
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))
    };
    check_manifests(&read("wally.toml")?, &read("package.json")?)?;
    let module = luau::declared(&read("src/init.luau")?)?;
    let typings = typings::declared(&read("src/index.d.ts")?)?;
    let differences = differences(&module, &typings);
    ensure!(differences.is_empty(), "src/index.d.ts is not what src/init.luau is:\n{}", differences.join("\n"));
    let methods = module.iter().filter(|(_, meaning)| meaning.starts_with('('));
    Ok(methods.filter_map(|(name, _)| name.strip_prefix("RankService.")).map(str::to_owned).collect())
}

/// The package is the same for Wally and for npm.
fn check_manifests(wally: &str, npm: &str) -> anyhow::Result<()> {
    let wally: toml::Table = wally.parse().context("wally.toml is no TOML")?;
    let npm: Value = serde_json::from_str(npm).context("package.json is no JSON")?;
    let wally = wally.get("package").context("wally.toml describes no package")?;
    let told = |field: &str| wally.get(field).and_then(toml::Value::as_str).unwrap_or_default();
    for field in ["version", "license", "description"] {
        let (here, there) = (told(field), npm.get(field).and_then(Value::as_str).unwrap_or_default());
        ensure!(here == there, "{field}: `{here}` in wally.toml, `{there}` in package.json");
    }
    Ok(())
}

fn differences(module: &Declared, typings: &Declared) -> Vec<String> {
    let names: BTreeSet<_> = module.keys().chain(typings.keys()).collect();
    let told =
        |declared: &Declared, name: &str| declared.get(name).map_or("nothing".to_owned(), |it| format!("`{it}`"));
    names
        .into_iter()
        .filter(|name| !agree(name, module.get(*name), typings.get(*name)))
        .map(|name| format!("    {name}: {} in the module, {} in the typings", told(module, name), told(typings, name)))
        .collect()
}

fn agree(name: &str, module: Option<&String>, typings: Option<&String>) -> bool {
    let refined = |(suffix, plain, refined): &(&str, &str, &str)| {
        name.ends_with(suffix) && module.is_some_and(|it| it == plain) && typings.is_some_and(|it| it == refined)
    };
    module == typings || REFINED.iter().any(refined)
}

/// Splits at each `separator` that is in no bracket. An arrow must not be written with `>`.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut depth = 0_usize;
    let parts = text.split(|character| {
        match character {
            '(' | '{' | '[' | '<' => depth += 1,
            ')' | '}' | ']' | '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && character == separator
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// One line, one blank between words, none inside brackets.
pub(super) fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace("( ", "(").replace(", )", ")").replace(" )", ")")
}

/// `Result<T>` is declared as `Result`.
pub(super) fn without_parameters(name: &str) -> &str {
    name.split('<').next().unwrap_or(name).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(module: &str, typings: &str) -> Vec<String> {
        differences(&luau::declared(module).unwrap(), &typings::declared(typings).unwrap())
    }

    const MODULE: &str = r#"
--[=[
]=]
export type Role = { id: number, name: string? }

--[=[
]=]
export type Plan = "starter" | "pro"

-- Not for users.
export type Inner = { id: number }

--[=[
]=]
function RankService.GetLogAsync(
	self: RankService,
	logId: string,
	options: Options?
): Result<{ Role }>
	return nil
end
"#;
    const TYPINGS: &str = r#"
interface RankService {
	/** Reads; {@link Role}. */
	GetLogAsync(
		logId: string,
		options?: RankService.Options,
	): RankService.Result<ReadonlyArray<RankService.Role>>;
}
declare namespace RankService {
	interface Role {
		readonly id: number;
		readonly name?: string;
	}
	type Plan = "starter" | "pro";
}
"#;

    #[test]
    fn the_typings_are_the_modules() {
        let methods = check(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../roblox/RankService"))).unwrap();
        assert!(methods.contains("GetQuota") && methods.contains("PromoteAsync"), "{methods:?}");
    }

    #[test]
    fn the_same_said_in_both_languages_is_no_difference() {
        assert_eq!(compared(MODULE, TYPINGS), Vec::<String>::new());
    }

    #[test]
    fn what_one_side_has_alone_or_otherwise_is_told() {
        for (from, to) in [
            ("export type Role = { id: number,", "export type Role = {"),
            ("name: string?", "name: string"),
            ("| \"pro\"", "| \"pro\" | \"max\""),
            ("options: Options?", "options: Options"),
            ("Result<{ Role }>", "Result<Role>"),
            ("GetLogAsync", "GetEntryAsync"),
        ] {
            assert!(MODULE.contains(from), "{from}");
            assert!(!compared(&MODULE.replace(from, to), TYPINGS).is_empty(), "{from} to {to}");
        }
    }

    #[test]
    fn manifests_of_two_versions_are_refused() {
        let wally = "[package]\nversion = \"0.1.0\"\nlicense = \"MIT\"\ndescription = \"Ranks.\"";
        let npm = r#"{ "version": "0.1.0", "license": "MIT", "description": "Ranks." }"#;
        assert!(check_manifests(wally, npm).is_ok());
        assert!(check_manifests(wally, &npm.replace("0.1.0", "0.2.0")).is_err());
    }
}
