"""The type checkers, one of which may fetch what it needs."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _one_authority() -> None:
    """Trust the authorities of the system."""
