"""What paths find, and what is wrong with paths and templates that cannot be read."""

import pytest

from streamkl.engine.naming import Template
from streamkl.engine.paths import Path
from streamkl.errors import ConfigError
from tests.engine.material import codec, message

RECORD = {"a": {"b": 1, "x.y": 2, "": 3}, "l": [10, {"c": 11}], "z": None, "0": "zero", "$": 4, 'q"': 5}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b", 1),
        ('a["x.y"]', 2),
        ('a[""]', 3),
        ('["$"]', 4),
        (r'["q\""]', 5),
        ("l[0]", 10),
        ("l[1].c", 11),
        ("$.a.b", 1),
        ("0", "zero"),
        ("z", None),
        ("nothing", None),
        ("a.nothing.more", None),
        ("a.b.c", None),
        ("l[2]", None),
        ("l[999999999]", None),
        ("l.c", None),
        ("a[0]", None),
        ("$", RECORD),
    ],
)
def test_a_path_finds_one_field_or_nothing(path: str, expected: object) -> None:
    assert Path.parse(path).find(RECORD, RECORD) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.*", [("b", 1), ("x.y", 2), ("", 3)]),
        ("l[*]", [("0", 10), ("1", {"c": 11})]),
        ("l[*].c", [("1", 11)]),
        ("*.b", [("a", 1)]),
        ("*[*]", [("a.b", 1), ("a.x.y", 2), ("a.", 3), ("l.0", 10), ("l.1", {"c": 11})]),
        ("a.b", [("b", 1)]),
        ("z.*", []),
        ("z", []),
        ("a.b.*", []),
    ],
)
def test_a_path_with_wildcards_finds_all_fields_in_the_records_order(path: str, expected: object) -> None:
    assert Path.parse(path).find_all(RECORD, RECORD) == expected


@pytest.mark.parametrize(
    "path", ["a..b", "a.", ".a", "a[", "a[x]", "a[-1]", 'a["x]', "a]", "a b[*", "$a", "a.$", "**", "a[0]b", " .[", "a[1234567890]"]
)
def test_what_is_no_path_is_refused_with_the_grammar(path: str) -> None:
    with pytest.raises(ValueError, match=r"is no path: use names and steps such as a\.b"):
        Path.parse(path)


@pytest.mark.parametrize("template", ["{a", "a}", "{}", "{a{b}}", "{*.a}", "{a.*.b}", "{$}", "{a..b}"])
def test_what_is_no_template_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="'"):
        Template.parse(template)


def test_double_braces_are_braces() -> None:
    raw = message(b'{"a":"x","value":1}')
    assert codec(series="{{{a}}}{{a}}").decode([raw]).points.series == ["{x}{a}"]


def test_a_value_without_wildcards_is_called_by_its_last_step() -> None:
    raw = message(b'{"fields":{"idle":1},"l":[5]}')
    assert codec(series="cpu.{field}.{field}", value="fields.idle").decode([raw]).points.series == ["cpu.idle.idle"]
    assert codec(series="cpu.{field}", value="l[0]").decode([raw]).points.series == ["cpu.0"]


def test_all_mistakes_of_a_mapping_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        codec(points="a..b", series="{name", timestamp="times[*]", value="")
    grammar = 'use names and steps such as a.b, a[0], a["x.y"], a.* or a[*]; $.a starts at the record instead of the point'
    assert caught.value.problems == [
        f"input.points: 'a..b' is no path: {grammar}",
        "input.series: '{name' has a single '{': write {{ or }} for a brace in the name",
        "input.timestamp: 'times[*]' may match several fields: name one",
        "input.value: empty: name the field, or $ for the whole record",
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"series": ""}, "input.series: empty: write a template such as {series} or {name},{tags.*}"),
        (
            {"series": "{name}", "value": "fields.*"},
            "input.series: '{name}' gives all values under 'fields.*' the same name: add {field}",
        ),
        (
            {"series": "{a.*.b}"},
            "input.series: '{a.*.b}': in {a.*.b} a wildcard may only be the last step, as in {tags.*}",
        ),
        (
            {"points": "p", "value": "$.v"},
            "input.value: '$.v' is the same for all points under 'p': start at the point, without $",
        ),
        ({"series": "{}"}, "input.series: '{}' has an empty hole: name a field in it, as in {series}"),
        ({"series": "{header:}"}, "input.series: '{header:}' names no header: write {header:NAME}"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_with_the_fix(changes: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        codec(**changes)
    assert caught.value.problems == [problem]
