"""The stages in order, on one page: what flows from which to which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsalign import open_stages, sample_stages, stages, token_stages
from tsalign.config import Config
from tsalign.data import Item, occurrences
from tsalign.engine import Node, Source
from tsalign.errors import TsalignError
from tsalign.modelfolder import part_of
from tsalign.notes import affirmed, stamped
from tsalign.params import reads
from tsalign.registry import find
from tsalign.types import Note, Part, Span

ORDER = ("prepare", "segment", "describe", "tokens", "predict")
ORDER += ("align", "match", "evaluate", "export")
Each = dict[str, Node]


@dataclass(frozen=True, eq=False)
class Graph:
    """The nodes of a pipeline.

    Parameters
    ----------
    slots : mapping
        For each slot, the node of each recording.
    metrics : Node or None
        All figures.
    exports : tuple of Node
        Files to publish.
    models : mapping
        What is learnt, by the name of its folder in `model/`.
    index : Node or None
        Segments to search in.
    """

    slots: Mapping[str, Each]
    metrics: Node | None
    exports: tuple[Node, ...]
    models: Mapping[str, Node]
    index: Node | None = None

    def wanted(self) -> list[Node]:
        """Return the last nodes: all others follow from them."""
        ends = (self.metrics, self.index, *self.exports, *self.models.values())
        last = [node for node in ends if node is not None]
        final = next(
            s for s in ("match", "align", "predict", "tokens", "describe") if s in self.slots
        )
        return [*self.slots[final].values(), *last]

    def all(self) -> list[Node]:
        """Return every node that the store holds once, inputs first."""
        found: dict[str, Node] = {}

        def visit(node: Node) -> None:
            if node.key not in found:
                for parent in node.parents():
                    visit(parent)
                found[node.key] = node

        for node in self.wanted():
            visit(node)
        return [node for node in found.values() if node.keep]


def build(config: Config, items: Sequence[Item]) -> Graph:
    """Connect the stages; nothing is computed.

    Parameters
    ----------
    config : Config
        A checked pipeline.
    items : sequence of Item
        The recordings.

    Returns
    -------
    Graph
        Every node has its key.

    Raises
    ------
    TsalignError
        When no recording is left to learn from.
    """
    return _Builder(config, items).graph()


class _Builder:
    """Holds what all stages share: the recordings and their parts."""

    def __init__(self, config: Config, items: Sequence[Item]) -> None:
        self.config, self.items = config, items
        self.learn = [i.id for i in items if i.part == "train"]
        self.held = [i.id for i in items if i.part == "valid"]
        self.models: dict[str, Node] = {}
        self.space: tuple[Node, Node, Each] | None = None  # model, scale and rows
        if not self.learn and config.model is None:
            raise TsalignError("no recording is left to learn from", key="data.split.train")

    def graph(self) -> Graph:
        c = self.config
        signal = self.prepared()
        segment = self.each("segment", stages.segmented, (c.segment,), signal)
        given = (self.of(signal), self.of(segment))
        learnt = self.fit("describe", stages.fit_describers, (c.describe,), given)
        rows = self.each("describe", stages.described, (), learnt, signal, segment)
        scale = self.fit("describe", stages.fit_scale, (), (self.of(rows),))
        slots = {"prepare": signal, "segment": segment, "describe": rows}
        if c.tokens is not None:
            units = self.fit("tokens", stages.fit_tokens, (c.tokens,), (scale, self.of(rows)))
            slots["tokens"] = self.each("tokens", stages.tokenised, (), units, scale, rows, segment)
        given, before = (scale, rows), ()
        if c.predict is not None:
            predictor, given = self.predicted(scale, rows, slots)
            before = (predictor, scale, self.of(rows))
        index = None
        if c.align is not None:
            fit, more = stages.fit_align, ()
            read = reads(c.align.signal)
            if read == "samples":
                fit, more, given = sample_stages.fit_align_samples, (learnt,), (_unscaled(), rows)
            if read == "tokens":
                fit, more = token_stages.fit_align_tokens, (self.of(_units(slots)), *before)
                given = self.surrounded(slots)
            model = self.model(*given, segment, fit, more)
            self.space = (model, *given)
            slots["align"] = self.judged(model, *given, segment)
            index = self.index(model, *given, segment)
            if c.match is not None or any(i.findings for i in self.items):
                slots["match"] = self.match(model, slots)
        return self.outputs(slots, index)

    def fit(
        self,
        slot: str,
        function: Any,
        settings: tuple,
        inputs: tuple[Any, ...],
        *,
        resumes: bool = False,
    ) -> Node:
        """Return what is learnt, or the same part of the finished run that is applied."""
        name = f"{slot}.{function.__name__}"
        if self.config.model is None:
            node = Node(slot, "fit", function, settings, inputs, resumes=resumes)
        else:
            part = Source(*part_of(self.config.model, name))
            node = Node(slot, "fit", open_stages.stored, (part,))
        self.models[name] = node
        return node

    def prepared(self) -> Each:
        """Return signals; those for a finished run are held against what it was learnt from."""
        given = lambda i: (self.config.data.reader, self.config.prepare, i.source)  # noqa: E731
        if self.config.model is None:
            signal = self.each("prepare", stages.prepared, given)
            self.fit("prepare", open_stages.fit_grid, (), (self.of(signal)[:1],))
            return signal
        grid = self.fit("prepare", open_stages.fit_grid, (), ())
        return self.each("prepare", open_stages.prepared_alike, given, grid)

    def each(
        self,
        slot: str,
        function: Callable,
        settings: tuple | Callable[[Item], tuple],
        *inputs: Node | Each,
        keep: bool = True,
    ) -> Each:
        """Make one node a recording; of a mapping it takes the recording's own node."""
        return {
            item.id: Node(
                slot,
                item.id,
                function,
                settings if isinstance(settings, tuple) else settings(item),
                tuple(given[item.id] if isinstance(given, dict) else given for given in inputs),
                keep=keep,
            )
            for item in self.items
        }

    def either(self, noted: Each, listed: Each) -> Each:
        """Join what is done with notes and with findings, in the order of the recordings."""
        return {i.id: (listed if i.findings else noted)[i.id] for i in self.items}

    def of(self, nodes: Each, part: Part = "train") -> tuple[Node, ...]:
        return tuple(nodes[name] for name in (self.learn if part == "train" else self.held))

    def told(self, part: Part) -> list[stages.Told]:
        return [_told(item) for item in self.items if item.part == part]

    def predicted(
        self, scale: Node, rows: Each, slots: dict[str, Each]
    ) -> tuple[Node, tuple[Node, Each]]:
        """Add the tokens of iteration 2; return predictor, and scale and rows for alignment."""
        c, first = self.config, slots["tokens"]
        given = (scale, self.of(rows), self.of(first))
        given += (self.of(rows, "valid"), self.of(first, "valid"))
        fit = token_stages.fit_predict
        predictor = self.fit("predict", fit, (c.predict,), given, resumes=True)
        around = self.each("predict", token_stages.contextual, (), predictor, scale, rows, first)
        given = (self.of(around),)
        units = self.fit("predict", token_stages.fit_units, (c.tokens,), given)
        slots["predict"] = self.each("predict", token_stages.retokenised, (), units, around, first)
        both = self.each("predict", token_stages.beside, (), rows, around, keep=False)
        wide = self.fit("predict", stages.fit_scale, (), (self.of(both),))
        return predictor, (wide, both)

    def surrounded(self, slots: dict[str, Each]) -> tuple[Node, Each]:
        """Return tokens around each segment as what alignment learns from, and their scale."""
        reach = (self.config.align.signal.reach,)
        inputs = _units(slots)
        rows = self.each("align", token_stages.surroundings, reach, inputs, keep=False)
        return _unscaled(), rows

    def model(
        self,
        scale: Node,
        rows: Each,
        segment: Each,
        fit: Callable,
        more: tuple[Any, ...],
    ) -> Node:
        inputs = (scale, self.of(rows), self.of(segment))
        inputs += (self.of(rows, "valid"), self.of(segment, "valid"))
        settings = (self.config.align, self.told("train"), self.told("valid"))
        return self.fit("align", fit, settings, (*inputs, *more), resumes=True)

    def judged(self, *given: Node | Each) -> Each:
        """Return what the model says of segments and sentences, or of segments and findings."""
        sought = lambda i: (i.findings,)  # noqa: E731
        return self.either(
            self.each("align", stages.evidence, _texts, *given),
            self.each("align", open_stages.sought, sought, *given),
        )

    def index(self, model: Node, scale: Node, rows: Each, segment: Each) -> Node:
        who = [(i.id, i.part) for i in self.items]
        found = {w for item in self.items for f in item.findings for w in f.wordings}
        texts = sorted(found | {text for item in self.items for text in _texts(item)[0]})
        inputs = (model, scale, tuple(rows.values()), tuple(segment.values()))
        return Node("align", "index", open_stages.indexed, (who, texts), inputs, files=True)

    def match(self, model: Node, slots: Mapping[str, Each]) -> Each:
        units = [_units(slots)] if "tokens" in slots else []
        given = (slots["align"], slots["segment"], *units)
        own = self.config.match
        matcher = own if isinstance(own, find("match", "independent")) else None
        sought = lambda i: (i.id, i.findings, matcher)  # noqa: E731
        listed = self.each("match", open_stages.spotted, sought, *given)
        if own is None:
            nothing = Node("match", "all", stages.unplaced, keep=False)
            return self.either(dict.fromkeys(listed, nothing), listed)
        shown = lambda i: (i.id, _shown(i, self.config))  # noqa: E731
        placer = self.placer(model, slots)
        return self.either(self.each("match", stages.matched, shown, placer, *given), listed)

    def placer(self, model: Node, slots: Mapping[str, Each]) -> Node:
        valid = [
            (_shown(i, self.config), i.truth, occurrences(i))
            for i in self.items
            if i.part == "valid"
        ]
        settings = (self.config.match, self.told("train"), self.told("valid"), valid)
        inputs = (model, self.of(slots["segment"], "valid"), self.of(slots["align"], "valid"))
        return self.fit("match", stages.fit_match, settings, inputs)

    def outputs(self, slots: Mapping[str, Each], index: Node | None) -> Graph:
        c = self.config
        chosen = self.metrics(slots)
        if "match" not in slots and not chosen:
            return Graph(slots, None, (), self.models, index)
        known = lambda i: (stages.Known(i.id, i.part, i.labels, _judged(i, c)),)  # noqa: E731
        placed = slots.get("match", Node("match", "all", stages.unplaced, keep=False))
        used: list[Node | Each] = [slots["prepare"], slots["segment"], placed]
        used += [_units(slots)] if "tokens" in slots else []
        used += [slots["tokens"]] if "predict" in slots else []
        whole = self.each("match", stages.joined, known, *used, keep=False)
        parts = {i.id: i.part for i in self.items}
        tested = [n for n in whole if parts[n] == "test"] or list(whole)
        beside = self.beside(whole, chosen)
        judged = tuple(beside[name] for name in tested)
        metrics = Node("evaluate", "all", stages.evaluated, (chosen, c.seed), (judged,))
        exports = []
        for block in c.export if "match" in slots else ():
            part = getattr(block, "part", "all")
            of = tuple(n for name, n in whole.items() if part in ("all", parts[name]))
            groups = [(n.name, (n,)) for n in of] if block.per_recording else [("all", of)]
            exports += [
                Node("export", name, stages.exported, (block,), (group,), files=True)
                for name, group in groups
            ]
        figures = metrics if chosen else None
        return Graph(slots, figures, tuple(exports), self.models, index)

    def beside(self, whole: Each, chosen: tuple) -> Each:
        """Add places in the shared space for the metrics that ask for them."""
        more = {
            "information": (lambda i: (_spoken(i),), open_stages.placed_beside),
            "global_retrieval": (lambda i: (stamped(i.notes, i.truth),), open_stages.pooled_beside),
        }
        for name, (told, stage) in more.items():
            asked = any(isinstance(metric, find("evaluate", name)) for metric in chosen)
            if asked and self.space is not None:
                whole = self.each("match", stage, told, whole, *self.space, keep=False)
        return whole

    def metrics(self, slots: Mapping[str, Each]) -> tuple:
        """Return what is measured: where there are labels, tokens are, asked or not."""
        agreement = find("evaluate", "tokens")
        asked = self.config.evaluate if "match" in slots else ()
        labelled = "tokens" in slots and any(item.labels for item in self.items)
        told = any(isinstance(metric, agreement) for metric in asked)
        return (*asked, agreement()) if labelled and not told else tuple(asked)


