"""The demo's web server: it answers in milliseconds, gets slow and faulty on request, and obeys nothing else."""

import statistics

import httpx
import pytest

from streamkl.demo.incident import Incident, switch
from streamkl.demo.web_app import Illness
from streamkl.demo.web_probe import WebProbe
from streamkl.errors import DemoError


def ask(url: str, count: int) -> list[tuple[float, str]]:
    """(milliseconds, status) of so many requests, eight on their way at a time."""
    probe = WebProbe(url)
    for number in range(count):
        probe.ask(number)
        if number % 8 == 7:
            probe.wait()
    probe.close()
    answered = list(probe.answered())
    assert [number for number, _ in answered] == list(range(count))
    return [answer for _, answer in answered]


def status_of(url: str, method: str, body: bytes) -> int:
    return httpx.request(method, url, content=body).status_code


def median(answers: list[tuple[float, str]]) -> float:
    return statistics.median(milliseconds for milliseconds, _ in answers)


def test_a_healthy_server_answers_ok_after_its_service_time(web_url: str) -> None:
    answers = ask(web_url, 80)
    assert {status for _, status in answers} == {"200"}
    assert 10 < median(answers) < 60  # its own 18 ms and what a busy machine adds


def test_a_slow_server_takes_longer_by_what_the_switch_says(web_url: str) -> None:
    switch(web_url, Illness(slow_ms=200))
    assert median(ask(web_url, 40)) > 200


def test_a_faulty_server_answers_500_for_the_share_that_the_switch_says(web_url: str) -> None:
    switch(web_url, Illness(error_share=0.5))
    errors = [status for _, status in ask(web_url, 200)].count("500")
    assert 55 < errors < 145  # six standard deviations of a fair coin
    switch(web_url, Illness(error_share=1.0))
    assert {status for _, status in ask(web_url, 8)} == {"500"}


def test_the_server_gets_well_when_the_incident_ends(web_url: str, tmp_path) -> None:
    with Incident(web_url, tmp_path):
        assert median(ask(web_url, 24)) > 150
    answers = ask(web_url, 80)
    assert {status for _, status in answers} == {"200"}
    assert median(answers) < 100


@pytest.mark.parametrize("body", [b"", b"[]", b'{"slow_ms": -1}', b'{"error_share": 1.5}', b'{"slow": 3}'])
def test_a_switch_that_cannot_be_meant_is_refused(web_url: str, body: bytes) -> None:
    assert status_of(f"{web_url}switch", "PUT", body) == 400
    assert {status for _, status in ask(web_url, 8)} == {"200"}


def test_the_switch_obeys_no_method_that_a_web_page_may_send_unasked(web_url: str) -> None:
    assert [status_of(f"{web_url}switch", method, b"{}") for method in ("POST", "GET")] == [405, 405]


def test_a_server_that_is_gone_is_told_as_no_answer_and_the_switch_says_so(unused_port: int) -> None:
    url = f"http://127.0.0.1:{unused_port}/"
    assert [status for _, status in ask(url, 3)] == ["none"] * 3
    with pytest.raises(DemoError, match=f"web server at {url} does not obey its switch: .*refused"):
        switch(url, Illness())


def test_only_http_addresses_can_be_probed() -> None:
    with pytest.raises(ValueError, match=r"web = 'ftp://x/': write http://host:port/"):
        WebProbe("ftp://x/")
