--
-- ecapi.report() and ecapi.trace_report(): pages of HTML.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
SET TimeZone = 'UTC';
CREATE ROLE regress_report_monitor;
CREATE ROLE regress_report_other;
GRANT pg_monitor TO regress_report_monitor;
GRANT USAGE ON SCHEMA ecapi TO regress_report_other;

-- Whether a page is whole: of ASCII, closed, and with nothing that runs or is fetched.
CREATE FUNCTION report_is_sound(page text) RETURNS boolean LANGUAGE sql
RETURN page LIKE '<!DOCTYPE html>%</html>' AND octet_length(page) = length(page) AND page !~ '[^\n -~]'
    AND page !~* '<(script|iframe|img|link|object|embed|form)' AND page !~* '<[^>]* (on[a-z]+|src|style)='
    AND page !~ 'href="[^#]';

-- A span without anything in it.
CREATE TEMP TABLE page AS SELECT ecapi.report('2001-01-01', '2001-01-08') AS page;
SELECT report_is_sound(page), page LIKE '%<h1>Conversions, 1 Jan 2001 to 8 Jan 2001</h1>%' AS has_title,
    page LIKE '%No event was disposed of in this span.%' AS says_so FROM page;
SELECT m[1] AS section FROM page, regexp_matches(page, '<section id="([a-z]+)"', 'g') m WHERE m[1] NOT IN ('rows', 'predictions', 'match');

-- Arguments.
SELECT ecapi.report('2001-01-02', '2001-01-01');
SELECT ecapi.report('-infinity');
SELECT ecapi.report(until => 'infinity');
SELECT report_is_sound(ecapi.report(NULL, NULL, NULL)), report_is_sound(ecapi.report(reconcile => false)),
    report_is_sound(ecapi.report('0001-01-01', '9999-01-01'));

-- Pieces of spans.
SELECT d AS days, (SELECT count(*) FROM ecapi_internal.report_spans('2001-01-01', timestamptz '2001-01-01' + d * interval '1 day')) AS pieces,
    ecapi_internal.report_unit('2001-01-01', timestamptz '2001-01-01' + d * interval '1 day') AS unit
FROM unnest(ARRAY[1, 2, 3, 62, 63, 434, 435, 3653, 3720]) d;

-- The longest span there is, whatever the ledger has.
SELECT ecapi_internal.report_unit('4713-01-01 BC', '294276-12-31') AS unit,
    (SELECT count(*) <= 124 FROM ecapi_internal.report_spans('4713-01-01 BC', '294276-12-31')) AS bounded,
    report_is_sound(ecapi.report('4713-01-01 BC', '294276-12-31', false)) AS sound;
BEGIN;
DELETE FROM ecapi.ledger;
SELECT count(*) AS pieces FROM ecapi_internal.report_spans('4713-01-01 BC', '294276-12-31');
SELECT report_is_sound(ecapi.report('4713-01-01 BC', '294276-12-31', false)) AS sound;
INSERT INTO ecapi.ledger (hour, destination, event_type, currency, outcome, events, value)
VALUES ('1999-12-31 12:00+00', 'long', 'purchase', 'EUR', 'delivered', 1, 5), ('2001-01-01 12:00+00', 'long', 'purchase', 'EUR', 'delivered', 1, 5);
SELECT array_agg(extract(year FROM starts)) AS years FROM ecapi_internal.report_spans('4713-01-01 BC', '294276-12-31');
ROLLBACK;

-- Names and reasons are text, whatever is in them; currencies are not added up.
INSERT INTO ecapi.ledger (hour, destination, event_type, currency, outcome, reason, events, value) VALUES
    ('2001-02-01 10:00+00', '<script>alert("1")</script>', 'purchase', 'EUR', 'delivered', NULL, 12345, 67890.12),
    ('2001-02-02 10:00+00', '<script>alert("1")</script>', 'purchase', 'USD', 'delivered', NULL, 7, -3.5),
    ('2001-02-02 10:00+00', E'a\n''b"', 'purchase', 'EUR', 'failed', '</td><img src=x onerror=alert(1)>', 3, 1e30),
    ('2001-02-03 10:00+00', repeat('广', 21), 'purchase', 'EUR', 'filtered', E'\u202Eevil', 2, 0),
    ('2001-02-03 10:00+00', E'\u05E9\u05DC\u05D5\u05DD', 'purchase', NULL, 'given_up', 'the outbox was near ecapi.outbox_limit', 1, NULL);
