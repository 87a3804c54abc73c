"""Commands of the ``scrapy`` tool. Scrapy loads them at each start, so they import what they need late."""
