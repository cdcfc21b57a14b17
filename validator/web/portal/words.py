"""The words of the pages in English and Chinese, and which of the two a browser wants.

What scripts say while they work is in `static/words.js`, so that who copies the scripts has it too.
"""

from collections.abc import Mapping
from types import MappingProxyType

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

ENGLISH, CHINESE = "en", "zh-CN"
LANGUAGES = (ENGLISH, CHINESE)
# The primary tag decides, so that zh-TW and zh-Hant get the Chinese there is.
_OF_PRIMARY = {"en": ENGLISH, "zh": CHINESE}

Words = Mapping[str, Mapping[str, str]]
Row = tuple[str, str, str]  # key, English, Chinese

_ROWS: tuple[Row, ...] = (
    ("title", "Contact centre", "联络中心"),
    ("skip", "Skip to the content", "跳到正文"),
    ("pages", "Pages", "页面"),
    ("log_out", "Log out", "退出登录"),
    ("no_script", "These pages need JavaScript.", "本页面需要启用 JavaScript。"),
    ("home", "Overview", "概览"),
    (
        "home_lead",
        "Ready pages for the cloud's agent bar and web chat.",
        "云客服接续条与网页聊天的现成页面。",
    ),
    ("demo", "The demonstration", "演示"),
    (
        "demo_lead",
        "Programs beside these pages, on this machine only. Each has a certificate of a separate authority.",
        "与本页面一起在本机运行的程序，各自使用自己的证书颁发机构签发的证书。",
    ),
    ("demo_status", "What the simulated cloud asked", "模拟云端的请求"),
    ("demo_status_lead", "Its requests to this server, and the responses.", "它向本服务器发出的请求及响应。"),
    ("demo_workbench", "Workbench", "工作台"),
    ("demo_workbench_lead", "Opens the screen pop for a call, in its frame.", "来电时在框架中打开弹屏。"),
    ("demo_tables", "Basic tables", "基本表"),
    ("demo_tables_lead", "Imports exported customers, row by row.", "逐行导入导出的客户。"),
    ("demo_keypad", "IVR keypad", "IVR 按键"),
    ("demo_keypad_lead", "Play a caller whom a flow verifies.", "扮演由流程验证身份的来电者。"),
    ("demo_cobrowse", "Co-browsing", "协同浏览"),
    (
        "demo_cobrowse_lead",
        "Makes the link with which a chat page asks to be shared.",
        "生成链接，打开后聊天页面询问是否共享。",
    ),
    ("demo_centre", "The other call centre", "另一个呼叫中心"),
    (
        "demo_centre_lead",
        "Sign in at its bar here, press Ready, then ring there.",
        "请先在此处的电话条签入并示闲，然后在那里呼入。",
    ),
    ("login", "Log in", "登录"),
    ("login_lead", "With your account of this enterprise.", "使用本企业的账号登录。"),
    ("account", "Account", "账号"),
    ("password", "Password", "密码"),
    ("show_password", "Show the password", "显示密码"),
    ("agent", "Agent bar", "座席接续条"),
    (
        "agent_lead",
        "Take and make calls, with the cloud's bar in this page.",
        "在本页面中使用云端接续条接听和拨打电话。",
    ),
    ("softphone", "My softphone", "我的软电话"),
    (
        "softphone_lead",
        "Where your softphone signs in, and with what.",
        "软电话的注册地址、号码和密码。",
    ),
    ("softphone_numbers", "Numbers and address", "号码和地址"),
    ("softphone_number", "Softphone number", "软电话号码"),
    ("softphone_service", "Registration address", "注册地址"),
    ("softphone_password", "Softphone password", "软电话密码"),
    (
        "softphone_hint",
        "Enter your own password once more to see it. That is recorded.",
        "请再次输入您自己的密码以查看。此操作会被记录。",
    ),
    ("softphone_own_password", "Your password here", "您在此处的登录密码"),
    ("softphone_show", "Show the softphone password", "显示软电话密码"),
    ("softphone_hide", "Hide it now", "立即隐藏"),
    ("customer", "Customer chat", "客户聊天"),
    ("customer_lead", "Chat as a customer who is logged in.", "以已登录客户的身份聊天。"),
    ("guest", "Guest chat", "游客聊天"),
    ("guest_lead", "Chat without an account.", "无需账号即可聊天。"),
    ("needs_login", "Needs a login", "需要登录"),
    ("needs_no_login", "Needs no login", "无需登录"),
    ("progress", "What happens", "进展"),
    ("not_begun", "Nothing has begun yet.", "尚未开始。"),
    ("choose_account", "Which of your accounts at the cloud?", "使用您的哪个云端账号？"),
    ("user_account", "Account at the cloud", "云端账号"),
    ("load_bar", "Load the agent bar", "加载接续条"),
    ("call_out", "Call out", "一键外呼"),
    ("call_out_hint", "Sign in at the bar first.", "请先在接续条上签入。"),
    ("number", "Number", "号码"),
    ("number_hint", "Digits, * and #, with + in front if need be.", "数字、* 和 #，前面可加 +。"),
    ("mode", "With", "方式"),
    ("audio", "Audio", "音频"),
    ("video", "Video", "视频"),
    ("call", "Call", "呼叫"),
    ("card", "Who is calling", "来电客户"),
    ("verification", "Verification", "身份验证"),
    ("no_call", "No call yet.", "尚无来电。"),
    ("events", "Events", "事件"),
    ("no_events", "No event yet.", "尚无事件。"),
    ("time", "Time", "时间"),
    ("event", "Event", "事件"),
    ("work_no", "Work number", "工号"),
    ("content", "Content", "内容"),
    ("ctibar", "Call centre bar", "呼叫中心电话条"),
    (
        "ctibar_lead",
        "Take and make calls of the other call centre, and see who calls.",
        "接听和拨打另一呼叫中心的电话，并查看来电客户。",
    ),
    ("bar", "Bar", "电话条"),
    ("bar_state", "State", "状态"),
    ("bar_begins", "Not connected", "未连接"),
    ("extension", "Extension", "分机"),
    ("bar_login", "Sign in", "签入"),
    ("bar_logout", "Sign out", "签出"),
    ("bar_ready", "Ready", "示闲"),
    ("bar_busy", "Busy", "示忙"),
    ("bar_rest", "Rest", "小休"),
    ("bar_offhook", "Answer", "摘机"),
    ("bar_hangup", "Hang up", "挂断"),
    ("bar_hold", "Hold", "保持"),
    ("bar_unhold", "Resume", "取消保持"),
    ("bar_target", "Extension, number or queue", "分机、号码或技能组"),
    ("bar_transfer_phone", "Transfer to the number", "转接到号码"),
    ("bar_transfer_queue", "Transfer to the queue", "转接到技能组"),
    ("bar_consult", "Consult", "咨询"),
    ("bar_consultComplete", "Complete the consultation", "咨询转接"),
    ("bar_consultCancel", "Take the call back", "咨询取回"),
    (
        "bar_call_hint",
        "Sign in first. You become busy, then the call goes out.",
        "请先签入。系统先将您置忙，再发起呼叫。",
    ),
    ("bar_actions", "Actions", "操作"),
    ("in_call", "During a call", "通话中"),
    ("transcript", "Transcript", "实时转写"),
    ("no_transcript", "Nothing was said yet.", "尚无内容。"),
    ("start_chat", "Start the chat", "开始聊天"),
    ("your_name", "Your name", "您的称呼"),
    ("default_name", "Guest", "游客"),
    ("pop", "Who is calling", "来电弹屏"),
    (
        "pop_lead",
        "The customer with the number of a call.",
        "按通话号码显示客户信息。",
    ),
    ("pop_call", "Call", "通话"),
    ("pop_customer", "Customer", "客户"),
    ("pop_number", "Another number", "其他号码"),
    ("look_up", "Look up", "查询"),
    (
        "sandboxed",
        "The cloud’s page shows this one in a sandbox, where nobody can be logged in. Open the address below "
        "in a new tab; or let the cloud’s administrator allow-same-origin, allow-forms and allow-popups.",
        "云端页面将本页面置于沙箱中，无法在此登录。请在新标签页中打开下面的地址；或请云端管理员为其开启 "
        "allow-same-origin、allow-forms 和 allow-popups。",
    ),
    ("standalone", "Open as a separate page", "在单独的页面中打开"),
    ("can_be_shared", "Can be shared with an agent, after a question", "经询问后可与座席共享"),
    ("share_page", "Share this page with the agent", "与座席共享此页面"),
    ("bubble_hint", "The chat opens from the button in the corner.", "点击角落里的按钮打开聊天窗口。"),
)


def by_language(*rows: Row) -> Words:
    """Return the words of *rows* by their keys, for each language."""
    return MappingProxyType(
        {
            ENGLISH: MappingProxyType({key: english for key, english, _ in rows}),
            CHINESE: MappingProxyType({key: chinese for key, _, chinese in rows}),
        }
    )


WORDS = by_language(*_ROWS)


def language_of(accept_language: str) -> str:
    """Return the language for a header `Accept-Language` (RFC 9110, 12.5.4); English when in doubt."""
    wanted = parse_accept_header(accept_language, LanguageAccept)
    found = (_OF_PRIMARY.get(tag.lower().partition("-")[0]) for tag, quality in wanted if quality > 0)
    return next((language for language in found if language), ENGLISH)
