//! The body of an undo: everything in it is optional, and so is the body.

use super::fields::Fields;
use super::problem::Problem;
use super::rank_change_body::{actor, mode, reason};
use crate::app::undo::Undo;
use crate::domain::log_id::LogId;

pub(super) const FIELDS: &[&str] = &["force", "reason", "actorId", "dryRun"];

/// Reads the request to undo this entry.
pub(super) fn parse(log_id: LogId, body: &[u8]) -> Result<Undo, Problem> {
    let fields = if body.iter().all(u8::is_ascii_whitespace) { Fields::none() } else { Fields::read(body)? };
    fields.only(FIELDS)?;
    Ok(Undo {
        log_id,
        force: fields.boolean("force")?.unwrap_or(false),
        reason: reason(&fields)?,
        actor: actor(&fields)?,
        mode: mode(&fields)?,
    })
}
