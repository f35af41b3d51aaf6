import { execFile } from 'node:child_process';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment } from '../../lab/command.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { RunningCommand } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { engineBelow } from '../support/processes.ts';

const isRootOnLinux = process.platform === 'linux' && process.getuid?.() === 0;
const nobody = 65534;

/** Ports of loopback on which the process listens. */
async function portsOf(pid: number): Promise<readonly string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all((await readdir(folder)).map((name) => readlink(`${folder}/${name}`).catch(() => '')));
  const rows = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
  return rows.flatMap(([, local = '', , state, , , , , , inode = '']) =>
    state === '0A' && links.includes(`socket:[${inode}]`) ? [String(parseInt(local.split(':')[1] ?? '', 16))] : [],
  );
}

/** What other users of the machine get of a run that is in a call of AWS. */
describe.skipIf(!isRootOnLinux)(
  isRootOnLinux ? 'the ports of a run' : 'the ports of a run (not played here: only root can start processes of other users)',
  { concurrent: false, shuffle: false },
  () => {
    let rig: LabRig;
    let run: RunningCommand;
    let call: number;
    /** On which they listen. */
    let ports: { readonly own: readonly string[]; readonly engine: readonly string[] };

    beforeAll(async () => {
      rig = await LabRig.start(smallNetwork);
      await rig.fault({ match: { service: 'ec2', action: 'CreateTransitGateway', times: 1 }, do: { kind: 'hold', point: 'after' } });
      run = rig.run(['up', 'transit-gateway', '--yes', '--json']);
      call = (await rig.heldCall(run)).held[0]?.n ?? 0;
      const orchestrator = run.child.pid ?? 0;
      const { cli, plugin } = await engineBelow(orchestrator);
      ports = { own: await portsOf(orchestrator), engine: [...(await portsOf(cli)), ...(await portsOf(plugin))] };
    });
    afterAll(() => rig.stop());

    const probe = fileURLToPath(new URL('../support/ask-ports.mjs', import.meta.url));
    const servicesFor = async (uid: number, asked: readonly string[], ...args: string[]): Promise<readonly string[]> => {
      const given = [probe, ...args, ...asked];
      const { stdout } = await promisify(execFile)(process.execPath, given, { uid, gid: uid, cwd: '/', env: cleanEnvironment() });
      return Object.values(JSON.parse(stdout) as Record<string, readonly string[]>)
        .flat()
        .sort();
    };

    it('that are of Holdfast itself answer its own user, and no other one', async () => {
      expect(await servicesFor(0, ports.own)).toEqual(['events', 'runtime']);
      expect(await servicesFor(nobody, ports.own, 'forge')).toEqual([]);
    });

    it('that are of the engine and its plugin answer every user: preflight refuses a machine with others for it', async () => {
      expect(await servicesFor(nobody, ports.engine)).toEqual(expect.arrayContaining(['monitor', 'plugin']));
    });

    it('let nothing into the run that another user has sent', async () => {
      await rig.release(call);
      const { exitCode, stdout } = await run.ended;
      expect(stdout).not.toContain('forged');
      expect(exitCode).toBe(0);
    });
  },
);
