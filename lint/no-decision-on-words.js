/**
 * Code decides on codes, never on sentences: what is written for people may be worded otherwise at any time, and a decision that hangs on it then goes
 * another way without a test that fails. Refused are comparisons, searches and replacements in what is named as such words; whether there are any may
 * be asked.
 */

const names = new Set(['text', 'message', 'why', 'because', 'said', 'detail']);
const searches = new Set([
  'startsWith',
  'endsWith',
  'includes',
  'indexOf',
  'lastIndexOf',
  'match',
  'matchAll',
  'search',
  'replace',
  'replaceAll',
  'localeCompare',
]);
/** Of a regular expression, a set or a map, or a list, which are asked for the words. */
const askedFor = new Set(['test', 'exec', 'has', 'get', 'includes', 'indexOf']);
const comparisons = new Set(['==', '!=', '===', '!==']);

/** @returns {import('estree').Node} */
const bare = (node) =>
  ['ChainExpression', 'TSNonNullExpression', 'TSAsExpression', 'AwaitExpression'].includes(node.type)
    ? bare(node.expression ?? node.argument)
    : node;

const nameOf = (node) => (node.type === 'Identifier' ? node.name : node.type === 'Literal' ? String(node.value) : undefined);

/** The method of a call `object.method(…)`. */
const methodOf = ({ callee }) => {
  const called = bare(callee);
  return called.type === 'MemberExpression' && !called.computed ? { object: called.object, name: nameOf(called.property) } : undefined;
};

const isNothing = (node) =>
  (node.type === 'Identifier' && node.name === 'undefined') || (node.type === 'Literal' && (node.value === null || node.value === ''));

/** @type {import('eslint').Rule.RuleModule} */
export default {
  meta: {
    type: 'problem',
    schema: [],
    messages: { words: 'code decides on codes, never on sentences: give what is meant a code of its own, and decide on that' },
  },
  create(context) {
    const { sourceCode } = context;

    const variableOf = (identifier) => {
      for (let scope = sourceCode.getScope(identifier); scope; scope = scope.upper) {
        const variable = scope.set.get(identifier.name);
        if (variable) return variable;
      }
      return undefined;
    };

    /** `({ text })` and `const { text: words }`, and `const words = doubt.text`. */
    const holdsWords = (identifier, seen) =>
      (variableOf(identifier)?.defs ?? []).some(({ name, node }) => {
        const pattern = name.parent.type === 'AssignmentPattern' ? name.parent : name;
        const { parent } = pattern;
        if (parent.type === 'Property' && parent.value === pattern) return names.has(nameOf(parent.key));
        return node.type === 'VariableDeclarator' && node.id === name && node.init != null && isWords(node.init, seen);
      });

    function isWords(given, seen = new Set()) {
      const node = bare(given);
      if (seen.has(node)) return false;
      seen.add(node);
      switch (node.type) {
        case 'MemberExpression':
          return names.has(nameOf(node.property));
        case 'Identifier':
          return holdsWords(node, seen);
        case 'LogicalExpression':
          return isWords(node.left, seen) || isWords(node.right, seen);
        case 'ConditionalExpression':
          return isWords(node.consequent, seen) || isWords(node.alternate, seen);
        case 'CallExpression': {
          const callee = bare(node.callee);
          if (callee.type === 'Identifier')
            return callee.name === 'messageOf' || (callee.name === 'String' && node.arguments.some((each) => isWords(each, seen)));
          const method = methodOf(node);
          return (
            ['trim', 'trimEnd', 'trimStart', 'toLowerCase', 'toUpperCase', 'slice', 'substring'].includes(method?.name) &&
            isWords(method.object, seen)
          );
        }
        default:
          return false;
      }
    }

    const refuse = (node) => context.report({ node, messageId: 'words' });
    return {
      BinaryExpression(node) {
        const { left, right, operator } = node;
        if (comparisons.has(operator) && !isNothing(left) && !isNothing(right) && (isWords(left) || isWords(right))) refuse(node);
      },
      SwitchStatement(node) {
        if (isWords(node.discriminant)) refuse(node.discriminant);
      },
      CallExpression(node) {
        const method = methodOf(node);
        if (!method) return;
        const [first] = node.arguments;
        const searched = searches.has(method.name) && isWords(method.object);
        const asked = askedFor.has(method.name) && first !== undefined && first.type !== 'SpreadElement' && isWords(first);
        if (searched || asked) refuse(node);
      },
    };
  },
};
