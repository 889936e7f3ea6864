"""Something learnt as a folder: one JSON file and one safetensors file, never pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError

MODEL = "model.json"


def save(folder: str | Path, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a model so that a reader sees the old one or the new one, never half of each.

    Parameters
    ----------
    folder : str or Path
        Made where it is missing.
    about : mapping
        JSON values.
    arrays : mapping of str to array
        Everything learnt.
    """
    from safetensors.numpy import save as to_bytes

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    data = to_bytes({name: np.asarray(array, order="C") for name, array in arrays.items()})
    key = hashlib.sha256(data).hexdigest()
    weights = f"weights-{key[:16]}.safetensors"
    _write(folder / weights, data)
    whole = {**about, "weights": weights, "sha256": key}
    text = json.dumps(whole, ensure_ascii=False, indent=1, default=lambda number: number.item())
    _write(folder / MODEL, text.encode())  # from here on the new weights are the model
    for old in folder.glob("weights-*.safetensors"):
        if old.name != weights:
            old.unlink(missing_ok=True)


def load(folder: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `save` wrote.

    Parameters
    ----------
    folder : str or Path
        A folder with `model.json`.

    Returns
    -------
    about : dict
        JSON values.
    arrays : dict of str to array
        Everything learnt.

    Raises
    ------
    TsalignError
        When the folder holds no whole model.
    """
    from safetensors.numpy import load as from_bytes

    path = Path(folder) / MODEL
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        data = (path.parent / Path(about["weights"]).name).read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TsalignError("there is no whole model here", file=str(path)) from error
    if hashlib.sha256(data).hexdigest() != about.get("sha256"):
        raise TsalignError("the weights are not those that were saved", file=str(path))
    return about, from_bytes(data)


def _write(path: Path, data: bytes) -> None:
    aside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
