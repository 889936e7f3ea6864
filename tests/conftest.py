"""What all tests share: the same examples in every run, and one place where the package lies."""

from __future__ import annotations

from hypothesis import settings

# A continuous check that fails must fail again: examples follow from the test, not from chance.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")
