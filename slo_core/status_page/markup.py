"""HTML as a tree, in which names and descriptions are always text and never markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from xml.etree import ElementTree as ET

from slo_core.budgets.notation import moment_text, number

__all__ = ["Node", "element", "html_of", "is_web_address", "timestamp"]

Node = ET.Element | str | None

# Elements of HTML that have neither children nor an end tag.
_WITHOUT_END = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)

_ESCAPES_OF_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ESCAPES = _ESCAPES_OF_TEXT | str.maketrans({'"': "&quot;"})
_NEEDS_ESCAPE = re.compile('[&<>"]').search


def element(tag: str, *children: Node, **attributes: str | bool | None) -> ET.Element:
    """
    An element.

    Args:
        tag: Its name. `script` and `style` get no children: a browser reads their text without escapes.
        children: Elements and texts; None is left out.
        attributes: `class_` is written `class`, `data_at` is `data-at`. True is an attribute without a value; None and
            False leave it out.
    """
    parent = ET.Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            parent.set(name.rstrip("_").replace("_", "-"), "" if value is True else str(value))
    last: ET.Element | None = None
    for child in children:
        if isinstance(child, str):
            if last is None:
                parent.text = (parent.text or "") + child
            else:
                last.tail = (last.tail or "") + child
        elif child is not None:
            parent.append(child)
            last = child
    return parent


def html_of(node: ET.Element) -> str:
    """The text of an element; characters that cannot be encoded become question marks."""
    parts: list[str] = []
    _write(node, parts.append)
    return "".join(parts).encode("utf-8", "replace").decode("utf-8")


def _write(node: ET.Element, add: Callable[[str], None]) -> None:
    # `ElementTree.tostring(method="html")` writes the same and takes twice as long: it looks for namespaces first.
    tag = node.tag
    add(f"<{tag}")
    for name, value in node.items():
        safe = value.translate(_ESCAPES) if _NEEDS_ESCAPE(value) else value
        add(f' {name}="{safe}"')
    add(">")
    if node.text:
        add(_escaped(node.text))
    for child in node:
        _write(child, add)
        if child.tail:
            add(_escaped(child.tail))
    if tag not in _WITHOUT_END:
        add(f"</{tag}>")


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES_OF_TEXT) if _NEEDS_ESCAPE(text) else text


def is_web_address(text: str) -> bool:
    """Whether a text that a user wrote may be the target of a link."""
    return text.startswith(("https://", "http://"))


def timestamp(at: float | None, zone: tzinfo = UTC) -> ET.Element:
    """
    An instant, in a time zone; the page's script rewrites it to the reader's.

    Args:
        at: Seconds since the epoch; None is never.
        zone: The time zone.
    """
    if at is None:
        return element("span", "never")
    try:
        instant = datetime.fromtimestamp(at, zone)
    except (OverflowError, ValueError, OSError):  # beyond the years 1 to 9999
        return element("span", f"{number(at, '.0f')} s since 1970")
    machine = instant.astimezone(UTC).isoformat(timespec="seconds")
    return element("time", moment_text(instant), datetime=machine)
