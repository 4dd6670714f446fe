import pytest
from engine_bench import flow

from wflo.errors import NotSupported
from wflo.models import StepType, WorkflowStep
from wflo.plan import make_plan
from wflo.runtime.local.codes import check_supported


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (WorkflowStep(id="ask", type=StepType.APPROVAL), "step 'ask' waits for an approval"),
        (WorkflowStep(id="ask", approval_required=True), "step 'ask' waits for an approval"),
        (WorkflowStep(id="undo", rollback_enabled=True), "step 'undo' is to be rolled back"),
    ],
)
def test_what_the_engine_does_not_do_is_refused_by_its_step(step, message):
    with pytest.raises(NotSupported, match=f"{message}, which the local engine does not do yet"):
        check_supported(make_plan(flow("first", step)))


def test_the_rest_is_supported():
    check_supported(make_plan(flow("first", "second")))
