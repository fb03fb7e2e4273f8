"""The table of faults: what each row is, and which tests cover what is not staged under a running service."""

from typing import NamedTuple


class Row(NamedTuple):
    """`tests` are file::name, without the folder tests/ and the ending .py. `missing` says what is not staged, and why."""

    number: int
    fault: str
    expected: str
    tests: tuple[str, ...] = ()
    missing: str = ""


EQUAL = "equal"
REFUSED = "ends or refuses, and says why"

ROWS = (
    Row(0, "kill -9 at a random moment", EQUAL, ("chaos/test_kills::test_a_life_with_eleven_kills_writes_what_a_life_without_any_would",)),
    Row(1, "kill -9 after poll", EQUAL),
    Row(2, "kill -9 while records are judged", EQUAL),
    Row(3, "kill -9 after results are sent", EQUAL),
    Row(4, "kill -9 after results are acknowledged", EQUAL),
    Row(5, "kill -9 after offsets are sent", EQUAL),
    Row(6, "kill -9 during a commit", EQUAL),
    Row(7, "kill -9 just after a commit", EQUAL),
    Row(8, "kill -9 while restoring", EQUAL),
    Row(9, "SIGTERM under load", "all saved within 10 s, exit 0, equal"),
    Row(10, "SIGTERM while the broker is away", "ends within its grace, equal after a restart"),
    Row(11, "SIGSTOP longer than the session, then SIGCONT", "the zombie's commit is refused, equal"),
    Row(12, "broker restarts, stopped or killed, with coordinators", EQUAL),
    Row(13, "broker unreachable for long, and at the start", "waits, does not grow, equal"),
    Row(14, "slow, lossy, broken network; paused broker", EQUAL),
    Row(15, "leader of the events lost for longer than a delivery may take", "no commit without the events, equal"),
    Row(16, "min.insync.replicas not met", "waits, equal"),
    Row(
        17,
        "rebalance storm, three members",
        EQUAL,
        ("chaos/test_takeover::test_an_instance_that_joins_and_one_that_is_killed_change_nothing",),
    ),
    Row(18, "rebalance while restoring", EQUAL),
    Row(
        19,
        "transaction times out; second process of the same name",
        "rebuilt, equal; the older one ends",
        ("chaos/test_takeover::test_a_second_process_of_the_same_name_takes_over_and_the_first_one_ends",),
    ),
    Row(
        20,
        "endings or offsets of a transaction arrive twice or late",
        EQUAL,
        (
            "adapters/kafka/test_late_requests::test_an_ending_that_comes_late_ends_nothing",
            "adapters/kafka/test_late_requests::test_offsets_that_come_late_move_nothing_back",
        ),
    ),
    Row(
        21,
        "the input gets more partitions",
        REFUSED,
        ("adapters/kafka/test_exactly_once::test_more_partitions_than_before_are_refused",),
    ),
    Row(
        22,
        "input, events or state topic deleted while running",
        REFUSED,
        (
            "adapters/kafka/test_membership::test_a_deleted_topic_halts_the_source",
            "adapters/kafka/test_faults::test_a_missing_events_topic_is_named_and_not_created",
            "adapters/kafka/test_exactly_once::test_a_topic_that_is_deleted_while_running_fails_the_commit_and_is_named",
            "adapters/kafka/test_exactly_once::test_a_state_that_is_gone_or_damaged_is_refused",
        ),
    ),
    Row(
        23,
        "records deleted before they were read; truncated log",
        REFUSED,
        (
            "runner/test_continuing::test_lost_records_halt_it_and_say_what_to_do",
            "adapters/kafka/test_contract::test_offsets_that_the_log_does_not_hold_halt_the_source",
        ),
        missing="a log truncated by an unclean election: the library's error is raised as it would be, the election itself is not staged",
    ),
    Row(
        24,
        "offsets expired while a state exists",
        REFUSED,
        ("adapters/kafka/test_exactly_once::test_a_state_whose_offset_was_forgotten_is_never_silently_begun_anew",),
    ),
    Row(
        25,
        "broken JSON, wrong types, missing fields, depth, long numbers",
        "a dead letter once, the offset moves on",
        (
            "engine/test_codec::test_a_bad_record_is_rejected_once_for_one_reason_and_costs_only_itself",
            "engine/test_codec::test_the_verdict_on_a_deep_record_does_not_depend_on_how_deep_the_caller_stands",
            "engine/test_engine::test_what_cannot_be_read_is_rejected_once_and_the_offset_moves_on",
        ),
    ),
    Row(
        26,
        "NaN, Infinity, 1e999, -0.0, denormals, 1e308",
        "rejected, or finite",
        (
            "engine/test_codec::test_a_bad_record_is_rejected_once_for_one_reason_and_costs_only_itself",
            "engine/test_codec::test_zero_has_no_sign_so_that_equal_values_are_equal_bits",
        ),
    ),
    Row(
        27,
        "bad UTF-8, lone surrogates, NUL, names of 64 kB",
        "a dead letter",
        ("engine/test_codec_properties::test_arbitrary_bytes_never_raise",),
    ),
    Row(
        28,
        "records at the limit of size; compressed bombs",
        REFUSED,
        (
            "adapters/kafka/test_faults::test_a_record_larger_than_the_topic_accepts_names_topic_and_fix",
            "adapters/kafka/test_unpacking::test_a_bomb_in_a_topic_halts_with_one_line",
        ),
    ),
    Row(
        29,
        "a batch whose checksum does not fit",
        REFUSED,
        ("adapters/kafka/test_faults::test_a_damaged_batch_halts_and_is_never_stepped_over",),
    ),
    Row(
        30,
        "no key, no value",
        "counted, no event",
        (
            "engine/test_formats::test_debezium_deletions_and_tombstones_are_no_points",
            "adapters/kafka/test_faults::test_records_without_key_and_value_can_be_dead_letters",
        ),
    ),
    Row(
        31,
        "duplicate, late and out-of-order points",
        "the same however they are batched",
        (
            "laws/test_batches::test_any_splitting_gives_the_verdicts_and_the_state_of_one_batch",
            "laws/test_input::test_late_points_within_the_grace_end_where_they_belong",
            "chaos/test_batchings::test_random_cuts_say_the_same",
        ),
    ),
    Row(
        32,
        "times of 1970 and 2100, negative, 0",
        "rejected: one point cannot move a window, nor make others forgotten",
        (
            "engine/test_timestamps::test_a_timestamp_may_be_as_far_ahead_as_allowed_and_not_a_microsecond_further",
            "engine/test_timestamps::test_a_timestamp_may_be_as_old_as_the_earliest_and_not_a_microsecond_older",
            "engine/test_engine::test_one_wrong_clock_and_a_pause_of_all_make_nobody_forgotten",
        ),
    ),
    Row(33, "the host's clock is off by up to an hour and jumps", EQUAL),
    Row(
        34,
        "a flood of new series",
        "shed with one warning, old ones untouched",
        (
            "engine/test_engine::test_a_flood_of_new_names_sheds_them_with_one_warning",
            "engine/test_engine::test_old_series_are_untouched_by_a_flood",
        ),
    ),
    Row(35, "no more memory (RLIMIT_AS), then killed", EQUAL, missing="a limit of a control group: RLIMIT_AS and kill -9 stand for it"),
    Row(
        36,
        "more results than may be in flight",
        "complete and in order, bounded",
        ("adapters/kafka/test_faults::test_more_results_than_may_be_in_flight_arrive_completely_and_in_order",),
    ),
    Row(
        37,
        "disk full (RLIMIT_FSIZE 0)",
        EQUAL,
        ("adapters/test_state_files::test_a_disk_that_refuses_is_a_failed_commit_and_keeps_the_state_before",),
        missing="a full disk of the broker: it ends, which is row 12",
    ),
    Row(
        38,
        "state damaged, cut off, newer, of another group",
        REFUSED,
        (
            "adapters/kafka/test_chunks::test_every_flipped_bit_is_noticed",
            "adapters/kafka/test_chunks::test_a_cut_off_piece_is_noticed",
            "adapters/kafka/test_chunks::test_a_newer_format_is_refused_by_name",
            "adapters/kafka/test_chunks::test_a_piece_of_another_state_is_noticed",
        ),
    ),
    Row(
        39,
        "mistakes in the configuration",
        "exit 2, all of them, before anything is contacted",
        ("cli/test_cli::test_all_mistakes_are_printed_before_anything_is_contacted_or_read",),
    ),
    Row(
        40,
        "events topic missing or not permitted",
        REFUSED,
        (
            "adapters/kafka/test_faults::test_a_missing_events_topic_is_named_and_not_created",
            "adapters/kafka/test_refusals::test_permissions_that_are_missing_are_named_one_by_one",
        ),
        missing="a permission that is withdrawn while running",
    ),
    Row(
        41,
        "transactional id, group or state not permitted",
        REFUSED,
        ("adapters/kafka/test_refusals::test_exactly_once_needs_the_state_topic_and_the_transactional_id",),
    ),
    Row(42, "dead letters cannot be written", "ends and names the topic, passes none over; equal once it accepts them again"),
    Row(
        43,
        "wrong passwords and certificates",
        REFUSED,
        (
            "adapters/kafka/test_refusals::test_the_right_password_works_and_a_wrong_one_is_refused_and_never_shown",
            "adapters/kafka/test_refusals::test_tls_with_a_foreign_or_no_authority_is_refused",
            "adapters/kafka/test_refusals::test_tls_to_another_host_name_than_the_certificates_is_refused",
        ),
    ),
    Row(
        44,
        "records of another shape; older code on newer state",
        "dead letters; refused",
        (
            "engine/test_codec::test_a_bad_record_is_rejected_once_for_one_reason_and_costs_only_itself",
            "engine/test_snapshot::test_a_newer_format_is_named",
        ),
    ),
    Row(
        45,
        "another configuration between two lives",
        "refused, nothing touched, equal with the old one",
        ("engine/test_snapshot::test_a_state_of_another_configuration_is_refused",),
    ),
    Row(
        46,
        "strangers at the port for figures",
        EQUAL,
        ("adapters/test_http_server::test_more_connections_than_allowed_are_turned_away_and_it_recovers",),
    ),
    Row(47, "two of the above at a time", EQUAL),
)
