"""A shared space of segments and sentences, learnt from segments with a stated text."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt

from tsalign.align import open_set
from tsalign.align.loss.negatives import Opposites, stated, warn_of_close
from tsalign.align.loss.similarities import Closeness
from tsalign.align.pairs import Pairs, check_validation
from tsalign.align.pooling.lessons import Lessons
from tsalign.align.pooling.pooling import Pooling
from tsalign.align.signal.mlp import Mlp, SignalEncoder
from tsalign.align.supervision.decoding import Seconds
from tsalign.align.supervision.noted import Noted, Supervision
from tsalign.align.supervision.taught import HEADS, taught
from tsalign.align.text.concepts import ConceptText
from tsalign.align.text.encoder import TextEncoder, reader_of
from tsalign.device import choose, one_thread
from tsalign.errors import TsalignError, TsalignWarning
from tsalign.params import check_params, reads
from tsalign.progress import Listener
from tsalign.registry import find

if TYPE_CHECKING:
    from tsalign.align.loss.objective import Objective, Term
    from tsalign.course import Plan

Word = Literal["supcon", "infonce", "siglip", "dcl", "mil_nce", "max_mil"]
Part = Literal[Word, "unique"]
POSITIVES: dict[str, Literal["own", "views"]] = {"infonce": "own", "unique": "views"}
LEAST_STEPS = 100
"""Of a head that only decodes for the next round."""


class Contrastive(Lessons):
    """Segments and sentences in one space: what belongs together lies close.

    A network for segments and a projection of a frozen sentence encoder learn together; a
    learned logit of "nothing" answers for segments that no sentence speaks of. Scores are
    calibrated on validation people, and so is what a sentence means (`ConceptText`).

    Parameters
    ----------
    signal : SignalEncoder or None
        Builds the network for segments; None is `Mlp()`.
    text : TextEncoder or None
        Sentence encoder, frozen but for its `tuned_layers`; None is `MiniLM()`.
    loss : str or dict of str to float
        `supcon`: all wordings of a concept attract; `infonce`: a segment's own text alone;
        `siglip`, `dcl`, `mil_nce`, `max_mil`: as the functions of these names, over concepts.
        Losses add up with weights, `{"supcon": 1.0, "unique": 0.1}`: `unique` tells segments of
        one concept apart by two draws of dropout.
    supervision : {"auto", "stamped", "loose", "ordered", "unordered"}
        What notes tell. `stamped`: the time of each sentence; `loose`: its time, wrong by up to
        `tolerance`; `ordered`: the order of the events in the stretch that the note covers;
        `unordered`: that they are in that stretch. `auto`: each note by what is in it. What is
        not told is learnt in rounds, as in `taught`.
    dimension : int
        Columns of the shared space.
    epochs : int
        At most so many rounds through the segments.
    batch_size : int
        Segments a step; each is the others' negative.
    learning_rate, weight_decay : float
        Of AdamW; the rate rises in the first epochs, then falls to nothing along a cosine.
    patience : int
        Rounds without gain on validation people before learning stops.
    unmentioned : {"nothing", "unknown", "validate"}
        What a segment without text teaches: that nothing is said of such, or not anything, or
        that of the two which lets validation people be told better (two learnings).
    device : str
        `auto` takes a GPU where there is one. On CPU the same seed gives the same bits.
    random_state : int
        Seed of weights and draws.
    hard_negatives : float
        How far wrong texts count by how much the model mistakes them, as in the function
        `hard_negatives`; 0 counts all alike.
    opposites : {"none", "close"} or list of (str, str)
        Concepts whose texts count `opposite_weight` times as wrong texts of each other: pairs, or
        with `close` what the text encoder hardly tells apart. No gain was measured on HAPT.
    opposite_weight : float
        1 counts them as all others.
    tolerance : float
        Seconds by which stated times may be wrong.
    rounds : int
        Rounds of decoding and learning where notes have no exact times.
    closeness : Closeness or None
        How close two places are: `Cosine`, `Kernel`, `Correlation` or `Relational`; None is the
        cosine. Of those that look at a batch, pairs of the training stand for it later.
    precision : {"auto", "float32", "bfloat16"}
        In which networks compute while learning; `auto` is bfloat16 on a GPU. The loss stays in
        float32.
    compiled : bool
        Whether torch compiles the network for segments first: slow to begin, then faster.
    projection : {"learned", "none"}
        Of sentence rows into the space. With none, segments are mapped into the space of the
        sentence encoder as it is, which serves classes never trained; `dimension` has no effect.
    open_set : int
        Times that some concepts are withheld, to learn by how much `classify` underrates classes
        never trained; each costs a learning. 0 withholds none.
    pooling : Pooling or None
        `Attention` learns where stretches of recordings and notes as wholes lie, too; None leaves
        segments and sentences alone.

    Attributes
    ----------
    concepts_ : tuple of str
        Sorted; a text without a concept stands for itself.
    data_ : str
        Key of the pairs learnt from.
    history_ : (epochs run, 2) float64
        Training and validation loss; NaN where there was no validation.
    runs_ : (r, 2) float64
        Concept and seconds of what sentences speak of, as stamped or decoded; none from `Pairs`.

    References
    ----------
    Radford et al. (2021), CLIP, arXiv 2103.00020, section 2.3; Khosla et al. (2020), Supervised
    Contrastive Learning, NeurIPS, eq. 2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> said = rng.integers(0, 2, 64).astype(np.int32)
    >>> features = (rng.normal(size=(64, 4)) + 6 * said[:, None]).astype(np.float32)
    >>> pairs = Pairs(features, said, ("She sits.", "She walks."), ("SIT", "WALK"))
    >>> model = Contrastive(Mlp(width=16), epochs=20, device="cpu").fit(pairs)
    >>> bool((model.concept_scores(features).argmax(1) == said).mean() > 0.9)
    True
    """

    version: ClassVar[int] = 2

    def __init__(
        self,
        signal: SignalEncoder | None = None,
        text: TextEncoder | None = None,
        loss: Word | dict[Part, Annotated[float, Gt(0)]] = "supcon",
        supervision: Supervision = "auto",
        dimension: Annotated[int, Ge(1)] = 128,
        epochs: Annotated[int, Ge(1)] = 60,
        batch_size: Annotated[int, Ge(2)] = 256,
        learning_rate: Annotated[float, Gt(0)] = 1e-3,
        weight_decay: Annotated[float, Ge(0)] = 1e-2,
        patience: Annotated[int, Ge(1)] = 10,
        unmentioned: Literal["nothing", "unknown", "validate"] = "nothing",
        device: Literal["auto", "cpu", "cuda"] | str = "auto",
        random_state: Annotated[int, Ge(0)] = 0,
        hard_negatives: Annotated[float, Ge(0)] = 0.0,
        tolerance: Annotated[float, Ge(0)] = 0.0,
        rounds: Annotated[int, Ge(1)] = 6,
        closeness: Closeness | None = None,
        projection: Literal["learned", "none"] = "learned",
        open_set: Annotated[int, Ge(0)] = 0,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        compiled: bool = False,
        opposites: Literal["none", "close"] | list[tuple[str, str]] = "none",
        opposite_weight: Annotated[float, Gt(0)] = 4.0,
        pooling: Pooling | None = None,
    ) -> None:
        self.signal = signal
        self.text = text
        self.loss = loss
        self.supervision = supervision
        self.dimension = dimension
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.unmentioned = unmentioned
        self.device = device
        self.random_state = random_state
        self.hard_negatives = hard_negatives
        self.tolerance = tolerance
        self.rounds = rounds
        self.closeness = closeness
        self.projection = projection
        self.open_set = open_set
        self.precision = precision
        self.compiled = compiled
        self.opposites, self.opposite_weight = opposites, opposite_weight
        self.pooling = pooling

    def fit(
        self,
        given: Pairs | Sequence[Noted],
        validation: Pairs | None = None,
        *,
        checkpoint: str | Path | None = None,
        listener: Listener | None = None,
    ) -> Contrastive:
        """Learn the space, then what its scores are worth.

        Parameters
        ----------
        given : Pairs or sequence of Noted
            Training segments and wordings, or recordings with their notes.
        validation : Pairs or None
            Other people, in other wordings: the people stop the learning, both together
            calibrate it. Without them every epoch is run, and scores are too sure of themselves.
        checkpoint : path or None
            A folder for the state after each epoch: a fit that was killed goes on from there and
            ends with the same bits.
        listener : callable or None
            Gets an `Event` after each epoch, with the losses and the recall at 1 of the
            validation people in both directions.

        Returns
        -------
        Contrastive
            Itself.
        """
        check_params(self)
        if self.unmentioned == "validate":
            return self._validated(given, validation)
        pairs, seconds = given, {}
        if not isinstance(pairs, Pairs):
            pairs, seconds = self._settled(pairs, validation)
        if not (pairs.text >= 0).any():
            raise TsalignError("no segment has a text: there is nothing to learn from")
        self._check_contrast(pairs)
        if validation is not None:
            check_validation(validation, pairs.features.shape[1])
        names = pairs.names
        warn_of_close(pairs.texts, names, self._text)
        self.data_ = pairs.key()
        self.concepts_ = tuple(sorted({name for name in names if name is not None}))
        runs = [(i, s) for i, name in enumerate(self.concepts_) for s in seconds.get(name, ())]
        self.runs_ = np.array(runs, float).reshape(-1, 2)
        plain = reads(self.signal) == "features"  # others have neither centre nor spread
        self.center_ = (1 if plain else 0) * pairs.features.mean(0, dtype=float).astype(np.float32)
        spread = pairs.features.std(0, dtype=float).astype(np.float32)
        self.spread_ = np.where((spread > 0) & plain, spread, np.float32(1))
        with one_thread():
            self._learn(pairs, validation, checkpoint, listener)
            known = () if validation is None else (validation.texts, validation.names)
            self.concept_text_ = ConceptText(self._text).fit(pairs.texts, names, *known)
            self._calibrate(pairs, validation or pairs)
        self.bias_ = np.array(self._bias(pairs, validation))
        return self

    def _check_contrast(self, pairs: Pairs) -> None:
        """Refuse what leaves no wrong answer, with which every loss compares."""
        silent = self.unmentioned == "nothing" and bool((pairs.text < 0).any())
        answers = pairs.texts if self.loss == "infonce" else pairs.names
        said = {answers[i] for i in np.unique(pairs.text[pairs.text >= 0])}
        if len(said) + silent < 2:
            raise TsalignError(
                f"all that is said is {said.pop()!r}, and nothing else is there to tell it from:"
                " add sentences about something else, or let silence count (unmentioned: nothing)"
            )

    def _another(
        self, own: dict[str, Any], given: Pairs | Sequence[Noted], validation: Pairs | None
    ) -> Contrastive:
        """Let another of the same parameters learn, but for its own; warnings are told once."""
        params = self.get_params(deep=False) | {"text": self._text} | own
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TsalignWarning)
            return type(self)(**params).fit(given, validation)

    def _bias(self, pairs: Pairs, validation: Pairs | None) -> float:
        """By how much classes never trained are underrated, from concepts withheld."""
        if not self.open_set:
            return 0.0

        def learn(some: Pairs, others: Pairs | None) -> Contrastive:
            heard = [pair for pair in self._apart(pairs) if {*pair} <= {*some.names}]
            return self._another({"open_set": 0, "opposites": heard}, some, others)

        return open_set.bias(learn, pairs, validation, self.open_set, self.random_state)

    def _validated(self, given: Pairs | Sequence[Noted], validation: Pairs | None) -> Contrastive:
        """Take what lets validation be told best, of which silence is known to be nothing."""
        if validation is None:
            raise TsalignError("'validate' needs validation people", key="unmentioned")
        tried = {}
        for word in ("nothing", "unknown"):
            own = {"unmentioned": word}
            try:
                one = self._another(own, given, validation)
            except TsalignError:
                if not tried:
                    raise
                continue  # of one concept alone only silence can be told
            tried[one._told(validation)] = one
        best = tried[max(tried)]
        vars(self).update({name: v for name, v in vars(best).items() if name.endswith("_")})
        return self

    def _settled(
        self, recordings: Sequence[Noted], validation: Pairs | None
    ) -> tuple[Pairs, Seconds]:
        """Decide which sentence speaks of which segment: bags, then rounds, a learning each."""

        def head(pairs: Pairs, number: int) -> Contrastive:
            share = HEADS * (1 if pairs.bag is not None else self.rounds)
            enough = -(-LEAST_STEPS * self.batch_size // len(pairs.features))  # where rows are few
            own: dict[str, Any] = {"random_state": self.random_state + number, "open_set": 0}
            own["pooling"] = None  # where sentences lie in a stretch is not known yet
            own["epochs"] = max(self.epochs // share, min(self.epochs, enough))
            own |= {} if pairs.bag is None else {"loss": "mil_nce"}
            return self._another(own, pairs, validation)

        return taught(head, recordings, self.supervision, self.tolerance, self.rounds)

    def _learn(
        self,
        pairs: Pairs,
        validation: Pairs | None,
        checkpoint: str | Path | None,
        listener: Listener | None,
    ) -> None:
        import torch

        from tsalign.align.loss.gather import joined
        from tsalign.align.training.train import Means, Space, train

        halves = {"auto": None, "float32": False, "bfloat16": True}
        with joined(choose(self.device)) as device:
            examples = self._examples(pairs, pairs, device)
            if examples.whole is not None:
                examples.whole.check(examples.concept)
            # Stopped by other people in the wordings learnt from: what new wordings mean is the
            # text encoder's limit, and stopping by it ends the learning of signals before it has
            # begun.
            held_out = None if validation is None else self._examples(validation, pairs, device)
            gpus = list(range(torch.cuda.device_count())) if device.startswith("cuda") else []
            with torch.random.fork_rng(devices=gpus):
                torch.manual_seed(self.random_state)
                reader = reader_of(self._text)
                n_text = examples.texts.shape[1] if reader is None else reader.dimension
                size = self.dimension if self.projection == "learned" else None
                built = self.signal or Mlp(), len(self.center_), n_text, size
                space = Space(*built, reader, self.pooling)
                self.history_ = train(
                    space.to(device),
                    examples,
                    held_out,
                    *self._question(pairs, bool((examples.concept < 0).any())),
                    self.batch_size,
                    means=Means(device, halves[self.precision], self.compiled),
                    folder=None if checkpoint is None else Path(checkpoint),
                    listener=listener,
                )
        self.weights_ = {name: t.cpu().numpy() for name, t in space.state_dict().items()}

    def _apart(self, pairs: Pairs) -> tuple[tuple[str, str], ...]:
        return stated(self.opposites, pairs.texts, pairs.names, self._text)

    def _question(self, pairs: Pairs, null: bool) -> tuple[Objective, Plan]:
        """Return what is asked, and how the learning goes."""
        from tsalign.align.loss.objective import Objective
        from tsalign.course import Plan

        weight = 0.0 if self.pooling is None else self.pooling.weight
        pace = (self.epochs, self.patience, self.learning_rate, self.weight_decay)
        told = self._apart(pairs)
        apart = Opposites(self.concepts_, told, self.opposite_weight) if told else None
        return (
            Objective(_terms(self.loss), null, self.hard_negatives, self.closeness, apart, weight),
            Plan(*pace, self.random_state),
        )


def _terms(loss: Word | dict[Part, float]) -> tuple[Term, ...]:
    from tsalign.align.loss.objective import Term

    weights: dict[Part, float] = loss if isinstance(loss, dict) else {loss: 1.0}
    if not set(weights) - {"unique"}:
        raise TsalignError(f"loss={loss!r}: segments alone teach no text; add one of the others")
    return tuple(
        Term(find("loss", word), float(weight), POSITIVES.get(word, "concept"))
        for word, weight in weights.items()
    )
