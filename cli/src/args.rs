//! The command line as it is typed, and its help.

use std::path::PathBuf;

use axum::http::Uri;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use rankbot_shared::domain::group_settings::{BotName, RoleMode};
use rankbot_shared::domain::id::{GroupId, InvalidId, Rank, RoleId, UserId};
use rankbot_shared::domain::plan::Plan;
use rankbot_shared::domain::rank_change::Reason;
use rankbot_shared::domain::tenancy::Tenancy;

use crate::period::Period;

/// RankBot: run it on this machine, and keep its API keys and groups.
#[derive(Debug, Parser)]
#[command(name = "rankbot", version, propagate_version = true, disable_help_subcommand = true)]
#[command(after_help = "Start with `rankbot local`: it needs nothing installed and prints what to try.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// The DynamoDB table that `table`, `keys`, `groups` and `usage` work on.
    ///
    /// Where DynamoDB is follows from the ordinary AWS environment: profile, region, credentials, and
    /// `AWS_ENDPOINT_URL_DYNAMODB` for one that is not on AWS.
    #[arg(long, global = true, env = "TABLE_NAME", value_name = "NAME")]
    pub(crate) table: Option<String>,

    /// Print one JSON value on standard output, and nothing else there.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine: the API, its store and a Roblox to try it on.
    Local(LocalArgs),
    /// Make the table that RankBot keeps everything in, and show what it is.
    #[command(subcommand)]
    Table(TableCommand),
    /// Make and manage API keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Say what rank changes may do in a group, and block users from them.
    #[command(subcommand)]
    Groups(GroupsCommand),
    /// Show how many requests a key has made, month by month.
    Usage(KeyIdArg),
    /// Print the version.
    Version,
}

#[derive(Debug, Args)]
pub(crate) struct LocalArgs {
    /// The port on 127.0.0.1; 0 takes any free one.
    #[arg(long, value_name = "N", default_value_t = 3000)]
    pub(crate) port: u16,

    /// Where the store and the local keys are kept.
    #[arg(long, value_name = "DIR", default_value = ".rankbot")]
    pub(crate) data: PathBuf,

    /// Keep nothing: an empty store and new keys at every start.
    #[arg(long, conflicts_with = "data")]
    pub(crate) ephemeral: bool,

    /// The Roblox group that the keys work in [default: the one used last, at first the sandbox's own].
    #[arg(long, value_name = "ID", value_parser = group_id)]
    pub(crate) group: Option<GroupId>,

