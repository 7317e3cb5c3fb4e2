//! Roblox's identifiers and ranks as types that cannot be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The largest id that JSON readers using doubles (Luau, JavaScript) can hold exactly: 2^53 - 1.
pub const MAX_ID: u64 = (1 << 53) - 1;

/// A number that is no id: zero, or above [`MAX_ID`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a whole number from 1 to 9007199254740991")]
pub struct InvalidId;

macro_rules! roblox_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u64", into = "u64")]
        pub struct $name(u64);

        impl $name {
            /// Accepts 1 to [`MAX_ID`].
            pub const fn new(value: u64) -> Result<Self, InvalidId> {
                if value >= 1 && value <= MAX_ID { Ok(Self(value)) } else { Err(InvalidId) }
            }

            /// The number, as Roblox writes it.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl TryFrom<u64> for $name {
            type Error = InvalidId;
            fn try_from(value: u64) -> Result<Self, InvalidId> {
                Self::new(value)
            }
        }

        impl From<$name> for u64 {
            fn from(id: $name) -> u64 {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

roblox_id!(
    /// A Roblox group.
    GroupId
);
roblox_id!(
    /// A Roblox user.
    UserId
);
roblox_id!(
    /// A role of a group. Not its rank: two roles of a group can stand at one rank.
    RoleId
);

/// The place of a role in its group, 0 to 255. Roblox fixes 0 for guests and 255 for the owner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rank(u8);

impl Rank {
    /// Whoever is not in the group; nobody holds it as a member.
    pub const GUEST: Self = Self(0);
    /// The base role's rank, which every member holds.
    pub const BASE: Self = Self(1);
    /// The highest rank that can be given.
    pub const HIGHEST_ASSIGNABLE: Self = Self(254);
    /// The group's owner; never given or taken by an API.
    pub const OWNER: Self = Self(255);

    /// Any of Roblox's 256 ranks.
    pub const fn new(value: u8) -> Self {
        Self(value)
    }

    /// The number, as Roblox writes it.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether a member can be brought to this rank: 1 to 254.
    pub const fn is_assignable(self) -> bool {
        self.0 >= Self::BASE.0 && self.0 <= Self::HIGHEST_ASSIGNABLE.0
    }

    /// Whether roles at this rank are assigned and unassigned: 2 to 254. Rank 1 is reached by removing what is above.
    pub const fn is_above_base(self) -> bool {
        self.0 > Self::BASE.0 && self.0 <= Self::HIGHEST_ASSIGNABLE.0
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rank({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_outside_one_to_two_to_the_53_minus_one_is_refused() {
        assert_eq!(UserId::new(0), Err(InvalidId));
        assert_eq!(UserId::new(MAX_ID + 1), Err(InvalidId));
        assert_eq!(UserId::new(MAX_ID).map(UserId::get), Ok(MAX_ID));
    }

    #[test]
    fn guest_and_owner_ranks_cannot_be_given() {
        assert!(!Rank::GUEST.is_assignable());
        assert!(!Rank::OWNER.is_assignable());
        assert!(Rank::BASE.is_assignable() && !Rank::BASE.is_above_base());
        assert!(Rank::HIGHEST_ASSIGNABLE.is_above_base());
    }
}
