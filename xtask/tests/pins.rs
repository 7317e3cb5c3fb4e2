//! Everything that RankBot is built and checked with is one version of it, and no other.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

use std::fs;

use regex::Regex;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The folders with a `requirements.in`, and the `requirements.txt` made from it.
const PYTHON: [&str; 3] = ["xtask", "xtask/template", "openapi/schemathesis"];

fn read(path: &str) -> String {
    fs::read_to_string(format!("{ROOT}/{path}")).unwrap()
}

/// The text without comments, each requirement with its hashes in one line.
fn requirements(path: &str) -> Vec<String> {
    let text = read(path).replace("\\\n", " ");
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

fn assert_all_match(lines: &[String], pattern: &str, path: &str) {
    let pattern = Regex::new(pattern).unwrap();
    assert!(!lines.is_empty(), "{path} names nothing");
    for line in lines {
        assert!(pattern.is_match(line), "{path}: not pinned: {line}");
    }
}

#[test]
fn every_python_tool_is_asked_for_by_its_exact_version() {
    for folder in PYTHON {
        let path = format!("{folder}/requirements.in");
        assert_all_match(&requirements(&path), r"^[a-z0-9._-]+(\[[a-z0-9, _-]+\])?==[0-9][0-9a-z.]*$", &path);
    }
}

#[test]
fn every_python_package_is_locked_by_version_and_hash() {
    for folder in PYTHON {
        let path = format!("{folder}/requirements.txt");
        let hashed = r"^[a-z0-9._-]+(\[[a-z0-9, _-]+\])?==[0-9][^ ]*( ; [^-]+)?( +--hash=sha256:[0-9a-f]{64})+$";
        assert_all_match(&requirements(&path), hashed, &path);
    }
}

#[test]
fn what_is_asked_for_is_what_is_locked() {
    for folder in PYTHON {
        let locked = requirements(&format!("{folder}/requirements.txt"));
        for wanted in requirements(&format!("{folder}/requirements.in")) {
            assert!(locked.iter().any(|line| line.starts_with(&format!("{wanted} "))), "{folder}: {wanted}");
        }
    }
}

#[test]
fn every_crate_is_locked_by_its_checksum_and_from_the_public_registry() {
    let lock = read("Cargo.lock");
    let foreign: Vec<_> = lock.split("[[package]]").filter(|package| package.contains("\nsource = ")).collect();
    assert!(foreign.len() > 100, "only {} crates were found: they are not read right", foreign.len());
    let pinned = Regex::new(r#"\nsource = "registry\+[^"]+/crates\.io-index"\nchecksum = "[0-9a-f]{64}""#).unwrap();
    for package in foreign {
        assert!(pinned.is_match(package), "{package}");
    }
}

#[test]
fn the_compiler_is_one_version() {
    assert!(Regex::new(r#"(?m)^channel = "[0-9]+\.[0-9]+\.[0-9]+"$"#).unwrap().is_match(&read("rust-toolchain.toml")));
}

/// What cargo and npm install, in the sources of the tasks.
#[test]
fn every_tool_that_cargo_or_npm_installs_is_pinned_exactly() {
    let sources: String = ["xtask/src", "xtask/src/roblox_typescript"]
        .iter()
        .flat_map(|folder| fs::read_dir(format!("{ROOT}/{folder}")).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    // By cargo: always an exact version, and the dependencies that the tool's authors have locked.
    let installs: Vec<_> = sources.match_indices(r#"["install", "--quiet","#).map(|(at, _)| &sources[at..]).collect();
    assert_eq!(installs.len(), 1, "cargo installs tools in one place alone");
    let command = installs[0].split_once(']').unwrap().0;
    assert!(command.contains(r#""--locked""#) && command.contains(r#"format!("={version}")"#), "{command}");
    let pins: Vec<_> = sources.match_indices(": Pinned = ").map(|(at, _)| &sources[at..]).collect();
    let pinned = Regex::new(r#"^: Pinned = \("[a-z-]+", "[0-9]+\.[0-9]+\.[0-9]+"\);"#).unwrap();
    assert_eq!(pins.len(), 4, "selene, moonwave, cargo-machete, the sources of Luau's checker");
    assert!(pins.iter().all(|pin| pinned.is_match(pin)));
    // By npm: StyLua by its version, DynamoDB Local by the hash of its archive besides, roblox-ts by its lock.
    assert!(Regex::new(r#"const STYLUA: &str = "@[a-z/-]+@[0-9]+\.[0-9]+\.[0-9]+";"#).unwrap().is_match(&sources));
    assert!(Regex::new(r#"const PACKAGE_VERSION: &str = "[0-9]+\.[0-9]+\.[0-9]+";"#).unwrap().is_match(&sources));
    assert!(Regex::new(r#"const PACKAGE_SHA512: &str = "[A-Za-z0-9+/]{86}==";"#).unwrap().is_match(&sources));
}

#[test]
fn every_package_of_roblox_ts_is_locked_by_version_and_hash() {
    let json = |file: &str| -> serde_json::Value {
        serde_json::from_str(&read(&format!("roblox/testing/typescript/{file}"))).unwrap()
    };
    let (wanted, lock) = (json("package.json"), json("package-lock.json"));
    let exact = Regex::new(r"^[0-9]+\.[0-9]+\.[0-9]+(-types\.[0-9]+)?$").unwrap();
    let hash = Regex::new(r"^sha512-[A-Za-z0-9+/]{86}==$").unwrap();
    for (name, version) in wanted["devDependencies"].as_object().unwrap() {
        let locked = &lock["packages"][format!("node_modules/{name}")]["version"];
        assert!(exact.is_match(version.as_str().unwrap()) && locked == version, "{name}: {version}, locked {locked}");
    }
    let packages: Vec<_> = lock["packages"].as_object().unwrap().iter().filter(|(path, _)| !path.is_empty()).collect();
    assert!(packages.len() > 20, "only {} packages were found: they are not read right", packages.len());
    for (path, package) in packages {
        assert!(exact.is_match(package["version"].as_str().unwrap()), "{path}");
        assert!(hash.is_match(package["integrity"].as_str().unwrap()), "{path}");
        // Whichever registry one uses: the hash says what is right.
        assert!(package["resolved"].is_null(), "{path} is tied to one registry");
    }
}
