import { killServiceProcesses } from '../system/service-process';
import { startTraffic } from '../system/traffic';
import { ConsulAgent, describeWithConsul } from './consul-agent';
import { startService, startSystem } from './consul-system';
import { until } from '../until';

describeWithConsul('an outage of a real Consul', (binary) => {
  let consul: ConsulAgent;

  beforeEach(async () => {
    consul = await ConsulAgent.create(binary);
  });

  afterEach(async () => {
    await killServiceProcesses();
    await consul.kill();
  });

  it.each([1, 2])(
    'fails no request, and all are registered again within 5 s of an empty restart, with %d of each',
    async (copies) => {
      await consul.start();
      const { movieUrl } = await startSystem(consul, copies);
      const traffic = startTraffic(movieUrl, 50);
      await consul.kill();
      await consul.start();
      const restartedAt = performance.now();
      await until(async () => {
        const listed = await Promise.all([consul.passing('metadata'), consul.passing('rating')]);
        return listed.every((ids) => ids.length === copies);
      });
      expect(performance.now() - restartedAt).toBeLessThan(5000);
      // Until after the time in which absence removes nothing: what comes then must be whole.
      await new Promise((resolve) =>
        setTimeout(resolve, 16_000 - (performance.now() - restartedAt)),
      );
      const { sent, outcomes } = await traffic.stop();
      expect(outcomes).toEqual({ 200: sent });
    },
    60_000,
  );

  it('lets a service start without it, say why it is not ready, and become ready by itself', async () => {
    const movie = startService('movie', consul.url);
    const origin = `http://127.0.0.1:${await movie.port()}`;
    await movie.line(({ level }) => level === 'warn');
    const response = await fetch(`${origin}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      detail: expect.stringContaining('cannot be reached') as string,
    });
    expect((await fetch(`${origin}/livez`)).status).toBe(200);
    await consul.start();
    await movie.ready();
    expect((await fetch(`${origin}/readyz`)).status).toBe(200);
  });

  it('leaves nothing registered when the port is taken', async () => {
    await consul.start();
    const first = startService('metadata', consul.url);
    await first.ready();
    const second = startService('metadata', consul.url, ['--port', String(await first.port())]);
    expect(await second.exited).toBe(1);
    expect(second.errors).toMatch(/^Port \d+ is taken: .*\n$/);
    expect(await consul.get('/v1/health/service/metadata')).toHaveLength(1);
  });
});
