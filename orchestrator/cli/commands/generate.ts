import { writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { command } from '../../domain/command.ts';
import { exitCodes } from '../../domain/exit-codes.ts';
import { Refusal } from '../../domain/problem.ts';
import { generateNetwork, mostVpcs } from '../../network/generate.ts';
import { fileExists, tooManyVpcs } from '../../ui/usage.ts';
import type { CommonFlags, Context } from '../context.ts';
import { print, printJson, report } from '../report.ts';

export interface GenerateFlags extends Pick<CommonFlags, 'json' | 'verbose'> {
  readonly vpcs: number;
  readonly out?: string;
  readonly force: boolean;
}

export async function generate(this: Context, flags: GenerateFlags): Promise<void> {
  await report(this, flags, async () => {
    const { vpcs } = flags;
    if (vpcs > mostVpcs) throw new Refusal(exitCodes.usage, tooManyVpcs(vpcs, mostVpcs));
    const file = resolve(this.cwd, flags.out ?? `networks/example-${vpcs}.yaml`);
    const shown = relative(this.cwd, file);
    try {
      await writeFile(file, generateNetwork(vpcs), { flag: flags.force ? 'w' : 'wx' });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      throw new Refusal(exitCodes.usage, fileExists(shown));
    }
    if (flags.json) printJson(this, { schema: 1, file: shown, vpcs, stacks: 2 * vpcs + 1 });
    else print(this, (name) => `${name}: ${vpcs} VPCs, ${2 * vpcs + 1} stacks\n  next  ${command('plan', { network: shown })}`, shown);
    return exitCodes.done;
  });
}
