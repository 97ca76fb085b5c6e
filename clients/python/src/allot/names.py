"""Names: what may stand in a message, an endpoint or a topic, checked before anything is sent."""

from __future__ import annotations

import difflib
import re
from typing import Any, Iterable, List

_ID = re.compile(r"[A-Za-z0-9.\-_@]{1,64}")
_TICKER = re.compile(r"[!#-\[\]-~ ]{1,32}")
_OPTION = re.compile(r"[^ ]{1,6} *[0-9]{6}[CP][0-9]{8}")
_MESSAGE_ID = re.compile(r"[!#-\[\]-~]{1,64}")
_Z85 = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")

_TOPICS = (
    "positions:json",
    "account:json:",
    "fills:json:",
    "heartbeat:",
    "median:json",
    "trader:json",
    "desk:json",
    "wanted:json",
)
"""What the topics in JSON begin with."""


def source(given: Any) -> str:
    """The name of a source. The server could not echo another, and its reply would be nobody's."""
    if not isinstance(given, str) or not _ID.fullmatch(given):
        raise ValueError(f"a source must be 1 to 64 of A-Z a-z 0-9 . - _ @; it was {given!r}")
    return given


def account(given: Any) -> str:
    """The id of an account."""
    if not isinstance(given, str) or not _ID.fullmatch(given):
        raise ValueError(f"an account must be 1 to 64 of A-Z a-z 0-9 . - _ @; it was {given!r}")
    return given


def ticker(given: Any) -> str:
    """A ticker as the venue writes it. A space stands between two other characters, but for the
    symbols of options, whose root is padded to six."""
    if not isinstance(given, str) or not _TICKER.fullmatch(given):
        raise ValueError(
            f"a ticker must be 1 to 32 printable characters of ASCII, without \" and \\; "
            f"it was {given!r}"
        )
    if given != given.strip() or "  " in given and not _is_option(given):
        raise ValueError(
            f"a ticker has a space only between two other characters; it was {given!r}"
        )
    return given


def _is_option(given: str) -> bool:
    return len(given) == 21 and _OPTION.fullmatch(given) is not None


def message_id(given: Any) -> str:
    """The id that a venue gave an execution."""
    if not isinstance(given, str) or not _MESSAGE_ID.fullmatch(given):
        raise ValueError(
            f"an id must be 1 to 64 printable characters of ASCII, without a space, \" and \\; "
            f"it was {given!r}"
        )
    return given


def side(given: Any) -> str:
    """Bought or sold."""
    if given not in ("buy", "sell"):
        raise ValueError(f"the side must be 'buy' or 'sell'; it was {given!r}")
    return str(given)


def endpoint(given: Any) -> str:
    """Where a server is."""
    if isinstance(given, str):
        scheme, _, rest = given.partition("://")
        if scheme in ("ipc", "inproc") and rest:
            return given
        host, _, port = rest.rpartition(":")
        if scheme == "tcp" and host and port.isdigit() and 0 < int(port) < 65536:
            return given
    raise ValueError(
        f"an endpoint is tcp://HOST:PORT or ipc://PATH, as tcp://127.0.0.1:9998; it was {given!r}"
    )


def server_key(given: Any) -> bytes:
    """The public key of a front door. One that is no key is not repeated: it may be a secret."""
    if not isinstance(given, str) or not _Z85.fullmatch(given):
        what = f"{len(given)} characters" if isinstance(given, str) else type(given).__name__
        raise ValueError(
            "a key is the 40 characters of Z85 that the server prints as front-key=; "
            f"it was {what}"
        )
    return given.encode()


def topics(given: Iterable[str]) -> List[str]:
    """The beginnings of topics to subscribe to."""
    if isinstance(given, (str, bytes)):
        raise TypeError(f"topics must be a list of topics, not one text: pass [{given!r}]")
    listed = list(given)
    if not listed:
        raise ValueError("there are no topics; name one, as positions:json")
    for topic in listed:
        _check_topic(topic)
    return listed


def _check_topic(topic: Any) -> None:
    if not isinstance(topic, str):
        raise TypeError(f"a topic must be a text, not {type(topic).__name__}: {topic!r}")
    if ":bin" in topic:
        raise ValueError(f"{topic!r} is a binary topic; subscribe to its JSON, with :json")
    if not any(topic.startswith(known) or known.startswith(topic) for known in _TOPICS):
        near = difflib.get_close_matches(topic, _TOPICS, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else "topics begin with " + ", ".join(_TOPICS)
        raise ValueError(f"nothing is published on {topic!r}; {hint}")
