"""``kogine run`` behaves as ``python`` does, byte for byte, over every shape that scripts have."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from conformance import Shape, assert_same, compare, shapes

SHAPES = shapes()


@pytest.fixture(scope="module")
def comparisons(request, tmp_path_factory):
    """The comparisons of all selected shapes, begun together: they mostly wait for processes."""
    places = tmp_path_factory.mktemp("conformance")
    specs = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    selected = [spec.params.get("shape") for spec in specs]
    wanted = {shape.name: shape for shape in selected if isinstance(shape, Shape)}
    pool = ThreadPoolExecutor(max_workers=os.cpu_count())
    try:
        yield {
            name: pool.submit(compare, shape, places / str(number))
            for number, (name, shape) in enumerate(wanted.items())
        }
    finally:
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_runs_as_python_runs_it(shape, comparisons):
    seen = comparisons[shape.name].result()

    assert seen.python.status == shape.exit, f"not the shape that was meant:\n{seen.python}"
    assert_same(seen.python, seen.kogine)


@pytest.mark.parametrize(
    "shape", [shape for shape in SHAPES if shape.overrides], ids=lambda shape: shape.name
)
def test_overrides_do_what_editing_by_hand_does(shape, comparisons):
    seen = comparisons[shape.name].result()

    assert seen.python_edited != seen.python, "the edit makes no difference"
    assert_same(seen.python_edited, seen.kogine_set)
