"""One or more instances of every public part: the contract tests run on all of them."""

from __future__ import annotations

from tsalign.export import Csv, Jsonl, Png, TextGrid

SEGMENTERS: list = []
DESCRIBERS: list = []
MATCHERS: list = []
PREPARERS: list = []
EXPORTERS: list = [Jsonl(), Csv(), TextGrid(), Png()]
