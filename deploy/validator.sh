#!/bin/sh
# `validator` on an installed host: with the service's settings and secrets. Root acts as the service's user in the
# home, and as root on the files that are named on the command line; the service's user may run it too, for all
# that needs no file of root's. VALIDATOR_CONFIG=FILE tries out other settings.
set -eu
umask 077
ulimit -c 0 # a core file would have every key in it
export VALIDATOR_HOME=/var/lib/validator VALIDATOR_CONFIG="${VALIDATOR_CONFIG:-/etc/validator/validator.toml}"
# For the audit trail, where the kernel does not know who logged in; the command checks its form.
VALIDATOR_OPERATOR=${SUDO_USER:-$(logname 2>/dev/null || :)}
export VALIDATOR_OPERATOR
program=/opt/validator/current/bin/validator
case $(id -un) in
    root) ;;
    validator) exec "$program" "$@" ;;
    *) echo "validator: run it as root, such as by sudo" >&2 && exit 1 ;;
esac
# As systemd gives them to the services (LoadCredential=): in memory, for root and this user, for as long as it
# runs. The cloud's are for `validator agents sync` and `validator cloud`; the services do not have them.
CREDENTIALS_DIRECTORY=$(mktemp -d /run/validator-XXXXXXXX)
export CREDENTIALS_DIRECTORY
trap 'rm -rf "$CREDENTIALS_DIRECTORY"' EXIT
trap 'exit 1' HUP INT TERM
for name in database.password limits.storage_password cloud.app_secret cloud.secret_key \
    customers.sql_password customers.http_secret query_customer.secrets callrecords.secrets verification.secret \
    webhooks.secret; do
    if [ -f "/etc/credstore/validator.$name" ]; then
        install -m 0400 -o validator "/etc/credstore/validator.$name" "$CREDENTIALS_DIRECTORY/$name"
    fi
done
chown validator "$CREDENTIALS_DIRECTORY"
"$program" "$@"
