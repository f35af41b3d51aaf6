import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { generateNetwork } from '../../orchestrator/network/generate.ts';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { cacheFolder } from '../../toolchain/cache-folder.ts';
import { lookAtAws, nothing } from '../support/aws-look.ts';
import { everythingKilled } from '../support/interruptions.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult, RunningCommand } from '../support/lab-rig.ts';
import { quickly } from '../support/networks.ts';
import { count, nightly } from '../support/tier.ts';

const wavesSchema = z.array(z.object({ include: z.array(z.object({ job: z.string(), stacks: z.string() })) }));

/** Of each VPC what makes it a member of its segment: the waves after that are made by the same code. */
const chosen = ['transit-gateway', 'vpc.*', 'member.*'];
/** Four stacks a wave show the protocol as thirty do; thirty are what a network has. */
const vpcs = count({ push: 4, all: 30 });
const jobs = count({ push: 2, all: 6 });
/** Of a job, which has as many stacks as every other one of its wave. */
const each = vpcs / jobs;
const stacks = 1 + 2 * vpcs;
const segments = 3;

describe(
  `a network of ${vpcs} VPCs, deployed in waves by jobs that share nothing but the bucket`,
  { concurrent: false, shuffle: false },
  () => {
    let rig: LabRig;
    let waves: z.infer<typeof wavesSchema>;
    const name = 'release-1';
    const killed = 1;
    beforeAll(async () => {
      rig = await LabRig.start(generateNetwork(vpcs) + quickly);
    });
    afterAll(() => rig.stop());

    /** As on a machine of its own: what was built is cached there, and nothing else. */
    async function start(stacks: string, run = name, ...more: readonly string[]): Promise<RunningCommand> {
      const home = await mkdtemp(join(rig.folder, 'home-'));
      const env = { HOME: home, XDG_CACHE_HOME: '', HOLDFAST_CACHE: cacheFolder(process.env), CI: 'true' };
      return rig.run(['up', ...stacks.split(' '), '--run', run, '--yes', ...more], env);
    }

    const deploy = async (stacks: string, run = name): Promise<CommandResult> => (await start(stacks, run)).ended;

    const jobsOf = (wave: number) => waves[wave]?.include ?? [];

    it(`are 1, ${vpcs} and ${vpcs} stacks, in at most ${jobs} jobs a wave`, async () => {
      const { stdout, exitCode } = await rig.holdfast(['waves', ...chosen, '--format', 'github', '--at-most', String(jobs)]);
      expect(exitCode).toBe(0);
      const outputs = new Map(
        stdout.split('\n').map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      );
      expect(outputs.get('count')).toBe('3');
      waves = wavesSchema.parse(JSON.parse(outputs.get('waves') ?? ''));
      expect(waves.map(({ include }) => include.map(({ stacks }) => stacks.split(' ').length))).toEqual([
        [1],
        Array.from({ length: jobs }, () => each),
        Array.from({ length: jobs }, () => each),
      ]);
    });

    it('does not begin a wave before the one that it stands on', async () => {
      const { stdout, exitCode } = await deploy(jobsOf(1)[0]?.stacks ?? '');
      expect(stdout).toContain('because transit-gateway has not ended in run release-1');
      expect(exitCode).toBe(3);
      expect((await lookAtAws(rig.ec2)).vpcs).toEqual([]);
    });

    it('deploys the first wave', async () => {
      expect((await deploy('transit-gateway')).exitCode).toBe(0);
    });

    it('deploys the second wave but for the job that is killed', async () => {
      await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'hold', point: 'after' } });
      const victim = await start(jobsOf(1)[killed]?.stacks ?? '', name, '--parallel', '1');
      const { held } = await rig.heldCall(victim);
      const others = await Promise.all(
        jobsOf(1)
          .filter((_, index) => index !== killed)
          .map(({ stacks }) => deploy(stacks)),
      );
      await everythingKilled.interrupt?.(rig, victim, held[0]?.n ?? 0, {});
      expect(others.map(({ exitCode }) => exitCode)).toEqual(Array.from({ length: jobs - 1 }, () => 0));
      expect((await lookAtAws(rig.ec2)).attachments.length).toBe(vpcs - each);
    });

    it('leaves out of the third wave just what stands on the killed job', async () => {
      const ended = await Promise.all(jobsOf(2).map(({ stacks }) => deploy(stacks)));
      expect(ended.map(({ exitCode }) => exitCode)).toEqual(jobsOf(2).map((_, index) => (index === killed ? 4 : 0)));
      const left = ended[killed]?.stdout ?? '';
      expect(left.match(/is held$/gm)?.length).toBe(1);
      expect(left.match(/has not ended in run release-1$/gm)?.length).toBe(each - 1);
    });

    it('leaves one stack held, and the rest done or not begun', async () => {
      const { stdout, exitCode } = await rig.holdfast(['status', '--json']);
      expect(exitCode).toBe(4);
      const { stacks: seen } = z.object({ stacks: z.array(z.object({ stack: z.string(), state: z.string() })) }).parse(JSON.parse(stdout));
      const stacksIn = (wanted: string): string[] => seen.filter(({ state }) => state === wanted).map(({ stack }) => stack);
      const held = stacksIn('held');
      expect([stacksIn('applied').length, held.length, stacksIn('not-deployed').length]).toEqual([
        1 + 2 * (vpcs - each),
        1,
        2 * each - 1 + vpcs + segments,
      ]);
      expect(await rig.locks()).toEqual(held.map(durableLockKey));
    });

    it('shows its parts, and what is not well', async () => {
      const { stdout } = await rig.holdfast(['runs', name]);
      expect(stdout).toContain(
        `release-1  ${2 + 2 * jobs} parts, ${stacks} stacks: ${1 + 2 * (vpcs - each)} applied, ${each} not-ended, ${each} skipped`,
      );
    });

    it('is ended by a recovery, and the same jobs again', async () => {
      expect((await rig.holdfast(['recover', '--yes'])).exitCode).toBe(0);
      for (const wave of [1, 2]) expect((await deploy(jobsOf(wave)[killed]?.stacks ?? '')).exitCode).toBe(0);
      const aws = await lookAtAws(rig.ec2);
      expect([aws.vpcs.length, aws.subnets.length, aws.attachments.length, aws.associations.length]).toEqual([vpcs, 2 * vpcs, vpcs, vpcs]);
      expect((await rig.holdfast(['runs', name])).stdout).toContain(`${stacks} stacks: ${stacks} applied`);
      expect(await rig.locks()).toEqual([]);
    });

    it('is not gone on with once another one has begun', async () => {
      expect((await deploy('transit-gateway', 'release-2')).exitCode).toBe(0);
      const { stdout, exitCode } = await deploy(jobsOf(1)[0]?.stacks ?? '');
      expect(stdout).toContain('run release-1 was overtaken by run release-2');
      expect(exitCode).toBe(6);
      expect((await deploy(jobsOf(1)[0]?.stacks ?? '', 'release-2')).exitCode).toBe(0);
    });

    nightly('is destroyed by one process, four stacks at a time, to nothing in AWS and no lock', async () => {
      const { exitCode, stdout } = await rig.holdfast(['destroy', '--yes', '--parallel', '4']);
      expect(stdout).toContain(`${stacks} destroyed`);
      expect(exitCode).toBe(0);
      expect(await lookAtAws(rig.ec2)).toEqual(nothing);
      expect(await rig.locks()).toEqual([]);
    });
  },
);
