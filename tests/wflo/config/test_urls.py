"""Which URLs are taken, and that nothing secret of them is ever shown."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wflo.config.urls import DatabaseUrl, masked_url, parse_database_url
from wflo.errors import SettingsError

_SECRETS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=30
).map("s3cr3t".__add__)


def parts(url: DatabaseUrl):
    return (url.driver, url.user, url.password, url.host, url.port, url.name, url.query)


def _said_of(text):
    """The URL as it is shown, or why it is none."""
    try:
        url = parse_database_url(text)
    except SettingsError as error:
        return str(error)
    return f"{url} {url!r}"


class TestServers:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("postgresql://h/db", ("psycopg", None, None, "h", None, "db", {})),
            ("postgresql+psycopg://u@h:5432/db", ("psycopg", "u", None, "h", 5432, "db", {})),
            (" postgresql+asyncpg://u:p@h/db\n", ("asyncpg", "u", "p", "h", None, "db", {})),
            ("POSTGRESQL://u:@[::1]:1/db", ("psycopg", "u", "", "::1", 1, "db", {})),
            (
                "postgresql:///db?host=/run",
                ("psycopg", None, None, None, None, "db", {"host": "/run"}),
            ),
            ("postgresql://", ("psycopg", None, None, None, None, "", {})),
            (
                "postgresql://u%40x:p%2Fq%40r@h/d%20b",
                ("psycopg", "u@x", "p/q@r", "h", None, "d b", {}),
            ),
            ("postgresql://u:p@q/r:s@h:1/db", ("psycopg", "u", "p@q/r:s", "h", 1, "db", {})),
            (
                "postgresql://u:p@h/db?a=b@c&d=",
                ("psycopg", "u", "p", "h", None, "db", {"a": "b@c", "d": ""}),
            ),
        ],
    )
    def test_their_parts(self, text, expected):
        assert parts(parse_database_url(text)) == expected

    @given(_SECRETS)
    def test_an_encoded_password_is_read_and_not_shown(self, password):
        url = parse_database_url(f"postgresql://u:{quote(password, safe='')}@h:1/db?x=y")
        assert url.password == password
        assert str(url) == "postgresql://u:***@h:1/db?x=y"
        assert "s3cr3t" not in repr(url)

    @given(_SECRETS)
    def test_one_as_it_is_is_not_shown_either_nor_said_in_an_error(self, password):
        assert "s3cr3t" not in _said_of(f"postgresql://u:{password}@h:1/db?x=y")

    @pytest.mark.parametrize(
        "text",
        [
            "postgresql://u:s3cr3t@h:port/db",
            "postgresql://u:s3cr3t",
            "postgresql://h:123456/s3cr3t",
            "postgresql://h/db#s3cr3t",
        ],
    )
    def test_one_that_cannot_be_read_is_not_repeated(self, text):
        with pytest.raises(
            SettingsError, match="postgresql://USER:PASSWORD@HOST:PORT/NAME"
        ) as raised:
            parse_database_url(text)
        assert "s3cr3t" not in str(raised.value)


class TestFiles:
    @pytest.mark.parametrize(
        ("text", "path"),
        [
            ("sqlite:///wflo.db", "wflo.db"),
            ("sqlite:////var/lib/wflo.db", "/var/lib/wflo.db"),
            ("sqlite+aiosqlite:///a b%20c@d.db", "a b%20c@d.db"),
        ],
    )
    def test_their_paths_are_taken_as_they_are(self, text, path):
        url = parse_database_url(text)
        assert (url.driver, url.name, str(url)) == ("aiosqlite", path, text)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("sqlite://wflo.db", "three slashes before a relative path"),
            ("sqlite://", "three slashes"),
            ("sqlite:///", "needs a file"),
            ("sqlite:///:memory:", "gone with the process"),
            ("sqlite:///wflo.db?mode=ro", "without options"),
            ("sqlite:///file:wflo.db", "without options"),
        ],
    )
    def test_what_is_no_path(self, text, message):
        with pytest.raises(SettingsError, match=message):
            parse_database_url(text)


class TestOthers:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("mysql://root:s3cr3t@h/db", "not mysql://"),
            ("postgres://u:s3cr3t@h/db", "did you mean postgresql://"),
            ("sqllite:///s3cr3t", "did you mean sqlite://"),
            ("s3cr3t", "this one is none"),
            ("", "this one is none"),
            ("u:s3cr3t@h://x", "this one is none"),
        ],
    )
    def test_are_refused_by_their_scheme_alone(self, text, message):
        with pytest.raises(SettingsError, match=message) as raised:
            parse_database_url(text)
        assert "sqlite:///PATH, postgresql://" in str(raised.value)
        assert "s3cr3t" not in str(raised.value)


class TestMasking:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("redis://:pw@h:6379/0", "redis://:***@h:6379/0"),
            ("redis://u:p@q:r@h", "redis://u:***@h"),
            ("redis://u@server:p@h", "redis://u@server:***@h"),
            ("redis://u/v:p/q?r#s@h", "redis://u/v:***@h"),
            ("redis:///:pw@h", "redis:///:***@h"),
            ("redis://:päss wörd\n@h", "redis://:***@h"),
            ("redis://u:@h", "redis://u:@h"),
            ("redis://h?password=a:b@c", "redis://h?password=***"),
            ("redis://h?p%61ssword=a&password=", "redis://h?p%61ssword=***&password="),
            ("rediss://h:6379/0?ssl=on", "rediss://h:6379/0?ssl=on"),
            ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
            (
                "x://u@h/?password=a&sslpassword=b&n=1&api_key=c",
                "x://u@h/?password=***&sslpassword=***&n=1&api_key=***",
            ),
            ("nothing like a URL", "***"),
            ("", "***"),
        ],
    )
    def test_all_but_passwords_of_a_url_and_nothing_of_anything_else(self, text, shown):
        assert masked_url(text) == shown
