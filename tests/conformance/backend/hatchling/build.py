"""The one hook of PEP 517 that ``pip download`` calls: an sdist has its metadata in PKG-INFO."""

from __future__ import annotations

import shutil
from email.parser import HeaderParser
from pathlib import Path


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: object = None) -> str:
    """Hand over the metadata without building anything."""
    metadata = HeaderParser().parsestr(Path("PKG-INFO").read_text(encoding="utf-8"))
    folder = Path(metadata_directory, f"{metadata['Name']}-{metadata['Version']}.dist-info")
    folder.mkdir()
    shutil.copy("PKG-INFO", folder / "METADATA")
    return folder.name


def build_wheel(
    wheel_directory: str, config_settings: object = None, metadata_directory: object = None
) -> str:
    """Refuse."""
    raise NotImplementedError("the sdist is only downloaded")
