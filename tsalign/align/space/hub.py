"""Model folders to the Hugging Face Hub and back, only when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tsalign.errors import TsalignError
from tsalign.folders import MODEL
from tsalign.modelfolder import model_folder


def push_to_hub(
    folder: str | Path,
    repo: str,
    *,
    private: bool = True,
    message: str = "Upload a tsalign model",
    token: str | None = None,
    api: Any = None,
) -> str:
    """Put a model onto the hub; nothing else of a run leaves the machine.

    Parameters
    ----------
    folder : str or Path
        A run folder, its `model/`, or what `Contrastive.save` wrote.
    repo : str
        `owner/name`; made where it is missing.
    private : bool
        Whether a new repository is for its owner alone.
    message : str
        Of the commit.
    token : str or None
        None takes the one that `hf auth login` has stored.
    api : object or None
        Instead of `huggingface_hub.HfApi`.

    Returns
    -------
    str
        Where it is.

    Raises
    ------
    TsalignError
        When there is no model in the folder, or the hub refuses.
    """
    place = _whole(folder)
    with _Hub(api, token) as hub:
        hub.create_repo(repo, private=private, exist_ok=True, repo_type="model")
        done = hub.upload_folder(
            repo_id=repo, folder_path=str(place), commit_message=message, repo_type="model"
        )
    return str(getattr(done, "commit_url", done))


def from_hub(
    repo: str,
    *,
    revision: str | None = None,
    token: str | None = None,
    api: Any = None,
) -> Path:
    """Fetch a model from the hub.

    Parameters
    ----------
    repo : str
        `owner/name`.
    revision : str or None
        A branch, tag or commit; name a commit to get the same bytes for ever.
    token : str or None
        None takes the one that `hf auth login` has stored.
    api : object or None
        Instead of `huggingface_hub.HfApi`.

    Returns
    -------
    Path
        For `model:` of a pipeline file, or for `Contrastive.load`.

    Raises
    ------
    TsalignError
        When there is no model, or the hub refuses.
    """
    with _Hub(api, token) as hub:
        place = hub.snapshot_download(repo, revision=revision, repo_type="model")
    return _whole(place)


def _whole(folder: str | Path) -> Path:
    """Return the folder of a run's model, or that of a shared space alone."""
    return Path(folder) if (Path(folder) / MODEL).is_file() else model_folder(folder)


class _Hub:
    """The hub, whose refusals are one sentence."""

    def __init__(self, api: Any, token: str | None) -> None:
        self.api, self.token = api, token

    def __enter__(self) -> Any:
        if self.api is None:
            from huggingface_hub import HfApi

            self.api = HfApi(token=self.token)
        return self.api

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        # What it raises is a matter of its version: all of it stems from these two.
        if isinstance(error, (OSError, ValueError)) and not isinstance(error, TsalignError):
            why = str(error).strip().partition("\n")[0] or type(error).__name__
            raise TsalignError(f"the hub says: {why}") from error
