"""Plugin of datasette: images in place of their paths, and beside the name of what they are of.

An image that the crawl stored comes from there, every other one from TMDB. The metadata may say from where::

    {"plugins": {"tmdb-images": {"url": "https://image.tmdb.org/t/p", "store": "images"}}}

``store`` is a folder that is served as ``/tmdb-images`` (``--static tmdb-images:images``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup, escape
from pluggy import HookimplMarker

hookimpl = HookimplMarker("datasette")

STATIC = "tmdb-images"
_URL = "https://image.tmdb.org/t/p"
_SIZES = {"poster": "w92", "backdrop": "w300", "profile": "w45", "still": "w92", "logo": "w92"}
_IMAGE_OF = {"title": ("poster",), "name": ("poster", "profile", "still", "logo")}
"""What is shown beside the name of a record, the first that it has."""


@hookimpl
def render_cell(row: Any, value: Any, column: str, table: str | None, datasette: Any) -> Markup | None:
    """Return the cell as HTML; ``None`` leaves it as it is."""
    if not isinstance(value, str):
        return None
    names = row.keys()
    if column in _IMAGE_OF and "fetched_at" in names:
        # A record: its picture is far to the right.
        for image in _IMAGE_OF[column]:
            path = row[f"{image}_path"] if f"{image}_path" in names else None
            if path:
                shown = _image(row, path, image, table, datasette)
                return Markup("{} {}").format(shown, value) if shown else None
        return None
    image = row["image_type"] if column == "file_path" and "image_type" in names else column[: -len("_path")]
    return (
        _image(row, value, image, table, datasette) if column.endswith("_path") and image in _SIZES else None
    )


def _image(row: Any, path: str, image: str, table: str | None, datasette: Any) -> Markup | None:
    """Return an image that leads to a larger one; ``None`` for what is no path of an image."""
    if not path.startswith("/") or path.startswith("//"):
        return None
    config = datasette.plugin_config("tmdb-images") or {}
    small = large = ""
    if table is not None and config.get("store") and "id" in row.keys():  # noqa: SIM118 - a row of SQLite
        small = large = _stored(Path(config["store"]), table, row["id"], path, datasette)
    if not small:
        url = config.get("url") or _URL
        # SVG is there in its original size only.
        size = "original" if path.endswith(".svg") else _SIZES[image]
        small, large = f"{url}/{size}{path}", f"{url}/original{path}"
    return Markup('<a href="{}"><img class="tmdb-{}" src="{}" alt="{}" loading="lazy"></a>').format(
        large, escape(image), small, image
    )


def _stored(store: Path, table: str, key: Any, path: str, datasette: Any) -> str:
    """Return the address of a stored image; empty where there is none, or another one than TMDB names."""
    for source in sorted((store / table / str(key)).glob("*.source")):
        if source.read_bytes() != path.encode():
            continue
        for image in source.parent.glob(f"{source.stem}.*"):
            if image.suffix != source.suffix:
                return str(datasette.urls.path(f"/{STATIC}/{image.relative_to(store).as_posix()}"))
    return ""
