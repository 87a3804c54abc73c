"""TMDB's reference data: genres, configuration, countries, languages. Keys are TMDB's, the lists are shortened."""

from __future__ import annotations

from typing import Any

MOVIE_GENRES = {
    28: "Action", 12: "Adventure", 16: "Animation", 35: "Comedy", 80: "Crime", 99: "Documentary", 18: "Drama",
    10751: "Family", 14: "Fantasy", 36: "History", 27: "Horror", 10402: "Music", 9648: "Mystery", 10749: "Romance",
    878: "Science Fiction", 10770: "TV Movie", 53: "Thriller", 10752: "War", 37: "Western",
}  # fmt: skip
TV_GENRES = {
    10759: "Action & Adventure", 16: "Animation", 35: "Comedy", 80: "Crime", 99: "Documentary", 18: "Drama",
    10751: "Family", 10762: "Kids", 9648: "Mystery", 10763: "News", 10764: "Reality", 10765: "Sci-Fi & Fantasy",
    10766: "Soap", 10767: "Talk", 10768: "War & Politics", 37: "Western",
}  # fmt: skip

COUNTRIES = (
    ("AR", "Argentina", "Argentina"), ("AT", "Austria", "Österreich"),
    ("AU", "Australia", "Australia"), ("BE", "Belgium", "België"), ("BR", "Brazil", "Brasil"),
    ("CA", "Canada", "Canada"), ("CH", "Switzerland", "Schweiz"), ("CN", "China", "中国"),
    ("CZ", "Czech Republic", "Česko"), ("DE", "Germany", "Deutschland"),
    ("DK", "Denmark", "Danmark"), ("ES", "Spain", "España"), ("FI", "Finland", "Suomi"),
    ("FR", "France", "France"), ("GB", "United Kingdom", "United Kingdom"),
    ("HK", "Hong Kong", "香港"), ("HU", "Hungary", "Magyarország"), ("IE", "Ireland", "Ireland"),
    ("IL", "Israel", "ישראל"), ("IN", "India", "India"), ("IT", "Italy", "Italia"),
    ("JP", "Japan", "日本"), ("KR", "South Korea", "대한민국"), ("MX", "Mexico", "México"),
    ("NL", "Netherlands", "Nederland"), ("NO", "Norway", "Norge"),
    ("NZ", "New Zealand", "New Zealand"), ("PL", "Poland", "Polska"),
    ("PT", "Portugal", "Portugal"), ("SA", "Saudi Arabia", "السعودية"),
    ("SE", "Sweden", "Sverige"), ("TR", "Turkey", "Türkiye"), ("TW", "Taiwan", "台灣"),
    ("UA", "Ukraine", "Україна"), ("US", "United States of America", "United States"),
    ("ZA", "South Africa", "South Africa"),
)  # fmt: skip
COUNTRY_NAMES = {code: english for code, english, _ in COUNTRIES}

LANGUAGES = {
    "ar": ("Arabic", "العربية"), "cs": ("Czech", "Český"), "da": ("Danish", "Dansk"),
    "de": ("German", "Deutsch"), "en": ("English", "English"), "es": ("Spanish", "Español"),
    "fi": ("Finnish", "suomi"), "fr": ("French", "Français"), "he": ("Hebrew", "עִבְרִית"),
    "hi": ("Hindi", "हिन्दी"), "hu": ("Hungarian", "Magyar"), "it": ("Italian", "Italiano"),
    "ja": ("Japanese", "日本語"), "ko": ("Korean", "한국어/조선말"), "nl": ("Dutch", "Nederlands"),
    "no": ("Norwegian", "Norsk"), "pl": ("Polish", "Polski"), "pt": ("Portuguese", "Português"),
    "ru": ("Russian", "Русский"), "sv": ("Swedish", "svenska"), "tr": ("Turkish", "Türkçe"),
    "uk": ("Ukrainian", "Український"), "xx": ("No Language", "No Language"),
    "zh": ("Mandarin", "普通话"),
}  # fmt: skip

# Original languages as often as they occur, and the country that comes with each.
ORIGINAL_LANGUAGES: tuple[tuple[str, str], ...] = (
    *[("en", "US")] * 12, *[("en", "GB")] * 3, ("en", "CA"), ("en", "AU"),
    *[("fr", "FR")] * 3, *[("ja", "JP")] * 3, *[("es", "ES")] * 2, ("es", "MX"), *[("de", "DE")] * 2, ("ko", "KR"),
    ("it", "IT"), ("zh", "CN"), ("hi", "IN"), ("ru", "UA"), ("pt", "BR"), ("sv", "SE"), ("pl", "PL"),
)  # fmt: skip

