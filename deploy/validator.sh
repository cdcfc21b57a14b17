#!/bin/sh
# `validator` for an operator who is root: as the service's user, with the service's settings and secrets. A file
# that is named must be readable for that user; what comes by standard input need not be.
set -eu
umask 077
ulimit -c 0 # a core file would have every key in it
export VALIDATOR_HOME=/var/lib/validator VALIDATOR_CONFIG=/etc/validator/validator.toml
# For the audit trail, where the kernel does not know who logged in; the command checks its form.
VALIDATOR_OPERATOR=${SUDO_USER:-$(logname 2>/dev/null || :)}
export VALIDATOR_OPERATOR
# As systemd gives them to the services (LoadCredential=): in memory, for this user, for as long as it runs. The
# cloud's is for `validator agents sync`; the services do not have it.
CREDENTIALS_DIRECTORY=$(mktemp -d /run/validator-XXXXXXXX)
export CREDENTIALS_DIRECTORY
trap 'rm -rf "$CREDENTIALS_DIRECTORY"' EXIT
trap 'exit 1' HUP INT TERM
for name in database.password limits.storage_password cloud.app_secret; do
    if [ -f "/etc/credstore/validator.$name" ]; then
        install -m 0400 -o validator "/etc/credstore/validator.$name" "$CREDENTIALS_DIRECTORY/$name"
    fi
done
chown validator "$CREDENTIALS_DIRECTORY"
runuser -u validator -- /opt/validator/current/bin/validator "$@"
