"""The catalogue against TMDB's own OpenAPI document."""

from __future__ import annotations

import copy
import functools
import inspect
import json
import re
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tmdbfusion_scrapy.api import OPERATIONS, openapi
from tmdbfusion_scrapy.api.differences import INTENDED, Difference
from tmdbfusion_scrapy.api.openapi import compare, main, read_document

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once


@functools.cache
def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


@pytest.fixture
def document(recorded_dir) -> dict[str, Any]:
    """TMDB's document without its examples of answers, for a test to change."""
    whole = read(recorded_dir / "openapi.json")
    return {
        "paths": {
            path: {
                method: {
                    **{key: value for key, value in declared.items() if key != "responses"},
                    "parameters": copy.deepcopy(declared.get("parameters", [])),
                }
                for method, declared in item.items()
            }
            for path, item in whole["paths"].items()
        }
    }


def parameter(document: dict[str, Any], path: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(p for p in document["paths"][path]["get"]["parameters"] if p["name"] == name)
    return found


def test_nothing_differs_but_what_is_intended(document, recorded_dir):
    assert list(map(str, compare(read(recorded_dir / "openapi.json")))) == []
    assert compare(document) == []
    assert len(OPERATIONS) == 152
    assert OPERATIONS.keys() == read_document(document).keys()


def test_every_intended_difference_has_its_reason():
    assert all(reason.endswith(".") for reason in INTENDED.values())
    assert not [difference for difference in INTENDED if difference.is_gone]


def test_a_parameter_that_is_new(document):
    document["paths"]["/3/movie/{movie_id}/credits"]["get"]["parameters"].append(
        {"name": "new_thing", "in": "query", "schema": {"type": "boolean"}, "required": True}
    )
    assert compare(document) == [
        Difference("movie-credits", "new_thing", "missing here", "", "query boolean, required")
    ]


def test_a_parameter_of_all_operations_of_a_path(document):
    document["paths"]["/3/movie/{movie_id}/credits"]["parameters"] = [
        {"name": "new_thing", "in": "query", "schema": {"type": ["null", "integer"]}}
    ]
    assert compare(document) == [
        Difference("movie-credits", "new_thing", "missing here", "", "query integer")
    ]


def test_a_parameter_that_is_gone(document):
    parameters = document["paths"]["/3/movie/{movie_id}/credits"]["get"]["parameters"]
    parameters[:] = [p for p in parameters if p["name"] != "language"]
    assert compare(document) == [Difference("movie-credits", "language", "missing there", "query string", "")]


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"schema": {"type": "string"}}, ("type", "integer", "string")),
        ({"schema": {"type": "string", "format": "date"}}, ("type", "integer", "date")),
        ({"in": "header"}, ("place", "query", "header")),
        ({"required": True}, ("required", "False", "True")),
        ({"schema": {"type": "integer", "enum": ["1", "2"]}}, ("choices", "", "1, 2")),
    ],
)
def test_a_parameter_that_changed(document, change, difference):
    parameter(document, "/3/discover/movie", "page").update(change)
    assert compare(document) == [Difference("discover-movie", "page", *difference)]


def test_a_choice_that_is_new(document):
    parameter(document, "/3/find/{external_id}", "external_source")["schema"]["enum"].append("new_id")
    (difference,) = compare(document)
    assert (difference.operation, difference.about, difference.kind) == (
        "find-by-id",
        "external_source",
        "choices",
    )
    assert "new_id" in difference.there
    assert "new_id" not in difference.here


def test_operations_that_come_and_go(document):
    gone = document["paths"].pop("/3/movie/{movie_id}/credits")["get"]
    document["paths"]["/3/new/{thing}"] = {"get": {**gone, "operationId": "new-thing"}}
    assert compare(document) == [
        Difference("movie-credits", "", "missing there", "GET /3/movie/{movie_id}/credits", ""),
        Difference("new-thing", "", "missing here", "", "GET /3/new/{thing}"),
    ]


def test_an_operation_that_moved(document):
    item = document["paths"].pop("/3/movie/popular")
    document["paths"]["/3/movie/best"] = {"post": item["get"]}
    assert compare(document) == [
        Difference("movie-popular-list", "", "method", "GET", "POST"),
        Difference("movie-popular-list", "", "path", "/3/movie/popular", "/3/movie/best"),
    ]


