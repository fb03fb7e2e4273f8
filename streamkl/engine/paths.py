"""The small JSON-path language that says where a field lies in a record: `a.b`, `a[0]`, `a["x.y"]`, `a.*`, `a[*]`, `$.a`."""

import json
import re
from dataclasses import dataclass
from typing import Final

GRAMMAR: Final = 'use names and steps such as a.b, a[0], a["x.y"], a.* or a[*]; $.a starts at the record instead of the point'

_STEP = re.compile(r'\.(?:(?P<name>[^.\[\]*"$]+)|(?P<member>\*))|\[(?:(?P<index>\d{1,9})|(?P<element>\*)|(?P<quoted>"(?:[^"\\]|\\.)*"))\]')


class _Every:
    """The wildcard step: every member of an object, or every element of an array."""


EVERY: Final = _Every()
Step = str | int | _Every


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from a point (or, if `absolute`, from the whole record) to a field. Absent and null are the same: None.

    >>> Path.parse("tags.host").find({"tags": {"host": "a"}}, None)
    'a'
    >>> Path.parse("fields.*").find_all({"fields": {"idle": 93.1, "user": 4.2}}, None)
    [('idle', 93.1), ('user', 4.2)]
    """

    text: str
    absolute: bool
    steps: tuple[Step, ...]
    wildcard: bool  # more than one field can match
    name: str  # the last step, which names the value where no wildcard does

    @classmethod
    def parse(cls, text: str) -> "Path":
        """Read a path; ValueError (with the fix) if it is none. `$` alone is the whole record."""
        absolute = text.startswith("$")
        rest = text[1:] if absolute else text if text.startswith("[") else "." + text
        steps: list[Step] = []
        at = 0
        while at < len(rest):
            found = _STEP.match(rest, at)
            if found is None:
                raise ValueError(f"{text!r} is no path: {GRAMMAR}")
            steps.append(_step(found))
            at = found.end()
        return cls(text, absolute, tuple(steps), EVERY in steps, str(steps[-1]) if steps else "")

    @property
    def key(self) -> str | None:
        """The only step, if the path is nothing but one member of the point; else None."""
        first = self.steps[0] if len(self.steps) == 1 else None
        return first if isinstance(first, str) and not self.absolute else None

    def find(self, point: object, record: object) -> object:
        """The field, or None where it is absent or null. Not for wildcards."""
        node = record if self.absolute else point
        for step in self.steps:
            node = node.get(step) if type(node) is dict else _child(node, step)
        return node

    def find_all(self, point: object, record: object) -> list[tuple[str, object]]:
        """All matches in document order, each with what its wildcards stood for (joined by "."), or the last step if there are none."""
        found: list[tuple[str, object]] = [("" if self.wildcard else self.name, record if self.absolute else point)]
        for step in self.steps:
            if isinstance(step, _Every):
                found = [(f"{name}.{key}" if name else key, child) for name, node in found for key, child in _children(node)]
            else:
                found = [(name, _child(node, step)) for name, node in found]
        return [match for match in found if match[1] is not None]


def _step(found: re.Match[str]) -> Step:
    if found["name"] is not None:
        return found["name"]
    if found["index"] is not None:
        return int(found["index"])
    if found["quoted"] is not None:
        return str(json.loads(found["quoted"]))
    return EVERY


def _child(node: object, step: Step) -> object:
    if type(node) is dict:
        return node.get(step)
    if type(node) is list and type(step) is int and step < len(node):
        return node[step]
    return None


def _children(node: object) -> list[tuple[str, object]]:
    if type(node) is dict:
        return list(node.items())
    if type(node) is list:
        return [(str(index), element) for index, element in enumerate(node)]
    return []
