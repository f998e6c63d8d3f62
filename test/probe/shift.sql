-- A mistake on purpose: see ecapi_probe_broken.c.  Nothing is said to the session; what looks for
-- mistakes must find it.
SET client_min_messages = error;
\getenv probes PG_LIBDIR
\set probe :probes '/ecapi_probe_broken'
CREATE FUNCTION shift() RETURNS void AS :'probe', 'ecapi_probe_shift' LANGUAGE c;
SELECT shift();
DROP FUNCTION shift();
