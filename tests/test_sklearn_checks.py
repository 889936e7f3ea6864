"""What scikit-learn asks of an estimator, and where a segmenter has reason to differ."""

from __future__ import annotations

from unittest import SkipTest

import pytest
from instances import SEGMENTERS
from sklearn.utils.estimator_checks import parametrize_with_checks

from tsalign.errors import TsalignError

ORDER = "the order of the samples is the signal, and segments are not one answer a sample"
FLAT = "a series of one channel may be flat: (n_samples,) is (n_samples, 1)"
WORDS = "refused with a ValueError, in this package's own words"
DIFFERS = {
    "check_methods_sample_order_invariance": ORDER,
    "check_methods_subset_invariance": ORDER,
    "check_fit1d": FLAT,
    "check_fit2d_predict1d": FLAT,
    "check_n_features_in_after_fitting": WORDS,
    "check_estimators_empty_data_messages": WORDS,
    "check_complex_data": WORDS,
    "check_dtype_object": WORDS,
    "check_estimator_sparse_tag": WORDS,
    "check_estimator_sparse_array": WORDS,
    "check_estimator_sparse_matrix": WORDS,
    "check_array_api_input": "numpy arrays come out whatever went in",
}


@parametrize_with_checks(SEGMENTERS)
def test_as_scikit_learn_has_it(estimator, check):
    if check.func.__name__ in DIFFERS:
        with pytest.raises((AssertionError, IndexError, SkipTest, TsalignError)):
            check(estimator)
    else:
        check(estimator)
