"""Texts that come from anywhere are stored anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from wflo.models import CostLine, StatePatch, StepFailure
from wflo.models.base import storable


@given(st.text())
def test_a_storable_text_is_utf_8_without_nul(text):
    found = storable(text)
    assert "\0" not in found
    assert found.encode().decode() == found
    assert storable(found) == found


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_other_text_is_stored_as_it_is(text):
    assert storable(text) == text


def test_a_failure_keeps_what_an_exception_said_about_an_odd_file_name():
    failure = StepFailure(step="a", kind="E", message="no file 'r\udce9sum\0'")
    assert failure.message == r"no file 'r\udce9sum\x00'"
    assert StepFailure.model_validate_json(failure.model_dump_json()) == failure


def test_a_label_is_measured_as_it_is_stored():
    with pytest.raises(ValidationError, match=r"label\n  .* should have at most 200"):
        CostLine(micro_usd=1, label="\udce9" * 40)


@pytest.mark.parametrize("key", ["a\0", "\udce9"])
def test_a_key_of_the_state_that_no_database_holds_is_refused(key):
    with pytest.raises(ValidationError, match=r"key\n  (String|Input) should"):
        StatePatch(op="set", key=key)
