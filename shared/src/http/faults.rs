//! Every fault of a body at once: whoever wrote a request against an example of elsewhere mends it in one go.

use serde_json::{Value, json};

use super::error_code::ErrorCode;
use super::problem::Problem;

/// The most faults that are told: a body of 16 KiB has room for thousands of unknown fields.
const MOST_TOLD: usize = 20;

/// The faults found so far, in the order in which they are told. The first one is the answer's own.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Problem>);

impl Faults {
    /// What was read, or `None` where there is a fault.
    pub(super) fn take<T>(&mut self, read: Result<T, Problem>) -> Option<T> {
        read.map_err(|fault| self.note(fault)).ok()
    }

    pub(super) fn note(&mut self, fault: Problem) {
        self.0.push(fault);
    }

    /// The request, if all of it could be read and there is no fault.
    pub(super) fn unless_any<T>(self, request: Option<T>) -> Result<T, Problem> {
        match (self.into_problem(), request) {
            (Some(problem), _) => Err(problem),
            (None, Some(request)) => Ok(request),
            (None, None) => Err(Problem::new(ErrorCode::InvalidJson, "The body cannot be read: send a JSON object.")),
        }
    }

    fn into_problem(self) -> Option<Problem> {
        let told: Vec<Value> = self.0.iter().take(MOST_TOLD).map(told).collect();
        let first = self.0.into_iter().next()?;
        let mut details = first.details.clone().unwrap_or_else(|| json!({}));
        if let Some(details) = details.as_object_mut() {
            details.insert("problems".to_owned(), Value::Array(told));
        }
        Some(first.with_details(details))
    }
}

/// A fault of the body as a whole has no field.
fn told(fault: &Problem) -> Value {
    let field = fault.details.as_ref().and_then(|details| details.get("parameter"));
    json!({ "field": field, "code": fault.code.as_str(), "message": fault.message })
}

/// One fault, in the shape of many.
pub(super) fn only(fault: Problem) -> Problem {
    let mut faults = Faults::default();
    faults.note(fault.clone());
    faults.into_problem().unwrap_or(fault)
}
