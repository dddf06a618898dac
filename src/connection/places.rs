//! The places of Engine.IO sessions. Each session takes one of its address when it is made, before the library
//! knows it, and has it until it ends: by its WebSocket, its connection, or itself. The library does not say when a
//! session ends, and holds what it has of one for a while longer. So what a client can make without ever entering
//! the namespace is as bounded as what it can make by entering. It must not know who a client is.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use parking_lot::Mutex;

use crate::config::LiveConfig;
use crate::limits::{Account, AddressLimits, AddressSlot, AddressSlots, Fixed};
use crate::metrics::connections::{HandshakeOutcome, handshake_took};
use crate::metrics::refusals::{self, Limit};

/// What a session takes that does nothing, in bytes: measured, and rounded up.
const SESSION_BYTES: usize = 24 * 1024;

/// All places of this node.
#[derive(Debug)]
pub(crate) struct Places {
    limits: Arc<AddressLimits>,
    slots: AddressSlots,
    /// Those that were not admitted when they were made, the oldest first.
    made: Mutex<VecDeque<Weak<Place>>>,
    unadmitted: Arc<AtomicUsize>,
    config: LiveConfig,
}

/// Why a session is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// Its address makes them too often.
    TooOften,
    /// Its address has as many as it may.
    TooMany,
    /// The server's memory is scarce.
    NoMemory,
}

impl Places {
    /// All of them are free.
    pub(crate) fn new(config: &LiveConfig, limits: Arc<AddressLimits>) -> Self {
        Self {
            limits,
            slots: AddressSlots::default(),
            made: Mutex::default(),
            unadmitted: Arc::default(),
            config: config.clone(),
        }
    }

    /// A place for a session that an address makes. Where too many sessions of the whole server are not
    /// admitted yet, the oldest of these is ended: whoever is honest does not wait that long.
    pub(super) fn take(&self, address: IpAddr) -> Result<Arc<Place>, NoPlace> {
        if !self.limits.allows_handshake(address) {
            refusals::limited(Limit::Handshake);
            return Err(NoPlace::TooOften);
        }
        let memory = self.limits.accounts.memory();
        if memory.is_full() {
            return Err(NoPlace::NoMemory);
        }
        let config = self.config.now();
        let most = config.max_connections_per_ip;
        let slot = self.slots.take(address, most).ok_or_else(|| {
            refusals::limited(Limit::ConnectionsPerIp);
            NoPlace::TooMany
        })?;
        let place = Arc::new(Place {
            made: Instant::now(),
            is_admitted: AtomicBool::new(false),
            is_counted: AtomicBool::new(false),
            unadmitted: self.unadmitted.clone(),
            end: OnceLock::new(),
            account: self.limits.accounts.of_address(address),
            address,
            limits: self.limits.clone(),
            _counted: (slot, memory.hold(SESSION_BYTES)),
        });
        self.unadmitted.fetch_add(1, Ordering::Relaxed);
        self.made.lock().push_back(Arc::downgrade(&place));
        let unadmitted = self.unadmitted.load(Ordering::Relaxed);
        let are_too_many = unadmitted > config.max_unadmitted as usize || memory.is_scarce();
        if let Some(oldest) = self.pop_oldest_if(|_| are_too_many) {
            oldest.end();
        }
        Ok(place)
    }

    /// Ends sessions that were not admitted in time, also those whose client was refused, and stays. To be called
    /// at intervals.
    pub(crate) fn end_overdue(&self) {
        let timeout = self.config.now().connect_timeout;
        let is_overdue = |place: &Place| place.made.elapsed() > timeout;
        while let Some(overdue) = self.pop_oldest_if(is_overdue) {
            overdue.end();
        }
    }

    /// Takes the oldest session that is not admitted, if it is one of these. Those before it are forgotten.
    fn pop_oldest_if(&self, is_it: impl Fn(&Place) -> bool) -> Option<Arc<Place>> {
        let mut made = self.made.lock();
        while let Some(oldest) = made.front() {
            let waiting = oldest.upgrade().filter(|oldest| !oldest.is_admitted());
            match waiting {
                Some(waiting) if !is_it(&waiting) => return None,
                waiting => {
                    made.pop_front();
                    if waiting.is_some() {
                        return waiting;
                    }
                }
            }
        }
        None
    }
}