def test_an_operation_of_another_name_is_compared(document):
    declared = document["paths"]["/3/movie/popular"]["get"]
    declared["operationId"] = "movie-popular"
    declared["parameters"].append({"name": "new", "in": "query", "schema": {"type": "string"}})
    assert compare(document) == [
        Difference("movie-popular-list", "", "operationId", "movie-popular-list", "movie-popular"),
        Difference("movie-popular-list", "new", "missing here", "", "query string"),
    ]


def body_of(document: dict[str, Any], content: dict[str, Any]) -> None:
    """Give the operation that rates a movie another body."""
    document["paths"]["/3/movie/{movie_id}/rating"]["post"]["requestBody"] = {
        "content": {"application/json": content}
    }


def test_a_body_that_changed_in_its_example(document):
    raw = {"type": "object", "properties": {"RAW_BODY": {"type": "string", "format": "json"}}}
    body_of(document, {"schema": raw, "examples": {"x": {"value": {"rating": 8.5, "note": "x"}}}})
    assert compare(document) == [
        Difference("movie-add-rating", "note", "missing here", "", "body string"),
        Difference("movie-add-rating", "rating", "missing here", "", "body number"),
        Difference("movie-add-rating", "value", "missing there", "body number, required", ""),
    ]


def test_a_body_that_has_a_schema(document):
    fields = {"value": {"type": "integer"}, "note": {"type": "string"}}
    body_of(document, {"schema": {"type": "object", "required": ["note"], "properties": fields}})
    assert compare(document) == [
        Difference("movie-add-rating", "note", "missing here", "", "body string, required"),
        Difference("movie-add-rating", "value", "required", "True", "False"),
        Difference("movie-add-rating", "value", "type", "number", "integer"),
    ]


@pytest.mark.parametrize("written", [json.dumps, lambda value: value])
@pytest.mark.parametrize(
    ("path", "answer", "differences"),
    [
        ("/3/movie/{movie_id}", {"id": 550, "title": None, "credits": {"cast": [{"id": 1}]}}, []),
        ("/3/movie/{movie_id}", {"id": 550, "new": True, "old": {}}, [("new", "boolean"), ("old", "object")]),
        (
            "/3/movie/{movie_id}/credits",
            {"id": 550, "cast": [{"id": 1, "mood": "x"}, {"id": 2, "mood": "y"}]},
            [("cast[].mood", "string")],
        ),
        ("/3/configuration/countries", [{"iso_3166_1": "FR", "flag": 1}], [("flag", "integer")]),
        ("/3/configuration/primary_translations", ["fr-CA"], []),
    ],
)
def test_fields_of_answers(document, path, answer, differences, written):
    content = {"application/json": {"examples": {"Result": {"value": written(answer)}}}}
    declared = document["paths"][path]["get"]
    declared["responses"] = {"200": {"content": content}}
    name = declared["operationId"]
    assert compare(document) == [Difference(name, about, "answer", "", kind) for about, kind in differences]


@pytest.mark.parametrize(
    ("path", "answer", "about", "here", "there"),
    [
        ("/3/movie/{movie_id}", {"id": 550, "budget": {"usd": 5}}, "budget", "integer", "object"),
        ("/3/movie/{movie_id}", {"id": 550, "genres": {"id": 5}}, "genres", "array", "object"),
        ("/3/movie/{movie_id}", {"id": 550, "genres": [{"id": 1}, 5]}, "genres[]", "object", "integer"),
        ("/3/movie/{movie_id}", {"id": 550, "release_date": ["x"]}, "release_date", "date", "array"),
        (
            "/3/movie/{movie_id}/credits",
            {"id": 550, "cast": [{"id": 1, "name": {}}]},
            "cast[].name",
            "string",
            "object",
        ),
        (
            "/3/movie/{movie_id}/watch/providers",
            {"id": 550, "results": {"US": {"link": {}}}},
            "results.US.link",
            "string",
            "object",
        ),
        ("/3/configuration/countries", [{"iso_3166_1": {}}], "iso_3166_1", "string", "object"),
    ],
)
def test_a_field_of_an_answer_that_is_of_another_type(document, path, answer, about, here, there):
    declared = document["paths"][path]["get"]
    declared["responses"] = {"200": {"content": {"application/json": {"examples": {"x": {"value": answer}}}}}}
    (difference,) = compare(document)
    assert difference == Difference(declared["operationId"], about, "answer", here, there)
    assert str(difference).endswith(f"{about}: answer: here {here}, there {there}")


