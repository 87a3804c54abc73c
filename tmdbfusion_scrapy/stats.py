"""The stats of a crawl, each declared once. Names hold a status or a class at most, never an id or a URL."""

from __future__ import annotations

REQUEST_COUNT = "tmdb/request_count"
RESPONSE_STATUS_COUNT = "tmdb/response_status_count"
ERROR_COUNT = "tmdb/error_count"
RETRY_COUNT = "tmdb/retry/count"
RETRY_GIVEN_UP = "tmdb/retry/given_up_count"
FAILED_COUNT = "tmdb/failed_count"
DRIFT_COUNT = "tmdb/drift_count"
ITEM_COUNT = "tmdb/item_count"
APPENDED_AGAIN = "tmdb/appended/requested_again_count"
APPENDED_MISSING = "tmdb/appended/missing_count"
CONDITIONAL_REQUESTS = "tmdb/conditional/request_count"
CONDITIONAL_NOT_MODIFIED = "tmdb/conditional/not_modified_count"
CONDITIONAL_SPARED_BYTES = "tmdb/conditional/spared_bytes"
CONDITIONAL_IGNORED = "tmdb/conditional/ignored_count"
POOL_OPENED = "tmdb/pool/connections_opened"
POOL_REUSED = "tmdb/pool/connections_reused"
POOL_OPEN = "tmdb/pool/connections_open"
POOL_WAITING = "tmdb/pool/waiting_max"
POOL_HANDSHAKES = "tmdb/pool/tls_handshakes"
FAILOVER_COUNT = "tmdb/failover_count"
RATE_LIMIT_NOW = "tmdb/rate_limit/requests_per_second"
RATE_LIMIT_LOWEST = "tmdb/rate_limit/lowest_requests_per_second"
RATE_LIMIT_WAITS = "tmdb/rate_limit/wait_count"
RATE_LIMIT_WAIT_SECONDS = "tmdb/rate_limit/wait_seconds"
RATE_LIMIT_PAUSES = "tmdb/rate_limit/pause_count"
DISCOVER_EXPECTED = "tmdb/discover/expected_count"
DISCOVER_FOUND = "tmdb/discover/found_count"
DISCOVER_DUPLICATES = "tmdb/discover/duplicate_count"
DISCOVER_MISSING = "tmdb/discover/missing_count"
EXPORT_SKIPPED = "tmdb/export/skipped_count"
STORED_COUNT = "tmdb/stored_count"
DELETED_COUNT = "tmdb/deleted_count"
OUTDATED_COUNT = "tmdb/outdated_count"
STORAGE_BATCHES = "tmdb/storage/batch_count"
STORAGE_FAILED = "tmdb/storage/failed_count"
STORAGE_LEFT_OUT = "tmdb/storage/left_out_count"
JOBS_DONE = "tmdb/jobs/done_count"
JOBS_FAILED = "tmdb/jobs/failed_count"
JOBS_GIVEN_BACK = "tmdb/jobs/given_back_count"
JOBS_LOST = "tmdb/jobs/lost_count"
FEED_FAILED = "tmdb/feed/failed_count"
FEED_LEFT_OUT = "tmdb/feed/left_out_count"
FEED_NULLED = "tmdb/feed/null_count"
IMAGES_REQUEST_COUNT = "tmdb/images/request_count"
IMAGES_RESPONSE_STATUS_COUNT = "tmdb/images/response_status_count"
IMAGES_STORED = "tmdb/images/stored_count"
IMAGES_STORED_BYTES = "tmdb/images/stored_bytes"
IMAGES_KNOWN = "tmdb/images/known_count"
IMAGES_RETRIES = "tmdb/images/retry_count"
IMAGES_FAILED = "tmdb/images/failed_count"
IMAGES_RATE = "tmdb/images/requests_per_second"
IMAGES_PAUSES = "tmdb/images/pause_count"
IMAGES_OPENED = "tmdb/images/connections_opened"

GAUGES = frozenset(
    {
        POOL_OPEN,
        POOL_WAITING,
        RATE_LIMIT_NOW,
        RATE_LIMIT_LOWEST,
        DISCOVER_EXPECTED,
        DISCOVER_MISSING,
        IMAGES_RATE,
    }
)
"""Stats that are set to what is the case now; all others only grow."""

