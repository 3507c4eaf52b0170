"""Addresses as they may be shown and kept: without user names, passwords and tokens."""

import re

USERINFO = re.compile(r"(?<=://)[^/?#\s]*@")
"""What stands before the host of an address: ``me:password@``, or a token alone, ``ghp_…@``."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def without_secrets(text: str, mark: str = "") -> str:
    """``text`` whose addresses have ``mark`` in place of user name, password or token.

    ``git@``, by which everybody clones, stays.

    >>> without_secrets("https://ghp_secret@github.com/me/lab and ssh://git@host", "…@")
    'https://…@github.com/me/lab and ssh://git@host'
    """
    return USERINFO.sub(lambda found: found[0] if found[0] == "git@" else mark, text)


def printable_address(address: str) -> str:
    """``address``, or what was to be one, as it may be printed.

    >>> printable_address("postgresql://me:secret@host/runs?sslkey=secret")
    'postgresql://host/runs'
    >>> printable_address("me:secret@host:5000")
    '…@host:5000'
    """
    scheme = found[0] if (found := _SCHEME.match(address)) else ""
    rest = (USERINFO.sub("", address) if scheme else address)[len(scheme) :]
    before, at, after = rest.rpartition("@")
    if set("?#") & set(before):  # and the @ belongs to a secret, perhaps
        return f"{scheme}…"
    return scheme + "…@" * bool(at) + re.split("[?#]", after)[0]
