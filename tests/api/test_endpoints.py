"""A call as it is bound: path, query, body, and what is refused before any request."""

from __future__ import annotations

import datetime
import enum
import typing
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from tmdbfusion_scrapy.api import API, OPERATIONS, Call, Endpoint
from tmdbfusion_scrapy.api.authentication import Authentication, GuestSessions
from tmdbfusion_scrapy.api.call import Secret
from tmdbfusion_scrapy.api.catalogue import Namespace
from tmdbfusion_scrapy.api.discover import Discover, Trending
from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.movies import Movies
from tmdbfusion_scrapy.api.parameters import SECRET_PARAMETERS
from tmdbfusion_scrapy.api.search import Find
from tmdbfusion_scrapy.api.tv import TV
from tmdbfusion_scrapy.api.tv_episodes import TVEpisodes
from tmdbfusion_scrapy.api.tv_seasons import TVSeasons
from tmdbfusion_scrapy.exceptions import ValidationError
from tmdbfusion_scrapy.models.movies import MovieDetails

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = "https://api.example/3"


def call(endpoint: Endpoint[..., Any], *args: Any, **kwargs: Any) -> Call[Any]:
    return endpoint.call({}, *args, **kwargs)


def url(endpoint: Endpoint[..., Any], *args: Any, **kwargs: Any) -> str:
    return call(endpoint, *args, **kwargs).url("")


class Integer:
    """An integer of another library's, such as ``numpy.int64``."""

    def __index__(self) -> int:
        return 550


class Genre(enum.IntEnum):
    DRAMA = 18


def test_a_call():
    made = call(Movies.details, 550, append_to_response=["credits", "images"], language="fr-CA")
    assert made.method == "GET"
    assert made.path == "/movie/550"
    assert made.query == {"language": "fr-CA"}
    assert made.appends == ("credits", "images")
    assert made.languages == ()
    assert made.secrets == ()
    assert made.model is MovieDetails
    assert made.body is None
    assert made.operation_id == "movie-details"
    assert made.url(BASE) == BASE + "/movie/550?language=fr-CA&append_to_response=credits,images"
    assert made.with_appends(("videos",)).url("") == "/movie/550?language=fr-CA&append_to_response=videos"
    assert call(Movies.details, 550).url(BASE) == BASE + "/movie/550"


def test_a_call_with_a_body():
    made = call(Movies.add_rating, 550, rating=8.5, session_id="abc")
    assert (made.method, made.path) == ("POST", "/movie/550/rating")
    assert made.body == {"value": 8.5}
    assert made.query == {}
    assert made.secrets == (Secret("session_id", "query", "abc"),)
    assert "abc" not in repr(made)
    assert "abc" not in made.url(BASE)
    gone = call(Movies.delete_rating, 550, guest_session_id="g")
    assert (gone.method, gone.path, gone.body) == ("DELETE", "/movie/550/rating", None)
    assert gone.secrets == (Secret("guest_session_id", "query", "g"),)


def test_secrets_are_in_no_part_of_a_call_that_is_seen():
    login = call(Authentication.create_session_from_login, username="u", password="p4ss", request_token="t0k")
    assert login.body == {"username": "u"}
    assert login.secrets == (Secret("password", "body", "p4ss"), Secret("request_token", "body", "t0k"))
    rated = call(GuestSessions.rated_movies, "gu3st", page=2)
    assert rated.path == "/guest_session/***/rated/movies"
    assert rated.secrets == (Secret("guest_session_id", "path", "gu3st"),)
    for made, value in ((login, "p4ss"), (login, "t0k"), (rated, "gu3st")):
        assert value not in repr(made) + made.url(BASE) + repr(made.body)


@pytest.mark.parametrize("value", ["", "  ", 5, None, b"abc", ["abc"]])
def test_secrets_that_are_none(value):
    with pytest.raises(ValidationError, match="request_token must be text") as caught:
        call(Authentication.create_session, request_token=value)
    assert "abc" not in str(caught.value)


def test_sessions_of_the_client():
    user, guest = Secret("session_id", "query", "u"), Secret("guest_session_id", "query", "g")
    both = {"session_id": "u", "guest_session_id": "g"}
    assert Movies.account_states.call(both, 550).secrets == (user,)
    assert Movies.account_states.call({"guest_session_id": "g"}, 550).secrets == (guest,)
    # What a call says itself rules out a default of the other kind.
    assert Movies.account_states.call(both, 550, guest_session_id="g").secrets == (guest,)
    assert Movies.credits.call(both, 550).secrets == ()
    assert GuestSessions.rated_movies.call(both).secrets == (Secret("guest_session_id", "path", "g"),)
    with pytest.raises(ValidationError, match="guest_session_id is missing"):
        GuestSessions.rated_movies.call({"session_id": "u"})


