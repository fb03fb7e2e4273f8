"""A configuration file and the environment become one configuration, or a list of every mistake in them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from streamkl.config import Config, load
from streamkl.errors import ConfigError
from streamkl.units import parse_budget, parse_window

Write = Callable[[str], Path]
HOUR = 3_600_000_000


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a configuration file and returns its path."""

    def write_file(text: str) -> Path:
        path = tmp_path / "streamkl.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def mistakes(path: Path | None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value.problems


# Each wrong file, and the one line it must give.
ONE_MISTAKE = {
    "out of bounds": (
        "[kafka]\ncommit_interval_seconds = -1",
        "kafka.commit_interval_seconds = -1: must be between 0.05 and 60; try 1.0 (line 2)",
    ),
    "nan": (
        "[kafka]\ncommit_interval_seconds = nan",
        "kafka.commit_interval_seconds = nan: must be a number between 0.05 and 60 seconds; try 1.0 (line 2)",
    ),
    "wrong type": ("[http]\nport = []", "http.port = []: must be a whole number between 0 and 65535; try 9464 (line 2)"),
    "a fraction": ("[detector]\nbins = 3.5", "detector.bins = 3.5: must be a whole number between 2 and 256; try 16 (line 2)"),
    "true for a number": ("[detector]\nbins = true", "detector.bins = true: must be a number, not true or false; try 16 (line 2)"),
    "not one of the choices": ('[kafka]\nstartup = "never"', 'kafka.startup = "never": must be one of "wait", "exit"; try "wait" (line 2)'),
    "misspelt option": (
        '[kafka]\nbootstap_servers = ["a:1"]',
        "kafka.bootstap_servers: unknown key; did you mean bootstrap_servers? (line 2)",
    ),
    "option of another table": ("[kafka]\nport = 1", "kafka.port: unknown key; did you mean http.port? (line 2)"),
    "misspelt table": ("[kafak]\ngroup_id = 'x'", "kafak: unknown key; did you mean kafka? (line 1)"),
    "table that is a value": ("kafka = 3", "kafka = 3: must be a table, written [kafka] (line 1)"),
    "monitors that are no list": ("[monitors]\nname = 'a'", "monitors: must be a list of tables, written [[monitors]] (line 1)"),
    "monitor without a name": (
        "[[monitors]]\nmatch = 'a*'",
        'monitors[0].name: missing; it must be a name of 1 to 64 letters, digits, "_", "." or "-" (line 1)',
    ),
    "monitors with one name": (
        "[[monitors]]\nname = 'a'\nmatch = 'x'\n[[monitors]]\nname = 'a'",
        'monitors[1].name = "a": is the name of monitors[0] too; choose another (line 5)',
    ),
    "monitor with the name of the rest": (
        "[[monitors]]\nname = 'default'",
        'monitors[0].name = "default": is the name for series that no monitor takes; choose another (line 2)',
    ),
    "monitor that is never reached": (
        "[[monitors]]\nname = 'a'\n[[monitors]]\nname = 'b'\nmatch = 'x'",
        'monitors[1].match = "x": is never reached: monitors[0] takes every series; move it up (line 5)',
    ),
    "duration without a unit": ("[detector]\ngrace = '60'", 'detector.grace = "60": a duration needs a unit, for example "60s"'),
    "duration that is a number": ("[detector]\ngrace = 60", "detector.grace = 60: must be a duration such as"),
    "duration out of bounds": ("[state]\nevict_after = '1s'", 'state.evict_after = "1s": must be between 1m and 3650d; try "7d" (line 2)'),
    "budget": (
        "[detector]\nfalse_alarms = 'few'",
        'detector.false_alarms = "few": is not a false-alarm budget; write "1 per series per week"',
    ),
    "budget without a clock in time": (
        "[detector]\nfalse_alarms_without_clock = '1 per day'",
        'detector.false_alarms_without_clock = "1 per day": must be in points, because there is no clock; try "1 per 10000 points"',
    ),
    "window": ("[detector]\nwindows = ['5 parsecs']", 'detector.windows[0] = "5 parsecs": is not a window\'s length; write "64 points"'),
    "no window": ("[detector]\nwindows = []", "detector.windows = []: must be a list of windows of 1 to 8 entries; try"),
    "one window twice": ("[detector]\nwindows = ['1m', '60s']", "names one window twice; remove one (line 2)"),
    "window as long as the reference": (
        "[detector]\nwindows = ['500 points']",
        'detector.reference.size: must be more than the longest window ("500 points"); try 2000, or a shorter window (line 2)',
    ),
    "more bins than the reference fills": (
        "[detector]\nbins = 60\nwindows = ['16 points']\n[detector.reference]\nsize = 100",
        "detector.reference.size = 100: leaves fewer than two points a bin; try 500 or fewer bins (line 5)",
    ),
    "gap inside the window": (
        "[detector.reference]\nkind = 'trailing'\ngap = 10",
        'detector.reference.gap = 10: is shorter than the longest window ("256 points"), which would be compared with itself; try 0',
    ),
    "option of another kind of reference": (
        "[detector.reference]\nhalf_life = 70",
        'detector.reference.half_life = 70: has no effect with kind = "fixed"; remove it or choose kind = "decayed" (line 2)',
    ),
    "reference file without a path": (
        "[detector.reference]\nkind = 'file'",
        'detector.reference.path: missing; kind = "file" needs the file of what is normal, for example path = "normal.csv" (line 2)',
    ),
    "accepted before it can recover": (
        "[detector.episodes]\nclose_after = 100\naccept_new_normal_after = 60",
        "detector.episodes.accept_new_normal_after = 60: must be more than close_after (100), else nothing can recover; try 2000 (line 3)",
    ),
    "address without a port": (
        "[kafka]\nbootstrap_servers = ['broker']",
        'kafka.bootstrap_servers[0] = "broker": is not an address; write "host:port"',
    ),
    "no address": ("[kafka]\nbootstrap_servers = []", 'kafka.bootstrap_servers = []: must be a list of "host:port" that is not empty'),
    "exactly once without a name": (
        "[kafka]\ndelivery = 'exactly_once'\n[state]\nbackend = 'topic'",
        'kafka.group_instance_id: missing; delivery = "exactly_once" needs it; try the name of the host or pod',
    ),
    "exactly once with state in files": (
        "[kafka]\ndelivery = 'exactly_once'\ngroup_instance_id = 'a'",
        'state.backend: does not fit kafka.delivery = "exactly_once", which writes state and results together; try "topic"',
    ),
    "state in a topic without exactly once": (
        "[state]\nbackend = 'topic'",
        'state.backend = "topic": needs kafka.delivery = "exactly_once"; set it, or try "file" (line 2)',
    ),
    "state among the events": (
        "[kafka]\ndelivery = 'exactly_once'\ngroup_instance_id = 'a'\n[state]\nbackend = 'topic'\ntopic = 'anomalies'",
        'state.topic = "anomalies": is used as kafka.events_topic too; try "streamkl.state" (line 6)',
    ),
    "topic name": ("[kafka]\ntopics = ['my topic']", 'kafka.topics[0] = "my topic": is not a topic name'),
    "no topics": ("[kafka]\ntopics = []", 'kafka.topics = []: is empty; try ["metrics"], or set topic_pattern (line 2)'),
    "topics and a pattern": (
        "[kafka]\ntopics = ['a']\ntopic_pattern = 'b'",
        'kafka.topic_pattern = "b": cannot stand beside topics; remove one of them (line 3)',
    ),
    "pattern that is none": ("[kafka]\ntopic_pattern = '('", 'kafka.topic_pattern = "(": is not a regular expression'),
    "pattern that matches our own topic": (
        "[kafka]\ntopic_pattern = 'metrics.*'",
        'kafka.topic_pattern = "metrics.*": matches dead_letter_topic ("metrics.dead"), so that we would read what we write',
    ),
    "reading what we write": (
        "[kafka]\nevents_topic = 'metrics'",
        'kafka.events_topic = "metrics": is one of topics, so that we would read what we write',
    ),
    "one topic for both results": (
        "[kafka]\nevents_topic = 'x'\ndead_letter_topic = 'x'",
        'kafka.dead_letter_topic = "x": must differ from events_topic; try "metrics.dead" (line 3)',
    ),
    "login without protection": (
        "[kafka]\nsasl_username = 'me'",
        'kafka.sasl_username = "me": has no effect with security_protocol = "PLAINTEXT"; remove it, or choose "SASL_SSL" (line 2)',
    ),
    "certificate without protection": (
        "[kafka]\nssl_cafile = 'ca.pem'",
        'kafka.ssl_cafile = "ca.pem": has no effect with security_protocol = "PLAINTEXT"; remove it, or choose "SSL" or "SASL_SSL"',
    ),
    "certificate without its key": (
        "[kafka]\nsecurity_protocol = 'SSL'\nssl_certfile = 'c.pem'",
        "kafka.ssl_keyfile: missing; ssl_certfile is of no use without it (line 3)",
    ),
    "token without its mechanism": (
        "[kafka]\nsasl_oauth_token_path = 'token'",
        'kafka.sasl_oauth_token_path = "token": has no effect without sasl_mechanism = "OAUTHBEARER"; remove it, or choose that (line 2)',
    ),
    "nowhere to get a token": (
        "[kafka]\nsecurity_protocol = 'SASL_SSL'\nsasl_mechanism = 'OAUTHBEARER'\nsasl_username = 'me'\nsasl_password_file = '/dev/null'",
        'kafka.sasl_oauth_token_url: missing; sasl_mechanism = "OAUTHBEARER" needs it, or sasl_oauth_token_path; try "https://',
    ),
    "a user beside a token": (
        "[kafka]\nsecurity_protocol = 'SASL_SSL'\nsasl_mechanism = 'OAUTHBEARER'\nsasl_username = 'me'\nsasl_oauth_token_path = 't'",
        'kafka.sasl_username = "me": has no effect with sasl_oauth_token_path; remove one of them (line 4)',
    ),
    "a scope nobody is asked for": (
        "[kafka]\nsecurity_protocol = 'SASL_SSL'\nsasl_mechanism = 'OAUTHBEARER'\nsasl_oauth_scope = 's'\nsasl_oauth_token_path = 't'",
        'kafka.sasl_oauth_scope = "s": has no effect without sasl_oauth_token_url; remove it (line 4)',
    ),
    "a token asked for in the open": (
        "[kafka]\nsasl_oauth_token_url = 'http://login.example.com/token'",
        'kafka.sasl_oauth_token_url = "http://login.example.com/token": would send the client\'s secret unencrypted; write https://',
    ),
    "a secret in a token's address": (
        "[kafka]\nsasl_oauth_token_url = 'https://me:hunter2@login.example.com/token'",
        'kafka.sasl_oauth_token_url = "https://***@login.example.com/token": is not an address; write for example "https://login.example.com/oauth2/token"',
    ),
    "secret in the file": (
        "[kafka]\nsasl_password = 'hunter2'",
        "kafka.sasl_password: a secret does not belong in this file; set STREAMKL_KAFKA__SASL_PASSWORD, or sasl_password_file",
    ),
    "session shorter than a commit": (
        "[kafka]\ncommit_interval_seconds = 10.0\nsession_timeout_seconds = 5.0",
        "kafka.session_timeout_seconds = 5.0: must be more than commit_interval_seconds (10.0); try 10.0 (line 3)",
    ),
    "empty value path": ("[input]\nvalue = ''", 'input.value = "": empty: name the field'),
    "path": ("[input]\ntimestamp = 'a..b'", 'input.timestamp = "a..b": '),
    "template": ("[input]\nseries = '{a'", 'input.series = "{a": '),
    "several values under one name": (
        "[input]\nvalue = 'fields.*'",
        "input.series: '{series}' gives all values under 'fields.*' the same name: add {field}",
    ),
    "unknown format": ("[input]\nformat = 'xml'", 'input.format = "xml": must be one of "json", "telegraf", "influx"; try "json" (line 2)'),
    "a name that no metric has": (
        "[input]\nformat = 'influx'\nseries = '{series}/{field}'",
        'input.series = "{series}/{field}": {series} is in no metric with format = "influx": use {name}, {tags.NAME}, {tags.*} and {field}',
    ),
    "a value that no metric has": (
        "[input]\nformat = 'telegraf'\nvalue = 'value'",
        'input.value = "value": \'value\' is in no metric with format = "telegraf": write "fields.*" or "fields.NAME" (line 3)',
    ),
    "a time that no metric has": (
        "[input]\nformat = 'telegraf'\ntimestamp = '@timestamp'",
        'is in no metric with format = "telegraf": write "timestamp", or "" for the Kafka timestamp (line 3)',
    ),
    "points where the format has its own": (
        "[input]\nformat = 'telegraf'\npoints = 'metrics'",
        'input.points = "metrics": has no effect with format = "telegraf": remove it (line 3)',
    ),
    "calendar times in line protocol": (
        "[input]\nformat = 'influx'\ntime_unit = 'iso8601'",
        'input.time_unit = "iso8601": has no meaning with format = "influx", whose times are whole numbers: write "auto", "s", "ms"',
    ),
    "instant": ("[input]\nearliest = 'yesterday'", 'input.earliest = "yesterday": is not an ISO 8601 time'),
}


