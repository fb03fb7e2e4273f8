"""The publisher says in one line why it cannot begin."""

import subprocess
import sys


def refused(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "streamkl.demo.publisher", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def test_a_broker_that_is_not_there_is_one_line(unused_port: int) -> None:
    code, words = refused("--bootstrap", f"127.0.0.1:{unused_port}")
    assert code == 1
    assert words.count("\n") == 1
    assert f"no Kafka broker can be reached: 127.0.0.1:{unused_port} refuses the connection" in words


def test_an_address_that_is_no_web_server_is_one_line(unused_port: int) -> None:
    assert refused("--bootstrap", f"127.0.0.1:{unused_port}", "--web", "localhost:80") == (
        1,
        "web = 'localhost:80': write http://host:port/\n",
    )
