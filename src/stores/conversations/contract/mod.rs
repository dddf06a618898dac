//! What every store of conversations has to do, as tests that know none of them. A store passes when
//! `contract_suite!` does, given a function that opens an empty one with the clock it is handed, where that is possible.

pub mod conversations;
pub mod history;
pub mod messages;
pub mod participants;
pub mod properties;
pub mod reactions;
pub mod receipts;
pub mod sequences;
pub mod strings;
pub mod subject;
pub mod users;

/// One `#[tokio::test]` for each test of the contract. A test that is not named here is unused code.
macro_rules! contract_suite {
    ($open:path) => {
        $crate::stores::conversations::contract::contract_suite! { $open;
            users::tokens_are_kept_and_what_they_do_not_tell_stays,
            users::users_are_found_by_the_name_they_have_now,
            users::administrators_change_users_who_need_not_have_come,
            users::the_last_time_seen_never_goes_back,
            conversations::a_conversation_is_made_once,
            conversations::a_list_has_the_newest_message_first_with_what_is_unread,
            conversations::partners_are_those_one_shares_a_conversation_with,
            participants::participants_come_and_go_and_come_again,
            participants::who_does_not_take_part_can_do_nothing,
            participants::names_are_those_of_all_who_take_part,
            participants::content_keys_are_kept_for_each_participant,
            participants::a_list_has_ones_own_content_keys,
            messages::a_message_is_kept_as_it_was_sent,
            messages::the_same_temp_id_is_the_same_message,
            messages::the_same_message_sent_at_once_is_kept_once,
            messages::only_the_author_edits,
            messages::the_author_and_admins_delete,
            messages::nothing_is_left_of_what_a_deleted_message_said,
            messages::what_one_hides_others_see,
            messages::a_message_of_another_conversation_is_none,
            history::pages_are_exact_at_their_edges,
            history::both_ways_through_a_history_are_the_same,
            history::positions_count_what_is_shown,
            history::a_page_has_no_more_bytes_than_it_may,
            history::a_clock_that_is_set_back_does_not_change_the_order,
            history::many_writers_make_one_order,
            receipts::reading_tells_each_sender_once_of_theirs,
            receipts::a_message_is_delivered_once_to_each,
            receipts::deliveries_come_in_parts,
            receipts::what_was_sent_before_one_was_added_is_not_delivered,
            reactions::the_same_reaction_is_kept_once,
            reactions::only_its_owner_removes_a_reaction,
            reactions::a_deleted_message_takes_no_reaction,
            strings::strings_that_look_like_a_query_are_strings,
            strings::contents_come_back_byte_for_byte,
            properties::who_reads_on_while_others_write_misses_nothing,
            sequences::any_sequence_of_operations_is_as_in_the_model,
            subject::a_closed_store_says_so,
        }
    };
    ($open:path; $($module:ident::$test:ident),+ $(,)?) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            use $crate::stores::conversations::contract::{$module, subject::{ManualClock, Subject}};
            let clock = std::sync::Arc::new(ManualClock::new());
            if let Some((stores, keep)) = $open(clock.clone()).await {
                $module::$test(Subject::new(stores, clock, keep)).await;
            }
        }
    )+ };
}
pub(super) use contract_suite;
