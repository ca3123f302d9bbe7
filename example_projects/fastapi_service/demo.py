"""Starts the service with a past of thirty days, sends it traffic that begins to fail, and shows who is woken, and when."""

from __future__ import annotations

import signal
import sys

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run until Ctrl-C or for `--seconds`; 0 unless the service could not be started."""
    # Python leaves SIGINT alone where it was started with it ignored, as shells do in the background.
    for number in STOPPING:
        signal.signal(number, _stop)
    try:
        from demo_run import run  # takes its time, in which Ctrl-C is no error either
    except KeyboardInterrupt:
        return 0
    return run(__doc__)


def _stop(*_: object) -> None:
    """End in good order, once: a second Ctrl-C would leave servers behind."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
