"""The one error of the package, and the way a border adds the place to it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


class TsalignError(ValueError):
    """A mistake in what the user gave: a file, a key, a recording or an array.

    Low code raises it with the message alone; borders add what they know with `located`.

    Parameters
    ----------
    message : str
        One sentence that says what is wrong and, where possible, what to do.
    **place : str
        Where it happened: `file`, `line`, `key`, `recording`, `row`.

    Examples
    --------
    >>> print(TsalignError("no column 'x'", file="a.csv", line="3"))
    a.csv:3: no column 'x'
    """

    def __init__(self, message: str, **place: str) -> None:
        super().__init__(message)
        self.message = message
        self.place = {name: str(value) for name, value in place.items()}

    def __str__(self) -> str:
        """Return `file:line:column: key: recording: row: message`, as far as known."""
        at = ":".join(self.place[p] for p in ("file", "line", "column") if p in self.place)
        named = [f"{p} {self.place[p]}" for p in ("recording", "row") if p in self.place]
        key = [self.place["key"]] if "key" in self.place else []
        return ": ".join([*([at] if at else []), *key, *named, self.message])

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the place when the error crosses a process border."""
        return (_rebuild, (type(self), self.message, self.place))


def _rebuild(kind: type[TsalignError], message: str, place: dict[str, str]) -> TsalignError:
    return kind(message, **place)


@contextmanager
def located(**place: object) -> Generator[None]:
    """Add a place to any `TsalignError` raised inside; what is nearer stays.

    Parameters
    ----------
    **place : object
        Names and values as for `TsalignError`; `None` values are ignored.

    Examples
    --------
    >>> try:
    ...     with located(recording="s01"):
    ...         raise TsalignError("only NaN in channel 'x'")
    ... except TsalignError as error:
    ...     print(error)
    recording s01: only NaN in channel 'x'
    """
    try:
        yield
    except TsalignError as error:
        for name, value in place.items():
            if value is not None:
                error.place.setdefault(name, str(value))
        raise


class TsalignWarning(UserWarning):
    """Something a user should know that stops nothing; a run tells it as an event."""
