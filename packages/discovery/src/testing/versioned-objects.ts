/** An object of the Kubernetes API, as a test makes it. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly resourceVersion?: string;
  };
}

export interface ObjectChange {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly object: ApiObject;
}

/** Which objects a request is about. */
export interface ObjectFilter {
  readonly namespace: string | undefined;
  readonly labelSelector: string | undefined;
  readonly fieldSelector: string | undefined;
}

/**
 * The objects of one resource, as etcd keeps them: one version for all, a change each, and a history that can
 * be cut off.
 */
export class VersionedObjects {
  readonly #objects = new Map<string, ApiObject>();
  readonly #history: ObjectChange[] = [];
  #version = 100;
  #compactedAt = 100;

  get version(): number {
    return this.#version;
  }

  get changes(): readonly ObjectChange[] {
    return this.#history;
  }

  /** Adds or changes one. */
  put(object: ApiObject): ObjectChange {
    const key = keyOf(object);
    return this.#record(this.#objects.has(key) ? 'MODIFIED' : 'ADDED', key, object);
  }

  /** Deletes one, if it is there. */
  remove(name: string, namespace?: string): ObjectChange | undefined {
    const key = keyOf({ metadata: { name, ...(namespace === undefined ? {} : { namespace }) } });
    const object = this.#objects.get(key);
    return object === undefined ? undefined : this.#record('DELETED', key, object);
  }

  select(filter: ObjectFilter): ApiObject[] {
    return [...this.#objects.values()]
      .filter((object) => matches(object, filter))
      .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  /** What happened after a version; `undefined` if that is no longer known. */
  after(version: number, filter: ObjectFilter): ObjectChange[] | undefined {
    if (version < this.#compactedAt) return undefined;
    return this.#history.filter(
      (change) => change.version > version && matches(change.object, filter),
    );
  }

  /** Forgets how it came to the present state; a version before the next change is too old then. */
  compact(): void {
    this.#version += 1;
    this.#compactedAt = this.#version;
  }

  #record(type: ObjectChange['type'], key: string, object: ApiObject): ObjectChange {
    this.#version += 1;
    const resourceVersion = String(this.#version);
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion } };
    if (type === 'DELETED') this.#objects.delete(key);
    else this.#objects.set(key, stored);
    const change = { type, version: this.#version, object: stored };
    this.#history.push(change);
    return change;
  }
}

/** Equality selectors only, which is what discovery sends. */
export function matches(object: ApiObject, filter: ObjectFilter): boolean {
  const { name, namespace, labels } = object.metadata;
  if (filter.namespace !== undefined && filter.namespace !== namespace) return false;
  return (
    terms(filter.labelSelector).every(([key, value]) => labels?.[key] === value) &&
    terms(filter.fieldSelector).every(([key, value]) => key === 'metadata.name' && name === value)
  );
}

function terms(selector: string | undefined): [key: string, value: string][] {
  if (selector === undefined || selector === '') return [];
  return selector.split(',').map((term) => {
    const [key = '', value = ''] = term.split('=');
    return [key, value];
  });
}

function keyOf({ metadata: { name, namespace = 'default' } }: ApiObject): string {
  return `${namespace}/${name}`;
}