@pytest.mark.parametrize(("text", "line"), ONE_MISTAKE.values(), ids=ONE_MISTAKE.keys())
def test_a_mistake_gives_one_line_with_the_option_its_value_the_fix_and_the_line(write: Write, text: str, line: str) -> None:
    (found,) = mistakes(write(text))
    assert line in found


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(write: Write) -> None:
    path = write(
        "[http]\nport = 70000\n"
        "[kafka]\ntopics = ['bad topic']\nsecurity_protocol = 'SASL_SSL'\ncolour = 'red'\n"
        "[detector]\nbins = 1\nfalse_alarms_without_clock = '1 per week'\n"
        "[[monitors]]\nname = 'a'\n[[monitors]]\nname = 'a'\n"
    )
    assert [line.split(" ")[0].rstrip(":") for line in mistakes(path)] == [
        "http.port",
        "kafka.topics[0]",
        "kafka.sasl_mechanism",  # missing options stand where the option is that needs them
        "kafka.sasl_username",
        "kafka.sasl_password",
        "kafka.colour",
        "detector.bins",
        "detector.false_alarms_without_clock",
        "monitors[1].match",
        "monitors[1].name",
    ]


def test_a_missing_login_is_named_option_by_option(write: Write) -> None:
    found = mistakes(write("[kafka]\nsecurity_protocol = 'SASL_SSL'"))
    assert [line.split(":")[0] for line in found] == ["kafka.sasl_mechanism", "kafka.sasl_username", "kafka.sasl_password"]
    assert "STREAMKL_KAFKA__SASL_PASSWORD_FILE" in found[2]


