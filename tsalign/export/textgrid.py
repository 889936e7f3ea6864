"""Praat TextGrid: spans, labels and tokens as tiers over one time axis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tsalign.errors import TsalignError
from tsalign.export.atomic import file_name, replacing
from tsalign.export.rows import WhichPart, of_part, token_times
from tsalign.params import check_params
from tsalign.types import Aligned, Label, Span

MOST_TOKENS = 20_000
"""Praat gets slow beyond; a tier of more tokens is left out."""


@dataclass(frozen=True)
class TextGrid:
    """Write `textgrid/<recording>.TextGrid` in Praat's long format.

    Tiers: `spans` (the placed sentences), `labels` (the truth, where known) and `tokens`
    (where there are fewer than 20 000). Intervals that overlap go to further tiers, `spans 2`
    and so on; what lasts no time goes to a point tier. Scores, confidences and sentences
    that were not placed have no room in the format.

    Parameters
    ----------
    part : str
        Which recordings: `all`, `train`, `valid` or `test`.

    References
    ----------
    Boersma & Weenink, Praat manual, "TextGrid file formats".

    Examples
    --------
    >>> TextGrid(part="test")([], Path("anywhere"))
    []
    """

    part: WhichPart = "all"
    version: ClassVar[int] = 1
    per_recording: ClassVar[bool] = True

    def __call__(self, items: Iterable[Aligned], folder: Path) -> list[Path]:
        """Write one file a recording and return their paths."""
        check_params(self)
        paths = []
        for item in of_part(items, self.part):
            path = Path(folder, "textgrid", f"{file_name(item.recording)}.TextGrid")
            with replacing(path) as file:
                file.write(_encode(item))
            paths.append(path)
        return paths


def layers(intervals: Iterable[Label]) -> list[list[Label]]:
    """Split intervals over as few layers as overlaps allow.

    Parameters
    ----------
    intervals : iterable of Label
        In any order.

    Returns
    -------
    list of list of Label
        Each sorted by start, without overlaps; there is at least one layer.

    Examples
    --------
    >>> a, b, c = (Label(Span(s, s + 2), str(s)) for s in (0.0, 1.0, 2.0))
    >>> [[x.label for x in layer] for layer in layers([a, b, c])]
    [['0.0', '2.0'], ['1.0']]
    """
    result: list[list[Label]] = [[]]
    for interval in sorted(intervals, key=lambda x: x.span):
        free = (x for x in result if not x or x[-1].span.end <= interval.span.start)
        layer = next(free, None)
        if layer is None:
            result.append([interval])
        else:
            layer.append(interval)
    return result


def read_textgrid(path: Path) -> dict[str, tuple[Label, ...]]:
    """Read a TextGrid in long or short format.

    Parameters
    ----------
    path : Path
        UTF-8, or UTF-16 with a byte order mark.

    Returns
    -------
    dict of str to tuple of Label
        The intervals of each tier by its name, blank ones included; a point has equal start
        and end. Tiers of the same name are joined.

    Raises
    ------
    TsalignError
        When the file is not a TextGrid.
    """
    raw = Path(path).read_bytes()
    wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = raw.decode("utf-16" if wide else "utf-8-sig")
        return _tiers(_values(text))
    except (ValueError, StopIteration) as error:
        raise TsalignError(f"not a whole TextGrid: {error}", file=str(path)) from error


def _encode(item: Aligned) -> bytes:
    groups = {"spans": [Label(s.span, s.text) for s in item.alignment.spans]}
    if item.labels:
        groups["labels"] = list(item.labels)
    if 0 < len(item.tokens.ids) < MOST_TOKENS:
        groups["tokens"] = _token_labels(item)
    ends = [x.span for group in groups.values() for x in group] + [item.signal.span]
    whole = Span(min(s.start for s in ends), max(s.end for s in ends))
    tiers = [tier for name, group in groups.items() for tier in _split(name, group)]
    try:
        return "\n".join(_lines(whole, tiers)).encode()
    except UnicodeEncodeError as error:
        raise TsalignError(
            "a text holds half a surrogate pair, which UTF-8 cannot carry",
            recording=item.recording,
        ) from error


def _token_labels(item: Aligned) -> list[Label]:
    pairs = zip(token_times(item).tolist(), item.tokens.ids.tolist(), strict=True)
    return [Label(Span(a, b), str(token)) for (a, b), token in pairs]


def _split(name: str, group: Sequence[Label]) -> Iterator[tuple[str, str, list[Label]]]:
    """Yield class, name and content of each tier that a group needs."""
    lasting = [x for x in group if x.span.duration > 0]
    for i, layer in enumerate(layers(lasting), start=1):
        yield "IntervalTier", name if i == 1 else f"{name} {i}", layer
    points: dict[float, list[str]] = {}
    for x in group:
        if x.span.duration <= 0:
            points.setdefault(x.span.start, []).append(x.label)
    if points:  # Praat wants the times of points to differ
        marks = [Label(Span(t, t), "; ".join(points[t])) for t in sorted(points)]
        yield "TextTier", f"{name} points", marks


def _lines(whole: Span, tiers: Sequence[tuple[str, str, list[Label]]]) -> Iterator[str]:
    yield 'File type = "ooTextFile"\nObject class = "TextGrid"\n'
    yield f"xmin = {_number(whole.start)}\nxmax = {_number(whole.end)}\ntiers? <exists>"
    yield f"size = {len(tiers)}\nitem []:"
    for i, (kind, name, content) in enumerate(tiers, start=1):
        yield f'    item [{i}]:\n        class = "{kind}"\n        name = {_quoted(name)}'
        yield f"        xmin = {_number(whole.start)}\n        xmax = {_number(whole.end)}"
        yield from _points(content) if kind == "TextTier" else _intervals(whole, content)
    yield ""


def _points(content: Sequence[Label]) -> Iterator[str]:
    yield f"        points: size = {len(content)}"
    for i, point in enumerate(content, start=1):
        yield f"        points [{i}]:\n            number = {_number(point.span.start)}"
        yield f"            mark = {_quoted(point.label)}"


def _intervals(whole: Span, content: Sequence[Label]) -> Iterator[str]:
    filled = list(_with_blanks(whole, content))
    yield f"        intervals: size = {len(filled)}"
    for i, (span, text) in enumerate(filled, start=1):
        yield f"        intervals [{i}]:\n            xmin = {_number(span.start)}"
        yield f"            xmax = {_number(span.end)}\n            text = {_quoted(text)}"


def _with_blanks(whole: Span, content: Sequence[Label]) -> Iterator[tuple[Span, str]]:
    """Fill the gaps: an interval tier covers all of the time."""
    time = whole.start
    for x in content:
        if x.span.start > time:
            yield Span(time, x.span.start), ""
        yield x.span, x.label
        time = x.span.end
    if whole.end > time:
        yield Span(time, whole.end), ""


def _number(value: float) -> str:
    return repr(float(value))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _values(text: str) -> Iterator[str | float]:
    """Yield strings and free-standing numbers; as for Praat, all other words are comments."""
    for match in re.finditer(r'"((?:[^"]|"")*)"|(?<!\S)([-+]?[.\d][-+.\deE]*)(?!\S)', text):
        string, number = match.groups()
        yield float(number) if number is not None else string.replace('""', '"')


def _tiers(values: Iterator[str | float]) -> dict[str, tuple[Label, ...]]:
    if (next(values, ""), next(values, "")) != ("ooTextFile", "TextGrid"):
        raise ValueError("the first lines do not say so")
    _numbers(values, 2)
    (size,) = _numbers(values, 1)
    tiers: dict[str, tuple[Label, ...]] = {}
    for _ in range(int(size)):
        kind, name = str(_next(values)), str(_next(values))
        *_, count = _numbers(values, 3)
        content = tuple(_entry(values, points=kind == "TextTier") for _ in range(int(count)))
        tiers[name] = tiers.get(name, ()) + content
    return tiers


def _entry(values: Iterator[str | float], points: bool) -> Label:
    times = _numbers(values, 1 if points else 2)
    return Label(Span(times[0], times[-1]), str(_next(values)))


def _numbers(values: Iterator[str | float], count: int) -> list[float]:
    return [float(_next(values)) for _ in range(count)]


def _next(values: Iterator[str | float]) -> str | float:
    value = next(values, None)
    if value is None:
        raise ValueError("it ends too early")
    return value
