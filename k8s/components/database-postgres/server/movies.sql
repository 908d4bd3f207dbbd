-- At every start: the services have their database, with the password that the Secret has, whichever of the two is
-- the older.
\set ON_ERROR_STOP on
-- What psql and the server say when a statement fails does not have the statement in it.
\set VERBOSITY terse
SET log_min_error_statement = panic;
\set password `cat /run/password/password`
SELECT 'CREATE ROLE movies LOGIN'
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'movies') \gexec
ALTER ROLE movies PASSWORD :'password';
SELECT 'CREATE DATABASE movies OWNER movies'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'movies') \gexec
