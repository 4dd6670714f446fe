"""Every scenario runs on every engine. A further engine is a name here, and an adapter."""

import shutil
import sys
from pathlib import Path

import pytest
import pytest_asyncio

# Workflows are in modules that any process can import, as those of users are.
sys.path.insert(0, str(Path(__file__).parent))

from conformance_engine import LocalAdapter
from stage import stage as the_stage


@pytest.fixture(params=["local on sqlite", "local on postgresql"])
def kind(request):
    return request.param


@pytest.fixture
def scheme(kind):
    return kind.rpartition(" ")[2]


@pytest.fixture(scope="session")
def urls():
    """The databases of this session, which all scenarios share, as the runs of many users do."""
    return {}


@pytest.fixture
def url(scheme, urls, request, tmp_path_factory):
    if scheme not in urls:
        template = request.getfixturevalue(f"{scheme}_template".replace("postgresql", "postgres"))
        if scheme == "sqlite":
            path = tmp_path_factory.mktemp("conformance") / "wflo.db"
            shutil.copy(template, path)
            urls[scheme] = f"sqlite:///{path}"
        else:
            urls[scheme] = request.getfixturevalue("postgres").create(template=template)
    return urls[scheme]


@pytest_asyncio.fixture
async def engine(url):
    async with LocalAdapter.open(url) as adapter:
        yield adapter


@pytest.fixture
def stage():
    """Where steps and the test meet. It is empty in each test."""
    the_stage.clear()
    yield the_stage
    the_stage.clear()
