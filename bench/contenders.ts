import { randomUUID } from 'node:crypto';
import { dirname, delimiter, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../lab/command.ts';
import type { LabRig } from '../test/support/lab-rig.ts';
import { backendEnvironment, endless } from '../test/support/raw-pulumi.ts';
import type { MeasuredCommand } from './measured-command.ts';
import type { PeerOrder } from './peers/plain.ts';
import type { Contender } from './plan.ts';

export interface Setting {
  readonly rig: LabRig;
  /** Path of the Pulumi CLI. */
  readonly cli: string;
  readonly installation: string;
  readonly parallel: number;
}

/** The command that brings the network of the lab to what its file says. */
export function commandOf(contender: Contender, setting: Setting): MeasuredCommand {
  const { rig, parallel } = setting;
  const cwd = rig.folder;
  switch (contender) {
    case 'holdfast':
      return {
        script: [fileURLToPath(new URL('../bin/holdfast.mjs', import.meta.url)), 'up', '--yes', '--parallel', String(parallel)],
        env: { ...cleanEnvironment(), HOLDFAST_LAB_DIR: join(rig.folder, 'lab') },
        cwd,
      };
    case 'plain-loop':
    case 'one-stack':
      return {
        script: [
          '--import',
          new URL('../toolchain/tsx.mjs', import.meta.url).href,
          fileURLToPath(peers[contender]),
          JSON.stringify(orderOf(setting)),
        ],
        env: { ...cleanEnvironment(), ...engineEnvironment(setting) },
        cwd,
      };
  }
}

function orderOf({ rig, installation, parallel }: Setting): PeerOrder {
  return { networkFile: rig.networkFile, installation, pluginDirectory: rig.record.pluginDirectory, folder: rig.folder, parallel };
}

/** As a person has it who goes by the engine's own documentation: the CLI on PATH, the bucket as backend. */
function engineEnvironment({ rig: { record, folder }, cli }: Setting): Record<string, string> {
  return {
    PATH: `${dirname(cli)}${delimiter}${process.env['PATH'] ?? ''}`,
    // One that is new each time: every start of the engine adds a log, and the next one looks at all of them.
    ...backendEnvironment(record, join(folder, 'pulumi-home', randomUUID())),
    ...endless,
  };
}

const peers = {
  'plain-loop': new URL('peers/plain-loop.ts', import.meta.url),
  'one-stack': new URL('peers/one-stack.ts', import.meta.url),
} as const;
