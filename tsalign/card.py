"""What goes into `model/` beside the weights: what they were learnt from, and a card to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tsalign import __version__
from tsalign.cache import content_key
from tsalign.config import Config
from tsalign.data import Item
from tsalign.engine import fingerprint
from tsalign.yamlmap import dump

CARD, DATA = "README.md", "data.json"


def data_keys(items: Sequence[Item]) -> dict[str, Any]:
    """Return which recordings and notes a model was learnt from and stopped by, as hashes.

    Parameters
    ----------
    items : sequence of Item
        The recordings of a run.

    Returns
    -------
    dict
        `train` and `valid`: by recording id the `recording` (of the bytes of its file) and the
        `notes`.
    """
    return {
        part: {
            i.id: {"recording": i.source.digest, "notes": content_key(fingerprint(list(i.notes)))}
            for i in items
            if i.part == part
        }
        for part in ("train", "valid")
    }


def card(
    config: Config,
    items: Sequence[Item],
    grid: Any,
    model: Any | None,
    figures: Mapping[str, Any] | None,
) -> str:
    """Return a model card in Markdown, with front matter as the Hugging Face Hub reads it.

    Parameters
    ----------
    config : Config
        What was learnt how.
    items : sequence of Item
        From what.
    grid : Grid
        Channels and rate.
    model : SharedSpace or None
        The shared space; None where only tokens were learnt.
    figures : mapping or None
        `metrics.json`.

    Returns
    -------
    str
    """
    parts = [_front(config, figures), _what(config), _parts(config, model)]
    parts += [_data(items, grid), _figures(items, figures), _limits(items, model)]
    return "\n".join(parts)


def _front(config: Config, figures: Mapping[str, Any] | None) -> str:
    front: dict[str, Any] = {
        "library_name": "tsalign",
        "license": "unknown",
        "tags": ["time-series", "alignment", "tsalign"],
    }
    values = {n: f["value"] for n, f in (figures or {}).get("metrics", {}).items()}
    told = [{"type": n, "value": v} for n, v in values.items() if v is not None]
    if told:
        task = {"type": "time-series-alignment"}
        result = {"task": task, "dataset": {"type": "local", "name": config.name}, "metrics": told}
        front["model-index"] = [{"name": config.name, "results": [result]}]
    return f"---\n{dump(front)}---\n"


def _what(config: Config) -> str:
    does = "aligns sentences with stretches of signals" if config.align else "tokenises signals"
    return f"""# {config.name}

A model that {does}, learnt with tsalign {__version__}. The licence is for you to choose before
you pass it on (`license:` above): the data may set terms.

```yaml
model: FOLDER              # in a pipeline file: applies it to data.recordings
vocabulary: findings.yaml  # optional: sentences to look for where there are no notes
```
"""


def _parts(config: Config, model: Any | None) -> str:
    blocks = {s: b for s, b in config.parts().items() if b not in (None, [])}
    lines = ["## Parts", "", "```yaml", dump(blocks).rstrip(), "```", ""]
    if model is not None:
        from tsalign.align import MiniLM, text_identity

        weights = text_identity(model.text or MiniLM()) or "unknown"
        lines += [f"Text encoder weights (SHA-256): {weights}.", ""]
        lines += [f"{len(model.concepts_)} concepts: {', '.join(model.concepts_)}.", ""]
    return "\n".join(lines)


def _data(items: Sequence[Item], grid: Any) -> str:
    lines = ["## Data", ""]
    for part, does in (("train", "learn"), ("valid", "stop the learning and calibrate")):
        own = [i for i in items if i.part == part]
        said = {s.text for i in own for n in i.notes for s in n.sentences}
        people = len({i.subject for i in own})
        lines.append(f"- {len(own)} recordings of {people} subjects, {len(said)} wordings, {does}.")
    channels = ", ".join(grid.channels)
    lines += [f"- Channels: {channels}, at {grid.rate:g} Hz.", f"- Hashes: `{DATA}`.", ""]
    return "\n".join(lines)


def _figures(items: Sequence[Item], figures: Mapping[str, Any] | None) -> str:
    lines = ["## Figures", ""]
    if not figures or not figures.get("metrics"):
        return "\n".join([*lines, "None were measured.", ""])
    tested = any(i.part == "test" for i in items)
    where = "test recordings" if tested else "the recordings learnt from, which flatters"
    lines += [f"On {where}, with 95 % intervals over recordings.", ""]
    lines += ["| figure | value | low | high |", "|---|---|---|---|"]
    for name, f in figures["metrics"].items():
        numbers = ("-" if f[k] is None else f"{f[k]:.3f}" for k in ("value", "low", "high"))
        lines.append(f"| {name} | {' | '.join(numbers)} |")
    return "\n".join([*lines, ""])


def _limits(items: Sequence[Item], model: Any | None) -> str:
    held = any(i.part == "valid" for i in items)
    lines = ["## Use and limits", ""]
    lines += ["- Meant for research on signals like those above; no medical device."]
    lines += ["- Other sensors, places on the body, rates or people need to be checked first."]
    if model is not None:
        lines += ["- Sentences about what was never learnt rest on the text encoder alone."]
        lines += [
            "- Chances are calibrated on the validation recordings."
            if held
            else "- Nothing was held out: chances are too sure of themselves."
        ]
    return "\n".join([*lines, ""])
