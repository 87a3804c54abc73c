-- The questions of docs/queries.md, which is made from them by docs/generate.py. A name, a title, what it is about, a
-- statement. A comment at the end of a line names the value before it, which may be changed.

-- name: grossing
-- The top grossing movie of each year
-- Of the movies that were fetched themselves; TMDB's revenue is in US dollars.

SELECT year, title, revenue
FROM (
    SELECT SUBSTR(CAST(release_date AS TEXT), 1, 4) AS year,
           title,
           revenue,
           RANK() OVER (PARTITION BY SUBSTR(CAST(release_date AS TEXT), 1, 4) ORDER BY revenue DESC) AS place
    FROM movies
    WHERE revenue > 0 AND release_date IS NOT NULL
) AS ranked
WHERE place = 1
ORDER BY year DESC, title;

-- name: actor
-- An actor's career
-- Movies and series by year, with the characters. Needs `credits` of movies and `aggregate_credits` of series, or
-- `combined_credits` of people.

WITH actor AS (
    SELECT id FROM people
    WHERE name = 'Tom Hanks' -- name
)
SELECT SUBSTR(CAST(movies.release_date AS TEXT), 1, 4) AS year, 'movie' AS kind, movies.title, movie_cast.character
FROM movie_cast
JOIN movies ON movies.id = movie_cast.movie_id
WHERE movie_cast.person_id IN (SELECT id FROM actor)
UNION ALL
SELECT SUBSTR(CAST(tv_shows.first_air_date AS TEXT), 1, 4), 'series', tv_shows.name, tv_show_cast.character
FROM tv_show_cast
JOIN tv_shows ON tv_shows.id = tv_show_cast.tv_show_id
WHERE tv_show_cast.person_id IN (SELECT id FROM actor)
ORDER BY year DESC NULLS FIRST, title, character;

-- name: streaming
-- What streams where
-- Movies and series by service, in one country, without paying for each. Needs `watch/providers`.

WITH streams AS (
    SELECT provider_id, iso_3166_1, offer, 'movie' AS kind, movies.title
    FROM movie_watch_providers
    JOIN movies ON movies.id = movie_watch_providers.movie_id
    UNION ALL
    SELECT provider_id, iso_3166_1, offer, 'series', tv_shows.name
    FROM tv_show_watch_providers
    JOIN tv_shows ON tv_shows.id = tv_show_watch_providers.tv_show_id
)
SELECT watch_providers.name AS provider, streams.kind, streams.title
FROM streams
JOIN watch_providers ON watch_providers.id = streams.provider_id
WHERE streams.offer = 'flatrate'
    AND streams.iso_3166_1 = 'US' -- country
ORDER BY provider, title;

-- name: ratings
-- Who may see it
-- Age ratings of movies in three countries side by side. Needs `release_dates`.

SELECT movies.title,
       MAX(CASE WHEN iso_3166_1 = 'US' THEN certification END) AS us,
       MAX(CASE WHEN iso_3166_1 = 'GB' THEN certification END) AS gb,
       MAX(CASE WHEN iso_3166_1 = 'DE' THEN certification END) AS de
FROM movie_release_dates
JOIN movies ON movies.id = movie_release_dates.movie_id
WHERE certification <> '' AND iso_3166_1 IN ('US', 'GB', 'DE')
GROUP BY movies.id, movies.title
ORDER BY movies.title, movies.id;

-- name: directors
-- Directors with the best ratings
-- With two movies at least, each of 500 votes at least. Needs `credits`.

SELECT people.name AS director,
       COUNT(*) AS movies,
       ROUND(CAST(AVG(movies.vote_average) AS NUMERIC), 2) AS rating,
       SUM(movies.vote_count) AS votes
FROM movie_crew
JOIN people ON people.id = movie_crew.person_id
JOIN movies ON movies.id = movie_crew.movie_id
WHERE movie_crew.job = 'Director' AND movies.vote_count >= 500
GROUP BY people.id, people.name
HAVING COUNT(*) >= 2
ORDER BY rating DESC, votes DESC
LIMIT 50;

