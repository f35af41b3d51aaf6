import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Forger } from '../roles/forger.ts';
import { following, forgedObjects } from '../roles/forged-objects.ts';
import type { Following, ForgedObject, Otherwise } from '../roles/forged-objects.ts';
import { Room } from '../roles/room.ts';
import { casesOf } from '../support/tier.ts';
import { faultIn } from '../unit/support/foreign-text.ts';

let room: Room;
let forger: Forger;
beforeAll(async () => {
  room = await Room.open();
  forger = new Forger(room);
});
afterAll(() => room.close());

const isRefused = ({ happened }: ForgedObject): boolean => happened === 'refused';

describe('the policy of a role', { concurrent: false }, () => {
  it.each(['plan', 'watch', 'recover'] as const)('of %s allows the puts that the table says, and no other', async (role) => {
    const objects = forgedObjects.filter((object) => object.role === role && object.begin === 'everything');
    const answers = await forger.put(role, objects, await forger.begin('everything'));
    const isDenied = objects.map(({ what }, index) => [what, answers[index] === 'AccessDenied']);
    expect(isDenied).toEqual(objects.map((object) => [object.what, isRefused(object)]));
  });
});

/** A lock that is released again. One that stays in the way is tried in bad-state.test.ts, too. */
const onPush = 'a lock of the greatest epoch';

const put = casesOf(
  forgedObjects.filter((object) => !isRefused(object)),
  { push: ({ what, begin }) => begin === 'everything' && what === onPush },
);

describe('a forged object that a role may put', { concurrent: false }, () => {
  it.each(put.map((object) => [object.role, object.what, object] as const))(
    '%s: %s changes nothing but what the table says',
    async (_, __, object) => {
      const { role, begin, happened } = object;
      const without = await forger.without(begin);
      const sight = await forger.begin(begin);
      expect(await forger.put(role, [object], sight)).toEqual(['done']);
      const { done, said } = await forger.follow();
      expect(faultIn(said)).toBeUndefined();
      expect(done).toEqual(happened === 'refused' ? {} : { ...without, ...otherwiseDone(happened) });
    },
  );
});

const otherwiseDone = (happened: Readonly<Partial<Record<Following, Otherwise>>>): object =>
  Object.fromEntries(
    (Object.keys(following) as Following[]).flatMap((name) => {
      const otherwise = happened[name];
      if (otherwise === undefined) return [];
      const { exitCode, writes } = otherwise;
      return [[name, { exitCode, calls: [], wrote: writes ? (expect.any(Array) as unknown) : undefined }]];
    }),
  );