def _unscaled() -> Node:
    return Node("align", "fit", token_stages.unscaled, keep=False)


def _units(slots: Mapping[str, Each]) -> Each:
    """Return the best tokens that there are."""
    return slots["predict"] if "predict" in slots else slots["tokens"]


def _texts(item: Item) -> tuple:
    """Return what is looked for: of a sentence that denies something, what it denies."""
    said = [s for note in item.notes for s in note.sentences]
    return ([affirmed(s.text) if s.assertion == "absent" else s.text for s in said],)


def _told(item: Item) -> stages.Told:
    """Give learning the stamps in the notes, and for validation the true ones."""
    if item.part == "train":
        return stages.Told(item.notes)
    said = [s for n in item.notes for s in n.sentences]
    return stages.Told(
        stamped(item.notes, item.truth), tuple(s.text for s in said if item.truth.get(s.id) == ())
    )


def _spoken(item: Item) -> list[tuple[str, Span]]:
    said = [s for note in item.notes for s in note.sentences]
    return [(s.text, span) for s in said for span in item.truth.get(s.id, ())[:1]]


def _shown(item: Item, config: Config) -> tuple[Note, ...]:
    """Return the notes as the matcher sees them: no concept, and no time unless it asks."""
    return stages.hidden(item.notes, times=_windowed(config))


def _judged(item: Item, config: Config) -> dict[str, tuple[Span, ...]]:
    """Return the truth to judge by: not the stamps that a matcher with a window has seen."""
    seen = item.stamped if _windowed(config) else frozenset()
    return {sentence: spans for sentence, spans in item.truth.items() if sentence not in seen}


def _windowed(config: Config) -> bool:
    return getattr(config.match, "window", None) is not None


def by_slot(graph: Graph) -> dict[str, list[Node]]:
    """Return the nodes of each slot, in the order of work."""
    nodes = graph.all()
    groups = {slot: [node for node in nodes if node.slot == slot] for slot in ORDER}
    return {slot: group for slot, group in groups.items() if group}
