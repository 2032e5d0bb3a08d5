"""The little Markdown of the contract's comments as HTML: paragraphs, lists, `code` and **bold**."""

import re

from markupsafe import Markup, escape

CODE = re.compile(r"`([^`]+)`")
BOLD = re.compile(r"\*\*([^*]+)\*\*")


def render_comment(text: str | None) -> Markup:
    """Return a comment as HTML; nothing for none."""
    blocks = re.split(r"\n\s*\n", (text or "").strip())
    return Markup("\n").join(_render_block(block) for block in blocks if block)


def _render_block(block: str) -> Markup:
    if block.startswith("- "):
        items = re.split(r"\n- ", block[2:])
        return Markup('<ul class="kern-list kern-list--bullet">{}</ul>').format(
            Markup("").join(Markup("<li>{}</li>").format(_render_inline(item)) for item in items)
        )
    return Markup('<p class="kern-body">{}</p>').format(_render_inline(block))


def _render_inline(text: str) -> Markup:
    marked = CODE.sub(r"<code>\1</code>", str(escape(text)))
    return Markup(BOLD.sub(r"<strong>\1</strong>", marked))  # noqa: S704 -- escaped before
