"""What the README shows is what the program does; its Python runs as doctests."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_full_event_is_one_that_the_shipped_scenario_gives() -> None:
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", README, re.DOTALL)]
    event = next(one for one in shown if "episode_id" in one)
    expected = [json.loads(line) for line in (ROOT / "config" / "server-metrics.expected.jsonl").read_text().splitlines()]
    assert event in expected


def test_every_file_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", README)
    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).exists()] == []
