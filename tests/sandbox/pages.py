"""Reading lists to their end."""

from __future__ import annotations


def all_ids(client, path, **params):
    """The ids of all pages, in order."""
    page = client.get(path, params=params).json()
    found = [item["id"] for item in page["results"]]
    for number in range(2, page["total_pages"] + 1):
        found += [
            item["id"] for item in client.get(path, params={**params, "page": number}).json()["results"]
        ]
    assert page["total_results"] == len(found)
    return found
