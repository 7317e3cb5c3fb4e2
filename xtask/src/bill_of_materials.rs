//! `cargo xtask sbom`: what each function is made of, as `CycloneDX` bills of materials in `target/sbom/`.
//!
//! They list the crates whose code is in the shipped program: as cargo resolves them for this one function and
//! processor, without what only builds or tests it, procedural macros included. `cargo metadata` knows licences and
//! origins but not that: it names every crate of the lock file that *some* feature could bring in, so tools that go by it
//! alone list TLS stacks that no binary has (docs/adr/0036).
//!
//! The same sources give the same bytes. So there is no serial number and no time in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::functions;
use crate::invocation;
use crate::sam_build::Architecture;
use crate::workspace::Workspace;

/// The version of the format: <https://cyclonedx.org/docs/1.6/json/>.
const SPECIFICATION: &str = "1.6";

/// A crate's name and version: unique, as there is one registry (`deny.toml`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
}

impl Crate {
    /// By which it is referred to within a bill, and found outside: a package URL.
    fn reference(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }
}

/// Each crate that is linked, with those that it uses.
type Graph = BTreeMap<Crate, BTreeSet<Crate>>;

/// What is said of crates, whichever function they are in.
struct Facts {
    /// SHA-256 of the package, which our own crates do not have.
    checksums: BTreeMap<Crate, String>,
    packages: BTreeMap<Crate, Value>,
}

