//! Whether a table is many customers' or one's.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::plan::Plan;

/// For whom a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tenancy {
    /// Many customers, on Starter and Pro.
    Shared,
    /// One customer, in an instance of their own. It takes every plan.
    Dedicated,
}

/// A text that names no tenancy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the table's tag {tag} is \"{0}\", and can only be shared or dedicated", tag = Tenancy::TAG)]
pub struct UnknownTenancy(String);

impl Tenancy {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Shared, Self::Dedicated];

    /// The tag of an AWS table that says its tenancy; `template.yaml` sets it.
    pub const TAG: &str = "rankbot:tenancy";
    /// The tag of an AWS table that names the one customer it is for.
    pub const TENANT_TAG: &str = "rankbot:tenant";

    /// The tag's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Dedicated => "dedicated",
        }
    }

    /// Whether keys on this plan may be kept there.
    pub const fn takes(self, plan: Plan) -> bool {
        match (self, plan) {
            (Self::Dedicated, _) | (Self::Shared, Plan::Starter | Plan::Pro) => true,
            (Self::Shared, Plan::Max) => false,
        }
    }
}

impl fmt::Display for Tenancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Tenancy {
    type Err = UnknownTenancy;

    fn from_str(text: &str) -> Result<Self, UnknownTenancy> {
        Self::ALL.into_iter().find(|tenancy| tenancy.as_str() == text).ok_or_else(|| UnknownTenancy(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_dedicated_table_takes_max() {
        let takes = |tenancy: Tenancy| Plan::ALL.map(|plan| tenancy.takes(plan));
        assert_eq!(takes(Tenancy::Shared), [true, true, false]);
        assert_eq!(takes(Tenancy::Dedicated), [true, true, true]);
    }

    #[test]
    fn the_template_sets_the_tags_that_are_read() {
        let template = include_str!("../../../template.yaml");
        let tenancy = format!("{{Key: \"{}\", Value: !If [IsDedicated, dedicated, shared]}}", Tenancy::TAG);
        let tenant = format!("{{Key: \"{}\", Value: !Ref Tenant}}", Tenancy::TENANT_TAG);
        assert!(template.contains(&tenancy) && template.contains(&tenant));
    }
}
