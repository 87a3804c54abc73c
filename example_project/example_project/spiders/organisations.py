"""Collections, companies, networks and keywords: TMDB has no lists of them but its daily exports."""

from tmdbfusion_scrapy.crawling import TMDBSourceSpider


class CollectionsSpider(TMDBSourceSpider):
    """Crawl collections of movies: ``scrapy crawl tmdb_collections -a ids=10``."""

    name = "tmdb_collections"
    details_operation = "collection-details"


class CompaniesSpider(TMDBSourceSpider):
    """Crawl production companies: ``scrapy crawl tmdb_companies -a limit=1000``."""

    name = "tmdb_companies"
    details_operation = "company-details"


class NetworksSpider(TMDBSourceSpider):
    """Crawl television networks: ``scrapy crawl tmdb_networks``."""

    name = "tmdb_networks"
    details_operation = "network-details"


class KeywordsSpider(TMDBSourceSpider):
    """Crawl keywords: ``scrapy crawl tmdb_keywords``."""

    name = "tmdb_keywords"
    details_operation = "keyword-details"
