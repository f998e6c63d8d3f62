-- documents.sql - documents of many shapes and sizes, and what they cost to
-- capture; for documents.sh.

CREATE SCHEMA documents;

-- Two tables that differ in the track alone.
CREATE TABLE documents.plain (id bigint PRIMARY KEY, broken numeric, sent jsonb, raw json, beside jsonb);
-- compression would be most of what is measured
ALTER TABLE documents.plain ALTER sent SET STORAGE EXTERNAL, ALTER raw SET STORAGE EXTERNAL, ALTER beside SET STORAGE EXTERNAL;
CREATE TABLE documents.tracked (LIKE documents.plain INCLUDING ALL);
SELECT ecapi.track('documents.tracked', 'login', mapping => '{"*": "sent", "ext.raw": "raw", "value": "broken"}');

-- A JSON text of that shape, of about that many bytes.
CREATE FUNCTION documents.text_of(shape text, bytes int) RETURNS text LANGUAGE sql AS $$
    SELECT CASE shape
        WHEN 'long strings' THEN (SELECT '{"ext": {"s": [' || string_agg('"' || repeat('x', 1000) || '"', ',') || ']}}' FROM generate_series(1, bytes / 1003) n)
        WHEN 'members' THEN (SELECT '{"ext": {' || string_agg(format('"k%s":%s', n, n), ',') || '}}' FROM generate_series(1, bytes / 13) n)
        WHEN 'unknown members' THEN (SELECT '{' || string_agg(format('"k%s":%s', n, n), ',') || '}' FROM generate_series(1, bytes / 13) n)
        WHEN 'unknown below' THEN (SELECT '{"user_data": {' || string_agg(format('"k%s":%s', n, n), ',') || '}}' FROM generate_series(1, bytes / 13) n)
        WHEN 'deep' THEN (SELECT '{"ext": {"d": [' || string_agg(repeat('[', 25) || repeat(']', 25), ',') || ']}}' FROM generate_series(1, bytes / 51) n)
        WHEN 'too deep' THEN (SELECT '{"ext": {"d": [' || string_agg(repeat('[', 100) || repeat(']', 100), ',') || ']}}' FROM generate_series(1, bytes / 201) n)
        WHEN 'numbers' THEN (SELECT '{"ext": {"n": [' || string_agg('123.45', ',') || ']}}' FROM generate_series(1, bytes / 7) n)
        WHEN 'exponents' THEN (SELECT '{"ext": {"n": [' || string_agg('1e-16383', ',') || ']}}' FROM generate_series(1, bytes / 9) n)
        WHEN 'escapes' THEN (SELECT '{"ext": {"s": [' || string_agg('"\n\t\"\\"', ',') || ']}}' FROM generate_series(1, bytes / 11) n)
        WHEN 'duplicates' THEN (SELECT '{' || string_agg(format('"k%s":%s', n % 100, n), ',') || '}' FROM generate_series(1, bytes / 11) n)
        WHEN 'bad escapes' THEN (SELECT '{"s": [' || string_agg('"\ud800"', ',') || ']}' FROM generate_series(1, bytes / 9) n)
        WHEN 'items' THEN (SELECT '{"properties": {"items": [' || string_agg(format('{"id": %s, "price": 9.99, "colour": 1}', n), ',') || ']}}' FROM generate_series(1, bytes / 40) n)
        WHEN 'segments' THEN (SELECT '{"user_data": {"customer_segments": [' || string_agg(format('"%s"', n % 990), ',') || ']}}' FROM generate_series(1, least(bytes / 6, 1000)) n)
    END $$;

-- shape, and which column it goes to; beside: of a row that is set aside
CREATE TABLE documents.shape AS
    SELECT s.shape, c.goes, b.bytes, documents.text_of(s.shape, b.bytes) AS given
    FROM (VALUES ('long strings'), ('members'), ('unknown members'), ('unknown below'), ('deep'), ('too deep'), ('numbers'), ('exponents'),
            ('escapes'), ('duplicates'), ('bad escapes'), ('items'), ('segments')) s (shape)
    JOIN (VALUES ('sent'), ('raw'), ('beside')) c (goes) ON CASE s.shape WHEN 'duplicates' THEN c.goes = 'raw' WHEN 'bad escapes' THEN c.goes = 'raw'
            WHEN 'exponents' THEN c.goes <> 'raw' WHEN 'members' THEN true ELSE c.goes = 'sent' END
    CROSS JOIN (VALUES (4000), (30000), (120000)) b (bytes);

-- Nanoseconds on a processor, of this process.
CREATE FUNCTION documents.cpu() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT split_part(pg_catalog.pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint $$;

CREATE TABLE documents.measured (shape text, goes text, bytes int, given int, round int, ns_per_kb numeric);

-- Capture each document so often that total bytes go through, beside the same
-- into the plain table; by turns.
CREATE PROCEDURE documents.measure(rounds int, total int) LANGUAGE plpgsql AS $$
DECLARE
    s record;
    began bigint;
    between bigint;
    rows int;
    statement text;
BEGIN
    SET client_min_messages = error;
    FOR r IN 0 .. rounds LOOP           -- the first one warms up
        FOR s IN SELECT *, octet_length(sh.given) AS size FROM documents.shape sh ORDER BY sh.shape, sh.goes, sh.bytes LOOP
            rows := greatest(total / s.size, 2);
            statement := format('INSERT INTO documents.%%I (id, broken, %I) SELECT n, %s, $1::%s FROM generate_series(1, %s) n',
                s.goes, CASE s.goes WHEN 'beside' THEN '''NaN''' ELSE 'NULL' END, CASE s.goes WHEN 'raw' THEN 'json' ELSE 'jsonb' END, rows);
            began := documents.cpu();
            EXECUTE format(statement, 'plain') USING s.given;
            between := documents.cpu();
            EXECUTE format(statement, 'tracked') USING s.given;
            IF r > 0 THEN
                INSERT INTO documents.measured VALUES (s.shape, s.goes, s.bytes, s.size, r,
                    (documents.cpu() - between - (between - began)) / (rows * s.size / 1000.0));
            END IF;
            DELETE FROM ecapi.failed_event;
            TRUNCATE documents.plain, documents.tracked;
            COMMIT;
        END LOOP;
    END LOOP;
END $$;
