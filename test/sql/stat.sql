--
-- Statistics: the views, who may read and reset them, and the form of what
-- ecapi.metrics() writes.  What is counted is a matter of test/t/400_stat.pl.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_ecapi_watcher;
CREATE ROLE regress_ecapi_nobody;
GRANT pg_monitor TO regress_ecapi_watcher;
RESET client_min_messages;

-- Times are double precision, what is counted is bigint.
SELECT c.relname, a.attname, a.atttypid::regtype
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'ecapi'::regnamespace AND c.relname LIKE 'stat\_%' AND a.atttypid <> 'bigint'::regtype
ORDER BY c.relname, a.attnum;

-- Names of all kinds; nothing is sent, for they are paused.
SET client_min_messages = warning;
CREATE SERVER "stat ""quoted"" \ <script>" FOREIGN DATA WRAPPER ecapi OPTIONS (url 'http://127.0.0.1:1/', data_set_id 'stat');
SELECT ecapi.pause('stat "quoted" \ <script>');
CREATE SERVER stat_plain FOREIGN DATA WRAPPER ecapi OPTIONS (url 'http://127.0.0.1:1/secret-path', data_set_id 'stat');
SELECT ecapi.pause('stat_plain');
RESET client_min_messages;

-- Every line is one of the standard's; a family has one line of each kind, and its samples
-- behind them.
CREATE TEMP TABLE metrics AS
SELECT line, n FROM regexp_split_to_table(ecapi.metrics(), '\n') WITH ORDINALITY AS m (line, n);
SELECT line FROM metrics WHERE line <> '' AND line !~ '^# (TYPE \w+ (counter|gauge|histogram|stateset)|UNIT \w+ (seconds|bytes)|HELP \w+ [^\n]+|EOF)$'
    AND line !~ '^\w+\{(\w+="([^"\\\n]|\\["\\n])*",?)+\} [0-9]+(\.[0-9]+)?$';
SELECT split_part(line, ' ', 3) AS family, count(*) FROM metrics WHERE line LIKE '# TYPE %' GROUP BY 1 HAVING count(*) > 1;
SELECT line FROM metrics WHERE line LIKE '# UNIT %' AND split_part(line, ' ', 3) !~ ('_' || split_part(line, ' ', 4) || '$');
SELECT m.line
FROM metrics m, LATERAL (SELECT split_part(t.line, ' ', 3) AS name, split_part(t.line, ' ', 4) AS type FROM metrics t
    WHERE t.line LIKE '# TYPE %' AND t.n < m.n ORDER BY t.n DESC LIMIT 1) f
WHERE m.line ~ '^\w' AND substring(m.line FROM '^\w+') <> ALL (CASE f.type WHEN 'counter' THEN ARRAY[f.name || '_total']
    WHEN 'histogram' THEN ARRAY[f.name || '_bucket', f.name || '_count', f.name || '_sum'] ELSE ARRAY[f.name] END);
SELECT array_agg(line ORDER BY n) FROM metrics WHERE n >= (SELECT max(n) - 1 FROM metrics);
SELECT split_part(line, ' ', 3) AS family, split_part(line, ' ', 4) AS type FROM metrics
WHERE line LIKE '# TYPE %' AND line NOT LIKE '# TYPE ecapi\_worker\_%' AND line NOT LIKE '%outbox_limit%' ORDER BY n;

-- What tables say is there without a worker; names are escaped, and no option is shown.
SELECT regexp_replace(line, 'datname="\w*",', '') AS line FROM metrics
WHERE line ~ '^ecapi_(backlog|failed|oldest).*stat' ORDER BY n;
SELECT destination, backlog, oldest, failed_waiting, failed_dead FROM ecapi.stat_waiting WHERE destination LIKE 'stat%' ORDER BY 1;
SELECT count(*) AS secret FROM metrics WHERE line LIKE '%secret%' OR line LIKE '%127.0.0.1%';

-- Who reads, and who resets.
SELECT v.name, r.role, has_table_privilege('regress_ecapi_' || r.role, 'ecapi.' || v.name, 'SELECT') AS may
FROM unnest('{stat_destination,stat_filtered,stat_histogram,stat_track,stat_worker,stat_waiting,stat_outbox}'::text[]) v (name),
    unnest('{watcher,nobody}'::text[]) r (role) ORDER BY 2 DESC, 1;
SET ROLE regress_ecapi_watcher;
SELECT count(*) = count(*) AS read FROM ecapi.stat_destination, ecapi.stat_filtered, ecapi.stat_histogram, ecapi.stat_track, ecapi.stat_worker, ecapi.stat_waiting, ecapi.stat_outbox;
SELECT ecapi.metrics() LIKE '%# EOF_' AS metrics;
SELECT ecapi.metrics('prometheus') LIKE '%# EOF%' AS eof, ecapi.metrics('prometheus') ~ '# TYPE ecapi_events_total counter' AS type, ecapi.metrics(NULL);
SELECT ecapi.metrics('Prometheus');
SELECT ecapi.stat_reset();
SET ROLE regress_ecapi_nobody;
SELECT ecapi.metrics();
RESET ROLE;
SELECT ecapi.stat_reset();
SELECT ecapi.stat_reset('stat_plain');
SELECT ecapi.stat_reset('stat_plian');

SET client_min_messages = warning;
DROP SERVER "stat ""quoted"" \ <script>" CASCADE;
DROP SERVER stat_plain CASCADE;
DROP ROLE regress_ecapi_watcher, regress_ecapi_nobody;