-- name: teams
-- Directors and actors who work together most
-- Over the first ten of each cast. Needs `credits`.

SELECT directors.name AS director, actors.name AS actor, COUNT(DISTINCT movie_cast.movie_id) AS movies
FROM movie_crew
JOIN movie_cast ON movie_cast.movie_id = movie_crew.movie_id
JOIN people AS directors ON directors.id = movie_crew.person_id
JOIN people AS actors ON actors.id = movie_cast.person_id
WHERE movie_crew.job = 'Director' AND movie_cast.position < 10 AND directors.id <> actors.id
GROUP BY directors.id, directors.name, actors.id, actors.name
HAVING COUNT(DISTINCT movie_cast.movie_id) > 1
ORDER BY movies DESC, director, actor
LIMIT 50;

-- name: seasons
-- Season by season
-- Episodes, the mean rating of those that have votes, and the best of them. Needs the seasons: `season/1` and so on of the
-- series, or calls of their own.

SELECT tv_shows.name AS series,
       ranked.season_number AS season,
       COUNT(*) AS episodes,
       ROUND(CAST(AVG(CASE WHEN ranked.vote_count > 0 THEN ranked.vote_average END) AS NUMERIC), 2) AS rating,
       MAX(CASE WHEN ranked.place = 1 THEN ranked.name END) AS best_episode
FROM (
    SELECT tv_show_id, season_number, name, vote_average, vote_count,
           ROW_NUMBER() OVER (
               PARTITION BY season_id
               ORDER BY vote_average DESC NULLS LAST, episode_number
           ) AS place
    FROM episodes
) AS ranked
JOIN tv_shows ON tv_shows.id = ranked.tv_show_id
GROUP BY tv_shows.id, tv_shows.name, ranked.season_number
ORDER BY series, season;

-- name: keywords
-- What a genre is about
-- The keywords that its movies have most. Needs `keywords`.

SELECT keywords.name AS keyword, COUNT(*) AS movies
FROM genres
JOIN movie_genres ON movie_genres.genre_id = genres.id
JOIN movie_keywords ON movie_keywords.movie_id = movie_genres.movie_id
JOIN keywords ON keywords.id = movie_keywords.keyword_id
WHERE genres.name = 'Science Fiction' -- genre
GROUP BY keywords.id, keywords.name
ORDER BY movies DESC, keyword
LIMIT 50;

-- name: titles
-- Titles in another language
-- Where TMDB has no title in it, the original one if the movie is of that language, else the one that was crawled. Needs
-- `translations`.

SELECT movies.title,
       movie_translations.iso_3166_1 AS country,
       COALESCE(
           NULLIF(movie_translations.title, ''),
           CASE
               WHEN movies.original_language = movie_translations.iso_639_1 THEN movies.original_title
               ELSE movies.title
           END
       ) AS translated
FROM movies
JOIN movie_translations ON movie_translations.movie_id = movies.id
WHERE movie_translations.iso_639_1 = 'de' -- language
ORDER BY movies.popularity DESC NULLS LAST, movies.title, country
LIMIT 100;

-- name: ids
-- Whose id is this
-- What has an id of another site. Needs `external_ids`; the sources are `imdb`, `wikidata`, `tvdb` and others.

WITH ids AS (
    SELECT 'movie' AS kind, movies.id, movies.title AS name, source, external_id
    FROM movie_external_ids
    JOIN movies ON movies.id = movie_id
    UNION ALL
    SELECT 'series', tv_shows.id, tv_shows.name, source, external_id
    FROM tv_show_external_ids
    JOIN tv_shows ON tv_shows.id = tv_show_id
    UNION ALL
    SELECT 'episode', episodes.id, episodes.name, source, external_id
    FROM episode_external_ids
    JOIN episodes ON episodes.id = episode_id
    UNION ALL
    SELECT 'person', people.id, people.name, source, external_id
    FROM person_external_ids
    JOIN people ON people.id = person_id
)
SELECT kind, id, name, source
FROM ids
WHERE external_id = 'tt0137523' -- external_id
ORDER BY kind, id;
