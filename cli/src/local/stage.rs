//! The stage that a path begins with.

use rankbot_shared::domain::plan::Plan;

/// A deployment's stage: where in the path, if anywhere, it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// `$default`: served at the root, as below a custom domain.
    Default,
    /// Named after a plan and served below it.
    Plan(Plan),
}

impl Stage {
    /// The stage of a decoded path, and the path below it, which is what routes are matched against.
    pub(crate) fn split(path: &str) -> (Self, &str) {
        let below = |plan: Plan| path.strip_prefix('/')?.strip_prefix(plan.as_str());
        let found = Plan::ALL.into_iter().find_map(|plan| match below(plan)? {
            "" => Some((Self::Plan(plan), "/")),
            rest => rest.starts_with('/').then_some((Self::Plan(plan), rest)),
        });
        found.unwrap_or((Self::Default, path))
    }

    /// As `requestContext.stage` has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Default => "$default",
            Self::Plan(plan) => plan.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plans_name_at_the_front_is_the_stage_and_anything_else_is_not() {
        assert_eq!(Stage::split("/pro/v1/rank"), (Stage::Plan(Plan::Pro), "/v1/rank"));
        assert_eq!(Stage::split("/max"), (Stage::Plan(Plan::Max), "/"));
        assert_eq!(Stage::split("/v1/rank"), (Stage::Default, "/v1/rank"));
        assert_eq!(Stage::split("/starters/v1"), (Stage::Default, "/starters/v1"));
        assert_eq!(Stage::split("/PRO/v1"), (Stage::Default, "/PRO/v1"));
    }
}
