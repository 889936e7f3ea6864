"""Aligned spans as files, each format with its reader."""

from tsalign.export.atomic import replacing
from tsalign.export.jsonl import Jsonl, read_jsonl
from tsalign.export.png import Png
from tsalign.export.rows import Row, rows
from tsalign.export.table import Csv, read_csv
from tsalign.export.textgrid import TextGrid, read_textgrid

__all__ = [
    "Csv",
    "Jsonl",
    "Png",
    "Row",
    "TextGrid",
    "read_csv",
    "read_jsonl",
    "read_textgrid",
    "replacing",
    "rows",
]
