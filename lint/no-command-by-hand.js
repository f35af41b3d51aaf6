/**
 * Commands that people copy are made by orchestrator/domain/command.ts, from words that it quotes: what is put into a text of its own, from the bucket or from
 * AWS, is a command of whoever wrote it. Refused are texts that are, or begin, a command, and templates that put a value behind a flag.
 */

const verbs =
  'up|plan|destroy|status|locks|inventory|runs|recover|release|freeze|unfreeze|env|graph|paths|waves|preflight|bootstrap|policy|generate|lab|drill';

const commands = [
  /\bnpm (?:run|ci|install|exec)\b/,
  new RegExp(`(?:^|[\\s\`"'(:/])(?:holdfast|holdfast\\.mjs) (?:${verbs})\\b`),
  /\beval ["']?\$\(/,
  /\bgit (?:worktree|checkout|switch|clone|show|fetch|log|reset|restore) /,
  /\baws [a-z0-9]+ (?:[a-z]+-[a-z-]+|login|cp|sync|mv|rm)\b/,
  /\bpulumi stack [a-z]+-[a-z-]+/,
  // Between two that were made, too.
  /(?:^|\s)&& (?:[a-z]|$)/,
];

/** What comes next is the value of a flag, or another argument of a command. */
const beforeValue = [
  /(?:^|[\s'"`(])--[a-z][a-z-]*(?:=| )["']?$/,
  /\b(?:npm|holdfast|aws|git|pulumi) (?:[a-z0-9-]+ )*-- ["']?$/,
  /\b(?:sudo|chmod|chown|cd|cp|curl|kill|ls|mkdir|mv|rm)(?: [\w=+:-]+)* ["']?$/,
];

/** @type {import('eslint').Rule.RuleModule} */
export default {
  meta: {
    type: 'problem',
    schema: [],
    messages: { command: 'a command that people may copy is made by domain/command.ts, which quotes its words' },
  },
  create(context) {
    const refuse = (node) => context.report({ node, messageId: 'command' });
    const isCommand = (text) => commands.some((form) => form.test(text));
    return {
      Literal(node) {
        if (typeof node.value === 'string' && isCommand(node.value)) refuse(node);
      },
      TemplateElement(node) {
        const text = node.value.cooked ?? node.value.raw;
        if (isCommand(text) || (!node.tail && beforeValue.some((form) => form.test(text)))) refuse(node);
      },
      // '--decide ' + name
      BinaryExpression({ operator, left }) {
        if (operator !== '+' || left.type !== 'Literal' || typeof left.value !== 'string' || isCommand(left.value)) return;
        if (beforeValue.some((form) => form.test(left.value))) refuse(left);
      },
    };
  },
};
