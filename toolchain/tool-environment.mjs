/**
 * What of the caller's environment a tool gets: where it finds itself and its user's folders, how it reaches the network, and the settings of its own kind. Nothing
 * else: a compiler, an installer or a `--version` has no use for AWS keys, for the passphrase of the state, or for the address of a webhook. Plain JavaScript, because
 * `npm ci` runs before anything is installed.
 */
const common = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'TZ', 'LANG', 'LANGUAGE', 'LC_ALL', 'LC_CTYPE', 'LC_MESSAGES'],
  ...['XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_STATE_HOME'],
  // Certificates and proxies.
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS', 'CURL_CA_BUNDLE', 'REQUESTS_CA_BUNDLE', 'NIX_SSL_CERT_FILE'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'],
  // Where interpreters find their libraries (setup-python of GitHub), and the shims of version managers their versions.
  ...['LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'NIX_LD', 'NIX_LD_LIBRARY_PATH'],
  ...['PYENV_ROOT', 'PYENV_VERSION', 'ASDF_DIR', 'ASDF_DATA_DIR', 'MISE_DATA_DIR', 'MISE_CONFIG_DIR'],
];

const ofTool = {
  go: /^(GO(PATH|ROOT|ENV|CACHE|MODCACHE|TMPDIR|PROXY|SUMDB|NOSUMDB|PRIVATE|NOPROXY|INSECURE|VCS|AUTH|DEBUG|MAXPROCS|MEMLIMIT|GC)|NETRC|GIT_SSL_CAINFO)$/,
  // Index, certificates and proxy of pip are its user's; where it installs is ours.
  python: /^PIP_(?!(TARGET|USER|PREFIX|ROOT)$)/,
  node: /^NODE_OPTIONS$/,
  // The two tokens are the names that a .npmrc for a registry of one's own refers to.
  npm: /^(NODE_OPTIONS$|NPM_TOKEN$|NODE_AUTH_TOKEN$|npm_config_)/i,
  // Whose repositories git reads, and no place of another repository.
  git: /^GIT_CONFIG_(GLOBAL|SYSTEM|NOSYSTEM)$/,
};

/** The variables that these kinds of tools get from the caller's environment. */
export function toolEnvironment(env, ...tools) {
  const kept = (name) => common.includes(name) || tools.some((tool) => ofTool[tool].test(name));
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => value !== undefined && kept(name)));
}