def test_a_session_goes_with_the_part_account_states_alone():
    both = {"session_id": "u", "guest_session_id": "g"}
    for endpoint, ids in (
        (Movies.details, (550,)),
        (TV.details, (1,)),
        (TVSeasons.details, (1, 1)),
        (TVEpisodes.details, (1, 1, 1)),
    ):
        # With a session the answer is one user's: no cache keeps it, and its fingerprint is another one.
        assert endpoint.call(both, *ids).secrets == ()
        assert endpoint.call(both, *ids, append_to_response="credits").secrets == ()
        made = endpoint.call(both, *ids, append_to_response=iter(["credits", "account_states"]))
        assert made.secrets == (Secret("session_id", "query", "u"),)
        assert made.appends == ("credits", "account_states")
        guest = endpoint.call(both, *ids, append_to_response="account_states", guest_session_id="h")
        assert guest.secrets == (Secret("guest_session_id", "query", "h"),)
        with pytest.raises(ValidationError, match=r"^session_id is for the part account_states alone"):
            endpoint.call({}, *ids, session_id="s3cret", append_to_response="credits")


@pytest.mark.parametrize(
    ("given", "sent"), [("fr", "fr"), ("fr-ca", "fr-CA"), (" fr-CA ", "fr-CA"), ("es-419", "es-419")]
)
def test_a_language_of_a_call(given, sent):
    assert call(Movies.popular, language=given).query == {"language": sent}


@pytest.mark.parametrize("language", ["FR", "french", "fr_CA", "fr-", "zh-Hant-TW", " ", 5, ["fr"], True])
def test_a_language_of_a_call_that_is_none(language):
    with pytest.raises(ValidationError, match=r"^language is .*: use ISO 639-1, with a country if wanted"):
        call(Movies.popular, language=language)


def test_a_region_of_a_call():
    assert call(Movies.popular, region="ca").query == {"region": "CA"}
    for region in ("Canada", "C", " ", 5, ["CA"]):
        with pytest.raises(ValidationError, match=r"^region is .*: use the two letters of ISO 3166-1"):
            call(Movies.popular, region=region)


def test_languages():
    chain = call(Movies.details, 550, languages=["fr-CA", "fr", "en", "fr"])
    assert chain.languages == ("fr-CA", "fr", "en")
    assert chain.query == {"language": "fr-CA"}
    assert chain.appends == ("translations",)
    both = call(Movies.details, 550, languages="de,en", append_to_response="translations,credits")
    assert both.appends == ("translations", "credits")
    # The chain of the client is for calls that name no language, and have texts to choose from.
    defaults = {"languages": ["de", "en"], "language": "it"}
    assert Movies.details.call(defaults, 550).languages == ("de", "en")
    assert Movies.details.call(defaults, 550, language="fr").languages == ()
    assert Movies.popular.call(defaults).query == {"language": "it"}
    assert call(Movies.details, 550, languages=[]).query == {}


@pytest.mark.parametrize("languages", [["french"], "fr,", [None], 5, ["fr_CA"], [""], ["FR"]])
def test_languages_that_are_none(languages):
    with pytest.raises(ValidationError, match="languages has "):
        call(Movies.details, 550, languages=languages)


def test_language_and_languages():
    with pytest.raises(ValidationError, match="both given"):
        call(Movies.details, 550, language="fr", languages=["fr"])


def test_defaults_are_for_calls_that_give_none():
    defaults = {"language": "de", "region": "AT", "movie_id": "7"}
    assert Movies.popular.call(defaults).query == {"language": "de", "region": "AT"}
    # Empty text is TMDB's own default.
    assert Movies.popular.call(defaults, language="fr", region="").query == {"language": "fr"}
    assert Movies.popular.call(defaults, language="").query == {"region": "AT"}
    assert Movies.details.call({"language": "de", "languages": ["de"]}, 550, language="").languages == ()
    assert Movies.keywords.call(defaults, 550).query == {}
    assert Movies.popular.call({"language": None, "region": None}).query == {}


