"""One or more instances of every public part: the contract tests run on all of them."""

from __future__ import annotations

SEGMENTERS: list = []
DESCRIBERS: list = []
MATCHERS: list = []
PREPARERS: list = []
EXPORTERS: list = []
