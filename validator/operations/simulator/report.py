"""Reports the results of scenarios: a line for people, JUnit XML for continuous integration."""

from collections import Counter
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from validator.escaping import escaped
from validator.operations.simulator.runner import FAILED, PASSED, SKIPPED, Result

_SIGNS = {PASSED: "ok  ", FAILED: "FAIL", SKIPPED: "skip"}


def line(result: Result) -> str:
    """Return the one line of *result*."""
    step = f"{_SIGNS[result.outcome]}  {result.scenario}: {result.step}"
    if result.outcome == SKIPPED:
        return f"{step}  [{escaped(result.got)}]"
    return f"{step}  [expected {result.expected}, got {escaped(result.got)}, {result.milliseconds} ms]"


def summary(results: Sequence[Result]) -> str:
    """Return the number of steps by outcome."""
    counts = Counter(result.outcome for result in results)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in (PASSED, FAILED, SKIPPED))


def junit(results: Sequence[Result]) -> bytes:
    """Return the results as JUnit XML, a suite for each scenario."""
    root = Element("testsuites")
    for name in dict.fromkeys(result.scenario for result in results):
        own = [result for result in results if result.scenario == name]
        counts = Counter(result.outcome for result in own)
        suite = SubElement(root, "testsuite", name=name, tests=str(len(own)))
        suite.set("failures", str(counts[FAILED]))
        suite.set("skipped", str(counts[SKIPPED]))
        for result in own:
            _case(suite, result)
    indent(root)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _case(suite: Element, result: Result) -> None:
    time = f"{result.milliseconds / 1000:.3f}"
    case = SubElement(suite, "testcase", classname=result.scenario, name=result.step, time=time)
    if result.outcome == FAILED:
        words = f"expected {result.expected}, got {escaped(result.got)}"
        SubElement(case, "failure", message=words)
    if result.outcome == SKIPPED:
        SubElement(case, "skipped", message=escaped(result.got))
