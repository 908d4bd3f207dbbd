import { readdirSync } from 'node:fs';
import path from 'node:path';

/** The services. Each has a folder, an image, a Deployment and a Service of its name. */
export const serviceNames: readonly string[] = readdirSync(
  path.resolve(__dirname, '../../services'),
).sort();

/** The image of a service in the manifests. Nobody can publish an image under `localhost`. */
export const imageOf = (service: string) => `localhost/movies/${service}`;
