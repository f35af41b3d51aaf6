#!/usr/bin/env bash
# Packs .holdfast/spool for an artifact. It has whole checkpoints, and an artifact is read by everyone who reads the repository.
set -euo pipefail
umask 077

if [ ! -d .holdfast/spool ] || [ -z "$(ls -A .holdfast/spool)" ]; then
  echo "Nothing is spooled: the bucket has everything."
  exit 0
fi

if [ -z "$CERTIFICATE" ]; then
  if [ "$IS_PRIVATE" != "true" ]; then
    echo "::error::The bucket would not take a checkpoint, and it is not kept: this repository is public, and HOLDFAST_SPOOL_CERTIFICATE is not set (docs/ci.md). Recover by what AWS has: npm run recover -- --help"
    exit 1
  fi
  echo "::warning::The spool is kept unencrypted for 3 days: set HOLDFAST_SPOOL_CERTIFICATE (docs/ci.md)."
  tar -C .holdfast -czf "$RUNNER_TEMP/spool.tar.gz" spool
  echo "file=$RUNNER_TEMP/spool.tar.gz" >> "$GITHUB_OUTPUT"
  exit 0
fi

printf '%s\n' "$CERTIFICATE" > "$RUNNER_TEMP/spool.pem"
tar -C .holdfast -cz spool |
  openssl cms -encrypt -binary -aes-256-gcm -outform DER -out "$RUNNER_TEMP/spool.cms" -recip "$RUNNER_TEMP/spool.pem" -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256
echo "file=$RUNNER_TEMP/spool.cms" >> "$GITHUB_OUTPUT"
