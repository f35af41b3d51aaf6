import { describe, expect, it } from 'vitest';
import { parseDecision } from '../../orchestrator/cli/decision.ts';
import { decide } from '../../orchestrator/recovery/decision-table.ts';
import type { Facts } from '../../orchestrator/recovery/facts.ts';
import { wordOf } from '../../orchestrator/recovery/describe.ts';
import type { Question } from '../../orchestrator/recovery/questions.ts';
import { objectKey } from '../../orchestrator/inventory/live-object.ts';
import { questionsOf } from '../../orchestrator/ui/questions.ts';
import { subjectsOf } from '../../orchestrator/recovery/subjects.ts';
import type { Subject } from '../../orchestrator/recovery/subjects.ts';
import { everyCase } from './support/every-case.ts';
import { deploymentOf, evidenceOf, object, pending, raw, short, tagged, tagsOf, types, urnOf } from './support/recovery.ts';
import type { Given } from './support/recovery.ts';

const questions = (given: Given): readonly Question[] => questionsOf(short, subjectsOf(evidenceOf(given)));
const onlyOf = (given: Given): Question => {
  const [question, ...more] = questions(given);
  if (!question || more.length > 0) throw new Error(`expected one question, got ${1 + more.length}`);
  return question;
};
/** `--decide 'vpc=adopt:vpc-1'` of a command. */
const decisionIn = (command: string): string | undefined => / --decide '([^']*)'$/.exec(command)?.[1];

/** What is said of an object that has the stack's tags, and of which nothing else speaks. */
const byTag = (id: string): string =>
  `Only the tags of ${id} say that it belongs to vpc.a, and anyone who may tag objects in this account can set them`;

const made = deploymentOf([raw('vpc', { id: 'vpc-1' })]);
const creating = deploymentOf([], [pending('creating', raw('vpc'))]);