def test_an_empty_file_is_the_default_configuration(write: Write) -> None:
    assert load(write("")) == Config() == load(None)


def test_a_file_may_begin_with_a_byte_order_mark(write: Write) -> None:
    assert load(write("\ufeff[http]\nport = 1")).http.port == 1


def test_values_are_kept_parsed(write: Write) -> None:
    config = load(write("[detector]\nwindows = ['32 points', '1h']\nfalse_alarms = '2 per series per day'\ngrace = '2h'"))
    assert config.detector.windows == (parse_window("32 points"), parse_window("60m"))
    assert config.detector.false_alarms == parse_budget("2 per day")
    assert config.detector.grace == 2 * HOUR


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[kafka\n", "is not valid TOML: "),
        (b"a = 1\na = 2", "is not valid TOML: "),
        (b"\x7fELF\x02\x01\x01\x00\xff\xfe", "is not a text file in UTF-8"),
        (b"x" * 5_000_000, "more than 4000000 bytes"),
        (b"a = " + b"[" * 100_000, "is not valid TOML: "),
    ],
    ids=["broken table", "twice the same", "binary", "huge", "deep"],
)
def test_a_file_that_is_no_configuration_is_one_mistake(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_bytes(content)
    (found,) = mistakes(path)
    assert str(path) in found
    assert says in found


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path / "none.toml")
    assert "no such file; `streamkl config` prints one" in found


