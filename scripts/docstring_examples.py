"""For the documentation site: examples in docstrings become code blocks, which `>>>` is not in Markdown."""

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


class DocstringExamples(griffe.Extension):
    """Fences each example that no heading marks as one already."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called with everything that is found in the sources."""
        del kwargs
        if obj.docstring and "Examples\n---" not in obj.docstring.value:
            obj.docstring.value = _EXAMPLE.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)
