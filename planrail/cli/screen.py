"""Screen: a run as it goes: a live tree on a terminal, one line a finished step elsewhere, nothing for programs."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from planrail.cli.output import Output
from planrail.cli.plan_text import certificate_text, script_text
from planrail.cli.revision_text import revision_text
from planrail.cli.run_text import inner_texts, origin_text, step_text, step_tree
from planrail.cli.text import clean
from planrail.view import RunView

PACE_S = 0.08  # between two looks at a run that moves
_ENDED = frozenset(("done", "failed", "skipped"))


class Viewed(Protocol):
    """A run that moves: one of ours, or a task of another agent."""

    def view(self) -> RunView:
        """What is known of it now."""
        ...


class Screen:
    """Shows nothing by itself; `moved` may be called as often as events come."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._viewer: Viewed | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._planned = ""  # the certificate that was shown
        self._revisions = 1  # of those that are told, the plan itself among them

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._soon is not None:
            self._soon.cancel()

    def moved(self, viewer: Viewed) -> None:
        """Show the run soon."""
        self._viewer = viewer
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(PACE_S, self.flush)

    def tell(self, text: Text) -> None:
        """Show a line that stays."""

    def flush(self) -> None:
        """Show the run now."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._viewer is not None:
            self._show(self._viewer.view())

    def _show(self, view: RunView) -> None:
        """Whatever this screen shows of a run."""

    def _plan(self, view: RunView) -> None:
        """The plan and its certificate, once they are there."""
        if view.certificate is None or view.certificate.hash == self._planned:
            return
        if not self._planned:
            print_plan(self._output.console, view)
        self._planned = view.certificate.hash
        for revision in view.revisions[self._revisions :]:  # the first is the plan itself; several may have come at once
            self._output.console.print(revision_text(revision), soft_wrap=True)
        self._revisions = max(len(view.revisions), 1)


class PlainScreen(Screen):
    """For pipes and logs: the plan, then one line a finished step."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._told: set[str] = set()

    def tell(self, text: Text) -> None:
        self._output.console.print(text, soft_wrap=True)

    def _show(self, view: RunView) -> None:
        self._plan(view)
        for step in view.steps:
            if step.kind != "let" and step.state in _ENDED and step.id not in self._told:
                self._told.add(step.id)
                self._output.console.print(step_text(step), soft_wrap=True)
                for text in inner_texts(step):
                    self._output.console.print(Text("  ").append(text), soft_wrap=True)


class LiveScreen(Screen):
    """For terminals: the plan, then a tree that moves."""

    def __init__(self, output: Output, idle: str) -> None:
        super().__init__(output)
        self._idle = idle
        self._live = Live(console=output.console, refresh_per_second=8, transient=False)

    def tell(self, text: Text) -> None:
        self._live.console.print(text, soft_wrap=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        super().__exit__(kind, error, at)
        self._live.stop()

    def _show(self, view: RunView) -> None:
        self._plan(view)
        tree: RenderableType = step_tree(view) if view.certificate else Text(self._idle, style="dim")
        self._live.update(tree if view.status != "failed" or view.certificate else Text(""), refresh=True)


def print_plan(console: Console, view: RunView) -> None:
    """The script and the certificate, as both screens, `plan` and `show` have them."""
    assert view.certificate is not None
    origin = f"plan: {origin_text(view)}"
    script = script_text(view.script, color=console.color_system is not None)
    if console.is_terminal:
        console.print(Panel(script, title=Text(clean(origin)), title_align="left"))
    else:
        console.print(Text(clean(origin)))
        console.print(script, soft_wrap=True)
        console.print()
    console.print(certificate_text(view.certificate))
    console.print()


def screen_of(output: Output, idle: str = "planning …") -> Screen:
    """The screen that suits where the output goes. `idle` is told while there is no plan."""
    if output.json:
        return Screen(output)
    return LiveScreen(output, idle) if output.console.is_terminal else PlainScreen(output)
