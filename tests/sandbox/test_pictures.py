"""Images, read by Pillow as a user would."""

from __future__ import annotations

import io
import ssl

import httpx
import pytest

from tmdbfusion_scrapy.sandbox.files import picture

pytestmark = pytest.mark.once

Image = pytest.importorskip("PIL.Image", reason="Pillow reads the images")

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture
def images(tmdb_sandbox):
    with httpx.Client(base_url=tmdb_sandbox.images_url, trust_env=False, verify=CONTEXT) as client:
        yield client


@pytest.mark.parametrize(
    ("size", "dimensions"),
    [("w45", (45, 67)), ("w500", (500, 750)), ("h632", (421, 632)), ("original", (1000, 1500))],
)
@pytest.mark.parametrize(("suffix", "kind"), [("jpg", "JPEG"), ("png", "PNG")])
def test_images_have_the_size_asked_for(size, dimensions, suffix, kind, images):
    response = images.get(f"{size}/abc.{suffix}")
    assert response.headers["content-type"] == f"image/{kind.lower()}"
    image = Image.open(io.BytesIO(response.content))
    image.load()
    assert (image.format, image.size) == (kind, dimensions)
    lowest, highest = image.convert("L").getextrema()
    assert lowest == highest


def test_different_files_have_different_greys():
    greys = set()
    for number in range(300):
        for suffix in ("jpg", "png"):
            _, body = picture(f"w92/file{number}.{suffix}")
            image = Image.open(io.BytesIO(body))
            greys.add(image.convert("L").getpixel((91, 137)))
    assert len(greys) > 100


def test_a_poster_of_a_movie(images, client):
    path = client.get("movie/1").json()["poster_path"]
    assert images.get(f"w500{path}").status_code == 200


def test_svg_in_its_original_form_alone(images):
    assert images.get("original/logo.svg").content.startswith(b"<svg")
    assert images.get("w500/logo.svg").status_code == 404


@pytest.mark.parametrize("path", ["w501/a.jpg", "w500/a.gif", "w500/", "a.jpg", "w500/a/b.jpg"])
def test_what_is_not_there(path, images):
    assert images.get(path).status_code == 404


def test_faults(images, tmdb_sandbox):
    tmdb_sandbox.fail_next(503, path="t/p/*")
    assert images.get("w92/a.jpg").status_code == 503
    for fault in ("truncate", "reset-body"):
        tmdb_sandbox.fail_next(fault, path="t/p/*")
        with pytest.raises(httpx.TransportError):
            images.get("w92/a.jpg")
    tmdb_sandbox.fail_next("html", path="t/p/*")
    assert images.get("w92/a.jpg").headers["content-type"].startswith("text/html")
    tmdb_sandbox.fail_next("null-fields", path="t/p/*")
    assert images.get("w92/a.jpg").headers["content-type"] == "image/jpeg"
