"""Sentences of other splitters: texts as JSON on stdin, places by splitter as JSON on stdout.

Those that give sentences without places are sought in the text in their order; what is not found
there as it stands counts as wrong. A splitter that is not installed is left out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator

Split = Callable[[str], list[str]]


def splitters() -> Iterator[tuple[str, Split]]:
    """Yield what is installed."""
    try:
        import pysbd

        segment = pysbd.Segmenter(language="en", clean=False).segment
        yield "pysbd", lambda text: segment(text)
    except ImportError:
        pass
    try:
        from syntok import segmenter

        yield (
            "syntok",
            lambda text: [
                "".join(t.spacing + t.value for t in sentence)
                for paragraph in segmenter.analyze(text)
                for sentence in paragraph
            ],
        )
    except ImportError:
        pass
    try:
        import spacy

        english = spacy.blank("en")
        english.add_pipe("sentencizer")
        yield "spaCy sentencizer", lambda text: [s.text for s in english(text).sents]
    except ImportError:
        pass
    try:
        import blingfire

        yield "blingfire", lambda text: blingfire.text_to_sentences(text).split("\n")
    except ImportError:
        pass


def places(text: str, sentences: list[str]) -> list[tuple[int, int]]:
    """Return where sentences stand, without outer white space."""
    found, cursor = [], 0
    for sentence in map(str.strip, sentences):
        at = text.find(sentence, cursor)
        if sentence and at >= 0:
            cursor = at + len(sentence)
            found.append((at, cursor))
    return found


def main() -> None:
    """Answer."""
    texts = json.load(sys.stdin)
    answer = {name: [places(t, split(t)) for t in texts] for name, split in splitters()}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
