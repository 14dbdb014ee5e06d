"""An installation that dies in any of its steps: the same command completes it, and a removal leaves nothing."""

from __future__ import annotations

import pytest

from edge_agent.install import carrying_out
from edge_agent.install.carrying_out import carry_out
from edge_agent.install.layout import Layout
from edge_agent.install.owned import WriteFile
from edge_agent.install.steps import beside
from tests.support.trees import tree

SITE = ("--url", "https://airflow.example.com", "--queues", "onprem,reports")


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("moment", ["before", "within", "after"])
@pytest.mark.parametrize("number", range(7))
def test_an_installation_that_dies_anywhere_is_completed_or_taken_off(install, run, root, number, moment):
    """``within``: a file is written, has not taken its place, and nobody has tidied up."""
    (root / "etc").mkdir()
    before = tree(root)
    install(*SITE)
    whole = tree(root)
    run("uninstall")
    for then in ("install", "uninstall"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(carrying_out, "carry_out", dying_in(number, moment))
            with pytest.raises(Died):
                install(*SITE)
        if then == "install" or not (root / Layout().record.relative_to("/")).exists():
            install(*SITE)
            assert tree(root) == whole
        run("uninstall")
        assert tree(root) == before


def dying_in(number, moment):
    """Return what carries a plan out and dies in the step of this number."""

    def dying(plan, say):
        step = plan.steps[number]
        with pytest.MonkeyPatch.context() as patch:
            do = type(step).do

            def die(self, host):
                if self is not step:
                    return do(self, host)
                if moment == "after":
                    do(self, host)
                if moment == "within" and isinstance(step, WriteFile):
                    place = host.place(step.path)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    beside(place).write_text("half")
                raise Died

            patch.setattr(type(step), "do", die)
            return carry_out(plan, say)

    return dying
