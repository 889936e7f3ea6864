"""Do the last layers of the text encoder learn anything from few wordings? On HAPT.

python benchmarks/tuned_text.py [--work FOLDER] [--layers 0 1 2 6] [--seed 0]

Learnt from the stamped notes of people 1-17 in four wordings a concept; judged by people 18-20,
whom the learning is stopped and calibrated by, in the validation wordings, which no layer learns
from. The test people are not looked at.
"segment to text": share of their segments whose nearest wording in the space is of their activity;
"wording": share of wordings whose nearest concept in the space (its mean training wording) is
theirs; "F12": macro-F1 of their segments by `classify`, where a sentence's meaning is that of
`ConceptText`, which stays frozen; "loss": held out, in the training wordings.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from align_runs import ACTIVITIES, Run, Task, wordings
from report import table, write_result
from sklearn.metrics import f1_score

from tsalign.align import Contrastive, MiniLM, Mlp, Pairs


def judged(model: Contrastive, people: Pairs) -> dict[str, float]:
    """Return the figures of one model."""
    given = wordings("valid")
    named = np.array([name is not None for name in people.concepts])
    said = named[people.text] & (people.text >= 0)
    true = np.array([ACTIVITIES.index(str(people.concepts[i])) for i in people.text[said]])
    places = model.encode_signal(people.features, people.recordings)[said]
    texts = [(i, text) for i, name in enumerate(ACTIVITIES) for text in given[name]]
    means, rows = np.array([i for i, _ in texts]), model.encode_text([text for _, text in texts])
    chosen = model.classify(people.features, given, recordings=people.recordings)[said].argmax(1)
    return {
        "segment to text": float((means[(places @ rows.T).argmax(1)] == true).mean()),
        "wording": float((model.logits(rows, model.prototypes_).argmax(1) == means).mean()),
        "F12": float(f1_score(true, chosen, average="macro")),
        "loss": float(np.nanmin(model.history_[:, 1])),
    }


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--layers", type=int, nargs="+", default=[0, 1, 2, 6])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    asked = parser.parse_args()
    work = asked.work or Path(tempfile.mkdtemp())
    train, valid = Run(Task(asked.seed), work).pairs
    shared: dict[str, Any] = {"epochs": asked.epochs, "batch_size": 1024, "device": "cpu"}
    shared["random_state"] = asked.seed
    rows = []
    for layers in asked.layers:
        began = perf_counter()
        model = Contrastive(Mlp(width=256), MiniLM(tuned_layers=layers), **shared)
        found = judged(model.fit(train, valid), valid)
        rows.append({"layers": layers, **found, "seconds": perf_counter() - began})
        print(rows[-1], flush=True)
    print(table(rows))
    write_result("tuned_text", {"settings": shared, "rows": rows}, "tokenizers")


if __name__ == "__main__":
    main()