@pytest.mark.parametrize(
    ("movie_id", "path"),
    [(1, "1"), ("550", "550"), (" 550 ", "550"), ("+550", "550"), (Integer(), "550"), (2**31, "2147483648")],
)
def test_ids(movie_id, path):
    assert call(Movies.details, movie_id).path == f"/movie/{path}"
    assert call(Movies.watch_providers, movie_id).path == f"/movie/{path}/watch/providers"


@pytest.mark.parametrize(
    "movie_id",
    [
        0,
        -1,
        "0",
        "-5",
        "abc",
        "",
        None,
        True,
        550.0,
        "5.0",
        "..",
        "../550",
        "550/images",
        "550?x",
        "\u0665",
        [],
        "9" * 99,
    ],
)
def test_ids_that_are_none(movie_id):
    with pytest.raises(ValidationError, match="movie_id is ") as caught:
        call(Movies.details, movie_id)
    assert caught.value.status_code is None
    assert not caught.value.retryable


@pytest.mark.parametrize(("page", "written"), [(1, "1"), (500, "500"), ("17", "17")])
def test_pages(page, written):
    assert call(Movies.popular, page=page).query == {"page": written}


@pytest.mark.parametrize("page", [0, 501, -1, "0", "501", "two", True, 1.5, "", [], Integer()])
def test_pages_that_are_none(page):
    with pytest.raises(ValidationError, match="page is "):
        call(Movies.popular, page=page)


def test_page_out_of_range_has_the_code_of_tmdb():
    with pytest.raises(ValidationError) as caught:
        call(Movies.popular, page=501)
    assert caught.value.tmdb_code == 22


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("credits", "credits"),
        ("credits, images,,", "credits,images"),
        (["credits", "watch/providers"], "credits,watch/providers"),
        (("b", "a"), "b,a"),
        ({"b", "a", "c"}, "a,b,c"),
        ((part for part in ("x", "y")), "x,y"),
        (["a", "b", "a"], "a,b"),
        # More than one call takes are split by the executor.
        ([str(i) for i in range(25)], ",".join(str(i) for i in range(25))),
    ],
)
def test_append_to_response(given, written):
    made = call(Movies.details, 550, append_to_response=given)
    assert made.appends == tuple(written.split(","))
    assert made.query == {}
    assert made.url("") == f"/movie/550?append_to_response={written}"


@pytest.mark.parametrize("given", ["", [], (), set(), ","])
def test_nothing_to_append(given):
    made = call(Movies.details, 550, append_to_response=given)
    assert made.appends == ()
    assert made.url("") == "/movie/550"


@pytest.mark.parametrize("given", [5, [5], True, [None], b"credits"])
def test_parts_that_are_no_names(given):
    with pytest.raises(ValidationError, match="append_to_response is "):
        call(Movies.details, 550, append_to_response=given)


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda: call(Trending.all, "month"), "time_window is 'month': use one of 'day', 'week'"),
        (lambda: call(Trending.movies, ""), "time_window is ''"),
        (
            lambda: call(Find.by_id, "tt0137523", external_source="imdb"),
            "external_source is 'imdb': use one of",
        ),
        (lambda: call(Discover.movie, sort_by="best"), "sort_by is 'best': use one of"),
        (lambda: call(Discover.movie, sort_by=["popularity.desc"]), "sort_by is "),
    ],
)
def test_choices(attempt, words):
    with pytest.raises(ValidationError, match=words):
        attempt()


def test_choices_of_parameters():
    assert Trending.all.parameters["time_window"].choices == ("day", "week")
    assert call(Trending.all).path == "/trending/all/day"
    assert call(Trending.all, "week").path == "/trending/all/week"
    assert Movies.details.parameters["movie_id"].choices == ()


def test_numbers_of_seasons_and_episodes():
    assert call(TVEpisodes.details, 1399, 0, 0).path == "/tv/1399/season/0/episode/0"
    for arguments in ((1399, -1, 1), (1399, 1, -1), (1399, "x", 1), (0, 1, 1)):
        with pytest.raises(ValidationError, match="is "):
            call(TVEpisodes.details, *arguments)


@pytest.mark.parametrize(
    "day",
    [
        "2026-01-31",
        datetime.date(2026, 1, 31),
        datetime.datetime(2026, 1, 31, 23, 59, tzinfo=datetime.timezone.utc),
    ],
)
def test_dates(day):
    assert call(Movies.changes, 550, start_date=day).query == {"start_date": "2026-01-31"}
    assert call(Discover.movie, release_date_lte=day).query == {"release_date.lte": "2026-01-31"}


