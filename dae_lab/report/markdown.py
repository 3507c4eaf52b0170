"""Text of users in Markdown, shown as it is typed: no link, picture or script in it takes effect."""

import re


def prose(text: str) -> str:
    """``text`` as one line of Markdown; emphasis and code stay, HTML, pictures and links become letters.

    >>> prose("<b> ![x](http://a) *so*")
    '&lt;b> !\\\\[x]\\\\(http://a) *so*'
    """
    line = " ".join(text.split())
    return line.replace("<", "&lt;").replace("![", "!\\[").replace("](", "]\\(")


def code(text: str) -> str:
    """``text`` as code in one line, whatever backticks are in it.

    >>> code("a=`b`")
    '`` a=`b` ``'
    """
    line = " ".join(text.split())
    ticks = max(map(len, re.findall("`+", line)), default=0)
    return f"`{line}`" if not ticks else f"{'`' * (ticks + 1)} {line} {'`' * (ticks + 1)}"
