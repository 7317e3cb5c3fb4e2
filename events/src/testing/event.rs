//! One event.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use rankbot_shared::domain::plan::Plan;
use rankbot_shared::function::Function;
use serde_json::{Value, json};

/// What AWS hands to a function, as a file of this folder has it.
#[derive(Debug, Clone)]
pub struct Event {
    /// Who gets it.
    pub function: Function,
    /// The file.
    pub file: PathBuf,
    /// The event itself.
    pub payload: Value,
}

/// The two addresses that one deployment can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// The stage's own, with the stage in the path: `/pro/v1/…`.
    OfTheStage,
    /// A domain that leads to the stage: `/v1/…`.
    CustomDomain,
}

impl Address {
    /// Both.
    pub const ALL: [Self; 2] = [Self::OfTheStage, Self::CustomDomain];
}

impl Event {
    /// The events of one function, in the order of their names; at least one, or whoever runs them all would believe to
    /// have run this function.
    pub fn of(function: Function) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(function.name());
        let mut files: Vec<PathBuf> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{function} has no event in {}", folder.display());
        files.into_iter().map(|file| Self::read(function, file)).collect()
    }

    fn read(function: Function, file: PathBuf) -> Self {
        let text = fs::read(&file).unwrap();
        let payload = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self { function, file, payload }
    }

    /// The file's name, without what all of them end in.
    pub fn name(&self) -> &str {
        self.file.file_stem().unwrap().to_str().unwrap()
    }

    /// The status that the file's name promises; `None` for what nobody waits for an answer to.
    pub fn expected_status(&self) -> Option<u16> {
        match self.function {
            Function::Sweep => None,
            Function::SetRank
            | Function::Promote
            | Function::Demote
            | Function::Rank
            | Function::GetRank
            | Function::GroupInfo
            | Function::GroupRoles
            | Function::Logs
            | Function::Undo
            | Function::KeyInfo => {
                let status = self.name().split('-').next().and_then(|status| status.parse().ok());
                Some(status.unwrap_or_else(|| panic!("{self} is not named NNN-title, NNN being an HTTP status")))
            }
        }
    }

    /// The same request, as it arrives by way of this address of the plan's deployment, whose stage bears the plan's
    /// name. What is on no route of the API is as it was.
    #[must_use]
    pub fn at(&self, address: Address, plan: Plan) -> Self {
        let mut event = self.clone();
        if self.function == Function::Sweep {
            return event;
        }
        let stage = self.payload["requestContext"]["stage"].as_str().unwrap();
        let written = self.payload["rawPath"].as_str().unwrap();
        let below = written.strip_prefix(&format!("/{stage}")).filter(|path| path.starts_with('/')).unwrap_or(written);
        let (path, prefix, domain) = match address {
            Address::OfTheStage => {
                (format!("/{plan}{below}"), "a1b2c3d4e5", "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com")
            }
            Address::CustomDomain => (below.to_owned(), "api", "api.rankbot.example"),
        };
        let payload = &mut event.payload;
        payload["rawPath"] = json!(path);
        payload["headers"]["host"] = json!(domain);
        let context = &mut payload["requestContext"];
        context["stage"] = json!(plan.as_str());
        context["http"]["path"] = json!(path);
        context["domainName"] = json!(domain);
        context["domainPrefix"] = json!(prefix);
        event
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.function, self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_as_written_is_itself_at_its_own_address() {
        let events = Function::ALL.into_iter().flat_map(Event::of);
        for event in events.filter(|event| event.payload["requestContext"]["stage"] == "pro") {
            let own = event.payload["rawPath"].as_str().unwrap().starts_with("/pro/");
            let address = if own { Address::OfTheStage } else { Address::CustomDomain };
            assert_eq!(event.at(address, Plan::Pro).payload, event.payload, "{event}");
        }
    }

    #[test]
    fn the_stage_is_in_the_path_at_its_own_address_alone() {
        for event in Event::of(Function::SetRank) {
            for plan in Plan::ALL {
                assert_eq!(event.at(Address::OfTheStage, plan).payload["rawPath"], format!("/{plan}/v1/setRank"));
                assert_eq!(event.at(Address::CustomDomain, plan).payload["rawPath"], "/v1/setRank");
            }
        }
    }
}
