"""A finished run as something to apply: where its model lies and what belongs to it."""

from __future__ import annotations

from pathlib import Path

from tsalign.cache import content_key, file_hash
from tsalign.errors import TsalignError

PIPELINE = "pipeline.yaml"
"""In a model folder: the slots that made it, defaults filled in."""
SPACES = ("align.fit_align", "align.fit_align_tokens", "align.fit_align_samples")
"""In a model folder: where the shared space may lie."""


def model_folder(path: str | Path) -> Path:
    """Return the folder of a model, given it or the run folder around it.

    Parameters
    ----------
    path : str or Path
        `runs/<name>`, or what was inside its `model/`.

    Returns
    -------
    Path

    Raises
    ------
    TsalignError
        When no model of a finished run is there.
    """
    for folder in (Path(path) / "model", Path(path)):
        if (folder / PIPELINE).is_file():
            return folder
    raise TsalignError(f"no finished run with a model is in {str(path)!r}")


def part_of(model: str | Path, name: str) -> tuple[Path, str]:
    """Return the folder of one learnt part and the key of its content.

    Parameters
    ----------
    model : str or Path
        As for `model_folder`.
    name : str
        Slot and function that learnt it, for example `align.fit_align`.

    Returns
    -------
    folder : Path
    key : str
        Hash of all its files.

    Raises
    ------
    TsalignError
        When the model lacks the part.
    """
    folder = model_folder(model) / name
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise TsalignError("the model lacks this part", file=str(folder))
    names = [path.relative_to(folder).as_posix() for path in files]
    return folder, content_key(dict(zip(names, map(file_hash, files), strict=True)))
