"""A command does one thing: what excludes another is refused before anything is done."""

import pytest
from processes import assert_refused, finish, start

TINY = ("data=digits", "debug=smoke", "evaluation=scores")


@pytest.mark.parametrize("other", ["sync=true", "relocate=true", "regenerate=mse_stalls", "replay=abc"])
@pytest.mark.parametrize("engine", [(), ("hydra/launcher=basic",)], ids=["pool", "basic"])
def test_a_plan_does_nothing_else(tmp_path, other, engine):
    """A plan of a relocation relocated the store."""
    place = f"tracking.dir={tmp_path}/store"
    code, output, errors = finish(start(*TINY, "plan=true", other, *engine, place, store=None))
    assert_refused(code, errors, other.partition("=")[0])
    assert not output
    assert not (tmp_path / "store").exists()


def test_two_actions_are_refused(tmp_path):
    code, _, errors = finish(start("sync=true", "relocate=true", store=tmp_path / "store"))
    assert_refused(code, errors, "sync and relocate are given, but a command does one of them")