INSERT INTO ecapi.failed_event (destination, state, reason, xid, event_id, event, status, answer, failed_at) VALUES
    ('<script>alert("1")</script>', 'dead', 'rejected by the receiver', '1', 'report-1', '{}', 400,
    '<html><body onload="alert(2)"><h1>400 Bad Request</h1>Invalid email ann@example.com of Ann Miller, Stuttgart</body></html>', '2001-02-03');
UPDATE page SET page = ecapi.report('2001-02-01', '2001-02-08');
SELECT report_is_sound(page), page LIKE '%&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;%' AS script,
    page LIKE '%a&#x240A;&#39;b&quot;%' AS newline, page LIKE '%' || repeat('&#x5E7F;', 21) || '%' AS chinese,
    page LIKE '%&#xFFFD;evil%' AS turned, page LIKE '%&#x5E9;&#x5DC;&#x5D5;&#x5DD;%' AS right_to_left FROM page;
SELECT page LIKE '%<data value="12345">12,345</data>%' AS events, page LIKE '%<data value="67890.12">67,890.12</data>%' AS eur,
    page LIKE '%<data value="-3.5">&#x2212;3.5</data>%' AS usd, page !~ '67,?886' AS not_added_up FROM page;
SELECT page LIKE '%400 Bad Request Invalid email &#x2026; of &#x2026;%' AS words, page ~ 'ann@|Miller|Stuttgart|onload' AS more FROM page;

-- Requests: percentiles as percentile_disc() has them, errors by what went wrong, whatever the
-- name is; what went wrong without a request is none of these.
INSERT INTO ecapi.request (request_id, sent_at, latency_ms, events, attempt, status, slot, server, destination, outcome, error, seqs)
SELECT 0, '2001-03-01 10:00+00'::timestamptz + n * interval '1 second', CASE WHEN n % 7 > 0 THEN (n * 7919 % 1000) / 8.0 END, n, n % 3, CASE WHEN n % 5 > 0 THEN 200 END, 0, 0,
    (ARRAY['<script>alert("1")</script>', E'a\n''b"', repeat('广', 21)])[1 + n % 3], CASE WHEN n % 5 = 0 THEN 'failed' ELSE 'delivered' END,
    CASE WHEN n % 5 = 0 THEN E'</td>HTTP "status"\n50' || n % 2 END, '{}'
FROM generate_series(1, 1000) n;
UPDATE page SET page = ecapi.report('2001-03-01', '2001-03-08');
SELECT report_is_sound(page), page LIKE '%&lt;/td&gt;HTTP &quot;status&quot;&#x240A;501%' AS error FROM page;

-- Figures of the rows of a table, under a caption.
CREATE FUNCTION report_figures(page text, caption text) RETURNS SETOF text LANGUAGE sql
BEGIN ATOMIC
    SELECT (SELECT string_agg(d[1], '|') FROM regexp_matches(r[1], '<data value="([^"]*)"', 'g') d)
    FROM regexp_matches(substring(page FROM '<caption>' || caption || '</caption>.*?</table>'), '<tr><th scope="row"(.*?)</tr>', 'g') r;
END;
SELECT ARRAY(SELECT report_figures(page, 'Times to the answer')) = (
    SELECT array_agg(concat_ws('|', n, events, p[1], p[2], p[3], longest) ORDER BY destination) FROM (
        SELECT destination, count(*) AS n, sum(events) AS events, max(latency_ms) AS longest,
            percentile_disc('{0.5,0.9,0.99}'::float8[]) WITHIN GROUP (ORDER BY latency_ms) AS p
        FROM ecapi.request WHERE sent_at BETWEEN '2001-03-01' AND '2001-03-08' AND latency_ms IS NOT NULL GROUP BY 1) q) AS percentiles
