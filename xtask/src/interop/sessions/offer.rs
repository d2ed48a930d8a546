//! What every seller offers, and what must be true when it was bought.

use crate::interop::chains::Chains;
use crate::interop::node::Node;

/// What is sold at every offer costs this together, in base units.
pub(super) const PRICE: u128 = 4_000;

/// How many requests that is.
pub(super) const REQUESTS: usize = 4;

/// What a stream delivers, for a part of the price each.
pub(super) const WORDS: [&str; 8] = ["one", "two", "three", "four", "five", "six", "seven", "eight"];

/// Where a deposit is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rail {
    /// `tempo/session`, version 2: Tempo's channel reserve.
    TempoV2,
    /// `tempo/session`, version 1: an escrow contract.
    TempoV1,
    /// `evm/session`: an escrow contract on the EVM chain.
    Evm,
}

/// How goods are ordered and delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// One request after the other.
    Requests,
    /// The same, on a deposit that suffices for half of them.
    TopUp,
    /// The same again, where the seller pays the fees of the deposits.
    Sponsored,
    /// A stream of server-sent events, each paid for.
    Events,
    /// The same over a WebSocket.
    Socket,
}

/// One thing for sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) rail: Rail,
    pub(super) way: Way,
}

impl Rail {
    pub(super) const ALL: [Self; 3] = [Self::TempoV2, Self::TempoV1, Self::Evm];

    /// Those of Tempo.
    pub(super) const TEMPO: [Self; 2] = [Self::TempoV2, Self::TempoV1];

    /// As the programs know it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TempoV2 => "v2",
            Self::TempoV1 => "v1",
            Self::Evm => "evm",
        }
    }

    /// The contract that holds the deposits.
    pub(super) fn escrow(self, chains: &Chains) -> &str {
        match self {
            Self::TempoV2 => chains.reserve(),
            Self::TempoV1 => chains.stream(),
            Self::Evm => chains.evm_escrow(),
        }
    }

    /// The chain on which it is.
    pub(super) fn chain(self, chains: &Chains) -> &Node {
        match self {
            Self::TempoV2 | Self::TempoV1 => chains.tempo(),
            Self::Evm => chains.evm(),
        }
    }
}

impl Way {
    const ALL: [Self; 5] = [Self::Requests, Self::TopUp, Self::Sponsored, Self::Events, Self::Socket];

    /// As the programs know it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Requests | Self::TopUp | Self::Sponsored => "plain",
            Self::Events => "sse",
            Self::Socket => "ws",
        }
    }

    /// Where every seller sells so.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Requests => "/plain",
            Self::TopUp => "/short",
            Self::Sponsored => "/sponsored",
            Self::Events => "/sse",
            Self::Socket => "/ws",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::TopUp => "requests, topped up",
            Self::Sponsored => "requests, sponsored",
            Self::Events => "SSE",
            Self::Socket => "WebSocket",
        }
    }

    /// How often the payer has to pay into the deposit.
    pub(super) fn deposits(self) -> usize {
        match self {
            Self::TopUp | Self::Sponsored => 2,
            Self::Requests | Self::Events | Self::Socket => 1,
        }
    }

    /// What must have been delivered for the price.
    pub(super) fn goods(self) -> Vec<&'static str> {
        match self {
            Self::Requests | Self::TopUp | Self::Sponsored => vec!["sold"; REQUESTS],
            Self::Events | Self::Socket => WORDS.to_vec(),
        }
    }
}

impl Offer {
    /// Every offer.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let every = Rail::ALL.into_iter().flat_map(|rail| Way::ALL.into_iter().map(move |way| Self { rail, way }));
        // On the EVM chain the seller pays the fees of every deposit that is authorized.
        every.filter(|offer| offer.rail != Rail::Evm || offer.way != Way::Sponsored)
    }

    /// Whether the seller pays the fees of the deposits.
    pub(super) fn is_sponsored(self) -> bool {
        self.way == Way::Sponsored || self.rail == Rail::Evm
    }

    /// As the matrix names it.
    pub(super) fn title(self) -> String {
        let method = match self.rail {
            Rail::TempoV2 => "tempo, version 2",
            Rail::TempoV1 => "tempo, version 1",
            Rail::Evm => "evm",
        };
        format!("{method}: {}", self.way.title())
    }
}
