import { describe, expect, it } from 'vitest';
import { Bucket } from '../../../orchestrator/aws/bucket.ts';

describe('H17 (doubt): the order of versions', () => {
  it('the version that S3 calls the latest is the newest one, also where the clocks of two of its hosts differ by a second', async () => {
    const at = (seconds: number): Date => new Date(Date.parse('2030-01-01T00:00:00Z') + seconds * 1000);
    const s3 = {
      middlewareStack: { add: () => undefined },
      send: () =>
        Promise.resolve({
          Versions: [
            // As S3 lists them: the one that was put last comes first.
            { Key: 'k', VersionId: 'second', ETag: '"2"', LastModified: at(4), IsLatest: true },
            { Key: 'k', VersionId: 'first', ETag: '"1"', LastModified: at(5), IsLatest: false },
          ],
        }),
    };
    const versions = await new Bucket(s3 as never, 'b').versions('k');
    expect(versions.map(({ version }) => version)).toEqual(['second', 'first']);
  });
});
