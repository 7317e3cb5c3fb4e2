//! Luau's own type checker, built from its C++ sources, and what it must say of the packages in `roblox/`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::cargo_tools::Pinned;
use crate::invocation;
use crate::programs;
use crate::setup::install_once;
use crate::system_programs::{self, SystemProgram};
use crate::workspace::Workspace;

/// The package that holds Luau's whole source tree. Nothing else of it is used.
const SOURCES: Pinned = ("luau-analyzer-sys", "0.1.1");

/// The SHA-256 of that package.
const CHECKSUM: &str = "2956357d0b985a6028cee6b9b8ade1ea3d200f9fb880b6b713cfd6196c9cd525";

const PROGRAM: &str = include_str!("../../roblox/checker/checker.cpp");
const HEADER: &str = include_str!("../../roblox/checker/precompiled.h");

/// The parts of Luau that the checker is made of. It compiles and runs types' own functions: hence the virtual machine.
const PARTS: [&str; 7] = ["Analysis", "Ast", "Bytecode", "Common", "Compiler", "Config", "VM"];

/// What in these parts is for editors, for `.luaurc` files and for debugging Luau itself: a tenth of the time.
const NOT_NEEDED: [&str; 12] = [
    "AstJsonEncoder.cpp",
    "AstQuery.cpp",
    "Autocomplete.cpp",
    "AutocompleteCore.cpp",
    "BytecodeGraph.cpp",
    "FileResolver.cpp",
    "FragmentAutocomplete.cpp",
    "IostreamHelpers.cpp",
    "LuauConfig.cpp",
    "PrettyPrinter.cpp",
    "ToDot.cpp",
    "TypeAttach.cpp",
];

/// A check takes seconds either way, and a checker that is optimised takes a quarter longer to build.
const COMPILER_OPTIONS: [&str; 4] = ["-std=c++17", "-O0", "-DNDEBUG", "-w"];

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.tools().join("luau-checker")
}

/// The checker, built unless it is there.
pub(crate) fn install(workspace: &Workspace) -> anyhow::Result<()> {
    let folder = folder(workspace);
    install_once(&folder, &format!("{SOURCES:?} {CHECKSUM}\n{PROGRAM}{HEADER}"), || {
        let compiler = system_programs::require(SystemProgram::CppCompiler)?;
        let work = folder.join("build");
        let luau = download(workspace, &work)?;
        let build = Build { compiler, luau, work };
        build.link(&build.compile_all()?, &folder.join("luau-checker"))?;
        fs::remove_dir_all(&build.work).context("could not remove the checker's sources")
    })
}

/// Luau's source tree, unpacked below `work`.
fn download(workspace: &Workspace, work: &Path) -> anyhow::Result<PathBuf> {
    let (name, version) = SOURCES;
    fs::create_dir_all(work).with_context(|| format!("could not make the folder {}", work.display()))?;
    // Cargo has an answer to where the registry is and how it is reached; it gives out sources to packages alone. This
    // one is never built.
    let manifest = format!(
        "[package]\nname = \"sources\"\nedition = \"2024\"\n[lib]\npath = \"none.rs\"\n[workspace]\n[dependencies]\n{name} = \"={version}\"\n"
    );
    fs::write(work.join("Cargo.toml"), manifest).context("could not write the checker's manifest")?;
    let mut vendor = invocation::command(workspace, "cargo");
    vendor.args(["vendor", "--quiet", "--versioned-dirs", "--manifest-path"]).arg(work.join("Cargo.toml"));
    invocation::run_download(vendor.arg(work.join("vendor")))?;

    let package = work.join("vendor").join(format!("{name}-{version}"));
    // Cargo has compared the package with what the registry says of it, and writes that down here.
    let sums: Value = serde_json::from_slice(&fs::read(package.join(".cargo-checksum.json"))?)?;
    let checksum = sums.get("package").and_then(Value::as_str).unwrap_or_default();
    ensure!(checksum == CHECKSUM, "the package {name} {version} is another than it was: its SHA-256 is {checksum}");
    Ok(package.join("luau"))
}

