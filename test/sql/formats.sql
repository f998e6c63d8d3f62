-- What each format takes, as ecapi.formats() says.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;

\x on
SELECT * FROM ecapi.formats();
\x off

-- each format of a destination is there, once, and has what the manual shows of it
SELECT count(*) = count(DISTINCT format) AS once FROM ecapi.formats();
SELECT format FROM ecapi.formats()
WHERE what IS NULL OR NOT default_batch BETWEEN 1 AND max_batch OR max_bytes IS NULL OR outcomes IS NULL
    OR max_test_batch IS NULL = has_test_mode OR test_counts IS NULL = has_test_mode
    OR dedupe_key NOT IN ('id', 'properties.transaction_id');

-- who takes events for a platform says what they need, and what the credential is
SELECT format FROM ecapi.formats()
WHERE format NOT IN ('ecapi', 'webhook', 'pubsub', 'kafka') AND (identifiers IS NULL OR credentials IS NULL OR identifiers LIKE '%.');

-- a destination cannot be created without its options; an event may have its own data set
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT * FROM ecapi.formats() WHERE options <> '{}' AND options <> '{data_set_id}' LOOP
        BEGIN
            EXECUTE format('CREATE SERVER regress_formats FOREIGN DATA WRAPPER ecapi OPTIONS (format %L)', f.format);
            RAISE WARNING 'the format % needs no option', f.format;
        EXCEPTION WHEN OTHERS THEN
            IF NOT EXISTS (SELECT FROM unnest(f.options) o WHERE strpos(SQLERRM, split_part(o, ' ', 1)) > 0) THEN
                RAISE WARNING 'the format % wants something else: %', f.format, SQLERRM;
            END IF;
        END;
    END LOOP;
END
$$;

-- it is for those whom it is granted to
CREATE ROLE regress_ecapi_nobody;
SELECT has_function_privilege('regress_ecapi_nobody', 'ecapi.formats()', 'EXECUTE') AS nobody;
DROP ROLE regress_ecapi_nobody;
