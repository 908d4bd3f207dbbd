import { startService, type RunningService } from '@movies/http-service';
import { testConfig } from '@movies/http-service/testing';
import { createRatingService } from './rating-service';

let service: RunningService;
let url: string;

beforeAll(async () => {
  service = await startService(createRatingService(), testConfig());
  url = `http://127.0.0.1:${service.port}/rating`;
});

afterAll(() => service.stop());

const vote = (query: string) => fetch(`${url}?${query}`, { method: 'PUT' });

it('answers with the mean as a JSON number', async () => {
  expect((await vote('id=mean&type=movie&userId=ann&value=5')).status).toBe(204);
  expect((await vote('id=mean&type=movie&userId=bob&value=4')).status).toBe(204);
  const response = await fetch(`${url}?id=mean&type=movie`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(await response.text()).toBe('4.5');
});

it("replaces a user's vote", async () => {
  await vote('id=again&type=movie&userId=ann&value=5');
  await vote('id=again&type=movie&userId=ann&value=2');
  expect(await (await fetch(`${url}?id=again&type=movie`)).text()).toBe('2');
});

it.each(['id=nobody&type=movie', 'id=1&type=book'])('answers 404 for %s', async (query) => {
  expect((await fetch(`${url}?${query}`)).status).toBe(404);
});

it.each([
  ['id=1&type=movie&userId=ann&value=0', 'value'],
  ['id=1&type=movie&userId=ann&value=6', 'value'],
  ['id=1&type=movie&userId=ann&value=4.5', 'value'],
  ['id=1&type=movie&userId=ann&value=abc', 'value'],
  ['id=1&type=movie&userId=ann', 'value'],
  ['id=1&type=movie&value=5', 'userId'],
  ['id=1&type=book&userId=ann&value=5', 'type'],
  ['type=movie&userId=ann&value=5', 'id'],
])('answers 400 to PUT %s and names %s', async (query, parameter) => {
  const response = await vote(query);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ code: 'invalid_input', errors: [{ parameter }] });
});

it.each(['POST', 'DELETE', 'PATCH', 'PROPFIND'])(
  'answers 405 to %s and says what is allowed',
  async (method) => {
    const response = await fetch(`${url}?id=1&type=movie`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')?.split(', ').sort()).toEqual(['GET', 'HEAD', 'PUT']);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
  },
);

it('answers OPTIONS with what is allowed', async () => {
  const response = await fetch(`${url}?id=1`, { method: 'OPTIONS' });
  expect(response.status).toBe(200);
  expect(response.headers.get('allow')?.split(', ').sort()).toEqual(['GET', 'HEAD', 'PUT']);
});

describe('several ratings', () => {
  const get = (query: string) => fetch(`${url}s?${query}`);

  it('are the means of those that have votes, by id', async () => {
    for (const [id, value] of [
      ['a', 5],
      ['b%2Cc', 1],
    ] as const) {
      await vote(`id=${id}&type=movie&userId=ann&value=${value}`);
    }
    const response = await get('type=movie&ids=b%252Cc,nobody,a,a');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      items: [
        { id: 'b,c', rating: 1 },
        { id: 'a', rating: 5 },
      ],
      nextCursor: null,
    });
  });

  it('are none for a type without votes', async () => {
    expect(await (await get('type=book&ids=a')).json()).toEqual({ items: [], nextCursor: null });
  });

  it.each([
    ['', ['ids', 'type']],
    ['type=movie', ['ids']],
    ['type=movie&ids=', ['ids']],
    ['type=movie&id=1&ids=2', ['id']],
    ['type=&ids=a,,b,50%25', ['ids', 'ids', 'type']],
    [`type=movie&ids=${Array.from({ length: 101 }, (_, i) => i).join()}`, ['ids']],
  ])('are 400 for %j, with every fault named', async (query, parameters) => {
    const response = await get(query);
    expect(response.status).toBe(400);
    const { errors } = (await response.json()) as { errors: { parameter: string }[] };
    expect(errors.map(({ parameter }) => parameter)).toEqual(parameters);
  });
});

it('loses none of 6,400 votes of 64 clients at once', async () => {
  const clients = Array.from({ length: 64 }, async (_, client) => {
    for (let i = 0; i < 100; i += 1) {
      const { status } = await vote(
        `id=load&type=movie&userId=${client}-${i}&value=${1 + (i % 5)}`,
      );
      expect(status).toBe(204);
    }
  });
  await Promise.all(clients);
  expect(await (await fetch(`${url}?id=load&type=movie`)).text()).toBe('3');
  await vote('id=load&type=movie&userId=0-0&value=5');
  // One vote of 6,400 changed from 1 to 5: the mean tells how many were counted.
  expect(await (await fetch(`${url}?id=load&type=movie`)).json()).toBe(3 + 4 / 6400);
}, 60_000);
