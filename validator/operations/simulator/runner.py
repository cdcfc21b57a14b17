"""Runs scenarios: each step becomes one result, expected and got."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from validator.errors import Refusal
from validator.operations.simulator.asking import Got, ask
from validator.operations.simulator.guestpages import GuestPages
from validator.operations.simulator.queries import Queries, QuerySide
from validator.operations.simulator.scenario import Scenario, Step
from validator.operations.simulator.target import Skipped, Target
from validator.operations.simulator.tokens import Presented, TokenSource
from validator.operations.simulator.verifications import FlowSide, Verifications

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """One step: `passed`, `failed` or `skipped`, what was expected, and what came or why it was skipped."""

    scenario: str
    step: str
    outcome: str
    expected: str
    got: str
    milliseconds: int


class Runner:
    """Runs scenarios against one target."""

    def __init__(
        self,
        target: Target,
        source: TokenSource,
        pages: GuestPages,
        queries: QuerySide | None = None,
        flow: FlowSide | None = None,
    ) -> None:
        self._target, self._source, self._pages = target, source, pages
        self._queries, self._verifications = Queries(target, queries), Verifications(target, flow)

    def run(self, scenarios: Mapping[str, Scenario]) -> Iterator[Result]:
        """Yield the result of every step, in order; raises OperatorError when no token can be issued."""
        for name, scenario in scenarios.items():
            tokens = Presented(self._source)
            for step in scenario.steps:
                yield self._result(name, step, tokens)

    def _result(self, name: str, step: Step, tokens: Presented) -> Result:
        try:
            got = self._done(step, tokens)
        except Skipped as skipped:
            return Result(name, step.name, SKIPPED, step.expect, str(skipped), 0)
        outcome = PASSED if got.is_expected else FAILED
        return Result(name, step.name, outcome, step.expect, got.words, got.milliseconds)

    def _done(self, step: Step, tokens: Presented) -> Got:
        if step.ask == "guest":
            return self._pages.ask(step)
        if step.ask == "query":
            return self._queries.ask(step)
        if step.ask == "verify":
            return self._verifications.ask(step)
        try:
            return ask(step, self._target, tokens)
        except Refusal as refusal:
            # From the home: the target itself refuses to issue such a token.
            return Got(is_expected=False, words=f"no token is issued: {refusal.reason}", milliseconds=0)
