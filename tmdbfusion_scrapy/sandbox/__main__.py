"""``python -m tmdbfusion_scrapy.sandbox``."""

from __future__ import annotations

import sys

from tmdbfusion_scrapy.sandbox.command import main

if __name__ == "__main__":
    sys.exit(main())
