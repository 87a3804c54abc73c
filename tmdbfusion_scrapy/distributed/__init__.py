"""One crawl on many machines: a run is planned once, and workers share it out by PgQueuer's jobs in PostgreSQL.

Nothing here is imported, and no table of it is made, but by ``scrapy tmdb-enqueue``, ``tmdb-worker`` and
``tmdb-queue``. PgQueuer is the extra ``distributed``.
"""