STATS = {
    REQUEST_COUNT: "Requests sent to TMDB, retries included.",
    f"{RESPONSE_STATUS_COUNT}/<status>": "Responses by HTTP status.",
    f"{ERROR_COUNT}/<ErrorName>": "Failed attempts by error class, retried ones included.",
    RETRY_COUNT: "Retries.",
    RETRY_GIVEN_UP: "Calls that failed for good.",
    f"{FAILED_COUNT}/<ErrorName>": "These by error class.",
    f"{DRIFT_COUNT}/<Model.field>": "Values of the wrong type, by the field they came in.",
    f"{ITEM_COUNT}/<kind>": "Records that came, by kind.",
    APPENDED_AGAIN: "Requests for appended parts that TMDB had left out.",
    f"{APPENDED_MISSING}/<part>": "Records without an appended part that was asked for, by part.",
    CONDITIONAL_REQUESTS: "Requests for stored records with their ETag (``TMDB_CONDITIONAL``).",
    CONDITIONAL_NOT_MODIFIED: "Records that had not changed and were not sent (304).",
    CONDITIONAL_SPARED_BYTES: "Bytes of these, unpacked, as far as ``raw`` has them; counted by ``SQLPipeline``.",
    CONDITIONAL_IGNORED: "Records that had not changed and were sent all the same.",
    POOL_OPENED: "Connections opened.",
    POOL_REUSED: "Requests that went over a connection that was open already.",
    POOL_OPEN: "Connections that are open now, and at the end those that the crawl had kept.",
    POOL_WAITING: "Most requests that waited for a connection, looked at once a second.",
    POOL_HANDSHAKES: "TLS handshakes.",
    FAILOVER_COUNT: "Changes from one host of ``TMDB_API_URLS`` to another, those back to the first among them.",
    RATE_LIMIT_NOW: "Requests a second that are allowed now; 0 for no limit.",
    RATE_LIMIT_LOWEST: "The lowest that was.",
    RATE_LIMIT_WAITS: "Requests that waited for the rate limit.",
    RATE_LIMIT_WAIT_SECONDS: "Seconds that they waited, added up.",
    RATE_LIMIT_PAUSES: "Pauses after a 429, also one that another crawl or client of the process got.",
    DISCOVER_EXPECTED: "Results that TMDB counts for the filters of ``source=discover``.",
    DISCOVER_FOUND: "Different records on the pages that were read.",
    DISCOVER_DUPLICATES: "Entries of the pages whose record was on another one.",
    DISCOVER_MISSING: "Results that were on no page: without a date, or moved while the pages were read.",
    EXPORT_SKIPPED: "Lines of a daily export that are no entries and were left out.",
    f"{STORED_COUNT}/<table>": "Rows inserted or updated, by table.",
    f"{DELETED_COUNT}/<kind>": "Stored records that TMDB has no more (``deleted_at``), by kind.",
    f"{OUTDATED_COUNT}/<kind>": "Records that were not written, as the database has them fetched later, by kind.",
    STORAGE_BATCHES: "Batches written, one transaction each.",
    STORAGE_FAILED: "Records that could not be stored.",
    f"{STORAGE_LEFT_OUT}/<what>": "What of stored records is not in its column or table: values that cannot be "
    "used by ``Model.field``, rows by the ``table.column`` of the key that TMDB did not send.",
    FEED_FAILED: "Items that could not be written to a Parquet feed.",
    f"{FEED_LEFT_OUT}/<ItemClass>": "Items of another class than their Parquet or CSV feed holds.",
    f"{FEED_NULLED}/<Model.field>": "Numbers of more than 64 bits, which are null in a Parquet feed.",
    JOBS_DONE: "Jobs that a worker has done (``scrapy tmdb-worker``).",
    JOBS_FAILED: "Jobs whose records did not come within ``TMDB_JOB_TIMEOUT``.",
    JOBS_GIVEN_BACK: "Jobs that it put back into the queue: it ended, or nothing came of them.",
    JOBS_LOST: "Jobs that another worker took up, or that were cancelled, while it held them.",
    IMAGES_REQUEST_COUNT: "Requests sent for images, retries included; ``tmdb/request_count`` has none of them.",
    f"{IMAGES_RESPONSE_STATUS_COUNT}/<status>": "Their responses by HTTP status.",
    f"{IMAGES_STORED}/<image>": "Images stored, by what they are: ``poster``, ``backdrop`` and so on.",
    IMAGES_STORED_BYTES: "Bytes of these images.",
    IMAGES_KNOWN: "Images that were there already, and were not asked for.",
    IMAGES_RETRIES: "Retries.",
    f"{IMAGES_FAILED}/<ErrorName>": "Images that could not be had or stored, by error class; ``Stopped`` where "
    "the end of the crawl came before.",
    IMAGES_RATE: "Requests a second for images that are allowed now; 0 for no limit.",
    IMAGES_PAUSES: "Pauses of the images after a 429.",
    IMAGES_OPENED: "Connections opened for images.",
}
"""Every stat of ours and what it counts; the documentation is made from this."""
