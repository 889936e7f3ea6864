"""Random changes of samples: what they keep, and that none is made where none is asked."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tsalign.align import Augment, Conv, Patch
from tsalign.align.signal import augment as change
from tsalign.errors import TsalignError
from tsalign.params import check_params

GROUPS = ((0, 1, 2), (4, 3, 5))
WAYS = {
    "jitter": (change.jitter, 0.3),
    "scale": (change.scaled, 0.5),
    "shift": (change.shifted, 5),
    "rotate": (partial(change.rotated, groups=GROUPS), 1.0),
    "channels": (change.without_channels, 0.5),
    "time": (change.without_time, 0.6),
}
each = pytest.mark.parametrize("way", WAYS)
quick = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 999)


def samples(seed: int, missing: float = 0.2, b: int = 6, n: int = 17) -> torch.Tensor:
    """Seven channels with holes; here, too, real samples are never 0."""
    torch.manual_seed(seed)
    return torch.randn(b, 7, n) * (torch.rand(b, 7, n) >= missing)


@each
@quick
@given(seed=seeds)
def test_no_strength_changes_no_bit(way: str, seed: int) -> None:
    x = samples(seed)
    assert torch.equal(WAYS[way][0](x, 0), x)
    assert torch.equal(change.augmented(x, Augment(), GROUPS), x)


@each
@quick
@given(seed=seeds)
def test_something_changes_and_the_given_stays(way: str, seed: int) -> None:
    x = samples(seed, b=40)
    before = x.clone()
    function, strength = WAYS[way]
    assert not torch.equal(function(x, strength), x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("way", ["jitter", "scale", "rotate"])
@quick
@given(seed=seeds)
def test_what_is_missing_stays_so_and_nothing_else_goes(way: str, seed: int) -> None:
    x = samples(seed)
    function, strength = WAYS[way]
    assert torch.equal(function(x, strength) == 0, x == 0)


@pytest.mark.parametrize("way", ["channels", "time"])
@quick
@given(seed=seeds)
def test_hiding_only_hides(way: str, seed: int) -> None:
    x = samples(seed)
    function, strength = WAYS[way]
    changed = function(x, strength)
    assert torch.equal(changed, x.where(changed != 0, torch.tensor(0.0)))


@quick
@given(seed=seeds, share=st.floats(0, 0.99))
def test_whole_channels_are_hidden_but_never_all_that_are_there(seed: int, share: float) -> None:
    x = samples(seed, 0.0)
    x[:, :5] = 0
    left = (change.without_channels(x, share) != 0).float().mean(2)
    assert ((left == 0) | (left == 1)).all()
    assert left.any(1).all()


def test_channels_are_hidden_as_often_as_asked() -> None:
    hidden = change.without_channels(torch.ones(4000, 7, 1), 0.25) == 0
    assert hidden.float().mean().item() == pytest.approx(0.25, abs=0.02)


@quick
@given(seed=seeds, share=st.floats(0, 0.99))
def test_one_stretch_of_time_is_hidden_in_all_channels(seed: int, share: float) -> None:
    x = samples(seed, 0.0)
    hidden = change.without_time(x, share) == 0
    assert (hidden == hidden[:, :1]).all()
    for row in hidden[:, 0].int():
        assert row.sum() <= math.ceil(share * len(row))
        assert (row.diff() == 1).sum() + row[0] <= 1


@quick
@given(seed=seeds, most=st.integers(0, 30))
def test_a_shift_moves_all_channels_alike(seed: int, most: int) -> None:
    x = samples(seed, 0.0)
    n = x.shape[2]
    for before, after in zip(x.numpy(), change.shifted(x, most).numpy(), strict=True):
        moves = [
            np.pad(before, ((0, 0), (max(k, 0), max(-k, 0))))[:, max(-k, 0) : max(-k, 0) + n]
            for k in range(-most, most + 1)
        ]
        assert any(np.array_equal(after, move) for move in moves)


@quick
@given(seed=seeds, strength=st.floats(0, math.pi))
def test_a_rotation_keeps_lengths_and_angles(seed: int, strength: float) -> None:
    """Within a sensor, between two of one segment, and of what belongs to none nothing changes."""
    x = samples(seed, 0.0).double()
    turned = change.rotated(x, strength, GROUPS)
    for a in GROUPS:
        for b in GROUPS:
            inner = [y[:, list(a)].transpose(1, 2) @ y[:, list(b)] for y in (x, turned)]
            torch.testing.assert_close(*inner, rtol=1e-5, atol=1e-5)
    assert torch.equal(turned[:, 6], x[:, 6])


@quick
@given(seed=seeds)
def test_a_turn_is_a_turn_by_its_angle(seed: int) -> None:
    torch.manual_seed(seed)
    angles = torch.rand(8) * math.pi
    turns = change.turns(angles).double()
    identity = torch.eye(3).double().expand(8, 3, 3)
    torch.testing.assert_close(turns @ turns.transpose(1, 2), identity, rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.linalg.det(turns), torch.ones(8).double(), rtol=0, atol=1e-5)
    trace = turns.diagonal(dim1=1, dim2=2).sum(1)
    torch.testing.assert_close(trace, 1 + 2 * angles.double().cos(), rtol=0, atol=1e-5)


def test_a_sample_that_lacks_an_axis_is_not_turned() -> None:
    x = samples(0, 0.0)
    x[:, 1, :5] = 0
    turned = change.rotated(x, 1.0, GROUPS)
    assert torch.equal(turned[:, :3, :5], x[:, :3, :5])
    assert (turned[:, :3, 5:] != x[:, :3, 5:]).all()


@pytest.mark.parametrize("kind", [Conv, Patch])
def test_only_learning_changes_anything(kind: type) -> None:
    every = Augment(0.3, 0.3, 4, 0.5, 0.3, 0.3)
    rows = samples(0, b=5, n=64).flatten(1)
    networks = []
    for augment in (None, every):
        torch.manual_seed(1)
        networks.append(kind(augment=augment, groups=GROUPS, dropout=0.0).build(7 * 64, 3))
    plain, changed = networks
    assert torch.equal(plain.eval()(rows), changed.eval()(rows))
    assert torch.equal(changed(rows), changed(rows))
    assert not torch.equal(changed.train()(rows), changed(rows))
    # The same network, read together: learning or not, it is the same but for the changes.
    torch.testing.assert_close(plain.train()(rows), plain.eval()(rows))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"jitter": -0.1}, "jitter should be at least 0"),
        ({"channels": 1.0}, "channels should be less than 1"),
        ({"rotate": 4.0}, "rotate should be at most 3.14"),
        ({"shift": 0.5}, "shift should be a whole number"),
        ({"time": float("nan")}, "time should not be NaN"),
    ],
)
def test_a_strength_out_of_range_is_named(wrong: dict, said: str) -> None:
    with pytest.raises(TsalignError, match=rf"Conv\(augment=Augment\(.*\)\): {said}"):
        check_params(Conv(augment=Augment(**wrong)))


def test_a_mapping_is_no_augment_in_python() -> None:
    with pytest.raises(TsalignError, match="should be of class Augment"):
        Conv(augment={"jitter": 0.1}).build(64, 2)