/// The place of a session.
pub(crate) struct Place {
    made: Instant,
    is_admitted: AtomicBool,
    /// What became of its handshake is counted.
    is_counted: AtomicBool,
    unadmitted: Arc<AtomicUsize>,
    /// Ends the session.
    end: OnceLock<Box<dyn Fn() + Send + Sync>>,
    account: Arc<Account>,
    address: IpAddr,
    limits: Arc<AddressLimits>,
    _counted: (AddressSlot, Fixed),
}

impl Place {
    /// Says how the session can be ended.
    pub(super) fn ends_by(&self, end: impl Fn() + Send + Sync + 'static) {
        // A session is made once.
        let _ = self.end.set(Box::new(end));
    }

    fn end(&self) {
        if let Some(end) = self.end.get() {
            end();
        }
    }

    /// Its client has left the namespace, and enters again: whether it may, which counts as if it made a session.
    pub(super) fn may_enter_again(&self) -> bool {
        self.limits.allows_handshake(self.address)
    }

    /// The account of its address.
    pub(super) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The client has entered the namespace: its connection has the place from now on.
    pub(super) fn admitted(&self) {
        if !self.is_admitted.swap(true, Ordering::Relaxed) {
            self.unadmitted.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The handshake for which it was made has ended, if it had not before.
    pub(crate) fn handshake_ended(&self, outcome: HandshakeOutcome) {
        if !self.is_counted.swap(true, Ordering::Relaxed) {
            handshake_took(self.made.elapsed(), outcome);
        }
    }

    /// When the handshake began for which it was made, unless that has ended.
    pub(crate) fn handshake_begun(&self) -> Option<Instant> {
        let has_ended = self.is_counted.load(Ordering::Relaxed);
        (!has_ended).then_some(self.made)
    }

    fn is_admitted(&self) -> bool {
        self.is_admitted.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admitted();
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place")
            .field("is_admitted", &self.is_admitted())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::config::Config;
    use crate::limits::Memory;

    fn places(config: Config) -> Places {
        let config = config.into();
        let limits = Arc::new(AddressLimits::new(&config, &Memory::new(1 << 30)));
        Places::new(&config, limits)
    }

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn an_address_has_so_many_places_until_its_sessions_end() {
        let places = places(Config {
            max_connections_per_ip: 2,
            ..Config::default()
        });
        let mut held: Vec<_> = (0..2).map(|_| places.take(HERE).unwrap()).collect();
        held[0].admitted();
        assert_eq!(places.take(HERE).unwrap_err(), NoPlace::TooMany);
        assert!(places.take(Ipv4Addr::UNSPECIFIED.into()).is_ok());
        held.pop();
        assert!(places.take(HERE).is_ok());
    }

    #[test]
    fn an_address_makes_sessions_only_so_often() {
        let places = places(Config {
            handshake_burst: NonZeroU32::MIN,
            ..Config::default()
        });
        drop(places.take(HERE).unwrap());
        assert_eq!(places.take(HERE).unwrap_err(), NoPlace::TooOften);
    }

    #[test]
    fn a_session_that_is_not_admitted_in_time_is_ended() {
        let places = places(Config {
            connect_timeout: Duration::ZERO,
            ..Config::default()
        });
        let ended = Arc::new(Mutex::new(Vec::new()));
        let held: Vec<_> = (0..3).map(|_| places.take(HERE).unwrap()).collect();
        for (number, place) in held.iter().enumerate() {
            let ended = ended.clone();
            place.ends_by(move || ended.lock().push(number));
        }
        held[1].admitted();
        places.end_overdue();
        assert_eq!(*ended.lock(), [0, 2]);
    }

    #[test]
    fn the_oldest_that_is_not_admitted_is_ended_when_there_are_too_many() {
        let places = places(Config {
            max_unadmitted: 3,
            ..Config::default()
        });
        let ended = Arc::new(Mutex::new(Vec::new()));
        let take = |number: usize| {
            let (place, ended) = (places.take(HERE).unwrap(), ended.clone());
            place.ends_by(move || ended.lock().push(number));
            place
        };
        let mut held: Vec<_> = (0..4).map(take).collect();
        assert_eq!(*ended.lock(), [0]);
        held[1].admitted();
        held.remove(0);
        // Two are waiting still: 2 and 3.
        held.extend((4..6).map(take));
        assert_eq!(*ended.lock(), [0, 2]);
        drop(held);
        assert_eq!(places.unadmitted.load(Ordering::Relaxed), 0);
        drop(take(6));
        assert_eq!(*ended.lock(), [0, 2]);
        assert_eq!(places.made.lock().len(), 1);
    }
}
