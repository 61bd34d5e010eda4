"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes is the machine's matter, and a failure must not depend on it.
settings.register_profile("any-machine", settings.default, deadline=None)
settings.load_profile("any-machine")
