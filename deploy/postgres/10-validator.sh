#!/bin/sh
# The server's own role and database, made once with the cluster. The role is no superuser: its SQL is no code on
# this container, and reads none of its files.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\set password `cat "${DATABASE_PASSWORD_FILE:-/run/secrets/database.password}"`
CREATE ROLE validator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE validator OWNER validator ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE validator FROM PUBLIC;
SQL