def test_a_folder_is_not_a_configuration(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path)
    assert "is a directory" in found


# -- monitors ----------------------------------------------------------------------


def test_a_monitor_takes_from_the_detector_what_it_does_not_say_itself(write: Write) -> None:
    config = load(
        write(
            "[detector]\nbins = 8\n[detector.episodes]\ncooldown = 3\nclose_after = 4\n"
            "[[monitors]]\nname = 'a'\n[monitors.detector]\nwindows = ['32 points']\n[monitors.detector.episodes]\ncooldown = 5\n"
        )
    )
    detector = config.monitors[0].detector
    assert (detector.bins, detector.windows) == (8, (parse_window("32 points"),))
    assert (detector.episodes.cooldown, detector.episodes.close_after) == (5, 4)
    assert config.detector.episodes.cooldown == 3


def test_a_reference_that_names_its_kind_starts_from_the_defaults(write: Write) -> None:
    text = "[detector.reference]\nkind = 'decayed'\nhalf_life = 900\nsize = 900\n[[monitors]]\nname = 'a'\n"
    inherited, own = load(write(text)), load(write(text + "[monitors.detector.reference]\nkind = 'fixed'\n"))
    assert (inherited.monitors[0].detector.reference.kind, inherited.monitors[0].detector.reference.half_life) == ("decayed", 900)
    assert (own.monitors[0].detector.reference.kind, own.monitors[0].detector.reference.size) == ("fixed", 500)


