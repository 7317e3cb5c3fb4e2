//! What RankBot knows without asking anyone: pure types and rules.

pub mod api_key;
pub mod audit;
pub mod group_settings;
pub mod hold;
pub mod id;
pub mod idempotency;
pub mod key_record;
pub mod ladder;
pub mod log_id;
pub mod month;
pub mod plan;
pub mod rank_change;
pub mod recent_writes;
pub mod role_change;
pub mod tenancy;
