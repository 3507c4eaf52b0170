"""What a source means to the computer: its syntax tree without what only people read."""

import ast
from functools import cache

_MESSAGE = "a message"
"""Stands for every text in a message, so that rewording one changes nothing."""


@cache
def meaning(source: bytes) -> bytes:
    """The part of a Python source that can change what it computes, equal in all versions of Python.

    Left out are comments, formatting (quotes, parentheses, line breaks, texts joined by juxtaposition),
    docstrings and other strings that stand alone as a statement, and the texts of messages: strings in a
    ``raise`` statement, in an argument of ``log.…(…)``, and after the comma of an ``assert``. All else
    counts: constants, operators, defaults, names, annotations, the order of statements, other strings.

    Returns:
        The tree, serialised; the source itself where it cannot be parsed.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return source
    return _serialise(tree, in_message=False).encode()


def _serialise(node: object, in_message: bool) -> str:
    if isinstance(node, list):
        return f"[{','.join(_serialise(item, in_message) for item in node if not _is_text(item))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if in_message and (isinstance(node, ast.JoinedStr) or _is_string(node)):
        return _MESSAGE
    fields = []
    for name, value in ast.iter_fields(node):
        if (
            value is None or value == [] or name == "kind"
        ):  # later versions of Python add fields that are empty
            continue
        message = in_message or name == "msg" or isinstance(node, ast.Raise) or _is_log_call(node)
        fields.append(f"{name}={_serialise(value, message)}")
    return f"{type(node).__name__}({','.join(fields)})"


def _is_text(node: object) -> bool:
    """Whether ``node`` is a string that stands alone as a statement, as docstrings do."""
    return isinstance(node, ast.Expr) and _is_string(node.value)


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_log_call(node: ast.AST) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "log"
    )
