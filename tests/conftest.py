"""What all tests share: the same examples in every run, and processes that can be interrupted."""

from __future__ import annotations

import signal

from hypothesis import settings

# A continuous check that fails must fail again: examples follow from the test, not from chance.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

# Started in the background, a shell lets the tests and all they start ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
