"""What a command does that is told to stop."""

import asyncio
import os
import signal

import pytest

from wflo.cli.signals import listening


async def tell_us(number=signal.SIGTERM):
    os.kill(os.getpid(), number)
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_before_there_is_anything_to_stop_the_command_ends(number):
    async def command():
        with listening():
            await tell_us(number)
            await asyncio.sleep(3600)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(command())


async def test_meanwhile_it_is_done_what_was_said():
    heard = []
    with listening() as ears:
        with ears.doing(heard.append):
            await tell_us()
            await tell_us()
        await tell_us()
    assert heard == [1, 2]


def test_what_is_closed_in_the_end_is_not_disturbed_unless_it_takes_long():
    closed = []

    async def command():
        with listening() as ears:
            with ears.doing(print):
                pass
            await tell_us()
            closed.append("first")
            await tell_us()
            await asyncio.sleep(3600)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(command())
    assert closed == ["first"]


async def test_what_cancels_the_command_otherwise_is_no_interrupt():
    async def command():
        with listening():
            await asyncio.sleep(3600)

    task = asyncio.create_task(command())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
