"""What all tests stand on."""

import signal

import pytest


@pytest.fixture(autouse=True, scope="session")
def signals_arrive():
    """Processes that tests start, and send signals to, do not inherit that these are ignored.

    They would be where the tests themselves run under ``nohup``, or in the background of a shell.
    """
    ignored = [
        number
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is signal.SIG_IGN
    ]
    for number in ignored:
        default = number == signal.SIGINT
        signal.signal(number, signal.default_int_handler if default else signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
