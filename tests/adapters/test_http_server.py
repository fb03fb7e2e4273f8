"""The HTTP door, over real sockets: what it tells, to whom, and what it refuses."""

import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from streamkl.adapters.http_server import HttpServer
from streamkl.adapters.telemetry import Telemetry
from streamkl.errors import ConfigError
from streamkl.model import Partition
from tests.statuses import HandClock, a_status

BUSY = {
    "records": 1200,
    "points": 2400,
    "rejected": {"invalid_json": 3},
    "events": {"opened": 2, "closed": 1},
    "lag": {Partition("metrics", 1): 7, Partition('odd"topic', 0): 1},
    "series": 8,
    "newest_us": 1_700_000_000_500_000,
}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def telemetry(clock: HandClock) -> Telemetry:
    return Telemetry(clock, commit_seconds=1.0)


@pytest.fixture
def server(telemetry: Telemetry) -> Iterator[HttpServer]:
    started = HttpServer(
        host="127.0.0.1",
        port=0,
        allowed_hosts=["streamkl"],
        metrics=telemetry.metrics,
        not_alive=telemetry.not_alive,
        not_ready=telemetry.not_ready,
    )
    yield started
    started.close()


@pytest.fixture
def client(server: HttpServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as opened:
        yield opened


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Metrics as the Prometheus project's own parser reads them."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_are_what_the_loop_last_said(client: httpx.Client, telemetry: Telemetry) -> None:
    telemetry.observe(a_status())
    telemetry.observe(a_status(**BUSY))
    telemetry.committed(0.03)
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = samples(answer.text)
    assert found["streamkl_records_total", ()] == 1200
    assert found["streamkl_points_total", ()] == 2400
    assert found["streamkl_rejected_total", (("reason", "invalid_json"),)] == 3
    assert found["streamkl_rejected_total", (("reason", "not_finite"),)] == 0
    assert found["streamkl_events_total", (("type", "opened"),)] == 2
    assert found["streamkl_events_total", (("type", "updated"),)] == 0
    assert found["streamkl_lag_records", (("partition", "1"), ("topic", "metrics"))] == 7
    assert found["streamkl_lag_records", (("partition", "0"), ("topic", 'odd"topic'))] == 1
    assert found["streamkl_series", ()] == 8
    assert found["streamkl_newest_point_timestamp_seconds", ()] == 1_700_000_000.5
    assert found["streamkl_commit_seconds_count", ()] == 1
    assert found["streamkl_commit_seconds_sum", ()] == pytest.approx(0.03)
    assert found["streamkl_ready", ()] == 1
    assert found["process_resident_memory_bytes", ()] > 1e6


def test_metrics_answer_before_the_loop_has_turned(client: httpx.Client) -> None:
    found = samples(client.get("/metrics").text)
    assert found["streamkl_ready", ()] == 0
    assert ("streamkl_records_total", ()) not in found


def test_two_services_in_one_process_have_metrics_of_their_own(clock: HandClock) -> None:
    first, second = Telemetry(clock, 1.0), Telemetry(clock, 1.0)
    first.observe(a_status(series=1))
    second.observe(a_status(series=2))
    assert samples(first.metrics().decode())["streamkl_series", ()] == 1
    assert samples(second.metrics().decode())["streamkl_series", ()] == 2


def test_ready_means_partitions_are_ours_and_commits_go_through(client: httpx.Client, telemetry: Telemetry, clock: HandClock) -> None:
    def ready() -> tuple[int, str]:
        answer = client.get("/readyz")
        return answer.status_code, answer.text

    assert ready() == (503, "no partitions are assigned\n")
    telemetry.observe(a_status(partitions=0))
    assert ready() == (503, "no partitions are assigned\n")
    telemetry.observe(a_status())
    assert ready() == (503, "nothing is committed yet\n")
    telemetry.committed(0.01)
    assert ready() == (200, "ok\n")
    clock.time += 5
    assert ready() == (200, "ok\n")
    clock.time += 1
    assert ready() == (503, "the last commit was 6 s ago\n")
    telemetry.committed(0.1)
    assert ready() == (200, "ok\n")


def test_a_long_commit_interval_is_given_as_many_intervals(clock: HandClock) -> None:
    telemetry = Telemetry(clock, commit_seconds=60.0)
    telemetry.observe(a_status())
    telemetry.committed(0.1)
    clock.time += 299
    assert telemetry.not_ready() is None
    clock.time += 2
    assert telemetry.not_ready() is not None


def test_healthy_means_the_loop_turns_even_if_it_cannot_commit(client: httpx.Client, telemetry: Telemetry, clock: HandClock) -> None:
    assert client.get("/healthz").status_code == 200
    clock.time += 301
    assert (client.get("/healthz").status_code, client.get("/healthz").text) == (503, "the loop has not turned for 301 s\n")
    telemetry.observe(a_status(partitions=0))
    assert client.get("/healthz").status_code == 200


def test_nothing_but_get_and_head(client: httpx.Client) -> None:
    for path in ["/metrics", "/healthz", "/readyz"]:
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]:
            assert (method, client.request(method, path).status_code) == (method, 405)


