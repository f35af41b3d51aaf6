import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import type { LabRig } from './lab-rig.ts';

/** What the state bucket has at a moment, to go back to it: a recovery changes nothing else. */
export class BucketSnapshot {
  readonly #rig: LabRig;
  readonly #objects: ReadonlyMap<string, string>;

  private constructor(rig: LabRig, objects: ReadonlyMap<string, string>) {
    this.#rig = rig;
    this.#objects = objects;
  }

  static async take(rig: LabRig): Promise<BucketSnapshot> {
    const bucket = new Bucket(rig.s3, rig.record.bucket);
    const objects = await Promise.all(
      (await bucket.list('')).map(async ({ key }): Promise<[string, string]> => [key, (await bucket.get(key))?.body ?? '']),
    );
    return new BucketSnapshot(rig, new Map(objects));
  }

  /** Everything as it was, each object with one version. */
  async restore(): Promise<void> {
    const { s3, record } = this.#rig;
    const bucket = new Bucket(s3, record.bucket);
    await Promise.all(
      (await bucket.versions('')).map(({ key, version }) =>
        s3.send(new DeleteObjectCommand({ Bucket: record.bucket, Key: key, VersionId: version })),
      ),
    );
    await Promise.all([...this.#objects].map(([key, body]) => bucket.put(key, body, { only: 'if-absent' })));
  }
}
