"""The spiders, one for each kind of record."""
