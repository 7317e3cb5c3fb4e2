//! Luau's strict type check over files on disk, with this crate's definitions of the Roblox parts in use.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::bail;
use luau_analysis::frontend::resolver::ModuleInfo;
use luau_analysis::{
    DefinitionEnvironment, FileResolver, Frontend, FrontendOptions, ModuleName, NullConfigResolver, SourceCode,
    SourceCodeType, TypeCheckLimits,
};
use luau_common::{BString, FastBool, flags};
use luau_syntax::ast::{Expression, ExpressionKind};

use crate::definitions::{self, Solver};

/// One finding, of the type check or the linter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The module's path, without its extension.
    pub module: String,
    /// Counted from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

/// Where `require` finds a game's modules: by the last name of the path that leads to them.
#[derive(Debug, Clone, Default)]
pub struct Modules(Vec<(String, PathBuf)>);

impl Modules {
    /// A `require(….name)` resolves to the file at `path`.
    #[must_use]
    pub fn with(mut self, name: &str, path: &Path) -> Self {
        self.0.push((name.to_owned(), path.to_owned()));
        self
    }

    fn find(&self, name: &[u8]) -> Option<&Path> {
        self.0.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, path)| path.as_path())
    }
}

/// Which of Luau's rules apply: the newer ones are behind flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// Those that are on in Luau's sources.
    Released,
    /// All that are not experimental, as Luau's command-line tools have it.
    Newest,
}

impl Rules {
    /// A Studio has some of the newer rules: what is clean by both of these is likely to be clean there.
    pub const ALL: [Self; 2] = [Self::Released, Self::Newest];

    fn apply(self) {
        FastBool::iter().for_each(|flag| flag.set(flag.default_value()));
        if self == Self::Newest {
            flags::apply_default();
        }
    }
}

/// The flags are the process's.
static ONE_CHECK_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Checks `files` in strict mode, and what they require. Several at once take little longer than one: a module is checked
/// once for all that require it.
pub fn check(files: &[PathBuf], modules: Modules, rules: Rules) -> anyhow::Result<Vec<Finding>> {
    let _alone = ONE_CHECK_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    rules.apply();
    // Union-heavy types such as results need more steps than the checker's cautious default.
    flags::LuauTarjanChildLimit.set(15_000);
    flags::LuauTableTypeMaximumStringifierLength.set(0);
    let mut config = NullConfigResolver::default();
    config.default_config.mode = luau_config::Mode::Strict;
    let options = FrontendOptions { retain_full_type_graphs: true, run_lint_checks: true, ..Default::default() };
    let mut frontend = Frontend::new(Files(modules), config, options);
    load_definitions(&mut frontend)?;

    let mut findings = BTreeSet::new();
    for file in files {
        findings.extend(check_one(&mut frontend, file)?);
    }
    Ok(findings.into_iter().collect())
}

fn check_one(frontend: &mut Frontend<Files, NullConfigResolver>, file: &Path) -> anyhow::Result<Vec<Finding>> {
    let name = BString::from(file.to_string_lossy().as_ref());
    let result = frontend.check(&name, None).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let mut findings = Vec::new();
    for error in &result.errors {
        let message = frontend
            .semantic_model(&error.module_name)
            .map_or_else(|| format!("{:?}", error.data), |model| model.error_message(error).to_string());
        findings.push(Finding { module: error.module_name.to_string(), line: error.location.begin.line + 1, message });
    }
    for lint in result.lint_result.errors.iter().chain(&result.lint_result.warnings) {
        let message = format!("lint {:?}: {}", lint.code, lint.text);
        findings.push(Finding { module: name.to_string(), line: lint.location.begin.line + 1, message });
    }
    Ok(findings)
}

fn load_definitions(frontend: &mut Frontend<Files, NullConfigResolver>) -> anyhow::Result<()> {
    let environment = DefinitionEnvironment::Globals;
    frontend.register_builtin_globals(environment).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let scope = frontend.global_scope(environment);
    let loaded = frontend
        .load_definition_file(scope, definitions::text(Solver::New)?.as_bytes(), "@roblox", false)
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    if !loaded.success {
        let mut problems = Vec::new();
        if let Some(model) = loaded.semantic_model(frontend) {
            for error in model.module().errors() {
                problems.push(format!("line {}: {}", error.location.begin.line + 1, model.error_message(error)));
            }
        }
        bail!("the definitions do not load: {:?} {problems:?}", loaded.source_module.parse_errors);
    }
    Ok(())
}

struct Files(Modules);

impl FileResolver for Files {
    fn read_source(&mut self, name: &ModuleName) -> Option<SourceCode> {
        let source = std::fs::read(name.to_string()).ok()?;
        Some(SourceCode { source: BString::from(source), kind: SourceCodeType::Module })
    }

    fn resolve_module(
        &mut self,
        context: Option<&ModuleInfo>,
        expression: Expression<'_>,
        _: &TypeCheckLimits,
    ) -> Option<ModuleInfo> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "what else a path is made of names no module by itself")]
        let path = match expression.kind() {
            // `require("./Sibling")`, as Luau outside Roblox has it.
            ExpressionKind::String { value, .. } => {
                let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                let from = PathBuf::from(context?.name.to_string());
                from.parent()?.join(text.trim_start_matches("./")).with_extension("luau")
            }
            // `require(ServerScriptService.RankService)`: the last name decides.
            ExpressionKind::IndexName { index, .. } => match self.0.find(index.bytes()) {
                Some(path) => path.to_owned(),
                None => return Some(on_the_way()),
            },
            _ => return Some(on_the_way()),
        };
        Some(ModuleInfo { name: BString::from(path.to_string_lossy().as_ref()), optional: false })
    }
}

/// `game`, `game:GetService(…)`, `script.Parent`: the checker follows a path step by step, and gives up where one of
/// its steps is nothing.
fn on_the_way() -> ModuleInfo {
    ModuleInfo { name: BString::from("game"), optional: true }
}
