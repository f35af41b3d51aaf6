import { z } from 'zod';
import type { ObjectStore } from '../state/object-store.ts';
import { engineLocksPrefix } from '../state/layout.ts';

const engineLockSchema = z.looseObject({ pid: z.number(), username: z.string(), hostname: z.string(), timestamp: z.string() });

/** A lock of Pulumi's own, left or held by a CLI. */
export interface EngineLock {
  readonly stack: string;
  readonly key: string;
  readonly description: string;
}

/** Pulumi's own locks on the network's stacks: raw `pulumi` at work, or an engine that died. */
export async function engineLocks(store: ObjectStore, network: string): Promise<EngineLock[]> {
  const objects = await store.list(engineLocksPrefix(network));
  const locks = await Promise.all(
    objects.map(async ({ key, modified }): Promise<EngineLock[]> => {
      const stack = key.split('/').at(-2) ?? '';
      const stored = await store.get(key);
      // Released between the listing and now.
      if (!stored) return [];
      const parsed = engineLockSchema.safeParse(parseJson(stored.body));
      const who = parsed.success
        ? `pulumi, ${parsed.data.username}@${parsed.data.hostname} (pid ${parsed.data.pid}) since ${parsed.data.timestamp}`
        : `an object that is not a lock of Pulumi (${key}) since ${modified.toISOString()}`;
      return [{ stack, key, description: `${stack} is locked by ${who}` }];
    }),
  );
  return locks.flat();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
