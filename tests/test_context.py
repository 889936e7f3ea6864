"""Networks that read each segment with its neighbours, and what they learn from."""

from __future__ import annotations

import naive_networks as naive
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_align import ENCODER

from tsalign.align import ContextEncoder, Contrastive, Mlp, Pairs
from tsalign.align.signal.sequence import encode_recordings
from tsalign.align.training.examples import Examples
from tsalign.errors import TsalignError

NETWORKS = ("tcn", "transformer")
each = pytest.mark.parametrize("kind", NETWORKS)


def built(kind: str, layers: int = 2, seed: int = 0):
    torch.manual_seed(seed)
    encoder = ContextEncoder(network=kind, width=8, layers=layers, heads=2, clip=2.0)
    network = encoder.build(n_features=5, dimension=3).double().eval()
    with torch.no_grad():  # norms and distances that are not the ones they start with
        for p in network.parameters():
            p += 0.3 * torch.randn_like(p)
    return network


def rows_of(n: int, seed: int = 1) -> torch.Tensor:
    return 2 * torch.randn(n, 5, generator=torch.Generator().manual_seed(seed)).double()


def whole(network, rows: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return network(rows[None], torch.ones(1, len(rows), dtype=torch.bool))[0]


@each
@settings(max_examples=8, deadline=None)
@given(n=st.integers(1, 12), seed=st.integers(0, 99))
def test_a_network_equals_its_twin(kind: str, n: int, seed: int) -> None:
    network, rows = built(kind, seed=seed), rows_of(n, seed)
    weights = {name: p.detach().numpy() for name, p in network.named_parameters()}

    def block(x, at, layer):
        if kind == "tcn":
            return naive.dilated(x, weights, at, 2**layer)
        return naive.near(x, weights, at, 4, 2)

    want = naive.in_context(rows.numpy(), weights, 2.0, block, 2)
    np.testing.assert_allclose(whole(network, rows).numpy(), want, rtol=1e-9, atol=1e-9)


@each
def test_what_is_out_of_reach_changes_nothing(kind: str) -> None:
    network, rows = built(kind), rows_of(40)
    before = whole(network, rows)
    rows[20] += 1.0
    changed = (whole(network, rows) != before).any(1).nonzero()[:, 0]
    assert network.reach == (3 if kind == "tcn" else 8)
    assert (changed.min(), changed.max()) == (20 - network.reach, 20 + network.reach)


@each
@settings(max_examples=12, deadline=None)
@given(piece=st.integers(1, 60), n=st.integers(0, 45))
def test_pieces_are_read_as_the_whole(kind: str, piece: int, n: int) -> None:
    """Also beyond the border of a recording, over which nobody sees."""
    network, rows = built(kind), rows_of(n + 30)
    recordings = np.repeat(np.array([7, 3], np.int32), [n, 30])
    with torch.inference_mode():
        got = encode_recordings(network, rows, recordings, piece)
    want = torch.cat([whole(network, part) for part in (rows[:n], rows[n:]) if len(part)])
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


@each
def test_padding_is_not_seen(kind: str) -> None:
    network, rows = built(kind), rows_of(14)
    window = torch.zeros(2, 14, 5).double()
    window[0, 4:11], window[1] = rows[4:11], rows
    real = torch.ones(2, 14, dtype=torch.bool)
    real[0, :4] = real[0, 11:] = False
    with torch.inference_mode():
        first, second = network(window, real)
    torch.testing.assert_close(first[4:11], whole(network, rows[4:11]), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(second, whole(network, rows), rtol=1e-9, atol=1e-9)
    assert torch.isfinite(first).all()


@each
def test_far_values_are_held_back(kind: str) -> None:
    network, bound = built(kind), torch.full((4, 5), 2.0).double()
    assert torch.equal(whole(network, 1e9 * bound), whole(network, bound))


# --- what is drawn ------------------------------------------------------------------------------


def examples(counts: list[float], recordings: list[int], window: int | None = 4) -> Examples:
    n = len(counts)
    concept = np.arange(n) % 3 - 1
    features, texts = torch.zeros(n, 1), torch.zeros(2, 1)
    given = (np.array(counts), texts, np.arange(2), np.array(recordings, np.int32), window)
    return Examples(features, concept, *given)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.5, 2.0]), st.integers(0, 2)), min_size=1),
    st.integers(1, 9),
    st.integers(0, 99),
)
def test_windows_show_every_segment_once_beside_its_neighbours(rows, window, seed) -> None:
    rows = sorted(rows, key=lambda row: row[1])
    given = examples([w for w, _ in rows], [r for _, r in rows], window)
    if not any(w > 0 for w, _ in rows):
        return
    windows = given.windows(np.random.default_rng(seed))
    assert sorted(windows[windows >= 0]) == list(range(len(rows)))
    for row in windows:
        real = row[row >= 0]
        assert (np.diff(real) == 1).all()
        assert len(set(given.recordings[real])) <= 1
    for batch in given.draw(5, np.random.default_rng(seed)):
        assert batch.windows is not None
        np.testing.assert_array_equal(batch.windows.ravel()[batch.places], batch.rows)
        assert len(set(batch.rows)) == len(batch.rows) <= 5
        assert (given.counts[batch.rows] > 0).all()
        said = given.concept[batch.rows]
        np.testing.assert_array_equal(given.text_concept[batch.wording], said[said >= 0])


