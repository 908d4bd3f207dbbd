import path from 'node:path';
import { kubectlIn } from '../cluster/kubectl';
import { run } from '../cluster/run';

/** The namespace of the services, as for the make targets. */
export const namespace = process.env['NAMESPACE'] ?? 'movies';

const root = path.resolve(__dirname, '../..');

export const services = ['metadata', 'rating', 'movie'] as const;
export type Service = (typeof services)[number];

/** What the REGISTRY_URL of each overlay begins with. */
const schemes = { kubernetes: 'kubernetes:', dns: 'dns:', consul: 'consul:' } as const;
export type Overlay = keyof typeof schemes;

/** A first `make images` installs what it builds from. */
const imagesLimitMs = 600_000;
const deployLimitMs = 240_000;
/** What one `beforeAll` may take that has something deployed. */
export const deployedLimitMs = imagesLimitMs + 2 * deployLimitMs;

let images: Promise<unknown> | undefined;

/** `kubectl` in the namespace of the services. */
export function kubectl(...args: string[]): Promise<string> {
  return kubectlIn(namespace, args);
}

/** Has the images in the cluster. */
export async function imagesLoaded(): Promise<void> {
  // Where the cluster has them from elsewhere, the user says so as he does to `make deploy`.
  images ??= process.env['SKIP_IMAGES'] ? Promise.resolve() : make('images', 'load-images');
  await images;
}

/** Has the overlay deployed anew, as a user does it; resolves with the milliseconds from then until all is ready. */
export async function deploy(overlay: Overlay): Promise<number> {
  await imagesLoaded();
  await make('undeploy');
  const began = performance.now();
  await make('deploy', `OVERLAY=${overlay}`, 'SKIP_IMAGES=1');
  return performance.now() - began;
}

/** Has the overlay deployed, unless it is. */
export async function deployed(overlay: Overlay): Promise<void> {
  const container = '.spec.template.spec.containers[0]';
  const found = await kubectl(
    ...['get', 'deployment/movie', '--ignore-not-found'],
    `--output=jsonpath={${container}.envFrom[0].configMapRef.name} {${container}.env[?(@.name=="REGISTRY_URL")].value}`,
  );
  // With DNS it is a variable of the pods, and otherwise a setting.
  const [settings = '', variable = ''] = found.split(' ');
  const url =
    settings === '' || variable !== ''
      ? variable
      : await kubectl('get', `configmap/${settings}`, '--output=jsonpath={.data.REGISTRY_URL}');
  if (url.startsWith(schemes[overlay])) await settle();
  else await deploy(overlay);
}

/** Waits until PostgreSQL and every Deployment have what they want. */
export async function settle(): Promise<void> {
  await postgresReady();
  for (const service of services) {
    await kubectl('rollout', 'status', `deployment/${service}`, '--timeout=120s');
  }
}

/** Waits until PostgreSQL takes connections. */
export function postgresReady(): Promise<string> {
  return kubectl('rollout', 'status', 'statefulset/postgres', '--timeout=120s');
}

/** The names of those pods that are not on their way out. */
export async function podsOf(service: Service): Promise<string[]> {
  const lines = await kubectl(
    ...['get', 'pods', `--selector=app.kubernetes.io/name=${service}`],
    '--field-selector=status.phase=Running',
    '--output=jsonpath={range .items[*]}{.metadata.name} {.metadata.deletionTimestamp}{"\\n"}{end}',
  );
  return lines.split('\n').flatMap((line) => {
    const [name = '', deleted = ''] = line.split(' ');
    return name === '' || deleted !== '' ? [] : [name];
  });
}

/** Runs a script on the Node of one of the service's pods; resolves with what it printed. */
export async function inPod(service: Service, script: string): Promise<string> {
  const node = ['/nodejs/bin/node', '--eval', script];
  return (await kubectl('exec', `deployment/${service}`, '--', ...node)).trim();
}

export async function make(...args: string[]): Promise<string> {
  const limitMs = args.includes('images') ? imagesLimitMs : deployLimitMs;
  return run('make', ['-C', root, '--no-print-directory', ...args], { limitMs });
}
