/** What every backend answers: 200 bytes of JSON. */
export const body = Buffer.from(JSON.stringify({ item: 'x'.repeat(189) }));
