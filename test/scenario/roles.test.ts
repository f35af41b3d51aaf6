import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { permissions } from '../../orchestrator/aws/permissions/roles.ts';
import type { Place } from '../../orchestrator/aws/permissions/places.ts';
import { parts } from '../roles/parts.ts';
import { Room } from '../roles/room.ts';
import { takenAway } from '../roles/take-away.ts';

let room: Room;
beforeAll(async () => {
  room = await Room.open();
});
afterAll(() => room.close());

describe('every command does its work under its own role, and no call of it is refused', { concurrent: false }, () => {
  it.each(parts.filter(({ slow }) => slow === undefined).map((part) => [part.name, part] as const))('%s', async (_, part) => {
    const { exitCode, stdout, stderr, refused } = await room.run(part);
    expect(refused, stdout + stderr).toEqual([]);
    expect(exitCode, stdout + stderr).toBe(part.exitCode);
  });
});

/** One of each way in which a refusal reaches a person. `npm run roles` takes away every row of every role. */
const sample: readonly (readonly [part: string, action: string, place: Place])[] = [
  ['plan: preflight', 's3:GetBucketVersioning', 'bucket'],
  ['inventory: inventory', 'ec2:DescribeVpcs', 'ec2-reads'],
  ['watch: runs', 's3:GetObject', 'runs'],
  ['watch: locks --notify', 'sns:Publish', 'topic'],
  ['bootstrap: bootstrap', 's3:PutEncryptionConfiguration', 'bucket'],
  ['release: release', 's3:DeleteObject', 'locks'],
  ['recover: freeze', 's3:PutObject', 'locks'],
  ['recover: recover', 's3:PutObject', 'quarantine'],
  ['apply: up that AWS refuses', 's3:PutObject', 'checkpoints'],
  ['apply: up with a key', 'ec2:CreateTransitGateway', 'ec2'],
  ['apply: first up', 'ec2:CreateTags', 'ec2'],
];

describe('a role that lacks one action', { concurrent: false }, () => {
  it.each(sample)('%s without %s (%s) fails, and names it', async (name, action, place) => {
    const part = parts.find((one) => one.name === name);
    const row = permissions.find((one) => one.action === action && one.place === place && part && one.roles.includes(part.role));
    if (!part || !row) throw new Error(`there is no ${part ? `row ${action}` : `part ${name}`}`);
    const { findings, result } = await takenAway(room, part, row);
    expect(findings, result.stdout + result.stderr).toEqual([]);
  });
});
