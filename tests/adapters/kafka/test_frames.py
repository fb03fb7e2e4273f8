"""Answers that are copied less: cut from what arrives and decoded as the library does, and nothing that is kept lies in a frame."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import InvalidReceiveError, KafkaProtocolError
from kafka.net import connection
from kafka.protocol import parser
from kafka.protocol.consumer import FetchRequest, FetchResponse
from kafka.protocol.frame import KafkaBytes
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslBytesRequest

from streamkl.adapters.kafka.frames import LARGE, Frame, Protocol, copy_less

VERSION = 12


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `copy_less` sets is undone."""
    monkeypatch.setattr(parser, "KafkaBytes", parser.KafkaBytes)
    monkeypatch.setattr(connection, "KafkaProtocol", connection.KafkaProtocol)


def asking(kind: type[KafkaProtocol], answers: int) -> Any:
    """One that waits for so many answers."""
    made = kind(client_id="one", receive_message_max_bytes=10 * LARGE)
    for number in range(answers):
        request = FetchRequest(max_wait_ms=0, min_bytes=0, isolation_level=0, topics=[], forgotten_topics_data=[])
        request.API_VERSION = VERSION
        made.send_request(request, correlation_id=number + 1)
    return made


def answer(number: int, records: bytes | None) -> bytes:
    """As a broker sends it."""
    topics = FetchResponse.FetchableTopicResponse
    part = topics.PartitionData(partition_index=3, error_code=0, high_watermark=9, aborted_transactions=None, records=records)
    made = FetchResponse(throttle_time_ms=0, responses=[topics(topic="metrics", partitions=[part])])
    made.API_VERSION = VERSION
    made.with_header(correlation_id=number)
    return bytes(made.encode(header=True, framed=True))


def received(kind: type[KafkaProtocol], sent: bytes, cuts: Sequence[int], answers: int) -> list[Any]:
    """All answers, or the kind of failure that ended them."""
    found, protocol = list[Any](), asking(kind, answers)
    for begin, end in pairwise([0, *cuts, len(sent)]):
        try:
            found += [(number, response.to_dict()) for number, response in protocol.receive_bytes(sent[begin:end])]
        except (InvalidReceiveError, KafkaProtocolError) as error:
            return [*found, type(error)]
    return found


bodies = st.none() | st.binary(max_size=50) | st.integers(LARGE - 100, 2 * LARGE).map(lambda size: bytes(range(256)) * (size // 256))


@given(st.lists(bodies, min_size=1, max_size=4), st.data())
def test_answers_are_those_of_the_library_however_they_arrive(records: list[bytes | None], data: st.DataObject) -> None:
    sent = b"".join(answer(number + 1, each) for number, each in enumerate(records))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)) | st.integers(0, 8), max_size=6)))
    if damaged := data.draw(st.booleans()):
        place = data.draw(st.integers(0, 60))
        sent = sent[:place] + data.draw(st.binary(min_size=1, max_size=1)) + sent[place + 1 :]
    with pytest.MonkeyPatch.context() as patch:
        theirs = outcome(KafkaProtocol, sent, cuts, len(records))
        patch.setattr(parser, "KafkaBytes", Frame)
        assert outcome(Protocol, sent, cuts, len(records)) == theirs
    assert damaged or len(theirs) == len(records)


def outcome(kind: type[KafkaProtocol], sent: bytes, cuts: Sequence[int], answers: int) -> Any:
    """What was received; of damage, whatever the library raises."""
    try:
        return received(kind, sent, cuts, answers)
    except Exception as error:  # noqa: BLE001 - the library's decoder fails in many ways
        return type(error)


def test_what_is_kept_of_an_answer_is_bytes() -> None:
    copy_less()
    sent = answer(1, bytes(3 * LARGE))
    ((_, response),) = asking(Protocol, 1).receive_bytes(sent)
    assert type(response.responses[0].partitions[0].records) is bytes
    assert type(response.responses[0].topic) is str


def test_a_short_answer_is_bytes_as_a_whole() -> None:
    """Those of an old handshake are handed on as they are."""
    copy_less()
    protocol = Protocol()
    protocol.send_request(SaslBytesRequest(b"token"), correlation_id=1)
    ((_, response),) = protocol.receive_bytes(b"\0\0\0\5reply")
    assert (response.auth_bytes, type(response.auth_bytes)) == (b"reply", bytes)


def test_a_long_answer_is_shown_and_not_copied() -> None:
    frame = Frame(2 * LARGE)
    frame.write(b"head" + bytes(2 * LARGE - 4))
    frame.seek(0)
    assert frame.read(4) == b"head"
    shown = frame.read()
    assert isinstance(shown, memoryview)
    assert shown.obj is frame
    assert (len(shown), frame.tell(), frame.read()) == (2 * LARGE - 4, 2 * LARGE, b"")


def test_connections_are_made_with_it() -> None:
    copy_less()
    assert (parser.KafkaBytes, connection.KafkaProtocol) == (Frame, Protocol)
    assert isinstance(Protocol()._header, KafkaBytes)
