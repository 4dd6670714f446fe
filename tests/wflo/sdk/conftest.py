import pytest
from wflo_steps import Importing


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Writes files of users, in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    importing = Importing(tmp_path)
    yield importing
    importing.forget()
