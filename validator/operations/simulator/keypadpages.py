"""The page of the IVR keypad: a form for each flow, and the verifications with both readings of each."""

import html
import json
from collections.abc import Iterable, Mapping

from validator.operations.simulator.keypad import Keypad, KeypadRecord
from validator.operations.simulator.pages import framed, words_of
from validator.operations.simulator.registration import Flow
from validator.operations.simulator.scenario import SHAPES
from validator.web.portal.words import Row

_ROWS: tuple[Row, ...] = (
    ("title", "IVR keypad of the simulated cloud", "模拟云端的 IVR 键盘"),
    (
        "hint",
        "Key in what a caller would. The flow sends it to the enterprise, and reads the result at both "
        "places where the cloud's documents have it.",
        "输入来电者的按键。流程把它发送给企业，并在云端文档所述的两个位置读取结果。",
    ),
    ("callerNum", "Calling number", "主叫号码"),
    ("customer", "Customer's id", "客户编号"),
    ("answer", "Answer, by keys", "按键"),
    ("callid", "Call", "呼叫流水号"),
    ("shape", "verifyWorkNo stands", "verifyWorkNo 的位置"),
    ("beside", "beside calldata", "calldata 旁边"),
    ("inside", "in calldata", "calldata 里面"),
    ("verify", "Verify", "验证"),
    ("list", "Verifications", "验证记录"),
    ("none", "Nothing was verified yet.", "尚无验证。"),
    ("no_flows", "No flow is registered: add [[flows]].", "没有登记流程：请添加 [[flows]]。"),
    ("absent", "absent", "无"),
    ("result_0", "not returned", "未返回"),
    ("result_1", "passed", "通过"),
    ("result_2", "failed", "未通过"),
    ("result_3", "exception", "异常"),
    ("read_beside", "data beside calldata", "calldata 旁边的 data"),
    ("read_inside", "data in calldata", "calldata 里面的 data"),
)
WORDS = words_of(*_ROWS)
_INPUTS = ("callerNum", "customer", "answer", "callid")


def page(flows: Iterable[Flow], keypad: Keypad, language: str) -> str:
    """Return the page in *language*, with the verifications of *keypad* newest first."""
    words = WORDS[language]
    forms = "".join(_form(flow, keypad, words) for flow in flows) or f"<p>{words['no_flows']}</p>"
    records = "".join(_record(record, words) for record in keypad.records) or f"<p>{words['none']}</p>"
    content = f"<p>{words['hint']}</p>\n{forms}<h2>{words['list']}</h2>\n{records}"
    return framed(words, f"<main>\n{content}</main>\n")


def _form(flow: Flow, keypad: Keypad, words: Mapping[str, str]) -> str:
    code = html.escape(flow.code)
    wanted = [name for name in _INPUTS if name != "customer" or flow.customer_field]
    inputs = "".join(
        f'<p><label>{words[name]} <input name="{name}" maxlength="64" autocomplete="off"'
        f"{' required' if name == 'answer' else ''}></label></p>"
        for name in wanted
    )
    choices = "".join(f'<option value="{shape}">{words[shape]}</option>' for shape in SHAPES)
    result = html.escape(json.dumps(keypad.verify_result(flow.code)))
    action = f"keypad/{code}?lang={words['language']}"
    return (
        f'<section><h2>{code}</h2><form method="post" action="{action}">{inputs}'
        f'<p><label>{words["shape"]} <select name="shape">{choices}</select></label></p>'
        f"<button>{words['verify']}</button></form>"
        f"<p><code>getVerifyResult(&quot;{code}&quot;)</code> = <code>{result}</code></p></section>\n"
    )


def _record(record: KeypadRecord, words: Mapping[str, str]) -> str:
    readings = "; ".join(
        f"{words[f'read_{name}']}: {_word(found, words)}"
        for name, found in (("beside", record.beside), ("inside", record.inside))
    )
    event = {"verifyTypeCode": record.code, "verifyResult": str(record.result), "callid": record.call}
    facts = [record.problem or "", f"HTTP {record.status}" if record.status else "", record.request_id or ""]
    return (
        f"<article><p><time>{record.time}</time> <b>{html.escape(record.code)}</b>, {words[record.shape]}: "
        f'<span class="{"in" if record.result == 1 else "out"}">{words[f"result_{record.result}"]}</span></p>'
        f"<p>{readings}</p><p>{html.escape(', '.join(filter(None, facts)))}</p>"
        f"<p><code>IvrReturn {html.escape(json.dumps(event))}</code></p></article>\n"
    )


def _word(result: int | None, words: Mapping[str, str]) -> str:
    return words["absent"] if result is None else f"{result}, {words[f'result_{result}']}"
