import { METHODS } from 'node:http';
import Router from '@koa/router';
import Koa from 'koa';
import type { Logger } from 'pino';
import type { Health } from './health';
import type { Metrics } from './metrics';
import { problemOfStatus, toProblem, type Problem } from './problem';
import { RequestContext } from './request-context';
import { roundMs } from './round-ms';
import { describeCall, upstreamsHeader } from './upstream-call';

/** What every route finds in `ctx.state`. */
export interface ServiceState {
  context: RequestContext;
}

/** The router that a service's routes are put on. */
export type ServiceRouter = Router<ServiceState>;

type ServiceContext = Koa.ParameterizedContext<ServiceState>;

export interface AppOptions {
  /** Told to clients as `x-served-by`. */
  readonly instanceId: string;
  readonly requestTimeoutMs: number;
  readonly logger: Logger;
  readonly health: Health;
  readonly metrics: Metrics;
  /** What is wrong, although it does not make this service unready. */
  readonly concerns: () => readonly string[];
  /** Adds the service's own routes. */
  readonly routes: (router: ServiceRouter) => void;
}

const operations = new Set(['/livez', '/readyz', '/metrics']);
const methods = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'DELETE', 'PATCH']);
const retryAfterSeconds = '1';

/** What every service has around its routes: ids, log line, metrics, problem answers, deadline, health. */
export function createApp(options: AppOptions): Koa<ServiceState> {
  const app = new Koa<ServiceState>();
  // All that HTTP knows, so that what a path does not take is 405 with Allow, and never 501.
  const router: ServiceRouter = new Router<ServiceState>({ methods: METHODS });
  addOperations(router, options);
  options.routes(router);
  app.use(identify(options));
  app.use(observe(options));
  app.use(answerProblems());
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** Sets the request id and the serving instance, and ends the calls that the request has left under way. */
function identify({ instanceId, requestTimeoutMs }: AppOptions): Koa.Middleware<ServiceState> {
  return async (ctx, next) => {
    const context = new RequestContext(ctx.req, ctx.res, requestTimeoutMs);
    ctx.state.context = context;
    ctx.set('x-request-id', context.requestId);
    ctx.set('x-served-by', instanceId);
    await next();
    context.abandon();
    const upstreams = upstreamsHeader(context.calls);
    if (upstreams !== '') ctx.set('x-upstreams', upstreams);
  };
}

/** One log line and one observation a request. */
function observe({ logger, metrics }: AppOptions): Koa.Middleware<ServiceState> {
  return async (ctx, next) => {
    const startedAt = performance.now();
    await next();
    const durationMs = performance.now() - startedAt;
    const { method, status } = ctx;
    metrics.observeRequest(
      methods.has(method) ? method : 'other',
      routeOf(ctx),
      status,
      durationMs / 1000,
    );
    const level = levelOf(ctx);
    if (!logger.isLevelEnabled(level)) return;
    const { requestId, calls, notes } = ctx.state.context;
    logger[level](
      {
        requestId,
        method,
        url: ctx.url,
        status,
        durationMs: roundMs(durationMs),
        ...(calls.length === 0 ? {} : { upstreams: calls.map(describeCall) }),
        ...notes,
      },
      'request',
    );
  };
}

/** Every error and every bare status becomes problem details; the error itself goes to the log. */
function answerProblems(): Koa.Middleware<ServiceState> {
  return async (ctx, next) => {
    try {
      ctx.state.context.startDeadline();
      await next();
      if (ctx.status < 400 || ctx.body != null) return;
      answer(ctx, problemOfStatus(ctx.status, describeStatus(ctx)));
    } catch (error: unknown) {
      const problem = toProblem(error);
      if (problem.status >= 500) ctx.state.context.notes['err'] = error;
      answer(ctx, problem);
    }
  };
}

function answer(ctx: ServiceContext, problem: Problem): void {
  ctx.status = problem.status;
  if (problem.status === 503) ctx.set('retry-after', retryAfterSeconds);
  ctx.body = JSON.stringify({ ...problem, requestId: ctx.state.context.requestId });
  ctx.type = 'application/problem+json';
}

/** Liveness: the event loop runs. Readiness: the service is started, has its sets, and does not drain. */
function addOperations(router: ServiceRouter, { health, metrics, concerns }: AppOptions): void {
  router.get('/livez', (ctx) => {
    ctx.body = { status: 'ok' };
  });
  router.get('/readyz', (ctx) => {
    if (health.reason === undefined) {
      const present = concerns();
      ctx.body = { status: 'ready', ...(present.length === 0 ? {} : { concerns: present }) };
    } else {
      answer(ctx, problemOfStatus(503, health.reason));
    }
  });
  router.get('/metrics', async (ctx) => {
    ctx.type = metrics.contentType;
    ctx.body = await metrics.text();
  });
}

function describeStatus(ctx: ServiceContext): string {
  const allowed = ctx.response.get('allow');
  return ctx.status === 404
    ? `there is nothing at ${ctx.path}`
    : `${ctx.method} is not possible at ${ctx.path}${allowed === '' ? '' : `; ${allowed} is`}`;
}

function routeOf(ctx: ServiceContext): string {
  const { _matchedRoute: route } = ctx as { _matchedRoute?: unknown };
  return typeof route === 'string' ? route : 'none';
}

function levelOf(ctx: ServiceContext): 'debug' | 'info' | 'warn' | 'error' {
  if (operations.has(ctx.path)) return 'debug';
  if (ctx.status >= 500) return 'error';
  return 'degraded' in ctx.state.context.notes ? 'warn' : 'info';
}