/// Writes a bill for each function and processor.
pub(crate) fn write(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let folder = workspace.root().join("target/sbom");
    fs::create_dir_all(&folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    let facts = Facts::read(workspace)?;
    for architecture in [Architecture::Arm64, Architecture::X86_64] {
        for function in functions::names(workspace)? {
            let graph = linked(workspace, &function, architecture.triple())?;
            let bill = facts.bill(&function, &graph, architecture.triple())?;
            let path = folder.join(format!("{function}-{}.cdx.json", architecture.name()));
            let text = serde_json::to_string_pretty(&bill).context("could not write a bill as JSON")?;
            fs::write(&path, format!("{text}\n")).with_context(|| format!("could not write {}", path.display()))?;
            println!("    {}: {} crates", path.display(), graph.len());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The crates that are linked into a function.
fn linked(workspace: &Workspace, function: &str, triple: &str) -> anyhow::Result<Graph> {
    let mut tree = invocation::command(workspace, "cargo");
    tree.args(["tree", "--locked", "--package", function, "--target", triple, "--edges", "normal,no-proc-macro"]);
    tree.args(["--prefix", "depth", "--format", "{p}"]);
    parse_tree(&printed(&mut tree)?)
}

fn printed(command: &mut Command) -> anyhow::Result<String> {
    let output = invocation::captured(command)?;
    ensure!(output.status.success(), "{}: {}", invocation::shown(command), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).context("cargo printed no UTF-8")
}

/// Reads lines such as `2aws_lambda_events v1.2.1 (*)`: how deep, which crate, and whether its own are shown elsewhere.
fn parse_tree(text: &str) -> anyhow::Result<Graph> {
    let mut graph = Graph::new();
    let mut above: Vec<Crate> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let name_at = line.find(|letter: char| !letter.is_ascii_digit()).context("a line of digits alone")?;
        let (depth, rest) = line.split_at(name_at);
        let depth: usize = depth.parse().with_context(|| format!("no depth: {line}"))?;
        let mut words = rest.split_whitespace();
        let name = words.next().with_context(|| format!("no name: {line}"))?.to_owned();
        let version = words.next().and_then(|word| word.strip_prefix('v'));
        let version = version.with_context(|| format!("no version: {line}"))?.to_owned();
        let found = Crate { name, version };
        ensure!(depth <= above.len(), "a level of the tree is left out: {line}");
        above.truncate(depth);
        if let Some(user) = above.last() {
            graph.entry(user.clone()).or_default().insert(found.clone());
        }
        graph.entry(found.clone()).or_default();
        above.push(found);
    }
    Ok(graph)
}

impl Facts {
    fn read(workspace: &Workspace) -> anyhow::Result<Self> {
        let mut metadata = invocation::command(workspace, "cargo");
        let metadata = printed(metadata.args(["metadata", "--locked", "--format-version", "1"]))?;
        let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
        let lock = workspace.root().join("Cargo.lock");
        let lock = fs::read_to_string(&lock).with_context(|| format!("could not read {}", lock.display()))?;
        let lock: Value = toml::from_str(&lock).context("Cargo.lock is no TOML")?;
        let packages = list(&metadata, "packages").iter().map(|package| (crate_of(package), package.clone())).collect();
        let checksum = |package: &Value| Some((crate_of(package), package.get("checksum")?.as_str()?.to_owned()));
        Ok(Self { checksums: list(&lock, "package").iter().filter_map(checksum).collect(), packages })
    }

    fn bill(&self, function: &str, graph: &Graph, triple: &str) -> anyhow::Result<Value> {
        let is_itself = |found: &&Crate| found.name == function;
        let itself = graph.keys().find(is_itself).with_context(|| format!("{function} is not in its own tree"))?;
        let components = graph.keys().filter(|found| !is_itself(found)).map(|found| self.component(found, "library"));
        let references = |crates: &BTreeSet<Crate>| crates.iter().map(Crate::reference).collect::<Vec<_>>();
        let uses = graph.iter().map(|(user, used)| json!({"ref": user.reference(), "dependsOn": references(used)}));
        Ok(json!({
            "$schema": format!("http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json"),
            "bomFormat": "CycloneDX",
            "specVersion": SPECIFICATION,
            "version": 1,
            "metadata": {
                "lifecycles": [{"phase": "pre-build"}],
                "tools": {"components": [{"type": "application", "name": "cargo xtask sbom", "version": itself.version}]},
                "component": self.component(itself, "application")?,
                "properties": [{"name": "rankbot:target", "value": triple}],
            },
            "components": components.collect::<anyhow::Result<Vec<_>>>()?,
            "dependencies": uses.collect::<Vec<_>>(),
        }))
    }

    fn component(&self, found: &Crate, kind: &str) -> anyhow::Result<Value> {
        let package =
            self.packages.get(found).with_context(|| format!("cargo metadata has no {}", found.reference()))?;
        // Our own are on no registry: what has a package URL can be looked up.
        let checksum = self.checksums.get(found);
        let repository = package.get("repository").and_then(Value::as_str);
        let fields = [
            ("type", Some(json!(kind))),
            ("bom-ref", Some(json!(found.reference()))),
            ("name", Some(json!(found.name))),
            ("version", Some(json!(found.version))),
            ("scope", Some(json!("required"))),
            ("hashes", checksum.map(|checksum| json!([{"alg": "SHA-256", "content": checksum}]))),
            ("licenses", Some(json!([licence(package)]))),
            ("purl", checksum.map(|_| json!(found.reference()))),
            ("externalReferences", repository.map(|repository| json!([{"type": "vcs", "url": repository}]))),
        ];
        Ok(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }
}

/// An SPDX expression; packages of before 2019 have a stroke in it for "or".
fn licence(package: &Value) -> Value {
    match package.get("license").and_then(Value::as_str) {
        Some(expression) if expression.contains(" OR ") || !expression.contains('/') => {
            json!({ "expression": expression })
        }
        Some(old) => json!({ "expression": old.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ") }),
        None => json!({ "license": {"name": "in the package's own file"} }),
    }
}

fn crate_of(package: &Value) -> Crate {
    let text = |field: &str| package.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    Crate { name: text("name"), version: text("version") }
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str =
        "0undo v0.1.0 (/repo/functions/undo)\n1http v1.5.0\n2bytes v1.12.2\n1serde v1.0.229\n2http v1.5.0 (*)\n";

    fn named(name: &str, version: &str) -> Crate {
        Crate { name: name.to_owned(), version: version.to_owned() }
    }

    fn facts() -> Facts {
        let package = |name: &str, version: &str, license: &str| (named(name, version), json!({ "license": license }));
        Facts {
            checksums: [(named("http", "1.5.0"), "aa".repeat(32))].into(),
            packages: [
                package("undo", "0.1.0", "MIT"),
                package("http", "1.5.0", "MIT/Apache-2.0"),
                package("bytes", "1.12.2", "MIT"),
                package("serde", "1.0.229", "MIT OR Apache-2.0"),
            ]
            .into(),
        }
    }

    #[test]
    fn the_tree_is_read_with_what_each_crate_uses() {
        let graph = parse_tree(TREE).unwrap();
        let (http, serde) = (named("http", "1.5.0"), named("serde", "1.0.229"));
        assert_eq!(graph[&named("undo", "0.1.0")], [http.clone(), serde.clone()].into());
        assert_eq!(graph[&serde], [http.clone()].into());
        // Shown once in full, and by a mark the second time.
        assert_eq!(graph[&http], [named("bytes", "1.12.2")].into());
        assert_eq!(graph.len(), 4);
    }

    #[test]
    fn what_cargo_prints_otherwise_is_an_error_and_no_shorter_bill() {
        for text in ["0undo", "undo v0.1.0", "0undo v0.1.0\n2http v1.5.0", "12"] {
            assert!(parse_tree(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bill_has_every_crate_once_and_is_the_same_each_time() {
        let graph = parse_tree(TREE).unwrap();
        let bill = || facts().bill("undo", &graph, "aarch64-unknown-linux-gnu").unwrap();
        assert_eq!(bill().to_string(), bill().to_string());
        let names: Vec<Value> = list(&bill(), "components").iter().map(|component| component["name"].clone()).collect();
        assert_eq!(names, ["bytes", "http", "serde"]);
        assert_eq!(bill()["metadata"]["component"]["name"], "undo");
        assert_eq!(list(&bill(), "dependencies").len(), 4);
        assert!(bill().get("serialNumber").is_none() && bill()["metadata"].get("timestamp").is_none());
    }

    #[test]
    fn only_what_is_on_the_registry_has_an_address_there() {
        let facts = facts();
        let http = facts.component(&named("http", "1.5.0"), "library").unwrap();
        assert_eq!(http["purl"], "pkg:cargo/http@1.5.0");
        assert_eq!(http["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert!(facts.component(&named("undo", "0.1.0"), "application").unwrap().get("purl").is_none());
        assert!(facts.component(&named("unheard-of", "1.0.0"), "library").is_err());
    }
}
