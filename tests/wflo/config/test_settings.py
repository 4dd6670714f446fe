"""Settings: where they come from, which one wins, and what is said of wrong ones."""

import json
import os
import subprocess
import sys

import pytest
from pydantic import SecretStr

from wflo.config import settings as module
from wflo.config.settings import Settings, shown, variables
from wflo.errors import SettingsError


@pytest.fixture(autouse=True)
def no_others(monkeypatch, tmp_path):
    """Nothing is set, and no file says anything."""
    for name in [name for name in os.environ if name.upper().startswith("WFLO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_DEFAULT_SECRETS_DIR", str(tmp_path / "nowhere"))


def secret(value):
    return value.get_secret_value()


class TestSources:
    def test_without_any_the_database_is_a_file_in_this_folder(self):
        assert secret(Settings().database.url) == "sqlite:///.wflo/wflo.db"

    @pytest.mark.parametrize(
        "name", ["WFLO_DATABASE_URL", "WFLO_DATABASE__URL", "wflo_database_url"]
    )
    def test_the_databases_url_has_a_short_name_and_a_long_one(self, monkeypatch, name):
        monkeypatch.setenv(name, "postgresql+psycopg://h/db")
        assert secret(Settings().database.url) == "postgresql+psycopg://h/db"

    def test_not_both_names_at_once(self, monkeypatch):
        monkeypatch.setenv("WFLO_DATABASE_URL", "sqlite:///a")
        monkeypatch.setenv("WFLO_DATABASE__URL", "sqlite:///b")
        with pytest.raises(SettingsError, match="are one setting: give one of them"):
            Settings()

    def test_sections_are_read_from_the_environment(self, monkeypatch):
        monkeypatch.setenv("WFLO_ENGINE__LEASE_S", "6")
        monkeypatch.setenv("WFLO_LOGGING__LEVEL", "DEBUG")
        settings = Settings()
        assert (settings.engine.lease_s, settings.engine.heartbeat_s) == (6, 2)
        assert settings.logging.level == "debug"

    def test_the_environment_wins_over_dotenv_and_that_over_files(self, monkeypatch, tmp_path):
        secrets = tmp_path / "secrets"
        secrets.mkdir()
        for name in ("WFLO_DATABASE_URL", "WFLO_REDIS__URL", "WFLO_KAFKA__PASSWORD"):
            (secrets / name).write_text(
                f"redis://{name}\n" if "DATABASE" not in name else "sqlite:///f"
            )
        (tmp_path / ".env").write_text(
            "WFLO_DATABASE_URL=sqlite:///d\nWFLO_REDIS__URL=redis://d\nSOMEBODY_ELSES=1\n"
        )
        monkeypatch.setenv("WFLO_DATABASE__URL", "sqlite:///e")
        monkeypatch.setenv("WFLO_SECRETS_DIR", str(secrets))
        settings = Settings()
        assert secret(settings.database.url) == "sqlite:///e"
        assert secret(settings.redis.url) == "redis://d"
        assert secret(settings.kafka.password) == "redis://WFLO_KAFKA__PASSWORD"

    def test_files_are_where_containers_have_them(self, monkeypatch, tmp_path):
        (tmp_path / "WFLO_TEMPORAL__API_KEY").write_text("k3y")
        monkeypatch.setattr(module, "_DEFAULT_SECRETS_DIR", str(tmp_path))
        assert Settings().temporal.api_key == SecretStr("k3y")

    def test_a_folder_for_them_that_is_missing_is_an_error(self, monkeypatch):
        monkeypatch.setenv("WFLO_SECRETS_DIR", "/nowhere")
        with pytest.raises(SettingsError, match="WFLO_SECRETS_DIR: there is no folder /nowhere"):
            Settings()

    def test_other_files_in_their_folder_are_nobodys_business(self, monkeypatch, tmp_path):
        (tmp_path / "keystore").write_bytes(b"\xff\xfe")
        (tmp_path / "WFLO_REDIS__URL").mkdir()
        (tmp_path / "wflo_kafka__password").write_text("pw\n")
        monkeypatch.setenv("WFLO_SECRETS_DIR", str(tmp_path))
        settings = Settings()
        assert settings.kafka.password == SecretStr("pw")
        assert settings.redis.url is None

    def test_their_folder_may_be_given_in_python(self, tmp_path, monkeypatch):
        (tmp_path / "WFLO_KAFKA__PASSWORD").write_text("pw")
        monkeypatch.setenv("WFLO_SECRETS_DIR", "/nowhere")
        assert Settings(_secrets_dir=tmp_path).kafka.password == SecretStr("pw")

    def test_sections_may_be_given_too(self):
        assert Settings(logging={"level": "error"}).logging.level == "error"


class TestWrongOnes:
    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("WFLO_DATABASE__POOL_SIZE", "many", "WFLO_DATABASE__POOL_SIZE: .*valid integer"),
            ("WFLO_DATABASE__POOL_SIZE", "0", "WFLO_DATABASE__POOL_SIZE: .*greater than"),
            ("WFLO_DATABASE_URL", "mysql://u:p@h", "WFLO_DATABASE_URL: a database URL is one of"),
            ("WFLO_DATABASE__POLL_SIZE", "1", "did you mean WFLO_DATABASE__POOL_SIZE"),
            ("WFLO_DATABASE__XYZZY", "1", "WFLO_DATABASE__XYZZY: there is no such setting$"),
            ("WFLO_LOGGING__FORMAT", "xml", "WFLO_LOGGING__FORMAT: .*'console' or 'json'"),
            ("WFLO_DATABASE", "{}", "WFLO_DATABASE is a section: set WFLO_DATABASE__"),
            ("WFLO_DATABASE__URL__X", "1", "WFLO_DATABASE_URL"),
        ],
    )
    def test_the_message_has_the_variable(self, monkeypatch, name, value, message):
        monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError, match=message):
            Settings()

    def test_a_value_of_a_file_is_named_as_any_other(self, monkeypatch, tmp_path):
        (tmp_path / "WFLO_ENGINE__LEASE_S").write_text("soon")
        monkeypatch.setenv("WFLO_SECRETS_DIR", str(tmp_path))
        with pytest.raises(SettingsError, match=r"WFLO_ENGINE__LEASE_S: .*valid number"):
            Settings()

    def test_a_file_that_is_no_text(self, monkeypatch, tmp_path):
        (tmp_path / "WFLO_KAFKA__PASSWORD").write_bytes(b"\xff")
        monkeypatch.setenv("WFLO_SECRETS_DIR", str(tmp_path))
        with pytest.raises(SettingsError, match=r"WFLO_KAFKA__PASSWORD: the file .* is not UTF-8"):
            Settings()

    def test_a_dotenv_that_is_no_text(self, tmp_path):
        (tmp_path / ".env").write_bytes(b"WFLO_LOGGING__LEVEL=\xff\n")
        with pytest.raises(SettingsError, match=r"^\.env cannot be read: it is not UTF-8$"):
            Settings()

    def test_all_of_them_are_named_and_no_value_is_repeated(self, monkeypatch):
        monkeypatch.setenv("WFLO_ENGINE__LEASE_S", "s3cret")
        monkeypatch.setenv("WFLO_KAFKA__PASSWORDS", "s3cret")
        with pytest.raises(SettingsError, match=r"PASSWORDS: .*; WFLO_ENGINE__LEASE_S: ") as raised:
            Settings()
        assert "s3cret" not in str(raised.value)
        assert raised.value.__cause__ is None

    def test_a_section_given_as_something_else_is_named(self):
        with pytest.raises(SettingsError, match=r"^WFLO_ENGINE: "):
            Settings(engine=3)

    def test_a_name_that_is_none_is_warned_of(self, monkeypatch):
        monkeypatch.setenv("WFLO_DATABSE_URL", "sqlite:///x")
        with pytest.warns(UserWarning, match="is no setting; did you mean WFLO_DATABASE_URL"):
            Settings()

    def test_one_that_is_like_no_other_is_warned_of_too(self, monkeypatch):
        monkeypatch.setenv("WFLO_42", "")
        with pytest.warns(UserWarning, match="WFLO_42 is no setting$"):
            Settings()

    def test_those_of_tests_are_nobodys_business(self, monkeypatch):
        monkeypatch.setenv("WFLO_TEST_DATABASE_URL", "x")
        Settings()


