import { CatalogueError } from './catalogue-error';
import { readRecords } from './read-records';

async function* bytes(chunks: readonly (string | Buffer)[]) {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

/** Each record as `at: value`, or `at! fault`. */
async function read(chunks: readonly (string | Buffer)[], maxBytes = 100): Promise<string[]> {
  const told: string[] = [];
  for await (const record of readRecords(bytes(chunks), maxBytes)) {
    told.push(
      'fault' in record
        ? `${record.at}! ${record.fault}`
        : `${record.at}: ${JSON.stringify(record.value)}`,
    );
  }
  return told;
}

/** Cut after every byte, also within characters. */
const cut = (text: string) => [...Buffer.from(text)].map((byte) => Buffer.of(byte));

const lines = '{"id":"ä"}\r\n\n  {"id":"🎬"}\n7';
const array = '\n[\n {"id":"ä"}, {"id":\n"🎬"},\n7]\n';

it.each([[[lines]], [cut(lines)], [cut(`\ufeff${lines}`)]])('reads JSON Lines', async (chunks) => {
  expect(await read(chunks)).toEqual(['line 1: {"id":"ä"}', 'line 3: {"id":"🎬"}', 'line 4: 7']);
});

it.each([[[array]], [cut(array)], [cut(`\ufeff${array}`)]])(
  'reads a JSON array',
  async (chunks) => {
    expect(await read(chunks)).toEqual([
      'record 1, line 3: {"id":"ä"}',
      'record 2, line 4: {"id":"🎬"}',
      'record 3, line 5: 7',
    ]);
  },
);

it.each([[[]], [['']], [[' \n\n']], [['[]']], [['[\n]']]])(
  'reads nothing from %j',
  async (chunks) => {
    expect(await read(chunks)).toEqual([]);
  },
);

it('tells each bad line, and reads on', async () => {
  const latin1 = Buffer.from('{"id":"\u00e4"}\n', 'latin1');
  const told = await read(['{"id":\n', latin1, `"${'x'.repeat(99)}"\n`, '"ok"\n', '{']);
  expect(told.map((line) => line.replace(/(is not JSON): .*/, '$1'))).toEqual([
    'line 1! is not JSON',
    'line 2! is not UTF-8',
    'line 3! is longer than 100 bytes',
    'line 4: "ok"',
    'line 5! is not JSON',
  ]);
});

it('takes any length of a line, and keeps none of it', async () => {
  const megabyte = 'x'.repeat(1024 * 1024);
  async function* endless() {
    for (let i = 0; i < 1024; i += 1) yield Buffer.from(megabyte);
    yield Buffer.from('\n1\n');
  }
  const before = process.memoryUsage.rss();
  const records = [];
  for await (const record of readRecords(endless())) records.push(record);
  expect(records).toEqual([
    { at: 'line 1', fault: 'is longer than 1048576 bytes' },
    { at: 'line 2', value: 1 },
  ]);
  expect(process.memoryUsage.rss() - before).toBeLessThan(512 * 1024 * 1024);
});

it.each([
  ['[1,\n2\n3]', ['record 1, line 1: 1', 'record 2, line 2: 2'], 'line 3, behind record 2'],
  ['[1,\n{"id":', ['record 1, line 1: 1'], 'line 2, behind record 1'],
  ['[1]\n[2]', ['record 1, line 1: 1'], 'line 2, behind record 1'],
  [`[1,\n"${'x'.repeat(200)}\n`, ['record 1, line 1: 1'], 'a record is longer than 100 bytes'],
])('stops where the array %j is broken, behind what came before', async (text, before, message) => {
  const records = readRecords(bytes([text]), 100);
  const told: string[] = [];
  const reading = (async () => {
    for await (const record of records) {
      told.push(`${record.at}: ${JSON.stringify('value' in record ? record.value : '')}`);
    }
  })();
  await expect(reading).rejects.toThrow(message);
  await expect(reading).rejects.toBeInstanceOf(CatalogueError);
  expect(told).toEqual(before);
});

it('stops at an array that is not UTF-8', async () => {
  await expect(read([Buffer.from('["\u00e4"]', 'latin1')])).rejects.toThrow(
    'the JSON array is broken at line 1',
  );
});

it('lets its source go when it is not read to the end', async () => {
  let isOpen = true;
  async function* source() {
    try {
      for (;;) yield Buffer.from('1\n');
    } finally {
      isOpen = false;
    }
  }
  for await (const record of readRecords(source())) {
    expect(record).toEqual({ at: 'line 1', value: 1 });
    break;
  }
  expect(isOpen).toBe(false);
});