struct Build {
    compiler: &'static str,
    luau: PathBuf,
    work: PathBuf,
}

impl Build {
    /// Compiles everything, as many files at once as there are processors, and returns the object files.
    fn compile_all(&self) -> anyhow::Result<Vec<PathBuf>> {
        fs::write(self.work.join("precompiled.h"), HEADER)?;
        fs::write(self.work.join("checker.cpp"), PROGRAM)?;
        let sources = self.sources()?;
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        println!("    compiles {} files with {}, {jobs} at once; about three minutes", sources.len(), self.compiler);
        let mut header = self.compiler();
        header.args(["-x", "c++-header"]).arg(self.work.join("precompiled.h"));
        succeed(header.arg("-o").arg(self.work.join("precompiled.h.gch")))?;

        let queue = Mutex::new(sources.into_iter());
        thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(|| self.compile_from(&queue))).collect();
            let objects = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| bail!("a worker died")));
            objects.collect::<anyhow::Result<Vec<_>>>().map(|objects| objects.concat())
        })
    }

    /// The largest first, so that no processor is left with a large one at the end.
    fn sources(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut sources = vec![self.luau.join("CLI/src/Flags.cpp"), self.work.join("checker.cpp")];
        for part in PARTS {
            let folder = self.luau.join(part).join("src");
            let entries = fs::read_dir(&folder).with_context(|| format!("could not read {}", folder.display()))?;
            for entry in entries {
                let path = entry?.path();
                let is_needed = !NOT_NEEDED.iter().any(|name| path.ends_with(name));
                if is_needed && path.extension().is_some_and(|extension| extension == "cpp") {
                    sources.push(path);
                }
            }
        }
        sources.sort_by_key(|path| (fs::metadata(path).map_or(0, |file| u64::MAX - file.len()), path.clone()));
        Ok(sources)
    }

    /// Compiles what is left in the queue, until that is empty.
    fn compile_from(&self, queue: &Mutex<impl Iterator<Item = PathBuf>>) -> anyhow::Result<Vec<PathBuf>> {
        let next = || queue.lock().ok().and_then(|mut queue| queue.next());
        let mut objects = Vec::new();
        while let Some(source) = next() {
            // Two parts may have files of the same name.
            let name = source.strip_prefix(&self.luau).unwrap_or(&source).display().to_string().replace('/', "_");
            let object = self.work.join(format!("{name}.o"));
            let mut compile = self.compiler();
            if source.starts_with(self.luau.join("Analysis")) || source.starts_with(self.work.join("checker.cpp")) {
                compile.arg("-include").arg(self.work.join("precompiled.h"));
            }
            succeed(compile.arg("-c").arg(&source).arg("-o").arg(&object))?;
            objects.push(object);
        }
        Ok(objects)
    }

    fn compiler(&self) -> Command {
        let mut compiler = Command::new(self.compiler);
        compiler.args(COMPILER_OPTIONS);
        for part in PARTS {
            let mut include = OsString::from("-I");
            include.push(self.luau.join(part).join("include"));
            compiler.arg(include);
        }
        // The checker's own functions are built upon the inside of the virtual machine.
        compiler.arg("-I").arg(self.luau.join("VM/src"));
        compiler
    }

    fn link(&self, objects: &[PathBuf], program: &Path) -> anyhow::Result<()> {
        succeed(Command::new(self.compiler).args(objects).arg("-o").arg(program))
    }
}

