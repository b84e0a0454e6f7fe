"""A page of HTML that needs nothing else: no network, no script; whatever comes from facts is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from graphrisk.evidence.charts import bar

STYLE = """
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:#1c1f26;background:#fff;margin:0}
main{max-width:980px;margin:0 auto;padding:28px 24px 60px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:18px;margin:34px 0 8px;border-bottom:1px solid #e3e6eb;padding-bottom:4px}
h3{font-size:15px;margin:18px 0 4px}p{margin:6px 0}.quiet{color:#5b6474;fill:#5b6474}
.for{background:#f4f5f8;border-left:4px solid #6b7a99;padding:8px 12px;margin:14px 0}
.lead{font-size:16px}.facts{display:flex;flex-wrap:wrap;gap:8px 28px;margin:12px 0}.facts div{min-width:90px}
.facts b{display:block;font-size:19px}.facts span{color:#5b6474;font-size:13px}
.high{color:#b3202c}.medium{color:#8a6100}.low{color:#2f6b58}
.wide{overflow-x:auto}
table{border-collapse:collapse;max-width:100%;margin:8px 0;font-size:13.5px}
th{text-align:left;color:#5b6474;font-weight:600;border-bottom:1px solid #c4c9d2;padding:3px 10px 3px 0}
td{border-bottom:1px solid #eef0f3;padding:4px 10px 4px 0;vertical-align:top;overflow-wrap:anywhere}
td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}td.w{white-space:nowrap}td:not(.n):not(.w){min-width:7.4em}tr.sum td{font-weight:700;border-top:1px solid #c4c9d2}
svg{font:11px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#1c1f26}svg.ring{display:block;margin:0 auto;width:100%;max-width:760px}
svg.time{width:100%}svg.bar{display:block}
text.halo{paint-order:stroke;stroke:#fff;stroke-width:3px}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;margin:4px 0}.legend i{display:inline-block;width:11px;height:11px;margin-right:6px;border-radius:2px}
.legend i.dot{border-radius:50%}code{font:12.5px ui-monospace,Menlo,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 18px;font-size:13.5px;margin:8px 0}dt{color:#5b6474}dd{margin:0}
@media print{main{max-width:none;padding:0}h2,h3{break-after:avoid}tr,svg{break-inside:avoid}.wide{overflow:visible}}
"""


def page(title: str, sections: Iterable[str]) -> str:
    """A whole document."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        f'content="{policy}"><title>{escape(title)}</title><style>{STYLE}</style>'
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><main>\n{"".join(sections)}</main></body></html>\n'


def section(title: str, *parts: str) -> str:
    """A part of a page under a heading; nothing where there is nothing in it."""
    inside = "\n".join(part for part in parts if part)
    return f"<section><h2>{escape(title)}</h2>\n{inside}\n</section>\n" if inside else ""


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph, of a class of the style."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def bullets(texts: Iterable[str]) -> str:
    """A list of sentences."""
    inside = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul>{inside}</ul>" if inside else ""


def figures(pairs: Iterable[tuple[str, str, str]]) -> str:
    """Figures beside one another: what each is of, the figure, a class."""
    return f'<div class="facts">{"".join(f"<div><span>{escape(name)}</span><b class={chr(34)}{kind}{chr(34)}>{escape(text)}</b></div>" for name, text, kind in pairs)}</div>'


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Names with their values."""
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd><code>{escape(text)}</code></dd>' for name, text in pairs)}</dl>"


def legend(marks: Iterable[tuple[str, str, bool]]) -> str:
    """What colours mean: a colour, its meaning, whether it is a dot."""
    shown = (
        f'<span><i class="{"dot" if dot else ""}" style="background:{colour}"></i>{escape(text)}</span>'
        for colour, text, dot in marks
    )
    return f'<div class="legend">{"".join(shown)}</div>'


def table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]], most: int = 60) -> str:
    """A table of texts, ``most`` rows of it; a column is its heading and whether it holds numbers."""
    if not rows:
        return ""
    heads = "".join(
        f'<th class="n">{escape(name)}</th>' if number else f"<th>{escape(name)}</th>" for name, number in columns
    )
    shown = "".join(
        "<tr>"
        + "".join(
            f'<td class="n">{escape(cell)}</td>' if number else f"<td>{escape(cell)}</td>"
            for cell, (_, number) in zip(row, columns, strict=True)
        )
        + "</tr>"
        for row in rows[:most]
    )
    more = paragraph(f"and {len(rows) - most:,} more in pack.json", "quiet") if len(rows) > most else ""
    return f'<div class="wide"><table><tr>{heads}</tr>{shown}</table></div>{more}'


def waterfall(rows: Sequence[tuple[int, str, str]], total: str) -> str:
    """Parts that add up: what each adds, what it is, what it means; the last line is the sum, called ``total``."""
    sums = [0]
    for adds, _, _ in rows:
        sums.append(sums[-1] + adds)
    low, high = min(sums), max(sums)
    shown = "".join(
        f'<tr><td class="n">{adds:+,}</td><td class="n">{after:,}</td><td class="w">{bar(before, adds, low, high)}</td>'
        f"<td>{escape(name)}</td><td>{escape(text)}</td></tr>"
        for (adds, name, text), before, after in zip(rows, sums, sums[1:], strict=False)
    )
    heads = '<tr><th class="n">adds</th><th class="n">sum</th><th></th><th></th><th></th></tr>'
    last = f'<tr class="sum"><td class="n"></td><td class="n">{sums[-1]:,}</td><td class="w"></td><td colspan="2">{escape(total)}</td></tr>'
    return f'<div class="wide"><table>{heads}{shown}{last}</table></div>'
