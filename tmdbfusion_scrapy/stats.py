"""The stats of a crawl, each declared once. Names hold a status or a class at most, never an id or a URL."""

from __future__ import annotations

REQUEST_COUNT = "tmdb/request_count"
RESPONSE_STATUS_COUNT = "tmdb/response_status_count"
ERROR_COUNT = "tmdb/error_count"
RETRY_COUNT = "tmdb/retry/count"
RETRY_GIVEN_UP = "tmdb/retry/given_up_count"
DRIFT_COUNT = "tmdb/drift_count"
ITEM_COUNT = "tmdb/item_count"
APPENDED_AGAIN = "tmdb/appended/requested_again_count"
APPENDED_MISSING = "tmdb/appended/missing_count"
POOL_OPENED = "tmdb/pool/connections_opened"
POOL_REUSED = "tmdb/pool/connections_reused"
POOL_OPEN = "tmdb/pool/connections_open"
POOL_WAITING = "tmdb/pool/waiting_max"
POOL_HANDSHAKES = "tmdb/pool/tls_handshakes"
FAILOVER_COUNT = "tmdb/failover_count"
PACING_RATE = "tmdb/pacing/requests_per_second"
PACING_LOWEST_RATE = "tmdb/pacing/lowest_requests_per_second"
PACING_WAITS = "tmdb/pacing/wait_count"
PACING_WAIT_SECONDS = "tmdb/pacing/wait_seconds"
PACING_PAUSES = "tmdb/pacing/pause_count"
STORED_COUNT = "tmdb/stored_count"
STORAGE_BATCHES = "tmdb/storage/batch_count"
STORAGE_FAILED = "tmdb/storage/failed_count"

STATS = {
    REQUEST_COUNT: "Requests sent to TMDB, retries included.",
    f"{RESPONSE_STATUS_COUNT}/<status>": "Responses by HTTP status.",
    f"{ERROR_COUNT}/<ErrorName>": "Failed attempts by error class, retried ones included.",
    RETRY_COUNT: "Retries.",
    RETRY_GIVEN_UP: "Calls that failed for good.",
    f"{DRIFT_COUNT}/<Model.field>": "Values of the wrong type, by the field they came in.",
    f"{ITEM_COUNT}/<kind>": "Records that came, by kind.",
    APPENDED_AGAIN: "Requests for appended parts that TMDB had left out.",
    f"{APPENDED_MISSING}/<part>": "Records without an appended part that was asked for, by part.",
    POOL_OPENED: "Connections opened.",
    POOL_REUSED: "Requests that went over a connection that was open already.",
    POOL_OPEN: "Connections that are open now, and at the end those that the crawl had kept.",
    POOL_WAITING: "Most requests that waited for a connection, looked at once a second.",
    POOL_HANDSHAKES: "TLS handshakes.",
    FAILOVER_COUNT: "Changes from one host of ``TMDB_API_URLS`` to another, those back to the first among them.",
    PACING_RATE: "Requests a second that are allowed now; 0 for no limit.",
    PACING_LOWEST_RATE: "The lowest that was.",
    PACING_WAITS: "Requests that waited for their turn.",
    PACING_WAIT_SECONDS: "Seconds that they waited, added up.",
    PACING_PAUSES: "Pauses after a 429, also one that another crawl or client of the process got.",
    f"{STORED_COUNT}/<table>": "Rows inserted or updated, by table.",
    STORAGE_BATCHES: "Batches written, one transaction each.",
    STORAGE_FAILED: "Records that could not be stored.",
}
"""Every stat of ours and what it counts; the documentation is made from this."""
