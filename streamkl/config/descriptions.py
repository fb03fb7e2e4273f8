"""What the source says under each option. Only pages need it, so it is not read when the program starts."""

import ast
import inspect
from itertools import pairwise

from streamkl.config.section import Section


def descriptions(section: type[Section]) -> dict[str, str]:
    """The docstring of each option, inherited ones too. Some 10 ms; pydantic would take as long for every section at every start.

    >>> from streamkl.config.connection import KafkaConfig
    >>> descriptions(KafkaConfig)["client_id"]
    "What the broker's logs and quotas call us."
    """
    found: dict[str, str] = {}
    for each in reversed(section.__mro__):
        if issubclass(each, Section):
            (tree,) = ast.parse(inspect.getsource(each)).body
            assert isinstance(tree, ast.ClassDef)  # noqa: S101 - for the type checker
            for option, text in pairwise(tree.body):
                match option, text:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                        found[name] = inspect.cleandoc(words)
    return found
