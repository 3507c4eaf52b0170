"""Words of people in Markdown: whatever they hold, a reader loads and runs nothing of it."""

import pytest
from markdown_it import MarkdownIt

from dae_lab.report.markdown import code, prose

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=http://a/p.png>",
    "![p](http://a/p.png)",
    "![p][r]\n\n[r]: http://a/p.png",
    "[l](http://a)",
    "[l](<http://a>)",
    "<http://a>",
    "\\![p](http://a/p.png)",
    "!\\[p](http://a/p.png)",
    "`` ` ``![p](http://a/p.png)",
    "a\n\n<b>\n\n# c",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("frame", ["# {}", "*Source: {}*", "> {}", "- {}.", "| a |\n|---|\n| {} |"])
@pytest.mark.parametrize("written", [prose, code])
def test_nothing_is_loaded_linked_or_run(text, frame, written):
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(frame.format(written(text)))
    assert not any(part in html for part in ("<script", "<img", "<a ", "<b>"))
    assert html.count("<h1>") == frame.count("#")


@pytest.mark.parametrize("text", ["E[x²] of `a`", "*so*, **so**", "2 < 3"])
def test_what_people_mean_stays(text):
    shown = MarkdownIt("commonmark", {"html": True}).renderInline(prose(text))
    assert shown == MarkdownIt("commonmark", {"html": False}).renderInline(text)