@pytest.mark.parametrize(
    "day", ["2026-02-30", "31.01.2026", "2026-1-1", "20260131", "", "2026-01-31T00:00", 2026, 1.5]
)
def test_dates_that_are_none(day):
    for attempt in (
        lambda: call(Movies.changes, 550, end_date=day),
        lambda: call(Discover.movie, primary_release_date_gte=day),
    ):
        with pytest.raises(ValidationError, match="YYYY-MM-DD") as caught:
            attempt()
        assert caught.value.tmdb_code == 23


def test_span_of_changes():
    assert (
        call(Movies.changes, 1, start_date="2026-01-01", end_date="2026-01-15").query["end_date"]
        == "2026-01-15"
    )
    assert call(Movies.changes, 1, start_date="2026-01-01", end_date="2026-01-01").query
    for end, words in (("2026-01-16", "no longer than 14 days"), ("2025-12-31", "is after")):
        with pytest.raises(ValidationError, match=words) as caught:
            call(Movies.changes, 1, start_date="2026-01-01", end_date=end)
        assert caught.value.tmdb_code == 20


@pytest.mark.parametrize("rating", [0.5, 1, 8.5, 10])
def test_ratings(rating):
    assert call(Movies.add_rating, 1, rating=rating).body == {"value": float(rating)}


@pytest.mark.parametrize("rating", [0, 10.5, 7.3, -1, "7.3", "", None, True, float("nan"), float("inf")])
def test_ratings_that_are_none(rating):
    with pytest.raises(ValidationError, match="rating is "):
        call(Movies.add_rating, 1, rating=rating)


def test_filters_have_tmdbs_dotted_names():
    made = call(
        Discover.movie, vote_average_gte=7.5, with_runtime_lte=90, certification_lte="PG", vote_count_gte=0
    )
    assert made.query == {
        "vote_average.gte": "7.5",
        "with_runtime.lte": "90",
        "certification.lte": "PG",
        "vote_count.gte": "0",
    }
    assert call(Discover.movie, **{"vote_average.gte": 7.5}).query == {"vote_average.gte": "7.5"}


def test_text_of_the_type_is_taken():
    """Arguments of a crawl are text."""
    made = call(
        Discover.movie,
        vote_average_gte=" 7.50",
        with_runtime_gte="90",
        primary_release_year="1999",
        include_adult="False",
        page="2",
    )
    assert made.query == {
        "vote_average.gte": "7.5",
        "with_runtime.gte": "90",
        "primary_release_year": "1999",
        "include_adult": "false",
        "page": "2",
    }
    favorite = call(
        OPERATIONS["account-add-favorite"], 1, media_type="tv", media_id="3", favorite="true", session_id="s"
    )
    assert favorite.body == {"media_type": "tv", "media_id": 3, "favorite": True}
    assert call(Movies.add_rating, 1, rating="8.5").body == {"value": 8.5}


def test_a_value_of_the_wrong_type_is_named_with_its_cure():
    for arguments, words in (
        ({"vote_average_gte": "abc"}, "vote_average_gte is 'abc': it must be a number"),
        ({"primary_release_year": "199x"}, "primary_release_year is '199x': it must be a whole number"),
        ({"with_runtime_gte": True}, "with_runtime_gte is True: it must be a whole number"),
        ({"include_adult": "yes"}, "include_adult is 'yes': it must be True or False"),
    ):
        with pytest.raises(ValidationError) as caught:
            call(Discover.movie, **arguments)
        assert str(caught.value) == words


def test_a_filter_under_both_names():
    with pytest.raises(TypeError, match="both"):
        call(Discover.movie, vote_average_gte=7, **{"vote_average.gte": 8})


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (28, "28"),
        ([28, 12], "28,12"),
        ("28|12", "28%7C12"),
        ("28,12", "28,12"),
        ({35, 12, 28}, "12,28,35"),
        (range(3), "0,1,2"),
        (Genre.DRAMA, "18"),
        (Integer(), "550"),
        (["a b", "ü&x=1#"], "a%20b,%C3%BC%26x%3D1%23"),
    ],
)
def test_values_in_the_url(value, written):
    assert url(Discover.movie, with_genres=value) == f"/discover/movie?with_genres={written}"