describe('what is asked', () => {
  it('is nothing of what is decided, or waited for', () => {
    expect(questions({ versions: [made], objects: [tagged('vpc-1', 'vpc')] })).toEqual([]);
    expect(questions({ versions: [creating], objects: [tagged('vpc-1', 'vpc', { phase: 'coming' })] })).toEqual([]);
  });

  it('of a second object names both, and what becomes of the first', () => {
    expect(onlyOf({ versions: [made], objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')] }).question).toBe(
      `AWS has two objects for vpc.a/vpc: vpc-1 is in the state. What is to become of the other one, vpc-2? ${byTag('vpc-2')}`,
    );
    expect(onlyOf({ versions: [creating], objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')] }).question).toBe(
      `AWS has two objects for vpc.a/vpc: vpc-1 is adopted. What is to become of the other one, vpc-2? ${byTag('vpc-2')}`,
    );
  });

  it('of what is protected and gone is whether it may leave the state', () => {
    expect(onlyOf({ versions: [deploymentOf([raw('vpc', { id: 'vpc-1', protect: true })])] })).toEqual({
      question: 'vpc.a/vpc (Vpc vpc-1): it is protected, and gone from AWS. Is it to leave the state?',
      answers: [{ means: 'it is gone, and leaves the state', command: "npm run recover -- vpc.a --decide 'vpc=forget'" }],
    });
  });

  it('of what leads elsewhere says so', () => {
    const inputs = { routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8', transitGatewayId: 'tgw-1' };
    const versions = [deploymentOf([], [pending('creating', raw('route', { type: types.route, inputs }))])];
    const objects = [object('r-rtb-1_10.0.0.0/8', { type: types.route, properties: { ...inputs, transitGatewayId: 'tgw-2' } })];
    expect(onlyOf({ versions, objects }).question).toBe(
      'vpc.a/route (Route r-rtb-1_10.0.0.0/8): it is there, and leads elsewhere than the run wanted. Whose is it?',
    );
  });

  it('of what another stack has too names that stack, and offers neither to adopt, to delete nor to disown it', () => {
    const versions = [deploymentOf([raw('vpc', { id: 'vpc-1', delete: true })])];
    const holders = new Map([[objectKey({ type: types.vpc, id: 'vpc-1' }), { stack: 'example.vpc.b', resource: 'main' }]]);
    expect(onlyOf({ versions, objects: [tagged('vpc-1', 'vpc')], elsewhere: { holders, unread: [] } })).toEqual({
      question:
        'vpc.a/vpc (Vpc vpc-1): it is to be deleted, and the state of another stack has it too: the state of example.vpc.b has it as main. Which of the two is to have it?',
      answers: [
        {
          means: 'you take it out of one of the two states, here in a copy (pulumi state delete)',
          command: 'npm run recover -- vpc.a --shell',
        },
      ],
    });
  });

  it('of what may be the object of a stack whose state could not be read offers only to look again', () => {
    const elsewhere = { holders: new Map(), unread: ['example.vpc.b'] };
    const question = onlyOf({ versions: [made, deploymentOf()], objects: [object('vpc-1')], elsewhere });
    expect(question.question).toBe(
      'vpc.a/vpc (Vpc vpc-1): the states of other stacks could not be read: whether it is theirs cannot be told (could not be read: example.vpc.b). Whose is it?',
    );
    expect(question.answers.map(({ command }) => command)).toEqual(['npm run recover -- vpc.a']);
  });

  it('of a second object under our tags offers only to look again where the state of another stack could not be read', () => {
    const elsewhere = { holders: new Map(), unread: ['example.vpc.b'] };
    const question = onlyOf({ versions: [made], objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')], elsewhere });
    expect(question.answers.map(({ command }) => command)).toEqual(['npm run recover -- vpc.a']);
  });

  it('of a type that AWS cannot be asked for is to see to it by hand', () => {
    const versions = [deploymentOf([], [pending('creating', raw('topic', { type: types.topic }))])];
    expect(onlyOf({ versions })).toEqual({
      question: 'vpc.a/topic (Topic): AWS cannot be asked for its type. What has become of it?',
      answers: [
        {
          means: 'you mend it by hand, in a copy of the state (pulumi import, pulumi state delete)',
          command: 'npm run recover -- vpc.a --shell',
        },
      ],
    });
  });

  it('of a stranger under the stack’s tags may be answered with leaving it there', () => {
    const objects = [object('igw-1', { type: 'internet-gateway', tags: tagsOf('gateway') })];
    const { command } = onlyOf({ objects }).answers[0] ?? { command: '' };
    expect(command).toBe("npm run recover -- vpc.a --decide 'gateway=disown:igw-1'");
    expect(questions({ objects, answers: [{ resource: 'gateway', answer: 'disown', id: 'igw-1' }] })).toEqual([]);
  });

  it('of a create that no look could find is what a person has found', () => {
    const versions = [deploymentOf([], [pending('creating', raw('route', { type: types.route, inputs: { routeTableId: 'rtb-1' } }))])];
    expect(onlyOf({ versions })).toEqual({
      question:
        'vpc.a/route (Route): it may have been made, and nothing tells it from other objects (no tags, or a key that is not known). What has become of it?',
      answers: [
        { means: 'it was made, and enters the state', command: "npm run recover -- vpc.a --decide 'route=adopt:ID'" },
        { means: 'nothing was made (or you have deleted it yourself)', command: "npm run recover -- vpc.a --decide 'route=forget'" },
      ],
    });
  });

  it('of anything else is whose it is, with why', () => {
    const unknown = onlyOf({ versions: [made, deploymentOf()], objects: [object('vpc-1')] });
    expect(unknown).toEqual({
      question: 'vpc.a/vpc (Vpc vpc-1): the evidence does not decide. Whose is it?',
      answers: [
        { means: 'it belongs to the stack, and enters the state', command: "npm run recover -- vpc.a --decide 'vpc=adopt:vpc-1'" },
        { means: 'the next up deletes it', command: "npm run recover -- vpc.a --decide 'vpc=delete:vpc-1'" },
        { means: 'it stays in AWS, and belongs to the stack no more', command: "npm run recover -- vpc.a --decide 'vpc=disown:vpc-1'" },
        { means: 'you have deleted it yourself', command: 'npm run recover -- vpc.a' },
      ],
    });
  });
});

describe('an answer', () => {
  const meansOf = (given: Given): string[] => onlyOf(given).answers.map(({ command }) => decisionIn(command)?.split(':')[0] ?? 'again');

  it('is not to adopt a second object of what the state has', () => {
    expect(meansOf({ versions: [made], objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')] })).toEqual([
      'vpc=delete',
      'vpc=disown',
      'again',
    ]);
  });

  it('is not to adopt, or to delete, what nobody knows how to record', () => {
    expect(meansOf({ objects: [tagged('vpc-1', 'vpc')] })).toEqual(['vpc=disown', 'again']);
  });

  it('is not to delete what is protected', () => {
    const protectedCreate = deploymentOf([], [pending('creating', raw('vpc', { protect: true }))]);
    expect(meansOf({ versions: [protectedCreate], objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')] })).toEqual([
      'vpc=adopt',
      'vpc=disown',
      'again',
    ]);
  });

  it('that is given decides', () => {
    for (const { answers } of questions({ versions: [made, deploymentOf()], objects: [object('vpc-1')] }))
      for (const { command } of answers) {
        const text = decisionIn(command);
        if (text === undefined) continue;
        const { resource, answer, id } = parseDecision(text);
        const given = {
          versions: [made, deploymentOf()],
          objects: [object('vpc-1')],
          answers: [{ resource, answer, ...(id === undefined ? {} : { id }) }],
        };
        expect(questions(given), text).toEqual([]);
      }
  });
});

/** A subject of these facts, as far as a question asks of it. */
function subjectWith(facts: Facts, name: string, id: string | undefined): Subject {
  const row = decide(facts);
  return { urn: urnOf(name), name, type: types.vpc, id, facts, row, sources: [], shape: undefined, live: undefined };
}

describe('every case that a person has to decide', () => {
  const isOpen = (facts: Facts): boolean => ['ask', 'duplicate'].includes(decide(facts).then);
  const cases = [...everyCase()].filter((facts) => facts.said === 'nothing' && isOpen(facts));
  /** One of each that a question goes by. */
  const kinds = [
    ...new Map(
      cases.map((facts) => {
        const { kind, live, state, shape, protect, beside, bears } = facts;
        return [[decide(facts).row, kind, live, state, shape, protect, beside, bears].join(' '), facts];
      }),
    ).values(),
  ];

  it('are many', () => {
    expect(cases.length).toBeGreaterThan(1000);
  });

  it.each(['vpc', 'route-private-10.0.0.0/8', 'a=b'])('has a question, and answers that can be given as they are printed: %s', (name) => {
    const seen = new Set<string>();
    for (const facts of kinds)
      for (const id of facts.live === 'there' ? ['r-rtb-1_10.0.0.0/8'] : [undefined, 'r-rtb-1_10.0.0.0/8']) {
        const [question] = questionsOf(short, [subjectWith(facts, name, id)]);
        if (!question || question.answers.length === 0) throw new Error(`nothing is asked of ${JSON.stringify(facts)}`);
        for (const { command } of question.answers) seen.add(command);
      }
    for (const command of seen) {
      const text = decisionIn(command);
      if (text === undefined) expect(command).toMatch(/^npm run recover -- vpc\.a( --shell)?$/);
      else expect(parseDecision(text)).toMatchObject({ resource: name });
    }
    expect(seen.size).toBeGreaterThan(3);
  });

  it('has an answer that settles it', () => {
    const stuck = new Set<string>();
    for (const facts of cases) {
      const id = facts.live === 'there' ? 'vpc-1' : undefined;
      const [question] = questionsOf(short, [subjectWith(facts, 'vpc', id)]);
      const settles = question?.answers.some(({ command }) => {
        const text = decisionIn(command);
        if (text !== undefined) return !isOpen({ ...facts, said: parseDecision(text).answer });
        // In a shell the pending operation goes from the state. Where it is deleted by hand it is gone in the next look.
        if (command.endsWith(' --shell')) return facts.kind === 'unlisted' || facts.bears === 'another-stack';
        // Where it can be told again whose it is, there is another question, or none.
        return facts.bears === 'cannot-tell' || !isOpen({ ...facts, live: 'gone' });
      });
      if (settles !== true) stuck.add(`${decide(facts).row} ${facts.kind} ${facts.state} ${facts.live} ${facts.operation}`);
    }
    expect([...stuck]).toEqual([]);
  });
});

it('a type is called by its last word', () => {
  expect([wordOf('aws:ec2/vpc:Vpc'), wordOf('internet-gateway')]).toEqual(['Vpc', 'internet-gateway']);
});
