"""A run and what writes it down."""

import asyncio

from simulation import Simulation, python


class FailsAtTheEnd:
    """Confirms everything but the last event: when that is to be written, the disk is full."""

    run = None

    def record(self, event, confirm):
        loop = asyncio.get_running_loop()
        if event.kind != "run.finished":
            loop.call_soon(confirm, event.seq)
        else:
            loop.call_soon(self._fail, event.seq, confirm)

    def _fail(self, seq, confirm):
        self.run.unkept("the disk is full")
        confirm(seq - 1, OSError("the disk is full"))

    def hurry(self):
        """It never dawdles."""


def test_that_the_very_end_could_not_be_written_down_is_told():
    recorder = FailsAtTheEnd()

    async def meet(run):
        recorder.run = run

    run = Simulation(python("a", seconds=1), recorder=recorder, script=meet)
    assert run.status == "succeeded"
    assert run.snapshot.unkept == "the disk is full"
    assert [event.kind for event in run.events][-2:] == ["run.finished", "run.unkept"]