def test_booleans():
    assert call(Discover.movie, include_adult=False, include_video=True).query == {
        "include_adult": "false",
        "include_video": "true",
    }


@pytest.mark.parametrize("value", [[], (), set(), iter([]), "", " ", ",", [""], "|"])
def test_an_empty_filter_is_refused(value):
    with pytest.raises(ValidationError, match=r"^with_genres is empty: leave it out, or give it a value"):
        call(Discover.movie, with_genres=value)


def test_other_empty_lists():
    with pytest.raises(ValidationError, match="include_image_language is empty"):
        call(Movies.images, 550, include_image_language=[])
    with pytest.raises(ValidationError, match="with_original_language is empty"):
        call(Discover.movie, with_original_language=[])
    # No parts is the call without parts.
    assert url(Movies.details, 550, append_to_response=[]) == "/movie/550"


@pytest.mark.parametrize(
    "value", [object(), {"a": 1}, b"28", float("nan"), 1.5, [float("nan")], [None], True, [True]]
)
def test_values_that_have_no_form_in_a_url(value):
    with pytest.raises(ValidationError, match="with_genres"):
        call(Discover.movie, with_genres=value)


class Words(Namespace[Any]):
    """An endpoint whose path parameter is text, as those of TMDB's find and credit are."""

    name: ClassVar[str] = "words"

    @get("x/{name}/y", operation_id="x")
    @staticmethod
    def named(name: str) -> MovieDetails:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a/b", "a%2Fb"),
        ("../movie/550?x=", "..%2Fmovie%2F550%3Fx%3D"),
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("%2e%2e", "%252e%252e"),
        ("é#", "%C3%A9%23"),
        ("a;b:c@d", "a%3Bb%3Ac%40d"),
        ("...", "..."),
    ],
)
def test_text_stays_one_segment_of_the_path(text, path):
    assert call(Words.named, text).path == f"/x/{path}/y"


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_dot_segments_are_refused(text):
    with pytest.raises(ValidationError, match="no id"):
        call(Words.named, text)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_text_that_no_url_can_hold(text):
    for operation, arguments in (
        ("search-movie", {"query": text}),
        ("find-by-id", {"external_id": text, "external_source": "imdb_id"}),
        ("account-details", {"account_id": 1, "session_id": text}),
    ):
        with pytest.raises(ValidationError):
            call(OPERATIONS[operation], **arguments)


@pytest.mark.parametrize("session", ["", " ", ".", "..", 5, b"x"])
def test_sessions_that_are_none(session):
    with pytest.raises(ValidationError, match="session_id must be text") as caught:
        call(OPERATIONS["guest-session-rated-movies"], session)
    assert "5" not in str(caught.value)


def test_wrong_arguments_name_the_endpoint():
    for attempt, words in (
        (lambda: call(Movies.details), r"movies\.details\(\): missing a required argument: 'movie_id'"),
        (lambda: call(Movies.details, 1, 2), r"movies\.details\(\): too many positional"),
        (lambda: call(Movies.details, 1, langauge="de"), r"movies\.details\(\): .*'langauge'"),
        (lambda: call(Movies.add_rating, 1), r"movies\.add_rating\(\): missing .*'rating'"),
    ):
        with pytest.raises(TypeError, match=words):
            attempt()


def test_path_values():
    assert Movies.details.read_path("GET", "/movie/550") == {"movie_id": "550"}
    assert Movies.images.read_path("GET", "/movie/550/images") == {"movie_id": "550"}
    assert Movies.details.read_path("GET", "/movie/550/images") is None
    assert Movies.popular.read_path("GET", "/movie/popular") == {}
    assert Movies.popular.read_path("POST", "/movie/popular") is None
    assert Find.by_id.read_path("GET", "/find/a%2Fb") == {"external_id": "a/b"}
    assert Find.by_id.read_path("GET", "/find/%2E%2E") is None


def least_arguments(endpoint: Endpoint[..., Any]) -> dict[str, Any]:
    """Values for what a call of an endpoint must give."""
    hints = typing.get_type_hints(endpoint.function)
    values = {int: 1, str: "x", float: 1.0, bool: True}
    return {
        name: parameter.choices[0] if parameter.choices else values[hints[name]]
        for name, parameter in endpoint.parameters.items()
        if parameter.required
    }


