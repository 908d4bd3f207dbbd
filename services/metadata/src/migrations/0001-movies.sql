CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA metadata;

-- Wherever the extension was put before us: its operator class is found by this path, in this transaction only.
SELECT set_config('search_path', extnamespace::regnamespace::text, true)
FROM pg_extension WHERE extname = 'pg_trgm';

-- In "C" texts are ordered by code point, as in every other adapter, whatever the locale of the server.
CREATE TABLE metadata.movies (
  id text COLLATE "C" PRIMARY KEY,
  title text NOT NULL,
  -- What the title is searched and ordered by; see title-key.ts, which makes it.
  title_key text COLLATE "C" NOT NULL,
  description text NOT NULL,
  director text NOT NULL
);

CREATE INDEX movies_by_title ON metadata.movies (title_key, id);
CREATE INDEX movies_by_part_of_title ON metadata.movies USING gin (title_key gin_trgm_ops);
