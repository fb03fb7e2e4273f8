"""The library's log: one line for each kind of trouble, and nothing below a warning, however loud the program's own logging is."""

import logging

import pytest

from streamkl.adapters.kafka.client_log import overheard, quiet_library

LINE_A, LINE_B = "Connection failed: %s", "Bootstrap %s not ready"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("streamkl")]


def complain(logger: logging.Logger, *errors: str) -> None:
    for error in errors:
        logger.error(LINE_A, error)


def report(logger: logging.Logger) -> None:
    logger.warning(LINE_B, "broker\n1")


def test_trouble_is_one_line_a_minute_for_each_kind(caplog: pytest.LogCaptureFixture) -> None:
    quiet_library()
    library = logging.getLogger("kafka.test.one_line")
    complain(library, "first\nwith a second line", "again", "and again")
    report(library)
    assert lines(caplog) == ["kafka client: Connection failed: first with a second line", "kafka client: Bootstrap broker 1 not ready"]


def test_the_same_trouble_is_told_again_after_a_minute(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_library()
    library = logging.getLogger("kafka.test.again")
    complain(library, "first")
    monkeypatch.setattr("streamkl.adapters.kafka.client_log.REPEAT_SECONDS", 0.0)
    complain(library, "second")
    assert lines(caplog) == ["kafka client: Connection failed: first", "kafka client: Connection failed: second"]


def test_the_librarys_debug_lines_are_off_even_where_everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    quiet_library()
    library = logging.getLogger("kafka.producer.kafka")
    assert not library.isEnabledFor(logging.DEBUG)
    assert not library.isEnabledFor(logging.INFO)
    library.debug("Sending (key=%r value=%r)", b"secret", b"secret")
    assert lines(caplog) == []


def test_while_a_client_is_opened_its_errors_are_collected_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    library = logging.getLogger("kafka.test.overheard")
    refused = ConnectionError("refused")
    with overheard() as heard:
        library.warning("Bootstrap connection to %s failed: %s", "broker", refused)
    library.warning("Bootstrap connection to %s failed: %s", "broker", refused)
    assert heard == [refused]
    assert lines(caplog) == ["kafka client: Bootstrap connection to broker failed: refused"]