class TestShown:
    def test_it_is_json_without_secrets(self, monkeypatch):
        for name, value in {
            "WFLO_DATABASE_URL": "postgresql://u:s3cret@h/db?sslpassword=s3cret",
            "WFLO_REDIS__URL": "redis://:s3cret@h:1/0",
            "WFLO_KAFKA__PASSWORD": "s3cret",
            "WFLO_SANDBOX__DOCKER_URL": "tcp://u:s3cret@h:2375",
        }.items():
            monkeypatch.setenv(name, value)
        settings = Settings()
        text = json.dumps(shown(settings))
        assert "s3cret" not in text + repr(settings) + str(settings) + settings.model_dump_json()
        found = json.loads(text)
        assert found["database"]["url"] == "postgresql://u:***@h/db?sslpassword=***"
        assert found["redis"]["url"] == "redis://:***@h:1/0"
        assert found["kafka"]["password"] == "***"
        assert found["sandbox"]["docker_url"] == "tcp://u:***@h:2375"
        assert found["temporal"]["api_key"] is None
        assert found["engine"]["lease_s"] == 30

    def test_it_has_every_variable(self):
        names = {
            module.variable(section, name)
            for section, of in shown(Settings()).items()
            for name in of
        }
        assert names == set(variables())

    def test_every_setting_says_what_it_is_for(self):
        assert "WFLO_DATABASE_URL" in variables()
        for name, field in variables().items():
            assert field.description, name
            assert field.description.endswith("."), name


def test_importing_wflo_reads_no_settings():
    program = "import sys, wflo; assert not {'pydantic_settings', 'sqlalchemy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
