"""The report: a line for a person, XML for continuous integration."""

from xml.etree import ElementTree

from validator.operations.simulator.report import junit, line, summary
from validator.operations.simulator.runner import FAILED, PASSED, SKIPPED, Result

RESULTS = [
    Result("good-tokens", "an agent's", PASSED, "accepted", '200 retCode 0 "yes"', 12),
    Result("good-tokens", "a customer's", FAILED, "accepted", '200 retCode 2 "no\x1b[31m\x00"', 3),
    Result("expired-token", "expired", SKIPPED, "refused", "needs the home", 0),
]


def test_line_says_expected_and_got() -> None:
    """Each outcome has its sign at the beginning; a skipped step says why."""
    assert [line(result)[:6] for result in RESULTS] == ["ok    ", "FAIL  ", "skip  "]
    assert line(RESULTS[0]) == (
        'ok    good-tokens: an agent\'s  [expected accepted, got 200 retCode 0 "yes", 12 ms]'
    )
    assert line(RESULTS[2]) == "skip  expired-token: expired  [needs the home]"


def test_answers_cannot_act_on_the_terminal() -> None:
    """What another server says is printed without control characters."""
    assert line(RESULTS[1]).isprintable()
    assert "no\\u001b[31m\\u0000" in line(RESULTS[1])


def test_summary_counts() -> None:
    """The last line has how many steps ended how."""
    assert summary(RESULTS) == "1 passed, 1 failed, 1 skipped"
    assert summary([]) == "0 passed, 0 failed, 0 skipped"


def test_junit_is_read_by_others() -> None:
    """A suite for each scenario, a case for each step, with failures and skipped ones as such."""
    root = ElementTree.fromstring(junit(RESULTS))

    suites = root.findall("testsuite")
    assert [(suite.get("name"), suite.get("tests")) for suite in suites] == [
        ("good-tokens", "2"),
        ("expired-token", "1"),
    ]
    assert [suite.get("failures") for suite in suites] == ["1", "0"]
    assert [suite.get("skipped") for suite in suites] == ["0", "1"]
    cases = root.findall("testsuite/testcase")
    assert [case.get("name") for case in cases] == ["an agent's", "a customer's", "expired"]
    assert cases[0].get("time") == "0.012"
    (failure,) = root.findall(".//failure")
    assert failure.get("message") == 'expected accepted, got 200 retCode 2 "no\\u001b[31m\\u0000"'
    (skipped,) = root.findall(".//skipped")
    assert skipped.get("message") == "needs the home"