/// Runs it without a word, unless it fails.
fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let output = invocation::captured(command)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{}` failed:\n{errors}", invocation::shown(command));
    Ok(())
}

const MODULE: &str = "roblox/RankService/src/init.luau";
/// The example that the others require.
const SHARED_CLIENT: &str = "roblox/RankService/examples/Ranks.luau";
const EXAMPLES: &str = "roblox/RankService/examples";
const README: &str = "roblox/RankService/README.md";
/// What the definitions allow.
const DEFINED: &str = "roblox/testing/tests/definitions/right.luau";
/// The lines that end with `-- wrong` must be refused, and no other.
const MISTAKES: &str = "roblox/testing/tests/rank_service/mistakes/mistakes.luau";
/// What is only written to be checked.
const WRITTEN: &str = "target/roblox/types";

/// The block of the README that shows all settings makes its client and does no more.
const ALLOWED_IN_README: &str = "lint LocalUnused: Variable 'ranks' is never used; prefix with '_' to silence";

/// Whoever uses the module has one of the two solvers, and a Studio that has switched on some of the newer rules: clean
/// with all of them and with none is the nearest to clean with any.
const WAYS: [(&str, &str); 4] = [("new", "tools"), ("new", "released"), ("old", "tools"), ("old", "released")];

/// The module, what is published with it, and each of the README's blocks by itself are strict and clean, and each
/// deliberate mistake is refused.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let written = workspace.root().join(WRITTEN);
    fs::create_dir_all(&written).with_context(|| format!("could not make the folder {WRITTEN}"))?;
    let definitions = programs::build(workspace, &["roblox-definitions"])?;
    let definitions = definitions.first().context("no program was built")?;
    for solver in ["new", "old"] {
        let output = invocation::captured(Command::new(definitions).arg(solver))?;
        ensure!(output.status.success(), "no definitions: {}", String::from_utf8_lossy(&output.stderr));
        fs::write(written.join(format!("{solver}.d.luau")), output.stdout)?;
    }

    let blocks = write_blocks(workspace)?;
    let examples = examples(workspace)?;
    let mistakes = marked(&fs::read_to_string(workspace.root().join(MISTAKES))?);
    println!(
        "    with the definitions of Roblox, the module, {} examples, {} blocks of the README, {DEFINED};",
        examples.len(),
        blocks.len()
    );
    println!("    and {} mistakes in {MISTAKES}", mistakes.len());
    let files = [vec![MODULE.to_owned(), DEFINED.to_owned(), MISTAKES.to_owned()], examples, blocks].concat();
    for (solver, flags) in WAYS {
        let findings = ask(workspace, solver, flags, &files)?;
        judge(findings, &mistakes).with_context(|| format!("the {solver} solver, flags as {flags}"))?;
        println!("    {solver} solver, flags as {flags}: no finding, each mistake refused");
    }
    Ok(())
}

fn examples(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(workspace.root().join(EXAMPLES)).context("there are no examples")? {
        names.push(format!("{EXAMPLES}/{}", entry?.file_name().display()));
    }
    names.sort();
    Ok(names)
}

/// Writes each block of the README into a file of its own, on the lines that it has in the README.
fn write_blocks(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let readme = fs::read_to_string(workspace.root().join(README)).with_context(|| format!("cannot read {README}"))?;
    let blocks = blocks(&readme);
    ensure!(!blocks.is_empty(), "{README} has no blocks of Luau");
    let mut paths = Vec::new();
    for (line, block) in blocks {
        let path = format!("{WRITTEN}/README-{line}.luau");
        fs::write(workspace.root().join(&path), block)?;
        paths.push(path);
    }
    Ok(paths)
}

/// The line on which each block begins, and the block with `--!strict` and as many empty lines before it.
fn blocks(readme: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut lines = readme.lines().enumerate();
    while let Some((fence, line)) = lines.next() {
        if line == "```lua" {
            let block: Vec<_> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            blocks.push((fence + 2, format!("--!strict{}{}\n", "\n".repeat(fence + 1), block.join("\n"))));
        }
    }
    blocks
}