FROM page;
SELECT f AS errors FROM page, report_figures(page, 'Requests without success') WITH ORDINALITY f (f, n) ORDER BY n;

-- What a platform says of a request is shown by the words of a list, and what was delivered is
-- none without success, whatever was said of it.
INSERT INTO ecapi.request (request_id, sent_at, latency_ms, events, attempt, status, slot, server, destination, outcome, error, seqs)
VALUES (0, '2001-03-10 10:00+00', 1, 1, 1, 400, 0, 0, 'words', 'rejected', 'HTTP status 400: invalid parameter (code 100): Invalid last name Miller of Stuttgart', '{}'),
    (0, '2001-03-10 10:00+00', 1, 1, 1, 200, 0, 0, 'words', 'rejected', 'Invalid email ann@example.com', '{}'),
    (0, '2001-03-10 10:00+00', 1, 1, 1, 200, 0, 0, 'words', 'delivered', 'Invalid email bob@example.com', '{}'),
    (0, '2001-03-10 10:00+00', 1, 1, 1, NULL, 0, 0, 'words', 'failed', 'could not look up the host name: shop.example', '{}');
UPDATE page SET page = ecapi.report('2001-03-09', '2001-03-12');
SELECT regexp_replace(m[1], '<[^>]*>', ' ', 'g') AS without_success
FROM page, regexp_matches(substring(page FROM '<caption>Requests without success</caption>.*?</table>'), '<tr><th scope="row"[^>]*>(.*?)</tr>', 'g') m ORDER BY 1;
SELECT page ~ 'Miller|Stuttgart|ann@|bob@' AS personal FROM page;

-- The ledger's hours are those of UTC, and days begin when their clocks do.
BEGIN;
SET LOCAL timezone = 'Asia/Kolkata';
INSERT INTO ecapi.ledger (hour, destination, event_type, currency, outcome, events, value)
VALUES ('2002-01-31 18:00+00', 'half', 'purchase', 'EUR', 'delivered', 1, 5);
SELECT (SELECT events FROM ecapi_internal.report_outcomes('2002-02-01', '2002-02-02')) AS outcomes,
    (SELECT events FROM ecapi.consent_report('2002-02-01', '2002-02-02')) AS consent,
    (SELECT count(*) FROM ecapi_internal.report_values('2002-02-01', '2002-02-02') JOIN ecapi_internal.report_spans('2002-02-01', '2002-02-02') USING (starts)) AS in_a_piece;
SET LOCAL timezone = 'Africa/Cairo';
INSERT INTO ecapi.ledger (hour, destination, event_type, currency, outcome, events, value)
SELECT at, 'cairo', 'purchase', 'EUR', 'delivered', 1, 5 FROM generate_series('2026-04-20 10:00+00'::timestamptz, '2026-05-04 10:00+00', '1 day') at;
SELECT date '2026-04-24'::timestamptz AS has_no_midnight, count(*) AS days, count(s.starts) AS in_a_piece
FROM ecapi_internal.report_values('2026-04-20', '2026-05-05') v LEFT JOIN ecapi_internal.report_spans('2026-04-20', '2026-05-05') s USING (starts)
WHERE v.destination = 'cairo';
ROLLBACK;

-- Ten years: in months, with nothing lost.
INSERT INTO ecapi.ledger (hour, destination, event_type, currency, outcome, events, value)
SELECT at, 'decade', 'purchase', 'EUR', 'delivered', 1, 0.1 FROM generate_series('2001-01-01 12:00+00'::timestamptz, '2010-12-31 12:00+00', '1 day') at;
UPDATE page SET page = ecapi.report('2001-01-01', '2011-01-01');
SELECT report_is_sound(page), length(page) < 1000000 AS is_bounded FROM page;
SELECT count(*) AS months, sum(split_part(f, '|', 1)::bigint) AS events, sum(split_part(f, '|', 2)::numeric) AS value
FROM page, report_figures(regexp_replace(page, '<tr><th[^>]*><bdi>[^<]*</bdi></th>\n?<td class="text"><bdi>(?!decade)[^\n]*\n', '', 'g'), 'Value in EUR by month and destination') f;

