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


# All scenarios share a database, as the runs of many users do.


@pytest.fixture(scope="session")
def sqlite_url(sqlite_template, tmp_path_factory):
    path = tmp_path_factory.mktemp("conformance") / "wflo.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql_url(postgres, postgres_template):
    url = postgres.create(template=postgres_template)
    yield url
    postgres.drop(url)


@pytest.fixture
def url(scheme, request):
    return request.getfixturevalue(f"{scheme}_url")


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
