"""Money is whole millionths of a US dollar, and is shown as dollars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wflo.models import CostSummary, format_usd


@pytest.mark.parametrize(
    ("micro_usd", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000001"),
        (125, "$0.000125"),
        (10_000, "$0.01"),
        (100_000, "$0.10"),
        (1_500_000, "$1.50"),
        (1_234_567_890_000, "$1,234,567.89"),
        (-2_500_000, "-$2.50"),
        (-1, "-$0.000001"),
        (2**63 - 1, "$9,223,372,036,854.775807"),
    ],
)
def test_amounts_have_two_digits_and_as_many_more_as_there_are(micro_usd, text):
    assert format_usd(micro_usd) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_no_amount_is_rounded(micro_usd):
    whole, rest = format_usd(micro_usd).replace("$", "").replace(",", "").split(".")
    amount = int(whole.lstrip("-")) * 1_000_000 + int(rest.ljust(6, "0"))
    assert (-amount if whole.startswith("-") else amount) == micro_usd


def test_a_sum_is_shown_as_dollars():
    assert str(CostSummary(micro_usd=1_500_000)) == "$1.50"
