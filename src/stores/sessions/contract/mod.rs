//! The contract of every store of sessions, as tests that know none of them. `contract_suite!` runs them,
//! given a function that opens an empty store with these limits and this clock. When sessions expire is
//! not part of it: not every store uses this clock.

pub(super) mod history;
pub(super) mod joining;
pub(super) mod keys;
pub(super) mod leaving;
pub(super) mod revisions;
pub(super) mod subject;

/// One `#[tokio::test]` for each test of the contract. A test that is missing in this list is unused code.
macro_rules! contract_suite {
    ($open:path) => {
        $crate::stores::sessions::contract::contract_suite! { $open;
            joining::keys_and_modes_decide_who_is_let_in_in_this_order,
            joining::a_connection_that_is_in_too_many_sessions_is_refused_last,
            joining::a_session_without_a_key_is_open_until_a_creator_sets_one,
            joining::who_comes_again_is_no_new_member_and_keeps_what_is_not_sent_anew,
            joining::another_key_takes_the_place_of_who_may_be_somebody_else,
            joining::a_member_is_on_a_bounded_number_of_connections,
            joining::a_place_of_two_is_kept_for_who_was_disconnected,
            joining::all_who_come_at_once_are_members,
            joining::who_may_make_no_session_may_still_join_one,
            joining::an_id_may_have_any_character,
            leaving::a_key_outlives_a_disconnect_by_the_grace_and_nothing_else,
            leaving::a_member_is_gone_with_its_last_connection,
            leaving::the_last_to_leave_ends_a_session_and_the_last_to_be_disconnected_does_not,
            leaving::a_session_that_ended_leaves_nothing_to_the_next,
            leaving::who_left_is_known_again_by_user_or_address_and_as_the_same_member,
            history::a_history_has_the_newest_messages_that_a_member_may_see,
            history::a_history_stays_within_its_bytes,
            history::an_id_that_is_forgotten_is_new_again,
            history::other_words_under_the_same_id_are_another_message,
            history::the_same_message_sent_at_once_is_kept_once,
            history::a_message_is_kept_as_it_was_sent,
            keys::a_members_key_is_saved_and_no_others,
            keys::another_key_of_a_member_is_known_as_such,
            keys::session_keys_are_for_group_mode,
            revisions::each_change_has_the_next_number,
            revisions::a_refusal_has_no_number,
            revisions::a_join_has_all_messages_up_to_its_revision,
            revisions::sessions_are_counted,
        }
    };
    ($open:path; $($module:ident::$test:ident),+ $(,)?) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            use $crate::stores::sessions::contract::{$module, subject::{LIMITS, Subject}};
            let clock = std::sync::Arc::new($crate::model::clock::ManualClock::new());
            if let Some((store, keep)) = $open(LIMITS, clock.clone()).await {
                $module::$test(Subject::new(store, clock, keep)).await;
            }
        }
    )+ };
}
pub(super) use contract_suite;
