"""Sentences of another splitter, by name: texts as JSON on stdin, places as JSON on stdout.

Those that give sentences without places are sought in the text in their order; what is not found
there as it stands counts as wrong.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

Split = Callable[[str], list[str]]


def pysbd() -> Split:
    """Return the rules of pysbd."""
    from pysbd import Segmenter

    return Segmenter(language="en", clean=False).segment


def syntok() -> Split:
    """Return the segmenter of syntok."""
    from syntok import segmenter

    return lambda text: [
        "".join(token.spacing + token.value for token in sentence)
        for paragraph in segmenter.analyze(text)
        for sentence in paragraph
    ]


def spacy() -> Split:
    """Return spaCy's sentencizer; its parsers are downloads."""
    from spacy import blank

    english = blank("en")
    english.add_pipe("sentencizer")
    return lambda text: [sentence.text for sentence in english(text).sents]


def blingfire() -> Split:
    """Return the model of blingfire."""
    from blingfire import text_to_sentences

    return lambda text: text_to_sentences(text).split("\n")


SPLITTERS: dict[str, Callable[[], Split]] = {
    "pysbd": pysbd,
    "syntok": syntok,
    "spaCy sentencizer": spacy,
    "blingfire": blingfire,
}


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
    split = SPLITTERS[sys.argv[1]]()
    json.dump([places(text, split(text)) for text in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
