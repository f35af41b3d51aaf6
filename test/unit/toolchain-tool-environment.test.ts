import { describe, expect, it } from 'vitest';
import { goEnvironment } from '../../toolchain/go-build.ts';
import { toolEnvironment } from '../../toolchain/tool-environment.mjs';
import type { Tool } from '../../toolchain/tool-environment.mjs';

const tools: readonly Tool[] = ['go', 'python', 'node', 'npm', 'git'];

/** Of a shell of a person on call, and of a CI: what no tool has a use for. */
const keys = {
  AWS_ACCESS_KEY_ID: 'k',
  AWS_SECRET_ACCESS_KEY: 'k',
  AWS_SESSION_TOKEN: 'k',
  AWS_PROFILE: 'k',
  AWS_WEB_IDENTITY_TOKEN_FILE: 'k',
  AWS_CONTAINER_AUTHORIZATION_TOKEN: 'k',
  PULUMI_CONFIG_PASSPHRASE: 'k',
  PULUMI_CONFIG_PASSPHRASE_FILE: 'k',
  PULUMI_ACCESS_TOKEN: 'k',
  HOLDFAST_WEBHOOK: 'k',
  GITHUB_TOKEN: 'k',
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'k',
  ACTIONS_RUNTIME_TOKEN: 'k',
  CI_JOB_TOKEN: 'k',
  GOOGLE_APPLICATION_CREDENTIALS: 'k',
  GOOGLE_CREDENTIALS: 'k',
  VAULT_TOKEN: 'k',
  SSH_AUTH_SOCK: 'k',
  GIT_DIR: '/elsewhere',
  PYTHONPATH: '/elsewhere',
  PIP_TARGET: '/elsewhere',
  PIP_USER: '1',
};

/** How any tool finds its user's folders and reaches the network. */
const needed = {
  PATH: '/bin',
  HOME: '/home/ada',
  HTTP_PROXY: 'http://proxy',
  HTTPS_PROXY: 'http://proxy',
  NO_PROXY: 'localhost',
  https_proxy: 'http://proxy',
  SSL_CERT_FILE: '/ca.pem',
  SSL_CERT_DIR: '/ca',
  NODE_EXTRA_CA_CERTS: '/ca.pem',
};

const ofTool = {
  go: { GOPROXY: 'https://goproxy.corp', GOPRIVATE: 'corp', GOMODCACHE: '/mod', GOSUMDB: 'off', NETRC: '/netrc' },
  python: { PIP_INDEX_URL: 'https://pypi.corp', PIP_CERT: '/ca.pem', PIP_PROXY: 'http://proxy' },
  node: { NODE_OPTIONS: '--use-openssl-ca' },
  npm: { npm_config_registry: 'https://npm.corp', NPM_CONFIG_CAFILE: '/ca.pem', NPM_TOKEN: 't' },
  git: { GIT_CONFIG_GLOBAL: '/gitconfig' },
} as const satisfies Record<Tool, Record<string, string>>;

const everything = { ...keys, ...needed, ...Object.assign({}, ...Object.values(ofTool)) } as Record<string, string>;

describe('the environment of a tool', () => {
  it('is what every tool needs, and no key, where no kind is named', () => {
    expect(toolEnvironment(everything)).toEqual(needed);
  });

  it.each(tools)('has beside that the settings of %s, and none of another kind', (tool) => {
    // npm is a program of Node.
    const own = tool === 'npm' ? { ...ofTool.node, ...ofTool.npm } : ofTool[tool];
    expect(toolEnvironment(everything, tool)).toEqual({ ...needed, ...own });
  });

  it('has no variable that has no value', () => {
    expect(toolEnvironment({ PATH: '/bin', HOME: undefined })).toEqual({ PATH: '/bin' });
  });
});

it('Go gets its proxy and folders, and what it builds is decided here', () => {
  expect(goEnvironment({ ...everything, GOFLAGS: '-toolexec=/evil', CGO_ENABLED: '1', GOOS: 'plan9' })).toEqual({
    ...needed,
    ...ofTool.go,
    GOFLAGS: '-mod=readonly -buildvcs=false -trimpath',
    GOWORK: 'off',
    GOTOOLCHAIN: 'local',
    CGO_ENABLED: '0',
    GOOS: '',
    GOARCH: '',
  });
});
