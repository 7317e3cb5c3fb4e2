// Luau's own type checker over files on disk, with definitions of the parts of Roblox in use. Luau's own command-line
// checker takes no definitions, and resolves no `require` of an Instance.
//
//     luau-checker old|new released|tools DEFINITIONS [NAME=PATH]... FILE...
//
// The first two say which solver is asked, and what Luau's flags are: as the sources declare them, by which most of the
// newer rules are off, or as Luau's command-line tools set them, by which all are on that are not experimental. NAME=PATH
// says where `require(….NAME)` finds its module.
//
// Prints each finding as `path:line:column: message`, further lines of the message indented, in the files and in what
// they require. Ends with 0 if there is none, 1 if there is any, 2 if nothing could be checked.

#include "Luau/BuiltinDefinitions.h"
#include "Luau/ConfigResolver.h"
#include "Luau/Error.h"
#include "Luau/FileResolver.h"
#include "Luau/Frontend.h"
#include "Luau/Linter.h"

#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

LUAU_FASTFLAG(LuauExternReadWriteAttributes)
LUAU_FASTFLAG(LuauSolverV2)
LUAU_FASTINT(LuauTableTypeMaximumStringifierLength)
LUAU_FASTINT(LuauTarjanChildLimit)

// Luau's CLI/src/Flags.cpp, which has no header of its own.
void setLuauFlagsDefault();

