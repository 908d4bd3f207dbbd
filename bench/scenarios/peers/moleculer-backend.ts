import { Errors, ServiceBroker, type Context } from 'moleculer';
import { runBackend } from '../backend';
import { body } from '../backends/body';
import type { Method } from '../request';
import { actionOf, brokerOptions, clientNode } from './moleculer-broker';

const answer: unknown = JSON.parse(body.toString());

runBackend(({ id, port, clientPort, others }, work) => {
  const broker = new ServiceBroker({
    ...brokerOptions({ id, port }, [{ id: clientNode, port: clientPort }, ...others]),
    // Its way of waiting for what is under way.
    tracking: { enabled: true, shutdownTimeout: 2500 },
  });
  const handle = (method: Method) => async (context: Context<{ id: number }>) => {
    const status = await work.do(context.params.id, method);
    if (status === 503) throw new Errors.MoleculerServerError('503', 503, 'UNAVAILABLE', {});
    // A mistake in a handler, as it comes to be a 500 elsewhere.
    if (status !== 200) throw new Error(String(status));
    return answer;
  };
  const methods = Object.entries(actionOf) as [Method, string][];
  broker.createService({
    name: 'items',
    actions: Object.fromEntries(methods.map(([method, action]) => [action, handle(method)])),
  });
  return {
    listen: () => broker.start(),
    // Nodes are told with the end.
    drain: () => undefined,
    close: () => broker.stop(),
  };
});
