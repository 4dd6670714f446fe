"""Log lines: their form, what they are about, and what they leave out."""

import io
import json
import logging
import subprocess
import sys

import pytest
import structlog
from pydantic import SecretStr

from wflo.config.sections import LoggingSettings
from wflo.observability.correlation import Correlation, correlated, correlation
from wflo.observability.logging import configure_logging


@pytest.fixture(autouse=True)
def as_before():
    """What is configured is configured for the process."""
    root, ours = logging.getLogger(), logging.getLogger("wflo")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:], root.level, ours.level = before
    structlog.reset_defaults()


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def lines(stream):
    configure_logging(LoggingSettings(format="json"), stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


LOG = logging.getLogger("wflo.test")


class TestForm:
    def test_a_json_line_is_one_object(self, lines):
        LOG.info("step %s\nended", "a", extra={"took_s": 1.5})
        (line,) = lines()
        assert line.pop("timestamp").endswith("Z")
        assert line == {
            "event": "step a\nended",
            "took_s": 1.5,
            "logger": "wflo.test",
            "level": "info",
        }

    def test_a_line_for_people_is_plain_where_nobody_looks(self, stream):
        configure_logging(LoggingSettings(), stream)
        LOG.warning("careful", extra={"n": 3})
        assert "[warning  ] careful" in stream.getvalue()
        assert "n=3" in stream.getvalue()
        assert "\x1b" not in stream.getvalue()

    @pytest.mark.parametrize("no_color", [False, True])
    def test_and_coloured_on_a_terminal_unless_that_is_unwanted(
        self, stream, monkeypatch, no_color
    ):
        stream.isatty = lambda: True
        monkeypatch.delenv("NO_COLOR", raising=False)
        if no_color:
            monkeypatch.setenv("NO_COLOR", "1")
        configure_logging(LoggingSettings(), stream)
        LOG.warning("careful")
        assert ("\x1b" in stream.getvalue()) is not no_color

    @pytest.mark.parametrize("form", ["console", "json"])
    def test_an_exception_comes_with_its_traceback(self, stream, form):
        configure_logging(LoggingSettings(format=form), stream)
        local_password = "s3cret"
        try:
            int(f"postgresql://u:{local_password}@h")
        except ValueError:
            LOG.exception("failed")
        assert "Traceback (most recent call last)" in stream.getvalue()
        assert "postgresql://u:***@h" in stream.getvalue()
        assert "s3cret" not in stream.getvalue().replace('local_password = "s3cret"', "")


class TestLevels:
    def test_ours_is_the_one_that_was_set(self, stream):
        configure_logging(LoggingSettings(level="error"), stream)
        LOG.warning("no")
        LOG.error("yes")
        assert "yes" in stream.getvalue()
        assert "no" not in stream.getvalue()

    def test_other_libraries_are_heard_from_warnings_on(self, stream):
        configure_logging(LoggingSettings(level="debug"), stream)
        other = logging.getLogger("another.library")
        other.info("quiet")
        other.warning("loud")
        LOG.debug("ours")
        assert "quiet" not in stream.getvalue()
        assert {"loud", "ours"} < set(stream.getvalue().split())

    def test_the_last_call_holds(self, stream, lines):
        configure_logging(LoggingSettings(format="json"), second := io.StringIO())
        configure_logging(LoggingSettings(format="json"), second)
        LOG.info("once")
        assert lines() == []
        assert len(second.getvalue().splitlines()) == 1

    def test_handlers_of_others_stay(self, lines):
        other = logging.NullHandler()
        logging.getLogger().addHandler(other)
        configure_logging(LoggingSettings(), io.StringIO())
        assert other in logging.getLogger().handlers

    def test_structlogs_users_get_the_same_lines(self, lines):
        structlog.get_logger("wflo.theirs").info("hello", n=1)
        structlog.get_logger("wflo.theirs").debug("no")
        (line,) = lines()
        assert (line["event"], line["n"], line["logger"]) == ("hello", 1, "wflo.theirs")


class TestCorrelation:
    def test_a_line_says_what_it_is_about(self, lines):
        with correlated(Correlation("e1")):
            with correlated(Correlation("e1", "fetch", 0, 2)):
                LOG.info("inner")
            LOG.info("outer", extra={"execution_id": "its own"})
        LOG.info("outside")
        inner, outer, outside = lines()
        assert (inner["execution_id"], inner["step"], inner["iteration"], inner["attempt"]) == (
            "e1",
            "fetch",
            0,
            2,
        )
        assert outer["execution_id"] == "its own"
        assert "step" not in outer
        assert "execution_id" not in outside
        assert correlation() is None


class TestSecrets:
    def test_values_that_are_secret_by_type_or_by_name_are_left_out(self, lines):
        LOG.info(
            "connected to redis://:s3cret@h and amqp://u:s3@cret@h/x",
            extra={
                "anything": SecretStr("s3cret"),
                "password": "s3cret",
                "lease_token": "s3cret",
                "api_key": "s3cret",
                "x-api-key": "s3cret",
                "Authorization": "s3cret",
                "nested": {
                    "client_secret": "s3cret",
                    "list": [{"passwd": "s3cret"}, ("x://u:s3cret@h",)],
                },
            },
        )
        (line,) = lines()
        assert "s3" not in json.dumps(line)
        assert line["event"] == "connected to redis://:***@h and amqp://u:***@h/x"
        assert line["nested"] == {
            "client_secret": "***",
            "list": [{"passwd": "***"}, ["x://u:***@h"]],
        }

    def test_what_only_sounds_like_one_stays(self, lines):
        LOG.info("x", extra={"input_tokens": 5, "monkey": "m", "keys": ["a"]})
        (line,) = lines()
        assert (line["input_tokens"], line["monkey"], line["keys"]) == (5, "m", ["a"])


def test_importing_it_configures_nothing():
    program = (
        "import logging, structlog, wflo.observability.logging\n"
        "assert not structlog.is_configured()\n"
        "assert not logging.getLogger().handlers\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
