"""Where torch computes, and how its sums stay the same on any machine."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from tsalign.errors import TsalignError


@contextmanager
def one_thread() -> Generator[None]:
    """Run torch on one thread, so that sums have one order: the same bits for any `--jobs`.

    Examples
    --------
    >>> import torch
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose(device: str) -> str:
    """Return a device that is there.

    Parameters
    ----------
    device : str
        `auto` takes a GPU where there is one; otherwise a name of torch's.

    Returns
    -------
    str
        A name of torch's.

    Raises
    ------
    TsalignError
        When there is no such device.

    Examples
    --------
    >>> choose("cpu")
    'cpu'
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise TsalignError(f"the device {device!r} cannot be used: {reason}") from error
    return device
