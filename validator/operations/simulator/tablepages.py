"""The page of the cloud's basic tables: their columns and templates, an upload for each, the import list."""

import html
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from validator.operations.simulator.importing import Imported
from validator.operations.simulator.pages import framed, words_of
from validator.operations.simulator.registration import BasicTable, Column
from validator.web.portal.words import Row

_ROWS: tuple[Row, ...] = (
    ("title", "Basic tables of the simulated cloud", "模拟云端的基本表"),
    (
        "hint",
        "Download a template, write tables with <code>validator customers export --template FILE --out "
        "FOLDER</code>, and upload them here. Each file is checked by its name, size, encoding and header, "
        "and then row by row.",
        "下载模板，用 <code>validator customers export --template 文件 --out 目录</code> 导出，"
        "再在这里上传。系统先检查文件名、大小、编码和表头，再逐行检查。",
    ),
    ("template", "Template", "模板"),
    ("upload", "Import", "导入"),
    ("file", "CSV file", "CSV 文件"),
    ("imports", "Import list", "导入列表"),
    ("none", "Nothing was imported yet.", "尚无导入。"),
    (
        "no_tables",
        "No table is registered: add [[tables]] and [[columns]].",
        "没有登记基本表：请添加 [[tables]] 和 [[columns]]。",
    ),
    ("refused", "refused", "已拒绝"),
    ("counts", "{accepted} of {rows} rows imported", "共 {rows} 行，已导入 {accepted} 行"),
    (
        "repeated",
        "{repeated} with an index value that an earlier row has",
        "其中 {repeated} 行的索引值与前面的行相同",
    ),
)
WORDS = words_of(*_ROWS)


def page(tables: Iterable[BasicTable], imports: Sequence[Imported], language: str) -> str:
    """Return the page in *language*, with *imports* newest first."""
    words = WORDS[language]
    forms = "".join(_table(table, words) for table in tables) or f"<p>{words['no_tables']}</p>"
    listed = "".join(_imported(each, words) for each in imports) or f"<p>{words['none']}</p>"
    content = f"<p>{words['hint']}</p>\n{forms}<h2>{words['imports']}</h2>\n{listed}"
    return framed(words, f"<main>\n{content}</main>\n")


def _table(table: BasicTable, words: Mapping[str, str]) -> str:
    name, place = html.escape(table.name), f"tables/{quote(table.name)}"
    columns = "".join(f"<li>{_column(column)}</li>" for column in table.columns)
    return (
        f"<section><h2>{name}</h2><ul>{columns}</ul>"
        f'<p><a href="{place}/template.csv">{words["template"]}</a></p>'
        f'<form method="post" enctype="multipart/form-data" '
        f'action="{place}/imports?lang={words["language"]}">'
        f'<label>{words["file"]} <input type="file" name="file" accept=".csv" required></label> '
        f"<button>{words['upload']}</button></form></section>\n"
    )


def _column(column: Column) -> str:
    facts = [column.kind, column.type, f"≤ {column.length}", *column.items]
    return html.escape(f"{column.name}: {', '.join(facts)}{' *' if column.required else ''}")


def _imported(each: Imported, words: Mapping[str, str]) -> str:
    counts = words["counts"].format(rows=each.rows, accepted=each.accepted)
    if each.repeated:
        counts = f"{counts}, {words['repeated'].format(repeated=each.repeated)}"
    is_good = not each.refused and each.accepted == each.rows
    outcome = f"{words['refused']}: {each.refused}" if each.refused else counts
    errors = "".join(f"<li>{html.escape(error)}</li>" for error in each.errors)
    return (
        f"<article><p><time>{each.time}</time> <b>{html.escape(each.file)}</b> → {html.escape(each.table)}: "
        f'<span class="{"in" if is_good else "out"}">{html.escape(outcome)}</span></p>'
        f"<ul>{errors}</ul></article>\n"
    )
