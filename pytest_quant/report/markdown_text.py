"""Text from files as Markdown shows it, letter by letter: no markup, no HTML, no links."""

from __future__ import annotations

import re

_ENTITY = re.compile(r"&(?=#?\w+;)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_MARKUP = re.compile(r"[\\`|~]|(?<=[\]!])[\[(]|(?<!\w)_|_(?!\w)|\*(?=\S)|(?<=\S)\*")


def plain(text: str) -> str:
    r"""Text in a paragraph, a list or a cell of a table; line feeds become line breaks.

    >>> plain("<b>a|b</b> [x](y) keep_float"), plain("n < N, 1 * 2 = *2*")
    ('&lt;b>a\\|b&lt;/b> [x]\\(y) keep_float', 'n < N, 1 * 2 = \\*2\\*')
    """
    escaped = _MARKUP.sub(lambda found: f"\\{found.group()}", _ENTITY.sub("&amp;", text))
    return _TAG.sub("&lt;", escaped).replace("\n", "<br>")


def code(text: str) -> str:
    """Text as code in a paragraph or a list; as `plain` has it where it looks like HTML, or like the end of a link.

    >>> code("a"), code("a`b"), code("`"), code("<b>")
    ('`a`', '``a`b``', '`` ` ``', '&lt;b>')
    """
    if _TAG.search(text) or "](" in text:  # nobody obeys it between backticks, but not everybody knows these
        return plain(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"