    /// Use this Roblox instead of the sandbox, with the Open Cloud key in `ROBLOX_API_KEY`.
    ///
    /// `https://apis.roblox.com` is the real one: ranks change for real there.
    #[arg(long, value_name = "URL", value_parser = base_url)]
    pub(crate) roblox_base_url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TableCommand {
    /// Make the table, and wait until it can be used. One that is there already keeps what it holds and its tag.
    ///
    /// Time to live is switched on where it is off, and on AWS deletion protection and point-in-time recovery too: a
    /// creation that was cut off is finished by asking for it again.
    Create {
        /// For whom it is: shared by customers on starter and pro, or dedicated to one, on any plan.
        ///
        /// It is written into the table's tag `rankbot:tenancy` [default: shared; a store on this machine gets no tag,
        /// and takes every plan].
        #[arg(long, value_parser = tenancy())]
        tenancy: Option<Tenancy>,
    },
    /// Show what the table is: for whom, how full, how protected.
    Show,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key. It is shown this once.
    Create(CreateKeyArgs),
    /// List the keys, oldest first.
    List {
        /// Only the keys of this Roblox group.
        #[arg(long, value_name = "ID", value_parser = group_id)]
        group: Option<GroupId>,
    },
    /// Show a key: its plan, limits and what is left of its month.
    Show(KeyIdArg),
    /// Give a key a new secret, which is shown this once; its id and its counts stay.
    ///
    /// Two secrets work at a time at most: one that was replaced earlier, and whose overlap is not over, ends now.
    Rotate {
        #[command(flatten)]
        key: KeyIdArg,
        /// How long the old secret goes on working beside the new one; 0s ends it at once.
        #[arg(long, value_name = "PERIOD", default_value = "24h")]
        overlap: Period,
    },
    /// Switch a key off, for good and at once.
    Revoke(KeyIdArg),
    /// Move a key to another plan and its monthly limit. What it has used this month stays counted.
    SetPlan {
        #[command(flatten)]
        key: KeyIdArg,
        /// The new plan.
        #[arg(long, value_parser = plan())]
        plan: Plan,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateKeyArgs {
    /// The Roblox group that the key works in, and no other.
    #[arg(long, value_name = "ID", value_parser = group_id)]
    pub(crate) group: GroupId,

    /// Its plan: starter has 100 requests a month and no demote, pro 5,000, max no limit, in a dedicated table.
    #[arg(long, value_parser = plan())]
    pub(crate) plan: Plan,

    /// The highest rank it may give, and the highest member it may touch: 1 to 254.
    #[arg(long, value_name = "N", value_parser = rank)]
    pub(crate) max_rank: Option<Rank>,

    /// The only ranks it may give: 1,2,3.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = rank)]
    pub(crate) allowed_ranks: Option<Vec<Rank>>,

    /// When it stops working, from now: 90d, 24h, 15m [default: never].
    #[arg(long, value_name = "PERIOD", value_parser = lifetime)]
    pub(crate) expires_in: Option<Period>,

    /// Requests a month, where they differ from the plan's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct KeyIdArg {
    /// The key's id: the 12 characters after `wesk_`.
    // Parsed later: clap would repeat a refused value, and who pastes a whole key here should not see it again.
    #[arg(value_name = "KEY_ID")]
    pub(crate) key_id: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupsCommand {
    /// Show a group's settings, and whom it blocks.
    Show(GroupIdArg),
    /// Change a group's settings: those that are named, and no others.
    Set {
        #[command(flatten)]
        group: GroupIdArg,
        #[command(flatten)]
        settings: Box<SettingsArgs>,
    },
    /// Keep a user's rank as it is: changing it is refused with `USER_BLOCKED`. Blocking again changes the block.
    Block {
        #[command(flatten)]
        group: GroupIdArg,
        #[command(flatten)]
        user: UserIdArg,
        /// Why, in up to 200 characters. For operators alone: callers are not told.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: Option<Reason>,
        /// How long, from now: 30d, 24h, 15m [default: until it is taken off].
        #[arg(long = "for", value_name = "PERIOD", value_parser = lifetime)]
        period: Option<Period>,
    },
    /// Take a block off.
    Unblock {
        #[command(flatten)]
        group: GroupIdArg,
        #[command(flatten)]
        user: UserIdArg,
    },
    /// Move a group to another table, with its keys as they are, and all that is known of it.
    ///
    /// Its keys are refused with 503 for the time it takes, and work in the new table alone from then on. A move that was
    /// cut off goes on when it is asked for again. docs/moving.md has it step by step.
    Move(MoveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    #[command(flatten)]
    pub(crate) group: GroupIdArg,

    /// The table that the group is in.
    #[arg(long, value_name = "TABLE")]
    pub(crate) from: String,

    /// The table that it goes to, in the same account and region; it has nothing of the group yet.
    #[arg(long, value_name = "TABLE")]
    pub(crate) to: String,

    /// Put its keys on this plan and its monthly limit [default: each stays on its own].
    #[arg(long, value_parser = plan())]
    pub(crate) plan: Option<Plan>,

    /// Show what would be moved, and change nothing.
    #[arg(long, conflicts_with = "cancel")]
    pub(crate) dry_run: bool,

    /// Call off a move that was cut off before the new table took the keys: the old one takes them again.
    #[arg(long)]
    pub(crate) cancel: bool,

    /// How long requests that were admitted before may go on; less only where nothing serves the old table.
    #[arg(long, value_name = "PERIOD", default_value = "15s")]
    pub(crate) settle: Period,
}

#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// exclusive: a change leaves the target and no other managed role. additive: managed roles below the target stay.
    #[arg(long, value_name = "MODE", value_parser = mode())]
    pub(crate) mode: Option<RoleMode>,

    /// The roles, by id, that rank changes may give and take: 31,32. All others are never touched.
    #[arg(long, value_name = "ID,ID,…", value_delimiter = ',', value_parser = role_id, conflicts_with = "manage_all")]
    pub(crate) managed_roles: Option<Vec<RoleId>>,

    /// Set the managed roles although the group has no such roles as far as RankBot knows, or it knows none of its roles yet.
    #[arg(long, requires = "managed_roles")]
    pub(crate) force: bool,

    /// Rank changes may give and take every role of rank 2 to 254, as they may at first.
    #[arg(long)]
    pub(crate) manage_all: bool,

    /// The highest rank that any key may give here, and the highest member it may touch: 1 to 254.
    #[arg(long, value_name = "N", value_parser = rank, conflicts_with = "no_max_rank")]
    pub(crate) max_rank: Option<Rank>,

    /// No highest rank for the group: each key's own limits alone hold.
    #[arg(long)]
    pub(crate) no_max_rank: bool,

    /// The bot that acts in the group, by its name in the bot secret; `default` is every group's at first.
    #[arg(long, value_name = "NAME")]
    pub(crate) bot: Option<BotName>,
}

#[derive(Debug, Args)]
pub(crate) struct GroupIdArg {
    /// The Roblox group.
    #[arg(value_name = "GROUP_ID", value_parser = group_id)]
    pub(crate) group_id: GroupId,
}

#[derive(Debug, Args)]
pub(crate) struct UserIdArg {
    /// The Roblox user.
    #[arg(value_name = "USER_ID", value_parser = user_id)]
    pub(crate) user_id: UserId,
}

fn group_id(text: &str) -> Result<GroupId, String> {
    id(text, GroupId::new, "a group's id is the whole number in its address on roblox.com")
}

fn user_id(text: &str) -> Result<UserId, String> {
    id(text, UserId::new, "a user's id is the whole number in their profile's address on roblox.com")
}

fn role_id(text: &str) -> Result<RoleId, String> {
    id(text, RoleId::new, "a role's id is the whole number that GET /v1/group/roles shows; it is not its rank")
}

fn id<T>(text: &str, new: impl Fn(u64) -> Result<T, InvalidId>, hint: &str) -> Result<T, String> {
    text.parse().ok().and_then(|number| new(number).ok()).ok_or_else(|| hint.to_owned())
}

/// One that can be given: the guest and the owner are not ranked.
fn rank(text: &str) -> Result<Rank, String> {
    let number = text.parse().ok().filter(|number| (1..=254).contains(number));
    number.map(Rank::new).ok_or_else(|| "a rank that can be given is a whole number from 1 to 254".to_owned())
}

fn reason(text: &str) -> Result<Reason, String> {
    Reason::new(text.to_owned()).ok_or_else(|| format!("a reason has 1 to {} characters", Reason::MAX_CHARACTERS))
}

/// Without a slash at its end, as paths are put behind it.
fn base_url(text: &str) -> Result<String, String> {
    let uri: Option<Uri> = text.parse().ok();
    let is_base = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.path() == "/" && uri.query().is_none()
    });
    if is_base {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("give a scheme and a host alone, such as https://apis.roblox.com".to_owned())
    }
}

fn plan() -> impl TypedValueParser<Value = Plan> {
    PossibleValuesParser::new(Plan::ALL.map(Plan::as_str)).try_map(|name| name.parse::<Plan>())
}

fn tenancy() -> impl TypedValueParser<Value = Tenancy> {
    PossibleValuesParser::new(Tenancy::ALL.map(Tenancy::as_str)).try_map(|name| name.parse::<Tenancy>())
}

fn mode() -> impl TypedValueParser<Value = RoleMode> {
    PossibleValuesParser::new(RoleMode::ALL.map(RoleMode::as_str)).try_map(|name| name.parse::<RoleMode>())
}

/// A period of some length: a key that lives, or a block that holds, for none is a mistake.
fn lifetime(text: &str) -> Result<Period, String> {
    let period: Period = text.parse().map_err(|error: crate::period::InvalidPeriod| error.to_string())?;
    if period.is_zero() { Err("it has to last for some time".to_owned()) } else { Ok(period) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_every_option_has_a_help_text() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn table_and_json_may_stand_before_or_after_the_command() {
        for line in ["rankbot --table T --json keys list", "rankbot keys list --table T --json"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!((cli.table.as_deref(), cli.json), (Some("T"), true), "{line}");
        }
    }

    #[test]
    fn a_base_url_is_a_scheme_and_a_host() {
        assert_eq!(base_url("https://apis.roblox.com/"), Ok("https://apis.roblox.com".to_owned()));
        assert_eq!(base_url("http://127.0.0.1:8080"), Ok("http://127.0.0.1:8080".to_owned()));
        for wrong in ["apis.roblox.com", "ftp://apis.roblox.com", "https://apis.roblox.com/cloud", "https://", ""] {
            assert!(base_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ranks_that_cannot_be_given_and_lives_of_no_length_are_refused() {
        for wrong in ["--max-rank 0", "--max-rank 255", "--allowed-ranks 1,255", "--expires-in 0d", "--limit 0"] {
            let line = format!("rankbot keys create --group 1 --plan pro {wrong}");
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_move_waits_as_long_as_a_request_may_go_on() {
        let cli = Cli::try_parse_from("rankbot groups move 7 --from A --to B".split(' ')).unwrap();
        let Command::Groups(GroupsCommand::Move(args)) = cli.command else { panic!("another command") };
        assert_eq!(args.settle.duration().unsigned_abs().as_secs(), rankbot_shared::app::moving::SETTLING_SECONDS);
    }

    #[test]
    fn settings_that_say_nothing_or_two_things_at_once_are_refused() {
        for wrong in [
            "--managed-roles=",
            "--managed-roles 31,,32",
            "--managed-roles 0",
            "--managed-roles 31 --manage-all",
            "--max-rank 255",
            "--max-rank 5 --no-max-rank",
            "--mode both",
            "--bot two words",
        ] {
            let line = format!("rankbot groups set 7 {wrong}");
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{wrong}");
        }
    }
}
