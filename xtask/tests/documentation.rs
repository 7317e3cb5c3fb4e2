//! What the documentation points to is there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Where Markdown is, beside the root itself.
const FOLDERS: &[&str] = &["docs", "events", "roblox"];

static FENCED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?ms)^ *```.*?^ *```[^\n]*$").unwrap());
static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"`[^`]*`").unwrap());
static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\]\(([^() \n]+)\)").unwrap());
static HEADING: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^#{1,6} +(.*?) *$").unwrap());
static LINK_WITH_TEXT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\[([^\]]*)\]\([^)]*\)").unwrap());

/// Every Markdown file below a folder.
fn pages_below(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages_below(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let beside = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = beside.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    for folder in FOLDERS {
        pages_below(&root.join(folder), &mut pages);
    }
    pages
}

/// The anchors that GitHub, and most other renderers of Markdown, give a page's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen = BTreeMap::<String, usize>::new();
    let text = FENCED.replace_all(text, "");
    let headings = HEADING.captures_iter(&text).map(|heading| slug(&heading[1]));
    headings
        .map(|slug| {
            let times = seen.entry(slug.clone()).or_default();
            *times += 1;
            if *times == 1 { slug } else { format!("{slug}-{}", *times - 1) }
        })
        .collect()
}

fn slug(heading: &str) -> String {
    let text = LINK_WITH_TEXT.replace_all(heading, "$1").to_lowercase();
    let kept = text.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// What is wrong with a link on a page, if anything.
fn defect(page: &Path, text: &str, target: &str) -> Option<String> {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let to = if path.is_empty() { page.to_owned() } else { page.parent().unwrap().join(path) };
    if !to.exists() {
        return Some(format!("{} is not there", to.display()));
    }
    let anchor = anchor?;
    let there = if path.is_empty() { anchors(text) } else { anchors(&fs::read_to_string(&to).unwrap()) };
    (!there.contains(anchor)).then(|| format!("{} has no heading for #{anchor}", to.display()))
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut links = 0;
    let mut defects = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let prose = FENCED.replace_all(&text, "");
        let prose = CODE.replace_all(&prose, "");
        let targets = LINK.captures_iter(&prose).map(|link| link[1].to_owned());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")) {
            links += 1;
            defects.extend(defect(&page, &text, &target).map(|why| format!("{}: {target}: {why}", page.display())));
        }
    }
    assert!(links > 100, "only {links} links were found: they are not read right");
    assert!(defects.is_empty(), "{}", defects.join("\n"));
}

#[test]
fn anchors_are_made_as_they_are_rendered() {
    let page = "# One, two\n## `key` – [the key](a.md)\n```sh\n# no heading\n```\n## Again\n## Again\n";
    let expected = ["again", "again-1", "key--the-key", "one-two"].map(str::to_owned);
    assert_eq!(anchors(page), expected.into());
}

/// `docs/README.md` is where a reader looks first.
#[test]
fn every_page_of_the_documentation_is_in_its_index() {
    let docs = Path::new(ROOT).join("docs");
    let index = fs::read_to_string(docs.join("README.md")).unwrap();
    for entry in fs::read_dir(&docs).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_page = Path::new(&name).extension().is_some_and(|end| end == "md") && name != "README.md";
        assert!(!is_page || index.contains(&format!("({name})")), "docs/README.md does not lead to {name}");
    }
    for entry in fs::read_dir(docs.join("adr")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(index.contains(&format!("(adr/{name})")), "docs/README.md does not lead to decision {name}");
    }
}

/// The rules for secret scanners are copied from `docs/security.md` into places that we do not see.
#[test]
fn every_rule_for_scanners_has_the_published_pattern() {
    let read = |path: &str| fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let (parser, security, events) =
        (read("shared/src/domain/api_key.rs"), read("docs/security.md"), read("events/README.md"));
    let after = |text: &str, mark: &str| text.split_once(mark).unwrap().1.to_owned();
    let published = after(&parser, "//! The pattern `");
    let published = published.split_once('`').unwrap().0;
    let rules: Vec<_> = security.match_indices("wesk_[").map(|(at, _)| &security[at..]).collect();
    assert_eq!(rules.len(), 4, "the pattern itself, gitleaks, git-secrets, a scanner of one's own");
    assert!(rules.iter().all(|rule| rule.starts_with(published)), "{published}");

    let published = Regex::new(published).unwrap();
    let allowed = after(&security, "git secrets --add --allowed '");
    let allowed = Regex::new(allowed.split_once('\'').unwrap().0).unwrap();
    let keys: Vec<_> = published.find_iter(&events).collect();
    assert!(keys.len() == 2 && keys.iter().all(|key| allowed.is_match(key.as_str())), "the test keys are let through");
    assert!(!allowed.is_match(published.find(&read("README.md")).unwrap().as_str()), "and no others");
}

/// Who takes a claim off by hand does it at night, and once: a name that is wrong would be found then.
#[test]
fn a_claim_is_taken_off_by_hand_by_the_attributes_that_it_has() {
    let read = |path: &str| fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let (operations, claims) = (read("docs/operations.md"), read("shared/src/adapters/dynamodb/changes.rs"));
    let section = operations.split_once("#### Taking a claim off by hand").unwrap().1;
    let names = section.split_once("--expression-attribute-names '{").unwrap().1.split_once('}').unwrap().0;
    // In the code an alias stands for the attribute of the same name, but for those that are given another.
    let renamed = Regex::new(r#""([A-Za-z]+)" => "([A-Za-z]+)"\.to_owned\(\)"#).unwrap();
    let renamed: BTreeMap<_, _> =
        renamed.captures_iter(&claims).map(|pair| (pair[1].to_owned(), pair[2].to_owned())).collect();
    assert_eq!(renamed.len(), 2, "{renamed:?}");
    let documented = Regex::new(r##""#([A-Za-z]+)":"([A-Za-z]+)""##).unwrap();
    let mut aliases = BTreeSet::new();
    for pair in documented.captures_iter(names) {
        let attribute = renamed.get(&pair[1]).map_or(&pair[1], String::as_str);
        assert_eq!(&pair[2], attribute);
        aliases.insert(pair[1].to_owned());
    }
    let release = read("shared/src/adapters/dynamodb/conclusion.rs");
    let release = release.split_once("const RELEASE: &str = \"").unwrap().1.split_once('"').unwrap().0;
    let word = Regex::new(r"#([A-Za-z]+)").unwrap();
    let released: BTreeSet<_> = word.captures_iter(release).map(|alias| alias[1].to_owned()).collect();
    assert_eq!(aliases, released, "the same attributes as RankBot's own release");
}
