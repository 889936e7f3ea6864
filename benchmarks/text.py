"""What a sentence in unseen wording means among a dozen concepts, by text alone.

python benchmarks/text.py [--mpnet FOLDER]

Three sets: twelve activities (data/hapt/sentences.json), seven shoulder exercises and eight
findings of an ECG (wordings/). Learnt from the training wordings, calibrated by the validation
wordings and off-topic sentences, judged by test wordings, which nothing was chosen by. Heads:
"nearest": softmax at .05 of cosines to the mean wording; "logistic": regression on the rows;
"ConceptText" without and with word order and letters. ECE: of the most likely concept, 15 bins
of equal mass. With so few wordings even true chances show some: "ECE if true" is the mean over
answers drawn from the stated chances, "p" the share of such draws with an ECE at least as large.
"off-topic": AUROC of `other` against test sentences about something else. FOLDER holds
all-mpnet-base-v2; without it MiniLM stands alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report import table, write_result
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from tsalign.align import (
    ConceptText,
    Joined,
    MiniLM,
    SentenceTransformerText,
    TextEncoder,
    close_concepts,
)

ROOT = Path(__file__).parent
SETS = {
    "activities": ROOT.parent / "data" / "hapt" / "sentences.json",
    "shoulder": ROOT / "wordings" / "shoulder.json",
    "ECG": ROOT / "wordings" / "ecg.json",
}
GOALS = {"accuracy": 0.85, "ECE": 0.05}
BINS, DRAWS = 15, 2000
Head = Callable[[TextEncoder, dict[str, Any]], tuple[NDArray[Any], NDArray[Any] | None]]


def wordings(given: dict[str, Any], part: str) -> tuple[list[str], list[str]]:
    """Return the texts of a part and the concept of each."""
    pairs = [(text, name) for name, some in given["concepts"].items() for text in some[part]]
    return [text for text, _ in pairs], [name for _, name in pairs]


def nearest(encoder: TextEncoder, given: dict[str, Any]) -> tuple[NDArray[Any], None]:
    """Return log-chances of the test wordings by the cosine to mean wordings."""
    means = [encoder.encode(some["train"]).mean(0) for _, some in sorted(given["concepts"].items())]
    units = np.stack([mean / np.linalg.norm(mean) for mean in means])
    return log_softmax(encoder.encode(wordings(given, "test")[0]) @ units.T / 0.05, axis=1), None


def logistic(encoder: TextEncoder, given: dict[str, Any]) -> tuple[NDArray[Any], None]:
    """Return log-chances by logistic regression on the rows."""
    texts, names = wordings(given, "train")
    model = LogisticRegression(C=10.0, max_iter=1000).fit(encoder.encode(texts), names)
    return model.predict_log_proba(encoder.encode(wordings(given, "test")[0])), None


def concept_text(**options: float) -> Head:
    """Return a head that is `ConceptText`."""

    def head(encoder: TextEncoder, given: dict[str, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        off, (texts, names) = given["distractors"], wordings(given, "valid")
        known = [*texts, *off["valid"]], [*names, *[None] * len(off["valid"])]
        model = ConceptText(encoder, **options).fit(*wordings(given, "train"), *known)
        tested = wordings(given, "test")[0]
        return model.log_proba(tested), model.other([*tested, *off["test"]])

    return head


HEADS: dict[str, Head] = {
    "nearest": nearest,
    "logistic": logistic,
    "ConceptText, meaning alone": concept_text(order=0.0, letters=0.0),
    "ConceptText": concept_text(),
}


def calibration_error(stated: NDArray[Any], right: NDArray[Any]) -> float:
    """Return the expected calibration error, bins of equal mass."""
    order = np.argsort(stated, kind="stable")
    gaps = [abs((stated[bin_] - right[bin_]).sum()) for bin_ in np.array_split(order, BINS)]
    return float(sum(gaps) / len(stated))


def judge(given: dict[str, Any], log_p: NDArray[Any], other: NDArray[Any] | None) -> dict[str, Any]:
    """Return the figures of one head."""
    names = wordings(given, "test")[1]
    true = np.searchsorted(sorted(given["concepts"]), names)
    log_p = log_softmax(log_p, axis=1)
    chance, right = np.exp(log_p.max(1)), log_p.argmax(1) == true
    error = calibration_error(chance, right)
    draws = np.random.default_rng(0).random((DRAWS, len(chance))) < chance
    drawn = [calibration_error(chance, draw) for draw in draws]
    found = {
        "accuracy": float(right.mean()),
        "log loss": float(-log_p[np.arange(len(true)), true].mean()),
        "ECE": error,
        "ECE if true": float(np.mean(drawn)),
        "p": float(np.mean(np.array(drawn) >= error)),
        "off-topic": "-",
    }
    if other is not None:
        off = np.arange(len(other)) >= len(true)
        found["off-topic"] = round(float(roc_auc_score(off, other)), 3)
    return found


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mpnet", type=Path)
    folder = parser.parse_args().mpnet
    encoders: dict[str, TextEncoder] = {"MiniLM": MiniLM()}
    if folder is not None:
        encoders["mpnet"] = SentenceTransformerText(str(folder))
        encoders["both"] = Joined(list(encoders.values()))
    rows, close = [], {}
    for name, path in SETS.items():
        given = json.loads(path.read_text())
        for called, encoder in encoders.items():
            pairs = close_concepts(*wordings(given, "train"), encoder)
            close[f"{name}, {called}"] = [[a, b, round(c, 2)] for a, b, c in pairs]
            for head, made in HEADS.items():
                row = {"set": name, "encoder": called, "head": head}
                rows.append(row | judge(given, *made(encoder, given)))
    print(table(rows))
    print("\n".join(f"closer than 0.85 ({where}): {pairs}" for where, pairs in close.items()))
    print(f"goals for activities: {GOALS}")
    result = {"goals": GOALS, "bins": BINS, "rows": rows, "close": close}
    write_result("text", result, "tokenizers", "sentence-transformers")


if __name__ == "__main__":
    main()