def test_a_mistake_in_the_detector_is_not_repeated_for_the_monitors_that_inherit_it(write: Write) -> None:
    (found,) = mistakes(write("[detector]\nbins = 1\n[[monitors]]\nname = 'a'\n[monitors.detector]\nwindows = ['32 points']\n"))
    assert found.startswith("detector.bins = 1")


def test_what_a_monitor_says_may_contradict_what_it_inherits(write: Write) -> None:
    text = "[detector.reference]\nsize = 300\n[[monitors]]\nname = 'a'\n[monitors.detector]\nwindows = ['400 points']\n"
    (found,) = mistakes(write(text))
    assert found.startswith('monitors[0].detector.reference.size: must be more than the longest window ("400 points")')


# -- environment and secrets -------------------------------------------------------


def test_environment_variables_override_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMKL_KAFKA__BOOTSTRAP_SERVERS", "a:9092, b:9093")
    monkeypatch.setenv("STREAMKL_DETECTOR__REFERENCE__SIZE", "1000")
    monkeypatch.setenv("STREAMKL_DETECTOR__WINDOWS", "32 points, 5m")
    config = load(write("[kafka]\nbootstrap_servers = ['file:1']\ngroup_id = 'kept'"))
    assert config.kafka.bootstrap_servers == ("a:9092", "b:9093")
    assert config.kafka.group_id == "kept"
    assert config.detector.reference.size == 1_000
    assert list(map(str, config.detector.windows)) == ["32 points", "5m"]


def test_a_mistake_in_a_variable_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMKL_HTTP__PORT", "none")
    monkeypatch.setenv("STREAMKL_KAFKA__GROUP", "x")
    assert mistakes(None) == [
        "kafka.group: unknown key; did you mean group_id? (from STREAMKL_KAFKA__GROUP)",
        'http.port = "none": must be a whole number between 0 and 65535; try 9464 (from STREAMKL_HTTP__PORT)',
    ]


def test_a_variable_of_a_section_that_does_not_exist_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMKL_KAFAK__GROUP_ID", "x")
    assert mistakes(None) == ["STREAMKL_KAFAK__GROUP_ID: unknown section; did you mean kafka?"]


def test_variables_without_a_section_are_not_ours_to_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMKL_TEST_BOOTSTRAP", "localhost:1")
    assert load(None) == Config()


def test_library_users_do_not_see_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMKL_HTTP__PORT", "1")
    assert Config().http.port == 9_464


SASL = "[kafka]\nsecurity_protocol = 'SASL_SSL'\nsasl_mechanism = 'PLAIN'\nsasl_username = 'me'\n"
CANARY = "canary-7f3a"


def test_a_secret_comes_from_a_variable(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMKL_KAFKA__SASL_PASSWORD", CANARY)
    password = load(write(SASL)).kafka.sasl_password
    assert password is not None
    assert password.get_secret_value() == CANARY


@pytest.mark.parametrize("by", ["variable", "option"])
def test_a_secret_comes_from_the_file_that_a_variable_or_an_option_names(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    secret = tmp_path / "password"
    secret.write_text(CANARY + "\n")
    text = SASL
    if by == "variable":
        monkeypatch.setenv("STREAMKL_KAFKA__SASL_PASSWORD_FILE", str(secret))
    else:
        text += f"sasl_password_file = '{secret}'\n"
    password = load(write(text)).kafka.sasl_password
    assert password is not None
    assert password.get_secret_value() == CANARY


def test_a_secret_file_that_cannot_be_read_is_one_mistake(write: Write, tmp_path: Path) -> None:
    (found,) = mistakes(write(SASL + f"sasl_password_file = '{tmp_path}/none'\n"))
    assert found.startswith(f'kafka.sasl_password_file = "{tmp_path}/none": cannot be read: ')


def test_a_secret_given_twice_is_a_mistake(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("x")
    monkeypatch.setenv("STREAMKL_KAFKA__SASL_PASSWORD", CANARY)
    (found,) = mistakes(write(SASL + f"sasl_password_file = '{tmp_path}/password'\n"))
    assert "cannot stand beside sasl_password" in found


def test_no_secret_is_ever_shown(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMKL_KAFKA__SASL_PASSWORD", CANARY)
    config = load(write(SASL))
    wrong = mistakes(write(SASL + "ssl_cafile = 3\nsession_timeout_seconds = 0\n"))
    written = mistakes(write(f"[kafka]\nsasl_password = '{CANARY}'\nssl_password = ['{CANARY}']\n"))
    for text in (repr(config), str(config), config.model_dump_json(), str(config.model_dump()), *wrong, *written):
        assert CANARY not in text
