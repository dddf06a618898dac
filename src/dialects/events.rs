//! The form of a dialect's table of events: one row for each event, `"name" => handler` and the
//! columns of [`Row`](super::row::Row).

use futures_util::future::BoxFuture;

use crate::model::Refusal;

/// A handler at work. It is boxed by itself, so that each needs only as much room as it takes.
pub(in crate::dialects) type Handling<'a> = BoxFuture<'a, Result<(), Refusal>>;

/// Declares the events of a dialect, and what their handlers take. `bare` is the field that an id stands for which comes
/// alone.
///
/// Makes `Event`, with `find(name)` and `row()`, and `dispatch(event, …)`. A handler is an async
/// function of the request and of what the first line names: `member`, the authenticated sender;
/// `payload`, the decoded first argument; `optional_payload`, the same where it may be no object.
macro_rules! events {
    (
        $dialect:ident($($takes:ident),+), words: $words:expr;
        $(
            $name:literal => $module:ident::$handler:ident,
            limit: $($limit:ident)|+, refused: $refused:expr, audit: $audit:ident $(, bare: $bare:expr)?;
        )+
    ) => {
        /// What a client of this dialect may send; each event is named like its handler.
        #[allow(non_camel_case_types, reason = "the names of functions")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::dialects) enum Event { $($handler,)+ }

        /// The texts and the shape of this dialect's refusals.
        pub(in crate::dialects) const WORDS: &dyn $crate::dialects::refuse::Words = &$words;

        impl Event {
            /// Every event, in the order of the table.
            pub(in crate::dialects) const ALL: &[Self] = &[$(Self::$handler,)+];

            /// The event with this name.
            pub(in crate::dialects) fn find(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$handler),)+ _ => None }
            }

            /// What is fixed about it.
            pub(in crate::dialects) const fn row(self) -> &'static $crate::dialects::row::Row {
                match self {
                    $(Self::$handler => {
                        static RECEIVED: $crate::metrics::Counter = $crate::metrics::Counter::new();
                        static ROW: &$crate::dialects::row::Row = &$crate::dialects::row::Row {
                            dialect: $crate::model::Dialect::$dialect,
                            name: $name,
                            bare: events!(@bare $($bare)?),
                            limits: events!(@limits $($limit)+),
                            refused: $refused,
                            audit: events!(@audit $audit),
                            received: &RECEIVED,
                        };
                        ROW
                    })+
                }
            }
        }

        events!(@dispatch ($($takes),+) $($module::$handler,)+);
    };

    (@bare) => { None };
    (@bare $field:expr) => { Some($field) };
    (@limits Nothing) => { &[] };
    (@limits $($action:ident)+) => { &[$($crate::limits::Action::$action),+] };
    (@audit Nothing) => { None };
    (@audit $event_type:ident) => { Some($crate::audit::EventType::$event_type) };

    (@dispatch (member, payload) $($module:ident::$handler:ident,)+) => {
        /// Calls the handler of an event.
        pub(in crate::dialects) fn dispatch<'a>(
            event: Event,
            request: &'a mut $crate::dialects::Request<'_>,
            member: &'a $crate::users::Member,
            payload: &'a $crate::payload::Payload<'_>,
        ) -> $crate::dialects::events::Handling<'a> {
            match event { $(Event::$handler => Box::pin($module::$handler(request, member, payload)),)+ }
        }
    };
    (@dispatch (payload) $($module:ident::$handler:ident,)+) => {
        /// Calls the handler of an event.
        pub(in crate::dialects) fn dispatch<'a>(
            event: Event,
            request: &'a mut $crate::dialects::Request<'_>,
            payload: &'a $crate::payload::Payload<'_>,
        ) -> $crate::dialects::events::Handling<'a> {
            match event { $(Event::$handler => Box::pin($module::$handler(request, payload)),)+ }
        }
    };
    (@dispatch (member, optional_payload) $($module:ident::$handler:ident,)+) => {
        /// Calls the handler of an event.
        pub(in crate::dialects) fn dispatch<'a>(
            event: Event,
            request: &'a mut $crate::dialects::Request<'_>,
            member: &'a $crate::users::Member,
            payload: Option<&'a $crate::payload::Payload<'_>>,
        ) -> $crate::dialects::events::Handling<'a> {
            match event { $(Event::$handler => Box::pin($module::$handler(request, member, payload)),)+ }
        }
    };
}

pub(super) use events;
