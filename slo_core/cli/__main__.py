"""`python -m slo_core.cli`."""

from __future__ import annotations

import sys

from slo_core.cli import main

sys.exit(main())