TRANSLATIONS = (
    ("en", "US"), ("de", "DE"), ("fr", "FR"), ("es", "ES"), ("es", "MX"), ("it", "IT"), ("pt", "PT"), ("pt", "BR"),
    ("ja", "JP"), ("ko", "KR"), ("zh", "CN"), ("zh", "TW"), ("ru", "RU"), ("uk", "UA"), ("pl", "PL"), ("nl", "NL"),
    ("sv", "SE"), ("da", "DK"), ("fi", "FI"), ("tr", "TR"), ("cs", "CZ"), ("hu", "HU"), ("he", "IL"), ("ar", "SA"),
)  # fmt: skip

JOBS = {
    "Directing": ("Director", "Assistant Director", "Script Supervisor"),
    "Writing": ("Screenplay", "Writer", "Story"),
    "Production": ("Producer", "Executive Producer", "Casting"),
    "Camera": ("Director of Photography", "Camera Operator", "Still Photographer"),
    "Editing": ("Editor", "Assistant Editor", "Colorist"),
    "Sound": ("Original Music Composer", "Sound Designer", "Boom Operator"),
    "Art": ("Production Design", "Art Direction", "Set Decoration"),
    "Costume & Make-Up": ("Costume Design", "Makeup Artist", "Hairstylist"),
    "Visual Effects": ("Visual Effects Supervisor", "Animation", "3D Artist"),
    "Lighting": ("Gaffer", "Lighting Technician", "Best Boy Electric"),
    "Crew": ("Stunt Coordinator", "Special Effects", "Thanks"),
}

_TIMEZONES = {
    "AR": ["America/Argentina/Buenos_Aires"], "AU": ["Australia/Sydney", "Australia/Perth"],
    "BR": ["America/Sao_Paulo"], "CA": ["America/Toronto", "America/Vancouver"],
    "CN": ["Asia/Shanghai"], "DE": ["Europe/Berlin"], "ES": ["Europe/Madrid"],
    "FR": ["Europe/Paris"], "GB": ["Europe/London"], "IN": ["Asia/Kolkata"],
    "IT": ["Europe/Rome"], "JP": ["Asia/Tokyo"], "KR": ["Asia/Seoul"], "PL": ["Europe/Warsaw"],
    "US": ["America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"],
}  # fmt: skip

_CHANGE_KEYS = [
    "adult", "alternative_titles", "budget", "cast", "certifications", "character_names", "crew",
    "general", "genres", "homepage", "images", "imdb_id", "languages", "original_title", "overview",
    "plot_keywords", "production_companies", "production_countries", "releases", "revenue", "runtime",
    "season", "spoken_languages", "status", "tagline", "title", "translations", "video", "videos",
]  # fmt: skip

CONFIGURATION: dict[str, Any] = {
    "images": {
        "base_url": "http://image.tmdb.org/t/p/",
        "secure_base_url": "https://image.tmdb.org/t/p/",
        "backdrop_sizes": ["w300", "w780", "w1280", "original"],
        "logo_sizes": ["w45", "w92", "w154", "w185", "w300", "w500", "original"],
        "poster_sizes": ["w92", "w154", "w185", "w342", "w500", "w780", "original"],
        "profile_sizes": ["w45", "w185", "h632", "original"],
        "still_sizes": ["w92", "w185", "w300", "original"],
    },
    "change_keys": _CHANGE_KEYS,
}

# What lies under /configuration/ and /genre/, by path.
REFERENCE: dict[str, Any] = {
    "configuration": CONFIGURATION,
    "configuration/countries": [
        {"iso_3166_1": code, "english_name": english, "native_name": native}
        for code, english, native in COUNTRIES
    ],
    "configuration/jobs": [{"department": name, "jobs": list(jobs)} for name, jobs in JOBS.items()],
    "configuration/languages": [
        {"iso_639_1": code, "english_name": english, "name": native}
        for code, (english, native) in LANGUAGES.items()
    ],
    "configuration/primary_translations": [f"{language}-{country}" for language, country in TRANSLATIONS],
    "configuration/timezones": [{"iso_3166_1": code, "zones": zones} for code, zones in _TIMEZONES.items()],
    "genre/movie/list": {"genres": [{"id": key, "name": name} for key, name in MOVIE_GENRES.items()]},
    "genre/tv/list": {"genres": [{"id": key, "name": name} for key, name in TV_GENRES.items()]},
}
