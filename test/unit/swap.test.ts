import { expect, it } from 'vitest';
import { readRecord, swap } from '../../orchestrator/ownership/records.ts';
import type { HeldRecord, Swapped } from '../../orchestrator/ownership/records.ts';
import type { Event } from '../../orchestrator/ownership/transitions.ts';
import { MemoryStore } from './support/memory-store.ts';
import { lockOf } from './support/owner.ts';
import { quickPatience } from './support/quick-patience.ts';

const stack = 'example.vpc.a';

const request = (store: MemoryStore) => ({ store, patience: quickPatience(5), now: () => Date.parse('2030-01-01T00:00:00Z') });

async function done(store: MemoryStore, event: Event): Promise<HeldRecord> {
  const swapped: Swapped = await swap(stack, event, request(store));
  if (!swapped.ok) throw new Error(`${event.type} was refused: ${swapped.refusal}`);
  return swapped.held;
}

const as = (nonce: string, epoch: number) => ({ nonce, epoch });

it('a stack that was given back since its record was read is claimed', async () => {
  const store = new MemoryStore();
  const seen = await done(store, { type: 'claim', owner: lockOf(stack, 'first') });
  await done(store, { type: 'give-back', as: as('first', 1) });
  const claimed = await swap(seen, { type: 'claim', owner: lockOf(stack, 'mine') }, request(store));
  expect(claimed).toMatchObject({ ok: true, held: { record: { phase: 'claimed', epoch: 2, owner: { nonce: 'mine' } } } });
});

it('a stack that another process has is refused, by what its record says now', async () => {
  const store = new MemoryStore();
  const seen = await done(store, { type: 'claim', owner: lockOf(stack, 'first') });
  await done(store, { type: 'give-back', as: as('first', 1) });
  await done(store, { type: 'claim', owner: lockOf(stack, 'second') });
  const claimed = await swap(seen, { type: 'claim', owner: lockOf(stack, 'mine') }, request(store));
  expect(claimed).toMatchObject({ ok: false, refusal: 'not-free', now: { record: { owner: { nonce: 'second' } } } });
});

it('a takeover from an owner that is dead takes nothing from the owner that came after it', async () => {
  const store = new MemoryStore();
  const seen = await done(store, { type: 'claim', owner: lockOf(stack, 'dead') });
  await done(store, { type: 'give-back', as: as('dead', 1) });
  await done(store, { type: 'claim', owner: lockOf(stack, 'alive') });
  const taken = await swap(seen, { type: 'take-over', owner: lockOf(stack, 'mine'), proof: 'process-dead' }, request(store));
  expect(taken).toMatchObject({ ok: false, refusal: 'not-owner', now: { record: { owner: { nonce: 'alive' } } } });
  expect(await readRecord(store, stack)).toMatchObject({ record: { epoch: 2, owner: { nonce: 'alive' } } });
});

it('a takeover of a stack that was frozen meanwhile is made over what is there now', async () => {
  const store = new MemoryStore();
  const seen = await done(store, { type: 'claim', owner: lockOf(stack, 'dead') });
  await done(store, { type: 'freeze', by: lockOf(stack, 'freezer', { operation: 'freeze', incident: 'INC-7' }) });
  const taken = await swap(seen, { type: 'take-over', owner: lockOf(stack, 'mine'), proof: 'process-dead' }, request(store));
  expect(taken).toMatchObject({ ok: true, held: { record: { phase: 'recovering', epoch: 2, frozen: { incident: 'INC-7' } } } });
});
