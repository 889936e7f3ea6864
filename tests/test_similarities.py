from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group
from torch import Tensor

from tsalign.align import (
    Correlation,
    Cosine,
    Kernel,
    Relational,
    infonce,
    mutual_information,
    shared_and_unique,
    supcon,
)
from tsalign.errors import TsalignError
from tsalign.information import club_bound, infonce_bound

SIMILARITIES = {
    "cosine": Cosine(),
    "kernel": Kernel(),
    "correlation": Correlation(ridge=0.0),
    "canonical": Correlation("canonical", ridge=0.0),
    "relational": Relational(),
}
seeds = st.integers(0, 9999)
few = settings(max_examples=20, deadline=None)
each = pytest.mark.parametrize("name", SIMILARITIES)


def rows(seed: int, n: int = 12, columns: int = 3) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, columns))
    return torch.tensor(a), torch.tensor(0.5 * a + rng.normal(size=(n, columns)))


def turned(seed: int, columns: int = 3) -> Tensor:
    return torch.tensor(ortho_group.rvs(columns, random_state=seed))


def maps(seed: int) -> dict:
    """Return what may be done to embeddings, the same for a seed."""
    rng = np.random.default_rng(seed)
    shift, slope = torch.tensor(rng.normal(size=(2, 3)))
    turn, factor = turned(seed), float(rng.uniform(2, 3))
    full = turn * (slope.abs() + 0.5) + 0.1 * torch.ones(3, 3)
    return {
        "rotation": lambda x: x @ turn,
        "shift": lambda x: x + shift,
        "scale": lambda x: factor * x,
        "per column": lambda x: x * (slope.abs() + 0.5) + shift,
        "affine": lambda x: x @ full + shift,
    }


BLIND_TO = {  # what each does not see, done to one side, or to both
    "cosine": {"one": {"scale"}, "both": {"scale", "rotation"}},
    "kernel": {"one": set(), "both": {"rotation", "shift"}},
    "correlation": {
        "one": {"shift", "scale", "per column"},
        "both": {"shift", "scale", "per column"},
    },
    "canonical": {
        "one": {"rotation", "shift", "scale", "per column", "affine"},
        "both": {"rotation", "shift", "scale", "per column", "affine"},
    },
    "relational": {"one": {"rotation", "shift", "scale"}, "both": {"rotation", "shift", "scale"}},
}


@few
@given(seeds)
@pytest.mark.parametrize("what", maps(0))
@each
def test_what_each_is_blind_to_and_what_it_sees(name: str, what: str, seed: int) -> None:
    a, b = rows(seed)
    do, similarity = maps(seed)[what], SIMILARITIES[name]
    before = similarity(a, b)
    for moved, side in [((do(a), b), "one"), ((a, do(b)), "one"), ((do(a), do(b)), "both")]:
        change = (similarity(*moved) - before).abs().max().item()
        if what in BLIND_TO[name][side]:
            assert change < 1e-8
        else:
            assert change > 1e-4


@few
@given(seeds)
@each
def test_the_order_of_pairs_and_of_sides_does_not_matter(name: str, seed: int) -> None:
    a, b = rows(seed)
    similarity = SIMILARITIES[name]
    grid = similarity(a, b)
    torch.testing.assert_close(similarity(b, a), grid.T)
    order = torch.tensor(np.random.default_rng(seed).permutation(len(a)))
    torch.testing.assert_close(similarity(a[order], b[order]), grid[order][:, order])


@each
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    a, b = (x.requires_grad_() for x in rows(0, 7))
    assert torch.autograd.gradcheck(SIMILARITIES[name], (a, b))