-- Tables with such names, reconciled; what a row is about is not shown.
DO $$
DECLARE
    bad text;
BEGIN
    FOREACH bad IN ARRAY ARRAY[E'<script>"o''\n', repeat('广', 21)] LOOP
        EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY, total numeric, email text, at timestamptz)', bad);
        PERFORM ecapi.track(format('%I', bad)::regclass, 'purchase',
            '{"value": "total", "currency_code": "''EUR''", "timestamp": "at", "user_data.email_address": "email"}');
        EXECUTE format('INSERT INTO %I SELECT i, i, ''ann@example.com'', now() FROM generate_series(1, 3) i', bad);
    END LOOP;
END
$$;
UPDATE page SET page = ecapi.report(now() - interval '1 day', now() + interval '1 day', true);
SELECT report_is_sound(page), page ~ 'ann@' AS personal FROM page;
SELECT m[1] AS relation, regexp_replace(m[2], '<[^>]*>', ' ', 'g') AS reconciled
FROM page, regexp_matches(substring(page FROM '<caption>Tracks, reconciled</caption>.*?</table>'),
    '<bdi>public\.((?:&quot;&lt;script|&quot;&#x5E7F;)[^<]*)</bdi></th>([^\n]*)\n', 'g') m ORDER BY 1;
SELECT m[1] AS relation, m[2] AS committed
FROM page, regexp_matches(substring(page FROM '<caption>Committed events that the outbox still has</caption>.*?</table>'),
    '<bdi>public\.((?:&quot;&lt;script|&quot;&#x5E7F;)[^<]*)</bdi></th><td class="n"><data value="(\d+)"', 'g') m ORDER BY 1;
DO $$
BEGIN
    EXECUTE format('DROP TABLE %I, %I', E'<script>"o''\n', repeat('广', 21));
END
$$;

-- One event, and none.
SELECT ecapi_emit('login', id => '<b>report</b>');
SELECT report_is_sound(p), p LIKE '%Event &lt;b&gt;report&lt;/b&gt;%' AS title, p LIKE '%emitted%' AS emitted
FROM ecapi.trace_report('<b>report</b>') p;
SELECT report_is_sound(p), p LIKE '%not found%' AS not_found FROM ecapi.trace_report('report-none') p;
\set VERBOSITY terse
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT report_is_sound(ecapi.report());
SELECT ecapi.trace_report('report-none');
ROLLBACK;
\set VERBOSITY default

-- Roles that monitor make a report, and see no event by it.
SET ROLE regress_report_monitor;
SELECT length(ecapi.report('2001-02-01', '2001-02-08')) > 0 AS can_report;
SELECT ecapi.trace_report('report-none');
SELECT * FROM ecapi_internal.report_answers('2001-02-01', '2001-02-08');
SET ROLE regress_report_other;
SELECT ecapi.report();
RESET ROLE;
GRANT EXECUTE ON FUNCTION ecapi.trace_report TO regress_report_other;
SET ROLE regress_report_other;
SELECT length(ecapi.trace_report('report-none')) > 0 AS can_trace;
RESET ROLE;

-- SQL of a table's owner runs for that owner and for superusers who ask for all tracks, and
-- for no report of others: neither a function that is called for each row, nor one that the
-- planner folds, nor a policy.
CREATE SCHEMA aaa_report;
GRANT ALL ON SCHEMA aaa_report TO regress_report_other;
CREATE FUNCTION aaa_report.says(amount int) RETURNS int STABLE LANGUAGE plpgsql AS $$
BEGIN
    RAISE WARNING 'runs as %', current_user;
    RETURN amount;