/// The numbers of the lines that are marked as wrong.
fn marked(source: &str) -> BTreeSet<usize> {
    (1..).zip(source.lines()).filter(|(_, line)| line.ends_with(" -- wrong")).map(|(number, _)| number).collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

fn ask(workspace: &Workspace, solver: &str, flags: &str, files: &[String]) -> anyhow::Result<Vec<Finding>> {
    let mut checker = invocation::command(workspace, folder(workspace).join("luau-checker"));
    checker.args([solver, flags, &format!("{WRITTEN}/{solver}.d.luau"), &format!("RankService={MODULE}")]);
    checker.arg(format!("Ranks={SHARED_CLIENT}"));
    let output = invocation::captured(checker.args(files))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let (0 | 1, Some(findings)) = (output.status.code().unwrap_or(2), parsed(&printed)) else {
        bail!("`{}` failed:\n{printed}{}", invocation::shown(&checker), String::from_utf8_lossy(&output.stderr));
    };
    Ok(findings)
}

/// What the checker printed; `None` if that is no list of findings.
fn parsed(printed: &str) -> Option<Vec<Finding>> {
    let mut findings: Vec<Finding> = Vec::new();
    for line in printed.lines() {
        if let Some(more) = line.strip_prefix('\t') {
            let message = &mut findings.last_mut()?.message;
            message.push('\n');
            message.push_str(more);
        } else {
            let (place, message) = line.split_once(": ")?;
            let mut place = place.split(':');
            let (path, line) = (place.next()?.to_owned(), place.next()?.parse().ok()?);
            findings.push(Finding { path, line, message: message.to_owned() });
        }
    }
    Some(findings)
}

/// Nothing may be found but the mistakes, and each of these must be.
fn judge(findings: Vec<Finding>, mistakes: &BTreeSet<usize>) -> anyhow::Result<()> {
    let (refused, mut others): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.path == MISTAKES && mistakes.contains(&finding.line));
    others.retain(|finding| !(finding.path.starts_with(WRITTEN) && finding.message == ALLOWED_IN_README));
    let others = others.iter().map(|Finding { path, line, message }| format!("\n{path}:{line}: {message}"));
    let mut faults: Vec<_> = others.collect();
    let refused: BTreeSet<_> = refused.iter().map(|finding| finding.line).collect();
    faults.extend(mistakes.difference(&refused).map(|line| format!("\n{MISTAKES}:{line}: is not refused")));
    ensure!(faults.is_empty(), "{}", faults.concat());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_keeps_the_lines_that_it_has_in_the_readme() {
        let readme = "# Title\n\n```lua\nlocal a = 1\nprint(a)\n```\n\n```sh\nls\n```\n```lua\nprint(2)\n```\n";
        let expected = [
            (4, "--!strict\n\n\nlocal a = 1\nprint(a)\n".to_owned()),
            (12, format!("--!strict{}print(2)\n", "\n".repeat(11))),
        ];
        assert_eq!(blocks(readme), expected);
    }

    #[test]
    fn a_finding_has_all_lines_of_its_message() {
        let printed = "a.luau:3:5: Expected this: number\n\tbecause of that\nb.luau:1:1: lint\n";
        let finding =
            |path: &str, line, message: &str| Finding { path: path.to_owned(), line, message: message.to_owned() };
        let expected =
            vec![finding("a.luau", 3, "Expected this: number\nbecause of that"), finding("b.luau", 1, "lint")];
        assert_eq!(parsed(printed), Some(expected));
        assert_eq!(parsed("Segmentation fault"), None);
    }

    #[test]
    fn a_finding_and_a_mistake_that_passes_are_both_told() {
        let finding = |path: &str, line| Finding { path: path.to_owned(), line, message: "no".to_owned() };
        let mistakes = BTreeSet::from([2, 3]);
        judge(vec![finding(MISTAKES, 2), finding(MISTAKES, 3)], &mistakes).unwrap();
        let told = judge(vec![finding(MISTAKES, 2), finding(MISTAKES, 9), finding(MODULE, 7)], &mistakes).unwrap_err();
        let expected = format!("\n{MISTAKES}:9: no\n{MODULE}:7: no\n{MISTAKES}:3: is not refused");
        assert_eq!(told.to_string(), expected);
    }

    #[test]
    fn the_unused_client_of_the_settings_is_forgiven_in_the_readme_alone() {
        let finding = |path: String| Finding { path, line: 1, message: ALLOWED_IN_README.to_owned() };
        judge(vec![finding(format!("{WRITTEN}/README-1.luau"))], &BTreeSet::new()).unwrap();
        judge(vec![finding(MODULE.to_owned())], &BTreeSet::new()).unwrap_err();
    }
}
