"""All checks of the project. ``nox`` runs those of a change; ``nox --list`` names them all."""

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "lint", "docs"]
nox.options.reuse_existing_virtualenvs = True

XDIST = ("-n", "auto", "--dist", "loadfile")
WITHOUT_REACTOR = ("-p", "no:twisted", "-o", "addopts=--strict-markers -ra", "-m", "asyncio and not slow")


@nox.session
@nox.parametrize("versions", ["newest", "oldest", "master"], ids=["newest", "oldest", "master"])
def tests(session: nox.Session, versions: str) -> None:
    """Run the suite, with the newest or the oldest versions of what it stands on, or with Scrapy's master."""
    pinned = ("-c", ".ci/oldest.txt") if versions == "oldest" else ()
    session.install(*pinned, "-e", ".[test,images]")
    if versions == "master":
        session.install("scrapy @ git+https://github.com/scrapy/scrapy")
    session.run("pytest", *XDIST, *session.posargs)


@nox.session
def reactorless(session: nox.Session) -> None:
    """Run the coroutine tests without a Twisted reactor."""
    session.install("-e", ".[test,images]")
    session.run("pytest", *XDIST, *WITHOUT_REACTOR, *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the long tests: crawls that are killed again and again, a browser, the type checkers."""
    session.install("-e", ".[test,images,lint,examples]")
    session.run("pytest", *XDIST, "-m", "slow", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """Run Scrapy's own suite for download handlers against ours."""
    session.install("-e", ".[test,images]")
    session.run("python", "-m", "tests.conformance")


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the suite under coverage.py, in subprocesses and threads as well, and print the figure."""
    session.install("-e", ".[test,images]")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report", "--skip-covered", "--skip-empty")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types of everything, and the projects as Scrapy's linter sees them."""
    session.install("-e", ".[test,images,lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("mypy", "benchmarks", "example_project/example_project", "docs")
    with session.chdir("example_project"):
        session.run("scrapy-lint")
    session.run("pytest", "-k", "finds_nothing", "tests/commands/test_init.py")


@nox.session
def docs(session: nox.Session) -> None:
    """Check that the reference pages say what the source says, and build the site."""
    session.install("-e", ".[test,docs]")
    session.run("python", "docs/generate.py", "--check")
    session.run("sphinx-build", "-q", "-W", "--keep-going", "docs", "docs/_build", *session.posargs)


@nox.session
def links(session: nox.Session) -> None:
    """Look whether the links of the site lead somewhere."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-q", "-b", "linkcheck", "docs", "docs/_build/links")


@nox.session
def package(session: nox.Session) -> None:
    """Build the distributions, and check what they say of themselves."""
    session.install("build", "twine", "pyroma")
    session.run("python", "-m", "build", "--outdir", session.create_tmp())
    session.run("twine", "check", "--strict", f"{session.create_tmp()}/*")
    session.run("pyroma", "--min", "10", ".")
