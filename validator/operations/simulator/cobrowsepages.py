"""The agent's page of the simulated co-browsing: it makes links, and shows which pages are shared."""

import html
from collections.abc import Iterable, Mapping

from validator.operations.simulator.cobrowse import MAX_ADDRESS, PARAMETER, Share
from validator.operations.simulator.pages import framed, words_of
from validator.web.portal.words import Row

_ROWS: tuple[Row, ...] = (
    ("title", "Co-browsing of the simulated cloud", "模拟云端的网页协同"),
    (
        "hint",
        "Make a link to a page, and open it as the customer would. The page asks before it is shared. Here "
        "only its title and address arrive; the real cloud gets the whole page.",
        "为某个页面生成链接，并以客户身份打开。页面会先询问是否共享。此处只收到页面的标题和地址；真实云端会得到整个页面。",
    ),
    ("page", "Address of the page", "页面地址"),
    ("make", "Make a link", "生成链接"),
    ("escaped", "the same link, escaped once too often", "同一链接，多转义一次"),
    ("shares", "Links", "链接"),
    ("none", "No link was made yet.", "尚无链接。"),
    ("shared", "shared", "已共享"),
    ("not_shared", "not shared", "未共享"),
    ("live", "Updated every second.", "每秒更新一次。"),
    ("lost", "The simulator does not answer; trying again.", "模拟云端没有应答，正在重试。"),
)
WORDS = words_of(*_ROWS)


def page(shares: Iterable[Share], suggested: str, language: str) -> str:
    """Return the page in *language*, with the address *suggested* in its form, and the *shares*."""
    words = WORDS[language]
    listed = "".join(_share(share, words) for share in shares) or f"<p>{words['none']}</p>"
    form = (
        f'<form method="post" action="cobrowse?lang={words["language"]}"><p><label>{words["page"]} '
        f'<input name="page" type="url" required maxlength="{MAX_ADDRESS}" size="50" '
        f'value="{html.escape(suggested)}"></label> <button>{words["make"]}</button></p></form>'
    )
    state = f'<p id="state" role="status" data-live="{words["live"]}" data-lost="{words["lost"]}"></p>'
    content = (
        f"<p>{words['hint']}</p>\n{form}\n<h2>{words['shares']}</h2>\n{state}\n"
        f'<div id="exchanges">{listed}</div>\n</main>\n<script src="status.js"></script>'
    )
    return framed(words, f"<main>\n{content}\n")


def _share(share: Share, words: Mapping[str, str]) -> str:
    kind, state = ("in", "shared") if share.is_shared else ("out", "not_shared")
    link = html.escape(share.link)
    escaped = html.escape(share.link.replace(f"&{PARAMETER}", f"&amp;{PARAMETER}"))
    other = f' (<a href="{escaped}">{words["escaped"]}</a>)' if escaped != link else ""
    about = html.escape(" ".join(filter(None, (share.title, share.address))))
    return (
        f'<article id="share-{html.escape(share.id)}"><p><time>{share.time}</time> '
        f'<span class="{kind}">{words[state]}</span> {about}</p>'
        f'<p><a href="{link}">{link}</a>{other}</p></article>\n'
    )
