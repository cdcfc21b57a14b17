"""The simulator's scripts and pages, with the posted values filled in."""

import html
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from validator.operations.simulator.records import Record
from validator.operations.simulator.registration import Registration
from validator.web.portal.words import Row, Words, by_language

_FOLDER = Path(__file__).parent / "scripts"
_GIVEN_IN_SCRIPT = "const given = {};"
_GIVEN_IN_PAGE = "{{given}}"
_OF_EVERY_PAGE: tuple[Row, ...] = (
    ("language", "en", "zh-CN"),
    (
        "other_language",
        '<a href="?lang=zh-CN" lang="zh-CN">中文</a>',
        '<a href="?lang=en" lang="en">English</a>',
    ),
)
_ROWS: tuple[Row, ...] = (
    ("title", "Simulated cloud", "模拟云端"),
    ("registered", "What is registered", "登记信息"),
    ("last", "Last exchanges", "最近的交互"),
    (
        "hint",
        "Newest first, as they happen; open one for its request to the enterprise, the response and the "
        "request id, which <code>validator audit explain</code> takes. Tokens and signatures are masked: "
        "their length and the beginning of their SHA-256 are shown.",
        "最新的在最前，实时更新；展开后可见发往企业的请求、应答和请求 ID"
        "（可交给 <code>validator audit explain</code>）。令牌和签名已遮蔽，只显示其长度和 SHA-256 的开头。",
    ),
    ("live", "Updated every second.", "每秒更新一次。"),
    ("lost", "The simulator does not answer; trying again.", "模拟云端没有应答，正在重试。"),
    ("agent_side", "Agent side", "座席侧"),
    ("customer_side", "Customer side", "客户侧"),
    ("tenants", "Tenants", "租户"),
    ("agents", "Agents", "座席"),
    ("channels", "Channels", "渠道"),
    ("nothing", "Nothing was asked yet.", "尚无请求。"),
    ("origin", "Page's origin", "页面来源"),
    ("let_in", "let in", "已放行"),
    ("refused", "refused", "已拒绝"),
)


def words_of(*rows: Row) -> Words:
    """Return the words of a page with *rows*, by language."""
    return by_language(*_OF_EVERY_PAGE, *rows)


STATUS_WORDS = words_of(*_ROWS)


def framed(words: Mapping[str, str], content: str) -> str:
    """Return the whole page with *content*, HTML; *words* has its title."""
    # The content is filled in last: what was posted may look like a placeholder.
    return filled(shipped("frame.html"), {**words, "content": content}, last="content")


def filled(text: str, parts: Mapping[str, str], *, last: str) -> str:
    """Return *text* with *parts* in place of `{{name}}`; nothing is filled in within the *last* one."""
    for name in sorted(parts, key=last.__eq__):
        text = text.replace(f"{{{{{name}}}}}", parts[name])
    return text


def script(name: str, given: Mapping[str, object]) -> str:
    """Return the script *name*, with *given* as its constant."""
    # "<" could end the script element, and U+2028 ends a line for old engines (json.dumps escapes it).
    literal = json.dumps(given).replace("<", "\\u003c")
    return shipped(name).replace(_GIVEN_IN_SCRIPT, f"const given = {literal};", 1)


def bar(given: Mapping[str, object]) -> str:
    """Return the document in the agent bar's frame, with *given* filled in."""
    return shipped("bar.html").replace(_GIVEN_IN_PAGE, html.escape(json.dumps(given)), 1)


@cache
def shipped(name: str) -> str:
    """Return the text of the shipped file *name*."""
    return (_FOLDER / name).read_text("utf-8")


def status(registration: Registration, records: list[Record], language: str) -> str:
    """Return the status page in *language*: what is registered, and the last exchanges, newest first."""
    words = STATUS_WORDS[language]
    facts = (
        ("agent_side", registration.enterprise.agent_url),
        ("customer_side", registration.enterprise.chat_url),
        ("tenants", ", ".join(sorted(registration.tenants))),
        ("agents", ", ".join(agent.account for agent in registration.agents)),
        ("channels", ", ".join(sorted(registration.channels))),
    )
    parts = {
        "facts": _pairs((words[key], text or "-") for key, text in facts),
        "exchanges": "".join(_exchange(record, words) for record in records) or f"<p>{words['nothing']}</p>",
        **words,
    }
    return framed(words, filled(shipped("status.html"), parts, last="exchanges"))


def _exchange(record: Record, words: Mapping[str, str]) -> str:
    """Return one exchange as a <details> element; its outcome is also a class, for its colour."""
    is_in = record.outcome == "let in"
    outcome = words["let_in"] if is_in else record.outcome.replace("refused", words["refused"], 1)
    facts = [(words["origin"], record.origin), *record.details.items()]
    kind = "in" if is_in else "out"
    summary = (
        f"<time>{html.escape(record.time)}</time> <b>{html.escape(record.door)}</b> "
        f'<span class="{kind}">{html.escape(outcome)}</span>'
    )
    return (
        f'<details id="exchange-{record.number}"><summary>{summary}</summary>'
        f"<dl>{_pairs(facts)}</dl></details>\n"
    )


def _pairs(facts: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in facts)
