"""What decoders are told of one recording."""

from __future__ import annotations

import numpy as np
import pytest
from test_align import TRAIN, VALID, make_pairs, small

from tsalign.align import ContextEncoder, Contrastive, Mlp
from tsalign.types import Segments

TEXTS = ("She climbs stairs.", "He rang the bell.", "She climbs stairs.")
GAP = Segments(np.array([(a, a + 1) for a in (0, 1, 4, 5, 6)], np.int64), 1.0)


@pytest.fixture(scope="module", params=[Mlp(width=16), ContextEncoder(width=8, layers=2)])
def model(request: pytest.FixtureRequest) -> Contrastive:
    given = make_pairs(0, TRAIN), make_pairs(1, VALID, 100)
    return small(signal=request.param, epochs=2).fit(*given)


def rows(k: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(k, 6)).astype(np.float32)


@pytest.mark.parametrize("texts", [(), TEXTS[:1], TEXTS])
def test_evidence_is_what_is_said_of_each_piece(model: Contrastive, texts: tuple) -> None:
    """Over a gap nobody is a neighbour."""
    told = model.evidence(rows(5), GAP, texts)
    apart = np.array([0, 0, 1, 1, 1], np.int32)
    np.testing.assert_allclose(
        told.signal, model.concept_scores(rows(5), apart), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(told.null, model.null_scores(rows(5), apart), rtol=1e-5, atol=1e-5)
    assert told.similarity.shape == (5, len(texts))
    assert told.text.shape == (len(texts), 4)
    if texts:
        near = model.similarity(rows(5), texts, apart)
        np.testing.assert_allclose(told.similarity, near, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(told.text, model.concept_text(texts))
        queries = model.evidence(rows(5), GAP, model.queries(texts))
        np.testing.assert_array_equal(queries.similarity, told.similarity)


def test_of_no_segment_nothing_is_said(model: Contrastive) -> None:
    told = model.evidence(rows(0), Segments(np.empty((0, 2), np.int64), 1.0), TEXTS)
    assert told.similarity.shape == (0, 3)
    assert told.signal.shape == (0, 4)
    assert told.null.shape == (0,)
