import type { Metadata, TitlePosition } from '@movies/api';
import fc from 'fast-check';
import type { MetadataRepository } from './metadata-repository';
import { titleKey } from './title-key';

const film = (id: string, title = `Film ${id}`): Metadata => ({
  id,
  title,
  description: `What happens in ${title}.`,
  director: 'Agnès Varda',
});
const titlesOf = (films: readonly Metadata[]) => films.map(({ title }) => title);

/** What every adapter must do; `open` gives one without films. */
export function describeMetadataRepository(
  name: string,
  open: () => Promise<MetadataRepository>,
): void {
  describe(name, () => {
    let repository: MetadataRepository;

    beforeEach(async () => {
      repository = await open();
    });

    const putAll = async (titles: readonly string[]) => {
      for (const [index, title] of titles.entries()) await repository.put(film(`${index}`, title));
    };
    const find = async (text: string) => titlesOf(await repository.search({ text, limit: 100 }));

    it('knows what it was given, and nothing else', async () => {
      await repository.put(film('1'));
      expect(await repository.get('1')).toEqual(film('1'));
      expect(await repository.get('2')).toBeUndefined();
    });

    it('replaces what it knew, its place among the titles too', async () => {
      await repository.put(film('1', 'Alien'));
      await repository.put({ ...film('1', 'Brazil'), director: 'Terry Gilliam' });
      expect(await repository.get('1')).toEqual({
        ...film('1', 'Brazil'),
        director: 'Terry Gilliam',
      });
      expect(await find('')).toEqual(['Brazil']);
      expect(await find('alien')).toEqual([]);
    });

    it('gives many in the order asked for, each once, and leaves out those it does not know', async () => {
      for (const id of ['1', '2', '3']) await repository.put(film(id));
      const found = await repository.getMany(['3', 'nobody', '1', '3']);
      expect(found).toEqual([film('3'), film('1')]);
      expect(await repository.getMany([])).toEqual([]);
    });

    it('takes any text', async () => {
      const texts = ["'", '"', '\\', '{a,b}', 'NULL', ' ', '\u{1F3AC}', '映画', 'ﷺ'.repeat(256)];
      for (const text of texts) await repository.put(film(text, text));
      expect(await repository.getMany(texts)).toEqual(texts.map((text) => film(text, text)));
    });

    it('finds a part of a title, whatever its case, accents and white space', async () => {
      await putAll(['Les Glaneurs et la Glaneuse', 'Cléo de 5 à 7', 'Le  Bonheur', 'STRASSE']);
      expect(await find('GLAN')).toEqual(['Les Glaneurs et la Glaneuse']);
      expect(await find('cleo de 5 a')).toEqual(['Cléo de 5 à 7']);
      expect(await find('CLÉO')).toEqual(['Cléo de 5 à 7']);
      expect(await find('e bon')).toEqual(['Le  Bonheur']);
      expect(await find(' le\tb')).toEqual(['Le  Bonheur']);
      expect(await find('nowhere')).toEqual([]);
    });

    it('takes nothing in a text for a pattern', async () => {
      await putAll(['100% Wolf', '100 Days', 'A_B', 'AxB', 'C\\D', 'CD']);
      expect(await find('0%')).toEqual(['100% Wolf']);
      expect(await find('a_b')).toEqual(['A_B']);
      expect(await find('c\\d')).toEqual(['C\\D']);
      expect(await find('%')).toEqual(['100% Wolf']);
    });

    it('orders by code point, and by id where titles are alike', async () => {
      // In UTF-16 units the clapper board would come before the sesame dot.
      await putAll(['\u{1F3AC}', '\uFE45', 'b', 'B', 'a-b', 'ab', 'Z', '映']);
      expect(await find('')).toEqual(['a-b', 'ab', 'b', 'B', 'Z', '映', '\uFE45', '\u{1F3AC}']);
    });

    it('pages through all, each once, also when a film comes in between', async () => {
      for (let id = 0; id < 25; id += 1) await repository.put(film(`${id}`, `Part ${id % 5}`));
      const seen: string[] = [];
      let after: TitlePosition | undefined;
      for (let page = 0; ; page += 1) {
        const found = await repository.search({ text: 'part', limit: 7, ...(after && { after }) });
        expect(found.length).toBeLessThanOrEqual(7);
        const last = found.at(-1);
        if (last === undefined) break;
        seen.push(...found.map(({ id }) => id));
        after = { titleKey: titleKey(last.title), id: last.id };
        // Before the place we are at: it is not seen, and moves nothing.
        if (page === 1) await repository.put(film('new', 'A part'));
      }
      expect(new Set(seen).size).toBe(25);
      expect(seen).toHaveLength(25);
    });

    it('finds, for any titles and text, what looking through all of them does', async () => {
      const letters = fc.constantFrom(...Array.from('aAäbB %_\\'), '\u{1F3AC}', '\uFE45');
      const title = fc.array(letters, { minLength: 1, maxLength: 6 }).map((all) => all.join(''));
      const text = fc.array(letters, { maxLength: 3 }).map((all) => all.join(''));
      const ids = ['1', '2', '3', '4', '5', '6', '\u{1F3AC}', '\uFE45'];
      await fc.assert(
        fc.asyncProperty(
          fc.array(title, { minLength: ids.length, maxLength: ids.length }),
          text,
          fc.integer({ min: 1, max: 10 }),
          async (titles, wanted, limit) => {
            const films = ids.map((id, index) => film(id, titles[index]));
            for (const each of films) await repository.put(each);
            const bytes = ({ title, id }: Metadata) => Buffer.from(`${titleKey(title)}\0${id}`);
            const expected = films
              .filter((each) => titleKey(each.title).includes(titleKey(wanted)))
              .sort((a, b) => Buffer.compare(bytes(a), bytes(b)));
            const found = await repository.search({ text: wanted, limit });
            expect(found).toEqual(expected.slice(0, limit));
          },
        ),
        { numRuns: 40 },
      );
    });
  });
}