def test_there_is_nothing_else(client: httpx.Client) -> None:
    answers = {path: client.get(path).status_code for path in ["/", "/../etc/passwd", "/docs", "/openapi.json", "/metrics/x"]}
    assert set(answers.values()) == {404}


def test_our_own_names_are_answered(client: httpx.Client) -> None:
    hosts = ["localhost", "localhost:9464", "127.0.0.1", "[::1]:80", "streamkl:9464", "LOCALHOST"]
    assert {client.get("/healthz", headers={"host": host}).status_code for host in hosts} == {200}


def test_a_name_that_is_not_ours_is_refused_against_dns_rebinding(client: httpx.Client) -> None:
    for host in ["evil.example", "evil.example:9464", "localhost.evil.example", "127.0.0.1.evil.example", "", "www.localhost"]:
        answer = client.get("/metrics", headers={"host": host})
        assert (host, answer.status_code) == (host, 400)
        assert "streamkl" not in answer.text


def test_answers_are_neither_kept_nor_sniffed_nor_shared_across_origins(client: httpx.Client) -> None:
    headers = client.get("/metrics", headers={"origin": "http://evil.example"}).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_bytes_that_are_no_http_do_not_stop_it(server: HttpServer, client: httpx.Client) -> None:
    for garbage in [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"A" * 200_000]:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
            raw.sendall(garbage)
    assert client.get("/healthz").status_code == 200


def test_more_connections_than_allowed_are_turned_away_and_it_recovers(server: HttpServer) -> None:
    address = f"http://127.0.0.1:{server.port}/healthz"
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(100)]
    try:
        for one in idle:
            one.sendall(b"GET /healthz HTTP/1.1\r\n")  # and never an end
        assert httpx.get(address, trust_env=False).status_code == 503
    finally:
        for one in idle:
            one.close()
    assert any(httpx.get(address, trust_env=False).status_code == 200 for _ in range(50))


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /he"])
def test_connections_that_ask_nothing_whole_are_closed(server: HttpServer, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    """A probe that finds all connections taken by strangers would have the service restarted."""
    monkeypatch.setattr("streamkl.adapters.http_server.REQUEST_SECONDS", 0.3)
    address, began = f"http://127.0.0.1:{server.port}/healthz", time.monotonic()
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(100)]
    try:
        for one in idle:
            one.sendall(said)
        while httpx.get(address, trust_env=False).status_code != 200:
            assert time.monotonic() - began < 5.0
        while idle[0].recv(4096):
            pass
    finally:
        for one in idle:
            one.close()


def test_a_connection_that_goes_on_asking_is_kept(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamkl.adapters.http_server.REQUEST_SECONDS", 0.4)
    ports = set()
    for _ in range(6):
        answer = client.get("/metrics")
        ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
        time.sleep(0.2)
    assert len(ports) == 1


def test_a_port_in_use_is_one_line_that_names_the_setting(server: HttpServer) -> None:
    def nothing() -> None:
        return None

    with pytest.raises(ConfigError) as caught:
        HttpServer(host="127.0.0.1", port=server.port, allowed_hosts=[], metrics=lambda: b"", not_alive=nothing, not_ready=nothing)
    assert caught.value.problems == [
        f"http.port = {server.port}: cannot listen on 127.0.0.1:{server.port} (Address already in use); choose another port, or 0 for none"
    ]


def test_a_closed_server_gives_its_port_back(server: HttpServer) -> None:
    server.close()
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
    server.close()