@each
def test_a_loss_takes_its_logits_from_a_similarity(name: str) -> None:
    a, b = rows(1, 8)
    own = torch.eye(8, dtype=torch.bool)
    logits = 3.0 * SIMILARITIES[name](a, b)
    want = torch.nn.functional.cross_entropy(logits, torch.arange(8))
    want = (want + torch.nn.functional.cross_entropy(logits.T, torch.arange(8))) / 2
    for loss in (infonce, supcon):
        got = loss(a, b, own, 3.0, similarity=SIMILARITIES[name])
        assert got.item() == pytest.approx(want.item(), rel=1e-9)


def test_the_default_of_a_loss_is_the_cosine_of_unit_rows() -> None:
    a, b = (torch.nn.functional.normalize(x, dim=1) for x in rows(2, 8))
    own = torch.eye(8, dtype=torch.bool)
    one, two = infonce(a, b, own, 5.0), infonce(a, b, own, 5.0, similarity=Cosine())
    assert one.item() == pytest.approx(two.item(), rel=1e-12)


def test_a_kernel_is_what_distances_say() -> None:
    a, b = rows(3)
    squares = cdist(a.numpy(), b.numpy(), "sqeuclidean")
    want = np.mean([np.exp(-squares / (2 * w * w)) for w in (0.5, 2.0)], 0)
    np.testing.assert_allclose(Kernel((0.5, 2.0))(a, b).numpy(), want, rtol=1e-9)


def test_a_relation_is_the_correlation_of_distances_to_the_others() -> None:
    a, b = (x.numpy() for x in rows(4, 9))
    here, there = cdist(a, a), cdist(b, b)
    want = np.empty((9, 9))
    for i in range(9):
        for j in range(9):
            others = [k for k in range(9) if k not in (i, j)]
            want[i, j] = np.corrcoef(here[i, others], there[j, others])[0, 1]
    np.testing.assert_allclose(Relational()(*rows(4, 9)).numpy(), want, rtol=1e-6)


def test_canonical_correlations_are_found() -> None:
    """The mean over pairs of the canonical similarity is the mean squared correlation."""
    a, b = rows(5, 200)
    whole = np.corrcoef(a.T.numpy(), b.T.numpy())
    aa, ab, bb = whole[:3, :3], whole[:3, 3:], whole[3:, 3:]
    squares = np.linalg.eigvals(np.linalg.solve(aa, ab) @ np.linalg.solve(bb, ab.T)).real
    got = Correlation("canonical", ridge=0.0)(a, b).diagonal().mean().item()
    assert got == pytest.approx(squares.mean(), rel=1e-9)


@each
def test_silent_columns_and_equal_rows_give_numbers(name: str) -> None:
    similarity = Correlation("canonical" if name == "canonical" else "dimension")
    similarity = SIMILARITIES[name] if name not in ("correlation", "canonical") else similarity
    a, b = rows(6)
    a = torch.cat([a, torch.ones(len(a), 1, dtype=a.dtype)], 1)
    b = torch.cat([b, torch.zeros(len(b), 1, dtype=b.dtype)], 1)
    for x, y in [(a, b), (torch.ones_like(a), b), (torch.zeros_like(a), torch.zeros_like(b))]:
        x = x.clone().requires_grad_()
        grid = similarity(x, y)
        grid.sum().backward()
        assert grid.isfinite().all()
        assert x.grad is not None
        assert x.grad.isfinite().all()


def test_what_cannot_be_compared_is_refused() -> None:
    a, b = rows(0)
    for similarity, x, y, words in [
        (Kernel(widths=()), a, b, "widths"),
        (Kernel(widths=(1.0, 0.0)), a, b, "widths"),
        (Correlation("all"), a, b, "by='all'"),
        (Correlation(ridge=-1.0), a, b, "ridge"),
        (Correlation(), a[:1], b, "at least two rows"),
        (Correlation("canonical"), a[:5], b, "5 segments and 12 texts are not pairs"),
        (Relational(), a[:5], b, "5 segments and 12 texts are not pairs"),
        (Relational(), a[:3], b[:3], "at least four pairs"),
    ]:
        with pytest.raises(TsalignError, match=words):
            similarity(x, y)


