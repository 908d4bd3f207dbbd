import type { Metadata } from '@movies/api';
import type { Queryable, QueryOptions } from '@movies/database';
import type { MetadataRepository, TitleSearch } from './metadata-repository';
import { titleKey } from './title-key';

const columns = 'id, title, description, director';

const statements = {
  get: { name: 'metadata-get', text: `SELECT ${columns} FROM metadata.movies WHERE id = $1` },
  getMany: {
    name: 'metadata-get-many',
    text: `SELECT ${columns} FROM metadata.movies WHERE id = ANY($1::text[])`,
  },
  put: {
    name: 'metadata-put',
    text: `INSERT INTO metadata.movies (${columns}, title_key) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title, title_key = EXCLUDED.title_key,
        description = EXCLUDED.description, director = EXCLUDED.director`,
  },
  // Without names: which index is the better one depends on the text.
  all: {
    text: `SELECT ${columns} FROM metadata.movies
      WHERE (title_key, id) > ($1, $2) ORDER BY title_key, id LIMIT $3`,
  },
  containing: {
    text: `SELECT ${columns} FROM metadata.movies
      WHERE (title_key, id) > ($1, $2) AND title_key LIKE $4 ORDER BY title_key, id LIMIT $3`,
  },
  addUnknown: {
    text: `INSERT INTO metadata.movies (${columns}, title_key)
      SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
      ON CONFLICT (id) DO NOTHING`,
  },
};

/** In PostgreSQL: durable, and one for all instances. */
export class SqlMetadataRepository implements MetadataRepository {
  readonly #database: Queryable;

  constructor(database: Queryable) {
    this.#database = database;
  }

  async get(id: string, options?: QueryOptions): Promise<Metadata | undefined> {
    const [row] = await this.#database.query(statements.get, [id], options);
    return row as Metadata | undefined;
  }

  async getMany(ids: readonly string[], options?: QueryOptions): Promise<Metadata[]> {
    const rows = (await this.#database.query(statements.getMany, [ids], options)) as Metadata[];
    const byId = new Map(rows.map((row) => [row.id, row]));
    return [...new Set(ids)].flatMap((id) => byId.get(id) ?? []);
  }

  async search(
    { text, limit, after = { titleKey: '', id: '' } }: TitleSearch,
    options?: QueryOptions,
  ): Promise<Metadata[]> {
    const key = titleKey(text);
    const page = [after.titleKey, after.id, limit];
    const rows = await (key === ''
      ? this.#database.query(statements.all, page, options)
      : this.#database.query(statements.containing, [...page, `%${escaped(key)}%`], options));
    return rows as Metadata[];
  }

  async put(metadata: Metadata, options?: QueryOptions): Promise<void> {
    await this.#database.query(statements.put, valuesOf(metadata), options);
  }
}

/** Adds those whose ids are not known yet, and leaves the others as they are. */
export async function addUnknownMovies(
  database: Queryable,
  movies: readonly Metadata[],
): Promise<void> {
  const rows = movies.map(valuesOf);
  const columnsOf = [0, 1, 2, 3, 4].map((column) => rows.map((row) => row[column]));
  await database.query(statements.addUnknown, columnsOf);
}

function valuesOf({ id, title, description, director }: Metadata): string[] {
  return [id, title, description, director, titleKey(title)];
}

/** As a text to look for, no pattern. */
function escaped(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