END $$;
CREATE FUNCTION aaa_report.folds(amount int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    RAISE WARNING 'is folded as %', current_user;
    RETURN amount;
END $$;
CREATE TABLE aaa_report.plain (id int PRIMARY KEY, at timestamptz DEFAULT '2003-01-02');
CREATE TABLE aaa_report.calling (LIKE aaa_report.plain INCLUDING ALL);
CREATE TABLE aaa_report.folding (LIKE aaa_report.plain INCLUDING ALL);
CREATE TABLE aaa_report.hiding (LIKE aaa_report.plain INCLUDING ALL);
SET ecapi.capture = off;
INSERT INTO aaa_report.plain VALUES (1);
INSERT INTO aaa_report.calling VALUES (1);
INSERT INTO aaa_report.folding VALUES (1);
INSERT INTO aaa_report.hiding VALUES (1);
RESET ecapi.capture;
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY '{plain,calling,folding,hiding}'::text[] LOOP
        EXECUTE format('ALTER TABLE aaa_report.%I OWNER TO regress_report_other', t);
    END LOOP;
END $$;
SET client_min_messages = error;
SELECT count(ecapi.track('aaa_report.' || t, 'purchase', mapping => jsonb_build_object('timestamp', 'at', 'currency_code', '''EUR''', 'value', v)))
FROM (VALUES ('plain', 'id'), ('hiding', 'id'), ('calling', 'aaa_report.says(new.id)'), ('folding', 'aaa_report.folds(1)')) v (t, v);
ALTER TABLE aaa_report.hiding ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON aaa_report.hiding USING (aaa_report.says(id) > 0);
-- a superuser is under no policy
CREATE TABLE aaa_report.owned (LIKE aaa_report.plain INCLUDING ALL);
ALTER TABLE aaa_report.owned ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT count(ecapi.track('aaa_report.owned', 'purchase', mapping => '{"timestamp": "at", "currency_code": "''EUR''", "value": "id"}'));
RESET client_min_messages;
CREATE FUNCTION report_verdicts(page text) RETURNS TABLE (verdict text) LANGUAGE sql
BEGIN ATOMIC
    SELECT m[1] || ': ' || regexp_replace(regexp_replace(m[2], '^.*?</td><td class="text">(.*?)</td>.*$', '\1'), '<[^>]*>', '', 'g')
    FROM regexp_matches(page, '<bdi>aaa_report\.(\w+?)</bdi></th>(.*?)</tr>', 'g') m ORDER BY 1;
END;
\c -
SET ROLE regress_report_monitor;
SELECT count(*) FROM report_verdicts(ecapi.report('2003-01-01', '2003-01-08')) WHERE verdict ~ 'not looked at';
SELECT split_part(verdict, ':', 1) AS of_table, verdict !~ 'not looked at' AS looked_at FROM report_verdicts(ecapi.report('2003-01-01', '2003-01-08', true));
RESET ROLE;
SELECT count(*) FROM report_verdicts(ecapi.report('2003-01-01', '2003-01-08')) WHERE verdict ~ 'not looked at';
GRANT EXECUTE ON FUNCTION ecapi.report TO regress_report_other;
SET ROLE regress_report_other;
SELECT split_part(verdict, ':', 1) AS of_table, verdict !~ 'not looked at' AS looked_at FROM report_verdicts(ecapi.report('2003-01-01', '2003-01-08', true));
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA aaa_report CASCADE;
RESET client_min_messages;

DELETE FROM ecapi.ledger WHERE hour < '2011-01-01';
DELETE FROM ecapi.request WHERE sent_at < '2002-01-01';
DELETE FROM ecapi.failed_event WHERE event_id = 'report-1';
DROP FUNCTION report_is_sound, report_figures, report_verdicts;
DROP OWNED BY regress_report_monitor, regress_report_other;
DROP ROLE regress_report_monitor, regress_report_other;
