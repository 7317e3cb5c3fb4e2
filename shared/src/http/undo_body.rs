//! The body of an undo: everything in it is optional, and so is the body.

use super::faults::Faults;
use super::fields::Fields;
use super::problem::Problem;
use super::rank_change_body::{actor, mode, reason};
use crate::app::undo::Undo;
use crate::domain::log_id::LogId;

pub(super) const FIELDS: &[&str] = &["force", "reason", "actorId", "dryRun"];

/// Reads the request to undo this entry.
pub(super) fn parse(log_id: LogId, body: &[u8]) -> Result<Undo, Problem> {
    let fields = if body.iter().all(u8::is_ascii_whitespace) { Fields::none() } else { Fields::read(body)? };
    let mut faults = Faults::default();
    fields.check_repetition(&mut faults);
    fields.check_names(FIELDS, &mut faults);
    let force = faults.take(fields.boolean("force"));
    let (reason, actor) = (faults.take(reason(&fields)), faults.take(actor(&fields)));
    let mode = faults.take(mode(&fields));
    let request = || {
        let force = force?.unwrap_or(false);
        Some(Undo { log_id, force, reason: reason?, actor: actor?, mode: mode? })
    };
    faults.unless_any(request())
}
