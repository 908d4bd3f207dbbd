/** The documents by which `kubectl` learns what there is. */
export function describeApi(path: string): unknown {
  const slices = { groupVersion: 'discovery.k8s.io/v1', version: 'v1' };
  const verbs = ['get', 'list', 'watch'];
  switch (path) {
    case '/version':
      return { major: '1', minor: '34', gitVersion: 'v1.34.0', platform: 'linux/amd64' };
    case '/api':
      return { kind: 'APIVersions', versions: ['v1'] };
    case '/apis':
      return {
        kind: 'APIGroupList',
        apiVersion: 'v1',
        groups: [{ name: 'discovery.k8s.io', versions: [slices], preferredVersion: slices }],
      };
    case '/api/v1':
      return {
        kind: 'APIResourceList',
        groupVersion: 'v1',
        resources: [
          { name: 'endpoints', singularName: '', namespaced: true, kind: 'Endpoints', verbs },
        ],
      };
    case '/apis/discovery.k8s.io/v1':
      return {
        kind: 'APIResourceList',
        groupVersion: 'discovery.k8s.io/v1',
        resources: [
          {
            name: 'endpointslices',
            singularName: '',
            namespaced: true,
            kind: 'EndpointSlice',
            verbs,
          },
        ],
      };
    default:
      return undefined;
  }
}

/** `Status` of the API conventions. */
export function statusOf(code: number, message: string) {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code };
}