def refused(endpoint: Endpoint[..., Any], **changed: Any) -> bool:
    """Whether a call is refused for an argument, and not without it."""
    arguments = least_arguments(endpoint)
    endpoint.call({"guest_session_id": "g"}, **arguments)
    try:
        endpoint.call({"guest_session_id": "g"}, **{**arguments, **changed})
    except ValidationError:
        return True
    return False


def parameters_of_all(place: str) -> Iterator[tuple[Endpoint[..., Any], str, Any]]:
    """All parameters of the catalogue in a place, but for secrets."""
    for endpoint in OPERATIONS.values():
        hints = typing.get_type_hints(endpoint.function)
        for name, parameter in endpoint.parameters.items():
            if parameter.place == place and name not in SECRET_PARAMETERS:
                yield endpoint, name, hints[name]


def test_no_endpoint_can_be_led_to_another_one():
    text = 0
    for endpoint, name, hint in parameters_of_all("path"):
        assert refused(endpoint, **{name: ".."}), (endpoint, name)
        assert refused(endpoint, **{name: ""}), (endpoint, name)
        if hint is str:
            text += 1
            made = endpoint.call({}, **{**least_arguments(endpoint), name: "../movie/550?x="})
            assert "..%2Fmovie%2F550%3Fx%3D" in made.path
            assert endpoint.read_path(endpoint.method, made.path) == made.values, (endpoint, made.path)
        else:
            assert refused(endpoint, **{name: "../movie/550?x="}), (endpoint, name)
    assert text >= 4
    assert (
        call(Find.by_id, "../movie/550?x=", external_source="imdb_id").path == "/find/..%2Fmovie%2F550%3Fx%3D"
    )


def test_every_id_page_and_date_is_checked():
    seen = dict.fromkeys(("id", "number", "page", "date"), 0)
    for endpoint, name, hint in parameters_of_all("path"):
        if hint is int:
            kind, bad = ("number", -1) if name.endswith("_number") else ("id", 0)
            assert refused(endpoint, **{name: bad}), (endpoint, name)
            seen[kind] += 1
    for endpoint, name, hint in parameters_of_all("query"):
        if name == "page":
            assert refused(endpoint, page=501), endpoint
            assert refused(endpoint, page=0), endpoint
            seen["page"] += 1
        elif name.removesuffix("_gte").removesuffix("_lte").endswith("_date"):
            assert datetime.date in typing.get_args(hint), (endpoint, name)
            assert refused(endpoint, **{name: "2026-02-30"}), (endpoint, name)
            seen["date"] += 1
    assert min(seen.values()) >= 20, seen


def test_every_span_of_changes_is_checked():
    ranged = [endpoint for endpoint in OPERATIONS.values() if "start_date" in endpoint.parameters]
    assert len(ranged) == 7
    for endpoint in ranged:
        assert refused(endpoint, start_date="2026-01-01", end_date="2026-01-16"), endpoint
        assert not refused(endpoint, start_date="2026-01-01", end_date="2026-01-15"), endpoint


def test_every_number_and_boolean_is_checked():
    seen = {int: 0, float: 0, bool: 0}
    wrong = {int: ("199x", True, 1.5, ""), float: ("abc", True, "nan", ""), bool: ("yes", 1, "")}
    for place in ("query", "body"):
        for endpoint, name, hint in parameters_of_all(place):
            for kind in seen.keys() & {hint, *typing.get_args(hint)}:
                if any(typing.get_origin(arm) for arm in typing.get_args(hint)):
                    continue
                for value in wrong[kind]:
                    assert refused(endpoint, **{name: value}), (endpoint, name, value)
                seen[kind] += 1
    assert seen[int] > 40
    assert min(seen.values()) >= 10, seen


def test_operations_are_the_endpoints_of_every_namespace():
    assert len(OPERATIONS) == 152
    for name, endpoint in OPERATIONS.items():
        assert endpoint.operation_id == name
        assert endpoint.__doc__
        assert endpoint.model
        assert repr(endpoint) == f"<Endpoint {name}: {endpoint.method} /{endpoint.path}>"


def test_an_executor_has_every_endpoint():
    made = []
    catalogue = API(lambda endpoint, *args, **kwargs: made.append((endpoint, args, kwargs)))
    for endpoint in OPERATIONS.values():
        namespace = getattr(catalogue, endpoint.namespace)
        getattr(namespace, endpoint.name)(1, x=2)
        assert made.pop() == (endpoint, (1,), {"x": 2})
        assert getattr(type(namespace), endpoint.name) is endpoint
