import { readdirSync } from 'node:fs';
import path from 'node:path';

/** The services: each has a folder, an image `movies/<name>`, and a Deployment and a Service of its name. */
export const serviceNames: readonly string[] = readdirSync(
  path.resolve(__dirname, '../../services'),
).sort();
