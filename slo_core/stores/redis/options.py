"""Which options a Redis store takes, in its URL and in `SLO_STORE_OPTIONS`: those that would fail later are refused."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from slo_core.errors import StoreError
from slo_core.stores.url import redacted_url

__all__ = ["check_options"]

_OF_SENTINEL = frozenset(("sentinels", "sentinel_service_name", "sentinel_kwargs"))

_OPTIONS = _OF_SENTINEL | {"socket_timeout", "socket_connect_timeout", "username", "password"}

# redis-py takes more in a URL. The store reads bytes, from several threads after each other, and repeats what failed by
# itself: `decode_responses`, `single_connection_client`, `retry_on_timeout` and their kind would break it later.
_IN_URL = frozenset(
    (
        "client_name",
        "db",
        "health_check_interval",
        "max_connections",
        "password",
        "protocol",
        "socket_connect_timeout",
        "socket_keepalive",
        "socket_timeout",
        "username",
    )
)

# The least that a number may be; time-outs are above it.
_LEAST = {"db": 0, "health_check_interval": 0, "max_connections": 1, "protocol": 2}
_TIMEOUTS = ("socket_timeout", "socket_connect_timeout")


def check_options(redis: Any, url: str, options: Mapping[str, object]) -> None:
    """
    See whether a store takes these options and those of its URL.

    Args:
        redis: The package.
        url: As for `open_redis`.
        options: As for `open_redis`.

    Raises:
        StoreError: It does not know one, or its value is wrong.
    """
    # As redis-py reads it: an option without a value is none.
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    in_url = {name: _number_in(value) for name, value in query.items()}
    problems = [*_unknown(redis, url, query, options), *_wrong(in_url | dict(options))]
    if not problems and (of_tls := {name: options.get(name, query.get(name)) for name in _of_tls(query, options)}):
        try:
            redis.connection.SSLConnection(**of_tls)  # connects to nothing
        except (redis.RedisError, TypeError, ValueError) as exc:
            problems.append(f"{', '.join(of_tls)}: {exc}")
    if problems:
        raise StoreError(f"store {redacted_url(url)}: {'; '.join(problems)}")


def _unknown(redis: Any, url: str, query: Mapping[str, str], options: Mapping[str, object]) -> Iterator[str]:
    scheme = urlsplit(url).scheme
    for place, names, known in (("unknown options", options, _OPTIONS), ("unknown options in the URL", query, _IN_URL)):
        unknown = sorted(name for name in names if name not in known and not name.startswith("ssl_"))
        if unknown:
            yield f"{place} {', '.join(unknown)}; known: {', '.join(sorted(known))}, ssl_... with rediss://"
    of_tls = _of_tls(query, options)
    if of_tls and not scheme.startswith("rediss"):
        yield f"{', '.join(of_tls)}: expected a URL with rediss://, this one is not encrypted"
    known_of_tls = inspect.signature(redis.connection.SSLConnection.__init__).parameters
    unknown_of_tls = [name for name in of_tls if name not in known_of_tls]
    if unknown_of_tls:
        yield f"unknown options {', '.join(unknown_of_tls)}; this redis-py knows {_names(known_of_tls)}"
    of_sentinel = sorted(_OF_SENTINEL & set(options))
    if of_sentinel and scheme.endswith("+cluster"):
        yield f"{', '.join(of_sentinel)}: a cluster has no sentinels"
    elif of_sentinel and not options.get("sentinels"):
        yield f"{', '.join(of_sentinel)}: expected sentinels, a list of (host, port), beside it"


def _of_tls(query: Mapping[str, str], options: Mapping[str, object]) -> list[str]:
    return sorted(name for name in {*query, *options} if name.startswith("ssl_"))


def _names(parameters: Mapping[str, object]) -> str:
    return ", ".join(name for name in parameters if name.startswith("ssl_"))


def _wrong(values: Mapping[str, object]) -> Iterator[str]:
    for name, value in values.items():
        if name in _TIMEOUTS and not _number(value) > 0:
            yield f"{name}: expected seconds above 0, got {value!r}"
        elif name in _LEAST and not (_number(value).is_integer() and _number(value) >= _LEAST[name]):
            yield f"{name}: expected a whole number, {_LEAST[name]} or more, got {value!r}"


def _number(value: object) -> float:
    """A finite number; -infinity for anything else, which no option may be."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return -math.inf
    return float(value)


def _number_in(text: str) -> object:
    """A number that a URL holds; the text where it is none."""
    try:
        return float(text)
    except ValueError:
        return text
