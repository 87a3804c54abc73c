"""Whether what came is an image, and whole. By its first and last bytes: nothing is decoded."""

from __future__ import annotations

import re

from tmdbfusion_scrapy.exceptions import ResponseError

_TAIL = 4096
"""Bytes at the end in which the end of an image has to stand: some have a little behind it."""

_SVG = re.compile(rb"\s*(<\?xml|<!--|<!DOCTYPE\s+svg|<svg[\s>])", re.IGNORECASE)


def check_image(body: bytes, content_type: str = "") -> str:
    """Return the media type of an image, such as ``image/jpeg``.

    A body that broke off on its way is found by its length; this finds what a server sent so, with HTTP 200.

    Args:
        body: The image.
        content_type: What the server says it is; what names another class of types is refused.

    Raises:
        ResponseError: It is none, or not whole. It may be another time: a CDN's error page goes away.
    """
    if not body:
        raise ResponseError("the image is empty")
    named = content_type.partition(";")[0].strip().lower()
    if named.startswith(("text/", "application/json", "application/xml", "application/xhtml", "multipart/")):
        raise ResponseError(f"{named[:100]} instead of an image")
    tail = body[-_TAIL:]
    if body.startswith(b"\xff\xd8\xff"):
        return _whole("image/jpeg", b"\xff\xd9" in tail)
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return _whole("image/png", b"IEND\xaeB`\x82" in tail)
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        return _whole("image/webp", len(body) >= int.from_bytes(body[4:8], "little") + 8)
    if body.startswith((b"GIF87a", b"GIF89a")):
        return _whole("image/gif", tail.rstrip(b"\0").endswith(b"\x3b"))
    text = body.removeprefix(b"\xef\xbb\xbf")
    if _SVG.match(text) and b"<svg" in text.lower():
        return _whole("image/svg+xml", b"</svg" in tail.lower() or tail.rstrip().endswith(b"/>"))
    raise ResponseError("what came is no image")


def _whole(media_type: str, whole: bool) -> str:
    """The media type of an image that is whole."""
    if not whole:
        raise ResponseError(f"the image ({media_type}) breaks off")
    return media_type
