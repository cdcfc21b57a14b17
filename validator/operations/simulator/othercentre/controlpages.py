"""The control page of the other centre: its agents, the switches, and the pushed call records."""

import html
from collections.abc import Mapping
from typing import Any

from validator.operations.simulator.othercentre.logins import Logins
from validator.operations.simulator.othercentre.phones import Phones
from validator.operations.simulator.othercentre.push import WAYS, Pushes
from validator.operations.simulator.pages import framed, words_of
from validator.web.portal.words import Row

_ROWS: tuple[Row, ...] = (
    ("title", "The other call centre, simulated", "模拟的另一呼叫中心"),
    (
        "hint",
        "Play the callers, and choose how the records of ended calls reach the enterprise.",
        "在此扮演来电者，并选择通话结束后话单如何推送给企业。",
    ),
    ("state_off", "not signed in", "未签入"),
    ("state_ready", "ready", "空闲"),
    ("state_busy", "busy", "忙碌"),
    ("state_rest", "resting", "小休"),
    ("bars", "bars", "电话条"),
    ("held", "on hold", "保持中"),
    ("consulting", "consulting", "咨询中"),
    ("number", "Number", "号码"),
    ("ring", "Ring", "呼入"),
    ("answer", "The other party answers", "对方接听"),
    ("hangup", "The other party hangs up", "对方挂机"),
    ("cut", "Cut the connection", "切断连接"),
    ("text", "Speech", "语音"),
    ("recognize", "Recognize", "识别"),
    ("switches", "Switches", "开关"),
    ("single_login", "A login ends the agent's earlier one", "重复登录会使之前的登录失效"),
    ("renews", "A call renews the token", "外呼时更新令牌"),
    ("asr", "Speech recognition", "语音识别"),
    ("save", "Save", "保存"),
    ("records", "Call records", "话单"),
    ("way", "Push", "推送方式"),
    ("choose", "Push the next ones so", "此后如此推送"),
    ("again", "Push again so", "再次推送"),
    ("release", "Send those that wait", "发送等待中的话单"),
    ("deliveries", "Deliveries", "推送结果"),
    ("none", "None yet.", "尚无。"),
    ("once", "once", "一次"),
    ("twice", "twice", "两次"),
    ("late", "late: when released", "延迟：手动发送"),
    ("out-of-order", "out of order: after the next one", "乱序：在下一条之后"),
    ("changed", "then changed", "之后变更"),
    ("malformed", "malformed", "格式错误"),
    ("blank", "with empty and null values", "含空值"),
    ("callid", "with callid for callId", "以 callid 代替 callId"),
    ("dropped", "response not read", "不读取响应"),
    ("never", "never", "不推送"),
)
WORDS = words_of(*_ROWS)


def page(phones: Phones, logins: Logins, pushes: Pushes, language: str) -> str:
    """Return the page in *language*; deliveries and records are newest first."""
    words = WORDS[language]
    agents = "".join(_agent(agent, words) for agent in phones.seen())
    content = f"<p>{words['hint']}</p>\n{agents}{_switches(logins, phones, words)}{_records(pushes, words)}"
    return framed(words, f"<main>\n{content}</main>\n")


def _agent(agent: Mapping[str, Any], words: Mapping[str, str]) -> str:
    facts = [
        words[f"state_{agent['state']}"],
        f"{agent['bars']} {words['bars']}",
        agent["direction"],
        agent["number"],
    ]
    facts += [words["held"]] if agent["isHeld"] else []
    facts += [f"{words['consulting']} {agent['consulting']}"] if agent["consulting"] else []
    name = html.escape(agent["username"])
    hidden = f'<input type="hidden" name="username" value="{name}">'
    return (
        f'<section id="agent-{name}"><h2>{name}, {html.escape(agent["extNo"])}</h2>'
        f"<p>{html.escape(', '.join(filter(None, facts)))}</p>"
        + _form("ring", words, hidden + _input("number", "13606254580", words))
        + _form("recognize", words, hidden + _input("text", "", words))
        + "".join(_form(action, words, hidden) for action in ("answer", "hangup", "cut"))
        + "</section>\n"
    )


def _switches(logins: Logins, phones: Phones, words: Mapping[str, str]) -> str:
    switches = {"single_login": logins.single_login, "renews": logins.renews, "asr": phones.has_asr}
    boxes = "".join(
        f'<p><label><input type="checkbox" name="{name}"{" checked" if is_on else ""}>'
        f" {words[name]}</label></p>"
        for name, is_on in switches.items()
    )
    return f"<section><h2>{words['switches']}</h2>{_form('switches', words, boxes, 'save')}</section>\n"


def _records(pushes: Pushes, words: Mapping[str, str]) -> str:
    records = "".join(_record(record, pushes.way, words) for record in pushes.records)
    deliveries = "".join(
        f"<p><time>{each.time}</time> <code>{html.escape(each.call)}</code> {words[each.way]}: "
        f"<b>{html.escape(each.outcome)}</b></p>"
        for each in list(pushes.deliveries)
    )
    return (
        f"<section><h2>{words['records']}</h2>"
        + _form("way", words, _ways(pushes.way, words), "choose")
        + (f"{_form('release', words, '')}<p>{pushes.waiting}</p>" if pushes.waiting else "")
        + (records or f"<p>{words['none']}</p>")
        + f"</section><section><h2>{words['deliveries']}</h2>{deliveries or words['none']}</section>\n"
    )


def _record(record: Mapping[str, Any], way: str, words: Mapping[str, str]) -> str:
    call = html.escape(str(record["callId"]))
    facts = html.escape(
        f"{record['direction']} {record['caller']} → {record['callee']}, {record['duration']} s"
    )
    hidden = f'<input type="hidden" name="callId" value="{call}">'
    form = _form("again", words, hidden + _ways(way, words))
    return f"<article><p><code>{call}</code> {facts}</p>{form}</article>"


def _ways(present: str, words: Mapping[str, str]) -> str:
    options = "".join(
        f'<option value="{way}"{" selected" if way == present else ""}>{words[way]}</option>' for way in WAYS
    )
    return f'<p><label>{words["way"]} <select name="way">{options}</select></label></p>'


def _input(name: str, value: str, words: Mapping[str, str]) -> str:
    return f'<p><label>{words[name]} <input name="{name}" value="{value}" autocomplete="off"></label></p>'


def _form(action: str, words: Mapping[str, str], inputs: str, button: str = "") -> str:
    """Return the form that does *action*, with *inputs* (HTML) and a button."""
    target = f"control/{action}?lang={words['language']}"
    return f'<form method="post" action="{target}">{inputs}<button>{words[button or action]}</button></form>'
