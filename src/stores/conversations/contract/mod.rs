//! The tests that every store of conversations has to pass. `contract_suite!` runs them, given a
//! function that opens an empty store with a clock, or returns `None` where that is impossible.

pub(super) mod blocks;
pub(super) mod conversations;
pub(super) mod history;
pub(super) mod ignored;
pub(super) mod import;
pub(super) mod invited;
pub(super) mod keys;
pub(super) mod log;
pub(super) mod messages;
pub(super) mod newcomers;
pub(super) mod page_sizes;
pub(super) mod participants;
pub(super) mod pending;
pub(super) mod properties;
pub(super) mod reactions;
pub(super) mod receipts;
pub(super) mod retention;
pub(super) mod revocations;
pub(super) mod roles;
pub(super) mod sequences;
pub(crate) mod stored;
pub(super) mod strings;
pub(super) mod subject;
pub(super) mod users;

/// One `#[tokio::test]` for each test of the contract. A test that this list lacks is unused code.
macro_rules! contract_suite {
    ($open:path) => {
        $crate::stores::conversations::contract::contract_suite! { $open;
            users::tokens_are_stored_and_missing_fields_keep_their_values,
            users::users_are_found_by_what_others_may_call_them,
            users::administrators_change_users_who_may_be_unknown,
            users::the_json_type_of_an_id_is_that_of_the_last_token,
            users::the_last_time_seen_never_goes_back,
            blocks::a_block_list_is_the_users_own,
            blocks::a_block_list_is_read_in_parts_and_is_bounded,
            revocations::tokens_are_taken_back_until_the_revocation_expires,
            revocations::a_revocation_is_widened_and_never_narrowed,
            revocations::a_revocation_is_taken_back_and_made_again,
            revocations::revocations_are_listed_in_parts_by_kind,
            revocations::of_many_at_once_of_one_subject_one_is_there,
            conversations::a_conversation_is_created_once,
            conversations::admins_describe_a_conversation,
            conversations::a_list_is_sorted_by_the_newest_message_and_counts_unread_ones,
            conversations::a_list_in_parts_is_as_it_was_when_it_began,
            conversations::partners_are_those_one_shares_a_conversation_with,
            conversations::a_conversation_of_two_is_found_by_who_they_are,
            participants::participants_are_added_removed_and_added_again,
            participants::who_ended_a_participation_ends_it_again,
            participants::participants_are_read_in_parts,
            participants::a_full_conversation_takes_nobody_more,
            participants::only_active_participants_can_do_anything,
            participants::names_are_those_of_all_active_participants,
            participants::content_keys_are_stored_for_each_participant,
            participants::a_list_has_ones_own_content_keys,
            roles::where_the_last_admin_goes_the_oldest_becomes_one,
            roles::who_is_none_for_all_is_not_promoted,
            roles::only_admins_give_participants_another_role,
            roles::others_see_no_difference_between_the_roles_of_who_is_ignored,
            keys::a_new_key_is_added_to_those_before,
            keys::a_new_key_has_a_higher_number_and_comes_from_a_participant,
            keys::who_is_added_is_given_the_keys_of_before,
            keys::who_takes_a_place_takes_its_keys,
            keys::nobody_has_more_keys_than_they_may,
            ignored::who_has_blocked_the_creator_is_a_participant_for_others_only,
            ignored::who_has_blocked_who_adds_them_is_a_participant_for_others_only,
            ignored::who_blocks_nobody_any_more_is_added_when_they_are_added_again,
            ignored::who_is_ignored_counts_where_a_conversation_is_full,
            ignored::a_name_puts_nobody_in_who_has_blocked_who_gave_it,
            invited::who_is_invited_has_nothing_until_they_accept,
            invited::an_invitation_is_declined_withdrawn_and_given_again,
            invited::nobody_is_told_of_an_invitation_by_whom_they_have_blocked,
            invited::who_is_invited_counts_where_a_conversation_is_full,
            invited::invitations_are_the_newest_first_and_no_more_than_asked_for,
            invited::a_name_that_is_invited_invites_who_is_known_by_it,
            import::lines_are_stored_with_the_times_that_they_have,
            import::a_line_ends_a_participation_and_begins_no_earlier_one,
            import::a_line_that_is_not_stored_keeps_no_other,
            pending::a_user_takes_the_place_of_a_pending_participant,
            pending::a_pending_participant_goes_where_the_user_is_already,
            messages::a_message_is_stored_as_it_was_sent,
            messages::the_same_words_under_the_same_temp_id_are_the_same_message,
            messages::other_words_under_the_same_temp_id_are_another_message,
            messages::the_same_words_a_day_later_are_another_message,
            messages::a_temp_id_comes_back_as_it_was_written,
            messages::an_edit_that_comes_again_changes_nothing,
            messages::concurrent_sends_of_the_same_message_store_it_once,
            messages::only_the_author_edits,
            messages::an_edit_keeps_what_it_does_not_mention,
            messages::the_author_and_admins_delete,
            messages::nothing_is_left_of_the_content_of_a_deleted_message,
            messages::a_hidden_message_stays_visible_to_others,
            messages::a_message_of_another_conversation_is_none,
            history::pages_are_exact_at_their_edges,
            history::both_ways_through_a_history_are_the_same,
            history::positions_count_visible_messages,
            page_sizes::a_page_has_no_more_bytes_than_it_may,
            newcomers::a_newcomer_sees_what_was_sent_since,
            newcomers::to_a_newcomer_earlier_messages_are_not_there,
            newcomers::who_comes_back_sees_what_was_sent_since,
            newcomers::admins_say_what_newcomers_see,
            newcomers::who_is_asked_or_awaited_joins_when_they_come,
            history::a_clock_that_is_set_back_does_not_change_the_order,
            history::many_writers_make_one_order,
            log::a_log_is_read_in_parts,
            log::nothing_is_read_of_a_hidden_message,
            log::a_participation_has_a_beginning_and_an_end,
            log::a_page_says_how_far_it_reaches,
            receipts::reading_returns_each_message_once_by_sender,
            receipts::unread_messages_are_those_that_are_counted,
            receipts::a_message_is_delivered_once_to_each,
            receipts::a_message_is_delivered_to_many_together,
            receipts::a_message_is_delivered_to_a_few_of_many,
            receipts::deliveries_come_in_parts,
            receipts::messages_sent_before_a_participant_was_added_are_not_delivered,
            receipts::receipts_are_read_by_a_cursor,
            receipts::much_that_was_noted_at_once_comes_in_parts,
            retention::old_messages_go_with_all_that_belongs_to_them,
            retention::what_went_is_unread_for_nobody,
            retention::a_conversation_may_have_a_retention_of_its_own,
            retention::a_message_of_the_future_keeps_no_other,
            retention::much_that_is_old_goes_in_parts,
            retention::a_log_begins_where_it_is_kept,
            retention::a_log_goes_on_when_nothing_of_it_is_left,
            reactions::the_same_reaction_is_stored_once,
            reactions::reactions_are_read_by_message,
            receipts::receipts_are_read_by_message,
            receipts::some_of_those_whom_a_message_reached_together_read_it,
            reactions::only_its_owner_removes_a_reaction,
            reactions::a_deleted_message_takes_no_reaction,
            strings::strings_that_look_like_a_query_are_strings,
            strings::contents_come_back_byte_for_byte,
            strings::what_clients_cannot_read_is_empty_among_the_others,
            properties::a_reader_misses_nothing_while_others_write,
            sequences::any_sequence_of_operations_is_as_in_the_model,
            subject::a_closed_store_says_so,
        }
    };
    ($open:path; $($module:ident::$test:ident),+ $(,)?) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            use $crate::stores::conversations::contract::{$module, subject::Subject};
            let clock = std::sync::Arc::new($crate::model::clock::ManualClock::new());
            if let Some((store, keep)) = $open(clock.clone()).await {
                let stores = $crate::stores::conversations::ConversationStores::of(store.clone());
                $module::$test(Subject::new(stores, store, clock, keep)).await;
            }
        }
    )+ };
}
pub(super) use contract_suite;