namespace
{

std::optional<std::string> readFile(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

struct Arguments
{
    Luau::SolverMode solver;
    bool asTheToolsSetFlags;
    std::string definitions;
    std::map<std::string, std::string> modules;
    std::vector<std::string> files;
};

Arguments parseArguments(const std::vector<std::string>& words)
{
    const bool known = words.size() > 3 && (words[0] == "old" || words[0] == "new") && (words[1] == "released" || words[1] == "tools");
    if (!known)
        throw std::runtime_error("usage: luau-checker old|new released|tools DEFINITIONS [NAME=PATH]... FILE...");

    Arguments arguments{words[0] == "new" ? Luau::SolverMode::New : Luau::SolverMode::Old, words[1] == "tools", words[2], {}, {}};
    for (size_t i = 3; i < words.size(); i++)
    {
        const size_t equals = words[i].find('=');
        if (equals == std::string::npos)
            arguments.files.push_back(words[i]);
        else
            arguments.modules[words[i].substr(0, equals)] = words[i].substr(equals + 1);
    }
    return arguments;
}

// Modules are named by their paths.
struct Files final : Luau::FileResolver
{
    explicit Files(std::map<std::string, std::string> modules)
        : modules(std::move(modules))
    {
    }

    std::optional<Luau::SourceCode> readSource(const Luau::ModuleName& name) override
    {
        if (std::optional<std::string> source = readFile(name))
            return Luau::SourceCode{*source, Luau::SourceCode::Module};
        return std::nullopt;
    }

    std::optional<Luau::ModuleInfo> resolveModule(const Luau::ModuleInfo* context, Luau::AstExpr* expression, const Luau::TypeCheckLimits&) override
    {
        // `require("./Sibling")`, as Luau outside Roblox has it.
        if (auto text = expression->as<Luau::AstExprConstantString>())
        {
            if (!context)
                return std::nullopt;
            std::string path(text->value.data, text->value.size);
            if (path.compare(0, 2, "./") == 0)
                path.erase(0, 2);
            const std::string folder = context->name.substr(0, context->name.find_last_of('/') + 1);
            return Luau::ModuleInfo{folder + path + ".luau"};
        }

        // `require(ServerScriptService.RankService)`: the last name decides.
        if (auto member = expression->as<Luau::AstExprIndexName>())
            if (auto module = modules.find(member->index.value); module != modules.end())
                return Luau::ModuleInfo{module->second};

        // `game`, `game:GetService(…)`, `script.Parent`: the checker follows a path step by step, and gives up where one of
        // its steps is nothing.
        return Luau::ModuleInfo{"game", /* optional= */ true};
    }

private:
    std::map<std::string, std::string> modules;
};

// Path, line and column counted from 1, message: in this order they are printed.
using Finding = std::tuple<std::string, unsigned, unsigned, std::string>;

void print(const Finding& finding)
{
    auto [path, line, column, message] = finding;
    for (size_t end = message.find('\n'); end != std::string::npos; end = message.find('\n', end + 1))
        message.insert(end + 1, "\t");
    printf("%s:%u:%u: %s\n", path.c_str(), line, column, message.c_str());
}

Finding finding(const std::string& path, const Luau::Location& location, std::string message)
{
    return {path, location.begin.line + 1, location.begin.column + 1, std::move(message)};
}

void setFlags(const Arguments& arguments)
{
    if (arguments.asTheToolsSetFlags)
        setLuauFlagsDefault();
    FFlag::LuauSolverV2.value = arguments.solver == Luau::SolverMode::New;
    // Union-heavy types such as results need more steps than the old solver's cautious default.
    FInt::LuauTarjanChildLimit.value = 15000;
    // Types are told in full.
    FInt::LuauTableTypeMaximumStringifierLength.value = 0;
}

void loadDefinitions(Luau::Frontend& frontend, const std::string& path)
{
    const std::optional<std::string> source = readFile(path);
    if (!source)
        throw std::runtime_error("cannot read the definitions " + path);

    // Without this rule `read` is no word of the definitions' language. What is checked has to do without it.
    const bool asBefore = FFlag::LuauExternReadWriteAttributes.value;
    FFlag::LuauExternReadWriteAttributes.value = true;
    const Luau::LoadDefinitionFileResult loaded =
        frontend.loadDefinitionFile(frontend.globals, frontend.globals.globalScope, *source, "@roblox", /* captureComments= */ false);
    FFlag::LuauExternReadWriteAttributes.value = asBefore;
    if (loaded.success)
        return;

    for (const Luau::ParseError& error : loaded.parseResult.errors)
        print(finding(path, error.getLocation(), error.what()));
    if (loaded.module)
        for (const Luau::TypeError& error : loaded.module->errors)
            print(finding(path, error.location, Luau::toString(error)));
    throw std::runtime_error("the definitions do not load");
}

void check(Luau::Frontend& frontend, const std::string& path, std::set<Finding>& findings)
{
    if (!readFile(path))
        throw std::runtime_error("cannot read " + path);

    const Luau::CheckResult result = frontend.check(path);
    if (!result.timeoutHits.empty())
        throw std::runtime_error("the checker gave up on " + path);
    for (const Luau::TypeError& error : result.errors)
        findings.insert(finding(error.moduleName, error.location, Luau::toString(error, {frontend.fileResolver})));
    for (const auto* warnings : {&result.lintResult.errors, &result.lintResult.warnings})
        for (const Luau::LintWarning& warning : *warnings)
            findings.insert(finding(path, warning.location, std::string("lint ") + Luau::LintWarning::getName(warning.code) + ": " + warning.text));
}

std::set<Finding> checkAll(const Arguments& arguments)
{
    setFlags(arguments);
    Files files(arguments.modules);
    Luau::NullConfigResolver config;
    config.defaultConfig.mode = Luau::Mode::Strict;
    Luau::FrontendOptions options;
    options.runLintChecks = true;

    Luau::Frontend frontend(arguments.solver, &files, &config, options);
    Luau::registerBuiltinGlobals(frontend, frontend.globals);
    loadDefinitions(frontend, arguments.definitions);
    Luau::freeze(frontend.globals.globalTypes);

    std::set<Finding> findings;
    for (const std::string& file : arguments.files)
        check(frontend, file, findings);
    return findings;
}

int failOnAssertion(const char* expression, const char* file, int line, const char*)
{
    fprintf(stderr, "%s(%d): does not hold: %s\n", file, line, expression);
    return 1;
}

} // namespace

int main(int argc, char** argv)
{
    Luau::assertHandler() = failOnAssertion;
    try
    {
        const std::set<Finding> findings = checkAll(parseArguments({argv + 1, argv + argc}));
        for (const Finding& each : findings)
            print(each);
        return findings.empty() ? 0 : 1;
    }
    catch (const std::exception& error) // Luau's internal errors among them.
    {
        fprintf(stderr, "%s\n", error.what());
        return 2;
    }
}
