import { command } from '../domain/command.ts';

/** Said at the first signal. */
export const describeDraining = (signal: string): string =>
  `${signal}: nothing new starts; what runs is let end. Once more interrupts the engine in the middle of its steps.`;

/** At the second. */
export const describeInterrupting = (signal: string): string =>
  `${signal}: the engine is interrupted; it ends the calls that are under way and writes what it knows.`;

/** At every other one. @param atWork stacks of which it is not known yet how they end */
export function describeRefusedSignal(signal: string, atWork: readonly string[]): string {
  const stake =
    atWork.length === 0
      ? 'What was done is still being written down.'
      : `AWS is being changed in ${atWork.join(', ')}: whoever is killed now leaves ${atWork.length === 1 ? 'it' : 'them'} held, with AWS changed and the state from before.`;
  return `${signal}: refused. ${stake} Wait, or look from another terminal: ${command('status')}`;
}
