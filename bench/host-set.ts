import { clientSettings } from '../packages/service-client/src/client-options';
import { OutlierDetection } from '../packages/service-client/src/health/outlier-detection';
import { HostSet } from '../packages/service-client/src/host-set';

/** A host set with the defaults of a client, whose hosts are picked and never sent anything. */
export function openHostSet(): HostSet {
  const settings = clientSettings({});
  const outliers = new OutlierDetection(
    settings.ejection,
    settings.deadlineMs / 2,
    settings.random,
  );
  return new HostSet({ ...settings, outliers, note: () => undefined });
}