def test_an_answer_is_drawn_as_often_as_it_counts() -> None:
    counts = np.where(np.arange(600) % 2, 3.0, 1.0)
    given = examples(counts.tolist(), [0] * 600, None)
    given.concept[:] = 1
    drawn = np.concatenate([b.rows for _ in range(20) for b in given.draw(64, RNG)])
    assert (drawn % 2).mean() == pytest.approx(0.75, abs=0.02)


RNG = np.random.default_rng(0)

# --- what is learnt -----------------------------------------------------------------------------

SAID = ("He sits.", "He stands up.", "He stands.", "He sits down.")
NAMES = ("SIT", "UP", "STAND", "DOWN")
ENCODERS = {kind: ContextEncoder(kind, width=16, layers=2, window=16) for kind in NETWORKS}


def turns(seed: int, n: int = 6) -> Pairs:
    """Recordings in which standing up and sitting down look the same: only what is around tells."""
    rng = np.random.default_rng(seed)
    said, where = [], []
    for recording in range(n):
        pieces = [np.repeat(i % 4, rng.integers(5, 9) if i % 2 == 0 else 2) for i in range(12)]
        said.append(np.concatenate(pieces))
        where.append(np.full(len(said[-1]), recording, np.int32))
    text = np.concatenate(said).astype(np.int32)
    look = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]], np.float32)[text]
    features = (3 * look + 0.3 * rng.normal(size=look.shape)).astype(np.float32)
    return Pairs(features, text, SAID, NAMES, np.concatenate(where))


def learnt(signal, pairs: Pairs, **more) -> Contrastive:
    given = {"dimension": 8, "epochs": 40, "batch_size": 24, "device": "cpu", "learning_rate": 3e-3}
    return Contrastive(signal, ENCODER, **(given | more)).fit(pairs)


def right(model: Contrastive, pairs: Pairs) -> np.ndarray:
    best = model.concept_scores(pairs.features, pairs.recordings).argmax(1)
    return np.array(model.concepts_)[best] == np.array(NAMES)[pairs.text]


@each
def test_neighbours_tell_what_a_segment_alone_does_not(kind: str) -> None:
    unseen = turns(1)
    brief = unseen.text % 2 == 1
    assert right(learnt(ENCODERS[kind], turns(0)), unseen)[brief].mean() > 0.9
    assert right(learnt(Mlp(width=16), turns(0)), unseen)[brief].mean() < 0.75


@each
def test_same_seed_same_bits_and_so_after_loading(kind: str, tmp_path) -> None:
    pairs = turns(0, 3)
    one, two = (learnt(ENCODERS[kind], pairs, epochs=2) for _ in range(2))
    two.save(tmp_path)
    again = Contrastive.load(tmp_path)
    assert again.signal.get_params() == ENCODERS[kind].get_params()
    for a, b in ((one, two), (two, again)):
        for name in ("concept_scores", "null_scores", "encode_signal"):
            found = [getattr(m, name)(pairs.features, pairs.recordings) for m in (a, b)]
            np.testing.assert_array_equal(*found)
        found = [m.similarity(pairs.features, SAID, pairs.recordings) for m in (a, b)]
        np.testing.assert_array_equal(*found)


def test_segments_that_count_nothing_are_context_alone() -> None:
    """The turns are told apart though only they have an answer, and wrong answers do not count."""
    pairs = turns(0)
    brief = pairs.text % 2 == 1
    wrong = np.where(brief, pairs.text, 1).astype(np.int32)
    few = Pairs(
        pairs.features,
        wrong,
        SAID,
        NAMES,
        pairs.recordings,
        np.where(brief, 1, 0).astype(np.float32),
    )
    unseen = turns(1)
    model = learnt(ENCODERS["tcn"], few)
    assert right(model, unseen)[unseen.text % 2 == 1].mean() > 0.9


def test_without_recordings_all_is_one() -> None:
    pairs = turns(0, 1)
    alone = Pairs(pairs.features, pairs.text, SAID, NAMES)
    one, two = (learnt(ENCODERS["tcn"], p, epochs=2) for p in (pairs, alone))
    np.testing.assert_array_equal(
        one.encode_signal(pairs.features, pairs.recordings), two.encode_signal(pairs.features)
    )


def test_no_segments_have_no_places() -> None:
    model = learnt(ENCODERS["tcn"], turns(0, 1), epochs=1)
    assert model.encode_signal(np.empty((0, 3), np.float32)).shape == (0, 8)


def test_heads_share_the_columns() -> None:
    with pytest.raises(TsalignError, match="width=10 is no multiple of heads=4"):
        ContextEncoder("transformer", width=10).build(3, 2)
    with pytest.raises(TsalignError, match="ContextEncoder\\(window=0\\)"):
        ContextEncoder(window=0).build(3, 2)
