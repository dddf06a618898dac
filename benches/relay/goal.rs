//! The goals of the rows, and whether figures meet them. It knows no figures of its own: the report hands them in.

use serde::Serialize;

use crate::row::{Row, SESSION_MEMBERS, Sizes};
use crate::server::Kind;

/// What a figure of the relay must not exceed. All bounds of a row have to hold.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bound {
    /// So much, in the row's unit.
    Absolute(f64),
    /// So many times the floor's figure.
    OfFloor(f64),
    /// So many times Node's figure.
    OfNode(f64),
    /// So many times the relay's own figure in another row.
    OfRow(Row, f64),
    /// The figure of each peer.
    Peers,
    /// The latencies of each server that runs JavaScript: each percentile.
    Latencies,
}

/// Whether a bound holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// A figure is missing.
    Open,
}

pub(crate) fn bounds(row: Row, sizes: &Sizes) -> &'static [Bound] {
    match row {
        Row::Message => &[Bound::OfFloor(1.5), Bound::Peers],
        Row::ChunkLarge | Row::ChunkSmall => &[Bound::OfFloor(1.2)],
        Row::FanOut if sizes.members != SESSION_MEMBERS => &[],
        Row::FanOut => &[Bound::OfFloor(1.0)],
        Row::Rate3000 | Row::Rate6000 | Row::Rate15000 => &[Bound::OfFloor(1.3), Bound::Latencies],
        Row::Stored | Row::StoredBusy => &[Bound::OfNode(0.35)],
        Row::StoredMongo | Row::StoredNodes | Row::NodesConversation => &[],
        Row::Nodes => &[Bound::OfRow(Row::Message, 2.2)],
        Row::Connect => &[Bound::OfFloor(2.0)],
        Row::Idle => &[Bound::Absolute(12.0)],
    }
}

impl Bound {
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Absolute(most) => format!("≤ {most}"),
            Self::OfFloor(share) => format!("≤ {share} × floor"),
            Self::OfNode(share) => format!("≤ {share} × Node"),
            Self::OfRow(row, share) => format!("≤ {share} × `{}`", row.name()),
            Self::Peers => "below every peer".to_owned(),
            Self::Latencies => "p50, p99, p99.9 ≤ those of Node, uWebSockets.js and Bun".to_owned(),
        }
    }

    /// Whether it holds for the relay's `cost`, with the costs of others in the same row, and the relay's in other rows.
    /// `None` where the costs do not say it.
    pub(crate) fn verdict(
        self,
        cost: Option<f64>,
        of: impl Fn(Kind) -> Option<f64>,
        in_row: impl Fn(Row) -> Option<f64>,
    ) -> Option<Verdict> {
        Some(match self {
            Self::Absolute(most) => compare(cost, Some(most)),
            Self::OfFloor(share) => compare(cost, of(Kind::Floor).map(|floor| share * floor)),
            Self::OfNode(share) => compare(cost, of(Kind::Node).map(|node| share * node)),
            Self::OfRow(row, share) => compare(cost, in_row(row).map(|other| share * other)),
            Self::Peers => all(Kind::PEERS.map(|kind| compare(cost, of(kind)))),
            Self::Latencies => return None,
        })
    }
}

impl Verdict {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Met => ": met",
            Self::Missed => ": missed",
            Self::Open => "",
        }
    }
}

pub(crate) fn compare(ours: Option<f64>, most: Option<f64>) -> Verdict {
    match (ours, most) {
        (Some(ours), Some(most)) if ours <= most => Verdict::Met,
        (Some(_), Some(_)) => Verdict::Missed,
        _ => Verdict::Open,
    }
}

/// One that is missed is enough; those that are open, because a server cannot be installed, do not count beside others.
pub(crate) fn all(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    let together = |one, other| match (one, other) {
        (Verdict::Missed, _) | (_, Verdict::Missed) => Verdict::Missed,
        (Verdict::Met, _) | (_, Verdict::Met) => Verdict::Met,
        _ => Verdict::Open,
    };
    verdicts.into_iter().fold(Verdict::Open, together)
}
