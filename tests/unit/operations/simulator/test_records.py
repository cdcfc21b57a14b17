"""What is shown of the last exchanges: enough to understand them, and no secret."""

from tests.support.fakes import FakeClock
from validator.operations.simulator.records import Records, masked

TOKEN = "eyJqdGkiOiJ4In0.c2lnbmF0dXJl"
LINE = f"auth-v2/817854979183314945/2026-11-04T03:45:52.263Z/content-length;content-type/{'a' * 64}"


def test_newest_is_first_and_the_oldest_are_forgotten(clock: FakeClock) -> None:
    """A hundred exchanges are kept."""
    records = Records(clock)
    for number in range(150):
        records.append("door", "https://a.example", str(number), {})

    newest = records.newest()

    assert [record.outcome for record in newest] == [str(number) for number in range(149, 49, -1)]
    assert (newest[0].time, newest[0].origin) == ("2026-11-04T03:45:52.263Z", "https://a.example")


def test_tokens_and_signatures_are_masked(clock: FakeClock) -> None:
    """Neither is whole anywhere, also not where the enterprise's answer quotes it."""
    records = Records(clock)
    records.append(
        "door", None, "let in", {"access_token": TOKEN, "answer": f"bad token {TOKEN}", "userAccount": "a"}
    )
    records.append("door", None, "let in", {"thirdPartAuthorization": LINE, "thirdUserToken": TOKEN})

    second, first = records.newest()

    assert TOKEN not in str(first) + str(second)
    assert "a" * 64 not in str(second)
    assert first.details["answer"] == f"bad token {masked(TOKEN)}"
    assert first.details["userAccount"] == "a"
    assert second.details["thirdPartAuthorization"].startswith("auth-v2/817854979183314945/2026-11-04")
    assert (first.origin, second.origin) == ("none", "none")


def test_token_is_masked_in_the_request_and_the_answer(clock: FakeClock) -> None:
    """What went over the wire is shown longer than a posted value, and without the token in it."""
    records = Records(clock)
    body = f'{{"access_token": "{TOKEN}", "userAccount": "{"a" * 300}"}}'
    records.append("door", None, "let in", {"access_token": TOKEN, "callback body": body})

    (record,) = records.newest()

    assert TOKEN not in str(record)
    assert record.details["callback body"] == body.replace(TOKEN, masked(TOKEN))


def test_what_is_no_signature_line_is_masked_whole(clock: FakeClock) -> None:
    """In a line that is broken a signature may stand anywhere."""
    records = Records(clock)
    for line in (f"{LINE}/", f"{'a' * 64}/", f"x/{'a' * 64}/y", "no line"):
        records.append("door", None, "refused", {"thirdPartAuthorization": line})

        assert records.newest()[0].details == {"thirdPartAuthorization": masked(line)}


def test_short_tokens_do_not_garble_the_rest(clock: FakeClock) -> None:
    """A nonsense of one letter is masked in its own place only."""
    records = Records(clock)
    records.append("door", None, "refused", {"access_token": "t", "userAccount": "agent-7"})

    (record,) = records.newest()

    assert record.details == {"access_token": masked("t"), "userAccount": "agent-7"}


def test_masks_tell_equal_from_different() -> None:
    """The same token has the same mask, another one another."""
    assert masked(TOKEN) == masked(TOKEN) != masked(TOKEN + "x")
    assert masked("abc").startswith("(3 characters, sha256 ba7816bf8f01")


def test_long_values_are_cut(clock: FakeClock) -> None:
    """Nobody fills the page with one value."""
    records = Records(clock)
    records.append("door", "x" * 1000, "let in", {"thirdUserName": "y" * 1000, "nothing": None})

    (record,) = records.newest()

    assert (len(record.origin), len(record.details["thirdUserName"])) == (200, 200)
    assert "nothing" not in record.details
