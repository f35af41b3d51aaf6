import { EC2Client } from '@aws-sdk/client-ec2';
import { describeTags, filter } from '../../orchestrator/aws/ec2-queries.ts';
import { lookAtInventory } from '../../orchestrator/aws/inventory.ts';
import { looked } from '../../orchestrator/aws/looked.ts';
import type { Look } from './watch.ts';

/** Everything that bears the tag of a stack, and what is in it, by Holdfast's own look. @param token without which the emulator does not answer */
export const openLook = ({ port, token, region }: { port: number; token: string | undefined; region: string }): Look => {
  const ec2 = new EC2Client({
    endpoint: `http://127.0.0.1:${port}`,
    region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  if (token !== undefined)
    ec2.middlewareStack.add(
      (next) => (args) => {
        Object.assign((args.request as { headers: Record<string, string> }).headers, { 'x-holdfast-emulator': token });
        return next(args);
      },
      { step: 'build', name: 'emulatorToken' },
    );
  const notAsked = () => Promise.reject(new Error('networks are in EC2 alone'));
  return {
    look: async () => {
      const tags = await looked(() => describeTags(ec2, [filter('key', ['holdfast:stack'])]), 'ec2:DescribeTags');
      if (!tags.ok) return tags;
      const stacks = [...new Set(tags.value.map(({ value }) => value))];
      const clients = { ec2, sns: notAsked, cloudwatch: notAsked };
      return await lookAtInventory(clients, { stacks, installation: undefined, known: new Map() }, Date.now);
    },
    close: () => ec2.destroy(),
  };
};
