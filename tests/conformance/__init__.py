"""Scrapy's own conformance suite for HTTP download handlers, run on ``TMDBDownloadHandler``.

From the top of a checkout, in an environment with this package and its extra ``test``::

    python -m tests.conformance

It fetches the sdist of the Scrapy that is installed (by pip, into a temporary folder), runs its suite on our
handler with every host routed to it, and beside that on Scrapy's httpx and aiohttp handlers. It prints what
passed, what failed, and what does not apply, each with its reason. The exit code is 1 when ours passes fewer
tests than Scrapy's httpx handler, and 2 when the suite could not be run.

Nothing is installed into the environment: what the suite needs and is missing goes into the temporary folder.
Where there is a ``mitmdump`` (on the path, or named by the environment variable ``MITMDUMP``), the tests with
real proxies run as well. Without a network, ``--sdist scrapy-2.19.0.tar.gz`` takes an sdist that is there.
"""
