"""What codes of several places share: their check, and one number for all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError

MOST = 2**31  # different tokens that int32 can name


def check_codes(codes: ArrayLike, least: int, most: int, size: int) -> NDArray[np.integer]:
    """Return codes as a table, or say in one sentence why they are none.

    Parameters
    ----------
    codes : array_like of shape (n_samples, n_codes)
        Whole numbers.
    least, most : int
        How many codes a row may have.
    size : int
        Number of centres that a code can name.

    Returns
    -------
    ndarray of shape (n_samples, n_codes)
        Each from 0 to `size - 1`.

    Raises
    ------
    TsalignError
        For codes of another shape, or codes that no centre has.
    """
    table = np.asarray(codes)
    fits = table.ndim == 2 and least <= table.shape[1] <= most and table.dtype.kind in "iu"
    if not fits:
        wanted = f"{most}" if least == most else f"{least} to {most}"
        raise TsalignError(
            f"codes are {table.dtype} {table.shape}; they need whole numbers (n, {wanted})"
        )
    wrong = np.argwhere((table < 0) | (table >= size))
    if len(wrong) > 0:
        raise TsalignError(
            f"code {table[tuple(wrong[0])]}; there are {size} a level", row=str(wrong[0][0])
        )
    return table


def as_numbers(codes: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    """Return one number for the codes of each row: digits to the base `size`, the first one last.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_codes)
        int32, below `size`.
    size : int
        Number of centres that a code can name.

    Returns
    -------
    ndarray of shape (n_samples,)
        int32.

    Raises
    ------
    TsalignError
        For more different tokens than int32 can name.

    Examples
    --------
    >>> as_numbers(np.array([[1, 2]]), size=10).tolist()
    [21]
    """
    many = codes.shape[1]
    if size**many > MOST:
        raise TsalignError(f"{size} ** {many} tokens are too many for one number; use encode")
    return (codes @ size ** np.arange(many, dtype=np.int64)).astype(np.int32)
