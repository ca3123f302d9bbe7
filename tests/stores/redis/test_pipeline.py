"""Many commands in one round trip."""

from __future__ import annotations

import pytest
import redis

from slo_core.stores.redis.pipeline import run_pipeline


def test_answers_are_never_taken_for_those_of_other_commands(client: redis.Redis) -> None:
    """Nothing is left on the connection by a command that cannot be sent, and nothing by one that fails."""
    with pytest.raises(UnicodeEncodeError):
        run_pipeline(redis, client, [("ECHO", "before"), ("ECHO", "\ud800")])

    first, error, last = run_pipeline(redis, client, [("ECHO", "after"), ("INCR",), ("ECHO", "and on")])
    assert (first, last) == ("after", "and on")
    assert isinstance(error, redis.ResponseError)
    assert client.echo("later") == "later"