# --- information --------------------------------------------------------------------------------


def gaussians(correlation: float, columns: int, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    a, noise = rng.normal(size=(2, n, columns))
    return a, correlation * a + np.sqrt(1 - correlation**2) * noise


@pytest.mark.parametrize("columns", [1, 4])
@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6, 0.8])
def test_bounds_bracket_the_information_of_gaussians(correlation: float, columns: int) -> None:
    truth = -columns / 2 * np.log(1 - correlation**2)
    club = columns * correlation**2 / (1 - correlation**2)  # its value for these, in closed form
    found = mutual_information(*gaussians(correlation, columns))
    assert found.lower <= truth + 3 * found.lower_error + 0.01
    assert found.upper >= truth - 3 * found.upper_error - 0.01
    assert found.lower > 0.9 * truth - 0.03
    assert found.upper == pytest.approx(club, rel=0.06, abs=0.03)
    assert 0 <= found.lower_error < 0.1
    assert 0 <= found.upper_error < 0.2


def test_bounds_do_not_see_the_frame_of_either_side() -> None:
    a, b = gaussians(0.6, 3, 600)
    one = mutual_information(a, b)
    two = mutual_information(5 * a @ turned(0).numpy() + 2, b @ turned(1).numpy() - 7)
    assert two.lower == pytest.approx(one.lower, abs=1e-3)
    assert two.upper == pytest.approx(one.upper, abs=1e-3)
    again = mutual_information(a, b)
    assert again == one
    assert mutual_information(a, b, random_state=1) != one


def test_shared_and_unique_parts_of_gaussians() -> None:
    """Signal = common + own; the target is both with noise: every part has a closed form."""
    rng = np.random.default_rng(3)
    common, own, noise, blur = rng.normal(size=(4, 4000, 1))
    signal, text = np.hstack([common, own]), common + blur
    target = common + own + noise
    found = shared_and_unique(signal, text, target)
    shared = 0.5 * np.log(2)
    # Given the text, common has variance 1/2: target has 2.5, of which signal explains 1.5.
    alone = 0.5 * np.log(2.5)
    for part, truth in [("shared", shared), ("signal", alone), ("text", 0.0)]:
        assert found[part].lower <= truth + 0.03, part
        assert found[part].upper >= truth - 0.03, part
        assert found[part].lower > truth - 0.05, part
    assert found["text"].upper < 0.03


def test_what_the_text_tells_in_full_is_nobodys_alone() -> None:
    a, b = gaussians(0.7, 2, 200)
    found = shared_and_unique(a, b, b)
    assert (found["signal"].lower, found["signal"].upper) == (0.0, 0.0)
    assert found["text"].lower > 0


def test_the_lower_bound_cannot_exceed_the_logarithm_of_its_rivals() -> None:
    critic = 1e3 * np.eye(8)
    np.testing.assert_allclose(infonce_bound(critic), np.log(8))
    assert (club_bound(critic) == 1e3).all()


def test_columns_beyond_the_rows_are_no_hindrance() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 60, 90))
    found = mutual_information(a, b)
    assert np.isfinite([found.lower, found.upper]).all()
    constant = mutual_information(np.ones((60, 3)), b)
    assert (constant.lower, constant.upper) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_what_has_no_information_to_bound_is_refused() -> None:
    a, b = gaussians(0.5, 2, 50)
    hole = a.copy()
    hole[3, 1] = np.nan
    for x, y, words in [
        (a[:10], b[:10], "twenty pairs"),
        (a, b[1:], "twenty pairs"),
        (a[:, 0], b, "twenty pairs"),
        (hole, b, "not finite"),
    ]:
        with pytest.raises(TsalignError, match=words):
            mutual_information(x, y)
    for wrong in (np.zeros((2, 3)), np.zeros((1, 1)), np.zeros(4)):
        with pytest.raises(TsalignError, match=r"where \(n, n\) is due"):
            club_bound(wrong)
