from __future__ import annotations

from functools import partial
from itertools import product
from pathlib import Path

import naive_align as naive
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tsalign.align import (
    Contrastive,
    MiniLM,
    Mlp,
    Pairs,
    dcl,
    hard_negatives,
    infonce,
    max_mil,
    mil_nce,
    opposites,
    siglip,
    supcon,
    tiled_siglip,
    tiled_supcon,
    unique,
)
from tsalign.errors import TsalignError

LOSSES = {f.__name__: f for f in (infonce, supcon, siglip, dcl, mil_nce, max_mil)}
TWINS = {
    "supcon": naive.supcon,
    "dcl": partial(naive.both_ways, naive.dcl_rows),
    "mil_nce": partial(naive.both_ways, naive.mil_nce_rows),
    "max_mil": partial(naive.both_ways, naive.max_mil_rows),
    "siglip": naive.siglip,
}
seeds = st.integers(0, 9999)
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
few = settings(max_examples=25, deadline=None)


def embeddings(seed: int, n: int, m: int) -> list[Tensor]:
    rng = np.random.default_rng(seed)
    make = [rng.normal(size=(size, 5)) for size in (n, m)]
    return [torch.tensor(x / np.linalg.norm(x, axis=1, keepdims=True)) for x in make]


def batch(seed: int, n: int, null: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return segments and texts with ids of their concepts; -1 says nothing."""
    concept = np.random.default_rng(seed).integers(-1 if null else 0, 3, n)
    concept[0] = 0
    said = torch.tensor(concept)
    means = said[said >= 0]
    signal, text = embeddings(seed, n, len(means))
    return signal, text, said, means


def mask(said: Tensor, means: Tensor) -> Tensor:
    return said[:, None] == means


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


# --- twins and identities -----------------------------------------------------------------------


@few
@given(seeds, st.integers(2, 8), st.floats(0.5, 20.0), st.booleans())
@pytest.mark.parametrize("name", TWINS)
def test_each_loss_equals_its_twin(name, seed: int, n: int, scale: float, null: bool) -> None:
    signal, text, said, means = batch(seed, n, null)
    given = (number(0.3),) if null else ()
    got = LOSSES[name](signal, text, mask(said, means), scale, *given).item()
    plain = [part.numpy() for part in (signal, text, mask(said, means))]
    want = TWINS[name](*plain, scale, *((0.3,) if null else ()))
    assert got == pytest.approx(want, rel=1e-9, abs=1e-12)


@few
@given(seeds, st.integers(2, 8))
def test_unique_equals_its_twin(seed: int, n: int) -> None:
    view, other = embeddings(seed, n, n)
    text = np.random.default_rng(seed).integers(0, 3, n)
    same = text[:, None] == text
    got = unique(view, other, torch.tensor(same), 6.0).item()
    assert got == pytest.approx(naive.unique(view.numpy(), other.numpy(), same, 6.0), abs=1e-9)


@few
@given(seeds, st.integers(2, 8), st.booleans())
def test_bags_of_one_and_single_positives_are_infonce(seed: int, n: int, null: bool) -> None:
    signal, text = embeddings(seed, n, n - 1 if null else n)
    own = torch.eye(n, dtype=torch.bool)[:, : len(text)]
    given = (signal, text, own, 5.0, number(-0.4) if null else None)
    one = infonce(*given).item()
    for loss in (supcon, mil_nce, max_mil):
        assert loss(*given).item() == pytest.approx(one, rel=1e-9)


@few
@given(seeds, st.integers(2, 8))
def test_dcl_is_infonce_without_the_positive_in_the_denominator(seed: int, n: int) -> None:
    signal, text = embeddings(seed, n, n)
    own = torch.eye(n, dtype=torch.bool)
    logits = 5.0 * signal @ text.T
    ways = [logits, logits.T]
    full = sum(x.logsumexp(1).mean() for x in ways) / 2
    without = sum(x.masked_fill(own, -torch.inf).logsumexp(1).mean() for x in ways) / 2
    change = dcl(signal, text, own, 5.0) - infonce(signal, text, own, 5.0)
    assert change.item() == pytest.approx((without - full).item(), rel=1e-9)


@few
@given(seeds, st.integers(2, 8))
def test_unique_under_one_text_is_infonce_of_the_views(seed: int, n: int) -> None:
    view, other = embeddings(seed, n, n)
    own = torch.eye(n, dtype=torch.bool)
    got = unique(view, other, torch.ones(n, n, dtype=torch.bool), 5.0)
    assert got.item() == pytest.approx(infonce(view, other, own, 5.0).item(), rel=1e-9)
    assert unique(view, other, own, 5.0).item() == 0.0  # texts that tell all apart leave nothing


@few
@given(seeds, st.integers(3, 8))
def test_a_bag_costs_least_by_its_sum_and_most_by_its_mean(seed: int, n: int) -> None:
    signal, text, said, means = batch(seed, n, False)
    given = (signal, text, mask(said, means), 5.0)
    assert mil_nce(*given) <= supcon(*given) + 1e-9
    assert max_mil(*given) <= supcon(*given) + 1e-9


def test_the_sigmoid_loss_of_the_paper_is_ours_with_its_bias() -> None:
    signal, text = embeddings(0, 6, 6)
    own = torch.eye(6, dtype=torch.bool)
    bias = -10.0
    pairs = 10.0 * signal @ text.T + bias
    paper = -torch.nn.functional.logsigmoid((2.0 * own - 1) * pairs).sum() / 6
    ours = siglip(signal, text, own, 10.0, number(np.log(6 / 30) - bias))
    assert ours.item() == pytest.approx(paper.item(), rel=1e-9)


# --- gradients ----------------------------------------------------------------------------------


@every_loss
@pytest.mark.parametrize("null", [False, True])
def test_gradients_are_those_of_finite_differences(loss, null: bool) -> None:
    signal, text, said, means = batch(3, 6, null)
    positives = mask(said, means)
    if loss is infonce:
        positives = torch.eye(6, dtype=torch.bool)[:, said >= 0]
    inputs = [signal, text, number(4.0), number(0.2)]
    for part in inputs:
        part.requires_grad_()
    weights = torch.rand(positives.shape, generator=torch.Generator().manual_seed(0)) + 0.5

    def value(signal: Tensor, text: Tensor, scale: Tensor, logit: Tensor) -> Tensor:
        more = {"weights": weights.double()}
        return loss(signal, text, positives, scale, logit if null else None, **more)

    assert torch.autograd.gradcheck(value, inputs)


def test_the_gradient_of_unique_is_that_of_finite_differences() -> None:
    view, other = (x.requires_grad_() for x in embeddings(1, 6, 6))
    text = torch.tensor([0, 1, 0, 1, 2, 0])
    assert torch.autograd.gradcheck(lambda a, b: unique(a, b, mask(text, text), 4.0), (view, other))


@every_loss
def test_a_step_against_the_gradient_helps(loss) -> None:
    signal, text = embeddings(5, 8, 8)
    own = torch.eye(8, dtype=torch.bool)
    moved = signal.clone().requires_grad_()
    before = loss(moved, text, own, 5.0)
    before.backward()
    assert moved.grad is not None
    assert loss(signal - 1e-3 * moved.grad, text, own, 5.0) < before


# --- negatives that count more ------------------------------------------------------------------


@pytest.mark.parametrize("loss", [supcon, dcl, mil_nce, max_mil])
def test_a_negative_of_weight_two_is_there_twice(loss) -> None:
    signal, text = embeddings(2, 5, 6)
    own = torch.eye(6, dtype=torch.bool)[:5]  # the last text is nobody's
    weights = torch.ones(5, 6, dtype=torch.float64)
    weights[:, 5] = 2.0
    twice, wide = torch.cat([text, text[5:]]), torch.cat([own, own[:, 5:]], 1)
    got = loss(signal, text, own, 5.0, weights=weights)
    assert got.item() == pytest.approx(loss(signal, twice, wide, 5.0).item(), rel=1e-9)


def test_weights_in_the_losses_that_take_one_text_or_all_pairs() -> None:
    signal, text = embeddings(2, 5, 5)
    own = torch.eye(5, dtype=torch.bool)
    given, weights = (signal, text, own, 5.0), torch.rand(5, 5, dtype=torch.float64) + 0.5
    by_mean = supcon(*given, weights=weights)
    assert infonce(*given, weights=weights).item() == pytest.approx(by_mean.item(), rel=1e-9)
    double = siglip(*given, weights=torch.full((5, 5), 2.0)) - siglip(*given)
    only_negatives = naive.siglip(signal.numpy(), text.numpy(), own.numpy(), 5.0) - double
    odds = (5.0 * signal @ text.T + np.log(5 / 20)).diagonal()
    true = torch.nn.functional.softplus(-odds).sum() / 5
    assert only_negatives.item() == pytest.approx(true.item(), rel=1e-9)


@few
@given(seeds, st.integers(2, 6), st.floats(0, 5))
def test_hard_negatives_are_those_the_model_falls_for(seed: int, n: int, strength: float) -> None:
    logits = torch.tensor(np.random.default_rng(seed).normal(size=(n, n + 2)))
    own = torch.eye(n, n + 2, dtype=torch.bool)
    weights = hard_negatives(logits, own, strength)
    assert torch.equal(weights[own], torch.ones(n, dtype=torch.float64))
    others = weights[~own].view(n, -1)
    torch.testing.assert_close(others.mean(1), torch.ones(n, dtype=torch.float64))
    order = logits[~own].view(n, -1).argsort(1)
    assert (others.gather(1, order).diff(dim=1) >= 0).all()


def test_a_row_of_positives_alone_has_weights_of_one() -> None:
    all_true = torch.ones(2, 3, dtype=torch.bool)
    assert torch.equal(hard_negatives(torch.zeros(2, 3), all_true), torch.ones(2, 3))


def test_opposites_count_more_whatever_their_order() -> None:
    said, means = ["UP", "DOWN", None], ["DOWN", "SIT", None, "UP"]
    got = opposites(said, means, [("UP", "DOWN")], factor=3.0)
    want = [[3, 1, 1, 1], [1, 1, 1, 3], [1, 1, 1, 1]]
    assert got.tolist() == want
    assert torch.equal(got, opposites(said, means, [("DOWN", "UP")], factor=3.0))
    assert opposites([], ["A"], []).shape == (0, 1)


# --- memory of one tile -------------------------------------------------------------------------


def gradients(loss, *inputs: Tensor) -> tuple[float, list[Tensor]]:
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    value = loss(*leaves)
    value.backward()
    return value.item(), [x.grad for x in leaves]


@settings(max_examples=15, deadline=None)
@given(seeds, st.integers(2, 12), st.integers(1, 13), st.booleans())
@pytest.mark.parametrize(("plain", "tiled"), [(supcon, tiled_supcon), (siglip, tiled_siglip)])
def test_tiles_give_the_whole(plain, tiled, seed: int, n: int, tile: int, null: bool) -> None:
    signal, text, said, means = batch(seed, n, null)
    inputs = [signal, text, number(6.0), *([number(0.2)] if null else [])]
    one, slow = gradients(lambda s, t, *r: plain(s, t, mask(said, means), *r), *inputs)
    two, fast = gradients(lambda s, t, *r: tiled(s, t, said, means, *r, tile=tile), *inputs)
    assert two == pytest.approx(one, rel=1e-9, abs=1e-12)
    for a, b in zip(slow, fast, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("tiled", [tiled_supcon, tiled_siglip])
@pytest.mark.parametrize("null", [False, True])
def test_gradients_of_tiles_are_those_of_finite_differences(tiled, null: bool) -> None:
    signal, text, said, means = batch(4, 7, null)
    inputs = [signal, text, number(4.0), number(0.2)]
    for part in inputs:
        part.requires_grad_()

    def value(signal: Tensor, text: Tensor, scale: Tensor, logit: Tensor) -> Tensor:
        return tiled(signal, text, said, means, scale, logit if null else None, tile=3)

    assert torch.autograd.gradcheck(value, inputs)


@pytest.mark.parametrize("tiled", [tiled_supcon, tiled_siglip])
def test_tiles_do_not_hide_what_is_not_finite(tiled) -> None:
    signal, text = embeddings(0, 5, 5)
    own = torch.arange(5)
    for hole in (torch.nan, torch.inf):
        broken = signal.clone()
        broken[3, 1] = hole
        assert not tiled(broken, text, own, own, 5.0, tile=2).isfinite()


def test_logits_far_apart_neither_overflow_nor_vanish() -> None:
    signal, text = (x.float() for x in embeddings(0, 6, 6))
    own = torch.arange(6)
    got = tiled_supcon(signal, text, own, own, 1e4, tile=2)
    want = infonce(signal, text, torch.eye(6, dtype=torch.bool), 1e4)
    torch.testing.assert_close(got, want, rtol=1e-5, atol=0)


def test_tiles_give_the_whole_in_single_precision_too() -> None:
    rng = torch.Generator().manual_seed(0)
    signal, text = (
        torch.nn.functional.normalize(torch.randn(300, 16, generator=rng), dim=1) for _ in "ab"
    )
    own = torch.arange(300)
    eye = torch.eye(300, dtype=torch.bool)
    one, slow = gradients(lambda s, t: infonce(s, t, eye, 14.0), signal, text)
    two, fast = gradients(lambda s, t: tiled_supcon(s, t, own, own, 14.0, tile=64), signal, text)
    assert two == pytest.approx(one, rel=1e-5)
    for a, b in zip(slow, fast, strict=True):
        assert (a - b).abs().max() < 1e-5 * a.abs().max()


@pytest.mark.parametrize(("plain", "tiled"), [(supcon, tiled_supcon), (siglip, tiled_siglip)])
def test_tiles_keep_nothing_of_the_size_of_the_matrix(plain, tiled) -> None:
    """What autograd saves between forward and backward, in bytes of distinct memory."""
    n = 512
    signal, text = (x.float().requires_grad_() for x in embeddings(0, n, n))
    own = torch.arange(n)

    def kept(loss) -> int:
        saved: dict[int, int] = {}

        def keep(x: Tensor) -> Tensor:
            saved[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            return x

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            loss().backward()
        return sum(saved.values())

    matrix = 4 * n * n
    assert kept(lambda: tiled(signal, text, own, own, 5.0, tile=64)) < matrix / 10
    assert kept(lambda: plain(signal, text, mask(own, own), 5.0)) > matrix


# --- two processes ------------------------------------------------------------------------------


def test_two_processes_give_the_loss_and_the_gradients_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import two_processes

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.multiprocessing.spawn(two_processes.work, (str(tmp_path),), nprocs=2)
    loss, whole = two_processes.step(two_processes.Two(), slice(0, 7))
    for rank in (0, 1):
        other, parts = torch.load(tmp_path / f"{rank}.pt")
        torch.testing.assert_close(other, loss, rtol=1e-10, atol=0)
        for a, b in zip(whole, parts, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-10)


# --- mistakes -----------------------------------------------------------------------------------


@every_loss
def test_a_batch_without_any_pair_is_refused(loss) -> None:
    signal, text = embeddings(0, 3, 4)
    with pytest.raises(TsalignError, match="nothing to attract"):
        loss(signal, text, torch.zeros(3, 4, dtype=torch.bool), 5.0)
    with pytest.raises(TsalignError, match="nothing to attract"):
        loss(signal, text[:0], torch.zeros(3, 0, dtype=torch.bool), 5.0, number(0.0))
    with pytest.raises(TsalignError, match=r"shape \(4, 3\); 3 segments and 4 texts"):
        loss(signal, text, torch.ones(4, 3, dtype=torch.bool), 5.0)


@every_loss
def test_a_batch_without_negatives_has_a_loss_and_finite_gradients(loss) -> None:
    signal, text = (x.requires_grad_() for x in embeddings(0, 1, 1))
    value = loss(signal, text, torch.ones(1, 1, dtype=torch.bool), 5.0)
    value.backward()
    assert value.item() >= 0
    if loss is not siglip:  # which judges each pair alone
        assert value.item() == pytest.approx(0.0, abs=1e-12)
    assert signal.grad is not None
    assert signal.grad.isfinite().all()


@pytest.mark.parametrize("loss", [supcon, dcl, mil_nce, max_mil])
def test_rows_without_positives_choose_nothing_but_are_rivals(loss) -> None:
    signal, text = (x.requires_grad_() for x in embeddings(0, 4, 3))
    positives = torch.eye(4, 3, dtype=torch.bool)
    value = loss(signal, text, positives, 5.0)
    value.backward()
    assert signal.grad.isfinite().all()
    assert signal.grad[3].abs().sum() > 0  # it is a rival of each text's segment
    assert value != loss(signal[:3], text, positives[:3], 5.0)


@every_loss
@pytest.mark.parametrize(("row", "side"), [*product([0, 2], [0, 1])])
def test_what_is_not_finite_is_not_hidden(loss, row: int, side: int) -> None:
    sides = embeddings(0, 3, 3)
    sides[side][row, 1] = torch.nan
    assert not loss(*sides, torch.eye(3, dtype=torch.bool), 5.0).isfinite()


@pytest.mark.parametrize("tiled", [tiled_supcon, tiled_siglip])
def test_tiles_refuse_what_does_not_fit(tiled) -> None:
    signal, text = embeddings(0, 3, 3)
    own = torch.arange(3)
    for said, means, tile, words in [
        (own, own, 0, "tile=0"),
        (own[:2], own, 2, "but 2 and 3 concepts"),
        (own, own - 1, 2, "has no concept"),
        (own + 3, own, 2, "nothing to attract"),
    ]:
        with pytest.raises(TsalignError, match=words):
            tiled(signal, text, said, means, 5.0, tile=tile)


def test_strange_weights_of_negatives_are_refused() -> None:
    with pytest.raises(TsalignError, match="strength=-1"):
        hard_negatives(torch.zeros(2, 2), torch.eye(2, dtype=torch.bool), -1)
    with pytest.raises(TsalignError, match="factor=0"):
        opposites(["A"], ["B"], [], 0)


# --- from a pipeline file to a model ------------------------------------------------------------

ENCODER = MiniLM()
TEXTS = ("He fell to the floor.", "A fall.", "She sits.", "Seated quietly.", "He walks.", "A walk.")
NAMES = ("FALL", "FALL", "SIT", "SIT", "WALK", "WALK")


def clouds(seed: int) -> Pairs:
    """Three clouds of segments with a text each, and a fourth in the middle with none."""
    rng = np.random.default_rng(seed)
    cloud = rng.integers(0, 4, 150)
    centres = np.vstack([4 * np.eye(3, 5), np.zeros((1, 5))])
    features = (centres[cloud] + 0.5 * rng.normal(size=(150, 5))).astype(np.float32)
    said = np.where(cloud < 3, 2 * cloud + rng.integers(0, 2, 150), -1)
    return Pairs(features, said.astype(np.int32), TEXTS, NAMES)


def small(**params) -> Contrastive:
    given = {"signal": Mlp(width=16, layers=1), "text": ENCODER, "dimension": 8, "epochs": 15}
    return Contrastive(**{**given, "batch_size": 32, "learning_rate": 5e-3, **params})


@pytest.mark.parametrize(
    "loss", [*(name for name in LOSSES if name != "supcon"), {"supcon": 1.0, "unique": 0.1}]
)
def test_every_loss_learns_three_concepts(loss, tmp_path: Path) -> None:
    pairs = clouds(0)
    model = small(loss=loss).fit(pairs)
    said = pairs.text >= 0
    found = model.concept_scores(pairs.features).argmax(1)
    assert (found[said] == pairs.text[said] // 2).mean() > 0.9
    model.save(tmp_path)
    again = Contrastive.load(tmp_path)
    assert again.loss == loss
    assert np.array_equal(again.encode_text(TEXTS), model.encode_text(TEXTS))


def test_mistakes_may_count_more() -> None:
    pairs = clouds(0)
    both = {"supcon": 1.0, "unique": 0.1}
    plain, none, hard = (
        small(loss=both, hard_negatives=h, epochs=10).fit(pairs) for h in (0.0, 0.0, 1.0)
    )
    assert np.array_equal(plain.history_[:, 0], none.history_[:, 0])
    assert (hard.history_[1:, 0] > plain.history_[1:, 0]).all()  # the same rows, harder
    said = pairs.text >= 0
    found = hard.concept_scores(pairs.features).argmax(1)
    assert (found[said] == pairs.text[said] // 2).mean() > 0.9
    with pytest.raises(TsalignError, match="hard_negatives=-1"):
        small(hard_negatives=-1.0).fit(pairs)


def test_losses_add_up() -> None:
    pairs = clouds(0)
    one = small(loss="supcon", epochs=1).fit(pairs)
    sum_of_one = small(loss={"supcon": 1.0}, epochs=1).fit(pairs)
    assert np.array_equal(one.history_[:, 0], sum_of_one.history_[:, 0])
    more = small(loss={"supcon": 1.0, "dcl": 0.5}, epochs=1).fit(pairs)
    assert not np.array_equal(one.history_[:, 0], more.history_[:, 0])


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ("mse", "loss='mse'"),
        ({"mse": 1.0}, "loss=.*should be one of 'supcon'"),
        ({"supcon": 0.0}, "greater than 0"),
        ({"supcon": "much"}, "should be a number"),
        ({}, "add one of the others"),
        ({"unique": 1.0}, "add one of the others"),
        ("unique", "loss='unique'"),
    ],
)
def test_what_is_no_loss_is_refused(loss, words: str) -> None:
    with pytest.raises(TsalignError, match=words):
        small(loss=loss, epochs=1).fit(clouds(0))
