import { closeSync, openSync } from 'node:fs';
import process from 'node:process';
import {
  isAlive,
  lookAt,
  ownIdentity,
  processesWithEnvironment,
  ProcessesUnseen,
  startedFromHere,
} from '../../toolchain/process-identity.ts';

/**
 * Run on its own, with a number that no process has: what looks at processes say where this process can open no more files, or one more. In the
 * process of a test other parts close files whenever they like, and give one back.
 */
const free = Number(process.argv[2]);

async function withFiles<Seen>(left: number, look: () => Promise<Seen>): Promise<Seen> {
  const open: number[] = [];
  try {
    for (;;) open.push(openSync('/dev/null', 'r'));
  } catch {
    for (const file of open.splice(open.length - left)) closeSync(file);
  }
  try {
    return await look();
  } finally {
    for (const file of open) closeSync(file);
  }
}

const refusal = (cause: unknown): unknown =>
  cause instanceof ProcessesUnseen ? { name: cause.name, reason: cause.reason, code: cause.code } : String(cause);

const own = await ownIdentity();
const suspects = await startedFromHere();
const search = () => processesWithEnvironment('PATH', () => true, suspects).catch(refusal);
const seen = {
  own: await withFiles(0, () => lookAt(own.pid)),
  free: await withFiles(0, () => lookAt(free)),
  alive: await withFiles(0, () => isAlive(own).catch(refusal)),
  search: await withFiles(0, search),
  // Enough to list the processes, and not to read some of them at once.
  searchByOne: await withFiles(1, search),
};
process.stdout.write(JSON.stringify(seen));
