import type { Source } from '../recovery/subjects.ts';
import { plural } from './describe.ts';

const states = { unrecorded: '', recorded: '', condemned: ', to be deleted', 'replaced-away': ', deleted and not yet replaced' };

const marks = {
  'our-tags': ', with our tags',
  'our-key': ', under our key',
  'other-target': ', under our key, and leading elsewhere',
  nothing: '',
  'another-stack': ', and belongs to another stack',
  'cannot-tell': ', and whether it belongs to another stack cannot be told',
};

/** What a source of a recovery says of an object. */
export function describeSource(source: Source): string {
  switch (source.from) {
    case 'checkpoint':
      return `has it${source.id === undefined ? '' : ` as ${source.id}`}${states[source.state]}`;
    case 'pending-operation':
      return source.current
        ? `the checkpoint says "${source.type}"`
        : `version ${source.version} of the checkpoint says "${source.type}", and no later one says how it ended`;
    case 'version':
      if ('updateOf' in source) return `an update was to make ${source.updateOf} what ${source.id} is`;
      return `an earlier version has it as ${source.id}${source.deletionSeen ? ', and the engine saw its deletion through' : ''}`;
    case 'journal':
      return source.text;
    case 'spool':
      return `the checkpoint that could not be written has it as ${source.id}`;
    case 'another-state':
      return `the state of ${source.stack} has it as ${source.resource}`;
    case 'unread-states':
      return `could not be read: ${source.stacks.join(', ')}`;
    case 'person':
      return `a person said that ${source.id} is it`;
    case 'cloudtrail':
      return `the run made ${source.word.id} at ${source.word.at.toISOString()} (event ${source.word.eventId})`;
    case 'inventory': {
      const looked = plural(source.looks, 'look');
      if (source.shown) return `${looked}: ${source.id ?? ''} is ${source.shown.phase}${marks[source.shown.bears]}`;
      return source.id === undefined ? `${looked}: nothing of it` : `${looked}: ${source.id} is not shown`;
    }
  }
}