def test_an_answer_of_another_form(document):
    content = {"application/json": {"examples": {"Result": {"value": [1, 2]}}}}
    document["paths"]["/3/movie/{movie_id}"]["get"]["responses"] = {"200": {"content": content}}
    (difference,) = compare(document)
    assert (difference.operation, difference.kind, difference.here) == (
        "movie-details",
        "answer",
        "MovieDetails",
    )


def test_an_intended_difference_that_is_gone(document):
    parameter(document, "/3/movie/{movie_id}/keywords", "movie_id")["schema"] = {"type": "integer"}
    gone = Difference("movie-keywords", "movie_id", "type", "integer", "string", is_gone=True)
    assert compare(document) == [gone]
    assert "the document does not differ" in str(gone)


def test_an_intended_difference_that_became_another(document):
    parameter(document, "/3/movie/{movie_id}/keywords", "movie_id")["schema"] = {"type": "boolean"}
    assert compare(document) == [
        Difference("movie-keywords", "movie_id", "type", "integer", "boolean"),
        Difference("movie-keywords", "movie_id", "type", "integer", "string", is_gone=True),
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "this is no OpenAPI document: it has no paths that are objects"),
        ([], "this is no OpenAPI document: it has no paths that are objects"),
        ("text", "this is no OpenAPI document: it has no paths that are objects"),
        ({"paths": {}}, "this OpenAPI document has no operations"),
        (
            {"paths": {"/3/x": {"get": {}}}},
            "this OpenAPI document cannot be read: GET /3/x has no operationId",
        ),
        (
            {"paths": {"/3/x": {"get": {"operationId": "x", "parameters": 5}}}},
            "this OpenAPI document cannot be read: GET /3/x is not of OpenAPI's form",
        ),
        ({"paths": {"/3/x": 5}}, "this is no OpenAPI document: it has no paths that are objects"),
    ],
)
def test_what_is_no_document(given, words):
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        compare(given)
    assert str(caught.value) == words


def test_the_script_says_what_differs(recorded_dir, tmp_path, capsys, document):
    assert main([str(recorded_dir / "openapi.json")]) == 0
    assert capsys.readouterr().out == (
        "152 operations there, 152 here, 0 differences that are not intended\n"
    )
    document["paths"]["/3/movie/popular"]["get"]["parameters"].append(
        {"name": "new", "in": "query", "schema": {"type": "string"}}
    )
    changed = tmp_path / "openapi.json"
    changed.write_text(json.dumps(document))
    assert main([str(changed)]) == 1
    assert capsys.readouterr().out == (
        "movie-popular-list, new: missing here: here -, there query string\n"
        "152 operations there, 152 here, 1 differences that are not intended\n"
    )


@pytest.mark.parametrize("content", [None, "no JSON", "[]", '{"paths": {}}'])
def test_the_script_on_what_cannot_be_read(tmp_path, capsys, content):
    path = tmp_path / "openapi.json"
    if content is not None:
        path.write_text(content)
    assert main([str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"{path} cannot be read: ")


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Keep the output of the tests clean."""


def test_the_script_takes_an_address(tmp_path, capsys, document):
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    handler = functools.partial(Silent, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            base = f"http://127.0.0.1:{server.server_port}"
            assert main([f"{base}/openapi.json"]) == 0
            assert "0 differences" in capsys.readouterr().out
            assert main([f"{base}/none.json"]) == 2
            assert "404" in capsys.readouterr().err
        finally:
            server.shutdown()
            thread.join()
    assert main([f"{base}/openapi.json"]) == 2


def test_the_script_takes_the_published_document_by_default(monkeypatch, document):
    asked = []
    monkeypatch.setattr(openapi, "load_document", lambda address: asked.append(address) or document)
    assert main([]) == 0
    assert asked == ["https://developer.themoviedb.org/openapi/tmdb-api.json"]


def test_the_script_is_run_as_a_module(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "tmdbfusion_scrapy.api.openapi", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert "cannot be read" in run.stderr


def test_docstrings_describe_every_parameter():
    for endpoint in OPERATIONS.values():
        text = inspect.getdoc(endpoint.function) or ""
        assert f"https://developer.themoviedb.org/reference/{endpoint.operation_id}\n" in text + "\n"
        described = re.findall(r"^    (\w+): ", text, re.MULTILINE)
        assert described == list(endpoint.parameters), endpoint.operation_id
